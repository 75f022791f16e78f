"""Spans of time and numbers of rows, as Binance's queries bound them."""

from typing import Final

MOST_ROWS: Final = 1000
"""Rows in one answer."""
NS_IN_MS: Final = 1_000_000


def check_limit(limit: int) -> None:
    """Refuse, with a ValueError, to ask for no rows."""
    if limit < 1:
        msg = f"limit={limit}: at least 1"
        raise ValueError(msg)


def check_span(since_ns: int | None, until_ns: int | None) -> None:
    """Refuse, with a ValueError, a span that ends before it begins."""
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        msg = f"since_ns={since_ns} is after until_ns={until_ns}"
        raise ValueError(msg)


def bound(name: str, time_ns: int | None, *, up: bool = False) -> tuple[tuple[str, str], ...]:
    """Write a bound in milliseconds, rounded into the span."""
    if time_ns is None:
        return ()
    return ((name, str(-(-time_ns // NS_IN_MS) if up else time_ns // NS_IN_MS)),)
