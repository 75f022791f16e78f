"""Faults planted into the client on purpose: the judge of fills must notice each of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest

from venuekit.client.private import PrivateSide
from venuekit.orders import lifecycle
from venuekit.orders.reconciling import Reconciler
from venuekit.orders.trade_search import TradeSearch
from venuekit.stores.sqlite import SqliteJournal
from venuekit.streams.connection import Connection
from venuekit.streams.feed import Feed
from venuekit.streams.overlap import Overlap


def _books_twice(patch: pytest.MonkeyPatch) -> None:
    """Book each account of a trade as a trade of its own."""

    def booked(order: Any, arrived: Any, at_least: Any = lifecycle._ZERO) -> Any:
        if not arrived:
            return order
        fills = (*order.fills, *arrived)
        total = sum((fill.quantity for fill in fills), at_least * 0)
        return attrs.evolve(order, fills=fills, filled=max(order.filled, total, at_least))

    patch.setattr(lifecycle, "_booked", booked)


def _restores_nothing(patch: pytest.MonkeyPatch) -> None:
    """Call the account's stream live without a look at what was missed."""

    async def nothing(_: PrivateSide) -> None:
        pass

    patch.setattr(PrivateSide, "restore", nothing)


def _is_live_too_early(patch: pytest.MonkeyPatch) -> None:
    """Call the account's stream live, and restore what was missed afterwards."""
    reconciled = Connection._reconciled

    async def hasty(self: Connection, feed: Feed, reconcile: Any) -> None:
        feed.resyncing()
        feed.live()
        await reconciled(self, feed, reconcile)

    patch.setattr(Connection, "_reconciled", hasty)


def _believes_both_connections(patch: pytest.MonkeyPatch) -> None:
    """Take what the old connection and the new one say for two events."""
    patch.setattr(Overlap, "_is_fresh", lambda *_: True)


def _compares_no_trades(patch: pytest.MonkeyPatch) -> None:
    """Find no trades by asking."""

    async def nothing(*_: object) -> int:
        return 0

    async def none(*_: object) -> None:
        pass

    patch.setattr(Reconciler, "_compare_fills", nothing)
    patch.setattr(TradeSearch, "_ask", none)


def _skips_an_event(patch: pytest.MonkeyPatch) -> None:
    """Lose the last of many events that were read together."""
    events = SqliteJournal.events

    async def fewer(self: SqliteJournal, *args: Any, **more: Any) -> Any:
        found = list(await events(self, *args, **more))
        if len(found) > 20 and found[-2].fill is not None:
            del found[-2]
        return found

    patch.setattr(SqliteJournal, "events", fewer)


def _tells_an_event_again(patch: pytest.MonkeyPatch) -> None:
    """Begin each reading of the journal with the event that was told last."""
    events = SqliteJournal.events

    async def more(self: SqliteJournal, scope: Any, *, after: int, limit: int = 1000) -> Any:
        found = await events(self, scope, after=after, limit=limit)
        return await events(self, scope, after=after - 1, limit=limit) if found else found

    patch.setattr(SqliteJournal, "events", more)


@attrs.frozen
class Plant:
    """A fault, and by which words of the judge it is found out."""

    put: Callable[[pytest.MonkeyPatch], None]
    exchange: str
    words: str


PLANTS: Final = {
    "books twice": Plant(_books_twice, "binance", "here"),
    "restores nothing": Plant(_restores_nothing, "binance", "called live without"),
    "is live too early": Plant(_is_live_too_early, "kraken", "called live without"),
    "believes both connections": Plant(_believes_both_connections, "binance", "came twice"),
    "compares no trades": Plant(_compares_no_trades, "coinbase", "never delivered"),
    "skips an event": Plant(_skips_an_event, "kraken", "never delivered"),
    "tells an event again": Plant(_tells_an_event_again, "binance", "delivered twice"),
}


@contextmanager
def planted(name: str) -> Iterator[Plant]:
    """Have a fault in the client for a while."""
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name].put(patch)
        yield PLANTS[name]
