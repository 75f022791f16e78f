"""Reading JSON as exchanges write it, strictly, and writing query strings."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

import msgspec

from venuekit.model import decimal_from_text

T = TypeVar("T")

_DEEPEST: Final = 64
_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.~-]*")


def read_json(body: bytes | str) -> Any:
    """Read JSON whose numbers keep their digits: fractions as Decimal, others as int.

    Raises:
        ValueError: Not JSON; NaN or infinity; a number beyond sane size; a member twice in one
            object; nesting deeper than 64.
    """
    text = body.decode() if isinstance(body, bytes) else body
    try:
        value = _STRICT.decode(text)
    except RecursionError:
        msg = "JSON nested too deeply"
        raise ValueError(msg) from None
    # What opens fewer brackets than that cannot be nested deeper.
    if text.count("{") + text.count("[") > _DEEPEST:
        _check_depth(value, _DEEPEST)
    return value


def read_typed(body: bytes | str, decoder: "msgspec.json.Decoder[T]") -> T:
    """Read JSON into the type of a msgspec decoder, for large or frequent messages.

    Faster than `read_json`; a member that stands twice takes its last value. Amounts are best
    declared as `str` and read with `decimal_from_text`.

    Raises:
        ValueError: Not JSON, or not of that type; the message names the place.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = str(error)
        raise ValueError(msg) from None


def query_string(pairs: Iterable[tuple[str, str]]) -> str:
    """Write `name=value` pairs, percent-encoded by RFC 3986 as UTF-8, in the order given."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in pairs])


def _quoted(text: str) -> str:
    # Nearly all of what exchanges are sent needs no quoting, and asking is ten times cheaper.
    return text if _UNQUOTED.fullmatch(text) else quote(text, safe="-_.~")


def _integer(text: str) -> int:
    if len(text) > 40:
        msg = f"number too long: {text[:20]}…"
        raise ValueError(msg)
    return int(text)


def _no_constant(text: str) -> NoReturn:
    msg = f"{text} is not a JSON number"
    raise ValueError(msg)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        msg = "a member stands twice in one object"
        raise ValueError(msg)
    return members


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        msg = "JSON nested too deeply"
        raise ValueError(msg)
    if isinstance(value, dict):
        for member in value.values():
            _check_depth(member, left - 1)
    elif isinstance(value, list):
        for member in value:
            if isinstance(member, (dict, list)):
                _check_depth(member, left - 1)


# Made once: `json.loads` with these arguments would make one for every call.
_STRICT: Final = json.JSONDecoder(
    parse_float=decimal_from_text,
    parse_int=_integer,
    parse_constant=_no_constant,
    object_pairs_hook=_object,
)

Number = Decimal | int
"""What `read_json` makes of a JSON number."""
