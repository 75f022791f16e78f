"""The steps of the demo. Each shows one thing on an exchange, and fails if it did not happen.

They know no exchange: what differs between exchanges, the framework has made the same.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from venuekit.cli.demo_telling import StepFailed, Teller, Watch, expect, short
from venuekit.client import Exchange
from venuekit.model import (
    Instrument,
    InstrumentStatus,
    Order,
    OrderPhase,
    OrderRefused,
    Trade,
    limit_buy,
    market_buy,
    on_grid,
    plain,
)
from venuekit.plugin.discovery import Plugins
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.server import Simulator
from venuekit.stores import HistoryEntry, RecordKind

STREAMING_S: Final = 3.0
LATE_S: Final = 0.5
"""How late the account stream is while an answer is lost."""
_SHOWN_TRADES: Final = 3


def some(instrument: Instrument, price: Decimal) -> Decimal:
    """Choose a small quantity that keeps every rule at about `price`."""
    wanted = max(instrument.quantity.minimum * 100, instrument.notional.minimum * 20 / price)
    return on_grid(wanted, instrument.quantity.step, rounding="ceiling")


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
    most = f" to {short(quantity.maximum)}" if quantity.maximum else " or more"
    tell.say(
        "rules",
        f"tick {short(price.step)}, step {short(quantity.step)}, "
        f"quantity {short(quantity.minimum)}{most}, "
        f"notional from {short(instrument.notional.minimum)} {instrument.quote}",
        symbol=instrument.symbol,
        tick=plain(price.step),
        step=plain(quantity.step),
        minimum_notional=plain(instrument.notional.minimum),
    )

    tell.step("An order that breaks the rules is refused here; nothing is sent")
    book = await ex.fetch_book(instrument.symbol, depth=5)
    best = book.bids[0][0]
    try:
        await ex.place(limit_buy(instrument.symbol, some(instrument, best), best + price.step / 4))
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
    expect(not await ex.fetch_open_orders(instrument.symbol), "the exchange saw no order")


async def show_limit_order(
    ex: Exchange, instrument: Instrument, watch: Watch, tell: Teller
) -> None:
    """Place a limit order that fills in part, watch it on the stream, cancel the rest."""
    tell.step(f"A limit order: placed, seen {watch.where}, partly filled, canceled")
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
    if watch.has_stream:
        await _show_fill(order, quantity, watch, tell)
    last = await ex.cancel(order)
    tell.say(
        "canceled",
        f"{last.phase.value} after {short(last.filled)} of {short(quantity)}",
        phase=last.phase.value,
        filled=plain(last.filled),
    )
    expect(last.phase is OrderPhase.CANCELED, "the rest was canceled")
    expect(0 < last.filled < quantity, "the order was partly filled")
    await watch.until_told(
        order,
        lambda told: told.phase is OrderPhase.CANCELED,
        f"the cancel was seen {watch.where}",
    )
    await _show_trades(last, watch, tell)


async def _show_fill(order: Order, quantity: Decimal, watch: Watch, tell: Teller) -> None:
    seen = await watch.until_told(
        order,
        lambda told: bool(told.filled) or told.fill is not None,
        "a fill of the order was seen on the account stream",
    )
    # Some exchanges tell each trade, and no total.
    filled = seen.filled or (seen.fill.quantity if seen.fill else Decimal(0))
    trade = (
        f", the last {short(seen.fill.quantity)} at {short(seen.fill.price)}" if seen.fill else ""
    )
    tell.say(
        "fill",
        f"stream: {short(filled)} of {short(quantity)} filled so far{trade}",
        filled=plain(filled),
        trade_id=seen.fill.trade_id if seen.fill else None,
    )


async def _show_trades(order: Order, watch: Watch, tell: Teller) -> None:
    traded = await _all_trades(order, watch)
    count = len(watch.fills_of(order))
    tell.say(
        "trades_of_order",
        f"journal: {count} trade{'s' if count > 1 else ''}, together {short(traded)}",
        trades=count,
        quantity=plain(traded),
    )


async def _all_trades(order: Order, watch: Watch) -> Decimal:
    """Wait until the journal has every trade of an order, whoever has told of it."""

    def all_of_it() -> Decimal | None:
        traded = sum((fill.quantity for fill in watch.fills_of(order)), Decimal(0))
        return traded if traded >= order.filled else None

    traded = await watch.until(all_of_it, "the journal has every trade of the order")
    expect(traded == order.filled, "the trades add up to what was filled")
    return traded


@asynccontextmanager
async def late_stream(simulator: Simulator) -> AsyncIterator[None]:
    """Let everything that the simulator publishes arrive LATE_S late, in its order.

    An account stream that works tells of an order at once; then nobody would miss an answer.
    """
    dialect = simulator.dialect
    fault = Fault(kind=FaultKind.MESSAGE_DELAY, delay_s=LATE_S, count=None)
    (number,) = dialect.faults.add(fault)
    try:
        yield
        # Ended while something is on its way, what comes next would overtake it.
        async with asyncio.timeout(10 * LATE_S):
            while _is_due_soon(simulator):  # noqa: ASYNC110  # a simulator rings no bell
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise StepFailed("what was late has arrived") from None
    finally:
        dialect.faults.remove(number)


def _is_due_soon(simulator: Simulator) -> bool:
    due_ns = simulator.dialect.next_action_ns()
    return due_ns is not None and due_ns - simulator.now_ns() <= 2 * LATE_S * 1e9


async def show_lost_answer(
    ex: Exchange, instrument: Instrument, watch: Watch, tell: Teller
) -> None:
    """Lose the answer of a market order on the way; have its true outcome found."""
    tell.step("A market order whose answer is lost on the way")
    simulator = ex.simulator
    if simulator is None:
        raise StepFailed("an embedded simulator is running")
    symbol, base = instrument.symbol, instrument.base
    before = await _held(ex, base)
    price = (await ex.fetch_book(symbol, depth=1)).asks[0][0]
    async with late_stream(simulator):
        simulator.dialect.faults.add(Fault(kind=FaultKind.DROP_AFTER, method="POST"))
        started = time.perf_counter()
        order = await _filled(await ex.place(market_buy(symbol, some(instrument, price))), watch)
        took_s = time.perf_counter() - started
        history = await ex.history(order)
    _tell_history(history, tell)
    tell.say(
        "found",
        f"true outcome after {took_s:.2f} s: {order.phase.value}, {short(order.filled)} "
        f"{instrument.base} bought at {order.average_price or 0:.2f}",
        client_order_id=order.client_order_id,
        phase=order.phase.value,
        filled=plain(order.filled),
    )
    fired = simulator.dialect.faults.fired
    expect(any(f.fault.kind is FaultKind.DROP_AFTER for f in fired), "the answer was lost")
    # Where a repeat can make no second order, the same is sent again; elsewhere it is looked for.
    sent = sum(entry.kind is RecordKind.ATTEMPT for entry in history)
    expect(
        OrderPhase.UNKNOWN in {entry.phase for entry in history} or sent > 1,
        "its outcome was unknown in between",
    )
    await _all_trades(order, watch)
    fees = [fill.fee for fill in watch.fills_of(order) if fill.fee is not None]
    paid = sum((fee.amount for fee in fees if fee.asset == base), Decimal(0))
    # Where history is dear, a list of orders would cost a wait; a balance is as good a witness.
    gained = await _held(ex, base) - before
    expect(gained == order.filled - paid, "the exchange has exactly one new order")
    tell.say(
        "one_order",
        f"exactly one new order: {base} grew by {short(gained)}"
        + (f", a fee of {short(paid)} is paid" if paid else ""),
        gained=plain(gained),
        fee=plain(paid),
    )


async def _held(ex: Exchange, asset: str) -> Decimal:
    balances = await ex.fetch_balances()
    return sum((b.free + b.locked for b in balances if b.asset == asset), Decimal(0))


async def _filled(order: Order, watch: Watch) -> Order:
    """Give an order once it is filled: some exchanges first only say that they took it."""

    def filled() -> Order | None:
        if order.phase is OrderPhase.FILLED:
            return order
        told = (event.order for event in watch.journal if event.order.ref == order.ref)
        return next((each for each in told if each.phase is OrderPhase.FILLED), None)

    return await watch.until(filled, "the order was found filled")


def _tell_history(history: Sequence[HistoryEntry], tell: Teller) -> None:
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


async def show_streams(ex: Exchange, instrument: Instrument, watch: Watch, tell: Teller) -> None:
    """Stream book, trades and balances side by side."""
    tell.step(f"Book, trades and balances, streaming for {STREAMING_S:g} s")
    symbol, market = instrument.symbol, _Market(tell)
    seen = watch.balance_events
    readers = [
        asyncio.create_task(market.read_trades(ex, symbol), name="demo: trades"),
        asyncio.create_task(market.read_book(ex, symbol), name="demo: book"),
    ]
    try:
        await asyncio.sleep(STREAMING_S / 2)
        price = (await ex.fetch_book(symbol, depth=1)).asks[0][0]
        await ex.place(market_buy(symbol, some(instrument, price)))
        await asyncio.sleep(STREAMING_S / 2)
    finally:
        for reader in readers:
            reader.cancel()
        ended = await asyncio.gather(*readers, return_exceptions=True)
    for end in ended:
        if isinstance(end, Exception):
            raise end
    updates = watch.balance_events - seen
    tell.say(
        "streamed",
        f"{market.changes} book changes, {market.trades} trades, {updates} balance updates",
        changes=market.changes,
        trades=market.trades,
        balance_updates=updates,
    )
    expect(market.changes > 0, "the book moved")
    expect(market.trades > 0, "trades streamed")
    await _show_balances(ex, instrument, watch, updates, tell)


class _Market:
    """Counts what an instrument's public streams bring, and tells of some of it."""

    def __init__(self, tell: Teller) -> None:
        self.changes = 0
        self.trades = 0
        self._tell = tell

    async def read_trades(self, ex: Exchange, symbol: str) -> None:
        async with ex.trades(symbol, gaps=False) as trades:
            async for trade in trades:
                self.trades += 1
                if self.trades <= _SHOWN_TRADES:
                    self._tell_trade(trade)

    def _tell_trade(self, trade: Trade) -> None:
        self._tell.say(
            "trade",
            f"trade  {trade.side.value:<4} {short(trade.quantity)} at {short(trade.price)}",
            price=plain(trade.price),
            quantity=plain(trade.quantity),
        )

    async def read_book(self, ex: Exchange, symbol: str) -> None:
        async with ex.book(symbol) as live:
            await live.ready()
            shown = 0.0
            async for _ in live:
                self.changes += 1
                bid, ask = live.book.best_bid(), live.book.best_ask()
                expect(bid is not None and ask is not None and bid[0] < ask[0], "bid below ask")
                assert bid is not None
                assert ask is not None
                if time.perf_counter() - shown > 1:
                    shown = time.perf_counter()
                    self._tell.say(
                        "book",
                        f"book   bid {short(bid[1])} at {short(bid[0])}, "
                        f"ask {short(ask[1])} at {short(ask[0])}",
                        bid=plain(bid[0]),
                        ask=plain(ask[0]),
                    )


