"""Creating, asking for and canceling orders."""

from typing import Any

import pytest

from venuekit_coinbase.sim.settings import BehaviorSettings


def test_an_accepted_order_holds_its_price_and_commission_and_is_found(world: Any) -> None:
    answer = world.place(name="mine-1", post_only=True)
    order_id = answer["success_response"]["order_id"]
    assert answer == {
        "success": True,
        "success_response": {
            "order_id": order_id,
            "product_id": "BTC-USD",
            "side": "BUY",
            "client_order_id": "mine-1",
        },
        "order_configuration": {
            "limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000", "post_only": True}
        },
    }
    order = world.order(order_id)
    assert (order["status"], order["order_type"], order["side"]) == ("OPEN", "LIMIT", "BUY")
    assert order["time_in_force"] == "GOOD_UNTIL_CANCELLED"
    assert (order["filled_size"], order["number_of_fills"]) == ("0", "0")
    assert order["created_time"] == "2026-07-15T12:00:00.000000Z"
    # 600 and the maker's 0.4 percent of it.
    assert world.balance("USD") == ("999397.6", "602.4")


def test_acceptance_comes_before_the_book_and_cancels_wait_in_the_queue(world: Any) -> None:
    order_id = world.placed(settles=False)
    assert world.order(order_id)["status"] == "PENDING"
    assert world.balance("USD") == ("999396.4", "603.6")
    assert world.get("/orders/historical/batch", order_status="OPEN")["orders"] == []
    world.wait(0.01, 0.01)
    assert world.order(order_id)["status"] == "OPEN"
    (result,) = world.cancel(order_id)
    assert result == {
        "success": True,
        "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON",
        "order_id": order_id,
    }
    queued = world.order(order_id)
    assert (queued["status"], queued["pending_cancel"]) == ("CANCEL_QUEUED", True)
    assert world.cancel(order_id)[0]["failure_reason"] == "DUPLICATE_CANCEL_REQUEST"
    world.wait(0.01, 0.01)
    assert world.order(order_id)["status"] == "CANCELLED"
    assert world.balance("USD") == ("1000000", "0")


def test_a_cancel_overtaken_by_a_fill_ends_filled(world: Any, other: Any) -> None:
    order_id = world.placed()
    world.place("SELL", user=other, settles=False)
    assert world.cancel(order_id)[0]["success"]
    world.wait(0.01, 0.001)
    assert world.order(order_id)["status"] == "FILLED"
    assert world.cancel(order_id)[0]["failure_reason"] == "ORDER_IS_FULLY_FILLED"


def test_a_fill_in_part_leaves_a_queued_cancel_queued(world: Any, other: Any) -> None:
    line = world.connect()
    line.subscribe("user")
    order_id = world.placed()
    world.place("SELL", base_size="0.004", user=other, settles=False)
    world.cancel(order_id)
    world.wait(0.01, 0.001)
    seen = [(order["status"], order["cumulative_quantity"]) for order in line.orders()]
    assert seen[-3:] == [
        ("CANCEL_QUEUED", "0"),
        ("CANCEL_QUEUED", "0.004"),
        ("CANCELLED", "0.004"),
    ]


def test_a_batch_of_cancels_has_a_result_for_each_id(world: Any) -> None:
    order_id = world.placed()
    results = world.cancel(order_id, "nobody-knows")
    assert [each["success"] for each in results] == [True, False]
    assert results[1]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"
    world.post("/orders/batch_cancel", {"order_ids": ["x"] * 101})
    assert world.status == 400


def test_a_pending_order_can_be_canceled_on_its_way(make_world: Any) -> None:
    world = make_world(behavior=BehaviorSettings(accept_delay_s=5))
    order_id = world.placed()
    assert world.order(order_id)["status"] == "PENDING"
    world.cancel(order_id)
    world.wait(10, 1)
    assert world.order(order_id)["status"] == "CANCELLED"
    assert world.balance("USD") == ("1000000", "0")


