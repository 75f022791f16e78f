"""A recording of the public feeds, played again: the same books, ids and messages.

A folder holds `exchange-info.json`, `depth-snapshots.jsonl` (a line for each answer to
`GET /api/v3/depth`: `received`, `url`, `body`) and `stream.jsonl` (a line for the opening of a
combined stream: `opened`, `url`; then a line for each message: `received`, `body`).

Messages are sent as they were recorded, with their times. Books begin as the snapshots show them
and follow the recorded changes, so that update ids and books are those of the recording. Orders
of simulated accounts match against these books; public streams do not show them.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit_binance.sim.world import SymbolSpec, recorded_symbols

if TYPE_CHECKING:
    from venuekit_binance.sim.streams import Streams
    from venuekit_binance.sim.venue import Venue

_SECOND_NS: Final = 1_000_000_000
Rows = list[tuple[Decimal, Decimal]]


@attrs.frozen
class RecordedBook:
    """A book as one answer showed it."""

    update_id: int
    bids: Rows
    asks: Rows


@attrs.frozen
class _Message:
    at_ns: int
    """Since the first message."""
    stream: str
    data: dict[str, Any]


class Recording:
    """A recorded market that plays from the moment somebody listens to it."""

    def __init__(self, folder: Path, *, speed: float = 1.0) -> None:
        """Read a folder.

        Args:
            folder: See the module's docstring.
            speed: 1 as it was, 2 twice as fast, 0 everything at once.

        Raises:
            OSError: A file is missing.
        """
        self._speed = speed
        self._messages = list(_messages(folder / "stream.jsonl"))
        self.books = _books(folder / "depth-snapshots.jsonl")
        self.start_ns = _first_ns(folder / "stream.jsonl")
        self.symbols: list[SymbolSpec] = recorded_symbols(folder / "exchange-info.json", self.books)
        for spec in self.symbols:
            book = self.books[spec.symbol]
            middle = (book.bids[0][0] + book.asks[0][0]) / 2
            spec.start_price = middle - middle % spec.tick if spec.tick else middle
        self._next = 0
        self._started_ns: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether every message was sent."""
        return self._next == len(self._messages)

    def next_due_ns(self) -> int | None:
        """Give the time of the next message; `None` before the first listener and at the end."""
        if self._started_ns is None or self.is_over:
            return None
        return self._due_ns(self._messages[self._next])

    def play(self, venue: "Venue", streams: "Streams", now_ns: int) -> None:
        """Send what is due, beginning with the first listener."""
        if self._started_ns is None:
            if not streams.has_subscribers:
                return
            self._started_ns = now_ns
        while not self.is_over and self._due_ns(self._messages[self._next]) <= now_ns:
            self._send(self._messages[self._next], venue, streams, now_ns)
            self._next += 1

    def _due_ns(self, message: _Message) -> int:
        assert self._started_ns is not None
        if not self._speed:
            return self._started_ns
        return self._started_ns + round(message.at_ns / self._speed)

    def _send(self, message: _Message, venue: "Venue", streams: "Streams", now_ns: int) -> None:
        data = message.data
        match data.get("e"):
            case "depthUpdate":
                symbol, bids, asks = data["s"], _rows(data["b"]), _rows(data["a"])
                first_id, last_id = data["U"], data["u"]
                if last_id > self.books[symbol].update_id:
                    first_id, last_id = venue.replay(
                        symbol, (first_id, last_id), bids, asks, now_ns
                    )
                    # What users changed in between has ids of its own, which come before.
                    streams.flush(symbol, now_ns)
                    data = {**data, "U": first_id, "u": last_id}
                streams.book_changed(symbol, first_id, last_id, bids, asks, is_sent=True)
            case "aggTrade":
                venue.print_recorded(
                    data["s"],
                    data["l"],
                    Decimal(data["p"]),
                    Decimal(data["q"]),
                    now_ns,
                    is_buyer_maker=data["m"],
                )
            case _:
                pass
        streams.emit(message.stream, lambda _unit: data, now_ns)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _first_ns(path: Path) -> int:
    opening = next(_lines(path))
    return int(Decimal(str(opening["opened"])) * _SECOND_NS)


def _messages(path: Path) -> Iterator[_Message]:
    first: Decimal | None = None
    for line in _lines(path):
        if "body" not in line:
            continue
        received = Decimal(str(line["received"]))
        first = received if first is None else first
        body = line["body"]
        yield _Message(int((received - first) * _SECOND_NS), body["stream"], body["data"])


def _books(path: Path) -> dict[str, RecordedBook]:
    books: dict[str, RecordedBook] = {}
    for line in _lines(path):
        symbol = line["url"].partition("symbol=")[2].partition("&")[0]
        body = line["body"]
        books.setdefault(
            symbol,
            RecordedBook(body["lastUpdateId"], _rows(body["bids"]), _rows(body["asks"])),
        )
    return books


def _rows(rows: list[list[str]]) -> Rows:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in rows]
