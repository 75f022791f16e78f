from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from venuekit.sim.accounts import Balance, FeeDiscount, FeeRates
from venuekit.sim.engine import Engine
from venuekit.sim.events import (
    BalanceAdjusted,
    BalancesChanged,
    LevelChanged,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderPrevented,
    OrderTraded,
    OrderTriggered,
    TradePrinted,
)
from venuekit.sim.orders import (
    ExpiryReason,
    Market,
    MarketStatus,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Rejection,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
_names = count(1)


def exchange(**fees: str) -> Engine:
    """An exchange with one market and three rich accounts."""
    engine = Engine()
    engine.add_market(Market(name="BTC-USDT", base="BTC", quote="USDT"))
    for name in ("ann", "bob", "cat"):
        engine.open_account(name, fees=FeeRates(**{side: D(rate) for side, rate in fees.items()}))
        engine.deposit(name, "BTC", "100", 0)
        engine.deposit(name, "USDT", "100000", 0)
    engine.drain()
    return engine


def request(
    account: str, side: Side, quantity: str | None, price: str | None, **others: Any
) -> OrderRequest:
    others.setdefault("type", OrderType.MARKET if price is None else OrderType.LIMIT)
    others.setdefault("client_order_id", f"id-{next(_names)}")
    return OrderRequest(
        account=account,
        market="BTC-USDT",
        side=side,
        quantity=None if quantity is None else D(quantity),
        price=None if price is None else D(price),
        **others,
    )


def place(
    engine: Engine,
    account: str,
    side: Side,
    quantity: str | None,
    price: str | None = None,
    *,
    now_ns: int = 1,
    **others: Any,
) -> Order:
    return engine.place(request(account, side, quantity, price, **others), now_ns)


def look(engine: Engine, order: Order) -> Order:
    return engine.order(order.account, order.market, order_id=order.order_id)


def depth(engine: Engine) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    book = engine.depth("BTC-USDT")
    bids, asks = (
        [(str(quote.price), str(quote.quantity)) for quote in side]
        for side in (book.bids, book.asks)
    )
    return bids, asks


def traded(engine: Engine) -> list[tuple[str, str]]:
    return [(str(trade.price), str(trade.quantity)) for trade in engine.trades("BTC-USDT")]


# Price and time.


def test_better_prices_trade_first_and_among_equals_the_oldest() -> None:
    engine = exchange()
    dear = place(engine, "ann", SELL, "1", "102")
    first = place(engine, "ann", SELL, "1", "101")
    second = place(engine, "bob", SELL, "1", "101")
    taker = place(engine, "cat", BUY, "2.5", "102")
    assert taker.status is OrderStatus.FILLED
    assert taker.cumulative_quote == D("253")
    makers = [trade.maker_order_id for trade in engine.trades("BTC-USDT")]
    assert makers == [first.order_id, second.order_id, dear.order_id]
    assert look(engine, dear).remaining == D("0.5")


def test_a_trade_happens_at_the_makers_price_and_the_rest_of_the_taker_stays() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    taker = place(engine, "bob", BUY, "3", "105")
    assert (taker.status, taker.executed) == (OrderStatus.PARTIALLY_FILLED, D(1))
    assert traded(engine) == [("100", "1")]
    assert depth(engine) == ([("105", "2")], [])


def test_equal_prices_of_unequal_digits_are_one_level() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "bob", SELL, "2", "100.00")
    assert engine.best_ask("BTC-USDT") is not None
    assert len(depth(engine)[1]) == 1
    assert engine.depth("BTC-USDT").asks[0].quantity == D(3)


def test_the_events_of_a_taker_come_in_the_order_of_its_life() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    engine.drain()
    place(engine, "bob", BUY, "2", "100", time_in_force=TimeInForce.IOC)
    events = engine.drain()
    assert [type(event) for event in events] == [
        OrderAccepted,
        OrderTraded,
        OrderTraded,
        TradePrinted,
        OrderExpired,
        LevelChanged,
        BalancesChanged,
        BalancesChanged,
    ]
    accepted, taken, made = events[:3]
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(taken, OrderTraded)
    assert isinstance(made, OrderTraded)
    assert accepted.order.status is OrderStatus.NEW
    assert taken.order.status is OrderStatus.PARTIALLY_FILLED
    assert (taken.order.account, taken.fill.is_maker) == ("bob", False)
    assert (made.order.account, made.fill.is_maker) == ("ann", True)
    assert taken.fill.trade_id == made.fill.trade_id == 1


