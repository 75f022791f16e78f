"""The listing: spot products, and the clock.

Source: Coinbase Exchange API reference, "Get all known trading pairs", "Get server time", 2026.
"""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import (
    ExchangeStatus,
    Grid,
    Instrument,
    Instruments,
    InstrumentStatus,
    NotionalRule,
    OrderType,
    SelfTradePrevention,
    ServiceState,
    Symbol,
)
from venuekit.plugin import Answer, Call, ExchangeInfo, Listing, read_json
from venuekit_coinbase.calls import value_as
from venuekit_coinbase.exchange.calls import public
from venuekit_coinbase.figures import amount
from venuekit_coinbase.order_fields import QUOTE_STEP

_NAME: Final = re.compile(r"[A-Za-z0-9]{1,20}-[A-Za-z0-9]{1,20}", re.ASCII)
_TYPES: Final = frozenset(
    kind.value
    for kind in (
        OrderType.LIMIT,
        OrderType.MARKET,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    )
)
_FEATURES: Final = frozenset({"quote_quantity", "iceberg"})
_PREVENTIONS: Final = frozenset(
    mode.value
    for mode in (
        SelfTradePrevention.DECREMENT,
        SelfTradePrevention.EXPIRE_MAKER,
        SelfTradePrevention.EXPIRE_TAKER,
        SelfTradePrevention.EXPIRE_BOTH,
    )
)
_MOST_OPEN: Final = 500
"""Of a product and a profile."""


class Product(msgspec.Struct, kw_only=True):
    """A product as queries and the channel `status` describe it."""

    id: str
    base_increment: str
    quote_increment: str
    base_currency: str = ""
    quote_currency: str = ""
    min_market_funds: str | None = None
    status: str = ""
    cancel_only: bool = False
    trading_disabled: bool = False
    auction_mode: bool = False


class Listings(ExchangeInfo):
    """Knows clock and listing of Coinbase Exchange."""

    def fetch_time(self) -> Call[int]:
        """Ask for the exchange's clock, in nanoseconds since the epoch."""
        return public("fetch time", "/time", (), _read_time)

    def fetch_status(self) -> Call[ExchangeStatus]:
        """Ask whether the exchange answers: it says no more of itself than its time."""
        return public("fetch status", "/time", (), _read_status)

    def fetch_listing(self) -> Call[Listing]:
        """Ask for all products; what cannot be understood stands in `skipped`."""
        return public("fetch instruments", "/products", (), _read_listing)


def _read_time(answer: Answer) -> int:
    body = read_json(answer.body)
    if not isinstance(body, dict) or "epoch" not in body:
        msg = "an answer without the time"
        raise ValueError(msg)
    return int(amount(body["epoch"]) * 1_000_000_000)


def _read_status(answer: Answer) -> ExchangeStatus:
    _read_time(answer)  # an answer without a time is none
    return ExchangeStatus(state=ServiceState.ONLINE)


def _read_listing(answer: Answer) -> Listing:
    rows = read_json(answer.body)
    if not isinstance(rows, list):
        msg = "a listing that is no list"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
    return listing_of(rows)


def listing_of(rows: list[Any]) -> Listing:
    """Read products, each for itself."""
    found: dict[str, Instrument] = {}
    skipped: dict[str, str] = {}
    for raw in rows:
        name = str(raw.get("id")) if isinstance(raw, dict) else str(raw)[:40]
        try:
            instrument = _instrument(value_as(raw, Product))
        except ValueError as error:
            skipped[name] = str(error)
            continue
        if instrument.symbol in found:
            skipped[name] = f"another product is {instrument.symbol} already"
        else:
            found[instrument.symbol] = instrument
    return Listing(instruments=Instruments(found.values()), skipped=skipped)


def _instrument(product: Product) -> Instrument:
    if _NAME.fullmatch(product.id) is None:
        msg = f"product id {product.id[:40]!r}"
        raise ValueError(msg)
    base, _, quote = product.id.partition("-")
    return Instrument(
        symbol=Symbol(f"{base}/{quote}"),
        native=product.id,
        base=base,
        quote=quote,
        status=_status(product),
        price=Grid(step=_step(amount(product.quote_increment))),
        quantity=Grid(step=_step(amount(product.base_increment))),
        notional=NotionalRule(
            minimum=amount(product.min_market_funds or "0"), minimum_for_market=True
        ),
        order_types=_TYPES,
        features=_FEATURES,
        self_trade_preventions=_PREVENTIONS,
        limits={QUOTE_STEP: product.quote_increment},
        max_open_orders=_MOST_OPEN,
    )


def _step(step: Decimal) -> Decimal:
    if not step:
        msg = "an increment of zero"
        raise ValueError(msg)
    return step


def _status(product: Product) -> InstrumentStatus:
    if product.status == "delisted":
        return InstrumentStatus.UNAVAILABLE
    if product.status not in {"", "online"} or product.trading_disabled:
        return InstrumentStatus.HALTED
    if product.cancel_only:
        return InstrumentStatus.CANCEL_ONLY
    # `limit_only` and `post_only` take orders of some kinds; the exchange judges which.
    return InstrumentStatus.HALTED if product.auction_mode else InstrumentStatus.TRADING
