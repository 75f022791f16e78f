"""`Exchange`: what an application holds while an exchange is open."""

import difflib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, Unpack

import attrs

from venuekit.auth import ExchangeClock
from venuekit.client.market_streams import MarketStreams, StreamOptions, check_interval
from venuekit.client.private import PrivateSide
from venuekit.client.switch import DeadManSwitch
from venuekit.limits import BudgetState, Limiter, LimitFigures
from venuekit.model import (
    UNKNOWN_ORDER,
    Amount,
    Balance,
    BookSnapshot,
    BudgetUsage,
    Candle,
    ClientOrderId,
    ExchangeStatus,
    FeeRates,
    Fill,
    Instrument,
    InstrumentNotFound,
    Instruments,
    KeyPermissions,
    LedgerEntry,
    NotSupported,
    Order,
    OrderList,
    OrderListRequest,
    OrderNotFound,
    OrderRef,
    OrderRequest,
    Replacement,
    StreamEvent,
    StreamReport,
    Symbol,
    Ticker,
    Trade,
)
from venuekit.orders import Batch, OrderEvents, Reconciliation, Stopped, rounded
from venuekit.plugin import (
    Account,
    Adapter,
    AggregateTrades,
    CancelAllAfter,
    ExchangeInfo,
    InspectKey,
    Ledger,
    Listing,
    Manifest,
    MarketData,
    OrderLists,
    OrderUsage,
    QueryOrders,
    Steps,
    Stream,
    Subscription,
    Topic,
    capabilities_of,
    why_not,
)
from venuekit.retry import Caller
from venuekit.stores import HistoryEntry
from venuekit.streams import EventStream, LiveBook, StreamHub

if TYPE_CHECKING:
    from venuekit.sim.server import Simulator

T = TypeVar("T")
A = TypeVar("A", bound=Adapter)


