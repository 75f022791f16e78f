"""Answers and frames read member by member; whatever is not as it should be is named.

Exchanges write amounts as text and as numbers, times in seconds, milliseconds and words, and leave
members out. Each reader here takes the forms that mean the same, keeps every digit, and raises a
`ValueError` that tells the place: `$.bids[3]: no pair of price and quantity: ['1.0']`.
"""

import calendar
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from venuekit.model import Level, decimal_from_text
from venuekit.plugin.call import Answer
from venuekit.plugin.wire import read_json

T = TypeVar("T")

_SHOWN: Final = 40
_WHOLE: Final = re.compile(r"-?\d{1,30}", re.ASCII)
_MOMENT: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_MOST_DECIMALS: Final = 20
_NS: Final = 1_000_000_000
_LAST_NS: Final = 10**19
"""In the year 2286: a time beyond it was read in the wrong unit."""


class Members:
    """One JSON object, read member by member."""

    __slots__ = ("_place", "_value")

    def __init__(self, value: object, place: str = "$") -> None:
        """Read `value`, which stands at `place` for who is told of a fault.

        Raises:
            ValueError: It is no object.
        """
        if not isinstance(value, dict):
            raise _fault(place, "no object", value)
        self._value: dict[str, Any] = value
        self._place = place

    @classmethod
    def of(cls, body: Answer | bytes | str) -> "Members":
        """Read an answer, or a frame, that is one object; raises ValueError."""
        return cls(read_json(body.body if isinstance(body, Answer) else body))

    @classmethod
    def list_of(cls, body: Answer | bytes | str) -> list["Members"]:
        """Read an answer, or a frame, that is a list of objects; raises ValueError."""
        return _rows(read_json(body.body if isinstance(body, Answer) else body), "$")

    def __repr__(self) -> str:
        """Name the place, and show no value: answers hold what is private."""
        return f"<Members {self._place}: {', '.join(self._value)}>"

    def __contains__(self, name: str) -> bool:
        """Say whether a member is there and is not null."""
        return self._value.get(name) is not None

    def raw(self, name: str) -> Any:
        """Give a member as JSON has it; raises ValueError if it is not there."""
        try:
            return self._value[name]
        except KeyError:
            raise ValueError(f"{self._place}.{name}: is missing") from None

    def text(self, name: str) -> str:
        """Give a text that is not empty; a whole number counts as its digits."""
        value = self.raw(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value:
            raise self._fault(name, "no text", value)
        return value

    def text_or_none(self, name: str) -> str | None:
        """Give a text, or None where it is missing, null or empty."""
        return None if self._value.get(name) in (None, "") else self.text(name)

    def number(self, name: str) -> Decimal:
        """Give a number, written as text or as a number, with all its digits and its sign."""
        value = self.raw(name)
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        try:
            return decimal_from_text(value)
        except (TypeError, ValueError):
            raise self._fault(name, "no number", value) from None

    def amount(self, name: str) -> Decimal:
        """Give a number that is not negative."""
        value = self.number(name)
        if value < 0:
            raise self._fault(name, "below zero", value)
        return value

    def amount_or_none(self, name: str) -> Decimal | None:
        """Give an amount, or None where it is missing, null or empty."""
        return None if self._value.get(name) in (None, "") else self.amount(name)

    def amounts(self, *names: str) -> dict[str, Decimal]:
        """Give amounts by their names, for a model that calls them the same."""
        return {name: self.amount(name) for name in names}

    def integer(self, name: str) -> int:
        """Give a whole number, written as text or as a number."""
        value = self.raw(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or _WHOLE.fullmatch(value) is None:
            raise self._fault(name, "no whole number", value)
        return int(value)

    def step(self, name: str) -> Decimal:
        """Give the step of so many decimals, 0 to 20: 0.01 for 2."""
        decimals = self.integer(name)
        if not 0 <= decimals <= _MOST_DECIMALS:
            raise self._fault(name, "no number of decimals", decimals)
        return Decimal(1).scaleb(-decimals)

    def time_ns(self, name: str, *, unit_ns: int) -> int:
        """Give a moment as nanoseconds since the epoch.

        Args:
            name: A number of units since the epoch, with or without a fraction.
            unit_ns: Nanoseconds in one: 10**9 for seconds, 10**6 for milliseconds.
        """
        found = int(self.number(name) * unit_ns)
        if not 0 < found < _LAST_NS:
            raise self._fault(name, "no time since the epoch", self.raw(name))
        return found

    def moment_ns(self, name: str) -> int:
        """Give a moment that is written by ISO 8601, with `T` or a blank, as nanoseconds.

        One without an offset is in UTC.
        """
        value = self.text(name)
        found = _MOMENT.fullmatch(value)
        if found is None or not _is_on_clocks(found):
            raise self._fault(name, "no moment", value)
        whole = calendar.timegm(tuple(int(part) for part in found.groups()[:6]))
        offset = found[8] or "Z"
        if offset != "Z":
            minutes = int(offset[1:3]) * 60 + int(offset[-2:])
            whole -= minutes * 60 if offset[0] == "+" else -minutes * 60
        return whole * _NS + int((found[7] or "").ljust(9, "0"))

    def one_of(self, name: str, meanings: Mapping[str, T]) -> T:
        """Give what a text means; one that is not among the `meanings` is a fault."""
        value = self.text(name)
        if value not in meanings:
            raise self._fault(name, f"none of {', '.join(meanings)}", value)
        return meanings[value]

    def members(self, name: str) -> "Members":
        """Give a member that is an object itself."""
        return Members(self.raw(name), f"{self._place}.{name}")

    def rows(self, name: str) -> list["Members"]:
        """Give a member that is a list of objects."""
        return _rows(self.raw(name), f"{self._place}.{name}")

    def levels(self, name: str, *, depth: int | None = None) -> tuple[Level, ...]:
        """Give a side of a book: a list of lists that begin with price and quantity.

        Args:
            name: Of the list.
            depth: Read so many at most; all if None.
        """
        value = self.raw(name)
        if not isinstance(value, list):
            raise self._fault(name, "no list", value)
        return tuple(
            _level(pair, f"{self._place}.{name}[{i}]") for i, pair in enumerate(value[:depth])
        )

    def _fault(self, name: str, what: str, value: object) -> ValueError:
        return _fault(f"{self._place}.{name}", what, value)


def _rows(value: object, place: str) -> list[Members]:
    if not isinstance(value, list):
        raise _fault(place, "no list", value)
    return [Members(row, f"{place}[{i}]") for i, row in enumerate(value)]


def _level(pair: object, place: str) -> Level:
    if not isinstance(pair, list) or len(pair) < 2:
        raise _fault(place, "no pair of price and quantity", pair)
    level = Members({"price": pair[0], "quantity": pair[1]}, place)
    return level.amount("price"), level.amount("quantity")


def _is_on_clocks(found: re.Match[str]) -> bool:
    """Say whether such a moment exists; a leap second does not, as nobody sends one."""
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    return (
        1970 <= year < 2286
        and 1 <= month <= 12
        and 1 <= day <= calendar.monthrange(year, month)[1]
        and hour < 24
        and minute < 60
        and second < 60
    )


def _fault(place: str, what: str, value: object) -> ValueError:
    shown = repr(value)
    return ValueError(f"{place}: {what}: {shown[:_SHOWN] + ('…' if len(shown) > _SHOWN else '')}")
