"""`venuekit demo`: the whole main job over real connections, each step checked.

Every step says what it saw; a step whose claim does not hold ends the demo with exit code 1. The
simulator, its faults and the client speak HTTP and WebSocket over loopback, nothing is mocked.
"""

import asyncio
import json
import sys
import tempfile
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

import attrs
from rich.console import Console

import venuekit
from venuekit.client import Exchange
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.model import (
    Balance,
    BalancesEvent,
    Instrument,
    InstrumentStatus,
    OrderEvent,
    OrderPhase,
    OrderRefused,
    StreamEvent,
    limit_buy,
    market_buy,
    on_grid,
    plain,
)
from venuekit.plugin.discovery import Plugins
from venuekit.sim.faults import Fault, FaultKind

STREAMING_S: Final = 4.0
PATIENCE_S: Final = 15.0
LONGEST_S: Final = 55.0


class StepFailed(Exception):
    """Something that the demo claims did not happen."""


def expect(holds: bool, claim: str) -> None:  # noqa: FBT001  # reads as a sentence at its calls
    """End the demo unless `claim` holds."""
    if not holds:
        raise StepFailed(claim)


@attrs.define
class Teller:
    """Tells what happens: lines for people, or one JSON object a line for programs."""

    as_json: bool
    console: Console
    started: float = attrs.field(factory=time.perf_counter)
    number: int = 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self.number += 1
        if self.as_json:
            self._write({"event": "step", "number": self.number, "title": title})
        else:
            self.console.print(f"\n[bold]{self.number:>2}  {title}[/]")

    def say(self, event: str, text: str, /, **data: object) -> None:
        """Report one thing: `text` to people, `event` with `data` to programs."""
        if self.as_json:
            self._write({"event": event, "step": self.number, **data})
        else:
            wrapped = textwrap.wrap(text, max(40, min(self.console.width, 100) - 4))
            self.console.print(*(f"    {part}" for part in wrapped), sep="\n", highlight=False)

    def _write(self, record: dict[str, object]) -> None:
        record["at_s"] = round(time.perf_counter() - self.started, 3)
        sys.stdout.write(json.dumps(record, default=str) + "\n")
        sys.stdout.flush()


class Watch:
    """Collects what the account stream says, for steps that wait for something to be seen."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.orders: list[OrderEvent] = []
        self.balances: dict[str, Balance] = {}
        self.balance_events = 0
        self._news = asyncio.Event()

    async def follow(self, events: AsyncIterator[StreamEvent]) -> None:
        """Read the stream until it ends."""
        async for event in events:
            if isinstance(event, OrderEvent):
                self.orders.append(event)
            elif isinstance(event, BalancesEvent):
                self.balance_events += 1
                self.balances |= {balance.asset: balance for balance in event.balances}
            self._news.set()

    async def until(self, seen: Callable[[OrderEvent], bool], claim: str) -> OrderEvent:
        """Wait until an order event satisfies `seen`; StepFailed after PATIENCE_S."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for event in self.orders:
                        if seen(event):
                            return event
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise StepFailed(claim) from None


def short(amount: Decimal) -> str:
    """Write an amount for people, without the zeros that a wire carries at its end."""
    return plain(amount.normalize())


def some(instrument: Instrument) -> Decimal:
    """Choose a small quantity that keeps every rule."""
    return on_grid(instrument.quantity.minimum * 1000, instrument.quantity.step, rounding="down")


def chosen_instrument(ex: Exchange) -> Instrument:
    """Take BTC/USDT where it is listed, else the first instrument that trades."""
    for symbol in ("BTC/USDT", "BTC/USD", *ex.instruments):
        instrument = ex.instruments.get(symbol)
        if instrument is not None and instrument.status is InstrumentStatus.TRADING:
            return instrument
    raise StepFailed("the exchange lists an instrument that trades")


