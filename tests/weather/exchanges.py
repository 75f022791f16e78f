"""The simulated exchanges, and what each has in its books: the truth that the client is held to."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from venuekit.model import OrderPhase
from venuekit.sim.dialect import Dialect
from venuekit.sim.orders import OrderStatus
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_coinbase.sim.records import Status
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings

ACCOUNT: Final = "sailor"
P: Final = OrderPhase


@attrs.frozen(kw_only=True)
class Kept:
    """An order in an exchange's books."""

    name: str
    """The client order id under which it was placed."""
    asked: Decimal
    """The quantity that was asked for, before any amendment; zero where that is forgotten."""
    phase: OrderPhase
    """`OPEN` for whatever still may trade."""
    filled: Decimal
    trades: frozenset[str]


@attrs.frozen(kw_only=True)
class Venue:
    """One exchange as weather is made for it."""

    id: str
    symbol: str
    make: Callable[[int], Dialect]
    kept: Callable[[Any], list[Kept]]
    writes: Sequence[tuple[str, str]]
    """Method and path, as patterns, of requests that change orders."""
    reads: Sequence[tuple[str, str]]
    """Of those that ask after orders and trades."""
    settings: str = ""
    """Further lines for the exchange's settings."""
    account: str = ""
    """For the account's."""


_ENGINE: Final = {
    OrderStatus.FILLED: P.FILLED,
    OrderStatus.CANCELED: P.CANCELED,
    OrderStatus.EXPIRED: P.EXPIRED,
    OrderStatus.EXPIRED_IN_MATCH: P.EXPIRED,
}


def _kept_at_binance(dialect: BinanceDialect) -> list[Kept]:
    engine = dialect.engine
    return [
        Kept(
            name=order.request.client_order_id,
            asked=order.request.quantity or Decimal(0),
            phase=_ENGINE.get(order.status, P.OPEN),
            filled=order.executed,
            trades=frozenset(
                str(fill.trade_id)
                for fill in engine.fills(ACCOUNT, market.name, order_id=order.order_id)
            ),
        )
        for market in engine.markets()
        for order in engine.orders(ACCOUNT, market.name)
    ]


_TICKETS: Final = {"closed": P.FILLED, "canceled": P.CANCELED, "expired": P.EXPIRED}


def _kept_at_kraken(dialect: KrakenDialect) -> list[Kept]:
    return [
        Kept(
            name=str(ticket.draft.cl_ord_id),
            asked=ticket.draft.volume,
            phase=_TICKETS.get(ticket.status, P.OPEN),
            filled=ticket.executed,
            trades=frozenset(ticket.trades),
        )
        for ticket in dialect.venue.owners[ACCOUNT].tickets.values()
    ]


_RECORDS: Final = {
    Status.FILLED: P.FILLED,
    Status.CANCELLED: P.CANCELED,
    Status.EXPIRED: P.EXPIRED,
    Status.FAILED: P.REJECTED,
}


def _kept_at_coinbase(dialect: CoinbaseDialect) -> list[Kept]:
    return [
        Kept(
            name=record.client_order_id,
            # An edit replaces the draft.
            asked=Decimal(0) if record.edits else record.draft.base_size or Decimal(0),
            phase=_RECORDS.get(record.status, P.OPEN),
            filled=record.filled,
            trades=frozenset(fill.entry_id for fill in record.fills),
        )
        for record in dialect.venue.desk.of(ACCOUNT)
    ]


VENUES: Final = {
    "binance": Venue(
        id="binance",
        symbol="BTC/USDT",
        make=lambda seed: BinanceDialect(seed=seed),
        kept=_kept_at_binance,
        writes=[("POST", "/api/v3/order*"), ("DELETE", "/api/v3/*"), ("PUT", "/api/v3/order*")],
        reads=[("GET", "/api/v3/*rders"), ("GET", "/api/v3/order"), ("GET", "/api/v3/myTrades")],
    ),
    "kraken": Venue(
        id="kraken",
        symbol="BTC/USD",
        make=lambda seed: KrakenDialect(seed=seed, limits=LimitSettings.off()),
        kept=_kept_at_kraken,
        writes=[("POST", f"/0/private/{name}*") for name in ("Add", "Cancel", "Amend")],
        reads=[
            ("POST", f"/0/private/{name}*") for name in ("Query", "Open", "Closed", "TradesHistory")
        ],
        account='tier = "pro"',
    ),
    "kraken over a socket": Venue(
        id="kraken",
        symbol="BTC/USD",
        make=lambda seed: KrakenDialect(seed=seed, limits=LimitSettings.off()),
        kept=_kept_at_kraken,
        writes=[
            ("WS", "*_order"),
            ("WS", "batch_*"),
            ("WS", "cancel_*"),
            ("POST", "/0/private/Add*"),
        ],
        reads=[
            ("POST", f"/0/private/{name}*") for name in ("Query", "Open", "Closed", "TradesHistory")
        ],
        account='tier = "pro"',
        settings='orders_over = "websocket"',
    ),
    "coinbase": Venue(
        id="coinbase",
        symbol="BTC/USD",
        make=lambda seed: CoinbaseDialect(seed=seed),
        kept=_kept_at_coinbase,
        writes=[("POST", "/api/v3/brokerage/orders*")],
        reads=[("GET", "/api/v3/brokerage/orders/historical/*")],
    ),
}
