"""How the exchange writes: JSON, numbers with their digits, times.

REST has money in strings and times as numbers; the sockets have money as numbers without zeros at
their ends and times as RFC 3339. Source: Kraken API Center, REST and WebSocket v2 introductions.
"""

import datetime as dt
import json
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

import msgspec

SECOND_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
_WIDE: Final = Context(prec=100, rounding=ROUND_HALF_UP)
_encoder: Final = msgspec.json.Encoder()
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def Plain(text: str) -> msgspec.Raw:  # noqa: N802  reads as a value
    """Give a JSON number that is written as it stands here."""
    return msgspec.Raw(text.encode())


def number(value: Decimal) -> msgspec.Raw:
    """Write a JSON number as the sockets do.

    Zeros at the end are dropped, but for one after the point; what is small has an exponent.
    """
    if not value:
        return Plain("0.0")
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0")
        text += "0" if text.endswith(".") else ""
    else:
        text += ".0"
    if abs(value) < Decimal("0.0001"):
        sign, digits, exponent = value.normalize(_WIDE).as_tuple()
        assert isinstance(exponent, int)
        head, tail = str(digits[0]), "".join(map(str, digits[1:]))
        power = exponent + len(digits) - 1
        text = f"{'-' if sign else ''}{head}{'.' + tail if tail else ''}e-{-power:02}"
    return Plain(text)


def plain(value: Decimal, decimals: int) -> str:
    """Write a number with so many decimals, rounding half up."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE):f}"


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Round half up."""
    return value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE)


def dumps(data: object) -> bytes:
    """Write JSON."""
    return _encoder.encode(data)


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point keep their digits.

    Raises:
        ValueError: It is none.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def seconds(at_ns: int, digits: int = 4) -> msgspec.Raw:
    """Write a time as a JSON number of seconds, cut to so many digits."""
    whole, rest = divmod(at_ns, SECOND_NS)
    fraction = f"{rest:09}"[:digits].rstrip("0")
    return Plain(f"{whole}.{fraction}" if fraction else str(whole))


def rfc3339(at_ns: int) -> str:
    """Write a time to the microsecond."""
    whole, rest = divmod(at_ns, SECOND_NS)
    day = dt.datetime.fromtimestamp(whole, dt.UTC)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest // 1_000:06}Z"


def short_rfc3339(at_ns: int) -> str:
    """Write a time to the second."""
    return f"{dt.datetime.fromtimestamp(at_ns // SECOND_NS, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def rfc1123(at_ns: int) -> str:
    """Write a time as `Time` does: `Mon, 23 Nov 26 06:00:00 +0000`."""
    return f"{dt.datetime.fromtimestamp(at_ns // SECOND_NS, dt.UTC):%a, %d %b %y %H:%M:%S +0000}"


def time_from_rfc3339(text: str) -> int:
    """Read a time, in nanoseconds.

    Raises:
        ValueError: It is no RFC 3339 time with a zone.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"no RFC 3339 time: {text!r}")
    date, clock, fraction, zone = match.groups()
    shift = "+00:00" if zone in "Zz" else zone
    moment = dt.datetime.fromisoformat(f"{date}T{clock}{shift}")
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    whole = (moment - epoch) // dt.timedelta(seconds=1)
    return whole * SECOND_NS + int((fraction or "").ljust(9, "0"))


def midnight(at_ns: int) -> int:
    """Give the beginning of the day, UTC."""
    return at_ns - at_ns % (_DAY_S * SECOND_NS)
