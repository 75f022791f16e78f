"""Filters, each at its edge."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit_binance.sim.world import make_symbol

ORDER = "/api/v3/order"


def with_filters(*filters: Any) -> Any:
    """Make BTCUSDT with other filters of the given types."""
    spec = make_symbol("BTC", "USDT", "100", "0.01", "0.001")
    replaced = {each["filterType"] for each in filters}
    kept = [each for each in spec.filters if each["filterType"] not in replaced]
    return attrs.evolve(spec, filters=(*kept, *filters))


def refusal(world: Any, **params: Any) -> Any:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
             "quantity": "0.1", "price": "100", **params}  # fmt: skip
    order = {name: value for name, value in order.items() if value is not None}
    answer = world.signed("POST", ORDER, **order)
    return (answer["code"], answer["msg"]) if "code" in answer else None


MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.mark.parametrize(
    ("params", "failure"),
    [
        ({"price": "100.01"}, None),
        ({"price": "100.010000"}, None),
        ({"price": "100.011"}, "PRICE_FILTER"),
        ({"price": "0"}, ""),
        ({"price": "2000000"}, "PRICE_FILTER"),
        ({"quantity": "0.1001"}, "LOT_SIZE"),
        ({"quantity": "9000000.001"}, "LOT_SIZE"),
        ({"price": "500.00"}, None),
        ({"price": "500.01"}, "PERCENT_PRICE_BY_SIDE"),
        ({"price": "20", "quantity": "1"}, None),
        ({"price": "19.99", "quantity": "1"}, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.05"}, None),
        ({"quantity": "0.049"}, "NOTIONAL"),
        ({"quantity": "90000.001"}, "NOTIONAL"),
        ({"quantity": "0.5", "icebergQty": "0.005"}, None),
        ({"quantity": "0.501", "icebergQty": "0.005"}, "ICEBERG_PARTS"),
        ({"quantity": "0.5", "icebergQty": "0.0005"}, "LOT_SIZE"),
        ({**MARKET, "quantity": "0.049"}, "NOTIONAL"),
        ({**MARKET, "quantity": "112500.001"}, "MARKET_LOT_SIZE"),
        ({**MARKET, "quantity": None, "quoteOrderQty": "4.99"}, "NOTIONAL"),
        (
            {"type": "STOP_LOSS", "price": None, "timeInForce": None, "trailingDelta": "9"},
            "TRAILING_DELTA",
        ),
        (
            {"type": "STOP_LOSS", "price": None, "timeInForce": None, "trailingDelta": "2001"},
            "TRAILING_DELTA",
        ),
    ],
)
def test_static_filters_have_exact_edges(
    make_world: Any, params: dict[str, Any], failure: Any
) -> None:
    world = make_world(symbols=[with_filters()])
    found = refusal(world, **params)
    if failure is None:
        assert found is None
    elif failure:
        assert found == (-1013, f"Filter failure: {failure}")
    else:
        assert found == (-2010, "Price * QTY is zero or less.")


def test_old_filter_types_are_judged_too(make_world: Any) -> None:
    world = make_world(
        symbols=[
            with_filters(
                {
                    "filterType": "PERCENT_PRICE_BY_SIDE",
                    "bidMultiplierUp": "9",
                    "bidMultiplierDown": "0",
                    "askMultiplierUp": "9",
                    "askMultiplierDown": "0",
                    "avgPriceMins": 5,
                },
                {
                    "filterType": "PERCENT_PRICE",
                    "multiplierUp": "1.1",
                    "multiplierDown": "0.9",
                    "avgPriceMins": 5,
                },
                {
                    "filterType": "MIN_NOTIONAL",
                    "minNotional": "10",
                    "applyToMarket": False,
                    "avgPriceMins": 5,
                },
            )
        ]
    )
    assert refusal(world, price="110", quantity="1") is None
    assert refusal(world, price="110.01", quantity="1")[1] == "Filter failure: PERCENT_PRICE"
    assert refusal(world, quantity="0.099")[1] == "Filter failure: MIN_NOTIONAL"


@pytest.mark.parametrize(
    ("changed", "order", "failure"),
    [
        ({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 2}, {}, "MAX_NUM_ORDERS"),
        (
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 2},
            {"type": "STOP_LOSS_LIMIT", "stopPrice": "120"},
            "MAX_NUM_ALGO_ORDERS",
        ),
        (
            {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 2},
            {"icebergQty": "0.01"},
            "MAX_NUM_ICEBERG_ORDERS",
        ),
        ({"filterType": "MAX_POSITION", "maxPosition": "10.299"}, {}, "MAX_POSITION"),
    ],
)
def test_counting_filters_are_judged_in_the_engine(
    make_world: Any, changed: Any, order: Any, failure: Any
) -> None:
    world = make_world(symbols=[with_filters(changed)])
    assert refusal(world, **order) is None
    assert refusal(world, **order) is None
    assert refusal(world, **order) == (-2010, f"Filter failure: {failure}")


def test_filters_hold_against_the_reference_price_where_there_is_one(make_world: Any) -> None:
    spec = attrs.evolve(with_filters(), reference_price=Decimal(10))
    world = make_world(symbols=[spec])
    assert refusal(world, price="50", quantity="1") is None
    assert refusal(world, price="50.01", quantity="1") is not None
    assert world.public("/api/v3/referencePrice", symbol="BTCUSDT")["referencePrice"] == (
        "10.00000000"
    )


def test_features_that_a_symbol_lacks_are_refused(make_world: Any) -> None:
    spec = with_filters()
    spec.flags |= {"icebergAllowed": False, "allowTrailingStop": False, "amendAllowed": False,
                   "cancelReplaceAllowed": False, "ocoAllowed": False,
                   "pegInstructionsAllowed": False}  # fmt: skip
    spec = attrs.evolve(spec, order_types=("LIMIT", "STOP_LOSS"))
    world = make_world(symbols=[spec])
    texts = [
        refusal(world, icebergQty="0.01"),
        refusal(world, type="STOP_LOSS", price=None, timeInForce=None, trailingDelta="100"),
        refusal(world, pegPriceType="PRIMARY_PEG"),
        refusal(world, **MARKET),
    ]
    assert [text[1].partition(" orders are not supported")[0] for text in texts] == [
        "Iceberg", "Trailing stop", "Pegged", "Market",
    ]  # fmt: skip
    assert refusal(world) is None
    answer = world.signed(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=1, newQty="0.05"
    )
    assert answer["msg"] == "Order amend is not supported for this symbol."
