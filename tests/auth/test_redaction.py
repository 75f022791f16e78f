"""Secrets are found by value, however they are spelled."""

import base64
import copy
import io
import json
import logging
import pickle
import sys
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.auth import MARK, RedactingFilter, Redactor

CANARY = 'c4n4ry+s3cr3t/"Zm9v ü=='
SIGNATURE = "q1+W2e3R4t5Y6u7I8o9P0/a1S2d3F4g5H6j7K8l9Z0x1=="
PEM_LINES = ["MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSk", "AgEAAoIBAQDPrfWMr2yqxJgJ"]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *PEM_LINES, "-----END PRIVATE KEY-----"])


def fail(*words: str) -> None:
    raise ValueError(*words)


def spellings(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "plain": secret,
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
        "base64url without padding": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "base64 in a URL": quote(base64.b64encode(raw).decode(), safe=""),
        "URL": quote(secret, safe=""),
        "URL path": quote(secret),
        "form": quote_plus(secret),
        "JSON": json.dumps(secret)[1:-1],
        "JSON in UTF-8": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON with escaped slashes": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "repr": repr(secret)[1:-1],
    }


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.add(CANARY)
    return redactor


@pytest.mark.parametrize("spelling", spellings(""))
def test_a_secret_is_found_in_every_spelling(redactor: Redactor, spelling: str) -> None:
    shown = spellings(CANARY)[spelling]

    cleaned = redactor.clean(f"key={shown}&x=1")

    assert cleaned == f"key={MARK}&x=1"
    assert redactor.finds(shown)


@pytest.mark.parametrize("lead", ["", "u", "us", "user:"])
def test_a_secret_inside_of_a_longer_base64_text_is_found(redactor: Redactor, lead: str) -> None:
    whole = base64.b64encode(f"{lead}{CANARY}tail".encode()).decode()

    cleaned = redactor.clean(f"Authorization: Basic {whole}")

    assert MARK in cleaned
    left = cleaned.removeprefix("Authorization: Basic ").replace(MARK, "")
    assert len(left) < 16


@given(st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4), st.sampled_from(range(14)))
def test_any_secret_is_found_in_any_spelling(secret: str, which: int) -> None:
    redactor = Redactor()
    redactor.add(secret)
    shown = list(spellings(secret.strip()).values())[which]

    assert MARK in redactor.clean(f"<{shown}>")


def test_each_line_of_a_pem_is_a_secret() -> None:
    redactor = Redactor()
    redactor.add(PEM)

    for line in PEM_LINES:
        assert redactor.clean(f"E   {line}") == f"E   {MARK}"
    assert redactor.clean(repr(PEM)) == f"'{MARK}'"
    assert redactor.clean("".join(PEM_LINES)) == MARK


