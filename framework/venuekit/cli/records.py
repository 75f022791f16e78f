"""Values as JSON: amounts as strings of all their digits, times as ISO 8601 in UTC."""

import datetime as dt
import enum
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from venuekit.model import Order, plain


def line(value: object) -> str:
    """Write `value` as JSON on one line of ASCII, so that no text in it can steer a terminal."""
    return json.dumps(record(value), ensure_ascii=True, separators=(", ", ": "))


def record(value: object) -> Any:
    """Turn a value into what JSON has. A `…time_ns` becomes `…time`, ISO 8601 to the nanosecond."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, enum.Enum):
        return value.value
    if attrs.has(type(value)) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): record(inner) for key, inner in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(record, value))
    if isinstance(value, (list, tuple)):
        return [record(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    return f"<{type(value).__name__}>"


def iso(time_ns: int) -> str:
    """Write a time as ISO 8601, UTC, with nine digits of a second."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    day = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _fields(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in attrs.fields(type(value)):
        if field.name.startswith("_"):
            continue
        inner = getattr(value, field.name)
        if _is_moment(field.name):
            name = field.name.removesuffix("_ns")
            found[name] = iso(inner) if isinstance(inner, int) else None
        else:
            found[field.name] = record(inner)
    if isinstance(value, Order):
        found["remaining"] = record(value.remaining)
        found["average_price"] = record(value.average_price)
        found["is_open"] = value.is_open
    return found


def _is_moment(name: str) -> bool:
    return name.endswith(("time_ns", "created_ns", "updated_ns"))
