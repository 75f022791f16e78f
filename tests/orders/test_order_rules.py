"""Rules: what passes is on every grid, and the values offered instead would pass."""

from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import (
    ClientOrderId,
    Grid,
    Instrument,
    InstrumentStatus,
    NotionalRule,
    OrderRefused,
    OrderRequest,
    OrderType,
    PriceBand,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
    is_on_grid,
    limit_buy,
    limit_sell,
    market_buy,
    market_sell,
    plain,
)
from venuekit.orders import REASONS, rounded, violations
from venuekit.orders.ranges import common_step
from venuekit.plugin import ClientOrderIdRule, Dedupe

D = Decimal
INSTRUMENT = Instrument(
    symbol=Symbol("BTC/USDT"),
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(D("0.01"), D("0.01"), D("1000000")),
    quantity=Grid(D("0.00001"), D("0.00001"), D("9000")),
    market_quantity=Grid(D(0), D("0.001"), D("100")),
    notional=NotionalRule(minimum=D(5), maximum=D(9_000_000), minimum_for_market=True),
    band=PriceBand(buy_low=D("0.2"), buy_high=D(5), sell_low=D("0.2"), sell_high=D(5)),
    order_types=frozenset(each.value for each in OrderType),
    features=frozenset({"iceberg", "quote_quantity", "trailing_stop"}),
    self_trade_preventions=frozenset({"none", "expire_maker"}),
    iceberg_parts=10,
)
GOOD = limit_buy("BTC/USDT", "0.1", "30000")
RULE = ClientOrderIdRule(
    pattern=r"^[a-zA-Z0-9-_]{1,36}$", alphabet="ab", max_length=36, dedupe=Dedupe.OPEN_ONLY
)


def reasons(request: OrderRequest, **more: object) -> list[str]:
    instrument = attrs.evolve(INSTRUMENT, **more)  # type: ignore[arg-type]  # fields by name
    return [v.reason for v in violations(request, instrument, id_rule=RULE)]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (GOOD, []),
        (limit_buy("BTC/USDT", "0.1", "30000.005"), ["price.off_tick"]),
        (limit_buy("BTC/USDT", "0.1", "0.001"), ["price.off_tick", "notional.below_minimum"]),
        (limit_buy("BTC/USDT", "0.1", "1000000.01"), ["price.above_maximum"]),
        (limit_buy("BTC/USDT", "0.100001", "30000"), ["quantity.off_step"]),
        (
            limit_buy("BTC/USDT", "0.000001", "900000"),
            ["quantity.off_step", "notional.below_minimum"],
        ),
        (limit_buy("BTC/USDT", "9000.1", "100"), ["quantity.above_maximum"]),
        (limit_buy("BTC/USDT", "0.0001", "30000"), ["notional.below_minimum"]),
        (limit_buy("BTC/USDT", "9000", "30000"), ["notional.above_maximum"]),
        (market_buy("BTC/USDT", "0.1"), []),
        (market_buy("BTC/USDT", "0.0005"), ["quantity.below_minimum"]),
        (market_sell("BTC/USDT", "101"), ["quantity.above_maximum"]),
        (market_sell("BTC/USDT", "0.100001"), ["quantity.off_step"]),
        (market_buy("BTC/USDT", quote_quantity="4"), ["notional.below_minimum"]),
        (market_buy("BTC/USDT", quote_quantity="50"), []),
        (attrs.evolve(GOOD, price=None), ["price.missing"]),
        (attrs.evolve(market_buy("BTC/USDT", "1"), price=D(1)), ["price.superfluous"]),
        (attrs.evolve(GOOD, quantity=None), ["quantity.missing"]),
        (attrs.evolve(GOOD, quantity=D(0)), ["quantity.not_positive"]),
        (attrs.evolve(GOOD, price=D("NaN")), ["price.not_positive"]),
        (attrs.evolve(GOOD, quantity=D("-1")), ["quantity.not_positive"]),
        (attrs.evolve(GOOD, quantity=D("Infinity")), ["quantity.not_positive"]),
        (attrs.evolve(GOOD, quantity=D("1E+90")), ["quantity.not_positive"]),
        (attrs.evolve(GOOD, stop_price=D(1)), ["stop_price.superfluous"]),
        (attrs.evolve(GOOD, type=OrderType.STOP_LIMIT), ["stop_price.missing"]),
        (
            attrs.evolve(GOOD, type=OrderType.STOP_LIMIT, stop_price=D("1.001")),
            ["stop_price.off_tick"],
        ),
        (attrs.evolve(GOOD, type=OrderType.STOP_LIMIT, trailing_delta=D(100)), []),
        (attrs.evolve(GOOD, trailing_delta=D(100)), ["trailing_delta.superfluous"]),
        (attrs.evolve(GOOD, quote_quantity=D(100)), ["quote_quantity.superfluous"]),
        (
            attrs.evolve(market_buy("BTC/USDT", "1"), quote_quantity=D(100)),
            ["quantity.ambiguous"],
        ),
        (attrs.evolve(GOOD, post_only=True), []),
        (attrs.evolve(market_buy("BTC/USDT", "1"), post_only=True), ["post_only.superfluous"]),
        (
            attrs.evolve(GOOD, post_only=True, time_in_force=TimeInForce.IOC),
            ["post_only.superfluous"],
        ),
        (
            attrs.evolve(market_buy("BTC/USDT", "1"), time_in_force=TimeInForce.GTC),
            ["time_in_force.superfluous"],
        ),
        (attrs.evolve(GOOD, display_quantity=D("0.01")), []),
        (attrs.evolve(GOOD, display_quantity=D("0.00999")), ["display_quantity.too_many_parts"]),
        (attrs.evolve(GOOD, display_quantity=D("0.2")), ["display_quantity.above_quantity"]),
        (attrs.evolve(GOOD, display_quantity=D("0.010001")), ["display_quantity.off_step"]),
        (
            attrs.evolve(GOOD, self_trade_prevention=SelfTradePrevention.TRANSFER),
            ["self_trade_prevention.unsupported"],
        ),
        (attrs.evolve(GOOD, client_order_id=ClientOrderId("a.b")), ["client_order_id.invalid"]),
        (attrs.evolve(GOOD, client_order_id=ClientOrderId("a" * 37)), ["client_order_id.invalid"]),
        (attrs.evolve(GOOD, client_order_id=ClientOrderId("a\n")), ["client_order_id.invalid"]),
    ],
)  # fmt: skip
def test_every_broken_rule_is_named(request_: OrderRequest, expected: list[str]) -> None:
    assert reasons(request_) == expected
    assert set(expected) <= set(REASONS)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (InstrumentStatus.HALTED, "instrument.halted"),
        (InstrumentStatus.CANCEL_ONLY, "instrument.cancel_only"),
        (InstrumentStatus.UNAVAILABLE, "instrument.unavailable"),
    ],
)
def test_an_instrument_that_does_not_trade_takes_no_order(
    status: InstrumentStatus, reason: str
) -> None:
    assert reasons(GOOD, status=status) == [reason]


