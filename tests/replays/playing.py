"""A tape played to the client through a double of the transport, with one fault in one place.

    far side ── transport's seam ── connection ── session ── feed ── live book ── reader

After each message that was delivered the book is looked at: it is what it is on the tape, or says
that it is not live.
"""

import asyncio
import enum
import functools
import json
import random
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tests.docs.exchange_table import manifests
from tests.replays.tapes import RECORDING, Tape
from venuekit.model import BookNotLive, Gap, Instrument, StreamState, StreamStateChanged
from venuekit.plugin import Answer, BookKeeping, Call, MarketData, Request, Stream
from venuekit.streams import LiveBook, StreamHub
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.guard import Guard
from venuekit.transport.seam import SocketClosed, Timeouts

LEAD: Final = 8
"""Messages before the fault: the book is live by then."""
TAIL: Final = 40
"""Messages after it: time enough to be found back."""
_TAKES_S: Final = 0.15
"""For a snapshot over REST: a message comes meanwhile."""
_EPOCH_NS: Final = 1_784_100_000_000_000_000


class Fault(enum.Enum):
    """What goes wrong, once."""

    NONE = "none"
    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DUPLICATED_LATE = "duplicated late"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    CUT = "cut"
    CUT_BEFORE = "cut before"
    HALF_OPEN = "half-open"
    STALE_SNAPSHOT = "stale snapshot"
    NEWER_SNAPSHOT = "newer snapshot"
    SHUFFLED_SNAPSHOT = "shuffled snapshot"


IN_SNAPSHOT: Final = {
    Fault.STALE_SNAPSHOT: -5,
    Fault.NEWER_SNAPSHOT: 3,
    Fault.SHUFFLED_SNAPSHOT: 0,
}
"""By how many messages the first snapshot after a loss is beside its place."""
UNPROVABLE: Final = {("coinbase", Fault.STALE_SNAPSHOT), ("coinbase", Fault.NEWER_SNAPSHOT)}
"""Neither number nor checksum tells how old a snapshot of Coinbase's is."""


@attrs.define
class Outcome:
    """What a play came to."""

    looks: int = 0
    live: int = 0
    wrong: list[str] = attrs.field(factory=list)
    gaps: int = 0
    losses: int = 0
    """How often the book said that it is no longer live."""
    snapshots: int = 0
    is_live_at_end: bool = False


class FarSocket:
    """One connection, with both ends in one object."""

    def __init__(self, side: "FarSide") -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self.is_open, self.is_silent, self.is_subscribed = True, False, False
        self._side = side
        self._frames: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._number = 0

    async def send(self, text: str) -> None:
        if not self.is_open:
            raise SocketClosed(1006, "")
        self._side.answer(self, json.loads(text))

    async def receive(self) -> str:
        while not self._frames:
            if not self.is_open:
                raise SocketClosed(1006, "")
            self._arrived.clear()
            await self._arrived.wait()
        self.heard_at = asyncio.get_running_loop().time()
        return self._frames.popleft()

    async def close(self) -> None:
        self.drop()

    def drop(self) -> None:
        self.is_open = False
        self._arrived.set()

    def written(self, body: Any, channel: str = "l2_data") -> str:
        """Write a frame; on Coinbase it takes the next number, whether it arrives or not."""
        if self._side.tape.exchange == "coinbase":
            body = {"channel": channel, "sequence_num": self._number, "events": [body]}
            self._number += 1
        return json.dumps(body)

    def deliver(self, frame: str) -> None:
        if self.is_open and not self.is_silent:
            self._frames.append(frame)
            self._arrived.set()


class FarSide:
    """The exchange: a transport for the client, and the tape's messages one by one."""

    def __init__(self, tape: Tape, chance: random.Random) -> None:
        self.tape = tape
        self.at = 0
        """Messages that were sent."""
        self.beside: Fault | None = None
        """What is wrong with the next snapshot."""
        self.snapshots = 0
        self.sockets: list[FarSocket] = []
        self._chance = chance

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        await asyncio.sleep(_TAKES_S / 2)
        body = json.dumps(self._snapshot()).encode()
        await asyncio.sleep(_TAKES_S / 2)
        return Answer(status=200, body=body)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> FarSocket:
        await asyncio.sleep(0.01)
        self.sockets.append(FarSocket(self))
        return self.sockets[-1]

    async def close(self) -> None:
        for socket in self.sockets:
            socket.drop()

    def answer(self, socket: FarSocket, message: dict[str, Any]) -> None:
        """Acknowledge, and send the snapshot where it comes in the stream."""
        match self.tape.exchange:
            case "binance":
                socket.is_subscribed = message["method"] == "SUBSCRIBE"
                socket.deliver(json.dumps({"result": None, "id": message["id"]}))
            case "kraken":
                socket.is_subscribed = message["method"] == "subscribe"
                told = {key: message[key] for key in ("method", "req_id")}
                socket.deliver(json.dumps({**told, "success": True}))
                if socket.is_subscribed:
                    data = [self._snapshot()]
                    socket.deliver(
                        json.dumps({"channel": "book", "type": "snapshot", "data": data})
                    )
            case _:
                is_book = message["channel"] == "level2"
                if is_book:
                    socket.is_subscribed = message["type"] == "subscribe"
                if is_book and socket.is_subscribed:
                    socket.deliver(socket.written(self._snapshot()))
                socket.deliver(socket.written({"subscriptions": {}}, "subscriptions"))

    def _snapshot(self) -> Any:
        self.snapshots += 1
        fault, self.beside = self.beside, None
        at = (
            min(max(self.at + IN_SNAPSHOT.get(fault, 0), 0), len(self.tape.messages))
            if fault
            else self.at
        )
        shuffled = self._chance if fault is Fault.SHUFFLED_SNAPSHOT else None
        return self.tape.snapshot(at, shuffled=shuffled)

    @property
    def line(self) -> FarSocket | None:
        """The connection on which the book is subscribed, if there is one."""
        found = [each for each in self.sockets if each.is_open and each.is_subscribed]
        return found[-1] if found else None


