"""The command line with everything handed in: a small exchange, streams in memory, settings."""

import io
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Self

import attrs
import pytest

from venuekit.cli.command_line import CommandLine
from venuekit.limits import BudgetState
from venuekit.model import (
    Balance,
    BestPrice,
    BookChange,
    BookSnapshot,
    Candle,
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Gap,
    Grid,
    Instrument,
    InstrumentNotFound,
    Instruments,
    InstrumentStatus,
    Order,
    OrderEvent,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Side,
    StreamState,
    StreamStateChanged,
    Symbol,
    Ticker,
    Trade,
)
from venuekit.orders import Reconciliation
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks

T0 = 1_700_000_000_123_456_789
BTC = Symbol("BTC/USDT")
D = Decimal

INSTRUMENT = Instrument(
    symbol=BTC,
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(D("0.01"), D("0.01"), D(1000000)),
    quantity=Grid(D("0.00001"), D("0.00001"), D(9000)),
    order_types=frozenset({"limit", "market"}),
)
TRADE = Trade(
    symbol=BTC,
    trade_id="7",
    price=D("30000.10"),
    quantity=D("0.00100"),
    side=Side.BUY,
    time_ns=T0,
)
BOOK = BookSnapshot(
    symbol=BTC,
    bids=((D("29999.90"), D("1.5")), (D("29999.80"), D("0.00000001"))),
    asks=((D("30000.00"), D("2")),),
    update_id=9,
    time_ns=T0,
)
ORDER = Order(
    symbol=BTC,
    side=Side.BUY,
    type=OrderType.LIMIT,
    phase=OrderPhase.PARTIALLY_FILLED,
    client_order_id=ClientOrderId("vk-0123456789abcdef0123456789"),
    exchange_order_id=ExchangeOrderId("42"),
    quantity=D("0.1"),
    price=D(30000),
    filled=D("0.04"),
    filled_quote=D(1200),
    created_ns=T0,
    updated_ns=T0,
)
FILL = Fill(
    symbol=BTC,
    trade_id="7",
    exchange_order_id=ExchangeOrderId("42"),
    side=Side.BUY,
    price=D(30000),
    quantity=D("0.04"),
    fee=Fee(D("0.00004"), "BTC"),
    time_ns=T0,
)
TICKER = Ticker(symbol=BTC, last=D("30000.10"), bid=D("29999.90"), ask=D(30000), time_ns=T0)
CANDLE = Candle(
    symbol=BTC,
    interval="1m",
    open_time_ns=T0 - T0 % 60_000_000_000,
    open=D(1),
    high=D(4),
    low=D("0.5"),
    close=D(2),
    volume=D(100),
    is_closed=False,
)
BEST = BestPrice(symbol=BTC, bid=D(1), bid_quantity=D(2), ask=D(3), ask_quantity=D(4))


