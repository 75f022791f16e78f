"""The error table decides by code, then by text; what it does not list is never harmless."""

from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import Advice, Outcome
from venuekit.plugin import ErrorTable, Row, clean

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