def test_each_changed_level_gets_the_next_update_id_and_its_absolute_quantity() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "ann", SELL, "2", "101")
    place(engine, "bob", BUY, "2", "101")
    levels = [event for event in engine.drain() if isinstance(event, LevelChanged)]
    assert [(level.price, level.quantity, level.update_id) for level in levels] == [
        (D(100), D(1), 1),
        (D(101), D(2), 2),
        (D(100), D(0), 3),
        (D(101), D(1), 4),
    ]
    assert engine.update_id("BTC-USDT") == 4


# Time in force, post-only, market orders.


def test_an_ioc_rest_expires() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    taker = place(engine, "bob", BUY, "2", "100", time_in_force=TimeInForce.IOC)
    assert (taker.status, taker.executed) == (OrderStatus.EXPIRED, D(1))
    assert taker.expiry_reason is ExpiryReason.UNFILLED_IOC
    assert depth(engine) == ([], [])


@pytest.mark.parametrize(
    ("quantity", "status", "executed"),
    [("3", OrderStatus.FILLED, "3"), ("3.00001", OrderStatus.EXPIRED, "0")],
)
def test_a_fok_order_trades_whole_or_not_at_all(
    quantity: str, status: OrderStatus, executed: str
) -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "ann", SELL, "2", "101", display_quantity=D("0.5"))
    place(engine, "ann", SELL, "9", "102")
    taker = place(engine, "bob", BUY, quantity, "101", time_in_force=TimeInForce.FOK)
    assert (taker.status, taker.executed) == (status, D(executed))


def test_a_fok_order_does_not_count_on_its_owners_own_orders() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "bob", SELL, "1", "100")
    taker = place(
        engine,
        "bob",
        BUY,
        "2",
        "100",
        time_in_force=TimeInForce.FOK,
        self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER,
    )
    assert taker.expiry_reason is ExpiryReason.UNFILLED_FOK
    assert taker.executed == 0
    assert len(engine.open_orders("bob")) == 1


def test_a_post_only_order_that_would_take_is_refused_and_leaves_no_trace() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    engine.drain()
    with pytest.raises(Rejection) as refused:
        place(engine, "bob", BUY, "1", "100", post_only=True)
    assert refused.value.reason is RejectReason.WOULD_MATCH
    assert engine.drain() == []
    assert engine.orders("bob", "BTC-USDT") == ()
    assert place(engine, "bob", BUY, "1", "99.99", post_only=True).status is OrderStatus.NEW


def test_a_market_order_takes_levels_until_it_is_filled_and_locks_nothing_lasting() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "ann", SELL, "1", "200")
    taker = place(engine, "bob", BUY, "1.5")
    assert (taker.status, taker.cumulative_quote) == (OrderStatus.FILLED, D(200))
    assert engine.balances("bob")["USDT"] == Balance(D(99800), D(0))


def test_a_market_order_that_empties_the_book_expires_with_what_it_got() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    taker = place(engine, "bob", BUY, "1.5")
    assert (taker.status, taker.executed) == (OrderStatus.EXPIRED, D(1))
    assert taker.expiry_reason is ExpiryReason.NO_LIQUIDITY


def test_a_market_order_on_an_empty_book_is_refused() -> None:
    with pytest.raises(Rejection) as refused:
        place(exchange(), "bob", BUY, "1")
    assert refused.value.reason is RejectReason.NO_LIQUIDITY


def test_a_market_order_by_quote_quantity_buys_whole_steps_and_leaves_the_change() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "ann", SELL, "1", "300")
    taker = place(engine, "bob", BUY, None, quote_quantity=D("250.001"))
    assert (taker.status, taker.executed) == (OrderStatus.FILLED, D("1.50000"))
    assert engine.balances("bob")["USDT"] == Balance(D("99750.000"), D(0))


