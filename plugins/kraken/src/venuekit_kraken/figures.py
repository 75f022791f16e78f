"""Figures as Kraken writes them: text over REST, numbers over the socket, two kinds of time."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from venuekit.model import decimal_from_text, plain

Figure = str | Decimal | int
"""An amount on the wire; `read_json` has kept the digits of JSON numbers."""
_NS: Final = 1_000_000_000
_LATEST_S: Final = 10**11
_MOMENT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?Z", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")


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
    _check_number(value)
    return Decimal(value)


def _check_number(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        msg = f"{type(value).__name__} where a number belongs"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
    if isinstance(value, Decimal) and not value.is_finite():
        msg = f"not a number: {value}"
        raise ValueError(msg)


def positive(value: Figure | None) -> Decimal | None:
    """Read an amount for which Kraken writes zero, or nothing, when there is none."""
    return None if value is None else amount(value) or None


def seconds_ns(value: Decimal | int) -> int:
    """Turn seconds since the epoch, with a fraction, into nanoseconds; raises ValueError."""
    _check_number(value)
    if not 0 <= value < _LATEST_S:
        msg = f"not a time in seconds: {value}"
        raise ValueError(msg)
    return int(Decimal(value) * _NS)


def moment_ns(text: str) -> int:
    """Read a moment as the socket writes it (RFC 3339, UTC), in nanoseconds; raises ValueError."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        msg = f"not a time: {text[:40]!r}"
        raise ValueError(msg)
    whole = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * _NS + int((found[2] or "").ljust(9, "0"))


def moment_text(time_ns: int) -> str:
    """Write a moment as Kraken reads it, cut to milliseconds."""
    whole = datetime.fromtimestamp(time_ns // _NS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{time_ns % _NS // 1_000_000:03d}Z"


def number_text(name: str, value: Decimal) -> str:
    """Write an amount with all its digits; raises ValueError for what Kraken cannot read."""
    text = plain(value)
    if _NUMBER.fullmatch(text) is None:
        msg = f"{name}={text}: Kraken reads up to 20 digits before and after the point, no sign"
        raise ValueError(msg)
    return text
