"""Tapes: recorded WebSocket conversations, a line of JSON for each event.

The first line is a header: format, provenance, number of events and SHA-256 of all that follows.
Then one event a line: `t` microseconds since the beginning, `c` the connection's number, `d` what
happened: `open`, `>` sent, `<` received, `close`. Frames stand as they came, digit by digit.
"""

import enum
import gzip
import hashlib
import itertools
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from venuekit.testing.recording.provenance import Provenance, RecordingError, provenance_from

FORMAT: Final = 1
_LARGEST: Final = 256 * 1024 * 1024
"""Bytes of a tape that is read, unpacked."""


class Way(enum.Enum):
    """What happened."""

    OPEN = "open"
    SENT = ">"
    RECEIVED = "<"
    CLOSE = "close"


@attrs.frozen(kw_only=True)
class TapeEvent:
    """One thing that happened on one connection."""

    at_us: int
    """Microseconds since the tape began, >= 0 and never falling."""
    connection: int
    way: Way
    text: str = ""
    """The frame; for OPEN the host's name and the path; for CLOSE the reason."""
    code: int = 0
    """Of a CLOSE: 1006 where no close frame came."""
    by_us: bool = False
    """Of a CLOSE: whether it was ours."""

    def as_data(self) -> dict[str, Any]:
        """Give it for JSON."""
        data: dict[str, Any] = {"t": self.at_us, "c": self.connection, "d": self.way.value}
        if self.text or self.way in {Way.SENT, Way.RECEIVED}:
            data["text"] = self.text
        if self.way is Way.CLOSE:
            data |= {"code": self.code, "by": "us" if self.by_us else "peer"}
        return data


@attrs.frozen(kw_only=True)
class Tape:
    """A conversation, whole."""

    provenance: Provenance
    events: Sequence[TapeEvent]

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return self.events[-1].at_us / 1e6 if self.events else 0.0

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return sum(event.way is Way.OPEN for event in self.events)

    def frames(self, way: Way = Way.RECEIVED) -> list[str]:
        """List the frames of one direction, in order."""
        return [event.text for event in self.events if event.way is way]


def tape_text(tape: Tape) -> str:
    """Write a tape."""
    lines = "".join(f"{_dumped(event.as_data())}\n" for event in tape.events)
    header = {
        "tape": FORMAT,
        **tape.provenance.as_data(),
        "frames": len(tape.events),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
    return f"{_dumped(header)}\n{lines}"


def read_tape(file: Path) -> Tape:
    """Read a tape, packed with gzip where its name ends so.

    Raises:
        RecordingError: It is not there, is no tape, or was changed after it was recorded.
    """
    return tape_from_text(content_of(file), str(file))


def tape_from_text(text: str, where: str) -> Tape:
    """Read a tape; raises RecordingError."""
    first, _, rest = text.partition("\n")
    header = _object(first, f"{where}, line 1")
    if header.pop("tape", None) != FORMAT:
        raise RecordingError(f'{where}, line 1: no tape of format {FORMAT}; "tape" is missing')
    frames, digest = header.pop("frames", None), header.pop("sha256", None)
    provenance = provenance_from(header, f"{where}, line 1")
    if hashlib.sha256(rest.encode()).hexdigest() != digest:
        raise RecordingError(
            f"{where}: what it holds is not what was recorded. Record it again; or, if it was "
            "changed on purpose, seal it anew with venuekit.testing.recording.reseal(file, why)"
        )
    events = [_event(line, f"{where}, line {n}") for n, line in enumerate(_lines(rest), 2)]
    if len(events) != frames:
        raise RecordingError(f"{where}: {len(events)} events, and {frames} are announced")
    for number, (one, other) in enumerate(itertools.pairwise(events), 3):
        if other.at_us < one.at_us:
            raise RecordingError(f"{where}, line {number}: time runs backwards")
    return Tape(provenance=provenance, events=tuple(events))


def reseal(file: Path, why: str) -> None:
    """Give a tape that was changed by hand a new hash, and say in it why.

    Raises:
        RecordingError: It cannot be read, or there is no reason.
    """
    if not why.strip():
        raise RecordingError(f"{file}: an edited tape says why it was edited")
    first, _, rest = content_of(file).partition("\n")
    header = _object(first, f"{file}, line 1")
    lines = [line for line in _lines(rest) if line.strip()]
    body = "".join(f"{line}\n" for line in lines)
    header |= {
        "edited": why.strip(),
        "frames": len(lines),
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
    }
    text = f"{_dumped(header)}\n{body}"
    tape_from_text(text, str(file))
    write(file, text)


def write(file: Path, text: str) -> None:
    """Write a recording, packed where its name ends in `.gz`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    file.write_bytes(gzip.compress(data, mtime=0) if file.suffix == ".gz" else data)


def content_of(file: Path) -> str:
    """Give the text of a recording, unpacked where its name ends in `.gz`.

    Raises:
        RecordingError: It is not there, broken, no text, or too large.
    """
    try:
        if file.suffix == ".gz":
            with gzip.open(file) as packed:
                data = packed.read(_LARGEST + 1)
        else:
            with file.open("rb") as plain:
                data = plain.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise RecordingError(f"{file}: larger than {_LARGEST >> 20} MiB; cut it into several")
        return data.decode()
    except FileNotFoundError:
        said = f'{file}: there is no such tape; "venuekit record" makes them'
        raise RecordingError(said) from None
    except UnicodeDecodeError as error:
        raise RecordingError(f"{file}: not UTF-8 at byte {error.start}: no tape") from None
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingError(f"{file}: cannot be read: {error}") from error


def _lines(text: str) -> list[str]:
    """Cut at line feeds alone: frames may hold what Unicode calls the end of a line."""
    return text.removesuffix("\n").split("\n") if text else []


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise RecordingError(f"{where}: no JSON: {line[:60]!r}") from None
    if not isinstance(data, dict):
        raise RecordingError(f"{where}: no object: {line[:60]!r}")
    return data


def _event(line: str, where: str) -> TapeEvent:
    data = _object(line, where)
    at, connection, way = data.get("t"), data.get("c"), data.get("d")
    text, code = data.get("text", ""), data.get("code", 0)
    known = {each.value: each for each in Way}
    if not (type(at) is int and at >= 0 and type(connection) is int and way in known):
        raise RecordingError(f"{where}: t, c and d are a time, a connection and what happened")
    if not (isinstance(text, str) and type(code) is int):
        raise RecordingError(f"{where}: text is no text, or code no number")
    return TapeEvent(
        at_us=at,
        connection=connection,
        way=known[way],
        text=text,
        code=code,
        by_us=data.get("by") == "us",
    )


def _dumped(data: object) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, which only an escape can hold
        return json.dumps(data, separators=(",", ":"))
    return text
