"""What orders hold, pay and receive.

The matching engine locks what an order trades with. Commissions are paid in the quote asset, on
top of what a purchase costs, so a purchase holds both; the engine knows no commission. An order
under another name of its book (BTC-USDC for BTC-USD) pays and receives the quote asset of that
name, which is exchanged one for one as it goes in and out.
Source: Coinbase "FAQ" (USDC books) and "Get Transaction Summary", 2026-06.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

import attrs

from venuekit.sim.accounts import FeeRates
from venuekit.sim.engine import Engine
from venuekit.sim.money import ROUNDED, exact
from venuekit.sim.orders import Fill, Side
from venuekit_coinbase.sim.configurations import Draft
from venuekit_coinbase.sim.records import OrderRecord

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_UNIT: Final = Decimal("0.00000001")
RATES: Final = FeeRates(maker="0.0040", taker="0.0060")
FEE_ACCOUNT: Final = "fees"


@attrs.frozen
class Need:
    """What an order takes from the account, and what of it the matching engine gets."""

    total: Decimal
    traded: Decimal


class Purse:
    """Moves money for orders; what one account loses, others gain."""

    def __init__(self, engine: Engine, worth: Callable[[str, Decimal, Side], Decimal]) -> None:
        """Begin.

        Args:
            engine: Where balances are.
            worth: Gives what buying a base size from a book costs now.
        """
        self._engine = engine
        self._worth = worth

    def available(self, account: str, asset: str) -> Decimal:
        """Give what is free of an asset."""
        balance = self._engine.balances(account).get(asset)
        return _ZERO if balance is None else balance.free

    @exact
    def need(self, draft: Draft, filled: Decimal = _ZERO) -> Need:
        """Give what has to be held for the part of an order that is not filled."""
        if draft.side is Side.SELL:
            assert draft.base_size is not None
            size = draft.base_size - filled
            return Need(size, size)
        rate = rate_of(draft)
        if draft.base_size is None:
            assert draft.quote_size is not None
            # The quote size of a market order includes its commission.
            bare = ROUNDED.divide(draft.quote_size, _ONE + rate)
            traded = bare.quantize(_UNIT, rounding=ROUND_DOWN, context=ROUNDED)
            return Need(draft.quote_size, traded)
        if draft.limit_price is None:
            traded = self._worth(draft.listing.spec.product_id, draft.base_size, draft.side)
        else:
            traded = draft.highest_price * (draft.base_size - filled)
        return Need(traded * (_ONE + rate), traded)

    def take(self, record: OrderRecord, now_ns: int) -> None:
        """Hold what an accepted order needs until it reaches the book, if there is enough."""
        total = self.need(record.draft).total
        if self.available(record.account, record.draft.pays_with) >= total:
            self._engine.withdraw(record.account, record.draft.pays_with, total, now_ns)
            record.escrow = total

    @exact
    def lodge(self, record: OrderRecord, now_ns: int) -> None:
        """Bring what an order needs to where the engine locks it.

        Raises:
            Rejection: INSUFFICIENT_BALANCE.
        """
        draft, account = record.draft, record.account
        if draft.side is Side.SELL:
            return
        need = self.need(draft, record.filled)
        self._engine.withdraw(account, draft.pays_with, need.total, now_ns)
        self._engine.deposit(account, draft.listing.spec.quote, need.traded, now_ns)
        record.escrow, record.lodged = need.total - need.traded, need.traded

    @exact
    def release(self, record: OrderRecord, now_ns: int, *, keep: Decimal = _ZERO) -> None:
        """Give back what an order holds and does not need.

        Args:
            record: Whose legs the engine does not have, or has with `keep` locked.
            now_ns: When.
            keep: What of a purchase is still to be traded.
        """
        draft, account = record.draft, record.account
        excess = record.lodged - keep
        if excess > _ZERO:
            if draft.listing.is_alias:
                self._engine.withdraw(account, draft.listing.spec.quote, excess, now_ns)
                self._engine.deposit(account, draft.pays_with, excess, now_ns)
            record.lodged = keep
        spare = record.escrow - keep * rate_of(draft)
        if spare > _ZERO:
            self._engine.deposit(account, draft.pays_with, spare, now_ns)
            record.escrow -= spare

    @exact
    def settle(self, record: OrderRecord, fill: Fill, now_ns: int) -> Decimal:
        """Book one fill, and give its commission."""
        rate = RATES.maker if fill.is_maker else RATES.taker
        value, commission = fill.quote_quantity, fill.quote_quantity * rate
        if record.draft.side is Side.BUY:
            record.lodged -= value
            commission = self._pay(record, commission, now_ns)
        else:
            listing = record.draft.listing
            self._engine.withdraw(record.account, listing.spec.quote, value, now_ns)
            self._engine.deposit(record.account, listing.quote, value - commission, now_ns)
        if commission:
            self._engine.deposit(FEE_ACCOUNT, record.draft.listing.quote, commission, now_ns)
        return commission

    def _pay(self, record: OrderRecord, commission: Decimal, now_ns: int) -> Decimal:
        """Take a purchase's commission from what was held for it, or else from the account."""
        from_escrow = min(commission, record.escrow)
        record.escrow -= from_escrow
        rest = commission - from_escrow
        if rest:
            asset = record.draft.pays_with
            rest = min(rest, self.available(record.account, asset))
            self._engine.withdraw(record.account, asset, rest, now_ns)
        return from_escrow + rest


def rate_of(draft: Draft) -> Decimal:
    """Give the rate of the commission that is held for an order."""
    return RATES.maker if draft.post_only else RATES.taker


@exact
def funds_of(record: OrderRecord) -> Decimal:
    """Give what an open order holds of the asset that it pays with."""
    if record.status.is_terminal:
        return _ZERO
    is_sale = record.draft.side is Side.SELL
    return record.leaves if is_sale else record.escrow + record.lodged


@exact
def holds_of(records: Iterable[OrderRecord]) -> Mapping[str, Decimal]:
    """Give by asset what orders hold besides what the engine has locked under that name."""
    extra: dict[str, Decimal] = {}
    for record in records:
        if record.status.is_terminal:
            continue
        own = record.draft.pays_with
        extra[own] = extra.get(own, _ZERO) + record.escrow
        if record.draft.listing.is_alias and record.lodged:
            book = record.draft.listing.spec.quote
            extra[own] += record.lodged
            extra[book] = extra.get(book, _ZERO) - record.lodged
    return extra