async def show_exchange(ex: Exchange, tell: Teller) -> None:
    """Say which plugin was found and how far the exchange's clock is."""
    tell.step("Choose an exchange by configuration, find its plugin")
    found = next(entry for entry in Plugins().list_plugins() if entry.id == ex.id)
    tell.say(
        "found_plugin",
        f"{found.distribution} {found.version}, found by its entry point, {found.status.value}",
        distribution=found.distribution,
        version=found.version,
        status=found.status.value,
    )
    tell.say(
        "plugin",
        f"{ex.title} ({ex.id}), environment {ex.environment}, account {ex.account}",
        exchange=ex.id,
        title=ex.title,
        environment=ex.environment,
        capabilities=ex.capabilities,
    )
    tell.say("simulator", f"simulator at {ex.address}", address=ex.address)
    tell.say("capabilities", "can: " + ", ".join(ex.capabilities), capabilities=ex.capabilities)
    expect("place" in ex.capabilities, "the exchange takes orders")

    tell.step("Clock and latency")
    tell.say(
        "clock",
        f"offset {ex.clock_offset_ns / 1e6:+.3f} ms, round trip {ex.latency_ns / 1e6:.3f} ms",
        offset_ns=ex.clock_offset_ns,
        latency_ns=ex.latency_ns,
    )
    expect(ex.latency_ns > 0, "a round trip takes time")


async def show_rules(ex: Exchange, instrument: Instrument, tell: Teller) -> None:
    """Show an instrument's rules, then have an order refused for breaking them."""
    tell.step(f"Rules of {instrument.symbol}, one of {len(ex.instruments)} instruments")
    price, quantity = instrument.price, instrument.quantity
    tell.say(
        "rules",
        f"tick {short(price.step)}, step {short(quantity.step)}, "
        f"quantity {short(quantity.minimum)} to {short(quantity.maximum)}, "
        f"notional from {short(instrument.notional.minimum)} {instrument.quote}",
        symbol=instrument.symbol,
        tick=plain(price.step),
        step=plain(quantity.step),
        minimum_notional=plain(instrument.notional.minimum),
    )

    tell.step("An order that breaks the rules is refused here; nothing is sent")
    book = await ex.fetch_book(instrument.symbol, depth=5)
    off_tick = book.bids[0][0] + price.step / 4
    before = len(await ex.fetch_orders(instrument.symbol))
    try:
        await ex.place(limit_buy(instrument.symbol, some(instrument), off_tick))
    except OrderRefused as refused:
        for violation in refused.violations:
            tell.say(
                "refused",
                f"{violation.reason}: {violation}",
                reason=violation.reason,
                text=str(violation),
                nearest=[plain(v) for v in violation.nearest],
            )
        expect(
            any(v.reason == "price.off_tick" and v.nearest for v in refused.violations),
            "the refusal names the tick and the nearest valid prices",
        )
    else:
        raise StepFailed("the order off the tick was refused")
    after = len(await ex.fetch_orders(instrument.symbol))
    expect(before == after, "the exchange saw no order")


async def show_limit_order(
    ex: Exchange, instrument: Instrument, watch: Watch, tell: Teller
) -> None:
    """Place a limit order that fills in part, watch it on the stream, cancel the rest."""
    tell.step("A limit order: placed, seen on the account stream, partly filled, canceled")
    book = await ex.fetch_book(instrument.symbol, depth=20)
    price, top = book.asks[0]
    # More than stands at this price by far: the first part trades at once, the rest waits.
    quantity = on_grid(top * 50, instrument.quantity.step, rounding="down")
    order = await ex.place(limit_buy(instrument.symbol, quantity=quantity, price=price))
    tell.say(
        "placed",
        f"buy {short(quantity)} at {short(price)}: {order.phase.value.replace('_', ' ')}, "
        f"client order id {order.client_order_id}",
        client_order_id=order.client_order_id,
        phase=order.phase.value,
    )
    seen = await watch.until(
        lambda e: e.order.client_order_id == order.client_order_id and e.fill is not None,
        "a fill of the order was seen on the account stream",
    )
    assert seen.fill is not None
    tell.say(
        "fill",
        f"stream: filled {short(seen.fill.quantity)} at {short(seen.fill.price)}, "
        f"{short(seen.order.filled)} of {short(quantity)} so far",
        trade_id=seen.fill.trade_id,
        quantity=plain(seen.fill.quantity),
        price=plain(seen.fill.price),
    )
    last = await ex.cancel(order)
    tell.say(
        "canceled",
        f"{last.phase.value} after {short(last.filled)} of {short(quantity)}",
        phase=last.phase.value,
        filled=plain(last.filled),
    )
    expect(last.phase is OrderPhase.CANCELED, "the rest was canceled")
    expect(0 < last.filled < quantity, "the order was partly filled")
    await watch.until(
        lambda e: (
            e.order.client_order_id == order.client_order_id
            and e.order.phase is OrderPhase.CANCELED
        ),
        "the cancel was seen on the account stream",
    )


