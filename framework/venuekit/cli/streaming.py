"""The command `stream`: one line for each event, until it is interrupted or has enough."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

from cyclopts.types import PositiveFloat, PositiveInt

from venuekit.cli.exits import UsageError
from venuekit.cli.market import clock_time
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.records import record
from venuekit.cli.screen import amount
from venuekit.cli.session import MakeSession, Session
from venuekit.model import (
    BalanceDelta,
    BalancesEvent,
    BestPrice,
    BookNotLive,
    BookSnapshot,
    Candle,
    Gap,
    OrderEvent,
    StreamStateChanged,
    Ticker,
    Trade,
    plain,
)

if TYPE_CHECKING:
    from venuekit.client import Exchange

Topic = Literal["trades", "ticker", "best-price", "candles", "book", "account"]


class StreamCommands:
    """Follow what an exchange publishes."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    async def stream(
        self,
        exchange: str,
        topic: Topic,
        symbol: str | None = None,
        /,
        *,
        interval: str = "1m",
        depth: PositiveInt = 5,
        count: PositiveInt | None = None,
        seconds: PositiveFloat | None = None,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Follow a stream until Ctrl-C; gaps and lost connections are part of what is printed.

        Args:
            exchange: Id of the exchange.
            topic: What to follow; account means orders, fills and balances.
            symbol: Instrument, such as BTC/USDT; every topic but account needs it.
            interval: Of candles.
            depth: Levels of each side of the book.
            count: End after so many events.
            seconds: End after so long.
        """
        session = self._begin(options)
        if (symbol is None) != (topic == "account"):
            need = "takes no" if topic == "account" else "needs a"
            raise UsageError(f"stream {topic} {need} SYMBOL")
        async with session.opened(exchange) as ex:
            events = _events(ex, topic, symbol or "", interval=interval, depth=depth)
            deadline = asyncio.timeout(seconds)
            try:
                async with deadline, contextlib.aclosing(events):
                    await _print(session, events, count)
            except TimeoutError:
                if not deadline.expired():
                    raise


async def _print(session: Session, events: AsyncIterator[Any], count: int | None) -> None:
    printed = 0
    while count is None or printed < count:
        # Only the first event is waited for with patience: later silence is the market's.
        waiting = session.screen.waiting("waiting for the first event")
        with waiting if printed == 0 else contextlib.nullcontext():
            event = await anext(events, None)
        if event is None:
            return
        kind, text = _described(event)
        session.screen.tell({"event": kind, **record(event)}, text)
        printed += not isinstance(event, (Gap, StreamStateChanged))


async def _events(
    ex: "Exchange", topic: Topic, symbol: str, *, interval: str, depth: int
) -> AsyncGenerator[Any, None]:
    """Give the events of a topic, with gaps and changes of state among them."""
    if topic == "book":
        from venuekit.streams import Policy

        async with ex.book(symbol) as live:
            await live.ready()
            # Whole books are printed: a reader that falls behind wants the newest, not all.
            updates = live.updates(policy=Policy.NEWEST, with_states=True)
            async with contextlib.aclosing(updates):
                yield live.book.snapshot(depth)
                async for change in updates:
                    if isinstance(change, (Gap, StreamStateChanged)):
                        yield change
                        continue
                    with contextlib.suppress(BookNotLive):  # its change of state says so itself
                        yield live.book.snapshot(depth)
        return
    opened: Any
    match topic:
        case "trades":
            opened = ex.trades(symbol, with_states=True)
        case "ticker":
            opened = ex.ticker(symbol, with_states=True)
        case "best-price":
            opened = ex.best_price(symbol, with_states=True)
        case "candles":
            try:
                opened = ex.candles(symbol, interval, with_states=True)
            except ValueError as error:
                raise UsageError(str(error)) from error
        case "account":
            opened = ex.account_events(with_states=True)
    stream = await opened if inspect.isawaitable(opened) else opened
    async with contextlib.aclosing(stream):
        async for event in stream:
            yield event


def _described(event: Any) -> tuple[str, str]:
    """Name an event for programs, and put it into words."""
    match event:
        case Trade():
            words = f"{event.side.value:<4} {plain(event.quantity)} at {plain(event.price)}"
            return "trade", f"{clock_time(event.time_ns)}  {words}"
        case Ticker():
            best = f"bid {amount(event.bid)}  ask {amount(event.ask)}"
            return "ticker", f"{clock_time(event.time_ns)}  last {amount(event.last)}  {best}"
        case BestPrice():
            bid = f"{plain(event.bid_quantity)} @ {plain(event.bid)}"
            return "best_price", f"{bid} | {plain(event.ask)} @ {plain(event.ask_quantity)}"
        case Candle():
            return "candle", _candle(event)
        case BookSnapshot():
            return "book", _book(event)
        case OrderEvent():
            return "order", _order(event)
        case BalancesEvent():
            held = ", ".join(
                f"{b.asset} {plain(b.free)} free {plain(b.locked)} locked" for b in event.balances
            )
            return "balances", f"{clock_time(event.time_ns)}  {held}"
        case BalanceDelta():
            return "balance_change", f"{event.asset} {plain(event.amount)}"
        case Gap():
            return "gap", f"GAP: events may be missing; {event.text or event.stream}"
        case StreamStateChanged():
            return "state", f"stream {event.state.value} {event.text}".rstrip()
        case _:
            return "other", str(event)


def _candle(candle: Candle) -> str:
    values = (candle.open, candle.high, candle.low, candle.close)
    end = "closed" if candle.is_closed else "grows"
    return f"{clock_time(candle.open_time_ns)}  {' '.join(map(plain, values))}  {end}"


def _book(book: BookSnapshot) -> str:
    bids = " ".join(f"{plain(quantity)}@{plain(price)}" for price, quantity in book.bids[:2][::-1])
    asks = " ".join(f"{plain(quantity)}@{plain(price)}" for price, quantity in book.asks[:2])
    return f"{bids} | {asks}"


def _order(event: OrderEvent) -> str:
    order = event.order
    words = (
        f"{order.symbol} {order.side.value} {order.type.value} "
        f"{order.phase.value} {plain(order.filled)}/{amount(order.quantity)}"
    )
    if event.fill is not None:
        words += f", +{plain(event.fill.quantity)} at {plain(event.fill.price)}"
    return f"{clock_time(order.updated_ns)}  {words}"
