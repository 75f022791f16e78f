"""Advanced Trade, exactly at the edges: orders and queries."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Instrument,
    OrderRef,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
    limit_buy,
)
from venuekit.plugin import Answer
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.queries import MOST_PAGES

MakeAnswer = Callable[..., Answer]
Ask = Callable[..., tuple[Any, Any]]
BTC = Symbol("BTC/USD")
S = 1_000_000_000
T0 = 1_780_000_000 * S
"""2026-05-28T20:26:40Z."""
OURS = ClientOrderId("ours-1")
THEIRS = ExchangeOrderId("0000-000001")
REF = OrderRef(symbol=BTC, exchange_order_id=THEIRS)
NAMED = OrderRef(symbol=BTC, client_order_id=OURS)
NAMED_LAST = OrderRef(symbol=BTC, client_order_id=ClientOrderId("ours-2"))
BUY = limit_buy("BTC/USD", "0.01", "64000.5", client_order_id=OURS)
SCALE = {"num_orders": "5", "price_distribution": "FLAT", "size_distribution": "EVENLY_SPLIT"}


def _row(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "order_id": f"0000-{number:06}",
        "client_order_id": f"ours-{number}",
        "product_id": "BTC-USD",
        "side": "BUY",
        "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": f"2026-05-28T20:26:{40 + number:02}Z",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.02", "limit_price": "64000"}},
        "filled_size": "0",
        "order_type": "LIMIT",
        **members,
    }


def _page(*rows: Any, cursor: str = "") -> dict[str, Any]:
    return {"orders": list(rows), "has_next": bool(cursor), "cursor": cursor}


def _fill(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "entry_id": f"22222-{number}",
        "order_id": "0000-000001",
        "trade_time": f"2026-05-28T20:26:{40 + number:02}Z",
        "price": "64000.00",
        "size": "0.001",
        "product_id": "BTC-USD",
        "side": "BUY",
        **members,
    }


# Orders as they are written and answered for


def test_an_amount_of_20_digits_is_written_and_one_of_21_is_refused(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    longest = "9" * 20
    call = adapter.place(attrs.evolve(BUY, quantity=Decimal(longest)), btc)
    assert f'"base_size":"{longest}"'.encode() in call.request.body
    with pytest.raises(ValueError, match="up to 20 digits"):
        adapter.place(attrs.evolve(BUY, quantity=Decimal(longest + "9")), btc)


def test_a_scaled_order_may_be_over_an_amount_of_quote(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    order = OrderRequest(
        symbol=BTC,
        side=Side.BUY,
        type=OrderType.LIMIT,
        quote_quantity=Decimal("640.5"),
        price=Decimal(64000),
        client_order_id=OURS,
        options={**SCALE, "min_price": "60000"},
    )
    body = json.loads(adapter.place(order, btc).request.body)
    assert body["order_configuration"]["scaled_limit_gtc"] == {
        "quote_size": "640.5",
        "num_orders": 5,
        "price_distribution": "FLAT",
        "size_distribution": "EVENLY_SPLIT",
        "min_price": "60000",
        "max_price": "64000",
    }


def test_an_option_s_text_is_passed_on_whatever_its_letters(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    order = attrs.evolve(BUY, options={"preview_id": "größer"})
    assert json.loads(adapter.place(order, btc).request.body)["preview_id"] == "größer"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"order_configuration": None},
        {"order_configuration": {"limit_limit_gtc": None}},
        {"order_configuration": {"limit_limit_gtc": {"limit_price": ""}}},
    ],
)
def test_an_order_that_the_answer_does_not_repeat_is_taken_as_placed(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, told: dict[str, Any]
) -> None:
    placed = {"success": True, "success_response": {"order_id": THEIRS}, **told}
    assert adapter.failure(adapter.place(BUY, btc), answer(placed)) is None


@pytest.mark.parametrize("price", ["dear", 64000.5, ["64000.5"]])
def test_an_answer_that_repeats_another_price_that_is_no_amount_is_not_ours(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, price: Any
) -> None:
    echoed = {"limit_limit_gtc": {"base_size": "0.01", "limit_price": price}}
    placed = {"success": True, "order_id": THEIRS, "order_configuration": echoed}
    failure = adapter.failure(adapter.place(BUY, btc), answer(placed))
    assert failure is not None
    assert failure.reason == "order.duplicate_id"
    assert "limit_price" in failure.text


def test_a_preview_that_is_no_object_checks_nothing(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    with pytest.raises(ValueError, match="no object"):
        adapter.validate(BUY, btc).read(answer([]))


# Orders and fills as they are read


def test_an_order_that_does_not_say_post_only_may_take(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    order, _ = ask(adapter.fetch_order(REF, btc), {"order": _row()})
    assert order.post_only is False


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (
            {"order_configuration": {"stop_limit_stop_limit_gtc": {"stop_price": "1"}}},
            OrderType.STOP_LIMIT,
        ),
        ({"order_configuration": None, "order_type": "STOP_LIMIT"}, OrderType.STOP_LIMIT),
        ({"order_configuration": None, "order_type": "STOP"}, OrderType.STOP),
        ({"order_configuration": None, "order_type": "BRACKET"}, OrderType.LIMIT),
        ({"order_configuration": None, "order_type": "MARKET"}, OrderType.MARKET),
    ],
)
def test_an_order_that_says_little_of_itself_is_read_by_its_type(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, members: Any, kind: OrderType
) -> None:
    order, _ = ask(adapter.fetch_order(REF, btc), {"order": _row(**members)})
    assert order.type is kind


def test_only_an_edit_that_was_accepted_changes_the_order(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    asked = {"price": "70000", "size": "5"}
    row = _row(edit_history=[asked, {**asked, "replace_accept_timestamp": ""}])
    order, _ = ask(adapter.fetch_order(REF, btc), {"order": row})
    assert (order.quantity, order.price) == (Decimal("0.02"), Decimal(64000))
    row = _row(edit_history=[{**asked, "replace_accept_timestamp": "2026-06-01T10:00:00Z"}])
    order, _ = ask(adapter.fetch_order(REF, btc), {"order": row})
    assert (order.quantity, order.price) == (Decimal(5), Decimal(70000))


@pytest.mark.parametrize("side", ["buy", "", "UNKNOWN_ORDER_SIDE"])
def test_a_side_that_nobody_knows_is_not_guessed(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, side: str
) -> None:
    with pytest.raises(ValueError, match="side"):
        ask(adapter.fetch_order(REF, btc), {"order": _row(side=side)})


@pytest.mark.parametrize("members", [{"size": "0"}, {"price": "0"}])
def test_an_execution_of_nothing_is_none(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, members: dict[str, str]
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1)
    with pytest.raises(ValueError, match="22222-1' of nothing"):
        ask(steps, {"fills": [_fill(1, **members)]})


# Queries


def test_a_span_may_be_one_moment_and_a_limit_one(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    at = T0 + 2 * S
    rows = [_row(3), _row(2), _row(1)]
    orders, _ = ask(adapter.fetch_orders(btc, since_ns=at, until_ns=at, limit=1), _page(*rows))
    assert [order.exchange_order_id for order in orders] == ["0000-000002"]
    steps = adapter.fetch_fills(btc, order=None, since_ns=at, until_ns=at, limit=1)
    fills, _ = ask(steps, {"fills": [_fill(3), _fill(2), _fill(1)]})
    assert [fill.trade_id for fill in fills] == ["22222-2"]


def test_a_limit_of_one_gives_the_newest_without_a_beginning_and_the_oldest_with_one(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    def found(since_ns: int | None, order: OrderRef | None = None) -> str:
        steps = adapter.fetch_fills(btc, order=order, since_ns=since_ns, until_ns=None, limit=1)
        (fill,), _ = ask(steps, {"fills": [_fill(3), _fill(2), _fill(1)]})
        return str(fill.trade_id)

    assert (found(None), found(T0), found(None, REF)) == ("22222-3", "22222-1", "22222-1")


def test_a_page_of_exactly_as_many_orders_as_are_wanted_is_enough(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=2)
    orders, calls = ask(steps, _page(_row(2), _row(1), cursor="c"))
    assert [order.exchange_order_id for order in orders] == ["0000-000001", "0000-000002"]
    assert len(calls) == 1


def test_open_orders_are_read_to_the_last_page(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    alias = _row(9, product_id="BTC-USDC")
    orders, calls = ask(
        adapter.fetch_open_orders(btc),
        _page(),
        _page(_row(1), alias, cursor="c"),
        _page(_row(2)),
        _page(),
    )
    assert [order.exchange_order_id for order in orders] == ["0000-000001", "0000-000002"]
    assert len(calls) == 4
    assert calls[2].request.query.endswith("&cursor=c")


def test_a_page_that_names_the_next_one_is_followed_whether_or_not_it_says_so(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    first = {"orders": [_row(1)], "cursor": "c"}
    order, calls = ask(adapter.fetch_order(NAMED_LAST, btc), first, _page(_row(2)))
    assert (order.exchange_order_id, len(calls)) == ("0000-000002", 2)
    order, calls = ask(adapter.fetch_order(NAMED_LAST, btc), {**first, "has_next": False})
    assert (order, len(calls)) == (None, 1)


def test_fills_of_an_order_that_is_known_by_our_id_are_asked_for_by_coinbase_s(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_fills(btc, order=NAMED, since_ns=None, until_ns=None, limit=5)
    fills, (_, call) = ask(steps, _page(_row(1)), {"fills": [_fill()]})
    assert [(fill.exchange_order_id, fill.quantity) for fill in fills] == [
        (THEIRS, Decimal("0.001"))
    ]
    assert call.request.query == "order_ids=0000-000001&limit=100"


def test_an_order_that_nobody_finds_has_no_fills(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_fills(btc, order=NAMED, since_ns=None, until_ns=None, limit=5)
    fills, calls = ask(steps, _page(_row(2)))
    assert list(fills) == []
    assert len(calls) == 1


def test_fills_that_do_not_end_within_40_pages_are_refused_and_not_cut_off(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    pages = [{"fills": [_fill(n % 20)], "cursor": f"c{n}"} for n in range(MOST_PAGES)]
    steps = adapter.fetch_fills(btc, order=None, since_ns=T0, until_ns=None, limit=5)
    with pytest.raises(ValueError, match="more than 4000 fills"):
        ask(steps, *pages)
    last = {"fills": [], "cursor": ""}
    steps = adapter.fetch_fills(btc, order=None, since_ns=T0, until_ns=None, limit=5)
    fills, calls = ask(steps, *pages[:-1], last)
    assert (len(fills), len(calls)) == (5, MOST_PAGES)


def test_balances_that_do_not_end_within_40_pages_are_refused(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    account = {"currency": "BTC", "available_balance": {"value": "1"}}
    pages = [{"accounts": [account], "has_next": True, "cursor": f"c{n}"} for n in range(40)]
    with pytest.raises(ValueError, match="more than 40 pages of accounts"):
        ask(adapter.fetch_balances(), *pages)
    (balance,), calls = ask(adapter.fetch_balances(), *pages[:-1], {"accounts": [account]})
    assert (balance.free, balance.locked, balance.updated_ns, len(calls)) == (40, 0, None, 40)
