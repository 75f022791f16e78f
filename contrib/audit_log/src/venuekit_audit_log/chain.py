"""The chain: each record carries the hash of the one before, over all files of a folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

GENESIS: Final = "0" * 64
"""What the first record of a log follows."""
_PATTERN: Final = "audit-*.jsonl"


@attrs.frozen(kw_only=True)
class Tail:
    """The end of a log, from which it goes on."""

    number: int = 0
    """Of the last file; 0: there is none."""
    size: int = 0
    """Of the last file, in bytes."""
    seq: int = 0
    """Of the last whole record."""
    hash: str = GENESIS
    torn: int = 0
    """Bytes after the last whole line, as a crash leaves them."""
    name: str = ""


@attrs.frozen(kw_only=True)
class Verdict:
    """What was found in a log."""

    records: int
    files: int
    head: str
    """Hash of the last record; empty where there is none. Whoever can write the files can write
    a whole new chain: only a head that is kept elsewhere proves that this one is old."""
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Say whether nothing was changed, removed or put in, as far as the chain shows."""
        return not self.faults


def line_of(record: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """Give a record as its line, and its hash."""
    body = json.dumps({**record, "prev": previous}, ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body[:-1]},"hash":"{digest}"}}\n'.encode(), digest


def files_of(folder: Path) -> list[Path]:
    """Give the files of a log, oldest first."""
    return sorted(folder.glob(_PATTERN), key=_number)


def name_of(number: int, day: str) -> str:
    """Name a file: number and UTC day in which it was begun."""
    return f"audit-{number:06d}-{day}.jsonl"


def tail_of(folder: Path) -> Tail:
    """Read the end of a log; raises OSError, and ValueError if it is not understood."""
    files = files_of(folder)
    if not files:
        return Tail()
    torn = 0
    for last in reversed(files):
        raw = last.read_bytes()
        whole, _, rest = raw.rpartition(b"\n")
        if last == files[-1]:
            torn = len(rest)
        if whole:
            record = json.loads(whole.rpartition(b"\n")[2])
            seq, digest = int(record["seq"]), str(record["hash"])
            break
    else:
        seq, digest = 0, GENESIS
    end = files[-1]
    size = end.stat().st_size
    return Tail(number=_number(end), size=size, seq=seq, hash=digest, torn=torn, name=end.name)


def verify(folder: Path, *, head: str | None = None) -> Verdict:
    """Check every line of every file of a log.

    Args:
        folder: Of the log.
        head: A hash that the chain has to contain, kept from an earlier check.

    Raises:
        OSError: The folder cannot be read.
    """
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such folder", str(folder))
    check = _Check(head)
    files = files_of(folder)
    for path in files:
        check.file(path)
    if check.torn:
        check.notes.append(f"the last {check.torn} bytes are no whole line, as after a crash")
    if head is not None and not check.is_head_seen:
        check.faults.append(f"no record has the hash {head}: the end of the log was removed")
    return Verdict(
        records=check.records,
        files=len(files),
        head=check.hash if check.records else "",
        faults=tuple(check.faults),
        notes=tuple(check.notes),
    )


class _Check:
    def __init__(self, head: str | None) -> None:
        self.head = head
        self.is_head_seen = False
        self.hash = GENESIS
        self.seq = 0
        self.number = 0
        self.records = 0
        self.torn = 0
        self.faults: list[str] = []
        self.notes: list[str] = []

    def file(self, path: Path) -> None:
        number = _number(path)
        if number != self.number + 1:
            self.faults.append(f"{path.name} follows file {self.number}: one is missing")
        self.number = number
        # Where the file before ended in the middle of a line, the next one has to say so.
        torn, self.torn = self.torn, 0
        lines = path.read_bytes().split(b"\n")
        self.torn = len(lines.pop())
        for position, line in enumerate(lines, 1):
            self._line(f"{path.name}:{position}", line, torn if position == 1 else 0)

    def _line(self, where: str, line: bytes, torn: int) -> None:
        self.records += 1
        body, mark, rest = line.rpartition(b',"hash":"')
        digest = hashlib.sha256(body + b"}").hexdigest()
        told = rest.removesuffix(b'"}').decode("ascii", "replace")
        try:
            record = json.loads(line)
            seq, previous = record["seq"], record["prev"]
            is_torn_told = record.get("torn_bytes", 0) == torn
        except (ValueError, KeyError, TypeError, AttributeError):
            self.faults.append(f"{where}: no record")
            return
        if not mark or told != digest or not rest.endswith(b'"}'):
            self.faults.append(f"{where}: its hash does not fit: it was changed")
        elif previous != self.hash or seq != self.seq + 1:
            self.faults.append(
                f"{where}: record {seq} does not follow record {self.seq}: "
                "lines were removed, put in or moved"
            )
        if not is_torn_told:
            self.faults.append(f"{where}: {torn} bytes before it are no whole line")
        # Go on from what stands here: each break is told once.
        self.hash, self.seq = told, seq if isinstance(seq, int) else self.seq + 1
        self.is_head_seen = self.is_head_seen or told == self.head


def _number(path: Path) -> int:
    digits = path.name.split("-")[1].partition(".")[0]
    return int(digits) if digits.isdecimal() else 0
