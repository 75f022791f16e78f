"""The listing: spot products, and the clock.

Source: Coinbase Advanced Trade API reference, "List Public Products", "Get Server Time", 2026.
"""

import re
from collections.abc import Generator
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
    ServiceState,
    Symbol,
)
from venuekit.plugin import Answer, Call, ExchangeInfo, Listing
from venuekit_coinbase.calls import answer_as, public, value_as
from venuekit_coinbase.figures import amount
from venuekit_coinbase.order_fields import QUOTE_STEP

ALIAS: Final = "alias"
"""Name in `Instrument.limits` of the product whose book this one shares."""
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,20}-[A-Za-z0-9]{1,20}", re.ASCII)
_MOST_PAGES: Final = 100
_TYPES: Final = frozenset(
    kind.value
    for kind in (
        OrderType.LIMIT,
        OrderType.MARKET,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    )
)
_FEATURES: Final = frozenset({"quote_quantity", "amend"})


class _Product(msgspec.Struct, kw_only=True):
    product_id: str
    base_increment: str
    quote_increment: str
    base_min_size: str
    base_max_size: str
    quote_min_size: str
    quote_max_size: str
    base_currency_id: str = ""
    quote_currency_id: str = ""
    price_increment: str = ""
    status: str = ""
    product_type: str = "SPOT"
    alias: str = ""
    is_disabled: bool = False
    cancel_only: bool = False
    trading_disabled: bool = False
    auction_mode: bool = False
    view_only: bool = False


class ProductPage(msgspec.Struct):
    """Products of one page, each still to be read, and how many there are in all."""

    products: list[dict[str, Any]]
    num_products: int = 0


class _Time(msgspec.Struct):
    epochMillis: str  # noqa: N815  # the wire's name


class Listings(ExchangeInfo):
    """Knows clock and listing of Coinbase Advanced Trade."""

    def fetch_time(self) -> Call[int]:
        """Ask for the exchange's clock, in nanoseconds since the epoch."""
        return public("fetch time", "/time", (), _read_time)

    def fetch_status(self) -> Call[ExchangeStatus]:
        """Ask whether the exchange answers: it says no more of itself than its time."""
        return public("fetch status", "/time", (), _read_status)

    def fetch_listing(self) -> Generator[Call[Any], Any, Listing]:
        """Ask for all spot products; what cannot be understood stands in `skipped`.

        Raises:
            ValueError: The list does not end.
        """
        rows: dict[str, dict[str, Any]] = {}
        for _ in range(_MOST_PAGES):
            before = len(rows)
            offset = (("offset", str(before)),) if before else ()
            page: ProductPage = yield public(
                "fetch instruments",
                "/market/products",
                (("product_type", "SPOT"), *offset),
                _read_page,
            )
            rows |= {str(row.get("product_id")): row for row in page.products}
            if len(rows) == before or len(rows) >= page.num_products:
                break
        else:
            msg = f"more than {_MOST_PAGES} pages of products"
            raise ValueError(msg)
        return _listing(rows)


def _read_time(answer: Answer) -> int:
    text = answer_as(answer, _Time).epochMillis
    return int(amount(text)) * 1_000_000


def _read_status(answer: Answer) -> ExchangeStatus:
    _read_time(answer)  # an answer without a time is none
    return ExchangeStatus(state=ServiceState.ONLINE)


def _read_page(answer: Answer) -> ProductPage:
    return answer_as(answer, ProductPage)


def _listing(rows: dict[str, dict[str, Any]]) -> Listing:
    found: dict[str, Instrument] = {}
    skipped: dict[str, str] = {}
    for name, raw in rows.items():
        try:
            instrument = _instrument(value_as(raw, _Product))
        except ValueError as error:
            skipped[name] = str(error)
            continue
        if instrument.symbol in found:
            skipped[name] = f"another product is {instrument.symbol} already"
        else:
            found[instrument.symbol] = instrument
    return Listing(instruments=Instruments(found.values()), skipped=skipped)


def _instrument(product: _Product) -> Instrument:
    if product.product_type != "SPOT":
        msg = f"a product of type {product.product_type[:40]!r}"
        raise ValueError(msg)
    if _NAME.fullmatch(product.product_id) is None:
        msg = f"product id {product.product_id[:40]!r}"
        raise ValueError(msg)
    # Not the currency ids: for an alias they may name the assets of the book that it shares.
    base, _, quote = product.product_id.partition("-")
    tick = amount(product.price_increment or product.quote_increment)
    limits = {QUOTE_STEP: product.quote_increment}
    if product.alias:
        limits[ALIAS] = product.alias
    return Instrument(
        symbol=Symbol(f"{base}/{quote}"),
        native=product.product_id,
        base=base,
        quote=quote,
        status=_status(product),
        price=Grid(step=_step(tick)),
        quantity=Grid(
            step=_step(amount(product.base_increment)),
            minimum=amount(product.base_min_size),
            maximum=amount(product.base_max_size),
        ),
        notional=NotionalRule(
            minimum=amount(product.quote_min_size),
            maximum=amount(product.quote_max_size),
            minimum_for_market=True,
        ),
        order_types=_TYPES,
        features=_FEATURES,
        limits=limits,
    )


def _step(step: Decimal) -> Decimal:
    if not step:
        msg = "an increment of zero"
        raise ValueError(msg)
    return step


def _status(product: _Product) -> InstrumentStatus:
    if product.status == "delisted" or product.is_disabled or product.view_only:
        return InstrumentStatus.UNAVAILABLE
    if product.status not in {"", "online"} or product.trading_disabled:
        return InstrumentStatus.HALTED
    if product.cancel_only:
        return InstrumentStatus.CANCEL_ONLY
    # `limit_only` and `post_only` take orders of some kinds; the exchange judges which.
    return InstrumentStatus.HALTED if product.auction_mode else InstrumentStatus.TRADING
