"""What the programs of one machine hold of the limits that they share, and who has banned them.

Everything here blocks: it is called in a thread. The file is written a few times a second by each
program, never for a single request. What it holds of limits is worth minutes, so it does not wait
for the disk; a ban is worth more, and does.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar

import apsw
import attrs

from venuekit.model import StoreError
from venuekit.stores.small_file import SmallFile, transaction

T = TypeVar("T")

FILE_NAME: Final = "limits.db"
APPLICATION_ID: Final = 0x766B6C31  # "vkl1"
SCHEMA_VERSION: Final = 1
SILENT_S: Final = 10.0
"""A program that is gone and was not heard of for so long is dead; what it has used ages from then
on."""
HUNG_S: Final = 120.0
"""The same for one whose process is still there: it may be waiting for the disk, and goes on using
what it holds meanwhile."""
_LEAVING_S: Final = 1.0
_SCHEMA: Final = """
CREATE TABLE holds (
    budget TEXT NOT NULL,
    holder TEXT NOT NULL,           -- one open handle of one program
    held INTEGER NOT NULL CHECK (held >= 0),
    wanted INTEGER NOT NULL,        -- more than it holds: it would use more if there were any
    seen_ns INTEGER NOT NULL,       -- when it was last heard of, since the epoch
    interval_s INTEGER NOT NULL,    -- after which what it used is forgotten
    PRIMARY KEY (budget, holder)
) STRICT, WITHOUT ROWID;
CREATE TABLE bans (
    subject TEXT PRIMARY KEY,
    until_ns INTEGER NOT NULL       -- since the epoch
) STRICT, WITHOUT ROWID;
"""


@attrs.frozen(kw_only=True)
class Claim:
    """What one handle has to do with one budget."""

    capacity: int
    """Of the whole budget, for all programs together."""
    interval_s: int
    used: int
    """By this handle, in flight included; it holds at least so much."""
    wanted: int
    """What it would hold if it could, >= `used`."""


@attrs.frozen(kw_only=True)
class Share:
    """What one handle may use of a budget from now on."""

    held: int
    others: int
    """What all others hold together."""
    is_less: bool = False
    """It is less than before. The store keeps the larger number until it is told, by `lower`,
    that the handle has stopped using it: else two might use the same for a moment."""


class SharedLimits(Protocol):
    """Keeps what programs share. One for a machine is below; one for several may be elsewhere."""

    def settle(self, holder: str, claims: Mapping[str, Claim], now_ns: int) -> Mapping[str, Share]:
        """Give each budget's share, by its claim; never more than is free, unless more was used.

        What is used and was not held before is a count of the exchange's, or had to be paid: it
        counts against the others from now on. All that others hold is theirs all the same.

        Raises:
            StoreError: The store cannot be used; what was held before is held on.
        """
        ...

    def lower(self, holder: str, held: Mapping[str, int]) -> None:
        """Give back what is above `held`; the handle uses no more than that by now."""
        ...

    def leave(self, holder: str, used: Mapping[str, int], now_ns: int) -> None:
        """Give back what was not used; what was used goes on counting until it has aged."""
        ...

    def ban(self, subject: str, until_ns: int) -> None:
        """Let nobody send anything until then; a longer ban stays. Durable when this returns."""
        ...

    def banned_until_ns(self, subject: str) -> int:
        """Give when the ban ends, since the epoch; 0: there is none."""
        ...

    def close(self) -> None:
        """Close it. Safe to repeat."""
        ...


def share_of(claim: Claim, others: Mapping[str, tuple[int, int]]) -> Share:
    """Decide what one handle holds: what it uses in any case, and of the rest what it wants.

    Where others want more than they hold, nobody keeps more than an equal part beyond what it has
    used and of what is free; so the shares of those who want much become equal, as fast as what
    was used ages, and little is left lying.

    Args:
        claim: Its own.
        others: Of each other handle, what it holds and what it wants.
    """
    held_by_others = sum(held for held, _ in others.values())
    free = max(0, claim.capacity - held_by_others)
    wanted = claim.wanted
    hungry = sum(want > held for held, want in others.values())
    if hungry:
        equal = claim.capacity // (hungry + 1)
        # What equal parts leave over is taken too, a part of it each time.
        spare = max(0, free - equal)
        wanted = min(wanted, equal + -(-spare // (hungry + 1)))
    held = max(claim.used, min(wanted, free))
    return Share(held=held, others=held_by_others)


def is_running(holder: str) -> bool:
    """Say whether there is a process of the number that begins the holder's name; after it has
    ended it may be another one.
    """
    number, dash, _ = holder.partition("-")
    if sys.platform == "win32":  # where the same call would end it
        return False
    if not dash or not (number.isascii() and number.isdigit()) or int(number) == 0:
        return False
    try:
        os.kill(int(number), 0)  # sends nothing
    except PermissionError:
        return True  # somebody else's
    except (ProcessLookupError, OverflowError):
        return False
    return True


class SharedLimitsFile:
    """The database of one machine. For one thread at a time; several processes may have it open."""

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        busy_s: float = 5.0,
        is_running: Callable[[str], bool] = is_running,
    ) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: Of the database.
            vfs: The registered file system that SQLite goes through, by name; None: the default.
            busy_s: How long another process's transaction is waited for; `leave`, which runs on the
                loop, waits 1 s at most.
            is_running: Says whether the process of a holder is there.
        """
        self._is_running = is_running
        self._busy_s = busy_s
        self._settled_ns = self._awake_since_ns = 0
        self._file = SmallFile(
            path, "limits", set_up=_set_up, sentence=_sentence, vfs=vfs, busy_s=busy_s
        )

    def settle(self, holder: str, claims: Mapping[str, Claim], now_ns: int) -> Mapping[str, Share]:
        """Give each budget's share; see `SharedLimits`."""
        is_awake = self._is_awake(now_ns)

        def work(connection: apsw.Connection) -> dict[str, Share]:
            self._forget_aged(connection, now_ns, is_awake=is_awake)
            shares = {}
            for budget, claim in claims.items():
                rows = connection.execute(
                    "SELECT holder, held, wanted FROM holds WHERE budget = ?", (budget,)
                )
                others = {name: (held, wanted) for name, held, wanted in rows}
                before, _ = others.pop(holder, (0, 0))
                share = share_of(claim, others)
                connection.execute(
                    "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        budget,
                        holder,
                        max(before, share.held),
                        claim.wanted,
                        now_ns,
                        claim.interval_s,
                    ),
                )
                shares[budget] = attrs.evolve(share, is_less=share.held < before)
            return shares

        return self._done(work)

    def lower(self, holder: str, held: Mapping[str, int]) -> None:
        """Give back what is above `held`; see `SharedLimits`."""

        def work(connection: apsw.Connection) -> None:
            for budget, units in held.items():
                connection.execute(
                    "UPDATE holds SET held = min(held, ?) WHERE budget = ? AND holder = ?",
                    (units, budget, holder),
                )

        self._done(work)

    def leave(self, holder: str, used: Mapping[str, int], now_ns: int) -> None:
        """Give back what was not used; see `SharedLimits`."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE holds SET held = 0, wanted = 0, seen_ns = ? WHERE holder = ?",
                (now_ns, holder),
            )
            for budget, units in used.items():
                connection.execute(
                    "UPDATE holds SET held = ? WHERE budget = ? AND holder = ?",
                    (units, budget, holder),
                )
            connection.execute("DELETE FROM holds WHERE holder = ? AND held = 0", (holder,))

        self._done(work, busy_s=min(self._busy_s, _LEAVING_S))

    def ban(self, subject: str, until_ns: int) -> None:
        """Let nobody send anything until then; see `SharedLimits`."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "INSERT INTO bans VALUES (?, ?) ON CONFLICT (subject) DO UPDATE "
                "SET until_ns = max(until_ns, excluded.until_ns)",
                (subject, until_ns),
            )

        self._done(work, is_durable=True)

    def banned_until_ns(self, subject: str) -> int:
        """Give when the ban ends; see `SharedLimits`."""

        def work(connection: apsw.Connection) -> int:
            query = "SELECT until_ns FROM bans WHERE subject = ?"
            return next((until for (until,) in connection.execute(query, (subject,))), 0)

        return self._done(work)

    def holds(self) -> list[tuple[str, str, int, int]]:
        """Give budget, holder, what is held and what is wanted of all, for people."""

        def work(connection: apsw.Connection) -> list[tuple[str, str, int, int]]:
            query = "SELECT budget, holder, held, wanted FROM holds ORDER BY budget, holder"
            return list(connection.execute(query))

        return self._done(work)

    def bans(self) -> dict[str, int]:
        """Give all bans by subject, also those that are over."""

        def work(connection: apsw.Connection) -> dict[str, int]:
            return dict(connection.execute("SELECT subject, until_ns FROM bans"))

        return self._done(work)

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        self._file.close()

    def _is_awake(self, now_ns: int) -> bool:
        """Say whether this one has settled all the time lately. If not, the machine may have slept,
        or its clock was set: then others seem silent who will be heard of in a moment.
        """
        if not 0 <= now_ns - self._settled_ns <= SILENT_S * 1e9:
            self._awake_since_ns = now_ns
        self._settled_ns = now_ns
        return now_ns - self._awake_since_ns >= SILENT_S * 1e9

    def _forget_aged(self, connection: apsw.Connection, now_ns: int, *, is_awake: bool) -> None:
        """Forget the dead, and those who have left, once what they may have used has aged."""
        query = (
            "SELECT budget, holder, wanted, seen_ns + CAST(interval_s * 1e9 AS INTEGER) FROM holds "
            "WHERE ? > seen_ns + CAST((interval_s + ?) * 1e9 AS INTEGER)"
        )
        for budget, holder, wanted, aged_ns in list(connection.execute(query, (now_ns, SILENT_S))):
            is_hung = is_awake and now_ns > aged_ns + HUNG_S * 1e9
            # Who has left wants nothing any more.
            if wanted and not is_hung and self._is_running(holder):
                continue
            connection.execute(
                "DELETE FROM holds WHERE budget = ? AND holder = ?", (budget, holder)
            )

    def _done(
        self,
        work: Callable[[apsw.Connection], T],
        *,
        is_durable: bool = False,
        busy_s: float | None = None,
    ) -> T:
        def prepare(opened: apsw.Connection) -> None:
            opened.pragma("synchronous", "EXTRA" if is_durable else "OFF")
            opened.set_busy_timeout(round((self._busy_s if busy_s is None else busy_s) * 1000))

        return self._file.done(work, prepare=prepare)


def _set_up(connection: apsw.Connection, path: Path) -> None:
    connection.pragma("trusted_schema", 0)
    connection.pragma("journal_mode", "DELETE")
    with transaction(connection):
        if connection.pragma("schema_version") == 0:
            connection.execute(_SCHEMA)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
    if connection.pragma("application_id") != APPLICATION_ID:
        msg = f"limits {path}: this is the database of another program; move it away"
        raise StoreError(msg)
    if connection.pragma("user_version") > SCHEMA_VERSION:
        msg = f"limits {path}: written by a newer venuekit; upgrade venuekit"
        raise StoreError(msg)


def _sentence(path: Path, error: apsw.Error) -> str:
    return (
        f"limits {path}: {error}; move the file away: what programs hold of the limits is then "
        "counted anew, and bans are learned again from the exchange"
    )