async def show_lost_answer(ex: Exchange, instrument: Instrument, tell: Teller) -> None:
    """Lose the answer of a market order on the way; have its true outcome found."""
    tell.step("A market order whose answer is lost on the way")
    simulator = ex.simulator
    if simulator is None:
        raise StepFailed("an embedded simulator is running")
    simulator.dialect.faults.add(
        Fault(kind=FaultKind.DROP_AFTER, method="POST"),
        # The account stream would tell of the order at once; it is late too.
        Fault(kind=FaultKind.MESSAGE_DELAY, topic="user/*", delay_s=1.0, count=3),
    )
    before = {order.client_order_id for order in await ex.fetch_orders(instrument.symbol)}
    started = time.perf_counter()
    order = await ex.place(market_buy(instrument.symbol, some(instrument)))
    took_s = time.perf_counter() - started
    history = await ex.history(order)
    for entry in history:
        phase = entry.phase.value if entry.phase else ""
        after_ms = (entry.time_ns - history[0].time_ns) / 1e6
        tell.say(
            "history",
            f"{after_ms:7.1f} ms  {entry.kind.value:<8}{phase}",
            kind=entry.kind.value,
            phase=phase,
            after_ms=after_ms,
        )
    tell.say(
        "found",
        f"true outcome after {took_s:.2f} s: {order.phase.value}, {short(order.filled)} "
        f"{instrument.base} bought at {order.average_price or 0:.2f}",
        client_order_id=order.client_order_id,
        phase=order.phase.value,
        filled=plain(order.filled),
    )
    expect(
        any(f.fault.kind is FaultKind.DROP_AFTER for f in simulator.dialect.faults.fired),
        "the answer was lost",
    )
    expect(order.phase is OrderPhase.FILLED, "the order was found filled")
    expect(
        OrderPhase.UNKNOWN in {entry.phase for entry in history},
        "its outcome was unknown in between",
    )
    new = [o for o in await ex.fetch_orders(instrument.symbol) if o.client_order_id not in before]
    expect(len(new) == 1, "the exchange has exactly one new order")
    tell.say("one_order", "the exchange has exactly one new order", new=len(new))


async def show_streams(ex: Exchange, instrument: Instrument, watch: Watch, tell: Teller) -> None:
    """Stream book, trades and balances side by side."""
    tell.step(f"Book, trades and balances, streaming for {STREAMING_S:g} s")
    symbol, counts = instrument.symbol, {"changes": 0, "trades": 0}

    async def read_trades() -> None:
        async with ex.trades(symbol) as trades:
            async for trade in trades:
                counts["trades"] += 1
                if counts["trades"] <= 3:
                    tell.say(
                        "trade",
                        f"trade  {trade.side.value:<4} {short(trade.quantity)} "
                        f"at {short(trade.price)}",
                        price=plain(trade.price),
                        quantity=plain(trade.quantity),
                    )

    async def read_book() -> None:
        async with ex.book(symbol) as live:
            await live.ready()
            shown = 0.0
            async for _ in live:
                counts["changes"] += 1
                bid, ask = live.book.best_bid(), live.book.best_ask()
                expect(bid is not None and ask is not None and bid[0] < ask[0], "bid below ask")
                assert bid is not None
                assert ask is not None
                if time.perf_counter() - shown > 1:
                    shown = time.perf_counter()
                    tell.say(
                        "book",
                        f"book   bid {short(bid[1])} at {short(bid[0])}, "
                        f"ask {short(ask[1])} at {short(ask[0])}",
                        bid=plain(bid[0]),
                        ask=plain(ask[0]),
                    )

    seen = watch.balance_events
    readers = [asyncio.create_task(read_trades()), asyncio.create_task(read_book())]
    try:
        await asyncio.sleep(STREAMING_S / 2)
        await ex.place(market_buy(symbol, some(instrument)))
        await asyncio.sleep(STREAMING_S / 2)
    finally:
        for reader in readers:
            reader.cancel()
        ended = await asyncio.gather(*readers, return_exceptions=True)
    for end in ended:
        if isinstance(end, Exception):
            raise end
    tell.say(
        "streamed",
        f"{counts['changes']} book changes, {counts['trades']} trades, "
        f"{watch.balance_events - seen} balance updates",
        **counts,
        balance_updates=watch.balance_events - seen,
    )
    for asset in (instrument.base, instrument.quote):
        balance = watch.balances[asset]
        tell.say(
            "balance",
            f"{asset:<5} free {short(balance.free)}, locked {short(balance.locked)}",
            asset=asset,
            free=plain(balance.free),
            locked=plain(balance.locked),
        )
    expect(counts["changes"] > 0, "the book moved")
    expect(counts["trades"] > 0, "trades streamed")
    expect(watch.balance_events > seen, "balances streamed")


