"""The blocking twin, for scripts and notebooks.

    with venuekit.sync.open("<exchange>") as ex:
        order = ex.place(venuekit.limit_buy("BTC/USDT", quantity="0.1", price="30000"))
        for event in ex.trades("BTC/USDT"):
            ...  # a Trade, or a Gap where trades may be missing

One implementation underneath: an event loop in a thread of its own runs the asynchronous
`Exchange`; every call here waits for the one of the same name there. Safe to use from several
threads. Interrupting a waiting call (Ctrl-C) cancels it there too.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, Unpack

from venuekit.limits import BudgetState, LimitFigures
from venuekit.model import (
    Amount,
    Balance,
    BestPrice,
    BookSnapshot,
    BudgetUsage,
    Candle,
    Closed,
    ExchangeStatus,
    FeeRates,
    Fill,
    Instrument,
    Instruments,
    InstrumentsEvent,
    KeyPermissions,
    LedgerEntry,
    Order,
    OrderList,
    OrderListRequest,
    OrderRef,
    OrderRequest,
    Replacement,
    StreamEvent,
    StreamReport,
    Ticker,
    Trade,
)

if TYPE_CHECKING:
    from venuekit.client import Exchange, Opening
    from venuekit.client.market_streams import StreamOptions
    from venuekit.client.switch import DeadManSwitch
    from venuekit.configuration import Configuration
    from venuekit.orders import Batch, Reconciliation, Stopped
    from venuekit.plugin import Topic
    from venuekit.stores import JournalEvent
    from venuekit.streams import Book, EventStream, LiveBook

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

__all__ = ["SyncBook", "SyncExchange", "SyncOpening", "SyncStream", "SyncSwitch", "open"]


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="venuekit", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` there and wait; what interrupts the waiting cancels the work."""
        if not self._thread.is_alive():
            work.close()
            msg = "this handle is closed; open the exchange again"
            raise Closed(msg)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            msg = "the handle was closed while this call waited"
            raise Closed(msg) from None
        except BaseException:
            future.cancel()
            raise

    def begin(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Run `work` there and do not wait."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def tell(self, act: "Callable[[], object]") -> None:
        """Have `act` called there."""
        self._loop.call_soon_threadsafe(act)

    def stop(self) -> None:
        """End the thread; what still runs there is cancelled first."""
        concurrent.futures.wait([asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop)])
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)


async def _later(look: Callable[[], T]) -> T:
    """Look at something that belongs to the loop from within the loop."""
    return look()


class _Stream(Protocol[T_co]):
    """What an asynchronous stream has."""

    async def __anext__(self) -> T_co: ...

    async def aclose(self) -> None: ...


