"""What was read out of a recording, as text that can be kept and compared."""

import enum
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from venuekit.testing.recording.places import CASSETTE, MODELS
from venuekit.testing.recording.provenance import RecordingError


def models_file(cassette: Path) -> Path:
    """Give the file beside a cassette with what was read out of it."""
    return cassette.with_name(cassette.name.removesuffix(CASSETTE) + MODELS)


def kept_models(cassette: Path) -> Any:
    """Read what a cassette gave when it was recorded.

    Raises:
        RecordingError: It is not kept, or is no JSON.
    """
    file = models_file(cassette)
    try:
        return json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        said = f'{file}: the models of this cassette are missing; "venuekit record" writes them'
        raise RecordingError(said) from None
    except ValueError as error:
        raise RecordingError(f"{file}: no JSON: {error}") from None


def models_text(models: Mapping[str, Any]) -> str:
    """Write what was read, for a file."""
    return json.dumps(models, indent=1, ensure_ascii=False) + "\n"


def as_text(value: Any) -> Any:
    """Give a model as JSON can hold it: amounts by their digits, types by their names."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return str(value)
        case enum.Enum():
            return value.value
        case Mapping():
            return {str(as_text(name)): as_text(each) for name, each in value.items()}
        case set() | frozenset():
            return sorted(as_text(each) for each in value)
        case list() | tuple():
            return [as_text(each) for each in value]
    if attrs.has(type(value)):
        fields = [f.name for f in attrs.fields(type(value)) if not f.name.startswith("_") and f.eq]
        return {
            "is": type(value).__name__,
            **{name: as_text(getattr(value, name)) for name in fields},
        }
    if hasattr(value, "values"):  # Instruments
        return [as_text(each) for each in value.values()]
    return str(value)


def differences(expected: Any, seen: Any, where: str = "$") -> Iterator[str]:
    """Tell where two such texts differ, a line for each place."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        for name in [*expected, *(n for n in seen if n not in expected)]:
            place = f"{where}.{name}"
            if name not in seen:
                yield f"{place}: expected {_cut(expected[name])}, and it is not there"
            elif name not in expected:
                yield f"{place}: not expected, and it is {_cut(seen[name])}"
            else:
                yield from differences(expected[name], seen[name], place)
    elif isinstance(expected, list) and isinstance(seen, list):
        if len(expected) != len(seen):
            yield f"{where}: expected {len(expected)} of them, and there are {len(seen)}"
        for number, (one, other) in enumerate(zip(expected, seen, strict=False)):
            yield from differences(one, other, f"{where}[{number}]")
    elif expected != seen or type(expected) is not type(seen):
        yield f"{where}: expected {_cut(expected)}, seen {_cut(seen)}"


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
