"""Accounts, products, books, candles, and lists that come in pages."""

from typing import Any

import pytest


def test_accounts_come_in_pages_those_without_balance_too(world: Any) -> None:
    first = world.get("/accounts")
    assert (len(first["accounts"]), first["has_next"]) == (49, True)
    second = world.get("/accounts", cursor=first["cursor"])
    assert (second["has_next"], second["cursor"]) == (False, "")
    rows = first["accounts"] + second["accounts"]
    assert (
        len(rows) == len({row["uuid"] for row in rows}) == world.get("/accounts", limit=250)["size"]
    )
    dollars = next(row for row in rows if row["currency"] == "USD")
    assert (dollars["type"], dollars["active"]) == ("ACCOUNT_TYPE_FIAT", True)
    assert dollars["available_balance"] == {"value": "1000000", "currency": "USD"}
    empty = next(row for row in rows if row["currency"] == "ADA")
    assert empty["available_balance"]["value"] == "0"
    assert empty["type"] == "ACCOUNT_TYPE_CRYPTO"
    one = world.get(f"/accounts/{dollars['uuid']}")["account"]
    assert one == dollars
    world.get("/accounts", cursor="nonsense")
    assert world.status == 400


def test_the_fee_tier_is_text_and_totals_are_numbers(world: Any, other: Any) -> None:
    world.place("SELL", user=other)
    world.place("BUY")
    summary = world.get("/transaction_summary")
    tier = summary["fee_tier"]
    assert (tier["taker_fee_rate"], tier["maker_fee_rate"]) == ("0.0060", "0.0040")
    assert (summary["total_volume"], summary["total_fees"]) == (600.0, 3.6)


def test_orders_come_newest_first_in_pages_until_the_cursor_is_empty(world: Any) -> None:
    ids = [world.placed(base_size="0.001") for _ in range(5)]
    found, cursor, pages = [], "", 0
    while cursor or not pages:
        page = world.get("/orders/historical/batch", limit=2, cursor=cursor)
        assert page["has_next"] == bool(page["cursor"])
        found += [order["order_id"] for order in page["orders"]]
        cursor, pages = page["cursor"], pages + 1
        if pages == 1:
            world.place(base_size="0.001")  # what comes later does not move the pages
    assert (found, pages) == (ids[::-1], 3)


def test_orders_are_filtered(world: Any, other: Any) -> None:
    world.place("SELL", base_size="0.01", limit_price="61000", user=other)
    filled = world.placed("BUY", limit_price="61000")
    world.wait(10, 1)
    opened = world.placed("BUY")
    alias = world.placed("BUY", product_id="BTC-USDC")
    sale = world.placed("SELL", limit_price="70000")

    def found(**filters: Any) -> list[str]:
        orders = world.get("/orders/historical/batch", **filters)["orders"]
        return [order["order_id"] for order in orders]

    assert found(order_status="FILLED") == [filled]
    assert found(order_status=["FILLED", "CANCELLED"]) == [filled]
    assert found(order_status="OPEN") == [sale, alias, opened]
    assert found(product_ids=["BTC-USDC", "ETH-USD"]) == [alias]
    assert found(order_side="SELL") == [sale]
    assert found(order_ids=[filled, sale]) == [sale, filled]
    assert found(start_date="2026-07-15T12:00:05Z") == [sale, alias, opened]
    assert found(end_date="2026-07-15T12:00:05Z") == [filled]
    assert found(time_in_forces="IMMEDIATE_OR_CANCEL") == []
    assert found(order_types="LIMIT", limit=1) == [sale]
    assert found(order_placement_source="RETAIL_SIMPLE") == []
    world.get("/orders/historical/batch", order_status=["OPEN", "PENDING"])
    assert world.status == 400


def test_orders_of_others_are_not_found(world: Any, other: Any) -> None:
    order_id = world.placed()
    answer = world.get(f"/orders/historical/{order_id}", other)
    assert (world.status, answer["error"]) == (404, "NOT_FOUND")
    assert answer["error_details"] == "order with this orderID was not found"
    assert world.cancel(order_id, user=other)[0]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"


def test_fills_have_a_cursor_and_no_has_next(world: Any, other: Any) -> None:
    world.place("SELL", base_size="1", user=other)
    ids = [world.placed("BUY", base_size="0.001") for _ in range(3)]
    page = world.get("/orders/historical/fills", limit=2)
    assert "has_next" not in page
    rest = world.get("/orders/historical/fills", limit=2, cursor=page["cursor"])
    assert rest["cursor"] == ""
    fills = page["fills"] + rest["fills"]
    assert [fill["order_id"] for fill in fills] == ids[::-1]
    assert len({fill["entry_id"] for fill in fills}) == 3
    chosen = world.get("/orders/historical/fills", order_ids=[ids[0]])["fills"]
    assert [fill["order_id"] for fill in chosen] == [ids[0]]
    assert world.get("/orders/historical/fills", product_ids="ETH-USD")["fills"] == []


