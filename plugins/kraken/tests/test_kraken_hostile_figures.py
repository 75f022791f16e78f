"""Figures that are none: a reader refuses them by the one error that it may raise."""

from decimal import Decimal
from typing import Any

import pytest

from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.figures import seconds_ns, signed


@pytest.mark.parametrize("value", [None, True, [], [0, [1, 2], 0], {}, (0, (1,), 0), 1.5])
def test_what_is_no_number_is_refused_as_such(value: Any) -> None:
    with pytest.raises(ValueError, match="where a number belongs"):
        signed(value)
    with pytest.raises(ValueError, match="where a number belongs"):
        seconds_ns(value)
    assert signed(Decimal(-1)) == -1


@pytest.mark.parametrize("text", ["NaN", "sNaN1", "Infinity", "-Infinity"])
def test_a_moment_that_is_no_number_is_refused(text: str) -> None:
    """The form of an answer lets texts through where it asks for a Decimal."""
    with pytest.raises(ValueError, match="not a number"):
        seconds_ns(Decimal(text))


def test_an_answer_nested_without_end_names_no_message_and_is_refused(
    adapter: KrakenAdapter,
) -> None:
    with pytest.raises(ValueError, match="recursion"):
        adapter.answered('{"a":' * 10_000 + "1" + "}" * 10_000)
