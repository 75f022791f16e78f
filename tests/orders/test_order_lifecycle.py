"""The life of an order as a table: whatever arrives, in whatever order, the end is the same."""

import itertools
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import (
    ExchangeOrderId,
    Fee,
    Fill,
    Order,
    OrderPhase,
    OrderType,
    Side,
    Symbol,
    exact_sum,
)
from venuekit.orders import (
    MOVES,
    Divergence,
    DivergenceKind,
    advance,
    inferred_fill,
    lost,
    moved,
)

P = OrderPhase
SYMBOL = Symbol("BTC/USDT")
EXCHANGE = [P.PENDING, P.OPEN, P.PARTIALLY_FILLED, P.FILLED, P.CANCELED, P.EXPIRED]


def order(phase: OrderPhase, filled: str = "0", at: int | None = None, **more: object) -> Order:
    known = Order(
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        phase=phase,
        quantity=Decimal(1),
        price=Decimal(100),
        filled=Decimal(filled),
        updated_ns=at,
    )
    return attrs.evolve(known, **more)  # type: ignore[arg-type]  # fields by name


def fill(number: int, quantity: str = "0.1", **more: object) -> Fill:
    one = Fill(
        symbol=SYMBOL,
        trade_id=str(number),
        exchange_order_id=ExchangeOrderId("1"),
        side=Side.BUY,
        price=Decimal(100),
        quantity=Decimal(quantity),
        time_ns=number,
    )
    return attrs.evolve(one, **more)  # type: ignore[arg-type]  # fields by name


def after(known: Order | None, report: Order, *fills: Fill) -> Order:
    result = advance(known, report, fills)
    assert isinstance(result, Order), result
    return result


def diverged(known: Order, report: Order, *fills: Fill) -> Divergence:
    result = advance(known, report, fills)
    assert isinstance(result, Divergence), result
    return result


def test_the_table_knows_every_phase() -> None:
    assert set(MOVES) == {None, *OrderPhase}


def test_an_ordinary_life() -> None:
    known = order(P.SUBMITTING)
    known = after(known, order(P.OPEN, at=1, exchange_order_id=ExchangeOrderId("1")))
    known = after(known, order(P.PARTIALLY_FILLED, "0.4", at=2), fill(1, "0.4"))
    known = after(known, order(P.FILLED, "1", at=3), fill(2, "0.6"))

    assert (known.phase, known.filled, len(known.fills)) == (P.FILLED, Decimal(1), 2)
    assert known.exchange_order_id == "1"


def test_instant_fills_are_normal() -> None:
    assert after(order(P.SUBMITTING), order(P.FILLED, "1", at=1)).phase is P.FILLED
    assert after(order(P.UNKNOWN), order(P.FILLED, "1", at=1)).phase is P.FILLED
    assert after(order(P.SUBMITTING), order(P.EXPIRED, at=1)).phase is P.EXPIRED


@pytest.mark.parametrize("ended", [P.FILLED, P.CANCELED, P.EXPIRED])
@pytest.mark.parametrize("late", [P.PENDING, P.OPEN, P.PARTIALLY_FILLED])
@pytest.mark.parametrize("at", [None, 4, 5])
def test_a_final_phase_stays_when_late_messages_arrive(
    ended: OrderPhase, late: OrderPhase, at: int | None
) -> None:
    known = order(ended, "1" if ended is P.FILLED else "0", at=5)
    assert after(known, order(late, at=at)) == known


@pytest.mark.parametrize("ended", [P.FILLED, P.CANCELED, P.EXPIRED])
@pytest.mark.parametrize("live", [P.PENDING, P.OPEN, P.PARTIALLY_FILLED])
def test_an_end_counts_though_a_query_cuts_its_moment_to_before_what_a_stream_told(
    ended: OrderPhase, live: OrderPhase
) -> None:
    filled = {P.PARTIALLY_FILLED: "0.5"}.get(live, "0")
    known = after(
        order(live, filled, at=5), order(ended, "1" if ended is P.FILLED else filled, at=4)
    )
    assert (known.phase, known.updated_ns) == (ended, order(live, at=5).updated_ns)


@pytest.mark.parametrize("ended", [P.CANCELED, P.EXPIRED])
def test_an_old_end_that_knows_of_less_executions_is_an_older_orders(ended: OrderPhase) -> None:
    known = order(P.PARTIALLY_FILLED, "0.5", at=5)
    assert after(known, order(ended, "0.4", at=4)) == known


@pytest.mark.parametrize("ended", [P.CANCELED, P.EXPIRED])
def test_a_newer_report_that_contradicts_an_end_is_told_and_not_obeyed(ended: OrderPhase) -> None:
    known = order(ended, at=5)
    told = diverged(known, order(P.OPEN, at=6))
    assert (told.kind, told.order) == (DivergenceKind.MOVE, known)