# The public side.


def test_products_tell_their_increments_and_aliases(world: Any) -> None:
    products = {row["product_id"]: row for row in world.public("/market/products")["products"]}
    bitcoin = products["BTC-USD"]
    assert {
        name: bitcoin[name]
        for name in ("base_increment", "quote_increment", "price_increment", "base_min_size",
                     "base_max_size", "quote_min_size", "quote_max_size")
    } == {
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "base_min_size": "0.00000001",
        "base_max_size": "3400",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
    }  # fmt: skip
    assert (bitcoin["alias"], bitcoin["alias_to"]) == ("", ["BTC-USDC"])
    assert (products["BTC-USDC"]["alias"], products["BTC-USDC"]["alias_to"]) == ("BTC-USD", [])
    assert products["BTC-USDC"]["quote_currency_id"] == "USDC"
    assert (bitcoin["status"], bitcoin["product_type"]) == ("online", "SPOT")
    assert world.get("/products/BTC-USD") == bitcoin
    some = world.public("/market/products", product_ids=["BTC-USD", "ETH-BTC"])
    assert [row["product_id"] for row in some["products"]] == ["BTC-USD", "ETH-BTC"]
    assert some["num_products"] == 2
    world.public("/market/products/NO-NO")
    assert world.status == 404


def test_a_full_size_exchange_can_be_listed(make_world: Any) -> None:
    world = make_world(synthetic=700)
    assert world.public("/market/products")["num_products"] > 700


def test_a_book_is_cut_and_grouped(world: Any) -> None:
    for price in ("60000", "59999.5", "59000"):
        world.place("BUY", limit_price=price)
    world.place("SELL", limit_price="60001")
    book = world.get("/product_book", product_id="BTC-USD", limit=2)
    assert book["pricebook"]["bids"] == [
        {"price": "60000", "size": "0.01"},
        {"price": "59999.5", "size": "0.01"},
    ]
    assert (book["mid_market"], book["spread_absolute"]) == ("60000.5", "1")
    grouped = world.get("/product_book", product_id="BTC-USD", aggregation_price_increment="1000")
    assert grouped["pricebook"]["bids"] == [
        {"price": "60000", "size": "0.01"},
        {"price": "59000", "size": "0.02"},
    ]
    assert grouped["pricebook"]["asks"] == [{"price": "61000", "size": "0.01"}]
    (best,) = world.get("/best_bid_ask", product_ids=["BTC-USD"])["pricebooks"]
    assert best["asks"] == [{"price": "60001", "size": "0.01"}]


def test_trades_are_told_newest_first_with_the_makers_side(world: Any, other: Any) -> None:
    world.place("SELL", user=other)
    world.place("BUY", base_size="0.004")
    world.place("BUY", base_size="0.006")
    ticker = world.public("/market/products/BTC-USD/ticker", limit=5)
    assert [(row["trade_id"], row["size"], row["side"]) for row in ticker["trades"]] == [
        ("2", "0.006", "SELL"),
        ("1", "0.004", "SELL"),
    ]
    world.public("/market/products/BTC-USD/ticker")
    assert world.status == 400


def test_at_most_350_candles_are_given_newest_first(make_world: Any) -> None:
    world = make_world(is_quiet=False)
    now_s = world.now_ns // 10**9
    path = "/market/products/BTC-USD/candles"
    query = {"granularity": "FIVE_MINUTE", "end": now_s}
    candles = world.public(path, start=now_s - 10 * 300, **query)["candles"]
    starts = [int(row["start"]) for row in candles]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) >= 9
    assert all(float(row["low"]) <= float(row["open"]) <= float(row["high"]) for row in candles)
    world.public(path, start=now_s - 351 * 300, **query)
    assert world.status == 400
    world.public(path, start=now_s - 350 * 300, **query)
    assert world.status == 200
    world.public(path, start=0, end=1, granularity="ONE_YEAR")
    assert world.status == 400


@pytest.mark.parametrize("path", ["/nothing", "/orders/historical"])
def test_other_paths_are_not_found(world: Any, path: str) -> None:
    world.get(path)
    assert world.status == 404


def test_the_same_seed_makes_the_same_world(make_world: Any) -> None:
    books = []
    for _ in range(2):
        world = make_world(is_quiet=False, seed=3)
        world.wait(2)
        order_id = world.placed()
        books.append((order_id, world.public("/market/product_book", product_id="ETH-USD")))
    assert books[0] == books[1]
