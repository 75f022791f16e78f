"""Where orders, fills and what was heard of them are kept, so that a crash loses none."""

from venuekit.stores.database import network_file_system
from venuekit.stores.journal import (
    CommandState,
    Cursor,
    HistoryEntry,
    Intent,
    IntentExists,
    Journal,
    JournalEvent,
    OpenIntent,
    Origin,
    RecordKind,
    Scope,
    name_of,
)
from venuekit.stores.opening import DURABILITIES, open_journal
from venuekit.stores.sqlite import SqliteJournal

__all__ = [
    "DURABILITIES",
    "CommandState",
    "Cursor",
    "HistoryEntry",
    "Intent",
    "IntentExists",
    "Journal",
    "JournalEvent",
    "OpenIntent",
    "Origin",
    "RecordKind",
    "Scope",
    "SqliteJournal",
    "name_of",
    "network_file_system",
    "open_journal",
]
