"""Placing orders: every type and flag, what is refused and in which words, money and fees."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"


@pytest.fixture
def market(world: Any) -> Any:
    """A market at 50000 with two makers round it and a last trade."""
    maker, taker = world.dialect.credentials("maker"), world.dialect.credentials("taker")
    world.placed(maker, price="50000", volume="0.1")
    world.placed(taker, type="sell", price="50000", volume="0.1")
    world.placed(maker, price="49999", volume="1")
    world.placed(maker, type="sell", price="50001", volume="1")
    world.maker, world.taker = maker, taker
    return world


def trade_at(world: Any, price: str) -> None:
    """Let others trade a little at a price, whatever stands in between."""
    side = "sell" if Decimal(price) <= 50000 else "buy"
    counter = "buy" if side == "sell" else "sell"
    world.private("CancelAll", world.maker)
    world.placed(world.maker, type=counter, price=price, volume="1")
    world.placed(world.taker, type=side, price=price, volume="0.001")


# Answers.


def test_the_answer_has_a_sentence_and_an_id(world: Any) -> None:
    answer = world.order(volume="1.25", price="27500")
    assert answer["descr"] == {"order": "buy 1.25000000 XBTUSD @ limit 27500.0"}
    (txid,) = answer["txid"]
    assert len(txid) == 19
    assert (txid[0], txid[6], txid[12]) == ("O", "-", "-")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"ordertype": "market"}, "market"),
        ({"ordertype": "stop-loss", "price": "51000"}, "stop loss 51000.0"),
        (
            {"ordertype": "stop-loss-limit", "price": "51000", "price2": "51100"},
            "stop loss 51000.0 -> limit 51100.0",
        ),
        ({"ordertype": "take-profit", "price": "49000"}, "take profit 49000.0"),
        ({"ordertype": "trailing-stop", "price": "+5%"}, "trailing stop +5%"),
    ],
)
def test_each_type_has_its_words(market: Any, order: dict[str, str], words: str) -> None:
    answer = market.order(validate="true", **order)
    assert answer == {"descr": {"order": f"buy 0.01000000 XBTUSD @ {words}"}}


def test_a_validated_order_has_no_id_and_is_not_placed(world: Any) -> None:
    answer = world.order(validate="true")
    assert "txid" not in answer
    assert world.private("OpenOrders") == {"open": {}}


# What is refused.


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ({"pair": "XXXYYY"}, "EQuery:Unknown asset pair"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "0.00005", "price": "100"}, "EOrder:Cost minimum not met"),
        ({"volume": "0.123456789"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e3"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"price": "x"}, "EGeneral:Invalid arguments:price"),
        ({"ordertype": "lmt"}, "EGeneral:Invalid arguments:ordertype"),
        ({"type": "long"}, "EGeneral:Invalid arguments:type"),
        ({"timeinforce": "DAY"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"oflags": "post,never"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "post", "timeinforce": "IOC"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
        ({"stptype": "cancel_newest"}, "EGeneral:Invalid arguments:stptype"),
        ({"userref": "2147483648"}, "EGeneral:Invalid arguments:userref"),
        ({"userref": "1", "cl_ord_id": UUID}, "EGeneral:Invalid arguments"),
        ({"volume": "1000"}, "EOrder:Insufficient funds"),
        ({"leverage": "2"}, "EOrder:Cannot open position"),
        ({"ordertype": "settle-position"}, "EOrder:Unknown position"),
        ({"reduce_only": "true"}, "EOrder:Reduce only:Position is closed"),
        ({"trigger": "index"}, "EGeneral:Invalid arguments:Index unavailable"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"timeinforce": "GTD", "expiretm": "+4"}, "EGeneral:Invalid arguments:expiretm"),
        ({"displayvol": "0.001"}, "EGeneral:Invalid arguments:displayvol"),
        (
            {"ordertype": "iceberg", "price": "50000", "volume": "1", "displayvol": "0.06"},
            "EGeneral:Invalid arguments:displayvol",
        ),
        (
            {"ordertype": "stop-loss-limit", "price": "60000"},
            "EGeneral:Invalid arguments:price2",
        ),
        (
            {"ordertype": "trailing-stop", "price": "1000"},
            "EGeneral:Invalid arguments:price",
        ),
    ],
)
def test_refusals_name_what_is_wrong(market: Any, order: dict[str, str], error: str) -> None:
    before = market.private("BalanceEx", market.taker)
    assert market.order(market.taker, **order) == error
    assert market.private("BalanceEx", market.taker) == before


def test_too_many_digits_of_a_price_are_told_with_their_number(world: Any) -> None:
    assert world.order(price="50000.01") == (
        "EOrder:Invalid price:XBT/USD price can only be specified up to 1 decimals."
    )


@pytest.mark.parametrize("name", [UUID, UUID.upper(), UUID.replace("-", ""), "abc-123", "a" * 18])
def test_names_of_clients_are_uuids_or_short_texts(world: Any, name: str) -> None:
    txid = world.placed(cl_ord_id=name)
    assert world.query(txid)["cl_ord_id"] == name


@pytest.mark.parametrize("name", ["a" * 19, "ABC", "é", UUID + "0", UUID[:-1]])
def test_other_names_are_refused(world: Any, name: str) -> None:
    assert world.order(cl_ord_id=name) == "EGeneral:Invalid arguments:cl_ord_id"


def test_a_name_is_unique_among_open_orders_only(world: Any) -> None:
    first = world.placed(cl_ord_id=UUID)
    refusal = "EGeneral:Invalid arguments:cl_ord_id not unique"
    assert world.order(cl_ord_id=UUID) == refusal
    assert world.order(cl_ord_id=UUID, pair="ETHUSD", price="3000") == refusal
    world.private("CancelOrder", txid=first)
    second = world.placed(cl_ord_id=UUID)
    world.private("CancelOrder", cl_ord_id=UUID)
    closed = world.private("ClosedOrders", cl_ord_id=UUID)
    assert set(closed["closed"]) == {first, second}


def test_another_account_may_use_the_same_name(world: Any, other: Any) -> None:
    world.placed(cl_ord_id=UUID)
    assert world.placed(other, cl_ord_id=UUID)


def test_references_need_not_be_unique(world: Any) -> None:
    txids = {world.placed(userref="-7") for _ in range(3)}
    assert set(world.private("OpenOrders", userref="-7")["open"]) == txids
    assert world.private("CancelOrder", txid="-7") == {"count": 3}


# Deadlines.


@pytest.mark.parametrize(
    ("deadline", "outcome"),
    [
        ("2026-07-15T12:00:01Z", "EGeneral:Invalid arguments:deadline"),
        ("2026-07-15T12:00:02Z", dict),
        ("2026-07-15T14:00:59.5+02:00", dict),
        ("2026-07-15T12:01:01Z", "EGeneral:Invalid arguments:deadline"),
        ("2026-07-15T11:59:59Z", "EService:Deadline elapsed"),
        ("soon", "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_a_deadline_lies_two_to_sixty_seconds_ahead(
    world: Any, deadline: str, outcome: object
) -> None:
    found = world.order(deadline=deadline)
    assert (type(found) if isinstance(found, dict) else found) == outcome


# Money.


def balance(world: Any, asset: str, user: Any = None) -> tuple[str, str]:
    row = world.private("BalanceEx", user)[asset]
    return row["balance"], row["hold_trade"]


def test_a_purchase_holds_its_cost_and_fee_and_frees_them(world: Any) -> None:
    txid = world.placed(volume="1", price="50000")
    assert balance(world, "ZUSD") == ("1000000.0000", "50200.0000")
    world.private("CancelOrder", txid=txid)
    assert balance(world, "ZUSD") == ("1000000.0000", "0.0000")


def test_what_is_held_cannot_be_spent_twice(world: Any) -> None:
    world.placed(volume="19", price="50000")
    assert world.order(volume="1", price="50000") == "EOrder:Insufficient funds"
    assert world.order(type="sell", volume="10.1", price="60000") == "EOrder:Insufficient funds"


def test_a_purchase_that_leaves_nothing_for_its_fee_is_refused(world: Any) -> None:
    assert world.order(volume="20", price="50000") == "EOrder:Insufficient funds"
    assert "txid" in world.order(volume="19.92", price="50000")


def test_both_sides_pay_their_fees_in_the_quote_asset(world: Any, other: Any) -> None:
    world.placed(volume="1", price="50000")
    world.placed(other, type="sell", volume="1", price="50000")
    assert balance(world, "XXBT") == ("11.0000000000", "0.0000000000")
    assert balance(world, "ZUSD") == ("949875.0000", "0.0000")  # maker, 0.25 %
    assert balance(world, "XXBT", other)[0] == "9.0000000000"
    assert balance(world, "ZUSD", other)[0] == "1049800.0000"  # taker, 0.40 %


def test_nothing_is_lost_or_made_in_a_living_market(make_world: Callable[..., Any]) -> None:
    world = make_world(is_quiet=False)
    for number in range(40):
        side = ("buy", "sell")[number % 2]
        world.order(type=side, ordertype="market", volume="0.3")
        world.order(type=side, price="64000", volume="0.2", oflags="post")
        world.wait(0.5)
    engine = world.dialect.engine
    sums: dict[str, Decimal] = {}
    for name in engine.accounts():
        for asset, each in engine.balances(name).items():
            sums[asset] = sums.get(asset, Decimal(0)) + each.free + each.locked
    assert (sums["BTC"], sums["USD"]) == (Decimal(10), Decimal(1_000_000))
    totals = world.dialect.venue.owners["first"].totals
    assert {asset: world.dialect.venue.total("first", asset) for asset in totals} == totals


def test_other_fees_and_wallets_can_be_given(make_world: Callable[..., Any]) -> None:
    world = make_world()
    funds = {"USD": "1000", "USDT": "5", "USDT.F": "250"}
    world.user = world.dialect.create_account("rich", funds, taker_fee="0.008")
    assert world.private("Balance") == {
        "ZUSD": "1000.0000",
        "USDT": "5.00000000",
        "USDT.F": "250.00000000",
    }
    fees = world.private("TradeVolume", pair="XBTUSD")["fees"]
    assert fees["XXBTZUSD"]["fee"] == "0.8000"


# Types.


def test_a_market_order_takes_what_there_is_and_ends(market: Any) -> None:
    txid = market.placed(ordertype="market", volume="2")
    order = market.query(txid)
    assert (order["status"], order["vol_exec"]) == ("canceled", "1.00000000")
    assert order["price"] == "50001.00000"


def test_a_market_order_by_quote_quantity_spends_so_much(market: Any) -> None:
    txid = market.placed(ordertype="market", volume="5000.1", oflags="viqc")
    order = market.query(txid)
    assert (order["status"], order["vol_exec"], order["cost"]) == (
        "closed",
        "0.10000000",
        "5000.10000",
    )


def test_in_an_empty_market_a_market_order_is_canceled_at_once(world: Any) -> None:
    txid = world.placed(ordertype="market", volume="1")
    assert world.query(txid)["status"] == "canceled"


def test_a_post_only_order_that_would_take_is_canceled_or_refused(market: Any) -> None:
    txid = market.placed(price="50001", oflags="post")
    order = market.query(txid)
    assert (order["status"], order["reason"]) == ("canceled", "Post only order")
    market.dialect.desk.refuses_post_only = True
    assert market.order(price="50001", oflags="post") == "EOrder:Post only order"
    resting = market.placed(price="50000", oflags="post")
    assert market.query(resting)["oflags"] == "post,fciq"


@pytest.mark.parametrize(
    ("force", "status", "executed"),
    [("IOC", "expired", "1.00000000"), ("FOK", "expired", "0.00000000")],
)
def test_what_cannot_wait_ends(market: Any, force: str, status: str, executed: str) -> None:
    txid = market.placed(price="50001", volume="3", timeinforce=force)
    order = market.query(txid)
    assert (order["status"], order["vol_exec"]) == (status, executed)


def test_an_order_good_till_a_date_expires_then(world: Any) -> None:
    txid = world.placed(timeinforce="GTD", expiretm="+5")
    world.wait(4.9)
    assert world.query(txid)["status"] == "open"
    world.wait(0.2)
    assert world.query(txid)["status"] == "expired"
    assert balance(world, "ZUSD")[1] == "0.0000"


def test_a_scheduled_order_is_pending_until_its_time(world: Any) -> None:
    txid = world.placed(starttm="+10")
    assert world.query(txid)["status"] == "pending"
    assert world.public("Depth", pair="XBTUSD")["XXBTZUSD"]["bids"] == []
    world.wait(10)
    assert world.query(txid)["status"] == "open"
    other = world.placed(starttm="+10")
    assert world.private("CancelOrder", txid=other) == {"count": 1}
    world.wait(11)
    assert world.query(other)["status"] == "canceled"


def test_an_iceberg_shows_a_part(world: Any) -> None:
    txid = world.placed(ordertype="iceberg", price="50000", volume="1", displayvol="0.1")
    bids = world.public("Depth", pair="XBTUSD")["XXBTZUSD"]["bids"]
    assert bids[0][:2] == ["50000.00000", "0.10000000"]
    assert world.query(txid)["displayvol"] == "0.10000000"


@pytest.mark.parametrize(
    ("price", "resting"),
    [
        ("-500", "49500.0"),
        ("-1%", "49500.0"),
        ("#1%", "49500.0"),
        ("#100", "49900.0"),
        ("-0.0033%", "49998.4"),
    ],
)
def test_relative_prices_count_from_the_last_trade(market: Any, price: str, resting: str) -> None:
    txid = market.placed(price=price)
    assert market.query(txid)["descr"]["price"] == resting


@pytest.mark.parametrize(
    ("order", "at"),
    [
        ({"type": "sell", "ordertype": "stop-loss", "price": "49000"}, "49000"),
        ({"type": "sell", "ordertype": "take-profit", "price": "51000"}, "51000"),
        ({"type": "buy", "ordertype": "stop-loss", "price": "51000"}, "51000"),
        ({"type": "buy", "ordertype": "take-profit", "price": "49000"}, "49000"),
    ],
)
def test_triggers_wait_for_the_last_trade(market: Any, order: dict[str, str], at: str) -> None:
    txid = market.placed(**order)
    assert market.query(txid)["status"] == "open"
    assert market.query(txid)["stopprice"] == f"{at}.00000"
    trade_at(market, at)
    done = market.query(txid)
    assert done["status"] in {"closed", "canceled"}
    assert done["misc"].split(",")[0] in {"stopped", "touched"}


def test_a_triggered_limit_order_rests_at_its_limit(market: Any) -> None:
    txid = market.placed(
        type="sell", ordertype="stop-loss-limit", price="49000", price2="49500", volume="0.5"
    )
    trade_at(market, "49000")
    order = market.query(txid)
    assert (order["status"], order["stopprice"], order["limitprice"]) == (
        "open",
        "49000.00000",
        "49500.00000",
    )
    asks = market.public("Depth", pair="XBTUSD")["XXBTZUSD"]["asks"]
    assert asks[0][:2] == ["49500.00000", "0.50000000"]


def test_a_trigger_that_is_already_reached_is_refused(market: Any) -> None:
    refused = market.order(type="sell", ordertype="stop-loss", price="50500")
    assert refused == "EOrder:Invalid price"


@pytest.mark.parametrize("distance", ["+1000", "+2%"])
def test_a_trailing_stop_follows_the_market_up_and_not_down(market: Any, distance: str) -> None:
    txid = market.placed(type="sell", ordertype="trailing-stop", price=distance, volume="0.01")
    assert market.query(txid)["stopprice"] == "49000.00000"
    trade_at(market, "52000")
    risen = Decimal(market.query(txid)["stopprice"])
    assert risen == (51000 if distance == "+1000" else 50960)
    trade_at(market, "51500")
    assert Decimal(market.query(txid)["stopprice"]) == risen
    trade_at(market, "50900")
    assert market.query(txid)["status"] != "open"


@pytest.mark.parametrize(("side", "trigger"), [("buy", "50016.70000"), ("sell", "49983.30000")])
def test_a_trailing_trigger_is_rounded_away_from_the_market(
    market: Any, side: str, trigger: str
) -> None:
    txid = market.placed(type=side, ordertype="trailing-stop", price="+0.0333%")
    assert market.query(txid)["stopprice"] == trigger


def test_a_trailing_limit_keeps_its_distance_from_the_trigger(market: Any) -> None:
    txid = market.placed(
        type="buy", ordertype="trailing-stop-limit", price="+500", price2="+10", volume="0.01"
    )
    trade_at(market, "49000")
    assert market.query(txid)["stopprice"] == "49500.00000"
    trade_at(market, "49500")
    order = market.query(txid)
    assert order["limitprice"] == "49510.00000"


@pytest.mark.parametrize(
    ("mode", "newest", "oldest"),
    [
        ("cancel-newest", "canceled", "open"),
        ("cancel-oldest", "open", "canceled"),
        ("cancel-both", "canceled", "canceled"),
    ],
)
def test_nobody_trades_with_himself(world: Any, mode: str, newest: str, oldest: str) -> None:
    first = world.placed(price="50000", volume="0.1")
    second = world.placed(type="sell", price="50000", volume="0.1", stptype=mode)
    assert world.query(first)["status"] == oldest
    assert world.query(second)["status"] == newest
    assert world.private("TradesHistory")["count"] == 0


# Conditional closes.


def close_fields(**fields: str) -> dict[str, str]:
    return {f"close[{name}]": value for name, value in fields.items()}


def test_each_fill_places_its_own_close(world: Any, other: Any) -> None:
    parent = world.placed(
        volume="0.3", price="50000", **close_fields(ordertype="limit", price="55000")
    )
    assert world.query(parent)["descr"]["close"] == "close position @ limit 55000.0"
    for volume in ("0.1", "0.2"):
        world.placed(other, type="sell", price="50000", volume=volume)
    closes = world.private("OpenOrders")["open"].values()
    assert sorted((one["vol"], one["descr"]["type"], one["refid"]) for one in closes) == [
        ("0.10000000", "sell", parent),
        ("0.20000000", "sell", parent),
    ]


def test_a_close_is_told_in_the_answer(world: Any) -> None:
    answer = world.order(**close_fields(ordertype="stop-loss-limit", price="38000", price2="36000"))
    assert answer["descr"]["close"] == "close position @ stop loss 38000.0 -> limit 36000.0"


# Modes.


@pytest.mark.parametrize(
    ("mode", "order", "outcome"),
    [
        ("cancel_only", {}, "EService:Market in cancel_only mode"),
        ("post_only", {}, "EService:Market in post_only mode"),
        ("post_only", {"oflags": "post"}, dict),
        ("limit_only", {"ordertype": "market"}, "EService:Market in limit_only mode"),
        ("limit_only", {}, dict),
        ("maintenance", {}, "EService:Unavailable"),
    ],
)
def test_modes_of_the_market(world: Any, mode: str, order: dict[str, str], outcome: object) -> None:
    from venuekit.sim.faults import Fault, FaultKind

    resting = world.placed()
    world.dialect.faults.add(Fault(kind=FaultKind.HALT, topic="BTC/USD", text=mode))
    found = world.order(**order)
    assert (type(found) if isinstance(found, dict) else found) == outcome
    assert world.private("CancelOrder", txid=resting) == {"count": 1}