class _Clock:
    def now_ns(self) -> int:
        return _EPOCH_NS + round(asyncio.get_running_loop().time() * 1e9)


@functools.cache
def speaker(exchange: str, *, is_recorded: bool) -> Any:
    """Give an adapter that knows the instruments."""
    (manifest,) = (each for each in manifests() if each.id == exchange)
    if not is_recorded:
        return Bench(manifest, guard=Guard()).adapter
    adapter: Any = manifest.adapter("sim")
    body = (RECORDING / "exchange-info.json").read_bytes()
    steps = adapter.fetch_listing()
    assert isinstance(steps, Call)
    adapter.instruments = steps.read(Answer(status=200, body=body)).instruments
    return adapter


async def play(
    tape: Tape, fault: Fault, place: int, adapter: Any, *, keeping: BookKeeping | None = None
) -> Outcome:
    """Play the part of a tape round a place, with the fault there.

    `keeping` is another rule than the exchange's, to see what is noticed.
    """
    return await _Play(tape, fault, place, adapter, keeping or adapter.book_keeping()).whole()


class _Play:
    def __init__(
        self, tape: Tape, fault: Fault, place: int, adapter: Any, keeping: BookKeeping
    ) -> None:
        self._keeping = keeping
        self._tape, self._fault, self._place = tape, fault, place
        self._adapter = adapter
        self._side = FarSide(tape, random.Random(place))
        self._side.at = max(0, place - LEAD)
        self._out = Outcome()
        # A connection is silent for so long before it is given up.
        self._pace_s = 4.0 if fault is Fault.HALF_OPEN else 0.1
        self._late: str | None = None
        self._live: LiveBook

    async def whole(self) -> Outcome:
        adapter, side = self._adapter, self._side
        assert isinstance(adapter, Stream)
        instrument: Instrument = adapter.instruments.native(self._native(adapter))
        hub = StreamHub(
            exchange=self._tape.exchange,
            account="",
            adapter=adapter,
            transport=side,
            clock=_Clock(),
            random=random.Random(7),
        )

        async def fetch() -> Any:
            assert isinstance(adapter, MarketData)
            call = adapter.fetch_book(instrument, depth=1000)
            assert isinstance(call, Call)
            return call.read(await side.send(call.request, timeouts=Timeouts()))

        async with (
            hub,
            LiveBook(hub=hub, instrument=instrument, keeping=self._keeping, fetch=fetch) as live,
        ):
            self._live = live
            reader = asyncio.create_task(self._read(live.updates(with_states=True)))
            await asyncio.sleep(0.5)
            end = min(self._place + TAIL, len(self._tape.messages))
            while side.at < end:
                await self._step(side.at)
                await asyncio.sleep(self._pace_s)
            self._out.is_live_at_end = live.state is StreamState.LIVE
            reader.cancel()
            await asyncio.wait([reader])
        self._out.snapshots = side.snapshots
        return self._out

    def _native(self, adapter: Any) -> str:
        if self._tape.exchange == "kraken":
            (found,) = (each for each in adapter.instruments.values() if each.symbol == "BTC/USD")
            return str(found.native)
        return self._tape.native

    async def _step(self, at: int) -> None:
        """Send the message with that number, or do to it what the fault does."""
        side = self._side
        fault = self._fault if at == self._place else None
        if fault is Fault.CUT_BEFORE or fault in IN_SNAPSHOT:
            side.beside = fault
            self._cut()
        side.at = at + 1
        line = side.line
        if line is None:
            await self._look(at + 1)  # a message went by unheard
            return
        frame = line.written(self._tape.messages[at])
        late, self._late = self._late, None
        match fault:
            case Fault.DROPPED:
                return
            case Fault.REORDERED:
                self._late = frame
                return
            case Fault.HALF_OPEN:
                line.is_silent = True
            case Fault.TRUNCATED:
                frame = frame[: len(frame) // 2]
            case Fault.DUPLICATED_LATE:
                self._late = frame
        for each in (frame, late, frame if fault is Fault.DUPLICATED else None):
            if each is not None:
                line.deliver(each)
                if not line.is_silent:
                    await self._look(at + 1)
        if fault is Fault.CUT:
            self._cut()

    def _cut(self) -> None:
        for socket in self._side.sockets:
            socket.drop()

    async def _look(self, at: int) -> None:
        """Hold the book against the tape, once everything has arrived."""
        await asyncio.sleep(0.001)
        out, tape = self._out, self._tape
        out.looks += 1
        try:
            book = self._live.book.snapshot()
        except BookNotLive:
            return
        out.live += 1
        if tape.exchange == "binance":
            known = {number: place for place, number in enumerate(tape.ids)}
            place = known.get(book.update_id or -1, -1)
            if place < at:
                out.wrong.append(f"after message {at} the book is of update {book.update_id}")
                return
            at = place
        mine = book.bids[: tape.compared], book.asks[: tape.compared]
        there = tuple(side[: tape.compared] for side in tape.states[at])
        if mine != there:
            out.wrong.append(f"after message {at} the book is not the exchange's")

    async def _read(self, updates: Any) -> None:
        was_live = False
        async for event in updates:
            if isinstance(event, Gap):
                self._out.gaps += 1
            elif isinstance(event, StreamStateChanged):
                is_live = event.state is StreamState.LIVE
                self._out.losses += was_live and not is_live
                was_live = is_live