@pytest.mark.parametrize("ended", [P.CANCELED, P.EXPIRED])
@pytest.mark.parametrize("at", [4, 5, 6])
def test_a_real_fill_after_the_end_is_booked_and_told(ended: OrderPhase, at: int) -> None:
    known = order(ended, at=5)
    told = diverged(known, order(ended, "0.1", at=at), fill(1))
    assert told.kind is DivergenceKind.LATE_FILL
    assert (told.order.phase, told.order.filled, told.order.fills) == (
        ended,
        Decimal("0.1"),
        (fill(1),),
    )


def test_a_late_fill_may_be_the_last_of_them() -> None:
    told = diverged(order(P.CANCELED, "0.9", at=5), order(P.FILLED, "1", at=6), fill(1))
    assert (told.kind, told.order.phase) == (DivergenceKind.LATE_FILL, P.FILLED)


@pytest.mark.parametrize("ours", [P.NEVER_PLACED, P.REJECTED, P.DENIED])
@pytest.mark.parametrize("phase", EXCHANGE)
def test_the_exchange_having_an_order_outweighs_what_we_concluded(
    ours: OrderPhase, phase: OrderPhase
) -> None:
    told = diverged(order(ours), order(phase, at=1))
    assert (told.kind, told.order.phase) == (DivergenceKind.REVIVED, phase)


def test_executed_quantity_only_grows() -> None:
    known = order(P.PARTIALLY_FILLED, "0.4", at=5)
    assert after(known, order(P.PARTIALLY_FILLED, "0.2", at=4)).filled == Decimal("0.4")
    assert after(known, order(P.PARTIALLY_FILLED, "0.2", at=5)).filled == Decimal("0.4")
    told = diverged(known, order(P.PARTIALLY_FILLED, "0.2", at=6))
    assert (told.kind, told.order) == (DivergenceKind.SHRUNK, known)


def test_an_older_answer_never_overwrites_a_newer_event() -> None:
    known = order(P.PARTIALLY_FILLED, "0.4", at=5, price=Decimal(99))
    assert after(known, order(P.OPEN, at=1, price=Decimal(100))) == known


def test_an_older_report_still_brings_its_fills() -> None:
    known = order(P.PARTIALLY_FILLED, "0.4", at=5, fills=(fill(2, "0.4"),))
    booked = after(known, order(P.PARTIALLY_FILLED, "0.1", at=4), fill(1))
    assert booked.filled == Decimal("0.5")
    assert [each.trade_id for each in booked.fills] == ["2", "1"]


def test_a_trade_counts_once_and_its_first_account_stands() -> None:
    known = after(None, order(P.PARTIALLY_FILLED, "0.1", at=1), fill(1))
    fee = Fee(Decimal("0.01"), "BNB")
    again = after(known, order(P.PARTIALLY_FILLED, "0.1", at=2), fill(1, "0.9", fee=fee))
    assert again.filled == Decimal("0.1")
    assert again.fills == (fill(1, fee=fee),)


def test_fills_alone_complete_an_order() -> None:
    known = order(P.OPEN, at=1)
    booked = after(known, known, fill(1, "0.3"))
    assert (booked.phase, booked.filled) == (P.PARTIALLY_FILLED, Decimal("0.3"))
    assert booked.filled_quote == Decimal("30.0")
    assert after(booked, known, fill(2, "0.7")).phase is P.FILLED


def test_a_second_order_under_one_name_is_an_alarm() -> None:
    known = order(P.FILLED, "1", at=1, exchange_order_id=ExchangeOrderId("1"))
    told = diverged(known, order(P.OPEN, at=9, exchange_order_id=ExchangeOrderId("2")))
    assert (told.kind, told.order) == (DivergenceKind.OTHER_ORDER, known)


def test_more_than_was_asked_for_is_booked_and_told() -> None:
    told = diverged(order(P.OPEN, at=1), order(P.FILLED, "1.1", at=2))
    assert (told.kind, told.order.filled) == (DivergenceKind.OVERFILLED, Decimal("1.1"))


def test_what_we_conclude_never_overrules_the_exchange() -> None:
    for phase in EXCHANGE:
        for ours in (P.UNKNOWN, P.NEVER_PLACED, P.REJECTED, P.DENIED, P.SUBMITTING, P.PREPARED):
            told = moved(order(phase, at=1), ours)
            assert isinstance(told, Divergence)
            assert told.order.phase is phase


def test_an_answer_without_details_leaves_what_is_known() -> None:
    known = order(P.SUBMITTING, created_ns=1)
    bare = order(P.OPEN, at=1, quantity=None, price=None)
    assert after(known, bare) == attrs.evolve(known, phase=P.OPEN, updated_ns=1)


