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
_LONGEST_INTEGER: Final = 40
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_UNQUOTED_PAIRS: Final = re.compile(r"[A-Za-z0-9_.~=&-]*")


def read_json(body: bytes | str) -> Any:
    """Read JSON whose numbers keep their digits: fractions as Decimal, others as int.

    Raises:
        ValueError: Not JSON; NaN or infinity; a number beyond sane size; a member twice in one
            object; nesting deeper than 64; half of a surrogate pair, which no file or socket takes.
    """
    try:
        raw = body.encode() if isinstance(body, str) else body
        value = _QUICK.decode(raw)
        members = _members(value, _DEEPEST)
        # Every member has a colon of its own. As many colons as different members: none twice.
        if members == raw.count(b":") or members == sum(map(raw.count, _COLONS)):
            return value
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # the strict reader judges, and names the fault
    return _read_strictly(body)


def _read_strictly(body: bytes | str) -> Any:
    text = body.decode() if isinstance(body, bytes) else body
    try:
        value = _STRICT.decode(text)
    except RecursionError:
        msg = "JSON nested too deeply"
        raise ValueError(msg) from None
    # What opens fewer brackets than that cannot be nested deeper.
    if text.count("{") + text.count("[") > _DEEPEST:
        _check_depth(value, _DEEPEST)
    if _SURROGATE.search(text) is not None:
        _check_text(value)
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
    listed = list(pairs)
    text = "&".join(["=".join(pair) for pair in listed])
    # Nearly all of what exchanges are sent needs no quoting, and asking once for all of it is
    # cheap. A name or value with a separator of its own shows in the counts.
    if (
        _UNQUOTED_PAIRS.fullmatch(text)
        and text.count("=") == len(listed)
        and text.count("&") == len(listed) - 1
    ):
        return text
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in listed])


def _quoted(text: str) -> str:
    return text if _UNQUOTED.fullmatch(text) else quote(text, safe="-_.~")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
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


def _members(value: Any, left: int) -> int:
    """Count the members of all objects, each name once; ValueError for what is not sane."""
    kind = type(value)
    if kind is int:
        # Cut by the number, not by its digits: what lies near the bound is for the strict reader.
        if not -_LARGEST_QUICK < value < _LARGEST_QUICK:
            msg = "number too long"
            raise ValueError(msg)
        return 0
    if kind is not dict and kind is not list:
        return 0
    if left < 0:
        msg = "JSON nested too deeply"
        raise ValueError(msg)
    inner = value
    count = 0
    if kind is dict:
        inner = value.values()
        count = len(value)
    for member in inner:
        # Most are text, which needs no look and no call.
        if type(member) is not str:
            count += _members(member, left - 1)
    return count


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


def _check_text(value: Any) -> None:
    """Refuse text that is none of Unicode: what is kept, logged or sent on would fail there."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            msg = "half of a surrogate pair"
            raise ValueError(msg) from None
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name)
            _check_text(member)
    elif isinstance(value, list):
        for member in value:
            _check_text(member)


# The same grammar and the same values, several times faster; what it lets pass is asked after:
# integers without end, a member that stands twice.
_QUICK: Final = msgspec.json.Decoder(float_hook=decimal_from_text)
_LARGEST_QUICK: Final = 10 ** (_LONGEST_INTEGER - 2)
# What can stand before the colon of a member: colons inside of texts, as in times, do not count.
_COLONS: Final = (b'":', b" :", b"\t:", b"\n:", b"\r:")
# Made once: `json.loads` with these arguments would make one for every call.
_STRICT: Final = json.JSONDecoder(
    parse_float=decimal_from_text,
    parse_int=_integer,
    parse_constant=_no_constant,
    object_pairs_hook=_object,
)

Number = Decimal | int
"""What `read_json` makes of a JSON number."""