def test_fills_pay_commissions_in_the_quote_asset(world: Any, other: Any) -> None:
    maker = world.placed("SELL", base_size="0.004", limit_price="61000", user=other)
    taker = world.placed("BUY", base_size="0.01", limit_price="61000")
    order = world.order(taker)
    assert (order["status"], order["filled_size"]) == ("OPEN", "0.004")
    assert (order["filled_value"], order["average_filled_price"]) == ("244", "61000")
    assert (order["total_fees"], order["total_value_after_fees"]) == ("1.464", "245.464")
    assert order["completion_percentage"] == "40"
    assert world.balance("BTC") == ("10.004", "0")
    # 366 are still to be traded, with 0.6 percent.
    assert world.balance("USD") == ("999386.34", "368.196")
    assert world.balance("USD", other) == ("1000243.024", "0")
    assert world.order(maker, other)["total_value_after_fees"] == "243.024"
    (fill,) = world.get("/orders/historical/fills")["fills"]
    assert fill["order_id"] == taker
    assert (fill["price"], fill["size"], fill["commission"]) == ("61000", "0.004", "1.464")
    assert (fill["liquidity_indicator"], fill["size_in_quote"]) == ("TAKER", False)
    (theirs,) = world.get("/orders/historical/fills", other)["fills"]
    assert (theirs["liquidity_indicator"], theirs["commission"]) == ("MAKER", "0.976")
    world.cancel(taker)
    world.wait(0.01, 0.01)
    canceled = world.order(taker)
    assert (canceled["status"], canceled["filled_size"]) == ("CANCELLED", "0.004")
    assert world.balance("USD") == ("999754.536", "0")


def test_money_is_neither_made_nor_lost(world: Any, other: Any) -> None:
    world.place("SELL", base_size="0.5", limit_price="61000", user=other)
    world.place("BUY", "market_market_ioc", quote_size="1000")
    world.place("BUY", base_size="0.1", limit_price="61000", product_id="BTC-USDC")
    world.place("BUY", base_size="0.1", limit_price="60000", product_id="BTC-USDC")
    engine = world.dialect.engine
    totals: dict[str, Any] = {}
    for account in engine.accounts():
        for asset, balance in engine.balances(account).items():
            totals[asset] = totals.get(asset, 0) + balance.free + balance.locked
    held = sum(row.escrow for row in world.dialect.venue.desk.records.values())
    assert totals["BTC"] == 20
    assert totals["USD"] + totals["USDC"] + held == 4_000_000


def test_a_market_order_by_quote_size_spends_it_with_the_commission(world: Any, other: Any) -> None:
    world.place("SELL", base_size="1", limit_price="50000", user=other)
    order_id = world.placed("BUY", "market_market_ioc", quote_size="1006")
    order = world.order(order_id)
    assert (order["status"], order["size_in_quote"]) == ("FILLED", True)
    assert (order["filled_size"], order["total_value_after_fees"]) == ("0.02", "1006")
    assert order["order_configuration"] == {"market_market_ioc": {"quote_size": "1006"}}
    (fill,) = world.get("/orders/historical/fills")["fills"]
    # The size of such a fill is in the quote asset.
    assert (fill["size"], fill["size_in_quote"], fill["commission"]) == ("1000", True, "6")
    assert world.balance("USD") == ("998994", "0")


@pytest.mark.parametrize("kind", ["sor_limit_ioc", "limit_limit_fok"])
def test_what_is_not_filled_at_once_is_canceled(world: Any, other: Any, kind: str) -> None:
    world.place("SELL", base_size="0.004", limit_price="61000", user=other)
    order_id = world.placed("BUY", kind, base_size="0.01", limit_price="61000")
    order = world.order(order_id)
    filled = "0.004" if kind == "sor_limit_ioc" else "0"
    assert (order["status"], order["filled_size"]) == ("CANCELLED", filled)
    assert world.balance("USD")[1] == "0"


