"""How the exchange writes numbers, times and identifiers.

Source: Coinbase Advanced Trade docs, 2026-06: amounts are decimal strings, times RFC 3339.
"""

import datetime as dt
import hashlib
import random
import uuid
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from venuekit.sim.money import ROUNDED

SECOND_NS: Final = 1_000_000_000
NO_TIME: Final = "0001-01-01T00:00:00Z"
"""What stands where there is no time."""
EPOCH: Final = "1970-01-01T00:00:00Z"
_encoder: Final = msgspec.json.Encoder()
_UNIT: Final = Decimal("1e-16")


def dumps(data: object) -> bytes:
    """Write JSON."""
    return _encoder.encode(data)


def digits(number: Decimal) -> str:
    """Write a number in plain digits, without zeros that say nothing."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def bare(number: Decimal) -> msgspec.Raw:
    """Write a number as JSON number, all its digits kept: a few members are no strings."""
    return msgspec.Raw(digits(number).encode())


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide to sixteen decimals; zero where there is nothing to divide by."""
    if not divisor:
        return Decimal(0)
    return ROUNDED.quantize(ROUNDED.divide(dividend, divisor), _UNIT)


def number_from(text: object) -> Decimal | None:
    """Read a decimal string; `None` when it is no finite number."""
    if not isinstance(text, str) or not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def rfc3339(at_ns: int, *, places: int = 6) -> str:
    """Write a moment with `places` decimals of a second."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    fraction = f".{rest:09}"[: places + 1] if places else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def moment_from(text: object) -> int | None:
    """Read an RFC 3339 time as nanoseconds; `None` when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1_000


def go_time(at_ns: int, since_ns: int) -> str:
    """Write a moment as the language of the exchange's servers prints it: no RFC 3339."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    running, part = divmod(max(0, at_ns - since_ns), SECOND_NS)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest:09} +0000 UTC m=+{running}.{part:09}"


def new_uuid(rng: random.Random) -> str:
    """Make up an identifier."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def uuid_of(*parts: object) -> str:
    """Give the identifier that always belongs to these names."""
    made = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=made, version=4))