@attrs.define(kw_only=True, eq=False)
class Exchange(MarketStreams):
    """One exchange, one account, one environment, open.

    Made by `venuekit.open`. Methods named `fetch_…` ask once over REST; `trades`, `ticker`,
    `candles`, `best_price`, `book` and `account_events` are streams for `async for`. Every method
    may raise `RequestError` and its children, and `NotSupported` where the exchange lacks the
    capability; cancelling any of them is safe.
    """

    manifest: Manifest
    environment: str
    account: str
    address: str | None
    """Of the simulator, in the environment `sim`."""
    listing: Listing
    simulator: "Simulator | None" = None
    """The one that is served inside this handle, if any; tests plan faults on it."""
    _adapter: Adapter
    _caller: Caller
    _clock: ExchangeClock
    _limiter: Limiter
    _hub: StreamHub | None
    _private: PrivateSide | None
    _limit_wait_s: float | None = None

    # What it is

    @property
    def id(self) -> str:
        """Its id, as configuration names it."""
        return self.manifest.id

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.manifest.title

    @property
    def capabilities(self) -> list[str]:
        """Name what it can do."""
        return capabilities_of(type(self._adapter))

    @property
    def lacks(self) -> dict[str, str]:
        """Say why it cannot do what it cannot do, by capability, as far as its plugin says it."""
        return {name: str(lack) for name, lack in self._adapter.lacks.items()}

    @property
    def instruments(self) -> Instruments:
        """The listing, by symbol."""
        return self.listing.instruments

    @property
    def clock_offset_ns(self) -> int:
        """The exchange's clock minus this machine's, in nanoseconds, as last measured."""
        return self._clock.offset_ns

    @property
    def latency_ns(self) -> int:
        """Median round trip when the clock was last measured, in nanoseconds."""
        return self._clock.latency_ns

    @property
    def has_key(self) -> bool:
        """Say whether an account with a key is open, so that private methods work."""
        return self._private is not None

    def instrument(self, symbol: str) -> Instrument:
        """Give the instrument of `symbol`; raises InstrumentNotFound with the nearest names."""
        found = self.instruments.get(symbol)
        if found is None:
            near = difflib.get_close_matches(symbol.upper(), list(self.instruments), n=3)
            raise InstrumentNotFound(self.id, symbol, near)
        return found

    def limits(self) -> Sequence[BudgetState]:
        """Tell how much of the exchange's limits is used now."""
        return self._limiter.snapshot()

    def limit_figures(self) -> LimitFigures:
        """Tell what limits have done to this handle since it was opened: waits, refusals, bans."""
        return self._limiter.figures()

    def within(self, seconds: float) -> "Exchange":
        """Give this handle with a shorter patience: it waits for limits so long at most.

        What would have to wait longer raises `BudgetExhausted` at once, with the time in
        `retry_after_s`; nothing was sent then. It counts for questions and placements; a cancel
        goes before everything else anyway. Both handles are open as long as the first is.

        Args:
            seconds: For each request, >= 0; 0 never waits.
        """
        return attrs.evolve(self, limit_wait_s=seconds)

    # Orders

    async def place(
        self,
        request: OrderRequest,
        *,
        round: str | None = None,  # noqa: A002  # the word that users expect here
        wait: bool = True,
        intent_key: str | None = None,
    ) -> Order:
        """Place an order: at most one, whatever happens on the way.

        The intent is durable before a byte leaves. If the answer is lost, the order is looked up
        by its client order id until its fate is known.

        Args:
            request: What to place, e.g. `limit_buy("BTC/USDT", quantity="0.1", price="30000")`.
            round: None refuses an order off the grid; `"down"`, `"nearest"` or `"passive"`
                (a buy's price down, a sell's up) moves price and quantity onto it first.
            wait: If its answer is lost: True waits for the truth; False raises
                `OutcomeUnknown` at once, which can be awaited for the order as it turns out.
            intent_key: The application's own key for this intent: the same key twice is the
                same order, also across a restart.

        Raises:
            OrderRefused: It breaks a rule or a veto; nothing was sent.
            NotSent: It never reached the exchange, by proof.
            Rejected: The exchange refused it.
            OutcomeUnknown: It could not be found out in time; the search goes on.
            StreamError: The account stream is down and was not restored in time; nothing was
                sent. While it is, nobody would hear what an order does.
            Closed: The handle was stopped.
        """
        instrument = self.instrument(request.symbol)
        if round is not None:
            request = rounded(request, instrument, round=round)
        private = await self._ready()
        return await private.desk.place(
            request, wait=wait, intent_key=intent_key, limit_wait_s=self._limit_wait_s
        )

    async def validate(self, request: OrderRequest) -> None:
        """Check an order here and at the exchange, without placing it.

        Raises:
            OrderRefused: It breaks a rule that is known here.
            Rejected: The exchange would refuse it.
        """
        private = await self._ready()
        await private.desk.validate(request)

    async def cancel(self, order: Order | OrderRef | str, symbol: str | None = None) -> Order:
        """Cancel an order and give its last state, which may be filled.

        Args:
            order: An order, a reference, or a client order id together with `symbol`.
            symbol: Only with a client order id.

        Raises:
            OrderNotFound: The exchange knows no such order.
        """
        private = await self._ready(gated=False)
        return await private.desk.cancel(self._ref(order, symbol))

    async def cancel_all(self, symbol: str) -> Sequence[Order]:
        """Cancel everything open on `symbol`; gives the canceled orders."""
        private = await self._ready(gated=False)
        return await private.desk.cancel_all(self.instrument(symbol).symbol)

    async def amend(
        self,
        order: Order | OrderRef,
        *,
        quantity: Amount | None = None,
        price: Amount | None = None,
    ) -> Order:
        """Change an open order in its place in the queue, as far as the exchange can."""
        private = await self._ready()
        return await private.desk.amend(
            self._ref(order, None),
            quantity=None if quantity is None else Decimal(quantity),
            price=None if price is None else Decimal(price),
        )

    async def replace(
        self,
        order: Order | OrderRef,
        request: OrderRequest,
        *,
        place_even_if_not_canceled: bool = False,
    ) -> Replacement:
        """Cancel an order and place another; the two halves are answered for on their own."""
        private = await self._ready()
        return await private.desk.replace(
            self._ref(order, None),
            request,
            place_even_if_not_canceled=place_even_if_not_canceled,
        )

    async def place_list(self, request: OrderListRequest) -> OrderList:
        """Place orders that the exchange governs together: OCO, OTO, OTOCO."""
        private = await self._ready()
        return await private.desk.place_list(request)

    async def place_many(self, requests: Sequence[OrderRequest], *, wait: bool = True) -> Batch:
        """Place several orders; each leg is answered for as if it went alone.

        Where the exchange takes several in one request they are sent so, cut to its size; where
        it does not, one by one, all at once. `Batch.requests` tells how many requests that took.

        Args:
            requests: What to place, on any instruments.
            wait: As in `place`; with False, unknown legs have an `OutcomeUnknown` to await.

        Raises:
            OrderRefused: One of them breaks a rule; nothing was sent.
        """
        private = await self._ready()
        return await private.desk.place_many(requests, wait=wait)

    async def cancel_many(self, orders: Sequence[Order | OrderRef]) -> Batch:
        """Cancel several orders; each leg has the order's last state, or why it is not canceled."""
        private = await self._ready(gated=False)
        return await private.desk.cancel_many([self._ref(order, None) for order in orders])

    async def cancel_everything(self) -> Batch:
        """Cancel all open orders of the account, on all instruments, also those of others.

        Takes one request where the exchange has such a one (`Batch.requests` tells), else as many
        as `cancel_many` of what is listed. A leg for each order, with its last state.
        """
        private = await self._ready(gated=False)
        return await private.desk.cancel_everything()

    async def cancel_all_after(self, timeout_s: int) -> int | None:
        """Have the exchange cancel all orders of the account unless asked again in time.

        The dead man's switch: repeat it well before the time is up, or use `dead_man_switch`.

        Args:
            timeout_s: Seconds from now, whole; 0 stops the exchange's clock.

        Returns:
            When it will run out, in nanoseconds since the epoch; None when it is stopped.

        Raises:
            NotSupported: The exchange has no such switch; nothing here can take its place, since
                it has to work when this program does not.
            ValueError: The exchange does not take so long, or so short, a time.
        """
        adapter = self._able(CancelAllAfter, "a dead man's switch")
        if timeout_s and not adapter.min_timeout_s <= timeout_s <= adapter.max_timeout_s:
            msg = (
                f"{self.id} takes {adapter.min_timeout_s} to {adapter.max_timeout_s} s, "
                f"or 0 to stop; {timeout_s} s was asked for"
            )
            raise ValueError(msg)
        return await self._run(adapter.cancel_all_after(timeout_s))

    def dead_man_switch(self, *, timeout_s: int = 60) -> DeadManSwitch:
        """Keep the exchange's dead man's switch from falling, for `async with`.

        It is told again four times in each `timeout_s`. When the block ends the switch is stopped;
        when the program dies, or cannot reach the exchange for so long, the exchange cancels all
        orders of the account.

        Raises:
            NotSupported: On entering: the exchange has no such switch.
            ValueError: On entering: the exchange does not take that time.
            RequestError: On entering: it could not be started.
        """
        return DeadManSwitch(self.cancel_all_after, timeout_s)

    async def cancel_list(self, client_list_id: str, symbol: str) -> OrderList:
        """Cancel all legs of a list."""
        private = await self._ready(gated=False)
        return await private.desk.cancel_list(client_list_id, self.instrument(symbol).symbol)

    async def fetch_open_lists(self) -> Sequence[OrderList]:
        """Ask for all open order lists."""
        return await self._run(self._able(OrderLists, "order lists").fetch_open_lists())

    async def fetch_order(self, order: Order | OrderRef | str, symbol: str | None = None) -> Order:
        """Ask the exchange for one order; raises OrderNotFound."""
        ref = self._ref(order, symbol)
        adapter = self._able(QueryOrders, "order queries")
        found = await self._run(adapter.fetch_order(ref, self.instrument(ref.symbol)))
        if found is None:
            raise OrderNotFound(self.id, "fetch order", UNKNOWN_ORDER)
        return found

    async def fetch_open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        """Ask for open orders, on all instruments if no symbol is given."""
        instrument = None if symbol is None else self.instrument(symbol)
        adapter = self._able(QueryOrders, "order queries")
        return await self._run(adapter.fetch_open_orders(instrument))

    async def fetch_orders(
        self,
        symbol: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Order]:
        """Ask for orders in any state, oldest first."""
        return await self._run(
            self._able(QueryOrders, "order queries").fetch_orders(
                self.instrument(symbol), since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    async def fetch_fills(
        self,
        symbol: str,
        *,
        order: Order | OrderRef | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Fill]:
        """Ask for the account's fills, oldest first; of one order if given."""
        return await self._run(
            self._able(QueryOrders, "order queries").fetch_fills(
                self.instrument(symbol),
                order=None if order is None else self._ref(order, None),
                since_ns=since_ns,
                until_ns=until_ns,
                limit=limit,
            )
        )

    async def reconcile(self) -> Reconciliation:
        """Compare journal, open orders, fills and balances with the exchange; repair and report.

        The first private call compares in any case; if it is this one, that is what it reports.
        """
        was_compared = self.last_reconciliation is not None
        private = await self._ready()
        first = private.desk.last_reconciliation
        return await private.desk.reconcile() if was_compared or first is None else first

    @property
    def last_reconciliation(self) -> Reconciliation | None:
        """What the last comparison with the exchange found; it is made again every minute."""
        return None if self._private is None else self._private.desk.last_reconciliation

    def orders(self, *, open_only: bool = True) -> list[Order]:
        """Give the account's orders as they are known here: open, or also those ended lately.

        Nothing is asked of the exchange; before the first private call nothing is known.
        """
        return [] if self._private is None else self._private.desk.orders(open_only=open_only)

    async def order_events(self, consumer: str, *, from_start: bool = False) -> OrderEvents:
        """Follow all orders through the journal, for `async for`: each change at least once.

        An event comes out of the transaction that moved the order's state, and only once that is
        durable. It counts as dealt with when the next one is asked for; after a crash the one
        that was being dealt with comes again, under the same `number`.

        Args:
            consumer: Names who reads; where it left off is kept under this name.
            from_start: A consumer that was never here before begins with the oldest event in the
                journal, not with the next one.

        Raises:
            StoreError: The journal could not be read.
        """
        private = await self._ready(gated=False)
        return await private.desk.events(consumer, from_start=from_start)

    async def stop(self, *, within_s: float = 10.0, cancel_orders: bool = False) -> Stopped:
        """Place nothing more, let what is under way end, and say what is left.

        Leaving the handle's context does the same with 5 s, and cancels nothing. Safe to repeat.

        Args:
            within_s: How long all of it may take, in seconds.
            cancel_orders: Cancel the open orders of ours first; those of others stay.
        """
        if self._private is None:
            return Stopped()
        return await self._private.stop(within_s=within_s, cancel_orders=cancel_orders)

    async def history(self, order: Order | OrderRef) -> Sequence[HistoryEntry]:
        """Give everything that the journal has of an order, oldest first."""
        private = await self._ready(gated=False)
        return await private.history(self._ref(order, None))

    # Account

    async def fetch_balances(self) -> Sequence[Balance]:
        """Ask for all balances that are not zero."""
        return await self._run(self._able(Account, "account queries").fetch_balances())

    async def fetch_fees(self, symbol: str) -> FeeRates:
        """Ask what the account pays on `symbol`."""
        adapter = self._able(Account, "account queries")
        return await self._run(adapter.fetch_fees(self.instrument(symbol)))

    async def fetch_key_permissions(self) -> KeyPermissions:
        """Ask what the key may do: whether it may trade, before it has to.

        Raises:
            NotSupported: The exchange does not say.
        """
        adapter = self._able(InspectKey, "telling what a key may do")
        return await self._run(adapter.fetch_key_permissions())

    async def fetch_ledger(
        self,
        asset: str | None = None,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[LedgerEntry]:
        """Ask for what moved the account's balances, oldest first; the newest `limit` of it."""
        return await self._run(
            self._able(Ledger, "ledgers").fetch_ledger(
                asset, since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    async def fetch_order_usage(self) -> Sequence[BudgetUsage]:
        """Ask how many orders the account has used of its limits."""
        return await self._run(self._able(OrderUsage, "order counts").fetch_order_usage())

    # Market data

    async def fetch_time(self) -> int:
        """Ask for the exchange's clock, in nanoseconds since the epoch."""
        return await self._run(self._able(ExchangeInfo, "exchange info").fetch_time())

    async def fetch_status(self) -> ExchangeStatus:
        """Ask whether the exchange takes requests."""
        return await self._run(self._able(ExchangeInfo, "exchange info").fetch_status())

    async def fetch_trades(self, symbol: str, *, limit: int = 100) -> Sequence[Trade]:
        """Ask for the newest public trades, oldest first."""
        adapter = self._able(MarketData, "market data")
        return await self._run(adapter.fetch_trades(self.instrument(symbol), limit=limit))

    async def fetch_aggregate_trades(
        self,
        symbol: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 100,
    ) -> Sequence[Trade]:
        """Ask for public trades in which one taker at one price is one row."""
        return await self._run(
            self._able(AggregateTrades, "aggregate trades").fetch_aggregate_trades(
                self.instrument(symbol), since_ns=since_ns, until_ns=until_ns, limit=limit
            )
        )

    async def fetch_candles(
        self,
        symbol: str,
        interval: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 500,
    ) -> Sequence[Candle]:
        """Ask for candles, oldest first; the last may be open.

        Raises:
            ValueError: The exchange has no such interval.
        """
        adapter = self._able(MarketData, "market data")
        check_interval(adapter, interval, self.id)
        return await self._run(
            adapter.fetch_candles(
                self.instrument(symbol),
                interval,
                since_ns=since_ns,
                until_ns=until_ns,
                limit=limit,
                now_ns=self._clock.now_ns(),
            )
        )

    async def fetch_book(self, symbol: str, *, depth: int = 100) -> BookSnapshot:
        """Ask for the best `depth` levels of each side."""
        adapter = self._able(MarketData, "market data")
        return await self._run(adapter.fetch_book(self.instrument(symbol), depth=depth))

    async def fetch_ticker(self, symbol: str) -> Ticker:
        """Ask for the 24-hour figures of one instrument."""
        adapter = self._able(MarketData, "market data")
        (ticker,) = await self._run(adapter.fetch_tickers([self.instrument(symbol)]))
        return ticker

    async def fetch_tickers(self, symbols: Sequence[str] | None = None) -> Sequence[Ticker]:
        """Ask for 24-hour figures, of all instruments if no symbols are given."""
        chosen = None if symbols is None else [self.instrument(symbol) for symbol in symbols]
        return await self._run(self._able(MarketData, "market data").fetch_tickers(chosen))

    # Streams

    def book(self, symbol: str, *, max_age_s: float | None = None) -> LiveBook:
        """Keep the book of `symbol` in step; for `async with`.

        `await book.ready()` waits until it is live; `async for` gives each change after it has
        been applied.

        Args:
            symbol: Whose book.
            max_age_s: Longest silence, and longest delay of a change by the exchange's clock, in
                seconds, > 0, with which the book is served as live; after that it is stale and
                joined anew. None: silence is a quiet market as long as the connection lives.
        """
        adapter = self._able(Stream, "streams")
        market = self._able(MarketData, "market data")
        instrument = self.instrument(symbol)
        depth = adapter.book_keeping().depth

        async def fetch() -> BookSnapshot:
            return await self._run(market.fetch_book(instrument, depth=depth))

        return LiveBook(
            hub=self._streams(),
            instrument=instrument,
            keeping=adapter.book_keeping(),
            fetch=fetch,
            max_age_s=max_age_s,
        )

    async def account_events(
        self, **options: Unpack[StreamOptions]
    ) -> EventStream[StreamEvent | StreamReport]:
        """Stream the account's orders, fills and balances; options as of `trades`."""
        await self._ready(gated=False)
        return self._streams().subscribe(Subscription(Topic.ACCOUNT), **options)

    def on_stream_event(self, observer: Callable[[object], None]) -> None:
        """Call `observer` with every state change and gap of this exchange's streams."""
        self._streams().observe(observer)

    # Behind it

    def _streams(self) -> StreamHub:
        if self._hub is None:
            raise NotSupported(self.id, "streams")
        return self._hub

    async def _ready(self, *, gated: bool = True) -> PrivateSide:
        """Give the private side, started; behind the gate only once what was open is resolved."""
        if self._private is None:
            raise NotSupported(
                f"{self.id} without a key",
                "orders and account; set api_key and secret for "
                f"exchanges.{self.id}.accounts.{self.account}",
            )
        if gated:
            await self._private.ready()
        return self._private

    def _able(self, capability: type[A], words: str) -> A:
        if isinstance(self._adapter, capability):
            return self._adapter
        raise NotSupported(self.id, words, why_not(type(self._adapter), capability))

    async def _run(self, steps: Steps[T]) -> T:
        return await self._caller.run(steps, wait_s=self._limit_wait_s)

    def _ref(self, order: Order | OrderRef | str, symbol: str | None) -> OrderRef:
        if isinstance(order, OrderRef):
            return order
        if isinstance(order, Order):
            return order.ref
        if symbol is None:
            msg = f"order {order!r} is named by its client order id alone; give its symbol too"
            raise ValueError(msg)
        return OrderRef(symbol=Symbol(symbol), client_order_id=ClientOrderId(order))
