"""A tour of an exchange: one call of every capability that a plugin claims, in a sensible order.

listing ── book, trades, candles, tickers
   └────── balances, fees, permissions, ledger
              └── place a resting order ── look it up ── list open orders ── cancel ── look again
              └── place at the market ── look it up ── its fills
              └── look for an order that never was
"""

import functools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import attrs

from venuekit.model import (
    BookSnapshot,
    ClientOrderId,
    Instrument,
    InstrumentStatus,
    Order,
    OrderRef,
    OrderRequest,
    Side,
    limit_buy,
    limit_sell,
    market_buy,
    on_grid,
)
from venuekit.orders.ids import ClientOrderIds
from venuekit.plugin import (
    Account,
    Cancel,
    ExchangeInfo,
    InspectKey,
    Ledger,
    MarketData,
    OrderUsage,
    Place,
    QueryOrders,
    Validate,
)
from venuekit.testing.conformance.bench import Bench, Refused

_MARK: Final = 0x5EED
_FAR_BELOW: Final = Decimal("0.9")
_ROOM: Final = Decimal("1.5")


@attrs.define(kw_only=True)
class Tour:
    """What was asked and what was read."""

    bench: Bench
    ids: ClientOrderIds
    results: dict[str, Any] = attrs.field(factory=dict)
    """By the name of the step, what the adapter read."""
    refused: dict[str, Refused] = attrs.field(factory=dict)
    """By the name of the step, why the exchange did not do it."""
    broken: dict[str, Exception] = attrs.field(factory=dict)
    """By the name of the step, what the plugin raised."""
    instrument: Instrument | None = None
    book: BookSnapshot | None = None

    def step(self, name: str, make: Callable[[], Any]) -> Any:
        """Do one step; what goes wrong is kept."""
        try:
            with self.bench.guard.up():
                steps = make()
            self.results[name] = result = self.bench.ask(steps)
        except Refused as refused:
            self.refused[name] = refused
        except Exception as error:  # noqa: BLE001  the border round a plugin: a rule tells it
            self.broken[name] = error
        else:
            return result
        return None


def make_ids(bench: Bench, seed: int = 11) -> ClientOrderIds:
    """Give a maker of client order ids by the exchange's rule."""
    rng = random.Random(seed)  # noqa: S311  the same ids in each run
    return ClientOrderIds(bench.manifest.client_order_id, mark=_MARK, rng=rng)


def take_tour(bench: Bench, *, is_public: bool = False) -> Tour:
    """Make one call of each capability; never raises for what a plugin does.

    Args:
        bench: Who is asked.
        is_public: Leave out all that is signed.
    """
    tour = Tour(bench=bench, ids=make_ids(bench))
    adapter: Any = bench.adapter
    if isinstance(adapter, ExchangeInfo):
        tour.step("fetch_time", adapter.fetch_time)
        tour.step("fetch_status", adapter.fetch_status)
    _choose(tour)
    instrument = tour.instrument
    if instrument is None:
        return tour
    if isinstance(adapter, MarketData):
        _public(tour, adapter, instrument)
    if is_public:
        return tour
    _account(tour, adapter, instrument)
    if isinstance(adapter, Place) and tour.book is not None:
        _orders(tour, adapter, instrument)
    return tour


def _choose(tour: Tour) -> None:
    """Take the first instrument that trades and has a book."""
    adapter: Any = tour.bench.adapter
    trading = [i for i in adapter.instruments.values() if i.status is InstrumentStatus.TRADING]
    for instrument in trading[:8]:
        tour.instrument = instrument
        if not isinstance(adapter, MarketData):
            return
        # More than exchanges send by default: a plugin that ignores the depth is seen.
        book = tour.step("fetch_book", functools.partial(adapter.fetch_book, instrument, depth=10))
        if isinstance(book, BookSnapshot) and book.bids and book.asks:
            tour.book = book
            return


def _public(tour: Tour, adapter: MarketData, instrument: Instrument) -> None:
    tour.step("fetch_trades", lambda: adapter.fetch_trades(instrument, limit=20))
    if adapter.intervals:
        tour.step(
            "fetch_candles",
            lambda: adapter.fetch_candles(
                instrument,
                adapter.intervals[0],
                since_ns=None,
                until_ns=None,
                limit=10,
                now_ns=tour.bench.now_ns,
            ),
        )
    tour.step("fetch_tickers", lambda: adapter.fetch_tickers([instrument]))