def test_a_market_order_by_quote_quantity_expires_when_the_book_runs_out() -> None:
    engine = exchange()
    place(engine, "ann", BUY, "1", "100")
    taker = place(engine, "bob", SELL, None, quote_quantity=D(150))
    assert (taker.status, taker.cumulative_quote) == (OrderStatus.EXPIRED, D(100))
    assert taker.quantity == D("1.5")


def test_a_quote_quantity_below_one_step_is_refused() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100000")
    with pytest.raises(Rejection) as refused:
        place(engine, "bob", BUY, None, quote_quantity=D("0.99"))
    assert refused.value.reason is RejectReason.QUANTITY_TOO_SMALL


# Icebergs and amendments.


def test_an_iceberg_shows_its_display_quantity_alone() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "10", "100", display_quantity=D(2))
    assert depth(engine) == ([], [("100", "2")])


def test_an_iceberg_refresh_goes_to_the_back_of_its_level() -> None:
    engine = exchange()
    iceberg = place(engine, "ann", SELL, "5", "100", display_quantity=D(2))
    other = place(engine, "bob", SELL, "1", "100")
    place(engine, "cat", BUY, "4", "100")
    makers = [(trade.maker_order_id, trade.quantity) for trade in engine.trades("BTC-USDT")]
    assert makers == [
        (iceberg.order_id, D(2)),
        (other.order_id, D(1)),
        (iceberg.order_id, D(1)),
    ]
    assert depth(engine) == ([], [("100", "1")])
    assert look(engine, iceberg).remaining == D(2)


def test_an_order_made_smaller_keeps_its_place_and_frees_the_difference() -> None:
    engine = exchange()
    first = place(engine, "ann", SELL, "3", "100")
    place(engine, "bob", SELL, "1", "100")
    amended, amendment = engine.amend(
        "ann", "BTC-USDT", "1", 5, order_id=first.order_id, new_client_order_id="smaller"
    )
    assert (amended.quantity, amended.client_order_id) == (D(1), "smaller")
    assert (amendment.old_quantity, amendment.time_ns) == (D(3), 5)
    assert engine.balances("ann")["BTC"] == Balance(D(99), D(1))
    place(engine, "cat", BUY, "1", "100")
    assert look(engine, first).status is OrderStatus.FILLED
    assert engine.amendments("BTC-USDT", first.order_id) == (amendment,)


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        ("4", RejectReason.AMEND_INCREASES),
        ("3", RejectReason.AMEND_CHANGES_NOTHING),
        ("1", RejectReason.AMEND_BELOW_EXECUTED),
    ],
)
def test_an_amendment_only_takes_away_what_is_still_open(
    quantity: str, reason: RejectReason
) -> None:
    engine = exchange()
    order = place(engine, "ann", SELL, "3", "100")
    place(engine, "bob", BUY, "1", "100")
    with pytest.raises(Rejection) as refused:
        engine.amend("ann", "BTC-USDT", quantity, 5, order_id=order.order_id)
    assert refused.value.reason is reason


# Self-trade prevention.


@pytest.mark.parametrize(
    ("mode", "taker", "maker", "trades"),
    [
        ("none", ("filled", "3", "0"), ("filled", "2", "0"), 2),
        ("expire_taker", ("expired_in_match", "0", "3"), ("new", "0", "0"), 0),
        ("expire_maker", ("partially_filled", "1", "0"), ("expired_in_match", "0", "2"), 1),
        ("expire_both", ("expired_in_match", "0", "3"), ("expired_in_match", "0", "2"), 0),
        ("decrement", ("filled", "1", "2"), ("expired_in_match", "0", "2"), 1),
    ],
)
def test_the_takers_mode_decides_what_happens_instead_of_a_self_trade(
    mode: str, taker: tuple[str, str, str], maker: tuple[str, str, str], trades: int
) -> None:
    engine = exchange()
    own = place(engine, "ann", SELL, "2", "100")
    place(engine, "bob", SELL, "1", "100")
    order = place(engine, "ann", BUY, "3", "100", self_trade_prevention=SelfTradePrevention(mode))
    for seen, (status, executed, prevented) in ((order, taker), (look(engine, own), maker)):
        assert seen.status is OrderStatus(status)
        assert (seen.executed, seen.prevented) == (D(executed), D(prevented))
    assert len(engine.trades("BTC-USDT")) == trades
    assert len(engine.prevented_matches("ann", "BTC-USDT")) == (mode != "none")