@pytest.mark.parametrize(
    "shown",
    [
        SIGNATURE,
        quote(SIGNATURE, safe=""),
        quote(SIGNATURE, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
        json.dumps(SIGNATURE)[1:-1].replace("/", "\\/"),
        SIGNATURE.replace("+", "-").replace("/", "_"),
    ],
)
def test_a_signature_is_found_in_every_spelling(redactor: Redactor, shown: str) -> None:
    redactor.note(SIGNATURE)

    assert redactor.clean(f"?a=1&signature={shown}&b=2") == f"?a=1&signature={MARK}&b=2"


def test_a_hex_signature_is_found_in_capitals(redactor: Redactor) -> None:
    redactor.note("ab" * 32)

    assert redactor.clean(f"signature={'AB' * 32}") == f"signature={MARK}"


def test_of_signatures_the_latest_thousand_are_known(redactor: Redactor) -> None:
    for number in range(2000):
        redactor.note(f"{number:064x}")

    assert redactor.clean(f"{1000:064x}") == MARK
    assert redactor.clean(f"{1:064x}") == f"{1:064x}"


def test_innocent_text_stays_as_it_is(redactor: Redactor) -> None:
    redactor.note(SIGNATURE)
    text = "GET https://api.example.com/api/v3/depth?symbol=BTCUSDT c4n4ry 0123456789abcdef" * 3

    assert redactor.clean(text) == text
    assert not redactor.finds(text)


@pytest.mark.parametrize("secret", ["", "abc", "  a   "])
def test_what_would_blank_innocent_text_is_not_taken(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 4"):
        Redactor().add(secret)


def test_the_redactor_itself_is_not_shown_pickled_or_copied(redactor: Redactor) -> None:
    assert repr(redactor) == "<Redactor>"
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds secrets"):
            duplicate(redactor)


# --- log records ---------------------------------------------------------------------------------


class Odd:
    def __repr__(self) -> str:
        return f"Odd({CANARY})"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError(CANARY)


@pytest.fixture
def logged(redactor: Redactor) -> Any:
    """Give a logger whose handler is filtered, and what it wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("test")  # noqa: LOG001  # one that no other test shares
    logger.addHandler(handler)
    return logger, stream


@pytest.mark.parametrize("spelling", spellings(""))
def test_messages_and_arguments_are_cleaned(logged: Any, spelling: str) -> None:
    logger, stream = logged
    shown = spellings(CANARY)[spelling]

    logger.info("bare " + shown)  # noqa: G003  # a message without arguments is the point
    logger.info("one %s", shown)
    logger.info("many %s %d", {"key": [shown]}, 7)
    logger.info("object %s", Odd())

    lines = stream.getvalue()
    assert lines.count(MARK) == 4
    assert shown not in lines


def test_the_text_of_exceptions_is_cleaned_with_all_that_is_chained_to_them(logged: Any) -> None:
    logger, stream = logged
    try:
        try:
            fail(f"signature for {CANARY}")
        except ValueError as inner:
            raise RuntimeError(CANARY) from inner
    except RuntimeError:
        logger.exception("it failed")

    text = stream.getvalue()
    assert CANARY not in text
    assert text.count(MARK) >= 2
    assert "RuntimeError" in text
    assert "it failed" in text


def test_a_dirty_exception_is_not_left_for_the_next_handler(redactor: Redactor) -> None:
    try:
        fail(CANARY)
    except ValueError:
        record = logging.makeLogRecord({"msg": "x", "exc_info": sys.exc_info()})

    assert RedactingFilter(redactor).filter(record)

    assert record.exc_info is None
    assert CANARY not in (record.exc_text or CANARY)


def test_a_clean_record_passes_untouched(redactor: Redactor) -> None:
    try:
        fail("innocent")
    except ValueError:
        info = sys.exc_info()
    record = logging.makeLogRecord({"msg": "a %s", "args": ("b",), "exc_info": info, "n": 7})
    before = dict(record.__dict__)

    assert RedactingFilter(redactor).filter(record)

    assert record.__dict__ == before


def test_extra_fields_and_stacks_are_cleaned(redactor: Redactor) -> None:
    record = logging.makeLogRecord(
        {
            "msg": "x",
            "stack_info": f"a {CANARY}",
            "url": f"?k={CANARY}",
            "odd": Odd(),
            "b": Broken(),
        }
    )

    RedactingFilter(redactor).filter(record)

    assert record.stack_info == f"a {MARK}"
    assert record.__dict__["url"] == f"?k={MARK}"
    assert record.__dict__["odd"] == f"Odd({MARK})"
    assert record.__dict__["b"] == MARK


def test_arguments_that_do_not_fit_are_cleaned_too(logged: Any) -> None:
    logger, stream = logged

    logger.info("no place for %d", CANARY)
    logger.info("broken %s", Broken())

    lines = stream.getvalue()
    assert CANARY not in lines
    assert lines.count(MARK) == 2


def test_arguments_that_the_message_does_not_show_are_dropped(redactor: Redactor) -> None:
    record = logging.makeLogRecord({"msg": "%(a)s", "args": {"a": 1, "secret": CANARY}})

    RedactingFilter(redactor).filter(record)

    assert record.getMessage() == "1"
    assert CANARY not in repr(record.__dict__)
