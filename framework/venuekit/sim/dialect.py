"""What the simulator of one exchange is: a protocol without I/O.

A dialect is handed requests, WebSocket events and the time, and puts what it has to say into
answers and outboxes. It opens no socket, reads no clock and never waits, so that the same object
serves a real HTTP server (`venuekit.sim.server`) and a test under virtual time.
"""

import abc
import asyncio
import enum
import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from venuekit.sim.faults import Fault, FaultKind, FaultPlan

_BEFORE: Final = (
    FaultKind.DELAY_REQUEST,
    FaultKind.DROP_BEFORE,
    FaultKind.RESET_BEFORE,
    FaultKind.HANG_BEFORE,
    FaultKind.ANSWER_BEFORE,
)
_AFTER: Final = (
    FaultKind.DELAY_ANSWER,
    FaultKind.DROP_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.HANG_AFTER,
    FaultKind.ANSWER_AFTER,
)
_STREAM: Final = (
    FaultKind.MESSAGE_DROP,
    FaultKind.MESSAGE_DUPLICATE,
    FaultKind.MESSAGE_REORDER,
    FaultKind.MESSAGE_DELAY,
    FaultKind.SILENCE,
    FaultKind.CLOSE,
)
FIRST_ACCOUNT: Final = "first"
MAX_OUTBOX: Final = 200_000
"""Frames that may wait for a client that does not read, before its connection is dropped."""


def _lower_keys(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@attrs.frozen(kw_only=True)
class SimRequest:
    """An HTTP request as it came off the wire."""

    method: str
    path: str
    """Percent-encoding as received, without the query."""
    query_string: str = ""
    """Everything after the question mark, byte for byte; foreign bytes as surrogates."""
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_lower_keys, repr=False)
    """By lower-case name."""
    body: bytes = attrs.field(default=b"", repr=False)
    peer: str = "127.0.0.1"
    """Address of the client, without the port: the exchange counts by it."""

    def header(self, name: str) -> str | None:
        """Give a header whatever the case of its name."""
        return self.headers.get(name.lower())


@attrs.frozen
class SimAnswer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Give the first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Ending(enum.Enum):
    """What becomes of a request's connection."""

    ANSWERED = "answered"
    DROPPED = "dropped"
    RESET = "reset"
    HANGING = "hanging"


@attrs.frozen
class Delivery:
    """An answer, or the way in which there is none."""

    ending: Ending
    answer: SimAnswer | None = None


@attrs.frozen
class Send:
    """A text frame to send."""

    text: str


@attrs.frozen
class Ping:
    """A PING frame to send."""

    payload: bytes


@attrs.frozen
class Close:
    """The connection ends: with a close frame, or without one where the code is 1006."""

    code: int
    reason: str = ""


Frame = Send | Ping | Close


@attrs.frozen
class SimCredentials:
    """What a client needs to act for a simulated account; worth nothing anywhere else."""

    account: str
    api_key: str
    secret: str = attrs.field(repr=False)

    @property
    def algorithm(self) -> str:
        """How it signs, in the words of a plugin's manifest: `hmac-sha256`, `ed25519`, …"""
        return "hmac-sha256"

    @property
    def passphrase(self) -> str | None:
        """What the exchange wants in clear beside a signature; None where it wants nothing."""
        return None


def _idle() -> None:
    """Wake nobody."""