# Laws

phases = st.sampled_from(EXCHANGE)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Order, tuple[Fill, ...]]]:
    """Draw what an exchange really does: fills one by one, then an end."""
    count = draw(st.integers(min_value=0, max_value=5))
    filled = Decimal(0)
    events = [(order(P.OPEN, at=1), ())]
    told: list[tuple[Order, tuple[Fill, ...]]] = [*events]
    for number in range(count):
        filled += Decimal("0.2")
        phase = P.FILLED if filled == 1 else P.PARTIALLY_FILLED
        report = order(phase, str(filled), at=2 + number)
        told.append((report, (fill(number, "0.2"),)))
    if filled < 1:
        told.append((order(P.CANCELED, str(filled), at=10), ()))
    return told


@given(histories(), st.randoms(use_true_random=False), st.integers(min_value=1, max_value=3))
def test_any_order_of_messages_with_any_repeats_ends_alike(
    history: list[tuple[Order, tuple[Fill, ...]]], chance: "object", repeats: int
) -> None:
    last = history[-1][0]
    messages = list(itertools.chain.from_iterable([history] * repeats))
    chance.shuffle(messages)  # type: ignore[attr-defined]  # a random.Random of hypothesis
    known: Order | None = order(P.SUBMITTING)
    filled = Decimal(0)
    for report, fills in messages:
        result = advance(known, report, fills)
        known = result.order if isinstance(result, Divergence) else result
        assert known.filled >= filled
        filled = known.filled

    assert known is not None
    assert (known.phase, known.filled) == (last.phase, last.filled)
    assert exact_sum(each.quantity for each in known.fills) == last.filled


@given(phases, phases, st.integers(0, 3), st.integers(0, 3))
def test_nothing_that_is_reported_raises_or_ends_less_final(
    one: OrderPhase, two: OrderPhase, at: int, later: int
) -> None:
    result = advance(order(one, at=at), order(two, at=later))
    known = result.order if isinstance(result, Divergence) else result
    assert known.phase.is_final or not one.is_final


# Lost orders and inferred fills


@pytest.mark.parametrize("phase", EXCHANGE)
def test_any_evidence_brings_a_lost_order_back(phase: OrderPhase) -> None:
    known = lost(order(P.OPEN, at=5)).order
    assert known.phase is P.LOST
    filled = {P.FILLED: "1", P.PARTIALLY_FILLED: "0.5"}.get(phase, "0")

    assert after(known, order(phase, filled, at=6)).phase is phase


def test_what_has_ended_is_not_lost() -> None:
    assert lost(order(P.FILLED, "1")).order.phase is P.FILLED


def test_a_fill_of_a_lost_order_brings_it_back() -> None:
    known = lost(order(P.OPEN, at=5)).order

    assert after(known, order(P.LOST, at=5), fill(1, "0.4")).phase is P.PARTIALLY_FILLED


def test_an_inferred_fill_has_the_mean_price_of_what_is_missing_and_the_same_id_each_time() -> None:
    known = order(
        P.PARTIALLY_FILLED,
        "0.5",
        exchange_order_id=ExchangeOrderId("1"),
        filled_quote=Decimal("51.0"),
        fills=(fill(1, "0.1"),),
    )
    inferred = inferred_fill(known)
    assert inferred is not None
    assert (inferred.quantity, inferred.price) == (Decimal("0.4"), Decimal("102.5"))
    assert inferred == inferred_fill(known)
    assert inferred_fill(attrs.evolve(known, fills=(*known.fills, inferred))) == inferred


def test_nothing_is_inferred_where_the_trades_add_up_or_no_price_is_known() -> None:
    known = order(P.FILLED, "0.1", exchange_order_id=ExchangeOrderId("1"), fills=(fill(1, "0.1"),))
    assert inferred_fill(known) is None
    assert inferred_fill(attrs.evolve(known, fills=(), price=None)) is None


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 10))
def test_real_trades_take_the_place_of_the_inferred_one_as_they_come(
    tenths: list[int], seed: int
) -> None:
    total = Decimal(sum(tenths)) / 10
    known = order(
        P.PARTIALLY_FILLED,
        str(total),
        quantity=Decimal(10),
        exchange_order_id=ExchangeOrderId("1"),
    )
    inferred = inferred_fill(known)
    assert inferred is not None
    known = after(known, known, inferred)
    real = [fill(number, str(Decimal(tenth) / 10)) for number, tenth in enumerate(tenths)]
    for each in real[seed % len(real) :] + real[: seed % len(real)]:
        known = after(known, attrs.evolve(known, fills=()), each)
        assert exact_sum(f.quantity for f in known.fills) == known.filled == total

    assert not any(f.is_inferred for f in known.fills)