def test_a_limit_order_by_quote_size_buys_what_it_pays_for(world: Any) -> None:
    order_id = world.placed("BUY", "sor_limit_ioc", quote_size="100", limit_price="60000")
    assert world.order(order_id)["size_in_quote"] is True
    order_id = world.placed(
        "BUY", "limit_limit_gtd", quote_size="100", limit_price="50000",
        end_time="2026-07-15T12:01:00Z",
    )  # fmt: skip
    assert world.balance("USD") == ("999899.4", "100.6")
    assert world.order(order_id)["time_in_force"] == "GOOD_UNTIL_DATE_TIME"
    world.wait(61, 1)
    assert world.order(order_id)["status"] == "EXPIRED"
    assert world.balance("USD") == ("1000000", "0")


def test_a_stop_waits_for_the_last_price(world: Any, other: Any) -> None:
    order_id = world.placed(
        "BUY", "stop_limit_stop_limit_gtc", base_size="0.01", limit_price="62100",
        stop_price="62000", stop_direction="STOP_DIRECTION_STOP_UP",
    )  # fmt: skip
    order = world.order(order_id)
    assert (order["order_type"], order["trigger_status"]) == ("STOP_LIMIT", "STOP_PENDING")
    world.place("SELL", base_size="0.01", limit_price="62000", user=other)
    world.place("BUY", base_size="0.01", limit_price="62000", user=other)
    order = world.order(order_id)
    assert (order["status"], order["trigger_status"]) == ("OPEN", "STOP_TRIGGERED")
    refused = world.place(
        "BUY", "stop_limit_stop_limit_gtc", base_size="0.01", limit_price="62100",
        stop_price="61900", stop_direction="STOP_DIRECTION_STOP_UP",
    )  # fmt: skip
    reason = refused["error_response"]["preview_failure_reason"]
    assert reason == "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"


def test_a_stop_can_wait_for_the_price_to_turn_in_its_favour(world: Any, other: Any) -> None:
    order_id = world.placed(
        "BUY", "stop_limit_stop_limit_gtc", base_size="0.01", limit_price="58100",
        stop_price="58000", stop_direction="STOP_DIRECTION_STOP_DOWN",
    )  # fmt: skip
    for price in ("62000", "58000"):
        assert world.order(order_id)["trigger_status"] == "STOP_PENDING"
        world.place("SELL", base_size="0.01", limit_price=price, user=other)
        world.place("BUY", base_size="0.01", limit_price=price, user=other)
    assert world.order(order_id)["trigger_status"] == "STOP_TRIGGERED"


def bracket(world: Any) -> str:
    order_id = world.placed(
        "SELL", "trigger_bracket_gtc", base_size="0.01", limit_price="63000",
        stop_trigger_price="59000",
    )  # fmt: skip
    assert world.order(order_id)["order_type"] == "BRACKET"
    assert world.balance("BTC") == ("9.99", "0.01")
    return str(order_id)


def test_a_bracket_ends_at_its_target(world: Any, other: Any) -> None:
    order_id = bracket(world)
    world.place("BUY", base_size="0.02", limit_price="63000", user=other)
    order = world.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "63000")
    assert world.balance("BTC") == ("9.99", "0")


def test_a_bracket_ends_at_its_stop(world: Any, other: Any) -> None:
    order_id = bracket(world)
    third = world.dialect.credentials("third")
    world.place("BUY", base_size="0.05", limit_price="58990", user=other)
    world.place("SELL", base_size="0.01", limit_price="59000", user=other)
    world.place("BUY", base_size="0.01", limit_price="59000", user=third)
    order = world.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "58990")
    assert world.balance("BTC") == ("9.99", "0")


def test_the_same_client_order_id_returns_the_first_order(world: Any) -> None:
    first = world.place(name="one")
    again = world.place(name="one", base_size="5", limit_price="61000")
    assert again == first
    assert len(world.get("/orders/historical/batch")["orders"]) == 1


