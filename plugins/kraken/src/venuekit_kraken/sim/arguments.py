"""Arguments of a request, from a form, from JSON or from a socket, read one by one.

A form has text only; JSON may have numbers, truth values, lists and objects. Nested members of a
form are spelled `close[ordertype]` and are gathered into an object here.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import unquote_plus

from venuekit_kraken.sim.refusals import BAD_REQUEST, Refusal, invalid
from venuekit_kraken.sim.wire import loads, time_from_rfc3339

_NESTED: Final = re.compile(r"(\w+)\[(\w*)\]", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,15})?|[+-]?\.[0-9]{1,15}", re.ASCII)
_SMALLEST_INT32: Final = -(2**31)
_GREATEST_INT32: Final = 2**31 - 1


def form_members(raw: bytes) -> dict[str, Any]:
    """Read a query or a form."""
    members: dict[str, Any] = {}
    for pair in raw.decode("utf-8", "surrogateescape").split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        key, text = unquote_plus(name), unquote_plus(value)
        nested = _NESTED.fullmatch(key)
        if nested is None:
            members[key] = text
        elif nested[2]:
            inner = members.setdefault(nested[1], {})
            if not isinstance(inner, dict):
                raise Refusal(BAD_REQUEST)
            inner[nested[2]] = text
        else:
            members.setdefault(nested[1], []).append(text)
    return members


def json_members(raw: bytes) -> dict[str, Any]:
    """Read a JSON body, which is one object."""
    try:
        data = loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(BAD_REQUEST) from None
    if not isinstance(data, dict):
        raise Refusal(BAD_REQUEST)
    return data


class Arguments:
    """The members of a request by name, given as what they should be or refused."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = {name: value for name, value in members.items() if value is not None}

    def __contains__(self, name: object) -> bool:
        return name in self.members and self.members[str(name)] != ""

    def text(self, name: str) -> str | None:
        """Give a text; a number is one, too."""
        value = self.members.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise invalid(name)
        return f"{value:f}" if isinstance(value, Decimal) else str(value)

    def sure_text(self, name: str) -> str:
        """Give a text that must be there."""
        text = self.text(name)
        if text is None:
            raise invalid(name)
        return text

    def choice(self, name: str, choices: Iterable[str], default: str | None = None) -> str:
        """Give one of some words; without a default it must be there."""
        text = self.text(name)
        if text is None:
            text = default
        if text is None or text not in choices:
            raise invalid(name)
        return text

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give a truth value."""
        value = self.members.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "1", "yes"}:
            return True
        if isinstance(value, str) and value.lower() in {"false", "0", "no"}:
            return False
        raise invalid(name)

    def integer(self, name: str) -> int | None:
        """Give a whole number."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise invalid(name) from None

    def int32(self, name: str) -> int | None:
        """Give a whole number of 32 bits with a sign."""
        value = self.integer(name)
        if value is not None and not _SMALLEST_INT32 <= value <= _GREATEST_INT32:
            raise invalid(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Give an exact number, never below zero."""
        text = self.text(name)
        if text is None:
            return None
        value = decimal_from(text)
        if value is None or value < 0:
            raise invalid(name)
        return value

    def time(self, name: str) -> int | None:
        """Give an RFC 3339 time in nanoseconds."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return time_from_rfc3339(text)
        except ValueError:
            raise invalid(name) from None

    def names(self, name: str) -> list[str]:
        """Give a list: of JSON, or a text with commas."""
        value = self.members.get(name)
        if value is None or value == "":
            return []
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value):
            return [str(each) for each in value]
        raise invalid(name)

    def group(self, name: str) -> "Arguments | None":
        """Give the members of an object."""
        value = self.members.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(name)
        return Arguments(value)

    def groups(self, name: str) -> "list[Arguments]":
        """Give a list of objects."""
        value = self.members.get(name)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise invalid(name)
        return [Arguments(each) for each in value]


def decimal_from(text: str) -> Decimal | None:
    """Read a number without exponent; `None` where it is none."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
