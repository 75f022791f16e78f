import random
from decimal import Decimal

import pytest

from venuekit.sim.engine import Engine
from venuekit.sim.events import BookUpdated, Event, LevelChanged, OrderTraded
from venuekit.sim.market import (
    RecordedBook,
    RecordedChanges,
    RecordedEntry,
    RecordedFlow,
    RecordedTrade,
    SeededFlow,
)
from venuekit.sim.orders import Market, OrderRequest, OrderStatus, OrderType, Side

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
M = "BTC-USDT"
SECOND = 1_000_000_000


def exchange() -> Engine:
    engine = Engine()
    engine.add_market(Market(name=M, base="BTC", quote="USDT"))
    engine.open_account("ann")
    engine.deposit("ann", "USDT", "100000", 0)
    engine.deposit("ann", "BTC", "100", 0)
    engine.drain()
    return engine


def order(side: Side, quantity: str, price: str, name: str = "a") -> OrderRequest:
    return OrderRequest(
        account="ann",
        market=M,
        side=side,
        type=OrderType.LIMIT,
        client_order_id=name,
        quantity=quantity,
        price=price,
    )


def asks(engine: Engine) -> list[tuple[Decimal, Decimal]]:
    return [(quote.price, quote.quantity) for quote in engine.depth(M).asks]


# Levels from outside.


def test_a_users_order_waits_behind_what_stood_at_the_level_before_it() -> None:
    engine = exchange()
    engine.set_level(M, SELL, D(100), D(2), 1)
    mine = engine.place(order(SELL, "1", "100"), 2)
    engine.set_level(M, SELL, D(100), D(3), 3)  # one more, behind me
    assert asks(engine) == [(D(100), D(4))]
    engine.place(order(BUY, "2.5", "100", "b"), 4)
    assert engine.order("ann", M, order_id=mine.order_id).executed == D("0.5")


def test_a_level_that_shrinks_loses_its_youngest_part() -> None:
    engine = exchange()
    engine.set_level(M, SELL, D(100), D(2), 1)
    mine = engine.place(order(SELL, "1", "100"), 2)
    engine.set_level(M, SELL, D(100), D(3), 3)
    engine.set_level(M, SELL, D(100), D("1.5"), 4)
    engine.place(order(BUY, "2", "100", "b"), 5)
    assert engine.order("ann", M, order_id=mine.order_id).executed == D("0.5")


def test_a_level_is_absolute_whatever_users_took_of_it() -> None:
    engine = exchange()
    engine.set_level(M, SELL, D(100), D(2), 1)
    engine.place(order(BUY, "1.5", "100"), 2)
    assert asks(engine) == [(D(100), D("0.5"))]
    engine.set_level(M, SELL, D(100), D(2), 3)
    assert asks(engine) == [(D(100), D(2))]
    engine.set_level(M, SELL, D(100), D(0), 4)
    assert asks(engine) == []


def test_a_level_that_reaches_a_users_order_fills_it() -> None:
    engine = exchange()
    mine = engine.place(order(BUY, "1", "100"), 1)
    engine.set_level(M, SELL, D(99), D(3), 2)
    seen = engine.order("ann", M, order_id=mine.order_id)
    assert (seen.status, seen.cumulative_quote) == (OrderStatus.FILLED, D(100))
    assert asks(engine) == [(D(99), D(2))]


def test_levels_from_outside_do_not_trade_with_each_other() -> None:
    engine = exchange()
    engine.set_level(M, BUY, D(100), D(1), 1)
    engine.set_level(M, SELL, D(99), D(1), 2)
    assert engine.trades(M) == ()
    assert (engine.best_bid(M), asks(engine)) == (None, [(D(99), D(1))])


# A market made up from a seed.


def history(seed: int) -> list[Event]:
    engine = exchange()
    flow = SeededFlow(engine, M, random.Random(seed), "100")
    for moment in range(30):
        flow.step(moment * SECOND)
    return engine.drain()


def test_a_seed_gives_the_same_market_again() -> None:
    assert history(1) == history(1)
    assert history(1) != history(2)


def test_a_seeded_market_keeps_a_two_sided_book_of_tens_of_levels_and_trades() -> None:
    engine = exchange()
    flow = SeededFlow(engine, M, random.Random(7), "100", levels=20)
    for moment in range(60):
        flow.step(moment * SECOND)
        depth = engine.depth(M)
        assert min(len(depth.bids), len(depth.asks)) >= 10
        assert depth.bids[0].price < depth.asks[0].price
    assert len(engine.trades(M)) > 10


def test_a_seeded_market_trades_with_users() -> None:
    engine = exchange()
    flow = SeededFlow(engine, M, random.Random(7), "100")
    flow.step(0)
    engine.place(order(BUY, "1", "100.10"), 1)
    for moment in range(1, 40):
        flow.step(moment * SECOND)
    fills = [event.fill for event in engine.drain() if isinstance(event, OrderTraded)]
    assert fills
    assert {fill.account for fill in fills} == {"ann"}


def test_the_closed_orders_of_a_seeded_market_are_forgotten() -> None:
    engine = exchange()
    flow = SeededFlow(engine, M, random.Random(7), "100", levels=10)
    for moment in range(50):
        flow.step(moment * SECOND)
    kept = sum(len(engine.orders(name, M)) for name in engine.accounts())
    opened = sum(len(engine.open_orders(name, M)) for name in engine.accounts())
    assert kept == opened


# A market played from a recording.