def test_a_prevented_match_is_told_before_the_order_that_it_ends() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "2", "100")
    engine.drain()
    place(engine, "ann", BUY, "1", "100", self_trade_prevention=SelfTradePrevention.DECREMENT)
    told = [type(event) for event in engine.drain()]
    assert told == [
        OrderAccepted,
        OrderPrevented,
        OrderExpired,
        OrderPrevented,
        LevelChanged,
        BalancesChanged,
    ]
    assert depth(engine) == ([], [("100", "1")])
    assert engine.balances("ann")["BTC"] == Balance(D(99), D(1))
    assert engine.balances("ann")["USDT"] == Balance(D(100000), D(0))


def test_accounts_of_one_trade_group_are_one_owner() -> None:
    engine = exchange()
    for name in ("left", "right"):
        engine.open_account(name, trade_group="hands")
        engine.deposit(name, "BTC", "1", 0)
        engine.deposit(name, "USDT", "100", 0)
    place(engine, "left", SELL, "1", "100")
    taker = place(
        engine, "right", BUY, "1", "100", self_trade_prevention=SelfTradePrevention.EXPIRE_TAKER
    )
    assert taker.status is OrderStatus.EXPIRED_IN_MATCH


def test_a_market_order_that_finds_its_owner_alone_expires_for_want_of_liquidity() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    taker = place(engine, "ann", BUY, "1", self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER)
    assert taker.status is OrderStatus.EXPIRED
    assert taker.expiry_reason is ExpiryReason.NO_LIQUIDITY


def test_an_iceberg_that_meets_its_owner_expires_with_its_hidden_part() -> None:
    engine = exchange()
    own = place(engine, "ann", SELL, "5", "100", display_quantity=D(1))
    place(engine, "ann", BUY, "1", "100", self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER)
    assert look(engine, own).status is OrderStatus.EXPIRED_IN_MATCH
    assert look(engine, own).prevented == D(5)
    (match,) = engine.prevented_matches("ann", "BTC-USDT")
    assert (match.taker_prevented, match.maker_prevented) == (D(0), D(5))


def test_a_decremented_market_order_goes_on_to_the_next_maker() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "bob", SELL, "50", "10000")
    with pytest.raises(Rejection) as refused:
        place(engine, "ann", BUY, "12", self_trade_prevention=SelfTradePrevention.DECREMENT)
    assert refused.value.reason is RejectReason.INSUFFICIENT_BALANCE
    taker = place(engine, "ann", BUY, "11", self_trade_prevention=SelfTradePrevention.DECREMENT)
    assert (taker.status, taker.executed) == (OrderStatus.FILLED, D(10))


# Stops.


def test_a_stop_waits_off_the_book_with_its_funds_locked() -> None:
    engine = exchange()
    stop = place(engine, "ann", BUY, "1", "120", type=OrderType.STOP_LOSS_LIMIT, stop_price=D(110))
    assert (stop.status, stop.is_working, stop.working_ns) == (OrderStatus.NEW, False, None)
    assert depth(engine) == ([], [])
    assert engine.balances("ann")["USDT"] == Balance(D(99880), D(120))


def test_a_stop_beyond_the_last_price_is_refused() -> None:
    engine = exchange()
    engine.print_trade("BTC-USDT", D(100), D(1), BUY, 1)
    for side, kind in ((BUY, OrderType.STOP_LOSS), (SELL, OrderType.TAKE_PROFIT)):
        with pytest.raises(Rejection) as refused:
            place(engine, "ann", side, "1", type=kind, stop_price=D(100))
        assert refused.value.reason is RejectReason.WOULD_TRIGGER
        assert place(engine, "ann", side, "1", type=kind, stop_price=D("100.01"))


