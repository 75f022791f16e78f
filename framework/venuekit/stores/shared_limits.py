"""What the programs of one machine hold of the limits that they share, and who has banned them.

Everything here blocks: it is called in a thread. The file is written a few times a second by each
program, never for a single request. What it holds of limits is worth minutes, so it does not wait
for the disk; a ban is worth more, and does.
"""

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
"""A program that was not heard of for so long is dead; what it has used ages from then on."""
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
        """Give each budget's share, by its claim; never more than is free.

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


class SharedLimitsFile:
    """The database of one machine. For one thread at a time; several processes may have it open."""

    def __init__(self, path: Path, *, vfs: str | None = None, busy_s: float = 2.0) -> None:
        """Name the file; nothing is opened yet."""
        self._file = SmallFile(
            path, "limits", set_up=_set_up, sentence=_sentence, vfs=vfs, busy_s=busy_s
        )

    def settle(self, holder: str, claims: Mapping[str, Claim], now_ns: int) -> Mapping[str, Share]:
        """Give each budget's share; see `SharedLimits`."""

        def work(connection: apsw.Connection) -> dict[str, Share]:
            _forget_aged(connection, now_ns)
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

        self._done(work)

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

    def _done(self, work: Callable[[apsw.Connection], T], *, is_durable: bool = False) -> T:
        level = "EXTRA" if is_durable else "OFF"
        return self._file.done(work, prepare=lambda opened: opened.pragma("synchronous", level))


def _forget_aged(connection: apsw.Connection, now_ns: int) -> None:
    """Forget the dead once what they may have used has aged."""
    connection.execute(
        "DELETE FROM holds WHERE ? > seen_ns + CAST((interval_s + ?) * 1e9 AS INTEGER)",
        (now_ns, SILENT_S),
    )


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