RECORDING: tuple[RecordedEntry, ...] = (
    RecordedBook(
        at_ns=10,
        update_id=500,
        levels=((BUY, D(99), D(1)), (SELL, D(101), D(1)), (SELL, D(102), D(1))),
    ),
    RecordedChanges(
        at_ns=20,
        first_update_id=501,
        last_update_id=507,
        changes=((SELL, D(101), D(0)), (BUY, D(100), D(4))),
    ),
    RecordedTrade(at_ns=25, trade_id=9001, price=D(100), quantity=D(1), taker_side=SELL),
    RecordedChanges(
        at_ns=30, first_update_id=508, last_update_id=508, changes=((BUY, D(100), D(3)),)
    ),
)


def test_a_recording_is_played_as_far_as_the_time_has_come() -> None:
    engine = exchange()
    flow = RecordedFlow(engine, M, RECORDING, shift_ns=1000)
    due = [flow.next_ns]
    assert flow.advance(1020) == 2
    assert engine.update_id(M) == 507
    due.append(flow.next_ns)
    assert flow.advance(5000) == 2
    due.append(flow.next_ns)
    assert due == [1010, 1025, None]
    assert not flow.play_next()
    last = engine.last_trade(M)
    assert last is not None
    assert (last.trade_id, last.time_ns) == (9001, 1025)


def test_recorded_batches_keep_their_update_ids() -> None:
    engine = exchange()
    RecordedFlow(engine, M, RECORDING).advance(100)
    events = engine.drain()
    batches = [event for event in events if isinstance(event, BookUpdated)]
    assert [(b.first_update_id, b.last_update_id) for b in batches] == [(501, 507), (508, 508)]
    levels = [event.update_id for event in events if isinstance(event, LevelChanged)]
    assert levels == [500, 500, 500, 507, 507, 508]


def test_ids_stay_contiguous_when_users_change_levels_in_between() -> None:
    engine = exchange()
    flow = RecordedFlow(engine, M, RECORDING)
    flow.advance(20)
    engine.place(order(SELL, "1", "105"), 21)
    engine.place(order(SELL, "1", "106", "b"), 22)
    flow.advance(100)
    updates = [e for e in engine.drain() if isinstance(e, LevelChanged | BookUpdated)]
    last = updates[-1]
    assert isinstance(last, BookUpdated)
    assert (last.first_update_id, last.last_update_id, engine.update_id(M)) == (510, 510, 510)


def test_a_later_snapshot_takes_away_what_it_does_not_name() -> None:
    engine = exchange()
    engine.place(order(SELL, "1", "105"), 1)
    later = RecordedBook(at_ns=40, update_id=600, levels=((SELL, D(103), D(2)),))
    RecordedFlow(engine, M, (*RECORDING, later)).advance(100)
    assert asks(engine) == [(D(103), D(2)), (D(105), D(1))]
    assert engine.best_bid(M) is None
    assert engine.update_id(M) == 600


# What is computed from trades.


def prints(engine: Engine, *trades: tuple[int, str, str]) -> None:
    for second, price, quantity in trades:
        engine.print_trade(M, D(price), D(quantity), BUY, second * SECOND)


def test_candles_are_folded_from_trades_and_still_ones_repeat_the_price() -> None:
    engine = exchange()
    prints(engine, (61, "10", "1"), (62, "14", "1"), (119, "12", "2"), (240, "9", "1"))
    candles = engine.candles(M, 60 * SECOND, 0, 300 * SECOND)
    assert [(c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles] == [
        (D(10), D(14), D(10), D(12), D(4), 3),
        (D(12), D(12), D(12), D(12), D(0), 0),
        (D(12), D(12), D(12), D(12), D(0), 0),
        (D(9), D(9), D(9), D(9), D(1), 1),
    ]
    assert (candles[0].first_trade_id, candles[0].last_trade_id) == (1, 3)


@pytest.mark.parametrize(
    ("start", "end", "volume"), [(0, 300, "5"), (62, 241, "4"), (61, 62, "1"), (62, 119, "1")]
)
def test_a_window_may_begin_and_end_on_any_second(start: int, end: int, volume: str) -> None:
    engine = exchange()
    prints(engine, (61, "10", "1"), (62, "14", "1"), (119, "12", "2"), (240, "9", "1"))
    candle = engine.candle(M, start * SECOND, end * SECOND)
    assert candle is not None
    assert candle.volume == D(volume)


def test_candles_begin_on_whole_intervals_after_the_offset() -> None:
    engine = exchange()
    prints(engine, (1, "10", "1"))
    for offset, opens in ((0, [60, 120]), (20, [20, 80])):
        candles = engine.candles(
            M, 60 * SECOND, 5 * SECOND, 121 * SECOND, offset_ns=offset * SECOND
        )
        assert [candle.open_ns // SECOND for candle in candles] == opens


def test_the_weighted_average_weighs_by_quantity_and_falls_back_on_the_last_price() -> None:
    engine = exchange()
    assert engine.weighted_average_price(M, 0, SECOND) is None
    prints(engine, (100, "10", "1"), (101, "20", "3"))
    assert engine.weighted_average_price(M, 101 * SECOND, 300 * SECOND) == D("17.5")
    assert engine.weighted_average_price(M, 900 * SECOND, 300 * SECOND) == D(20)
    day = engine.statistics(M, 101 * SECOND)
    assert day is not None
    assert (day.open, day.close, day.trades, day.previous_close) == (D(10), D(20), 2, None)
