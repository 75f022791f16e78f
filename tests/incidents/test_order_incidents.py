"""Orders that were lost, doubled or forgotten: cases 1 to 19 of the incidents.

Each happened to users of the named project. Here it happens again, to the whole client, and the
exchange's own books say what became of it.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit import limit_buy
from venuekit.model import (
    ClientOrderId,
    Closed,
    ExchangeOrderId,
    NotSent,
    Order,
    OrderPhase,
    OrderRequest,
    OrderType,
    OutcomeUnknown,
    Rejected,
    Side,
    StreamState,
    StreamStateChanged,
    Symbol,
    TimeInForce,
    VenuekitError,
)
from venuekit.orders import DifferenceKind
from venuekit.plugin import hookimpl
from venuekit.plugin.hooks import Hooks
from venuekit.sim.faults import FaultKind
from venuekit.stores import Intent, Journal, RecordKind, Scope, open_journal

if TYPE_CHECKING:
    from tests.incidents.conftest import Served, Town

BTC = "BTC/USDT"
SCOPE = Scope("binance", "main", "sim")
BUY = limit_buy(BTC, quantity="0.01", price="60000")
ALL_READS = {"method": "GET", "path": "/api/v3/*"}
CLOUDFLARE = "<html><head><title>Bad gateway</title></head><body>cloudflare</body></html>"


def buys(count: int) -> list[OrderRequest]:
    """Make orders that differ, so that none can be taken for another."""
    return [limit_buy(BTC, quantity="0.01", price=str(60_000 - i)) for i in range(count)]


def watched(changes: list[Order]) -> Hooks:
    """Make an extension that gathers what the application is told of its orders."""

    def venuekit_order_changed(order: Order) -> None:
        changes.append(order)

    module = SimpleNamespace(venuekit_order_changed=hookimpl(venuekit_order_changed))
    return Hooks(modules={"watch": module}, find=list, core="0.1.0")


def fills_told(changes: Sequence[Order], order: Order) -> list[Decimal]:
    """Give by how much the executed quantity grew, each time that it did."""
    before = Decimal(0)
    steps = []
    for change in changes:
        if change.client_order_id == order.client_order_id and change.filled != before:
            steps.append(change.filled - before)
            before = change.filled
    return steps


async def phases(exchange: Any, order: Order) -> list[OrderPhase]:
    """Give the phases that an order has gone through, by the journal."""
    return [entry.phase for entry in await exchange.history(order) if entry.phase is not None]


# An answer that is lost


@pytest.mark.parametrize(
    "loss", [FaultKind.DROP_AFTER, FaultKind.RESET_AFTER, FaultKind.HANG_AFTER]
)
async def test_case_01_an_order_whose_answer_was_lost_is_found_and_exists_once(
    binance: "Town", loss: FaultKind
) -> None:
    """ccxt/ccxt#2599: the exchange took an order, the caller read a time-out and had no way to
    know; some sent it again.

    Given an exchange whose queries lag and whose stream is mute; when the answer to the one POST
    is lost; then the order is found by its client order id, and there is exactly one.
    """
    async with binance.open() as ex:
        binance.lose_messages()
        binance.fault(FaultKind.MEMORY_LAG, value=15_000)
        binance.fault(loss, method="POST")
        order = await ex.place(BUY)

    assert order.phase is OrderPhase.OPEN
    (there,) = binance.dialect.orders()
    assert there.client_order_id == order.client_order_id
    assert len(binance.dialect.asked("POST")) == 1
    asked_by = [query.get("origClientOrderId") for query in binance.dialect.asked("GET")]
    assert len(asked_by) > 2  # "not found" was no answer yet
    assert set(asked_by) == {order.client_order_id}


async def test_case_02_the_library_never_orders_again_on_its_own(simulator: "Served") -> None:
    """scrtlabs/catalyst#315, #317: on a time-out the library logged "Ordering again" and bought
    twice.

    Given real HTTP; when the connection is reset after the POST has had its effect, and would be
    again for every further one; then the server has seen one POST, also after the application has
    asked for the same intent a second time.
    """
    simulator.fault(FaultKind.MESSAGE_DROP, topic="user/*", count=None)
    async with simulator.open() as ex:
        bid, _ = (await ex.fetch_book(BTC, depth=1)).bids[0]
        request = limit_buy(BTC, quantity="0.001", price=bid - 1000)
        simulator.fault(FaultKind.RESET_AFTER, method="POST", count=None)
        first = await ex.place(request, intent_key="buy the dip")
        second = await ex.place(request, intent_key="buy the dip")

    assert first.phase is OrderPhase.OPEN
    assert second.client_order_id == first.client_order_id
    assert len(simulator.dialect.asked("POST")) == len(simulator.dialect.orders()) == 1


@pytest.mark.parametrize("latency_s", [1.5, 11.0])
async def test_case_03_a_slow_exchange_is_waited_for_and_makes_no_duplicate(
    binance: "Town", latency_s: float
) -> None:
    """s4w3d0ff/python-poloniex#109: a time-out of one second and a built-in retry, at an exchange
    that took longer, made several orders of one.

    Given an answer that takes 1.5 s, or a second more than the exchange itself gives its engine
    (10 s); then it is waited for: nothing becomes unknown, and one POST makes one order.
    """
    async with binance.open() as ex:
        binance.lose_messages()
        binance.fault(FaultKind.DELAY_ANSWER, method="POST", delay_s=latency_s)
        begun_s = binance.time()
        order = await ex.place(BUY)
        took_s = binance.time() - begun_s
        assert OrderPhase.UNKNOWN not in await phases(ex, order)

    assert order.phase is OrderPhase.OPEN
    assert took_s >= latency_s
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == 1
    # As long as the engine's own time-out, and two seconds for the way.
    assert [s.timeouts.answer_s for s in binance.sent if s.method == "POST"] == [12.0]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 502, "body": CLOUDFLARE},
        {"status": 522, "body": CLOUDFLARE},
        {"status": 200, "body": CLOUDFLARE},
        {"status": 503, "body": '{"code":-1000'},
        {"answer": "unavailable"},
        {"answer": "firewall"},
    ],
    ids=["502", "522", "200", "cut off", "unavailable", "firewall"],
)
async def test_case_04_a_web_page_for_an_answer_means_that_nobody_knows(
    binance: "Town", answer: dict[str, Any]
) -> None:
    """knowm/XChange#1899, nothingisdead/npm-kraken-api#37: the proxy before the exchange answered
    a placement with an HTML page; clients took it for "down, try again" while the order traded.

    Given any answer that is not the exchange's own; then the order is looked for, found, and sent
    once.
    """
    async with binance.open() as ex:
        binance.lose_messages()
        binance.fault(FaultKind.ANSWER_AFTER, method="POST", **answer)
        order = await ex.place(BUY)
        assert OrderPhase.UNKNOWN in await phases(ex, order)

    assert order.phase is OrderPhase.OPEN
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == 1


async def test_case_04_a_web_page_without_an_order_behind_it_is_proved_by_time(
    binance: "Town",
) -> None:
    """The same page, and this time the exchange never saw the order.

    Then the caller learns so, but not before the order can no longer appear: 2 s of validity, 10 s
    of the engine, 5 s until queries show it.
    """
    async with binance.open() as ex:
        binance.lose_messages()
        binance.fault(FaultKind.ANSWER_BEFORE, method="POST", status=502, body=CLOUDFLARE)
        begun_s = binance.time()
        with pytest.raises(NotSent, match="no longer appear"):
            await ex.place(BUY)

    assert binance.time() - begun_s >= 17
    assert len([s for s in binance.sent if s.method == "POST"]) == 1
    assert binance.dialect.orders() == []


async def test_case_05_the_first_order_is_adopted_when_the_application_buys_again(
    binance: "Town",
) -> None:
    """AlbatrossAutomated/blue_collar_gdax#1: under load the buy timed out, the bot bought again,
    and the first order, which had been taken, belonged to nobody.

    Given an application that gives up after 5 s, asks again under its own key, and is restarted;
    then all three times it holds the same one order, which can be canceled.
    """
    async with binance.open() as ex:
        binance.lose_messages()
        binance.fault(FaultKind.HANG_AFTER, method="POST")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await ex.place(BUY, intent_key="monday")
        again = await ex.place(BUY, intent_key="monday")
        assert again.phase is OrderPhase.OPEN
    async with binance.open() as ex:
        later = await ex.place(BUY, intent_key="monday")
        assert later.client_order_id == again.client_order_id
        assert len(binance.dialect.asked("POST")) == 1
        assert binance.dialect.open_names() == {again.client_order_id}
        assert (await ex.cancel(later)).phase is OrderPhase.CANCELED
    assert binance.dialect.open_names() == set()


@pytest.mark.parametrize("cut_after_s", [0.005, 0.015, 0.5])
async def test_case_06_six_orders_in_a_flapping_network_are_all_found_out(
    binance: "Town", cut_after_s: float
) -> None:
    """hummingbot/hummingbot#3374: the network flapped while orders were created; the tracker
    forgot them, and they stayed open at the exchange.

    Given six placements, each hit in another way, and an outage of 20 s on top; then within 60 s
    the fate of every intent is known, and what is open there is exactly what is open here.
    """
    async with binance.open() as ex:
        await ex.reconcile()
        for kind in (
            FaultKind.DROP_BEFORE,
            FaultKind.DROP_AFTER,
            FaultKind.RESET_AFTER,
            FaultKind.HANG_BEFORE,
            FaultKind.HANG_AFTER,
        ):
            binance.fault(kind, method="POST")
        binance.fault(FaultKind.DELAY_REQUEST, method="POST", delay_s=1.0)
        placing = [asyncio.create_task(ex.place(request)) for request in buys(6)]
        await asyncio.sleep(cut_after_s)  # all are on their way
        binance.cut()
        await asyncio.sleep(20)
        binance.restore()
        results = await asyncio.wait_for(asyncio.gather(*placing, return_exceptions=True), 40)

        held = binance.known(ex)
        assert len(held) == 6
        assert OrderPhase.UNKNOWN not in {order.phase for order in held.values()}
        open_here = {name for name, order in held.items() if order.phase is OrderPhase.OPEN}
        assert open_here == binance.dialect.open_names()
        placed = {result.client_order_id for result in results if isinstance(result, Order)}
        assert placed == open_here
        assert 2 < len(placed) < 6
        assert all(isinstance(r, (Order, NotSent)) for r in results)
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == len(placed)


# Stopping, and who asks twice


async def test_case_07_nothing_is_placed_after_the_stop_and_open_orders_survive_it(
    binance: "Town",
) -> None:
    """hummingbot/hummingbot#366, #720: stopped during an outage, the bot placed its orders once
    the network was back; after the restart it did not know them.

    Given one open order, an outage, and a placement that waits in it; when the client is closed
    and the network comes back; then no POST follows, who waited is told, and after the restart the
    open order is known.
    """
    async with binance.open() as ex:
        order = await ex.place(BUY)
        binance.cut()
        await asyncio.sleep(1)
        waiting = asyncio.create_task(ex.place(buys(2)[1]))
        await asyncio.sleep(0.5)
    with pytest.raises(VenuekitError):
        await asyncio.wait_for(waiting, 1)
    stopped_s = binance.time()
    binance.restore()
    with pytest.raises(Closed):
        await ex.place(BUY)
    await asyncio.sleep(60)
    assert [s for s in binance.sent if s.at_s >= stopped_s] == []
    assert len(binance.dialect.asked("POST")) == 1

    async with binance.open() as ex:
        await ex.reconcile()
        assert binance.known(ex)[str(order.client_order_id)].phase is OrderPhase.OPEN
        assert binance.dialect.open_names() == {order.client_order_id}


async def test_case_07_a_stop_while_the_network_is_away_ends_who_waits_to_place(
    binance: "Town",
) -> None:
    """The same, with a handle that stays open after the stop, as a bot's does to say goodbye.

    Given one order open, one whose answer is being lost, and one that waits for the network; then
    the stop says which is open and which is unknown; the one that waits is refused, the network's
    return changes nothing about it, and canceling is still possible.
    """
    first, second, third = buys(3)
    async with binance.open() as ex:
        order = await ex.place(first)
        binance.lose_messages()
        binance.fault(FaultKind.HANG_AFTER, method="POST")
        asking = asyncio.create_task(ex.place(second))
        await asyncio.sleep(0.5)
        binance.cut()
        await asyncio.sleep(0.5)
        waiting = asyncio.create_task(ex.place(third))
        await asyncio.sleep(0.5)
        stopped = await ex.stop(within_s=5)
        assert [each.client_order_id for each in stopped.open] == [order.client_order_id]
        assert len(stopped.unknown) == 1
        assert not stopped.is_clean
        binance.restore()
        with pytest.raises(VenuekitError):
            await waiting
        await asyncio.sleep(60)
        assert len(binance.dialect.asked("POST")) == 2
        assert (await asking).phase is OrderPhase.OPEN  # it had left before the stop
        with pytest.raises(Closed):
            await ex.place(third)
        assert len(await ex.cancel_all(BTC)) == 2
    assert len([s for s in binance.sent if s.method == "POST"]) == 2


async def test_case_08_one_signal_over_two_paths_is_one_order(binance: "Town") -> None:
    """chrisleekr/binance-trading-bot#450: the same signal came over WebSocket and REST, and both
    handlers bought.

    Given one key for the signal, and an answer that is lost to make the first handler slow; then
    both handlers hold the same order, and there is one.
    """
    async with binance.open() as ex:
        await ex.reconcile()
        binance.lose_messages()
        binance.fault(FaultKind.HANG_AFTER, method="POST")
        both = [ex.place(BUY, intent_key="cross-17") for _ in range(2)]
        first, second = await asyncio.gather(*both)

    assert first.client_order_id == second.client_order_id
    assert first.phase is second.phase is OrderPhase.OPEN
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == 1


async def test_case_08_the_second_path_waits_while_the_first_is_written_down(
    simulator: "Served",
) -> None:
    """The same, with a journal that waits for the disk: both handlers ask before either order is
    written down, many times over.
    """
    async with simulator.open(durability="power") as ex:
        await ex.reconcile()
        request = limit_buy(BTC, quantity="0.001", price="50000")
        for turn in range(5):
            both = [ex.place(request, intent_key=f"cross-{turn}") for _ in range(3)]
            orders = await asyncio.gather(*both)
            assert len({order.client_order_id for order in orders}) == 1

    assert len(simulator.dialect.asked("POST")) == len(simulator.dialect.orders()) == 5


@pytest.mark.parametrize("loss", [None, FaultKind.DROP_AFTER])
async def test_case_09_an_order_that_fills_at_once_is_a_success(
    binance: "Town", loss: FaultKind | None
) -> None:
    """Haehnchen/crypto-trading-bot#53: an order that filled at once was not in the list of open
    orders; the bot said "not placed, force retry" and bought again.

    Given an offer that the order meets, and an answer that comes or is lost; then the caller gets
    a filled order, within seconds. (Binance would take the same client order id again: the first
    is not open any more.)
    """
    binance.trade("1")  # rests, as nobody bids
    async with binance.open() as ex:
        binance.lose_messages()
        if loss is not None:
            binance.fault(loss, method="POST")
        begun_s = binance.time()
        order = await ex.place(BUY)
        assert binance.time() - begun_s < 5

    assert (order.phase, order.filled) == (OrderPhase.FILLED, Decimal("0.01"))
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == 1
    assert sum(trade.quantity for trade in binance.dialect.trades()) == Decimal("0.01")


async def test_case_10_a_position_has_one_stop_loss_however_often_the_loop_asks(
    binance: "Town",
) -> None:
    """freqtrade/freqtrade#11788: each turn of the loop placed a stop-loss, because that one was
    there already had not been written down.

    Given a loop that asks for the stop of its position at every turn, is restarted between some,
    and once does not get its answer; then one protective order is open.
    """
    stop = OrderRequest(
        symbol=Symbol(BTC),
        side=Side.SELL,
        type=OrderType.STOP_LIMIT,
        quantity=Decimal("0.01"),
        price=Decimal(54_000),
        stop_price=Decimal(55_000),
        time_in_force=TimeInForce.GTC,
    )
    binance.trade("0.02")
    names = set()
    for run in range(3):
        async with binance.open() as ex:
            await ex.place(BUY, intent_key="position 1")
            if run == 0:
                binance.fault(FaultKind.DROP_AFTER, method="POST")
            for _turn in range(4):
                order = await ex.place(stop, intent_key="stop of position 1")
                names.add(order.client_order_id)

    assert len(names) == 1
    assert binance.dialect.open_names() == names
    assert len(binance.dialect.asked("POST")) == 2


# Cancels and fills that meet


@pytest.mark.parametrize("is_mute", [False, True])
async def test_case_11_a_fill_that_overtakes_a_cancel_is_told_once(
    binance: "Town", *, is_mute: bool
) -> None:
    """hummingbot/hummingbot#7139: an order filled while its cancel was on the way; the cancel said
    "not found", the fill was never told, and the hedge was not made.

    Given a stream that tells of the fill, or does not; then the cancel gives the filled order, and
    the application is told of the executed quantity exactly once, also after reconciling.
    """
    changes: list[Order] = []
    async with binance.open(hooks=watched(changes)) as ex:
        order = await ex.place(BUY)
        if is_mute:
            binance.lose_messages()
        binance.fault(FaultKind.DELAY_REQUEST, method="DELETE", delay_s=1.0)
        canceling = asyncio.create_task(ex.cancel(order))
        await asyncio.sleep(0.5)
        binance.trade("0.01")
        ended = await canceling
        await ex.reconcile()
        await ex.reconcile()
        booked = [e for e in await ex.history(order) if e.kind is RecordKind.FILL]

    assert (ended.phase, ended.filled) == (OrderPhase.FILLED, Decimal("0.01"))
    assert fills_told(changes, order) == [Decimal("0.01")]
    assert len(booked) == len(binance.dialect.trades()) == 1


async def test_case_12_canceling_a_filled_order_ends_and_blocks_nothing(binance: "Town") -> None:
    """hummingbot/hummingbot#1993, #4601: the cancel of an order that had filled unnoticed failed
    for ever, and the loop around it traded no more.

    Given a fill that the stream did not tell; then at most five cancels leave before the order is
    asked for and known as filled; further ones leave not at all; and placing goes on.
    """
    async with binance.open() as ex:
        order = await ex.place(BUY)
        lost = binance.lose_messages()
        binance.trade("0.01")
        assert binance.known(ex)[str(order.client_order_id)].phase is OrderPhase.OPEN
        assert (await ex.cancel(order)).phase is OrderPhase.FILLED
        canceled = len(binance.dialect.asked("DELETE"))
        assert 1 <= canceled <= 5
        for _ in range(10):
            assert (await ex.cancel(order)).phase is OrderPhase.FILLED
        assert len(binance.dialect.asked("DELETE")) == canceled
        binance.mend(lost)
        assert (await ex.place(BUY)).phase is OrderPhase.OPEN


async def test_case_13_an_order_that_was_called_failed_and_fills_is_taken_back(
    binance: "Town",
) -> None:
    """CoinAlpha/hummingbot#82: an order was marked as failed; its fill came later and was thrown
    away.

    Given an answer that says "rejected" although the order was taken, and a stream that is 5 s
    late; then the caller hears the rejection, and when the evidence comes the order is open again,
    its fill is booked, and its history tells both.
    """
    changes: list[Order] = []
    async with binance.open(hooks=watched(changes)) as ex:
        await ex.reconcile()
        binance.fault(FaultKind.MESSAGE_DELAY, topic="user/*", delay_s=5.0, count=None)
        binance.fault(
            FaultKind.ANSWER_AFTER,
            method="POST",
            status=400,
            body='{"code":-2010,"msg":"Account has insufficient balance for requested action."}',
        )
        with pytest.raises(Rejected) as rejected:
            await ex.place(BUY)
        name = str(rejected.value.client_order_id)
        assert binance.known(ex)[name].phase is OrderPhase.REJECTED
        await asyncio.sleep(2)
        binance.trade("0.004")
        await asyncio.sleep(4)
        reopened = binance.known(ex)[name]
        assert reopened.phase in {OrderPhase.OPEN, OrderPhase.PARTIALLY_FILLED}
        binance.trade("0.006")
        await asyncio.sleep(6)
        after = binance.known(ex)[name]
        seen = await phases(ex, after)

    assert (after.phase, after.filled) == (OrderPhase.FILLED, Decimal("0.01"))
    assert [fill.quantity for fill in after.fills] == [Decimal("0.004"), Decimal("0.006")]
    assert seen.index(OrderPhase.REJECTED) < seen.index(OrderPhase.FILLED)
    assert fills_told(changes, after) == [Decimal("0.004"), Decimal("0.006")]


async def test_case_14_an_order_known_by_our_id_alone_is_unknown_and_never_rejected(
    binance: "Town",
) -> None:
    """nautechsystems/nautilus_trader#4958: the exchange's id had not come yet, the query wanted
    it, and after the time-out a live order was declared rejected.

    Given a lost answer and an exchange that cannot be asked for longer than the caller waits; then
    the order is unknown, which is an error of its own; it is asked for by our id; and as soon as
    an answer comes it is open.
    """
    async with binance.open() as ex:
        await ex.reconcile()
        binance.lose_messages()
        binance.fault(FaultKind.HANG_AFTER, method="POST")
        down = binance.fault(FaultKind.ANSWER_AFTER, answer="unavailable", count=None, **ALL_READS)
        with pytest.raises(OutcomeUnknown) as unknown:
            await ex.place(BUY)
        name = str(unknown.value.client_order_id)
        assert binance.known(ex)[name].phase is OrderPhase.UNKNOWN
        binance.mend(down)
        await asyncio.sleep(20)
        order = binance.known(ex)[name]
        seen = await phases(ex, order)

    assert order.phase is OrderPhase.OPEN
    assert not {OrderPhase.REJECTED, OrderPhase.NEVER_PLACED, OrderPhase.CANCELED} & set(seen)
    queries = binance.dialect.asked("GET")
    assert queries
    assert all(q["origClientOrderId"] == name and "orderId" not in q for q in queries)
    assert len(binance.dialect.asked("POST")) == len(binance.dialect.orders()) == 1


# Restarts


async def state_of(town: "Town", store: str = "journal.db") -> str:
    """Give a hash of all orders and fills that the journal holds."""
    journal = await open_journal(f"sqlite:{town.folder / store}", durability="process")
    try:
        orders = await journal.orders(SCOPE)
        fills = await journal.fills(SCOPE)
    finally:
        await journal.close()
    return hashlib.sha256(repr((orders, fills)).encode()).hexdigest()


async def test_case_15_restarting_replays_trades_without_changing_anything(
    binance: "Town",
) -> None:
    """nautechsystems/nautilus_trader#3046: after a restart the exchange told of trades that were
    known; they were booked again.

    Given one order filled, one in part, one canceled; then five restarts, each of which asks the
    exchange for everything, leave the same state to the last byte, and tell the application
    nothing.
    """
    async with binance.open() as ex:
        first, second, third = [await ex.place(request) for request in buys(3)]
        binance.trade("0.003")
        binance.trade("0.007")
        binance.trade("0.004", Decimal(59_999))
        await ex.cancel(third)
        await asyncio.sleep(1)
        assert binance.known(ex)[str(first.client_order_id)].phase is OrderPhase.FILLED
        await ex.reconcile()
    before = await state_of(binance)
    changes: list[Order] = []
    for _ in range(5):
        async with binance.open(hooks=watched(changes)) as ex:
            assert (await ex.reconcile()).differences == ()
            assert binance.known(ex)[str(second.client_order_id)].filled == Decimal("0.004")
        assert await state_of(binance) == before
    assert changes == []


async def _remember(journal: Journal, count: int) -> None:
    """Fill a journal with orders that ended long ago."""
    ends = (OrderPhase.FILLED, OrderPhase.CANCELED, OrderPhase.EXPIRED, OrderPhase.REJECTED)
    for i in range(count):
        name, created_ns = ClientOrderId(f"past{i}"), 1_784_000_000_000_000_000 + i * 1_000_000_000
        await journal.record_intent(
            Intent(
                scope=SCOPE,
                client_order_id=name,
                request=BUY,
                intent_key=None,
                created_ns=created_ns,
            )
        )
        order = Order(
            symbol=Symbol(BTC),
            side=Side.BUY,
            type=OrderType.LIMIT,
            phase=ends[i % 4],
            client_order_id=name,
            exchange_order_id=ExchangeOrderId(str(900_000_000 + i)),
            quantity=Decimal("0.01"),
            price=Decimal(60_000),
            created_ns=created_ns,
            updated_ns=created_ns,
        )
        journal.record_order(SCOPE, order, time_ns=created_ns)


async def test_case_16_after_a_kill_every_working_order_is_taken_up_again(binance: "Town") -> None:
    """nautechsystems/nautilus_trader#5000: killed with 14 working orders and 3 173 in its past,
    the program dropped working ones at the start, while it put its past in order.

    Given the files as a SIGKILL leaves them at that moment; then all 14 are known as open, none is
    changed at the exchange, and each can be canceled.
    """
    journal = await open_journal(f"sqlite:{binance.folder}/journal.db", durability="process")
    await _remember(journal, 3173)
    await journal.close()
    async with binance.open() as ex:
        for request in buys(14):
            await ex.place(request)
        # What is in the system's page cache is all that the next process finds.
        for end in ("", "-wal"):
            shutil.copy(f"{binance.folder}/journal.db{end}", f"{binance.folder}/killed.db{end}")

    working = binance.dialect.open_names()
    assert len(working) == 14
    async with binance.open(store="killed.db") as ex:
        report = await ex.reconcile()
        assert report.differences == ()
        held = binance.known(ex)
        assert {n for n, order in held.items() if order.phase is OrderPhase.OPEN} == working
        assert binance.dialect.open_names() == working
        for name in working:
            assert (await ex.cancel(held[name])).phase is OrderPhase.CANCELED
    assert binance.dialect.open_names() == set()


async def test_case_17_reconciling_a_second_time_tells_nothing_new(binance: "Town") -> None:
    """nautechsystems/nautilus_trader#3878: each reconciliation made up the missing trade again,
    with a new id, and the position grew.

    Given a fill, a cancel and a stranger's order that the stream did not tell; then the first
    reconciliation reports and repairs them; the second, and one after a restart, finds nothing,
    tells nothing and writes nothing.
    """
    changes: list[Order] = []
    async with binance.open(hooks=watched(changes)) as ex:
        filled, gone = [await ex.place(request) for request in buys(2)]
        binance.fault(FaultKind.MESSAGE_DROP, topic="user/executionReport", count=None)
        binance.trade("0.004")
        venue = binance.dialect.venue
        venue.cancel("first", binance.dialect.orders()[1], "elsewhere", binance.now_ns())
        mine = binance.dialect.orders()[0].request
        strangers = attrs.evolve(mine, client_order_id="web_1", price=Decimal(50_000))
        venue.place(strangers, binance.now_ns())
        venue.settle(binance.now_ns())
        await asyncio.sleep(1)
        first = await ex.reconcile()
        kinds = {difference.kind for difference in first.differences}
        assert kinds >= {DifferenceKind.FOREIGN, DifferenceKind.STATUS}
        assert first.is_repaired
        assert binance.known(ex)[str(gone.client_order_id)].phase is OrderPhase.CANCELED
        trade_ids = [f.trade_id for f in binance.known(ex)[str(filled.client_order_id)].fills]
        assert trade_ids == [str(trade.trade_id) for trade in binance.dialect.trades()]
        told, history = len(changes), await ex.history(filled)
        second = await ex.reconcile()
        assert second.differences == ()
        assert len(changes) == told
        assert await ex.history(filled) == history
    async with binance.open(hooks=watched(changes)) as ex:
        assert (await ex.reconcile()).differences == ()
        assert len(changes) == told


# Streams and queries that tell the same


async def test_case_18_no_fill_of_a_disconnected_time_is_missed(binance: "Town") -> None:
    """QuantConnect/Lean.Brokerages.InteractiveBrokers#249: what traded while the connection was
    away was never asked for.

    Given a fill whose message was lost before the break, and three in an outage of 40 s; when the
    network is back; then, without anybody asking, all of them are booked, once each, before the
    account's stream is called live again.
    """
    at_live: list[dict[str, Order]] = []

    def observe(event: object) -> None:
        if isinstance(event, StreamStateChanged) and event.state is StreamState.LIVE:
            at_live.append(binance.known(ex))

    async with binance.open() as ex:
        ex.on_stream_event(observe)
        orders = [await ex.place(request) for request in buys(3)]
        binance.trade("0.001")
        await asyncio.sleep(1)
        lost = binance.lose_messages()
        binance.trade("0.002")
        await asyncio.sleep(5)
        binance.mend(lost)
        binance.cut()
        await asyncio.sleep(20)
        binance.trade("0.007")
        binance.trade("0.01", Decimal(59_999))
        binance.trade("0.005", Decimal(59_998))
        await asyncio.sleep(20)
        at_live.clear()
        binance.restore()
        await asyncio.sleep(30)
        held = [at_live[0][str(order.client_order_id)] for order in orders]

    assert [order.filled for order in held] == [Decimal("0.01"), Decimal("0.01"), Decimal("0.005")]
    booked = [fill.trade_id for order in held for fill in order.fills]
    assert len(booked) == len(set(booked)) == 5
    assert set(booked) == {str(trade.trade_id) for trade in binance.dialect.trades()}


async def test_case_19_a_trade_told_by_stream_and_by_queries_is_booked_once(
    binance: "Town",
) -> None:
    """hummingbot/hummingbot#1663, Drakkar-Software/OctoBot#2931: stream and polling raced, and a
    trade was written down two to four times.

    Given a stream that tells everything twice, while the application polls orders and fills and
    reconciles without pause; then each trade is booked once, here and in the journal, and the
    application is told of each quantity once.
    """
    changes: list[Order] = []

    async with binance.open(hooks=watched(changes)) as ex:
        order = await ex.place(BUY)
        binance.fault(FaultKind.MESSAGE_DUPLICATE, topic="user/*", count=None)

        async def poll() -> None:
            while True:
                await ex.fetch_fills(BTC)
                await ex.fetch_order(order)
                await ex.reconcile()
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            polling = [tasks.create_task(poll()) for _ in range(2)]
            for _ in range(5):
                await asyncio.sleep(0.037)
                binance.trade("0.002")
            await asyncio.sleep(1)
            for task in polling:
                task.cancel()
        held = binance.known(ex)[str(order.client_order_id)]
        booked = [e for e in await ex.history(order) if e.kind is RecordKind.FILL]

    trade_ids = [str(trade.trade_id) for trade in binance.dialect.trades()]
    assert [fill.trade_id for fill in held.fills] == trade_ids
    assert len(booked) == len(trade_ids) == 5
    assert fills_told(changes, order) == [Decimal("0.002")] * 5
