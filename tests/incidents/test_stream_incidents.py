"""Streams that lost something and did not say so: cases 28 to 30 of the incidents."""

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from venuekit import limit_buy
from venuekit.model import (
    BookNotLive,
    OrderPhase,
    StreamState,
    StreamStateChanged,
)
from venuekit.sim.faults import FaultKind
from venuekit.sim.orders import Side

if TYPE_CHECKING:
    from tests.incidents.conftest import Town
    from venuekit.streams import Book

BTC = "BTC/USDT"
DEPTH = "btcusdt@depth@100ms"
BUY = limit_buy(BTC, quantity="0.01", price="60000")
SILENCE_S = 65.0
"""How long the plugin's manifest lets a connection say nothing: pings come every 20 s."""

Levels = Sequence[tuple[Decimal, Decimal]]


class Market:
    """Somebody who trades, and the book as it really was after every change."""

    def __init__(self, town: "Town", seed: int = 1) -> None:
        self.town = town
        self.truth: dict[int, tuple[Levels, Levels]] = {}
        self.changes = 0
        self._rng = random.Random(seed)
        self._note()

    def _note(self) -> None:
        update_id, bids, asks = self.town.dialect.venue.book("BTCUSDT", 5000)
        self.truth[update_id] = (tuple(bids), tuple(asks))

    def change(self, price: int, side: Side, quantity: str = "0.001") -> None:
        """Send one order."""
        self.town.trade(quantity, Decimal(price), side=side)
        self.changes += 1
        self._note()

    def step(self) -> None:
        """Send an order, mostly one that rests."""
        side = self._rng.choice((Side.BUY, Side.SELL))
        away = self._rng.randrange(-4, 40)
        price = 60_000 + away if side is Side.SELL else 59_999 - away
        self.change(price, side, f"0.00{self._rng.randrange(1, 10)}")

    def agrees(self, book: "Book") -> bool:
        """Say whether the book is what the market was at its update; raises BookNotLive."""
        here = book.snapshot()
        update_id = here.update_id
        assert update_id is not None
        return (here.bids, here.asks) == self.truth[update_id]


async def test_case_28_a_book_with_a_gap_is_not_readable_until_it_is_whole_again(
    binance: "Town",
) -> None:
    """ccxt/ccxt#19717: after a gap in the sequence the book went on being served, with levels that
    were long gone.

    Given one change that is lost, and a snapshot that takes half a second; then from the moment at
    which the next change shows the gap until the book is joined again every read raises; no read
    ever gives a book that the market did not have; and the gap is told.
    """
    binance.trade("0.001", Decimal(60_100))
    market = Market(binance)
    states: list[StreamStateChanged] = []
    async with binance.open() as ex, ex.book(BTC) as live:
        ex.on_stream_event(
            lambda event: states.append(event) if isinstance(event, StreamStateChanged) else None
        )
        book = await live.ready()
        market.change(59_990, Side.BUY)
        await asyncio.sleep(0.3)
        assert market.agrees(book)

        binance.fault(FaultKind.MESSAGE_DROP, topic=DEPTH)
        binance.fault(FaultKind.DELAY_ANSWER, path="/api/v3/depth", delay_s=0.5)
        market.change(60_090, Side.SELL)  # lost
        await asyncio.sleep(0.25)
        market.change(60_080, Side.SELL)  # shows that something was lost
        refused = []
        for _ in range(1000):
            try:
                assert market.agrees(book)
            except BookNotLive:
                refused.append(binance.time())
            await asyncio.sleep(0.001)
        assert market.agrees(book)
        best = book.best_ask()
        assert best == (Decimal(60_080), Decimal("0.001"))

    assert refused[-1] - refused[0] >= 0.5
    assert len(refused) > 400  # not readable in between
    own = [state.state for state in states if state.stream == f"live book {BTC}"]
    assert own[-1] is StreamState.LIVE
    assert {StreamState.RESYNCING, StreamState.STALE} & set(own)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_case_29_a_book_under_bad_weather_is_right_whenever_it_can_be_read(
    binance: "Town", seed: int
) -> None:
    """sammchardy/python-binance#22: update ids were not looked at; lost, repeated and swapped
    updates, and a snapshot older than the stream, made a book that never was.

    Given a market of 27 changes a second for a minute, of whose updates some are lost, swapped or
    doubled, and snapshots that are seconds old; then whenever the book can be read it is, level
    by level, what the exchange had at that update; and it can be read most of the time.
    """
    market = Market(binance, seed)
    binance.dialect.faults._rng.seed(seed)
    for kind, share in (
        (FaultKind.MESSAGE_DROP, 0.004),
        (FaultKind.MESSAGE_REORDER, 0.004),
        (FaultKind.MESSAGE_DUPLICATE, 0.1),
    ):
        binance.fault(kind, topic=DEPTH, count=None, probability=share)
    binance.fault(FaultKind.STALE_SNAPSHOT, topic="BTCUSDT", count=None, probability=0.3)
    right = refused = 0
    async with binance.open() as ex, ex.book(BTC) as live:
        book = await live.ready()
        for _ in range(1600):
            market.step()
            await asyncio.sleep(0.037)
            try:
                assert market.agrees(book)
            except BookNotLive:
                refused += 1
            else:
                right += 1

    fired = {each.fault.kind for each in binance.dialect.faults.fired}
    assert {FaultKind.MESSAGE_DROP, FaultKind.MESSAGE_DUPLICATE, FaultKind.STALE_SNAPSHOT} <= fired
    assert refused > 0
    assert right > refused