class SimSocket:
    """A WebSocket connection as a dialect sees it: an address and an outbox.

    The shell sets `wake`, drains the outbox with `drain`, and tells the dialect what comes in.
    """

    def __init__(self, number: int, path: str, query_string: str = "", *, peer: str = "") -> None:
        """Make a connection that nobody has accepted yet.

        Args:
            number: Unique among the connections of a dialect.
            path: Path of the handshake, as received.
            query_string: Query of the handshake, as received.
            peer: Address of the client, without the port.
        """
        self.id = number
        self.path = path
        self.query_string = query_string
        self.peer = peer
        self.wake: Callable[[], None] = _idle
        self.is_open = True
        self.is_silent = False
        self._outbox: list[Frame] = []
        self._held: list[Send] = []

    def send(self, text: str) -> None:
        """Queue a text frame."""
        self._queue(Send(text))

    def ping(self, payload: bytes) -> None:
        """Queue a PING frame."""
        self._queue(Ping(payload))

    def close(self, code: int, reason: str = "") -> None:
        """Queue the end of the connection; what is queued later is ignored."""
        self._queue(Close(code, reason))
        self.is_open = False

    def hold(self, text: str) -> None:
        """Keep a text frame back until the next one was queued."""
        self._held.append(Send(text))

    def drain(self) -> list[Frame]:
        """Hand over what is to be sent, in order, and forget it."""
        frames, self._outbox = self._outbox, []
        return frames

    def _queue(self, frame: Frame) -> None:
        if not self.is_open or self.is_silent:
            return
        self._outbox.append(frame)
        if self._held and isinstance(frame, Send):
            self._outbox.extend(self._held)
            self._held.clear()
        if len(self._outbox) > MAX_OUTBOX:
            self.is_open = False
            self._outbox = [Close(1006)]
        self.wake()


@attrs.frozen(order=True)
class _Due:
    at_ns: int
    number: int
    action: Callable[[int], None] = attrs.field(order=False, eq=False)


class Dialect(abc.ABC):
    """The simulator of one exchange, without I/O.

    Times are Unix nanoseconds of the simulated exchange and never go back from one call to the
    next. No method waits and none may be called from within another.
    """

    def __init__(self, rng: random.Random) -> None:
        """Begin without connections; `rng` is the only source of chance."""
        self.rng = rng
        self.faults = FaultPlan(random.Random(rng.getrandbits(64)))  # noqa: S311  no secret
        self.sockets: dict[int, SimSocket] = {}
        self._due: list[_Due] = []
        self._numbers = itertools.count()

    # What a dialect must say.

    @abc.abstractmethod
    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a request, taking its effect."""

    @abc.abstractmethod
    def credentials(self, account: str = FIRST_ACCOUNT) -> SimCredentials:
        """Give the key of an account, opening it with funds when there is none of that name."""

    @abc.abstractmethod
    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name, as this exchange would write it.

        Every dialect knows `timeout` and `unexpected` (the outcome is unknown), `overloaded`,
        `unavailable` (an error page that is no JSON), `rate_limited`, and, where the exchange
        bans, `banned`.

        Raises:
            KeyError: The dialect has no answer of that name.
        """

    @abc.abstractmethod
    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Refuse a WebSocket handshake with an answer; `None` lets it in."""

    @abc.abstractmethod
    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Welcome a connection."""

    @abc.abstractmethod
    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        """Take a text or binary frame."""

    @abc.abstractmethod
    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Take a PING frame; the shell has answered it with a PONG."""

    @abc.abstractmethod
    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Take a PONG frame."""

    @abc.abstractmethod
    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        """Forget a connection."""

    @abc.abstractmethod
    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due by `now_ns`."""

    @abc.abstractmethod
    def next_due_ns(self) -> int | None:
        """Give the time at which `advance` has something to do; `None`: not by itself."""

    def state(self) -> dict[str, object]:
        """Describe the simulator for a person or a test in another process, as JSON values."""
        return {
            "connections": len(self.sockets),
            "faults_fired": len(self.faults.fired),
        }

    # What every dialect can do.

    def open_socket(
        self, path: str, query_string: str, now_ns: int, *, peer: str = ""
    ) -> SimSocket:
        """Make a connection and welcome it."""
        socket = SimSocket(next(self._numbers), path, query_string, peer=peer)
        self.sockets[socket.id] = socket
        self.connected(socket, now_ns)
        return socket

    def close_socket(self, socket: SimSocket, now_ns: int) -> None:
        """Forget a connection that has ended; a second time is harmless."""
        socket.is_open = False
        if self.sockets.pop(socket.id, None) is not None:
            self.disconnected(socket, now_ns)

    def later(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Let `action` happen during `advance`, with the time at which it happens."""
        heapq.heappush(self._due, _Due(at_ns, next(self._numbers), action))

    def run_due(self, now_ns: int) -> None:
        """Run the actions of `later` whose time has come, in order."""
        while self._due and self._due[0].at_ns <= now_ns:
            due = heapq.heappop(self._due)
            due.action(max(due.at_ns, now_ns))

    def next_action_ns(self) -> int | None:
        """Give the time of the first action of `later`."""
        return self._due[0].at_ns if self._due else None

    def publish(self, socket: SimSocket, topic: str, text: str, now_ns: int) -> None:
        """Send a stream message, or what a fault makes of it."""
        fault = self.faults.take(_STREAM, topic=topic)
        if fault is None:
            socket.send(text)
            return
        match fault.kind:
            case FaultKind.MESSAGE_DROP:
                pass
            case FaultKind.MESSAGE_DUPLICATE:
                socket.send(text)
                socket.send(text)
            case FaultKind.MESSAGE_REORDER:
                socket.hold(text)
            case FaultKind.MESSAGE_DELAY:
                self.later(now_ns + _ns(fault.delay_s), lambda _: socket.send(text))
            case FaultKind.SILENCE:
                socket.is_silent = True
            case _:
                socket.close(fault.code, fault.reason)

    def fault_answer(self, fault: Fault, request: SimRequest, now_ns: int) -> SimAnswer:
        """Write the answer that an `ANSWER_…` fault asks for."""
        if fault.answer:
            return self.named_answer(fault.answer, request, now_ns)
        kind = "application/json" if fault.body.startswith(("{", "[")) else "text/html"
        return SimAnswer(fault.status or 503, (("Content-Type", kind),), fault.body.encode())


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000_000)


