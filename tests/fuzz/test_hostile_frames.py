"""Whatever comes in, a reader gives events or refuses; it never fails in another way."""

import sys
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SHAPES, Target, exchanges, first_of_each, targets
from venuekit.testing.conformance.bending import TOKENS, each_bent, hostile, parsed, written

MEMORY = 64
"""A frame costs at most so many times its size, and what is small at most `SMALL` bytes."""
SMALL = 200_000
CALLS = 1.0
"""Of Python functions, for each byte at most."""
SIZE = 60_000
PROFILE = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def tame(target: Target, body: bytes) -> None:
    """Read; everything but the one error of a reader comes through."""
    try:
        target.read(body)
    except UnicodeEncodeError:
        raise AssertionError("text that cannot be said or logged came through") from None
    except ValueError as error:
        str(error).encode()


@pytest.mark.parametrize("exchange", exchanges())
def test_the_good_texts_are_good(exchange: str) -> None:
    for target in targets(exchange):
        for text in target.texts:
            target.read(text.encode())
            assert written(parsed(text)) == written(parsed(written(parsed(text))))


@pytest.mark.parametrize("exchange", exchanges())
@given(data=st.data())
@PROFILE
def test_a_bent_frame_gives_events_or_is_refused(exchange: str, data: st.DataObject) -> None:
    found = [target for target in targets(exchange) if not target.name.startswith("answers to")]
    _bend(data, found)


@pytest.mark.parametrize("exchange", exchanges())
@given(data=st.data())
@PROFILE
def test_a_bent_answer_is_read_or_refused(exchange: str, data: st.DataObject) -> None:
    found = [target for target in targets(exchange) if target.name.startswith("answers to")]
    _bend(data, found)


def _bend(data: st.DataObject, found: list[Target]) -> None:
    target = data.draw(st.sampled_from(found))
    tame(target, hostile(target.texts, lambda n: data.draw(st.integers(0, n - 1))))


@pytest.mark.parametrize("exchange", exchanges())
def test_each_hostile_value_in_each_place_of_a_frame_is_read_or_refused(exchange: str) -> None:
    """All of them, one at a time: none is left to chance."""
    short = [token for token in TOKENS if len(token) < 100]
    tried = 0
    for target in targets(exchange):
        if target.name.startswith("frames"):
            for text in target.texts:
                for body in each_bent(text, short):
                    tame(target, body)
                    tried += 1
    assert tried > 1000


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("exchange", exchanges())
def test_memory_and_work_are_bounded_by_the_size_of_a_frame(exchange: str, shape: str) -> None:
    body = SHAPES[shape](SIZE)
    for target in first_of_each(targets(exchange)):
        tame(target, body)  # what is made once is not counted
        tracemalloc.start()
        try:
            tame(target, body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak <= SMALL + MEMORY * len(body), target.name
        assert _calls(target, body) <= 200 + CALLS * len(body), target.name


def _calls(target: Target, body: bytes) -> int:
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        tame(target, body)
    finally:
        sys.setprofile(before)
    return count
