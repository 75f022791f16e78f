"""What Kraken says of orders and trades over REST, read into models.

Source: Kraken API Center, "Get Open Orders", "Get Trades History", June 2026.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderPhase,
    OrderType,
    Side,
    TimeInForce,
)
from venuekit_kraken.figures import amount, positive, seconds_ns, signed
from venuekit_kraken.naming import PairNames

KINDS: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "iceberg": OrderType.LIMIT,
    "stop-loss": OrderType.STOP,
    "take-profit": OrderType.TAKE_PROFIT,
    "stop-loss-limit": OrderType.STOP_LIMIT,
    "take-profit-limit": OrderType.TAKE_PROFIT_LIMIT,
    "trailing-stop": OrderType.STOP,
    "trailing-stop-limit": OrderType.STOP_LIMIT,
    "settle-position": OrderType.MARKET,
}
SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_PHASES: Final = {
    "pending": OrderPhase.PENDING,
    "open": OrderPhase.OPEN,
    "closed": OrderPhase.FILLED,
    "canceled": OrderPhase.CANCELED,
    "expired": OrderPhase.EXPIRED,
}
_LIMITED: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_LONGEST_ID: Final = 64


class _Description(msgspec.Struct):
    pair: str
    type: str
    ordertype: str
    price: str = "0"
    price2: str = "0"


class OrderRow(msgspec.Struct, kw_only=True):
    """An order in the answers to queries."""

    status: str
    descr: _Description
    vol: str
    vol_exec: str
    cost: str = "0"
    oflags: str = ""
    opentm: Decimal | int
    closetm: Decimal | int | None = None
    expiretm: Decimal | int | None = None
    stopprice: str = "0"
    limitprice: str = "0"
    cl_ord_id: str | None = None
    reason: str | None = None
    trades: list[str] = []


class TradeRow(msgspec.Struct, kw_only=True):
    """A trade of the account."""

    ordertxid: str
    pair: str
    time: Decimal | int
    type: str
    price: str
    fee: str
    vol: str
    maker: bool | None = None


def client_id(text: str | None) -> ClientOrderId | None:
    """Read a client order id in the one way of writing it: without the dashes of a UUID."""
    if not text:
        return None
    return ClientOrderId(text.replace("-", "") if len(text) == 36 else text)


def exchange_id(text: str) -> ExchangeOrderId:
    """Read an order or trade id; raises ValueError for one that cannot be."""
    if not 0 < len(text) <= _LONGEST_ID or not text.replace("-", "").isalnum():
        msg = f"id {text[:40]!r}"
        raise ValueError(msg)
    return ExchangeOrderId(text)


def word(table: dict[str, Any], text: str, what: str) -> Any:
    """Read one of a few words; raises ValueError for another one."""
    if text not in table:
        msg = f"{what} {text[:40]!r}"
        raise ValueError(msg)
    return table[text]


def order_from_row(txid: str, row: OrderRow, names: PairNames) -> Order:
    """Read an order; raises ValueError if it cannot be understood."""
    kind: OrderType = word(KINDS, row.descr.ordertype, "order type")
    filled = amount(row.vol_exec)
    phase = _PHASES.get(row.status, OrderPhase.UNKNOWN)
    if phase is OrderPhase.OPEN and filled:
        phase = OrderPhase.PARTIALLY_FILLED
    flags = row.oflags.split(",")
    volume = amount(row.vol)
    is_quoted = "viqc" in flags
    is_stop = kind not in {OrderType.LIMIT, OrderType.MARKET}
    first = _price(row.descr.price, row.stopprice if is_stop else row.limitprice)
    second = _price(row.descr.price2, row.limitprice)
    return Order(
        symbol=names.of(row.descr.pair).symbol,
        side=word(SIDES, row.descr.type, "side"),
        type=kind,
        phase=phase,
        client_order_id=client_id(row.cl_ord_id),
        exchange_order_id=exchange_id(txid),
        quantity=None if is_quoted else volume,
        quote_quantity=volume if is_quoted else None,
        price=second if kind in _LIMITED else first if kind is OrderType.LIMIT else None,
        stop_price=first if is_stop else None,
        time_in_force=_time_in_force(row, kind, phase),
        post_only="post" in flags,
        filled=filled,
        filled_quote=amount(row.cost) if filled else None,
        created_ns=seconds_ns(row.opentm),
        # Of an open order nothing says when it last changed.
        updated_ns=None if row.closetm is None else seconds_ns(row.closetm),
        reason=row.reason if phase.is_final else None,
    )


def _price(text: str, now: str) -> Decimal | None:
    """Read a price; where it is told as a distance (`+1.5%`), what that comes to `now`."""
    is_distance = text.startswith(("+", "-", "#")) or text.endswith("%")
    return positive(now if is_distance else text)


def _time_in_force(row: OrderRow, kind: OrderType, phase: OrderPhase) -> TimeInForce | None:
    """Conclude what is not told: what has an end has a date, what rests has neither."""
    if row.expiretm:
        return TimeInForce.GTD
    is_gtc = kind is OrderType.LIMIT and not phase.is_final
    return TimeInForce.GTC if is_gtc else None


def fill_from_row(trade_id: str, row: TradeRow, instrument: Instrument) -> Fill:
    """Read a trade; its fee is in the quote asset. Raises ValueError."""
    quantity = amount(row.vol)
    if not quantity:
        msg = f"trade {trade_id[:40]!r} of nothing"
        raise ValueError(msg)
    liquidity = None
    if row.maker is not None:
        liquidity = Liquidity.MAKER if row.maker else Liquidity.TAKER
    return Fill(
        symbol=instrument.symbol,
        trade_id=str(exchange_id(trade_id)),
        exchange_order_id=exchange_id(row.ordertxid),
        side=word(SIDES, row.type, "side"),
        price=amount(row.price),
        quantity=quantity,
        fee=Fee(signed(row.fee), instrument.quote),
        liquidity=liquidity,
        time_ns=seconds_ns(row.time),
    )
