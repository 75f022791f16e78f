"""Two connections that deliver the same stream for a while."""

from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import BalanceDelta, StreamEvent, Trade
from venuekit.streams.overlap import Overlap

if TYPE_CHECKING:
    from tests.streams.conftest import Make

OLD, NEW = 1, 2


def merged(make: "type[Make]", script: list[tuple[int, int]]) -> list[int]:
    overlap = Overlap(OLD)
    out: list[StreamEvent] = []
    for side, number in script:
        out += overlap.take(make.trade(number), side)
    out += overlap.end_old()
    return [event.time_ns for event in out if isinstance(event, Trade)]


def test_a_new_connection_that_is_ahead_is_held_back_until_the_old_one_caught_up(
    make: "type[Make]",
) -> None:
    script = [(OLD, 1), (NEW, 3), (NEW, 4), (OLD, 2), (OLD, 3), (NEW, 5), (OLD, 4), (OLD, 5)]
    assert merged(make, script) == [1, 2, 3, 4, 5]


def test_what_a_new_connection_that_is_behind_repeats_is_dropped(make: "type[Make]") -> None:
    assert merged(make, [(OLD, 1), (OLD, 2), (NEW, 1), (NEW, 2), (NEW, 3), (OLD, 3)]) == [1, 2, 3]


def test_what_was_held_back_comes_when_the_old_connection_ends(make: "type[Make]") -> None:
    assert merged(make, [(OLD, 1), (NEW, 2), (NEW, 3)]) == [1, 2, 3]


def test_a_new_connection_that_breaks_takes_nothing_with_it(make: "type[Make]") -> None:
    overlap = Overlap(OLD)
    out: list[StreamEvent] = []
    for side, number in ((OLD, 1), (NEW, 2), (OLD, 2), (NEW, 3)):
        out += overlap.take(make.trade(number), side)
    overlap.forget_new()
    for side, number in ((OLD, 3), (NEW, 5), (OLD, 4), (OLD, 5), (NEW, 6)):
        out += overlap.take(make.trade(number), side)
    assert out == [make.trade(number) for number in range(1, 7)]


def test_two_events_that_look_the_same_stay_two(make: "type[Make]") -> None:
    overlap = Overlap(OLD)
    out: list[StreamEvent] = []
    for side in (OLD, OLD, NEW, NEW):
        out += overlap.take(make.balance("1.5"), side)
    assert len(out) == 2


@given(
    length=st.integers(1, 12),
    begins=st.integers(0, 12),
    timing=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_merging_two_streams_gives_the_one_stream_whatever_the_timing(
    length: int, begins: int, timing: list[bool]
) -> None:
    make = BalanceDeltas()
    old, new = list(range(length)), list(range(min(begins, length), length))
    overlap = Overlap(OLD)
    out: list[StreamEvent] = []
    for is_old in [*timing, *[True] * length, *[False] * length]:
        queue, side = (old, OLD) if is_old else (new, NEW)
        if queue:
            out += overlap.take(make(queue.pop(0)), side)
    out += overlap.end_old()
    assert out == [make(number) for number in range(length)]


class BalanceDeltas:
    """Events without a number of their own."""

    def __call__(self, number: int) -> BalanceDelta:
        return BalanceDelta(asset="BTC", amount=Decimal(number), time_ns=1)