async def _show_balances(
    ex: Exchange, instrument: Instrument, watch: Watch, updates: int, tell: Teller
) -> None:
    """Show balances as streamed; where an exchange streams none, as it answers."""
    is_streamed = bool(watch.balances)
    known = watch.balances or {balance.asset: balance for balance in await ex.fetch_balances()}
    if is_streamed:
        expect(updates > 0, "balances streamed")
    else:
        tell.say("balances_asked", "no balances are streamed here: they were asked for")
    for asset in (instrument.base, instrument.quote):
        balance = known[asset]
        tell.say(
            "balance",
            f"{asset:<5} free {short(balance.free)}, locked {short(balance.locked)}",
            asset=asset,
            free=plain(balance.free),
            locked=plain(balance.locked),
            is_streamed=is_streamed,
        )


async def show_reconciliation(ex: Exchange, watch: Watch, tell: Teller) -> None:
    """Compare journal, exchange and stream to the last digit."""
    tell.step("Reconciliation: journal, exchange and stream agree to the last digit")
    if not watch.has_stream:
        found = await ex.reconcile()
        count = len(found.differences)
        tell.say(
            "asked",
            f"{count} differences found and repaired: no stream tells of orders here",
            differences=[str(difference) for difference in found.differences],
        )
        expect(found.is_repaired, "what no stream told was found out by asking")
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
    asked = await ex.fetch_balances() if watch.balances else ()
    fetched = {balance.asset: balance for balance in asked}
    for asset, streamed in watch.balances.items():
        known = fetched.get(asset)
        free, locked = (known.free, known.locked) if known else (Decimal(0), Decimal(0))
        expect(
            (free, locked) == (streamed.free, streamed.locked),
            f"the stream and the exchange agree on {asset}",
        )
    expect(report.is_clean, "nothing differs, and every order is the sum of its fills")
    expect(len(report.sums) >= 3, "the orders of the demo were compared")