def test_one_stop_triggers_the_next_and_each_is_done_before_the_next_begins() -> None:
    engine = exchange()
    for price in ("99", "98", "97"):
        place(engine, "bob", BUY, "1", price)
    engine.print_trade("BTC-USDT", D(100), D(1), BUY, 1)
    near = place(engine, "ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D("99.5"))
    far = place(engine, "cat", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D("98.5"))
    engine.drain()
    place(engine, "bob", SELL, "1", "99", now_ns=7)
    assert traded(engine)[1:] == [("99", "1"), ("98", "1"), ("97", "1")]
    triggered = [event for event in engine.drain() if isinstance(event, OrderTriggered)]
    assert [event.order.order_id for event in triggered] == [near.order_id, far.order_id]
    assert look(engine, far).working_ns == 7
    assert look(engine, far).status is OrderStatus.FILLED


def test_stops_that_one_trade_passes_begin_with_the_nearest_price() -> None:
    engine = exchange()
    engine.print_trade("BTC-USDT", D(100), D(1), BUY, 1)
    stops = [
        place(engine, "ann", BUY, "1", "105", type=OrderType.STOP_LOSS_LIMIT, stop_price=D(stop))
        for stop in ("103", "102", "103", "104.01")
    ]
    engine.drain()
    engine.print_trade("BTC-USDT", D(104), D(1), BUY, 2)
    triggered = [event for event in engine.drain() if isinstance(event, OrderTriggered)]
    assert [event.order.order_id for event in triggered] == [
        stops[1].order_id,
        stops[0].order_id,
        stops[2].order_id,
    ]
    assert depth(engine) == ([("105", "3")], [])


def test_a_triggered_stop_without_anybody_to_trade_with_expires() -> None:
    engine = exchange()
    stop = place(engine, "ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(90))
    engine.print_trade("BTC-USDT", D(90), D(1), SELL, 1)
    assert look(engine, stop).expiry_reason is ExpiryReason.NO_LIQUIDITY
    assert engine.balances("ann")["BTC"] == Balance(D(100), D(0))


def test_a_triggered_stop_that_cannot_be_paid_expires_rejected() -> None:
    engine = exchange()
    place(engine, "bob", SELL, "10", "20000")
    stop = place(engine, "ann", BUY, "10", type=OrderType.STOP_LOSS, stop_price=D(9000))
    engine.print_trade("BTC-USDT", D(9000), D(1), BUY, 1)
    assert look(engine, stop).expiry_reason is ExpiryReason.REJECTED
    assert engine.balances("ann")["USDT"] == Balance(D(100000), D(0))


def test_a_trailing_sell_follows_the_highest_price_and_works_below_it() -> None:
    engine = exchange()
    place(engine, "bob", BUY, "1", "50")
    stop = place(engine, "ann", SELL, "1", type=OrderType.STOP_LOSS, trailing_bps=100)
    for price in ("100", "200", "198.01"):
        engine.print_trade("BTC-USDT", D(price), D(1), BUY, 1)
        assert look(engine, stop).status is OrderStatus.NEW
    engine.print_trade("BTC-USDT", D(198), D(1), BUY, 1)
    assert look(engine, stop).status is OrderStatus.FILLED


def test_a_trailing_buy_with_a_stop_price_begins_to_track_when_that_is_touched() -> None:
    engine = exchange()
    place(engine, "bob", SELL, "1", "150")
    engine.print_trade("BTC-USDT", D(100), D(1), BUY, 1)
    stop = place(
        engine, "ann", BUY, "1", type=OrderType.TAKE_PROFIT, stop_price=D(90), trailing_bps=1000
    )
    for price in ("95", "110", "90", "80", "87.99"):
        engine.print_trade("BTC-USDT", D(price), D(1), BUY, 9)
        assert look(engine, stop).status is OrderStatus.NEW
    assert look(engine, stop).trailing_ns == 9
    engine.print_trade("BTC-USDT", D(88), D(1), BUY, 1)
    assert look(engine, stop).status is OrderStatus.FILLED


# Balances and fees.


def test_a_limit_buy_locks_its_limit_and_a_better_price_frees_the_difference() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "90")
    place(engine, "bob", BUY, "3", "100")
    assert engine.balances("bob")["USDT"] == Balance(D(99710), D(200))
    assert engine.balances("bob")["BTC"] == Balance(D(101), D(0))


@pytest.mark.parametrize(
    ("side", "quantity", "price"),
    [(BUY, "1001", "100"), (SELL, "101", "100"), (BUY, "1001", None), (SELL, "101", None)],
)
def test_an_order_that_cannot_be_paid_whole_is_refused(
    side: Side, quantity: str, price: str | None
) -> None:
    engine = exchange()
    engine.set_level("BTC-USDT", BUY, D(99), D(5000), 1)
    engine.set_level("BTC-USDT", SELL, D(100), D(5000), 1)
    engine.drain()
    with pytest.raises(Rejection) as refused:
        place(engine, "ann", side, quantity, price)
    assert refused.value.reason is RejectReason.INSUFFICIENT_BALANCE
    assert engine.drain() == []


def test_the_fee_is_taken_from_what_is_received_at_the_rate_of_ones_part() -> None:
    engine = exchange(maker="0.001", taker="0.002")
    place(engine, "ann", SELL, "0.01", "64000.02")
    taker = place(engine, "bob", BUY, "0.01", "64000.02")
    (fill,) = engine.fills("bob", "BTC-USDT", order_id=taker.order_id)
    assert (fill.fee, fill.fee_asset) == (D("0.00002"), "BTC")
    (made,) = engine.fills("ann", "BTC-USDT")
    assert (made.fee, made.fee_asset) == (D("0.64000020"), "USDT")
    assert engine.balances("fees")["BTC"].free == D("0.00002")


def test_fees_are_rounded_down_to_the_digits_of_the_asset() -> None:
    engine = exchange(taker="0.001")
    place(engine, "ann", SELL, "1", "0.00001999")
    place(engine, "bob", BUY, "1", "0.00001999")
    place(engine, "ann", BUY, "1", "0.00001999")
    place(engine, "bob", SELL, "1", "0.00001999")
    assert [fill.fee for fill in engine.fills("bob", "BTC-USDT")] == [D("0.001"), D("0.00000001")]


def test_a_markets_own_rates_win() -> None:
    engine = exchange(taker="0.001")
    engine.set_fees("bob", FeeRates(taker=D(0)), market="BTC-USDT")
    place(engine, "ann", SELL, "1", "100")
    place(engine, "bob", BUY, "1", "100")
    assert engine.fills("bob", "BTC-USDT")[0].fee == 0


def test_fees_are_paid_in_the_discount_asset_while_it_lasts() -> None:
    engine = exchange(taker="0.001")
    engine.add_market(Market(name="FEE-USDT", base="FEE", quote="USDT"))
    engine.print_trade("FEE-USDT", D(2), D(1), BUY, 1)
    engine.set_discount("bob", FeeDiscount(asset="FEE", multiplier=D("0.75")))
    engine.deposit("bob", "FEE", "0.04", 1)
    place(engine, "ann", SELL, "5", "100")
    for _ in range(2):
        place(engine, "bob", BUY, "1", "100")
    fees = [(fill.fee, fill.fee_asset) for fill in engine.fills("bob", "BTC-USDT")]
    assert fees == [(D("0.03750000"), "FEE"), (D("0.001"), "BTC")]


def test_deposits_and_withdrawals_are_told_and_never_overdraw() -> None:
    engine = exchange()
    engine.withdraw("ann", "BTC", "40", 3)
    assert engine.drain() == [
        BalanceAdjusted("ann", "BTC", D(-40), 3),
        BalancesChanged("ann", ("BTC",), 3),
    ]
    with pytest.raises(Rejection):
        engine.withdraw("ann", "BTC", "60.1", 3)


# Ids, cancels, states.


def test_a_client_id_is_unique_among_open_orders_only_and_finds_the_newest() -> None:
    engine = exchange()
    first = place(engine, "ann", SELL, "1", "100", client_order_id="x")
    with pytest.raises(Rejection) as refused:
        place(engine, "ann", SELL, "1", "100", client_order_id="x")
    assert refused.value.reason is RejectReason.DUPLICATE_CLIENT_ID
    assert place(engine, "bob", SELL, "1", "100", client_order_id="x")
    engine.cancel("ann", "BTC-USDT", 2, client_order_id="x")
    second = place(engine, "ann", SELL, "1", "100", client_order_id="x")
    assert second.order_id > first.order_id
    assert engine.order("ann", "BTC-USDT", client_order_id="x") == second


def test_a_cancel_can_rename_the_order() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100", client_order_id="x")
    engine.drain()
    engine.cancel("ann", "BTC-USDT", 2, client_order_id="x", new_client_order_id="y")
    (canceled,) = (event for event in engine.drain() if isinstance(event, OrderCanceled))
    assert (canceled.order.client_order_id, canceled.previous_client_order_id) == ("y", "x")
    with pytest.raises(Rejection):
        engine.order("ann", "BTC-USDT", client_order_id="x")


def test_an_order_is_canceled_once_and_by_its_owner_alone() -> None:
    engine = exchange()
    order = place(engine, "ann", SELL, "1", "100")
    with pytest.raises(Rejection):
        engine.cancel("bob", "BTC-USDT", 2, order_id=order.order_id)
    engine.cancel("ann", "BTC-USDT", 2, order_id=order.order_id)
    with pytest.raises(Rejection) as refused:
        engine.cancel("ann", "BTC-USDT", 2, order_id=order.order_id)
    assert refused.value.reason is RejectReason.UNKNOWN_ORDER
    assert engine.balances("ann")["BTC"] == Balance(D(100), D(0))


def test_cancel_all_takes_resting_and_waiting_orders_of_one_account() -> None:
    engine = exchange()
    place(engine, "ann", SELL, "1", "100")
    place(engine, "ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(90))
    place(engine, "bob", SELL, "1", "100")
    canceled = engine.cancel_all("ann", "BTC-USDT", 2)
    assert [order.status for order in canceled] == [OrderStatus.CANCELED] * 2
    assert engine.open_orders("ann") == ()
    assert len(engine.open_orders("bob")) == 1
    assert engine.cancel_all("ann", "BTC-USDT", 2) == ()


@pytest.mark.parametrize("status", [MarketStatus.HALTED, MarketStatus.BREAK])
def test_a_halted_market_refuses_orders_and_cancels(status: MarketStatus) -> None:
    engine = exchange()
    order = place(engine, "ann", SELL, "1", "100")
    engine.set_market_status("BTC-USDT", status, 2)
    with pytest.raises(Rejection) as refused:
        place(engine, "ann", SELL, "1", "100")
    assert refused.value.reason is RejectReason.MARKET_CLOSED
    with pytest.raises(Rejection):
        engine.cancel("ann", "BTC-USDT", 2, order_id=order.order_id)


def test_a_cancel_only_market_lets_orders_go() -> None:
    engine = exchange()
    order = place(engine, "ann", SELL, "1", "100")
    engine.set_market_status("BTC-USDT", MarketStatus.CANCEL_ONLY, 2)
    with pytest.raises(Rejection):
        place(engine, "ann", SELL, "1", "100")
    canceled = engine.cancel("ann", "BTC-USDT", 2, order_id=order.order_id)
    assert canceled.status is OrderStatus.CANCELED


def test_the_exchange_can_end_all_orders_of_a_market() -> None:
    engine = exchange()
    order = place(engine, "ann", SELL, "1", "100")
    engine.expire_all("BTC-USDT", 2)
    assert look(engine, order).expiry_reason is ExpiryReason.EXCHANGE


def test_money_is_never_made_of_a_float() -> None:
    with pytest.raises(TypeError):
        request("ann", BUY, "1", "1", display_quantity=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": None, "type": OrderType.LIMIT},
        {"quantity": None},
        {"type": OrderType.STOP_LOSS_LIMIT},
        {"stop_price": D(3)},
        {"post_only": True, "time_in_force": TimeInForce.IOC},
        {"quantity": "0"},
    ],
)
def test_a_request_whose_members_do_not_go_together_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each has its own sentence
        request("ann", BUY, **{"quantity": "1", "price": "100"} | wrong)


def test_an_amount_of_many_digits_stays_exact() -> None:
    engine = exchange()
    price, quantity = "12345.6789012345678901", "1.00000000000000000001"
    place(engine, "ann", SELL, quantity, price)
    taker = place(engine, "bob", BUY, quantity, price)
    assert str(taker.cumulative_quote) == "12345.6789012345678902234567890123456789" + "01"
