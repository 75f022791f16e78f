"""A transport that plays a tape: what was received comes again, what is sent is compared.

The times of a tape go through the running loop, so a tape plays in real time, or, on a virtual
loop, as fast as it can be read with the same times. `speed` plays it faster, or all at once.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

from venuekit.plugin import Request
from venuekit.testing.recording.provenance import RecordingError
from venuekit.testing.recording.scrubbing import CHANGING, MARK
from venuekit.testing.recording.tapes import Tape, TapeEvent, Way
from venuekit.transport.seam import NothingSent, SocketClosed, Timeouts

AT_ONCE: Final = float("inf")
"""A speed: nothing is waited for but our own messages."""
_REQUEST_IDS: Final = frozenset({"id", "req_id", "request_id"})


class TapeEnded(RecordingError):
    """The tape is at its end, which is no end of the conversation."""


class TapeTransport:
    """Plays the connections of a tape, one for each `connect`, in the recorded order."""

    def __init__(self, tape: Tape, *, speed: float = 1.0) -> None:
        """Begin now, at `speed` times the recorded pace, > 0; needs a running loop.

        Within a connection the order of the tape holds: what came after something we sent waits
        until it is sent again.
        """
        if not speed > 0:
            msg = f"speed={speed}; more than 0 is needed"
            raise ValueError(msg)
        self.tape: Final = tape
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        opened = [event for event in tape.events if event.way is Way.OPEN]
        self._waiting = {event.connection: event for event in opened}
        self._number = iter([event.connection for event in opened])

    async def send(self, request: Request, *, timeouts: Timeouts) -> NoReturn:
        """Refuse: a tape has no requests."""
        del request, timeouts
        raise NothingSent("a tape has no requests")

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> "TapeSocket":
        """Open the next connection of that host and path.

        Raises:
            TapeEnded: The tape has none left.
        """
        del headers, connect_s
        wanted = f"{host} {path.partition('?')[0]}"
        for number, event in self._waiting.items():
            if event.text == wanted:
                del self._waiting[number]
                mine = [e for e in self.tape.events if e.connection == number and e is not event]
                await self.until(event.at_us)
                return TapeSocket(self, mine)
        raise TapeEnded(f"the tape has no further connection to {wanted}")

    async def close(self) -> None:
        """Nothing is open."""

    async def until(self, at_us: int) -> None:
        """Wait for a moment of the tape."""
        await asyncio.sleep(self.seconds_until(at_us))

    def seconds_until(self, at_us: int) -> float:
        """Give how long a moment of the tape is still to be waited for."""
        if self._speed == AT_ONCE:
            return 0.0
        due = self._began_at + at_us / 1e6 / self._speed
        return max(0.0, due - self._loop.time())


class TapeSocket:
    """One connection of a tape."""

    def __init__(self, transport: TapeTransport, events: Sequence[TapeEvent]) -> None:
        """Play those events."""
        self._transport = transport
        self._events = events
        self._place = 0
        self._sent = asyncio.Event()
        self._early: list[str] = []
        self._closed: SocketClosed | None = None
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()

    async def send(self, text: str) -> None:
        """Compare with what was sent then; what changes each time does not count.

        Raises:
            RecordingError: Something else was sent.
            SocketClosed: It is closed.
        """
        self._check_open()
        self._early.append(text)
        self._sent.set()

    async def receive(self) -> str:
        """Give the next frame, when its time has come.

        Raises:
            SocketClosed: As recorded; or it was closed here, also while this waited.
            TapeEnded: The tape is over; what was sent and is not on it is told.
            RecordingError: What was sent is not what was sent then.
        """
        self._check_open()
        while self._place < len(self._events):
            event = self._events[self._place]
            if event.way is Way.SENT:
                await self._compare(event)
                self._place += 1
                continue
            await self._until(event.at_us)
            self._place += 1
            if event.way is Way.CLOSE:
                if event.by_us:
                    continue
                self._end(SocketClosed(event.code, event.text))
                self._check_open()
            self.heard_at = self._loop.time()
            return event.text
        more = "".join(f"\n  sent, and not on it: {normalized(text)}" for text in self._early)
        raise TapeEnded(f"the tape is over{more}")

    async def close(self) -> None:
        """Close; who waits for a frame is told."""
        self._end(SocketClosed(1006, ""))

    def _end(self, closed: SocketClosed) -> None:
        self._closed = self._closed or closed
        self._over.set()
        self._sent.set()

    def _check_open(self) -> None:
        if self._closed is not None:
            raise SocketClosed(self._closed.code, self._closed.reason)

    async def _until(self, at_us: int) -> None:
        seconds = self._transport.seconds_until(at_us)
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._over.wait()
        else:
            await asyncio.sleep(0)
        self._check_open()

    async def _compare(self, event: TapeEvent) -> None:
        while not self._early:
            self._sent.clear()
            await self._sent.wait()
            self._check_open()
        sent = normalized(self._early[0], recorded=event.text)
        recorded = normalized(event.text)
        if sent != recorded:
            raise RecordingError(
                f"another message than on the tape, at {event.at_us} us:\n"
                f"  sent     {sent}\n  recorded {recorded}"
            )
        del self._early[0]


def normalized(text: str, *, recorded: str | None = None) -> str:
    """Give a message as it is compared: without ids, signatures and times, digits as they stand.

    What was taken out of `recorded` is taken out of `text` too.
    """
    try:
        data = _read(text)
        if recorded is not None:
            data = _like(data, _read(recorded))
    except (ValueError, RecursionError):
        return str(_like(text, recorded))
    return json.dumps(_without(data), sort_keys=True, default=lambda number: f"number {number}")


def _read(text: str) -> Any:
    # As Decimal, which keeps 1.10 apart from 1.1: exchanges that take numbers check those digits.
    return json.loads(text, parse_float=Decimal)


def _like(sent: Any, recorded: Any) -> Any:
    if isinstance(sent, dict) and isinstance(recorded, dict):
        return {name: _like(each, recorded.get(name)) for name, each in sent.items()}
    if isinstance(sent, list) and isinstance(recorded, list) and len(sent) == len(recorded):
        return [_like(one, other) for one, other in zip(sent, recorded, strict=True)]
    if isinstance(sent, str) and isinstance(recorded, str) and MARK in recorded:
        shape = ".+".join(re.escape(part) for part in recorded.split(MARK))
        return recorded if re.fullmatch(shape, sent, re.DOTALL) else sent
    return sent


def _without(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            name: _without(value)
            for name, value in data.items()
            if name.lower() not in CHANGING | _REQUEST_IDS
        }
    if isinstance(data, list):
        return [_without(value) for value in data]
    return data
