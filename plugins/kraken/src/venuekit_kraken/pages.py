"""Lists that Kraken gives in pages of fifty, the newest first, each page from an offset on.

What comes in meanwhile moves rows to higher offsets: they are met twice then, never missed. So
that nothing is missed when rows move the other way (an answer that is older than the one before),
every page begins with a row of the page before; one that does not is no continuation.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from venuekit.plugin import Answer, Call
from venuekit_kraken.calls import HISTORY_COST, private

R = TypeVar("R")

_PAGE: Final = 50
_MOST_PAGES: Final = 400
_NS: Final = 1_000_000_000
_MOST_ROWS: Final = (_PAGE - 1) * _MOST_PAGES

Pairs = tuple[tuple[str, str], ...]


@attrs.frozen
class Page(Generic[R]):
    """Rows by their ids, the newest first, and how many there are in all, if that is said."""

    rows: Mapping[str, R]
    count: int | None = None


def paged(
    what: str,
    method: str,
    pairs: Pairs,
    read: Callable[[Answer], Page[R]],
    is_enough: Callable[[Mapping[str, R], Mapping[str, R]], bool],
) -> Generator[Call[Any], Any, dict[str, R]]:
    """Ask for page after page, until there is no more or what was found is enough.

    Args:
        what: In words, for people.
        method: Kraken's.
        pairs: Its parameters, all but the offset.
        read: Reads a page.
        is_enough: Judges all that was found, and the last page.

    Raises:
        ValueError: Rows moved so that some may be missing, or there are more than 19,600.
    """
    found: dict[str, R] = {}
    offset = 0
    for _ in range(_MOST_PAGES):
        asked = (*pairs, ("ofs", str(offset)))
        page: Page[R] = yield private(what, method, asked, read, cost=HISTORY_COST)
        end = offset + len(page.rows)
        is_last = len(page.rows) < _PAGE if page.count is None else end >= page.count
        is_joined = not offset or any(name in found for name in page.rows)
        # A page of a single row would be followed by itself.
        if not is_joined or (not is_last and len(page.rows) <= 1):
            msg = "a page that does not join the one before it: rows may be missing"
            raise ValueError(msg)
        for name, row in page.rows.items():
            found.setdefault(name, row)
        if is_last or is_enough(found, page.rows):
            return found
        offset = end - 1
    msg = f"more than {_MOST_ROWS:,} rows in the span; ask for less at once"
    raise ValueError(msg)


def span(since_ns: int | None, until_ns: int | None) -> Pairs:
    """Write bounds in whole seconds, a little wider than asked: the lower one is exclusive."""
    pairs: list[tuple[str, str]] = []
    if since_ns is not None:
        pairs.append(("start", str(max(since_ns // _NS - 1, 0))))
    if until_ns is not None:
        pairs.append(("end", str(-(-until_ns // _NS))))
    return tuple(pairs)


def check_span(limit: int, since_ns: int | None, until_ns: int | None) -> None:
    """Refuse a span or a limit that holds nothing; raises ValueError."""
    if limit < 1:
        msg = f"limit={limit}: at least 1"
        raise ValueError(msg)
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        msg = f"since_ns={since_ns} is after until_ns={until_ns}"
        raise ValueError(msg)


def is_inside(time_ns: int, since_ns: int | None, until_ns: int | None) -> bool:
    """Say whether a time is in a span, bounds included."""
    return (since_ns is None or time_ns >= since_ns) and (until_ns is None or time_ns <= until_ns)
