"""The listing: assets and pairs, the clock, the state of the system.

Source: Kraken API Center, "Get Tradable Asset Pairs", "Get System Status", June 2026.
"""

from collections.abc import Generator, Mapping
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
from venuekit.plugin import Answer, Call, ExchangeInfo, Listing
from venuekit_kraken.calls import public, result_as, value_as
from venuekit_kraken.figures import amount
from venuekit_kraken.naming import (
    PAIR_ID,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
    WEBSOCKET_NAME,
    asset_name,
    common_name,
)

STATUSES: Final = {
    "online": InstrumentStatus.TRADING,
    "post_only": InstrumentStatus.TRADING,
    "limit_only": InstrumentStatus.TRADING,
    "cancel_only": InstrumentStatus.CANCEL_ONLY,
    "reduce_only": InstrumentStatus.CANCEL_ONLY,
    "maintenance": InstrumentStatus.HALTED,
}
"""`post_only` and `limit_only` take orders of some kinds; the exchange judges which.
What is not here, such as `delisted` and `work_in_progress`, is unavailable."""
_STATES: Final = {"online": ServiceState.ONLINE, "post_only": ServiceState.ONLINE}
MOST_DECIMALS: Final = 30
TYPES: Final = frozenset(kind.value for kind in OrderType)
FEATURES: Final = frozenset({"iceberg", "quote_quantity", "amend", "trailing_stop"})
PREVENTIONS: Final = frozenset(
    mode.value
    for mode in (
        SelfTradePrevention.EXPIRE_TAKER,
        SelfTradePrevention.EXPIRE_MAKER,
        SelfTradePrevention.EXPIRE_BOTH,
    )
)


class _Asset(msgspec.Struct):
    altname: str


class _Pair(msgspec.Struct):
    altname: str
    base: str
    quote: str
    pair_decimals: int
    lot_decimals: int
    cost_decimals: int = 0
    ordermin: str = "0"
    costmin: str = "0"
    tick_size: str | None = None
    wsname: str = ""
    status: str = "online"


class _Time(msgspec.Struct):
    unixtime: int


class _Status(msgspec.Struct):
    status: str
    timestamp: str = ""


def _read_assets(answer: Answer) -> dict[str, str]:
    rows = result_as(answer, dict[str, _Asset])
    return {name: common_name(row.altname) for name, row in rows.items()}


def _read_pairs(answer: Answer) -> dict[str, Any]:
    rows: dict[str, Any] = result_as(answer, dict[str, Any])
    return rows


def _read_time(answer: Answer) -> int:
    # Whole seconds: the middle of the second is off by half of one at most.
    return result_as(answer, _Time).unixtime * 1_000_000_000 + 500_000_000


def _read_status(answer: Answer) -> ExchangeStatus:
    said = result_as(answer, _Status)
    return ExchangeStatus(
        state=_STATES.get(said.status, ServiceState.MAINTENANCE), text=said.status
    )


class Listings(ExchangeInfo):
    """Knows clock, status and listing of Kraken Spot."""

    def fetch_time(self) -> Call[int]:
        """Ask for the exchange's clock, in nanoseconds since the epoch (exact to half a second)."""
        return public("fetch time", "Time", (), _read_time)

    def fetch_status(self) -> Call[ExchangeStatus]:
        """Ask whether the exchange takes requests; `cancel_only` counts as maintenance."""
        return public("fetch status", "SystemStatus", (), _read_status)

    def fetch_listing(self) -> Generator[Call[Any], Any, Listing]:
        """Ask for all assets and pairs; what cannot be understood stands in `skipped`."""
        assets: Mapping[str, str] = yield public("fetch assets", "Assets", (), _read_assets)
        pairs: Mapping[str, Any] = yield public("fetch instruments", "AssetPairs", (), _read_pairs)
        found: dict[str, Instrument] = {}
        skipped: dict[str, str] = {}
        for pair_id, raw in pairs.items():
            try:
                instrument = _instrument(pair_id, value_as(raw, _Pair), assets)
            except ValueError as error:
                skipped[pair_id] = str(error)
                continue
            if instrument.symbol in found:
                skipped[pair_id] = f"another pair is {instrument.symbol} already"
            else:
                found[instrument.symbol] = instrument
        return Listing(instruments=Instruments(found.values()), skipped=skipped)


def _instrument(pair_id: str, pair: _Pair, assets: Mapping[str, str]) -> Instrument:
    for decimals in (pair.pair_decimals, pair.lot_decimals, pair.cost_decimals):
        if not 0 <= decimals <= MOST_DECIMALS:
            msg = f"{decimals} decimals"
            raise ValueError(msg)
    base = assets.get(pair.base) or asset_name(pair.base)
    quote = assets.get(pair.quote) or asset_name(pair.quote)
    smallest = amount(pair.ordermin)
    # The step is coarser than the last decimal on some pairs.
    tick = amount(pair.tick_size) if pair.tick_size else Decimal(1).scaleb(-pair.pair_decimals)
    return Instrument(
        symbol=Symbol(f"{base}/{quote}"),
        native=pair.altname,
        base=base,
        quote=quote,
        status=STATUSES.get(pair.status, InstrumentStatus.UNAVAILABLE),
        price=Grid(step=tick),
        quantity=Grid(step=Decimal(1).scaleb(-pair.lot_decimals), minimum=smallest),
        notional=NotionalRule(minimum=amount(pair.costmin)),
        order_types=TYPES,
        features=FEATURES,
        self_trade_preventions=PREVENTIONS,
        limits={
            PAIR_ID: pair_id,
            WEBSOCKET_NAME: pair.wsname,
            PRICE_DECIMALS: str(pair.pair_decimals),
            QUANTITY_DECIMALS: str(pair.lot_decimals),
        },
    )