@pytest.fixture(scope="session", autouse=True)
def _hear_interrupts() -> Iterator[None]:
    """Let the commands that tests start hear Ctrl-C.

    A shell starts what it runs in the background deaf to it, and children inherit that; a handler
    is not inherited, so that whatever hears it here starts children that hear it too.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Live:
    """A live book."""

    def __init__(self, events: Sequence[Any]) -> None:
        self.events = events
        self.book = self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def ready(self) -> None:
        pass

    def snapshot(self, depth: int) -> BookSnapshot:
        return attrs.evolve(BOOK, bids=BOOK.bids[:depth], asks=BOOK.asks[:depth])

    async def updates(self, *, policy: object, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        for event in self.events:
            yield event


@attrs.define
class FakeExchange:
    """What the commands use of an open exchange; notes what it was asked."""

    id: str = "acme"
    title: str = "Acme \x1b[31mExchange"
    environment: str = "sim"
    account: str = "default"
    address: str | None = "127.0.0.1:8080"
    capabilities: tuple[str, ...] = ("place", "cancel", "market data")
    lacks: Mapping[str, str] = attrs.field(
        factory=lambda: {"custody": "the plugin does not yet: \x1b[31mtold nowhere"}
    )
    clock_offset_ns: int = -1_500_000
    latency_ns: int = 2_250_000
    instruments: Instruments = attrs.field(factory=lambda: Instruments([INSTRUMENT]))
    asked: list[Any] = attrs.field(factory=list)
    answers: dict[str, Any] = attrs.field(factory=dict)
    make_stream: Callable[[], AsyncIterator[Any]] | None = None

    def _answer(self, what: str, default: Any, *noted: Any) -> Any:
        self.asked.append((what, *noted))
        answer = self.answers.get(what, default)
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def instrument(self, symbol: str) -> Instrument:
        if symbol not in self.instruments:
            raise InstrumentNotFound("acme", symbol, ["BTC/USDT"])
        return self.instruments[symbol]

    def limits(self) -> list[Any]:
        weight = BudgetState(
            name="weight",
            used=20,
            others=0,
            capacity=6000,
            interval_s=60,
            waiting=0,
            resets_in_s=12.5,
            is_paused=False,
        )
        return list(self._answer("limits", [weight]))

    async def place(self, request: OrderRequest, **options: Any) -> Any:
        return self._answer("place", ORDER, request, options)

    async def validate(self, request: OrderRequest) -> None:
        self._answer("validate", None, request)

    async def cancel(self, ref: OrderRef) -> Any:
        return self._answer("cancel", attrs.evolve(ORDER, phase=OrderPhase.CANCELED), ref)

    async def cancel_all(self, symbol: str) -> Any:
        return self._answer("cancel_all", [], symbol)

    async def fetch_open_orders(self, symbol: str | None = None) -> Any:
        return self._answer("fetch_open_orders", [ORDER], symbol)

    async def fetch_orders(self, symbol: str, *, limit: int) -> Any:
        return self._answer("fetch_orders", [ORDER, ORDER], symbol, limit)

    async def fetch_fills(self, symbol: str, *, limit: int) -> Any:
        return self._answer("fetch_fills", [FILL], symbol, limit)

    async def reconcile(self) -> Any:
        return self._answer(
            "reconcile", Reconciliation(begun_ns=T0, ended_ns=T0, orders=0, fills=0, balances=0)
        )

    async def fetch_balances(self) -> Any:
        balance = Balance(asset="BTC", free=D("0.10"), locked=D("0.00000001"), updated_ns=T0)
        return self._answer("fetch_balances", [balance])

    async def fetch_trades(self, symbol: str, *, limit: int) -> Any:
        return self._answer("fetch_trades", [TRADE], symbol, limit)

    async def fetch_candles(self, symbol: str, interval: str, *, limit: int) -> Any:
        return self._answer("fetch_candles", [CANDLE], symbol, interval, limit)

    async def fetch_book(self, symbol: str, *, depth: int) -> Any:
        return self._answer("fetch_book", BOOK, symbol, depth)

    async def fetch_ticker(self, symbol: str) -> Any:
        return self._answer("fetch_ticker", TICKER, symbol)

    async def fetch_tickers(self) -> Any:
        return self._answer("fetch_tickers", [TICKER])

    def _stream(self, what: str, events: Sequence[Any]) -> AsyncIterator[Any]:
        events = self._answer(what, events)

        async def generate() -> AsyncIterator[Any]:
            for event in events:
                if isinstance(event, BaseException):
                    raise event
                yield event

        return generate()

    def trades(self, symbol: str, *, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        assert symbol == BTC
        state = StreamStateChanged(stream="trades BTC/USDT", state=StreamState.STALE)
        gap = Gap(stream="trades BTC/USDT", text="reconnected")
        return self._stream("trades", [TRADE, state, gap, TRADE, TRADE])

    def ticker(self, symbol: str, *, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        return self.make_stream() if self.make_stream else self._stream("ticker", [TICKER])

    def best_price(self, symbol: str, *, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        return self._stream("best_price", [BEST])

    def candles(self, symbol: str, interval: str, *, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        return self._stream("candles", [CANDLE])

    def book(self, symbol: str) -> Live:
        change = BookChange(symbol=BTC, bids=(), asks=())
        stale = StreamStateChanged(stream="book BTC/USDT", state=StreamState.STALE)
        return Live(self._answer("book", [change, stale, change]))

    async def account_events(self, *, with_states: bool) -> AsyncIterator[Any]:
        assert with_states
        return self._stream("account_events", [OrderEvent(order=ORDER, fill=FILL)])


@attrs.define
class Shell:
    """Runs commands as a person or a script would, and keeps what they print."""

    exchange: FakeExchange = attrs.field(factory=FakeExchange)
    variables: dict[str, str] = attrs.field(factory=dict)
    opened_with: list[dict[str, Any]] = attrs.field(factory=list)
    opening: BaseException | None = None
    stdin: io.StringIO = attrs.field(factory=io.StringIO)
    is_terminal: bool = False
    make_plugins: Callable[..., Plugins] = lambda _: Plugins(find=list)
    make_hooks: Callable[..., Hooks] = lambda _: Hooks(find=list)
    out: str = ""
    err: str = ""
    is_closed: bool = True

    def run(self, *tokens: str) -> int:
        stream = Terminal if self.is_terminal else io.StringIO
        stdout, stderr = stream(), stream()
        code = CommandLine(
            open_exchange=self._open,
            find_plugins=self.make_plugins,
            find_hooks=self.make_hooks,
            variables={"COLUMNS": "80", "TERM": "xterm", **self.variables},
            stdin=self.stdin,
            stdout=stdout,
            stderr=stderr,
        ).run(tokens)
        self.out, self.err = stdout.getvalue(), stderr.getvalue()
        return code

    def data(self) -> Any:
        """Give what --json printed: one value, or one for each line of a stream."""
        values = [json.loads(line) for line in self.out.splitlines()]
        return values[0] if len(values) == 1 else values

    @asynccontextmanager
    async def _open(self, exchange: str, **choices: Any) -> AsyncIterator[Any]:
        if self.opening is not None:
            raise self.opening
        self.opened_with.append({"exchange": exchange, **choices})
        self.is_closed = False
        try:
            yield self.exchange
        finally:
            self.is_closed = True


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)  # no venuekit.toml but the test's own
    return Shell(variables={"HOME": str(tmp_path)})