async def show_reconciliation(ex: Exchange, watch: Watch, tell: Teller) -> None:
    """Compare journal, exchange and stream to the last digit."""
    tell.step("Reconciliation: journal, exchange and stream agree to the last digit")
    report = await ex.reconcile()
    tell.say(
        "reconciled",
        f"{len(report.sums)} orders add up to their {report.fills} fills, "
        f"{report.balances} balances compared, {report.orders} orders still open; "
        f"{len(report.differences)} differences",
        orders=len(report.sums),
        fills=report.fills,
        balances=report.balances,
        differences=[str(difference) for difference in report.differences],
    )
    for difference in report.differences:
        tell.say("difference", str(difference), text=str(difference))
    fetched = {balance.asset: balance for balance in await ex.fetch_balances()}
    for asset, streamed in watch.balances.items():
        known = fetched.get(asset)
        free, locked = (known.free, known.locked) if known else (Decimal(0), Decimal(0))
        expect(
            (free, locked) == (streamed.free, streamed.locked),
            f"the stream and the exchange agree on {asset}",
        )
    expect(report.is_clean, "nothing differs, and every order is the sum of its fills")
    expect(len(report.sums) >= 3, "the orders of the demo were compared")


@asynccontextmanager
async def watching(ex: Exchange) -> AsyncIterator[Watch]:
    """Follow the account stream while the context lasts."""
    watch = Watch()
    events = await ex.account_events()
    task = asyncio.create_task(watch.follow(events), name="demo: account stream")
    try:
        yield watch
    finally:
        await events.aclose()
        task.cancel()
        await asyncio.wait([task])


async def story(exchange: str, config: Configuration, tell: Teller) -> None:
    """Run all steps on one exchange."""
    async with venuekit.open(exchange, environment="sim", config=config) as ex:
        await show_exchange(ex, tell)
        instrument = chosen_instrument(ex)
        await show_rules(ex, instrument, tell)
        async with watching(ex) as watch:
            await show_limit_order(ex, instrument, watch, tell)
            await show_lost_answer(ex, instrument, tell)
            await show_streams(ex, instrument, watch, tell)
            await show_reconciliation(ex, watch, tell)


def run(*, json: bool, exchange: str) -> int:  # named like the option
    """Run the demo and give the exit code: 0 only if everything it shows really happened."""
    tell = Teller(as_json=json, console=Console())
    failure = asyncio.run(_told(exchange, tell))
    took_s = time.perf_counter() - tell.started
    if failure is None:
        tell.step("Done")
        tell.say("done", f"all of it happened, in {took_s:.1f} s", ok=True, took_s=round(took_s, 1))
        return 0
    tell.say("failed", f"[red]did not hold:[/] {failure}", ok=False, claim=failure)
    return 1


async def _told(exchange: str, tell: Teller) -> str | None:
    """Tell the story; give the claim that did not hold, if any."""
    # A file of its own: what a demonstration leaves behind must not meet a real journal.
    with tempfile.TemporaryDirectory(prefix="venuekit-demo-") as folder:
        config = configuration_from_text(f'[store]\nurl = "sqlite:{folder}/journal.db"\n')
        try:
            async with asyncio.timeout(LONGEST_S):
                await story(exchange, config, tell)
        except StepFailed as failed:
            return str(failed)
        except TimeoutError:
            return f"the demo ends within {LONGEST_S:g} s"
    return None