class SyncStream(Generic[T]):
    """A stream for `for`; close it, or leave the loop and let the exchange's end close it."""

    def __init__(self, loop: _Loop, stream: _Stream[T]) -> None:
        """Read `stream`, which lives on `loop`."""
        self._loop = loop
        self._stream = stream

    def __iter__(self) -> Iterator[T]:
        """Iterate over the events."""
        return self

    def __next__(self) -> T:
        """Wait for the next event."""
        try:
            return self._loop.call(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End the subscription."""
        self._loop.call(self._stream.aclose())

    async def _next(self) -> T:
        # A coroutine may not end with StopAsyncIteration raised by hand; let it travel as it is.
        return await self._stream.__anext__()


class SyncBook:
    """A live book for `with`."""

    def __init__(self, loop: _Loop, book: "LiveBook") -> None:
        """Wrap `book`, which lives on `loop`."""
        self._loop = loop
        self._book = book

    def __enter__(self) -> Self:
        """Start to follow, and wait until the book is live."""
        self._loop.call(self._enter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the subscription."""
        self._loop.call(self._book.__aexit__(kind, error, trace))

    def snapshot(self, depth: int | None = None) -> BookSnapshot:
        """Give the best `depth` levels of each side now; raises BookNotLive."""
        return self._loop.call(self._snapshot(depth))

    async def _enter(self) -> None:
        await self._book.__aenter__()
        await self._book.ready()

    async def _snapshot(self, depth: int | None) -> BookSnapshot:
        # Read on the loop's thread: between two changes, never in the middle of one.
        book: Book = self._book.book
        return book.snapshot(depth)


class SyncSwitch:
    """A dead man's switch, for `with`."""

    def __init__(self, loop: _Loop, switch: "DeadManSwitch") -> None:
        """Wrap `switch`, which lives on `loop`."""
        self._loop = loop
        self._switch = switch

    def __enter__(self) -> Self:
        """Start it; raises what `Exchange.cancel_all_after` does."""
        self._loop.call(self._switch.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._loop.call(self._switch.__aexit__(kind, error, trace))


class SyncExchange:
    """`Exchange` for code that blocks: every method waits for its asynchronous namesake.

    What a method gives, raises and means is said there.
    """

    def __init__(self, loop: _Loop, exchange: "Exchange") -> None:
        """Wrap `exchange`, which lives on `loop`."""
        self._loop = loop
        self._exchange = exchange

    @property
    def id(self) -> str:
        """As `Exchange.id`."""
        return self._exchange.id

    @property
    def title(self) -> str:
        """As `Exchange.title`."""
        return self._exchange.title

    @property
    def environment(self) -> str:
        """As `Exchange.environment`."""
        return self._exchange.environment

    @property
    def account(self) -> str:
        """As `Exchange.account`."""
        return self._exchange.account

    @property
    def capabilities(self) -> list[str]:
        """As `Exchange.capabilities`."""
        return self._exchange.capabilities

    @property
    def instruments(self) -> Instruments:
        """As `Exchange.instruments`."""
        return self._exchange.instruments

    def instrument(self, symbol: str) -> Instrument:
        """As `Exchange.instrument`."""
        return self._exchange.instrument(symbol)

    def limits(self) -> Sequence[BudgetState]:
        """As `Exchange.limits`."""
        return self._loop.call(_later(self._exchange.limits))

    def limit_figures(self) -> LimitFigures:
        """As `Exchange.limit_figures`."""
        return self._loop.call(_later(self._exchange.limit_figures))

    def within(self, seconds: float) -> "SyncExchange":
        """As `Exchange.within`."""
        return SyncExchange(self._loop, self._exchange.within(seconds))

    def place(
        self,
        request: OrderRequest,
        *,
        round: str | None = None,  # noqa: A002  # as in `Exchange.place`
        wait: bool = True,
        intent_key: str | None = None,
    ) -> Order:
        """As `Exchange.place`."""
        return self._loop.call(
            self._exchange.place(request, round=round, wait=wait, intent_key=intent_key)
        )

    def validate(self, request: OrderRequest) -> None:
        """As `Exchange.validate`."""
        self._loop.call(self._exchange.validate(request))

    def cancel(self, order: Order | OrderRef | str, symbol: str | None = None) -> Order:
        """As `Exchange.cancel`."""
        return self._loop.call(self._exchange.cancel(order, symbol))

    def cancel_all(self, symbol: str) -> Sequence[Order]:
        """As `Exchange.cancel_all`."""
        return self._loop.call(self._exchange.cancel_all(symbol))

    def amend(
        self,
        order: Order | OrderRef,
        *,
        quantity: Amount | None = None,
        price: Amount | None = None,
    ) -> Order:
        """As `Exchange.amend`."""
        return self._loop.call(self._exchange.amend(order, quantity=quantity, price=price))

    def replace(
        self,
        order: Order | OrderRef,
        request: OrderRequest,
        *,
        place_even_if_not_canceled: bool = False,
    ) -> Replacement:
        """As `Exchange.replace`."""
        return self._loop.call(
            self._exchange.replace(
                order, request, place_even_if_not_canceled=place_even_if_not_canceled
            )
        )

    def place_list(self, request: OrderListRequest) -> OrderList:
        """As `Exchange.place_list`."""
        return self._loop.call(self._exchange.place_list(request))

    def place_many(self, requests: Sequence[OrderRequest], *, wait: bool = True) -> "Batch":
        """As `Exchange.place_many`."""
        return self._loop.call(self._exchange.place_many(requests, wait=wait))

    def cancel_many(self, orders: Sequence[Order | OrderRef]) -> "Batch":
        """As `Exchange.cancel_many`."""
        return self._loop.call(self._exchange.cancel_many(orders))

    def cancel_everything(self) -> "Batch":
        """As `Exchange.cancel_everything`."""
        return self._loop.call(self._exchange.cancel_everything())

    def cancel_all_after(self, timeout_s: int) -> int | None:
        """As `Exchange.cancel_all_after`."""
        return self._loop.call(self._exchange.cancel_all_after(timeout_s))

    def dead_man_switch(self, *, timeout_s: int = 60) -> "SyncSwitch":
        """As `Exchange.dead_man_switch`, for `with`."""
        return SyncSwitch(self._loop, self._exchange.dead_man_switch(timeout_s=timeout_s))

    def cancel_list(self, client_list_id: str, symbol: str) -> OrderList:
        """As `Exchange.cancel_list`."""
        return self._loop.call(self._exchange.cancel_list(client_list_id, symbol))

    def fetch_open_lists(self) -> Sequence[OrderList]:
        """As `Exchange.fetch_open_lists`."""
        return self._loop.call(self._exchange.fetch_open_lists())

    def fetch_order(self, order: Order | OrderRef | str, symbol: str | None = None) -> Order:
        """As `Exchange.fetch_order`."""
        return self._loop.call(self._exchange.fetch_order(order, symbol))

    def fetch_open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        """As `Exchange.fetch_open_orders`."""
        return self._loop.call(self._exchange.fetch_open_orders(symbol))

    def fetch_orders(
        self,
        symbol: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Order]:
        """As `Exchange.fetch_orders`."""
        return self._loop.call(
            self._exchange.fetch_orders(symbol, since_ns=since_ns, until_ns=until_ns, limit=limit)
        )

    def fetch_fills(
        self,
        symbol: str,
        *,
        order: Order | OrderRef | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Fill]:
        """As `Exchange.fetch_fills`."""
        return self._loop.call(
            self._exchange.fetch_fills(
                symbol, order=order, since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    def orders(self, *, open_only: bool = True) -> list[Order]:
        """As `Exchange.orders`."""

        async def known() -> list[Order]:
            return self._exchange.orders(open_only=open_only)

        return self._loop.call(known())

    def order_events(
        self, consumer: str, *, from_start: bool = False
    ) -> "SyncStream[JournalEvent]":
        """As `Exchange.order_events`, for `for`."""
        made = self._exchange.order_events(consumer, from_start=from_start)
        return SyncStream(self._loop, self._loop.call(made))

    def stop(self, *, within_s: float = 10.0, cancel_orders: bool = False) -> "Stopped":
        """As `Exchange.stop`."""
        return self._loop.call(self._exchange.stop(within_s=within_s, cancel_orders=cancel_orders))

    def reconcile(self) -> "Reconciliation":
        """As `Exchange.reconcile`."""
        return self._loop.call(self._exchange.reconcile())

    def fetch_balances(self) -> Sequence[Balance]:
        """As `Exchange.fetch_balances`."""
        return self._loop.call(self._exchange.fetch_balances())

    def fetch_fees(self, symbol: str) -> FeeRates:
        """As `Exchange.fetch_fees`."""
        return self._loop.call(self._exchange.fetch_fees(symbol))

    def fetch_key_permissions(self) -> KeyPermissions:
        """As `Exchange.fetch_key_permissions`."""
        return self._loop.call(self._exchange.fetch_key_permissions())

    def fetch_ledger(
        self,
        asset: str | None = None,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[LedgerEntry]:
        """As `Exchange.fetch_ledger`."""
        return self._loop.call(
            self._exchange.fetch_ledger(asset, since_ns=since_ns, until_ns=until_ns, limit=limit)
        )

    def fetch_order_usage(self) -> Sequence[BudgetUsage]:
        """As `Exchange.fetch_order_usage`."""
        return self._loop.call(self._exchange.fetch_order_usage())

    def fetch_time(self) -> int:
        """As `Exchange.fetch_time`."""
        return self._loop.call(self._exchange.fetch_time())

    def fetch_status(self) -> ExchangeStatus:
        """As `Exchange.fetch_status`."""
        return self._loop.call(self._exchange.fetch_status())

    def fetch_trades(self, symbol: str, *, limit: int = 100) -> Sequence[Trade]:
        """As `Exchange.fetch_trades`."""
        return self._loop.call(self._exchange.fetch_trades(symbol, limit=limit))

    def fetch_aggregate_trades(
        self,
        symbol: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 100,
    ) -> Sequence[Trade]:
        """As `Exchange.fetch_aggregate_trades`."""
        return self._loop.call(
            self._exchange.fetch_aggregate_trades(
                symbol, since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    def fetch_candles(
        self,
        symbol: str,
        interval: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Candle]:
        """As `Exchange.fetch_candles`."""
        return self._loop.call(
            self._exchange.fetch_candles(
                symbol, interval, since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    def fetch_book(self, symbol: str, *, depth: int = 100) -> BookSnapshot:
        """As `Exchange.fetch_book`."""
        return self._loop.call(self._exchange.fetch_book(symbol, depth=depth))

    def fetch_ticker(self, symbol: str) -> Ticker:
        """As `Exchange.fetch_ticker`."""
        return self._loop.call(self._exchange.fetch_ticker(symbol))

    def fetch_tickers(self, symbols: Sequence[str] | None = None) -> Sequence[Ticker]:
        """As `Exchange.fetch_tickers`."""
        return self._loop.call(self._exchange.fetch_tickers(symbols))

    def trades(
        self, *symbols: str, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[Trade | StreamReport]":
        """As `Exchange.trades`, for `for`."""
        return self._stream(lambda: self._exchange.trades(*symbols, **options))

    def aggregate_trades(
        self, *symbols: str, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[Trade | StreamReport]":
        """As `Exchange.aggregate_trades`, for `for`."""
        return self._stream(lambda: self._exchange.aggregate_trades(*symbols, **options))

    def ticker(
        self, *symbols: str, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[Ticker | StreamReport]":
        """As `Exchange.ticker`, for `for`."""
        return self._stream(lambda: self._exchange.ticker(*symbols, **options))

    def best_price(
        self, *symbols: str, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[BestPrice | StreamReport]":
        """As `Exchange.best_price`, for `for`."""
        return self._stream(lambda: self._exchange.best_price(*symbols, **options))

    def candles(
        self, symbol: str, interval: str, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[Candle | StreamReport]":
        """As `Exchange.candles`, for `for`."""
        return self._stream(lambda: self._exchange.candles(symbol, interval, **options))

    def instrument_changes(
        self, symbol: str | None = None, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[InstrumentsEvent | StreamReport]":
        """As `Exchange.instrument_changes`, for `for`."""
        return self._stream(lambda: self._exchange.instrument_changes(symbol, **options))

    def follow(
        self, *streams: "tuple[Topic, str]", **options: "Unpack[StreamOptions]"
    ) -> SyncStream[Any]:
        """As `Exchange.follow`, for `for`."""
        return self._stream(lambda: self._exchange.follow(*streams, **options))

    def account_events(
        self, **options: "Unpack[StreamOptions]"
    ) -> "SyncStream[StreamEvent | StreamReport]":
        """As `Exchange.account_events`, for `for`."""
        return SyncStream(self._loop, self._loop.call(self._exchange.account_events(**options)))

    def book(self, symbol: str, *, max_age_s: float | None = None) -> SyncBook:
        """As `Exchange.book`, for `with`."""
        made = _made(lambda: self._exchange.book(symbol, max_age_s=max_age_s))
        return SyncBook(self._loop, self._loop.call(made))

    def _stream(self, make: "Callable[[], EventStream[T]]") -> SyncStream[T]:
        # Subscriptions belong to the loop's thread; they are made there.
        return SyncStream(self._loop, self._loop.call(_made(make)))


async def _made(make: "Callable[[], T]") -> T:
    return make()


class SyncOpening:
    """What `venuekit.sync.open` gives: use it with `with`, or `start` and `close` it by hand."""

    def __init__(self, opening: "Opening") -> None:
        """Prepare; nothing is opened yet."""
        self._opening = opening
        self._loop: _Loop | None = None
        self._leave: asyncio.Event | None = None
        self._hosting: concurrent.futures.Future[None] | None = None

    def __enter__(self) -> SyncExchange:
        """Open the exchange."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the exchange and end its thread."""
        self.close()

    def start(self) -> SyncExchange:
        """Open the exchange, for notebooks; `close` it at the end."""
        loop = _Loop()
        opened: concurrent.futures.Future[Exchange] = concurrent.futures.Future()
        self._hosting = loop.begin(self._host(opened))
        try:
            exchange = opened.result()
        except BaseException:
            self._hosting.cancel()
            loop.stop()
            raise
        self._loop = loop
        return SyncExchange(loop, exchange)

    def close(self) -> None:
        """Close the exchange and end its thread. Safe to repeat."""
        loop, self._loop = self._loop, None
        if loop is None or self._leave is None or self._hosting is None:
            return
        loop.tell(self._leave.set)
        try:
            self._hosting.result()
        finally:
            loop.stop()

    async def _host(self, opened: "concurrent.futures.Future[Exchange]") -> None:
        # One task opens, holds and closes: task groups belong to the task that entered them.
        self._leave = asyncio.Event()
        try:
            async with self._opening as exchange:
                opened.set_result(exchange)
                await self._leave.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)


def open(  # noqa: A001  # reads as `venuekit.sync.open`
    exchange: str,
    *,
    account: str | None = None,
    environment: str | None = None,
    address: str | None = None,
    config: "Configuration | str | Path | None" = None,
) -> SyncOpening:
    """Open an exchange for code that blocks; as `venuekit.open`, for `with`."""
    import venuekit.client

    return SyncOpening(
        venuekit.client.open(
            exchange, account=account, environment=environment, address=address, config=config
        )
    )
