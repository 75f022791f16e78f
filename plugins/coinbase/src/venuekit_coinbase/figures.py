"""Figures as Coinbase writes them: amounts in text, moments in RFC 3339, seconds in text."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from venuekit.model import decimal_from_text, plain

Figure = str | Decimal | int
"""An amount on the wire: text, but for a few numbers in fee summaries and previews."""
_NS: Final = 1_000_000_000
_MOMENT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,11}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
NO_MOMENT: Final = "0001-01-01T00:00:00Z"
"""How the socket writes that there is no such moment."""


def amount(value: Figure) -> Decimal:
    """Read an amount that is never negative.

    Raises:
        ValueError: It is no plain number of sane size, or below zero.
    """
    number = signed(value)
    if number < 0:
        msg = f"an amount below zero: {str(value)[:40]!r}"
        raise ValueError(msg)
    return number


def signed(value: Figure) -> Decimal:
    """Read an amount that may be negative; raises ValueError."""
    if isinstance(value, str):
        return decimal_from_text(value)
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        msg = f"{type(value).__name__} where a number belongs"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
    if isinstance(value, Decimal) and not value.is_finite():
        msg = f"not a number: {value}"
        raise ValueError(msg)
    return Decimal(value)


def positive(value: Figure | None) -> Decimal | None:
    """Read an amount for which Coinbase writes zero, no text or nothing when there is none."""
    return None if value is None or value == "" else amount(value) or None


def seconds_ns(text: str) -> int:
    """Turn seconds since the epoch, in text, into nanoseconds; raises ValueError."""
    if _SECONDS.fullmatch(text) is None:
        msg = f"not a time in seconds: {text[:40]!r}"
        raise ValueError(msg)
    return int(text) * _NS


def moment_ns(text: str) -> int:
    """Read a moment (RFC 3339, UTC), in nanoseconds since the epoch; raises ValueError."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        msg = f"not a time: {text[:40]!r}"
        raise ValueError(msg)
    whole = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * _NS + int((found[2] or "").ljust(9, "0"))


def some_moment_ns(text: str | None) -> int | None:
    """Read a moment that may be absent, which is also written as the year 1; raises ValueError."""
    return None if not text or text == NO_MOMENT else moment_ns(text)


def moment_text(time_ns: int) -> str:
    """Write a moment as Coinbase reads it, cut to microseconds."""
    whole = datetime.fromtimestamp(time_ns // _NS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{time_ns % _NS // 1000:06d}Z"


def number_text(name: str, value: Decimal) -> str:
    """Write an amount with all its digits; raises ValueError for one that cannot be meant."""
    text = plain(value)
    if _NUMBER.fullmatch(text) is None:
        msg = f"{name}={text}: up to 20 digits before and after the point, no sign"
        raise ValueError(msg)
    return text
