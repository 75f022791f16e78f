"""The error table decides by code, then by text; what it does not list is never harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import Advice, Outcome
from venuekit.plugin import Answer, ErrorTable, Row, clean, unreadable_answer

TABLE = ErrorTable(
    rows={"-2010": Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="order.rejected")},
    texts={
        "-2010": [
            (
                "Duplicate",
                Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="order.duplicate_id"),
            )
        ]
    },
)


def test_a_text_tells_apart_what_shares_a_code() -> None:
    assert TABLE.failure("-2010", "Duplicate order.", is_write=True).reason == "order.duplicate_id"
    assert TABLE.failure("-2010", "Something", is_write=True).reason == "order.rejected"


def test_an_unlisted_code_leaves_the_effect_of_a_write_unknown() -> None:
    failure = TABLE.failure("-9", "?", is_write=True)
    assert (failure.outcome, failure.advice) == (Outcome.UNKNOWN, Advice.NEVER)
    assert not failure.is_documented


def test_an_unlisted_code_refuses_a_read() -> None:
    assert TABLE.failure("-9", "?", is_write=False).outcome is Outcome.REJECTED


def test_an_exchanges_words_cannot_drive_a_terminal() -> None:
    assert clean("a\x1b[31mred\x07\u202eback\r\n") == "a [31mred  back"


@given(st.text())
def test_cleaned_text_is_short_and_printable(text: str) -> None:
    assert len(clean(text)) <= 200
    assert all(c.isprintable() or c.isspace() for c in clean(text))


@pytest.mark.parametrize(
    ("status", "headers", "advice", "reason", "wait_s"),
    [
        (429, {}, Advice.AFTER_DELAY, "limit.exceeded", 2.0),
        (429, {"retry-after": "17"}, Advice.AFTER_DELAY, "limit.exceeded", 17.0),
        (429, {"retry-after": "-1"}, Advice.AFTER_DELAY, "limit.exceeded", 2.0),
        (429, {"retry-after": "999999"}, Advice.AFTER_DELAY, "limit.exceeded", 2.0),
        (429, {"retry-after": "\u0663"}, Advice.AFTER_DELAY, "limit.exceeded", 2.0),
        (500, {}, Advice.AGAIN, "exchange.unavailable", None),
        (599, {"retry-after": "17"}, Advice.AGAIN, "exchange.unavailable", None),
        (499, {}, Advice.NEVER, "answer.unreadable", None),
        (200, {}, Advice.NEVER, "answer.unreadable", None),
    ],
)
def test_of_what_cannot_be_read_the_status_says_what_to_do_next(
    status: int, headers: dict[str, str], advice: Advice, reason: str, wait_s: float | None
) -> None:
    answer = Answer(status=status, headers=headers, body=b"<html>\x1b[31m\xff</html>")
    failure = unreadable_answer(answer, is_write=True, wait_s=2.0)
    assert failure.outcome is Outcome.UNKNOWN
    assert (failure.advice, failure.reason, failure.retry_after_s) == (advice, reason, wait_s)
    assert failure.code == f"HTTP {status}"
    assert "\x1b" not in failure.text


@pytest.mark.parametrize(("status", "outcome"), [(404, Outcome.REJECTED), (500, Outcome.UNKNOWN)])
def test_a_read_that_cannot_be_read_had_no_effect_to_be_in_doubt_about(
    status: int, outcome: Outcome
) -> None:
    answer = Answer(status=status, body=b"")
    assert unreadable_answer(answer, is_write=False).outcome is outcome