def test_what_the_instrument_does_not_offer_is_refused() -> None:
    iceberg = attrs.evolve(GOOD, display_quantity=D("0.05"))
    assert reasons(iceberg, features=frozenset()) == ["order.feature_unsupported"]
    assert reasons(GOOD, order_types=frozenset({"market"})) == ["order.type_unsupported"]
    assert reasons(GOOD, order_types=frozenset()) == []


def test_all_faults_are_told_at_once() -> None:
    request = attrs.evolve(GOOD, price=D("1.001"), quantity=D("0.000001"), stop_price=D(1))
    assert reasons(request) == [
        "stop_price.superfluous",
        "price.off_tick",
        "quantity.off_step",
        "notional.below_minimum",
    ]


def test_a_price_outside_of_the_band_is_refused_by_side_where_the_market_is_known() -> None:
    instrument = attrs.evolve(
        INSTRUMENT,
        band=PriceBand(buy_low=D("0.5"), buy_high=D("1.1"), sell_low=D("0.9"), sell_high=D(2)),
    )
    for request, nearest in [
        (limit_buy("BTC/USDT", "1", "110.01"), D("110.00")),
        (limit_buy("BTC/USDT", "1", "49.99"), D("50.00")),
        (limit_sell("BTC/USDT", "1", "89.99"), D("90.00")),
        (limit_sell("BTC/USDT", "1", "200.01"), D("200.00")),
    ]:
        (found,) = violations(request, instrument, reference_price=D(100))
        assert (found.reason, found.nearest) == ("price.outside_band", (nearest,))
        assert violations(request, instrument) == []


def test_a_market_order_needs_its_notional_where_the_market_is_known() -> None:
    request = market_buy("BTC/USDT", "0.001")
    (found,) = violations(request, INSTRUMENT, reference_price=D(3000))
    assert (found.reason, found.nearest) == ("notional.below_minimum", (D("0.00167"),))
    loose = attrs.evolve(INSTRUMENT, notional=NotionalRule(minimum=D(5)))
    assert violations(request, loose, reference_price=D(3000)) == []


def test_the_sentence_says_what_is_wrong_and_what_would_do() -> None:
    (found,) = violations(limit_buy("BTC/USDT", "0.1", "30000.005"), INSTRUMENT)
    assert str(found) == (
        "price 30000.005 is no multiple of the tick 0.01; nearest valid: 30000.00 or 30000.01"
    )


