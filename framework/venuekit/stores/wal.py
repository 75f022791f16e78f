"""What a `-wal` file says of the pages that it changes. Pure but for the reading, which is
handed in.

Frames are appended to a `-wal`; a checkpoint copies them into the database, and once it has copied
all of them the next writer begins a new generation: a header with the next number and new salts at
the beginning of the file, then frames over the old ones. Whatever lies behind them stays.

Source: sqlite.org/fileformat2.html, 4.1 to 4.4; `walRestartHdr` in SQLite's wal.c.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, Self

import attrs

Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset, fewer at the end of the file."""

_HEADER_BYTES: Final = 32
_FRAME_BYTES: Final = 24
_AT_ONCE: Final = 64
"""Frames that are read at once."""
_HEADER: Final = struct.Struct(">IIII8sII")
_MAGIC: Final = frozenset({0x377F0682, 0x377F0683})


Frame = tuple[int, int, bytes]
"""A page's number; if it ends a transaction, the size of the database, else zero; salts."""


@attrs.frozen
class Generation:
    """The header of a `-wal`."""

    page_size: int
    number: int
    salts: bytes

    @classmethod
    def read(cls, read: Read) -> Self | None:
        """Read the header; None where there is no whole one."""
        header = read(0, _HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return None  # SQLite takes it for an empty one, too
        magic, _, page_size, number, salts, _, _ = _HEADER.unpack(header)
        return cls(page_size, number, salts) if magic in _MAGIC else None

    def is_followed_by(self, other: "Generation") -> bool:
        """Say whether `other` is the very next generation of the same file."""
        mine, theirs = (int.from_bytes(each.salts[:4], "big") for each in (self, other))
        return (
            other.page_size == self.page_size
            and other.number == (self.number + 1) % 2**32
            and theirs == (mine + 1) % 2**32
        )

    def frames(self, read: Read, begin: int = 0) -> Iterator[Frame]:
        """Read the frames from number `begin` on, of whatever generation."""
        step = _FRAME_BYTES + self.page_size
        frame = struct.Struct(f">II8s{step - 16}x")
        while True:
            piece = read(_HEADER_BYTES + begin * step, _AT_ONCE * step)
            whole = len(piece) // step
            yield from frame.iter_unpack(memoryview(piece)[: whole * step])
            if whole < _AT_ONCE:
                return
            begin += whole

    def bytes_of(self, read: Read) -> int:
        """Give the length of the header with this generation's frames."""
        count = 0
        for _, _, salts in self.frames(read):
            if salts != self.salts:
                break
            count += 1
        return _HEADER_BYTES + count * (_FRAME_BYTES + self.page_size)


@attrs.define
class Generations:
    """Follows a `-wal` from generation to generation, without missing a page that was changed.

    `observe` has to be called often enough: before a new generation has overwritten frames of the
    one before it that were not seen yet. If it was not, it says so.
    """

    current: Generation
    pages: set[int] = attrs.field(factory=set)
    """Changed in the current generation, as far as seen."""
    past: set[int] = attrs.field(factory=set)
    """Changed in generations that have ended since this began: they stand in the database alone."""
    _seen: int = 0
    """So many frames of the current generation are recorded."""

    def observe(self, read: Read) -> bool:
        """Look at the `-wal` as it is now; gives False if it cannot be told what was changed."""
        found = Generation.read(read)
        if found is None:
            return False
        if found == self.current:
            self._extend(read)
            return True
        # What the old one wrote last lies behind the new one's frames, if they are not as far yet.
        after = self._extend(read)
        if (
            found.salts in after
            or not self.current.is_followed_by(found)
            or Generation.read(read) != found
        ):
            return False
        self.past |= self.pages
        self.current, self.pages = found, set()
        self._seen = 0
        self._extend(read)
        return True

    def _extend(self, read: Read) -> set[bytes]:
        """Take in the current generation's frames that are new; gives the salts that end them."""
        # Twice: a frame that is just being written, or written over, may be read torn. One that
        # was whole the first time, as it is followed by the end of its transaction, or is there
        # still the second time, is not.
        _, committed, first = self._scan(read)
        reached, _, second = self._scan(read)
        # What is not committed may be taken back, and written over.
        self._seen = min(committed, reached)
        return {first, second}

    def _scan(self, read: Read) -> tuple[int, int, bytes]:
        number = committed = self._seen
        for page, size_after, salts in self.current.frames(read, self._seen):
            if salts != self.current.salts:
                return number, committed, salts
            number += 1
            self.pages.add(page)
            if size_after:
                committed = number
        return number, committed, b""