def _account(tour: Tour, adapter: Any, instrument: Instrument) -> None:
    if isinstance(adapter, Account):
        tour.step("fetch_balances", adapter.fetch_balances)
        tour.step("fetch_fees", lambda: adapter.fetch_fees(instrument))
    if isinstance(adapter, InspectKey):
        tour.step("fetch_key_permissions", adapter.fetch_key_permissions)
    if isinstance(adapter, Ledger):
        tour.step(
            "fetch_ledger",
            lambda: adapter.fetch_ledger(None, since_ns=None, until_ns=None, limit=10),
        )
    if isinstance(adapter, OrderUsage):
        tour.step("fetch_order_usage", adapter.fetch_order_usage)


def _orders(tour: Tour, adapter: Any, instrument: Instrument) -> None:
    request = resting(tour)
    if isinstance(adapter, Validate):
        tour.step("validate", lambda: adapter.validate(request, instrument))
    placed = tour.step("place", lambda: adapter.place(request, instrument))
    ref = ref_of(request, placed, tour.bench.now_ns)
    if isinstance(adapter, QueryOrders):
        tour.step("fetch_order", lambda: adapter.fetch_order(ref, instrument))
        tour.step("fetch_open_orders", lambda: adapter.fetch_open_orders(instrument))
    if isinstance(adapter, Cancel):
        tour.step("cancel", lambda: adapter.cancel(ref, instrument))
        if isinstance(adapter, QueryOrders):
            tour.step("fetch_canceled", lambda: adapter.fetch_order(ref, instrument))
    taker = at_market(tour)
    bought = tour.step("place_market", lambda: adapter.place(taker, instrument))
    tour.bench.wait(2)
    if isinstance(adapter, QueryOrders):
        taken = ref_of(taker, bought, tour.bench.now_ns)
        tour.step("fetch_filled", lambda: adapter.fetch_order(taken, instrument))
        tour.step(
            "fetch_fills",
            lambda: adapter.fetch_fills(
                instrument,
                order=taken if taken.exchange_order_id else None,
                since_ns=None,
                until_ns=None,
                limit=20,
            ),
        )
        never = OrderRef(
            symbol=instrument.symbol,
            client_order_id=tour.ids.make(),
            created_ns=tour.bench.now_ns,
        )
        tour.step("fetch_unknown", lambda: adapter.fetch_order(never, instrument))


def ref_of(request: OrderRequest, placed: object, now_ns: int) -> OrderRef:
    """Name an order by all that is known of it."""
    return OrderRef(
        symbol=request.symbol,
        client_order_id=request.client_order_id,
        exchange_order_id=placed.exchange_order_id if isinstance(placed, Order) else None,
        created_ns=now_ns,
    )


def size(instrument: Instrument, price: Decimal) -> Decimal:
    """Give a small quantity that keeps the rules at `price`."""
    least = max(instrument.quantity.minimum, instrument.market_quantity.minimum)
    by_value = instrument.notional.minimum / price
    wanted = max(least, by_value, instrument.quantity.step) * _ROOM
    return on_grid(wanted, instrument.quantity.step, rounding="ceiling")


def resting(tour: Tour, *, side: Side = Side.BUY, away: Decimal = _FAR_BELOW) -> OrderRequest:
    """Write a limit order that stays in the book."""
    instrument, book = tour.instrument, tour.book
    assert instrument is not None
    assert book is not None
    best = book.bids[0][0] if side is Side.BUY else book.asks[0][0]
    wanted = best * away if side is Side.BUY else best / away
    price = on_grid(wanted, instrument.price.step, rounding="nearest")
    make = limit_buy if side is Side.BUY else limit_sell
    quantity = size(instrument, price)
    return make(instrument.symbol, quantity, price, client_order_id=tour.ids.make())


def at_market(tour: Tour) -> OrderRequest:
    """Write an order that fills at once."""
    instrument, book = tour.instrument, tour.book
    assert instrument is not None
    assert book is not None
    quantity = size(instrument, book.asks[0][0])
    id_: ClientOrderId = tour.ids.make()
    return market_buy(instrument.symbol, quantity, client_order_id=id_)