# Rounding


def test_rounding_is_asked_for_and_never_makes_an_order_larger() -> None:
    buy = limit_buy("BTC/USDT", "0.123456", "30000.019")
    sell = limit_sell("BTC/USDT", "0.123456", "30000.011")
    assert (rounded(buy, INSTRUMENT).price, rounded(buy, INSTRUMENT).quantity) == (
        D("30000.01"),
        D("0.12345"),
    )
    assert rounded(sell, INSTRUMENT).price == D("30000.01")
    assert rounded(sell, INSTRUMENT, round="passive").price == D("30000.02")
    assert rounded(buy, INSTRUMENT, round="passive").price == D("30000.01")
    assert rounded(buy, INSTRUMENT, round="nearest").price == D("30000.02")


def test_what_is_too_small_after_rounding_is_refused() -> None:
    with pytest.raises(OrderRefused, match="above zero"):
        rounded(limit_buy("BTC/USDT", "0.000001", "30000"), INSTRUMENT)
    with pytest.raises(OrderRefused, match="above zero"):
        rounded(attrs.evolve(GOOD, quantity=D("Infinity")), INSTRUMENT)
    with pytest.raises(ValueError, match="down, nearest, passive"):
        rounded(GOOD, INSTRUMENT, round="up")


# Laws

steps = st.sampled_from([D("0.01"), D("0.00001"), D("0.5"), D("25"), D("1E+2"), D("0.00000003")])
numbers = st.decimals(
    min_value=D("1E-9"), max_value=D(10**7), allow_nan=False, allow_infinity=False, places=9
)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    def grid() -> Grid:
        step = draw(steps)
        low = draw(st.integers(min_value=0, max_value=5)) * step
        high = draw(st.sampled_from([0, 10, 10**9])) * step
        return Grid(step, low, high)

    market_step = draw(st.sampled_from([D(0), D("0.02"), D("0.00003")]))
    market = Grid(market_step, D(0), draw(st.sampled_from([D(0), D(500)])))
    return attrs.evolve(
        INSTRUMENT,
        price=grid(),
        quantity=grid(),
        market_quantity=market,
        notional=NotionalRule(
            minimum=draw(st.sampled_from([D(0), D(5), D("0.0001")])),
            maximum=draw(st.sampled_from([D(0), D(10**8)])),
        ),
    )


@given(instruments(), numbers, numbers)
def test_a_request_that_passes_is_on_every_grid(
    instrument: Instrument, price: Decimal, quantity: Decimal
) -> None:
    request = attrs.evolve(GOOD, price=price, quantity=quantity)
    if not violations(request, instrument):
        for value, grid in ((price, instrument.price), (quantity, instrument.quantity)):
            assert is_on_grid(value, grid.step)
            assert value >= grid.minimum
            assert not grid.maximum or value <= grid.maximum
        assert price * quantity >= instrument.notional.minimum
    else:
        assert violations(request, instrument)[0].reason in REASONS


@given(instruments(), numbers, numbers, st.booleans())
def test_the_nearest_values_pass(
    instrument: Instrument, price: Decimal, quantity: Decimal, is_market: bool
) -> None:
    request = attrs.evolve(GOOD, price=price, quantity=quantity)
    if is_market:
        request = attrs.evolve(request, type=OrderType.MARKET, price=None, time_in_force=None)
    for found in violations(request, instrument):
        for value in found.nearest:
            named: dict[str, Any] = {found.field: value}
            changed = attrs.evolve(request, **named)
            left = [v for v in violations(changed, instrument) if v.field == found.field]
            # A quantity may stay too small in value while the price, too, has to change.
            assert left == [] or (found.field == "price" and left[0].reason.startswith("notional"))
            assert "E" not in plain(value)


@given(instruments(), numbers, numbers, st.sampled_from(["down", "nearest", "passive"]))
def test_what_is_rounded_passes_or_is_refused(
    instrument: Instrument, price: Decimal, quantity: Decimal, mode: str
) -> None:
    request = attrs.evolve(GOOD, price=price, quantity=quantity, side=Side.SELL)
    try:
        moved = rounded(request, instrument, round=mode)
    except OrderRefused:
        return
    assert violations(moved, instrument) == []
    assert moved.quantity is not None
    assert moved.quantity <= quantity


@given(steps, steps)
def test_a_common_step_is_on_both_grids(left: Decimal, right: Decimal) -> None:
    common = common_step(left, right, D(0))
    assert is_on_grid(common, left)
    assert is_on_grid(common, right)
    assert common <= left * right * 10**9
