"""Frames of the channel `instrument`: the listing and its changes.

They say what is traded and by which steps, but not the names that REST gives a pair: those stay
as the listing has them. A pair that is newer than the listing goes by its symbol until the listing
is fetched again.
Source: Kraken API Center, websocket-v2 "Instruments", June 2026.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from venuekit.model import (
    Grid,
    Instrument,
    Instruments,
    InstrumentsEvent,
    InstrumentStatus,
    NotionalRule,
    Symbol,
)
from venuekit.plugin import FrameEvent, Published
from venuekit_kraken.calls import value_as
from venuekit_kraken.figures import amount
from venuekit_kraken.instruments import FEATURES, MOST_DECIMALS, PREVENTIONS, STATUSES, TYPES
from venuekit_kraken.naming import PRICE_DECIMALS, QUANTITY_DECIMALS, PairNames, common_name

LISTING: Final = "instrument"


class _Pair(msgspec.Struct):
    symbol: str
    base: str
    quote: str
    status: str
    price_precision: int
    price_increment: Any
    qty_precision: int
    qty_increment: Any
    qty_min: Any
    cost_min: Any


class _Listing(msgspec.Struct):
    pairs: list[Any] = []


def listing_key(symbol: str | None) -> str:
    """Name the listing, or one instrument's part of it, as `Published.key` will."""
    return LISTING if symbol is None else f"{LISTING} {symbol}"


def read_listing(
    data: Any, kind: str, listed: Instruments, names: PairNames
) -> Iterable[FrameEvent]:
    """Say what a frame means: once for all instruments, and once for each that it concerns.

    Pairs that are not in the listing and cannot be understood are left out, as they are there.

    Raises:
        ValueError: A pair of the listing cannot be understood.
    """
    is_snapshot = kind == "snapshot"
    found: dict[str, Instrument] = {}
    for raw in value_as(data, _Listing).pairs:
        instrument = _told(raw, names)
        if instrument is not None:
            found.setdefault(instrument.symbol, instrument)
    if found or is_snapshot:
        yield _published(None, tuple(found.values()), is_snapshot=is_snapshot)
    for symbol, instrument in found.items():
        yield _published(symbol, (instrument,), is_snapshot=is_snapshot)
    if is_snapshot:
        for symbol in listed:
            if symbol not in found:
                yield _published(symbol, (), is_snapshot=True)


def _published(
    symbol: str | None, instruments: Sequence[Instrument], *, is_snapshot: bool
) -> Published:
    # The frames carry no time.
    event = InstrumentsEvent(instruments=instruments, is_snapshot=is_snapshot, time_ns=None)
    return Published(key=listing_key(symbol), event=event)


def _told(raw: Any, names: PairNames) -> Instrument | None:
    name = raw.get("symbol") if isinstance(raw, dict) else None
    known = names.of(name) if isinstance(name, str) and names.knows(name) else None
    try:
        pair = value_as(raw, _Pair)
        return _updated(_new(pair) if known is None else known, pair)
    except ValueError as error:
        if known is None:
            return None
        msg = f"{known.symbol}: {error}"
        raise ValueError(msg) from None


def _updated(known: Instrument, pair: _Pair) -> Instrument:
    for decimals in (pair.price_precision, pair.qty_precision):
        if not 0 <= decimals <= MOST_DECIMALS:
            msg = f"{decimals} decimals"
            raise ValueError(msg)
    return attrs.evolve(
        known,
        status=STATUSES.get(pair.status, InstrumentStatus.UNAVAILABLE),
        price=Grid(step=amount(pair.price_increment)),
        quantity=Grid(step=amount(pair.qty_increment), minimum=amount(pair.qty_min)),
        notional=NotionalRule(minimum=amount(pair.cost_min)),
        limits={
            **known.limits,
            PRICE_DECIMALS: str(pair.price_precision),
            QUANTITY_DECIMALS: str(pair.qty_precision),
        },
    )


def _new(pair: _Pair) -> Instrument:
    base, quote = common_name(pair.base), common_name(pair.quote)
    return Instrument(
        symbol=Symbol(f"{base}/{quote}"),
        native=pair.symbol,  # REST takes it, too
        base=base,
        quote=quote,
        status=InstrumentStatus.UNAVAILABLE,
        price=Grid(step=Decimal(0)),
        quantity=Grid(step=Decimal(0)),
        order_types=TYPES,
        features=FEATURES,
        self_trade_preventions=PREVENTIONS,
    )
