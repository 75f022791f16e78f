"""Where a recording comes from: a recording without that proves nothing."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from venuekit.model import VenuekitError

MADE: Final = ("live", "testnet", "simulator", "documentation")
"""How a recording may have been made."""
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class RecordingError(VenuekitError):
    """A recording that cannot be read, matched or written: says where, why, and what to do."""


def _names(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _texts(value: Mapping[str, Any]) -> Mapping[str, str]:
    return {str(name): str(each) for name, each in value.items()}


@attrs.frozen(kw_only=True)
class Provenance:
    """Where, when and how a recording was made."""

    exchange: str
    environment: str
    made: str
    """One of `MADE`."""
    recorded_at: str
    """UTC, to the second: 2026-11-23T14:00:00Z."""
    began_ns: int
    """The exchange's clock when it began, in nanoseconds since the epoch: a replay begins there."""
    versions: Mapping[str, str] = attrs.field(converter=_texts)
    """Of venuekit, the plugin, Python and aiohttp."""
    scrubbed: tuple[str, ...] = attrs.field(converter=_names)
    """Names of what was taken out."""
    edited: str = ""
    """Why it was changed by hand; empty where it is as it came."""

    def as_data(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {**attrs.asdict(self), "scrubbed": list(self.scrubbed)}


def provenance_from(data: object, where: str) -> Provenance:
    """Read a provenance.

    Raises:
        RecordingError: A part is missing, unknown, or of the wrong kind.
    """
    if not isinstance(data, dict):
        raise RecordingError(
            f"{where}: no provenance, so nobody knows what it shows; record it again with "
            '"venuekit record"'
        )
    fields = {field.name: field for field in attrs.fields(Provenance)}
    faults = [f"{name} is missing" for name in fields if name not in data and name != "edited"]
    faults += [f"{name} is not known" for name in data if name not in fields]
    if not faults:
        faults = _faults(data)
    if faults:
        raise RecordingError(f"{where}: its provenance is wrong: {'; '.join(faults)}")
    return Provenance(**data)


def _faults(data: Mapping[str, Any]) -> list[str]:
    faults = []
    if data["made"] not in MADE:
        faults.append(f"made is {data['made']!r}, and not one of {', '.join(MADE)}")
    if not isinstance(data["began_ns"], int) or isinstance(data["began_ns"], bool):
        faults.append("began_ns is no whole number")
    if not _MOMENT.fullmatch(str(data["recorded_at"])):
        faults.append(f"recorded_at is {data['recorded_at']!r}, and not like 2026-11-23T14:00:00Z")
    if not isinstance(data["versions"], dict):
        faults.append("versions is no object")
    if not isinstance(data["scrubbed"], list):
        faults.append("scrubbed is no list")
    faults += [
        f"{name} is no text"
        for name in ("exchange", "environment", "edited")
        if not isinstance(data.get(name, ""), str)
    ]
    return faults