def test_the_same_client_order_id_can_be_refused_instead(make_world: Any) -> None:
    world = make_world(behavior=BehaviorSettings(refuses_duplicates=True))
    assert world.place(name="one")["success"]
    again = world.place(name="one")
    assert again["success"] is False
    assert again["error_response"]["new_order_failure_reason"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert world.status == 200


def test_the_older_form_has_a_failure_reason_beside_success(make_world: Any) -> None:
    world = make_world(behavior=BehaviorSettings(has_older_form=True))
    answer = world.place()
    assert answer["success"] is True
    assert answer["failure_reason"] == "UNKNOWN_FAILURE_REASON"
    assert answer["order_id"] == answer["success_response"]["order_id"]


LIMIT = "limit_limit_gtc"


@pytest.mark.parametrize(
    ("side", "kind", "fields", "reason", "preview"),
    [
        ("BUY", LIMIT, {"base_size": "100"}, "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
        ("SELL", LIMIT, {"base_size": "11"}, "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
        ("HOLD", LIMIT, {}, "INVALID_SIDE", "PREVIEW_INVALID_SIDE"),
        (
            "BUY", LIMIT, {"base_size": "0.010000001"},
            "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION",
        ),
        (
            "BUY", LIMIT, {"limit_price": "60000.001"},
            "INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION",
        ),
        ("BUY", LIMIT, {"limit_price": "0"}, "INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
        (
            "BUY", LIMIT, {"base_size": "0.00001"},
            "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL",
        ),
        (
            "BUY", LIMIT, {"base_size": "3401"},
            "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE",
        ),
        (
            "BUY", LIMIT, {"base_size": "ten"},
            "UNKNOWN_FAILURE_REASON", "PREVIEW_NON_NUMERIC_ORDER_SIZE",
        ),
        (
            "SELL", "market_market_ioc", {"quote_size": "10"},
            "UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG",
        ),
        (
            "BUY", "market_market_ioc", {"base_size": "1"},
            "INVALID_NO_LIQUIDITY", "PREVIEW_INVALID_NO_LIQUIDITY",
        ),
        (
            "BUY", "market_market_fok", {"base_size": "1"},
            "UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG",
        ),
        (
            "BUY", "twap_limit_gtd", {"quote_size": "10"},
            "UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG",
        ),
        (
            "BUY", "scaled_limit_gtc", {"num_orders": 3},
            "UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG",
        ),
        (
            "BUY", "limit_limit_gtd",
            {"base_size": "0.01", "limit_price": "60000", "end_time": "2026-07-15T11:59:59Z"},
            "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_END_TIME",
        ),
        (
            "BUY", "stop_limit_stop_limit_gtc",
            {"base_size": "0.01", "limit_price": "60000", "stop_price": "60001"},
            "UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE",
        ),
    ],
)  # fmt: skip
def test_a_refused_order_is_http_200_with_success_false(
    world: Any, side: str, kind: str, fields: Any, reason: str, preview: str
) -> None:
    answer = world.place(side, kind, **fields)
    assert (world.status, answer["success"]) == (200, False)
    error = answer["error_response"]
    assert (error["error"], error["new_order_failure_reason"]) == (reason, reason)
    assert error["preview_failure_reason"] == preview
    assert world.get("/orders/historical/batch")["orders"] == []


def test_an_unknown_product_is_refused(world: Any) -> None:
    error = world.place(product_id="BTC-XYZ")["error_response"]
    assert error["error"] == "INVALID_PRODUCT_ID"


def test_a_post_only_order_that_would_take_is_refused(world: Any, other: Any) -> None:
    world.place("SELL", user=other)
    error = world.place("BUY", post_only=True)["error_response"]
    assert error["new_order_failure_reason"] == "INVALID_LIMIT_PRICE_POST_ONLY"


def test_refusals_can_come_after_acceptance(make_world: Any) -> None:
    world = make_world(behavior=BehaviorSettings(refuses_late=True))
    other = world.dialect.credentials("other")
    world.place("SELL", user=other)
    crossing = world.order(world.placed("BUY", post_only=True))
    assert (crossing["status"], crossing["filled_size"]) == ("CANCELLED", "0")
    poor = world.order(world.placed("BUY", base_size="1000"))
    assert (poor["status"], poor["reject_reason"]) == (
        "FAILED",
        "REJECT_REASON_INSUFFICIENT_FUNDS",
    )
    assert world.balance("USD") == ("1000000", "0")


@pytest.mark.parametrize(
    "change",
    [
        {"client_order_id": ""},
        {"order_configuration": {}},
        {"order_configuration": {"limit_limit_gtc": {}, "sor_limit_ioc": {}}},
        {"order_configuration": {"limit_limit_gtc": {"base_size": 0.01, "limit_price": "1"}}},
        {"order_configuration": {"limit_limit_never": {"base_size": "1", "limit_price": "1"}}},
    ],
)
def test_a_malformed_body_is_http_400(world: Any, change: Any) -> None:
    configuration = {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000"}}
    body = {
        "client_order_id": "a",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": configuration,
    }
    answer = world.post("/orders", {**body, **change})
    assert (world.status, answer["error"]) == (400, "INVALID_ARGUMENT")
    assert answer["error_details"]


def test_a_usdc_order_trades_in_the_usd_book_and_moves_usdc(world: Any, other: Any) -> None:
    world.place("SELL", base_size="0.02", limit_price="60000", user=other)
    order_id = world.placed("BUY", base_size="0.03", limit_price="60000", product_id="BTC-USDC")
    order = world.order(order_id)
    assert (order["product_id"], order["filled_size"]) == ("BTC-USDC", "0.02")
    assert world.balance("USD") == ("1000000", "0")
    # 1200 and 7.2 are paid, 600 and 3.6 held.
    assert world.balance("USDC") == ("998189.2", "603.6")
    sale = world.placed("SELL", base_size="0.01", limit_price="60000", product_id="BTC-USDC",
                        user=other)  # fmt: skip
    assert world.order(sale, other)["status"] == "FILLED"
    assert world.balance("USDC", other) == ("1000596.4", "0")
    assert world.balance("USDC") == ("998190.4", "0")
    assert world.dialect.engine.balances("first")["USD"].free == 1_000_000


def test_a_usdc_order_gives_usdc_back(world: Any) -> None:
    order_id = world.placed("BUY", product_id="BTC-USDC")
    assert world.balance("USDC") == ("999396.4", "603.6")
    world.cancel(order_id)
    world.wait(0.01, 0.01)
    assert world.balance("USDC") == ("1000000", "0")
    assert world.balance("USD") == ("1000000", "0")


def test_closing_a_position_is_refused(world: Any) -> None:
    body = {"client_order_id": "c", "product_id": "BTC-USD", "size": "1"}
    answer = world.post("/orders/close_position", body)
    assert (world.status, answer["success"]) == (200, False)


def test_a_preview_tells_cost_and_errors_without_placing(world: Any, other: Any) -> None:
    body = {
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000"}},
    }
    answer = world.post("/orders/preview", body)
    assert (answer["errs"], answer["order_total"]) == ([], "603.6")
    assert (answer["commission_total"], answer["quote_size"]) == ("3.6", 600.0)
    assert answer["preview_id"]
    body["order_configuration"] = {"limit_limit_gtc": {"base_size": "99", "limit_price": "60000"}}
    answer = world.post("/orders/preview", body)
    assert (world.status, answer["errs"]) == (200, ["PREVIEW_INSUFFICIENT_FUND"])
    world.place("BUY", base_size="1", limit_price="60000", user=other)
    body |= {"side": "SELL", "order_configuration": {"market_market_ioc": {"base_size": "0.5"}}}
    answer = world.post("/orders/preview", body)
    assert (answer["order_total"], answer["commission_total"]) == ("29820", "180")
    assert world.get("/orders/historical/batch")["orders"] == []


# Editing.


def test_an_edit_keeps_the_order_and_changes_what_it_holds(world: Any) -> None:
    order_id = world.placed()
    answer = world.post("/orders/edit", {"order_id": order_id, "price": "59000", "size": "0.02"})
    assert answer == {"success": True, "errors": []}
    assert world.order(order_id)["status"] == "EDIT_QUEUED"
    world.wait(0.01, 0.01)
    order = world.order(order_id)
    assert order["status"] == "OPEN"
    assert order["order_configuration"] == {
        "limit_limit_gtc": {"base_size": "0.02", "limit_price": "59000"}
    }
    assert [(each["price"], each["size"]) for each in order["edit_history"]] == [("59000", "0.02")]
    assert world.balance("USD") == ("998812.92", "1187.08")


def test_an_edit_of_a_partly_filled_order_counts_what_is_filled(world: Any, other: Any) -> None:
    order_id = world.placed(base_size="0.03")
    world.place("SELL", user=other)
    edit = {"order_id": order_id, "price": "60000", "size": "0.02"}
    assert world.post("/orders/edit", edit)["success"]
    world.wait(0.01, 0.01)
    assert world.balance("USD") == ("998794", "603.6")
    world.place("SELL", user=other)
    order = world.order(order_id)
    assert (order["status"], order["filled_size"]) == ("FILLED", "0.02")
    assert order["number_of_fills"] == "2"


def test_an_edit_counts_with_what_the_order_holds_already(world: Any) -> None:
    poor = world.dialect.create_account("poor", {"USD": "604"})
    order_id = world.placed(user=poor)
    edit = {"order_id": order_id, "price": "60030", "size": "0.01"}
    assert world.post("/orders/edit", edit, poor)["success"]
    world.wait(0.01, 0.01)
    assert world.balance("USD", poor) == ("0.0982", "603.9018")
    edit = {"order_id": order_id, "price": "60040", "size": "0.01"}
    (error,) = world.post("/orders/edit", edit, poor)["errors"]
    assert error["preview_failure_reason"] == "PREVIEW_INSUFFICIENT_FUND"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": None}, "INVALID_EDITED_SIZE"),
        ({"price": None}, "INVALID_EDITED_PRICE"),
        ({"order_id": "unknown"}, "ORDER_NOT_FOUND"),
        ({"price": "60000", "size": "0.01"}, "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
        ({"price": "60000.001"}, "INVALID_EDITED_PRICE"),
        ({"size": "1000"}, "UNKNOWN_EDIT_ORDER_FAILURE_REASON"),
    ],
)
def test_an_edit_is_refused_with_its_reason(world: Any, change: Any, reason: str) -> None:
    body = {"order_id": world.placed(), "price": "59000", "size": "0.02", **change}
    body = {name: value for name, value in body.items() if value is not None}
    for path in ("/orders/edit", "/orders/edit_preview"):
        (error,) = world.post(path, body)["errors"]
        assert error["edit_failure_reason"] == reason


def test_only_open_limit_orders_that_stay_can_be_edited(world: Any) -> None:
    order_id = world.placed()
    world.cancel(order_id)
    world.wait(0.01, 0.01)
    (error,) = world.post("/orders/edit", {"order_id": order_id, "price": "1", "size": "2"})[
        "errors"
    ]
    assert error["edit_failure_reason"] == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    dated = world.placed(
        "BUY", "limit_limit_gtd", base_size="0.01", limit_price="60000",
        end_time="2026-07-16T00:00:00Z",
    )  # fmt: skip
    (error,) = world.post("/orders/edit", {"order_id": dated, "price": "1", "size": "2"})["errors"]
    assert error["edit_failure_reason"] == "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
