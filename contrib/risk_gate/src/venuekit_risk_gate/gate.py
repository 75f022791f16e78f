"""The gate: one order against the limits."""

from collections import deque
from collections.abc import Callable
from decimal import Context, Decimal, Inexact
from typing import Final

import venuekit.plugin as vk
from venuekit.model import Instrument, OrderRequest, Side, plain
from venuekit_risk_gate.ledger import Ledger
from venuekit_risk_gate.limits import Limits, SymbolLimits
from venuekit_risk_gate.refusals import Refusal, RefusalKind

_MINUTE_S: Final = 60.0
_NO_LIMITS: Final = SymbolLimits()
# Every digit counts: a notional that was rounded down could pass a limit that it breaks.
_EXACT: Final = Context(prec=200, traps=[Inexact])


class RiskGate:
    """Judges every order before it is journalled, each leg of a batch, and amendments.

    What passes is counted, also if another guard or the exchange then refuses it, or it is
    canceled: the limits are on what may have happened.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        ledger: Ledger | None = None,
        time_s: Callable[[], float],
        day: Callable[[], str],
    ) -> None:
        """Judge by `limits`.

        Args:
            limits: What is let through; none at all lets nothing through.
            ledger: Where notionals by day are kept; needed if the limits are daily.
            time_s: A clock in seconds that never goes back.
            day: The name of the day, in UTC.

        Raises:
            ValueError: Daily limits without a ledger.
        """
        if limits.is_daily and ledger is None:
            msg = "limits by day need a ledger"
            raise ValueError(msg)
        self._limits = limits
        self._ledger = ledger
        self._time_s = time_s
        self._day = day
        self._passed: dict[str, deque[float]] = {}

    @vk.hookimpl
    def venuekit_veto_order(
        self, exchange: str, account: str, request: OrderRequest, instrument: Instrument
    ) -> str | None:
        """Give why an order is refused, or None."""
        refusal = self.judge(f"{exchange}/{account}", request, instrument)
        return None if refusal is None else str(refusal)

    def judge(self, account: str, request: OrderRequest, instrument: Instrument) -> Refusal | None:
        """Say why an order of an account is refused; None, and it is counted, if it is not."""
        limits = self._limits
        if not limits.is_set:
            text = "no limit is set in [plugins.settings.risk-gate] of venuekit.toml"
            return Refusal(RefusalKind.UNLIMITED, text)
        own = limits.symbols.get(request.symbol, _NO_LIMITS)
        notional: Decimal | None = None
        if own.max_quantity is not None:
            refusal = _too_many(request, own.max_quantity)
            if refusal is not None:
                return refusal
        if limits.max_notional is not None or limits.is_daily or own.max_notional is not None:
            told = notional_of(request, own.reference_price)
            if isinstance(told, Refusal):
                return told
            notional = told
            refusal = self._too_large(notional, own, request, instrument)
            if refusal is not None:
                return refusal
        passed, now = self._passed.setdefault(account, deque()), self._time_s()
        refusal = self._too_often(passed, now)
        if refusal is None and notional is not None:
            refusal = self._too_much_today(account, notional, own, request, instrument)
        if refusal is None and limits.orders_per_minute is not None:
            passed.append(now)
        return refusal

    def _too_large(
        self, notional: Decimal, own: SymbolLimits, request: OrderRequest, instrument: Instrument
    ) -> Refusal | None:
        limits = []
        if self._limits.max_notional is not None:
            of_asset = self._limits.max_notional.get(instrument.quote)
            if of_asset is None:
                return _no_limit("max_notional", instrument)
            limits.append((of_asset, "in one order"))
        if own.max_notional is not None:
            limits.append((own.max_notional, f"in one order on {request.symbol}"))
        for limit, words in limits:
            if notional > limit:
                text = f"{plain(notional)} {instrument.quote}; at most {plain(limit)} {words}"
                return Refusal(RefusalKind.NOTIONAL, text)
        return None

    def _too_often(self, passed: deque[float], now: float) -> Refusal | None:
        most = self._limits.orders_per_minute
        if most is None:
            return None
        while passed and now - passed[0] >= _MINUTE_S:
            passed.popleft()
        if len(passed) < most:
            return None
        again_s = _MINUTE_S - (now - passed[0])
        text = f"{most} orders in the last minute; the next may go in {again_s:.1f} s"
        return Refusal(RefusalKind.RATE, text)

    def _too_much_today(
        self,
        account: str,
        notional: Decimal,
        own: SymbolLimits,
        request: OrderRequest,
        instrument: Instrument,
    ) -> Refusal | None:
        limits: dict[str, Decimal] = {}
        if self._limits.max_notional_per_day is not None:
            of_asset = self._limits.max_notional_per_day.get(instrument.quote)
            if of_asset is None:
                return _no_limit("max_notional_per_day", instrument)
            limits[instrument.quote] = of_asset
        if own.max_notional_per_day is not None:
            limits[str(request.symbol)] = own.max_notional_per_day
        if not limits or self._ledger is None:
            return None
        try:
            passed = self._ledger.spend(self._day(), account, notional, limits)
        except OSError as error:
            return Refusal(RefusalKind.LEDGER, f"what was spent today cannot be kept: {error}")
        if passed is None:
            return None
        what, left = passed
        text = f"{plain(notional)} {instrument.quote}; {plain(left)} of the day's"
        return Refusal(RefusalKind.DAY, f"{text} {plain(limits[what])} for {what} is left")


def notional_of(request: OrderRequest, reference: Decimal | None) -> Decimal | Refusal:
    """Give what an order may trade in the quote asset, exactly.

    A buy costs no more than its limit price says; without one it is taken at the higher of
    reference and stop price. A sell may bring more than its limit price, and is taken at the
    highest price that is known.
    """
    if request.quote_quantity is not None:
        return request.quote_quantity
    if request.quantity is None:
        return Refusal(RefusalKind.NO_QUANTITY, "it names no quantity")
    prices = [price for price in (request.price, request.stop_price) if price is not None]
    if request.price is not None and request.side is Side.BUY:
        prices = [request.price]
    elif reference is not None:
        prices.append(reference)
    elif request.price is None:
        text = (
            f"a {request.type.value} order names no price to count it by; set reference_price in "
            f'[plugins.settings.risk-gate.symbols."{request.symbol}"], or place a limit order'
        )
        return Refusal(RefusalKind.NO_PRICE, text)
    return _EXACT.multiply(request.quantity, max(prices))


def _too_many(request: OrderRequest, most: Decimal) -> Refusal | None:
    if request.quantity is None:
        text = f"it names no quantity in the base asset, of which {plain(most)} is the most"
        return Refusal(RefusalKind.NO_QUANTITY, text)
    if request.quantity > most:
        text = f"{plain(request.quantity)}; at most {plain(most)} in one order on {request.symbol}"
        return Refusal(RefusalKind.QUANTITY, text)
    return None


def _no_limit(key: str, instrument: Instrument) -> Refusal:
    text = f"{key} names no limit for {instrument.quote}, so that nothing in it is let through"
    return Refusal(RefusalKind.NO_LIMIT, text)
