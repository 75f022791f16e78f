"""Questions: each becomes exactly these requests, page after page, and each row this model."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from venuekit.model import (
    Balance,
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    KeyPermissions,
    Liquidity,
    OrderPhase,
    OrderRef,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
)
from venuekit.plugin import Answer, Call
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.queries import MOST_PAGES

Ask = Callable[..., tuple[Any, Any]]
BTC = Symbol("BTC/USD")
S = 1_000_000_000
T0 = 1_780_000_000 * S
"""2026-05-28T20:26:40Z."""
BATCH = "/api/v3/brokerage/orders/historical/batch"


def row(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "order_id": f"0000-{number:06}",
        "client_order_id": f"ours-{number}",
        "product_id": "BTC-USD",
        "side": "BUY",
        "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": f"2026-05-28T20:26:{40 + number % 20:02}.123456Z",
        "order_configuration": {
            "limit_limit_gtc": {
                "base_size": "0.02",
                "quote_size": "",
                "limit_price": "64000.5",
                "post_only": True,
            }
        },
        "filled_size": "0",
        "filled_value": "0",
        "number_of_fills": "0",
        "order_type": "LIMIT",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "edit_history": [],
        "last_update_time": None,
        "completion_percentage": "0",
        **members,
    }


def page(*rows: Any, cursor: str = "") -> dict[str, Any]:
    return {"orders": list(rows), "has_next": bool(cursor), "cursor": cursor, "sequence": "0"}


def asked_for(call: Call[Any]) -> list[tuple[str, str]]:
    assert call.request.method == "GET"
    return parse_qsl(call.request.query)


def _ref(**members: Any) -> OrderRef:
    return OrderRef(symbol=BTC, **members)


# One order


def test_an_order_is_asked_for_by_the_exchange_s_id(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    told = row(
        filled_size="0.005", filled_value="320.0025", last_update_time="2026-05-28T20:27:00Z"
    )
    ref = _ref(exchange_order_id=ExchangeOrderId("0000-000001"))
    order, (call,) = ask(adapter.fetch_order(ref, btc), {"order": told})
    assert call.request.path == "/api/v3/brokerage/orders/historical/0000-000001"
    assert call.request.query == ""
    assert (order.symbol, order.side, order.type) == (BTC, Side.BUY, OrderType.LIMIT)
    assert order.phase is OrderPhase.PARTIALLY_FILLED
    assert order.client_order_id == "ours-1"
    assert order.exchange_order_id == "0000-000001"
    assert (order.quantity, order.price) == (Decimal("0.02"), Decimal("64000.5"))
    assert order.quote_quantity is None
    assert order.post_only
    assert order.time_in_force is TimeInForce.GTC
    assert (order.filled, order.filled_quote) == (Decimal("0.005"), Decimal("320.0025"))
    assert order.created_ns == T0 + 1_123_456_000
    assert order.updated_ns == T0 + 20 * S


@pytest.mark.parametrize(
    ("status", "filled", "phase"),
    [
        ("PENDING", "0", OrderPhase.PENDING),
        ("QUEUED", "0", OrderPhase.PENDING),
        ("OPEN", "0", OrderPhase.OPEN),
        ("OPEN", "0.01", OrderPhase.PARTIALLY_FILLED),
        ("CANCEL_QUEUED", "0", OrderPhase.OPEN),
        ("EDIT_QUEUED", "0.01", OrderPhase.PARTIALLY_FILLED),
        ("FILLED", "0.02", OrderPhase.FILLED),
        ("CANCELLED", "0.01", OrderPhase.CANCELED),
        ("EXPIRED", "0.01", OrderPhase.EXPIRED),
        ("FAILED", "0", OrderPhase.REJECTED),
        ("FAILED", "0.01", OrderPhase.CANCELED),
        ("UNKNOWN_ORDER_STATUS", "0", OrderPhase.UNKNOWN),
        ("SOMETHING_NEW", "0", OrderPhase.UNKNOWN),
    ],
)
def test_each_status_is_a_phase(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    status: str,
    filled: str,
    phase: OrderPhase,
) -> None:
    ref = _ref(exchange_order_id=ExchangeOrderId("1"))
    told = {"order": row(status=status, filled_size=filled)}
    assert ask(adapter.fetch_order(ref, btc), told)[0].phase is phase


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"reject_reason": "HOLD_FAILURE", "reject_message": "x"}, "balance.insufficient"),
        ({"reject_reason": "TOO_MANY_OPEN_ORDERS"}, "order.too_many_open"),
        ({"reject_message": "post only crossed"}, "post only crossed"),
    ],
)
def test_a_failed_order_says_why(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, members: dict[str, str], reason: str
) -> None:
    ref = _ref(exchange_order_id=ExchangeOrderId("1"))
    told = row(1, status="FAILED") | members
    order, _ = ask(adapter.fetch_order(ref, btc), {"order": told})
    assert order.reason == reason


@pytest.mark.parametrize(
    ("configuration", "side", "kind"),
    [
        ({"market_market_ioc": {"quote_size": "25"}}, "BUY", OrderType.MARKET),
        ({"sor_limit_ioc": {"base_size": "1", "limit_price": "2"}}, "BUY", OrderType.LIMIT),
        (
            {"stop_limit_stop_limit_gtc": {"stop_direction": "STOP_DIRECTION_STOP_UP"}},
            "BUY",
            OrderType.STOP_LIMIT,
        ),
        (
            {"stop_limit_stop_limit_gtd": {"stop_direction": "STOP_DIRECTION_STOP_UP"}},
            "SELL",
            OrderType.TAKE_PROFIT_LIMIT,
        ),
        ({"trigger_bracket_gtc": {"stop_trigger_price": "1"}}, "SELL", OrderType.LIMIT),
        ({"twap_limit_gtd": {"number_buckets": "4"}}, "SELL", OrderType.LIMIT),
        ({"scaled_limit_gtc": {"orders": [{"limit_price": "1"}]}}, "SELL", OrderType.LIMIT),
        (None, "SELL", OrderType.LIMIT),
    ],
)
def test_orders_of_every_configuration_can_be_read_whoever_placed_them(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    configuration: Any,
    side: str,
    kind: OrderType,
) -> None:
    ref = _ref(exchange_order_id=ExchangeOrderId("1"))
    told = {"order": row(order_configuration=configuration, side=side)}
    assert ask(adapter.fetch_order(ref, btc), told)[0].type is kind


def test_by_our_id_an_order_is_looked_for_page_after_page_since_it_was_created(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = _ref(client_order_id=ClientOrderId("ours-3"), created_ns=T0)
    order, (first, second) = ask(
        adapter.fetch_order(ref, btc), page(row(1), row(2), cursor="c1"), page(row(3), cursor="c2")
    )
    assert order.exchange_order_id == "0000-000003"
    assert first.request.path == BATCH
    common = [("product_ids", "BTC-USD"), ("start_date", "2026-05-28T20:25:40.000000Z")]
    assert asked_for(first) == [*common, ("limit", "250")]
    assert asked_for(second) == [*common, ("limit", "250"), ("cursor", "c1")]


def test_not_found_by_our_id_is_said_only_at_the_end_of_the_list(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = _ref(client_order_id=ClientOrderId("gone"))
    order, calls = ask(adapter.fetch_order(ref, btc), page(row(1), cursor="c"), page(row(2)))
    assert order is None
    assert len(calls) == 2


def test_a_search_that_is_cut_off_proves_nothing(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = _ref(client_order_id=ClientOrderId("gone"))
    pages = [page(row(n), cursor=f"c{n}") for n in range(MOST_PAGES)]
    with pytest.raises(ValueError, match="more than 40 pages"):
        ask(adapter.fetch_order(ref, btc), *pages)
    with pytest.raises(ValueError, match="followed by itself"):
        ask(adapter.fetch_order(ref, btc), page(cursor="c"), page(cursor="c"))


# Lists


def test_open_orders_are_those_of_every_status_that_is_not_final(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    orders, calls = ask(
        adapter.fetch_open_orders(btc),
        page(row(1, status="PENDING"), row(2, status="EDIT_QUEUED")),
        page(row(1), row(3), row(4)),
        page(row(4, status="CANCEL_QUEUED"), row(3, status="CANCELLED")),
    )
    assert {order.exchange_order_id: order.phase for order in orders} == {
        "0000-000001": OrderPhase.OPEN,
        "0000-000002": OrderPhase.OPEN,
        "0000-000004": OrderPhase.OPEN,
    }
    statuses = [[v for n, v in asked_for(call) if n == "order_status"] for call in calls]
    assert statuses == [
        ["PENDING", "QUEUED", "EDIT_QUEUED"],
        ["OPEN"],
        ["CANCEL_QUEUED", "EDIT_QUEUED"],
    ]
    assert all(("product_ids", "BTC-USD") in asked_for(call) for call in calls)


def test_open_orders_of_everything_leave_out_products_that_are_not_listed(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    future = row(2, product_id="BIT-24APR26-CDE")
    orders, calls = ask(adapter.fetch_open_orders(None), page(), page(row(1), future), page())
    assert [order.exchange_order_id for order in orders] == ["0000-000001"]
    assert all("product_ids" not in dict(asked_for(call)) for call in calls)


def test_orders_of_a_span_come_oldest_first_and_its_end_counts_in(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_orders(btc, since_ns=T0 + S, until_ns=T0 + 2 * S + 123_456_000, limit=9)
    orders, (call, _) = ask(steps, page(row(2), row(3), cursor="c"), page(row(1)))
    assert [order.exchange_order_id for order in orders] == ["0000-000001", "0000-000002"]
    assert asked_for(call) == [
        ("product_ids", "BTC-USD"),
        ("start_date", "2026-05-28T20:26:41.000000Z"),
        ("end_date", "2026-05-28T20:26:42.123457Z"),
        ("limit", "250"),
    ]


def test_the_newest_orders_are_enough_only_if_the_list_shows_that_it_is_newest_first(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    def newest(*pages: Any) -> tuple[list[str], int]:
        steps = adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=2)
        orders, calls = ask(steps, *pages)
        return [order.exchange_order_id for order in orders], len(calls)

    expected = ["0000-000008", "0000-000009"]
    assert newest(page(row(9), row(8), row(7), cursor="c")) == (expected, 1)
    assert newest(page(row(1), row(8), cursor="c"), page(row(9))) == (expected, 2)


def test_an_empty_span_or_limit_is_refused(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    for limit, since_ns, until_ns in ((0, None, None), (1, 2, 1)):
        with pytest.raises(ValueError, match=r"limit=0|is after"):
            ask(adapter.fetch_orders(btc, since_ns=since_ns, until_ns=until_ns, limit=limit))
        with pytest.raises(ValueError, match=r"limit=0|is after"):
            ask(
                adapter.fetch_fills(
                    btc, order=None, since_ns=since_ns, until_ns=until_ns, limit=limit
                )
            )


# Fills


def fill(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "entry_id": f"22222-{number}",
        "trade_id": "1111-11111-111111",
        "order_id": "0000-000001",
        "trade_time": f"2026-05-28T20:26:{40 + number}Z",
        "trade_type": "FILL",
        "price": "64000.00",
        "size": "0.001",
        "commission": "0.384",
        "product_id": "BTC-USD",
        "sequence_timestamp": f"2026-05-28T20:26:{40 + number}Z",
        "liquidity_indicator": "MAKER",
        "size_in_quote": False,
        "side": "BUY",
        **members,
    }


def test_fills_of_an_order_are_asked_for_by_its_exchange_id_until_the_cursor_is_empty(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = _ref(exchange_order_id=ExchangeOrderId("0000-000001"))
    steps = adapter.fetch_fills(btc, order=ref, since_ns=None, until_ns=None, limit=100)
    fills, (first, second) = ask(
        steps, {"fills": [fill(2)], "cursor": "c"}, {"fills": [fill(1)], "cursor": ""}
    )
    assert asked_for(first) == [("order_ids", "0000-000001"), ("limit", "100")]
    assert ("cursor", "c") in asked_for(second)
    assert [each.trade_id for each in fills] == ["22222-1", "22222-2"]
    assert fills[0] == Fill(
        symbol=BTC,
        trade_id="22222-1",
        exchange_order_id=ExchangeOrderId("0000-000001"),
        side=Side.BUY,
        price=Decimal("64000.00"),
        quantity=Decimal("0.001"),
        fee=Fee(Decimal("0.384"), "USD"),
        liquidity=Liquidity.MAKER,
        time_ns=T0 + S,
    )


def test_a_size_in_quote_becomes_a_quantity_on_the_grid(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    told = fill(size="100", price="64123.45", size_in_quote=True, liquidity_indicator="UNKNOWN")
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1)
    (found,), _ = ask(steps, {"fills": [told]})
    assert found.quantity == Decimal("0.00155949")
    assert found.liquidity is None


def test_fills_of_a_span_are_those_that_traded_in_it(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_fills(
        btc, order=None, since_ns=T0 + 2 * S, until_ns=T0 + 3 * S, limit=100
    )
    rows = [fill(n) for n in (4, 3, 2, 1)] + [fill(2), fill(3, entry_id="r", trade_type="REVERSAL")]
    fills, (call,) = ask(steps, {"fills": rows, "cursor": ""})
    assert [each.trade_id for each in fills] == ["22222-2", "22222-3"]
    assert asked_for(call) == [
        ("product_ids", "BTC-USD"),
        ("start_sequence_timestamp", "2026-05-28T20:25:42.000000Z"),
        ("end_sequence_timestamp", "2026-05-28T20:27:43.000000Z"),
        ("limit", "100"),
    ]


def test_an_order_of_the_alias_keeps_the_alias(adapter: CoinbaseAdapter, ask: Ask) -> None:
    usdc = adapter.instruments["BTC/USDC"]
    orders, (call, *_) = ask(
        adapter.fetch_open_orders(usdc), page(), page(row(1, product_id="BTC-USDC")), page()
    )
    assert [order.symbol for order in orders] == ["BTC/USDC"]
    assert ("product_ids", "BTC-USDC") in asked_for(call)
    steps = adapter.fetch_fills(usdc, order=None, since_ns=None, until_ns=None, limit=1)
    (found,), _ = ask(steps, {"fills": [fill(product_id="BTC-USDC")]})
    assert found.fee == Fee(Decimal("0.384"), "USDC")


# The account


def _account(currency: str, free: str, held: str = "0") -> dict[str, Any]:
    return {
        "uuid": "8bfc20d7",
        "currency": currency,
        "available_balance": {"value": free, "currency": currency},
        "hold": {"value": held, "currency": currency},
        "type": "ACCOUNT_TYPE_CRYPTO",
        "updated_at": "2026-05-28T20:26:40Z",
        "deleted_at": None,
    }


def test_balances_come_from_every_page_and_empty_ones_are_left_out(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    balances, (first, second) = ask(
        adapter.fetch_balances(),
        {
            "accounts": [_account("BTC", "1.5", "0.5"), _account("DOGE", "0")],
            "has_next": True,
            "cursor": "c",
        },
        {"accounts": [_account("USD", "0", "7"), _account("BTC", "1")], "has_next": False},
    )
    assert asked_for(first) == [("limit", "250")]
    assert asked_for(second) == [("limit", "250"), ("cursor", "c")]
    assert balances == [
        Balance(asset="BTC", free=Decimal("2.5"), locked=Decimal("0.5"), updated_ns=T0),
        Balance(asset="USD", free=Decimal(0), locked=Decimal(7), updated_ns=T0),
    ]


def test_fees_are_fractions(adapter: CoinbaseAdapter, btc: Instrument, ask: Ask) -> None:
    told = {
        "total_fees": 25.5,
        "fee_tier": {"taker_fee_rate": "0.0060", "maker_fee_rate": "0.0040", "aop_from": ""},
    }
    fees, _ = ask(adapter.fetch_fees(btc), told)
    assert (fees.maker, fees.taker) == (Decimal("0.0040"), Decimal("0.0060"))


def test_a_key_says_what_it_may_do(adapter: CoinbaseAdapter, ask: Ask) -> None:
    told = {
        "can_view": True,
        "can_trade": False,
        "can_transfer": False,
        "portfolio_uuid": "p",
        "portfolio_type": "DEFAULT",
    }
    permissions, (call,) = ask(adapter.fetch_key_permissions(), told)
    assert call.request.path == "/api/v3/brokerage/key_permissions"
    assert permissions == KeyPermissions(
        can_read=True, can_trade=False, can_withdraw=False, scope="DEFAULT p"
    )


@pytest.mark.parametrize(("side", "price"), [("BUY", "64000"), ("SELL", "60000")])
def test_a_scaled_order_s_price_is_the_worst_of_its_range(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, side: str, price: str
) -> None:
    spread = {"base_size": "1", "num_orders": 5, "min_price": "60000", "max_price": "64000"}
    told = row(side=side, order_type="SCALED", order_configuration={"scaled_limit_gtc": spread})
    ref = OrderRef(symbol=BTC, exchange_order_id=ExchangeOrderId("0000-000001"))
    order, _ = ask(adapter.fetch_order(ref, btc), {"order": told})
    assert (order.type, order.price, order.quantity) == (OrderType.LIMIT, Decimal(price), 1)


# Limits


@pytest.mark.parametrize(
    ("headers", "used"),
    [
        ({"x-ratelimit-limit": "30", "x-ratelimit-remaining": "22"}, [("private", 8)]),
        ({"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0"}, [("public", 10)]),
        ({"x-ratelimit-limit": "30", "x-ratelimit-remaining": "31"}, [("private", 0)]),
        # Another limit than those that we count, or nothing that could be one.
        ({"x-ratelimit-limit": "10000", "x-ratelimit-remaining": "9999"}, []),
        ({"x-ratelimit-limit": "30"}, []),
        ({"x-ratelimit-limit": "30", "x-ratelimit-remaining": "-1"}, []),
        ({"x-ratelimit-remaining": "3"}, []),
        ({}, []),
    ],
)
def test_headers_say_how_much_of_a_limit_is_used_if_it_is_one_of_ours(
    adapter: CoinbaseAdapter, headers: dict[str, str], used: list[tuple[str, int]]
) -> None:
    answer = Answer(status=200, headers=headers)
    assert [(usage.budget, usage.used) for usage in adapter.usage(answer)] == used