_LOST: Final = {
    FaultKind.DROP_BEFORE: Ending.DROPPED,
    FaultKind.RESET_BEFORE: Ending.RESET,
    FaultKind.HANG_BEFORE: Ending.HANGING,
    FaultKind.DROP_AFTER: Ending.DROPPED,
    FaultKind.RESET_AFTER: Ending.RESET,
    FaultKind.HANG_AFTER: Ending.HANGING,
}


async def deliver(dialect: Dialect, request: SimRequest, clock_ns: Callable[[], int]) -> Delivery:
    """Bring a request to a dialect and its answer back, with the faults of the way.

    Waiting goes through the event loop, so a loop with virtual time is as good as a real one.
    Canceled while it waits for the request's arrival, the request had no effect.
    """
    for fault in _all_faults(dialect.faults, _BEFORE, request):
        if fault.kind is FaultKind.DELAY_REQUEST:
            await asyncio.sleep(fault.delay_s)
        elif fault.kind is FaultKind.ANSWER_BEFORE:
            return Delivery(Ending.ANSWERED, dialect.fault_answer(fault, request, clock_ns()))
        else:
            return Delivery(_LOST[fault.kind])
    answer = dialect.handle(request, clock_ns())
    for fault in _all_faults(dialect.faults, _AFTER, request):
        if fault.kind is FaultKind.DELAY_ANSWER:
            await asyncio.sleep(fault.delay_s)
        elif fault.kind is FaultKind.ANSWER_AFTER:
            return Delivery(Ending.ANSWERED, dialect.fault_answer(fault, request, clock_ns()))
        else:
            return Delivery(_LOST[fault.kind])
    return Delivery(Ending.ANSWERED, answer)


def _all_faults(
    plan: FaultPlan, kinds: Iterable[FaultKind], request: SimRequest
) -> Iterable[Fault]:
    """Give at most one fault of each kind, in the order of `kinds`."""
    for kind in kinds:
        fault = plan.take((kind,), method=request.method, path=request.path)
        if fault is not None:
            yield fault
