"""What was let through by day, kept so that neither a crash nor a second program forgets it."""

import contextlib
import sqlite3
from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from pathlib import Path
from typing import Final

# Sums of notionals are exact; one that does not fit is an error, never rounded.
_EXACT: Final = Context(prec=200, traps=[Inexact])


class Ledger:
    """Notionals by day and account, in a file that several programs may share."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises OSError."""
        self._path = path
        try:
            with self._opened() as file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS spent "
                    "(day TEXT, account TEXT, what TEXT, notional TEXT, "
                    "PRIMARY KEY (day, account, what)) WITHOUT ROWID"
                )
        except sqlite3.Error as error:
            raise OSError(str(error)) from error

    def spend(
        self, day: str, account: str, notional: Decimal, limits: Mapping[str, Decimal]
    ) -> tuple[str, Decimal] | None:
        """Add a notional to each of `limits`, durably; None when it was added.

        Where one of them would be passed nothing is added, and its name is given with what is
        left of it.

        Raises:
            OSError: The file cannot be read or written.
        """
        try:
            # On the event loop: a short write at the disk's pace is the price of a limit that
            # holds through a crash.
            with self._opened() as file:
                file.execute("BEGIN IMMEDIATE")
                totals = {what: _spent(file, day, account, what) for what in limits}
                for what, limit in limits.items():
                    if _EXACT.add(totals[what], notional) > limit:
                        file.execute("ROLLBACK")
                        return what, max(Decimal(0), limit - totals[what])
                file.executemany(
                    "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)",
                    [
                        (day, account, what, str(_EXACT.add(total, notional)))
                        for what, total in totals.items()
                    ],
                )
                file.execute("COMMIT")
        except (sqlite3.Error, ArithmeticError) as error:
            raise OSError(str(error)) from error
        return None

    def _opened(self) -> "contextlib.closing[sqlite3.Connection]":
        # Autocommit, so that transactions are ours; a second program is waited for shortly.
        file = sqlite3.connect(self._path, timeout=0.5, isolation_level=None)
        file.execute("PRAGMA synchronous = FULL")
        return contextlib.closing(file)


def _spent(file: sqlite3.Connection, day: str, account: str, what: str) -> Decimal:
    row = file.execute(
        "SELECT notional FROM spent WHERE day = ? AND account = ? AND what = ?",
        (day, account, what),
    ).fetchone()
    return Decimal(0) if row is None else Decimal(row[0])