# The account's stream


async def test_case_30_a_mute_account_stream_is_noticed_and_what_it_missed_is_fetched(
    binance: "Town",
) -> None:
    """oliver-zehentleitner/unicorn-binance-websocket-api#301: the connection stayed, nothing came
    out of it any more, and nobody noticed.

    Given a half-open connection, on which even the pings stop, and a fill in it; then within two
    intervals it is noticed and told, the stream is opened again, and the fill is booked, without
    anybody asking.
    """
    states: list[StreamStateChanged] = []
    async with binance.open() as ex:
        order = await ex.place(BUY)
        name = str(order.client_order_id)
        ex.on_stream_event(
            lambda event: states.append(event) if isinstance(event, StreamStateChanged) else None
        )
        binance.fault(FaultKind.SILENCE, topic="user/*")
        binance.trade("0.004")
        await asyncio.sleep(2 * SILENCE_S)
        told = [state.state for state in states if "account" in state.stream]
        assert told[0] is StreamState.STALE
        assert told[-1] is StreamState.LIVE
        assert [fill.quantity for fill in binance.known(ex)[name].fills] == [Decimal("0.004")]
        binance.trade("0.006")
        await asyncio.sleep(0.1)
        assert binance.known(ex)[name].phase is OrderPhase.FILLED


async def test_case_30_a_subscription_that_expires_is_taken_out_again(binance: "Town") -> None:
    """unicorn-binance-websocket-api#275: the exchange ended the account's stream (then: a listen
    key that expired), said so in an event, and the event was ignored.

    Given the exchange's word that the subscription is over, and a fill after it; then it is
    subscribed again within seconds, and the fill is booked.
    """
    async with binance.open() as ex:
        order = await ex.place(BUY)
        end_subscriptions(binance)
        binance.trade("0.004")
        await asyncio.sleep(15)
        held = binance.known(ex)[str(order.client_order_id)]
        assert [fill.quantity for fill in held.fills] == [Decimal("0.004")]
        binance.trade("0.006")
        await asyncio.sleep(0.1)
        assert binance.known(ex)[str(order.client_order_id)].phase is OrderPhase.FILLED


async def test_case_30_an_error_while_renewing_is_told_and_not_swallowed(binance: "Town") -> None:
    """The other half of #301: renewing failed, the error was caught and forgotten.

    Given a stream that breaks and three refusals to subscribe again; then the application is told
    that the account's stream is not live, it is tried again until it succeeds, and what happened
    meanwhile is booked.
    """
    states: list[StreamStateChanged] = []
    async with binance.open() as ex:
        ex.on_stream_event(
            lambda event: states.append(event) if isinstance(event, StreamStateChanged) else None
        )
        order = await ex.place(BUY)
        binance.fault(
            FaultKind.ANSWER_BEFORE,
            method="WS",
            path="userDataStream.subscribe.signature",
            answer="unexpected",
            count=3,
        )
        states.clear()
        binance.cut()
        binance.restore()
        await asyncio.sleep(0.5)
        binance.trade("0.01")
        await asyncio.sleep(60)
        assert binance.known(ex)[str(order.client_order_id)].phase is OrderPhase.FILLED

    told = [state for state in states if "account" in state.stream]
    assert told[0].state is StreamState.STALE
    assert [state for state in told if "refused" in state.text]
    assert StreamState.LIVE not in {state.state for state in told[:-1]}
    assert told[-1].state is StreamState.LIVE
    assert len([f for f in binance.dialect.faults.fired if "userDataStream" in f.subject]) == 3


def end_subscriptions(town: "Town") -> None:
    """Have the exchange end all subscriptions to accounts, as it does when they expire."""
    api: Any = town.dialect.socket_api
    for session in list(api._sessions.values()):
        for number in list(session.subscriptions):
            api._end(session, number, town.now_ns())
