"""Faults on request: what shall go wrong, for which requests or streams, and how often.

A fault is data. A test writes it as a value, another process posts it as JSON, and a plan hands
it out when something it fits comes by. Nothing here fails by itself: the dialect and the shell
round it ask the plan at the moments named in `FaultKind` and do what it says.
"""

import enum
import random
from collections.abc import Iterable
from fnmatch import fnmatchcase

import attrs
import cattrs


class FaultKind(enum.Enum):
    """What goes wrong; `before` means before the exchange has seen the request, `after` after."""

    DROP_BEFORE = "drop_before"
    """The connection is closed without an answer; the request had no effect."""
    DROP_AFTER = "drop_after"
    """The connection is closed without an answer; the request took effect."""
    RESET_BEFORE = "reset_before"
    """As `DROP_BEFORE`, with a TCP reset."""
    RESET_AFTER = "reset_after"
    """As `DROP_AFTER`, with a TCP reset."""
    HANG_BEFORE = "hang_before"
    """Half-open: no effect, no answer, and the connection stays."""
    HANG_AFTER = "hang_after"
    """Half-open: the effect happened, no answer, and the connection stays."""
    DELAY_REQUEST = "delay_request"
    """The request reaches the exchange `delay_s` late."""
    DELAY_ANSWER = "delay_answer"
    """The answer leaves the exchange `delay_s` late."""
    ANSWER_BEFORE = "answer_before"
    """Another answer is given (`answer`, or `status` and `body`); the request had no effect."""
    ANSWER_AFTER = "answer_after"
    """Another answer is given although the request took effect."""

    MESSAGE_DROP = "message_drop"
    """A stream message is lost: a gap."""
    MESSAGE_DUPLICATE = "message_duplicate"
    """A stream message arrives twice."""
    MESSAGE_REORDER = "message_reorder"
    """A stream message arrives after the next one of its connection."""
    MESSAGE_DELAY = "message_delay"
    """A stream message arrives `delay_s` late; others overtake it."""
    SILENCE = "silence"
    """Half-open: the connection stays, and nothing more comes out of it, not even PINGs."""
    CLOSE = "close"
    """The connection is closed with `code` and `reason` instead of the message."""
    SHUTDOWN = "shutdown"
    """The exchange announces its shutdown on every connection; `delay_s` later it closes them."""
    NO_PING = "no_ping"
    """A keep-alive PING is left out."""
    REFUSE_CONNECTION = "refuse_connection"
    """A WebSocket handshake is answered with `status` (503 when 0)."""

    CORRUPT_CHECKSUM = "corrupt_checksum"
    """A book message carries a checksum that does not belong to its book."""
    EXPIRED_TOKEN = "expired_token"  # noqa: S105  the name of a fault
    """The token of a request over a socket has run out, whatever its age."""

    CLOCK_SKEW = "clock_skew"
    """While the fault lives, the exchange's clock shows `value` milliseconds too much."""
    STALE_SNAPSHOT = "stale_snapshot"
    """A book snapshot is `value` milliseconds old (the oldest kept, when 0)."""
    MEMORY_LAG = "memory_lag"
    """An order placed less than `value` milliseconds ago is not found by queries."""
    HALT = "halt"
    """The instrument `topic` has the status `text` while the fault lives."""
    STRANGE_MEMBERS = "strange_members"
    """Answers and messages carry members that nobody documented."""
    STRANGE_VALUES = "strange_values"
    """Answers and messages carry an enumeration value that nobody documented."""


LASTING = frozenset(
    {
        FaultKind.CLOCK_SKEW,
        FaultKind.MEMORY_LAG,
        FaultKind.HALT,
        FaultKind.STRANGE_MEMBERS,
        FaultKind.STRANGE_VALUES,
    }
)
"""Kinds that describe a state of the world: they last until removed and are not counted."""


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that shall go wrong.

    Patterns are those of `fnmatch`, compared with case. A REST request has its method and path;
    a request over a socket has the method `WS` and the exchange's name of the call as its path;
    a stream message has the exchange's name of its stream as its topic.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    topic: str = "*"
    count: int | None = 1
    """How many times; `None`: until removed."""
    skip: int = 0
    """How many fitting occasions pass unharmed first."""
    probability: float = 1.0
    delay_s: float = 0.0
    answer: str = ""
    """The dialect's name of an answer, see `Dialect.named_answer`."""
    status: int = 0
    body: str = ""
    code: int = 1006
    """Close code of a WebSocket; 1006 drops the connection without a close frame."""
    reason: str = ""
    value: int = 0
    text: str = ""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be within 0 and 1, found {self.probability}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be at least 1 or none, found {self.count}")
        if self.delay_s < 0 or self.skip < 0:
            raise ValueError("delay_s and skip must not be negative")

    def fits(self, *, method: str, path: str, topic: str) -> bool:
        """Say whether the patterns match."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path)
            and fnmatchcase(topic, self.topic)
        )


@attrs.define
class _Planned:
    fault: Fault
    left: int | None
    to_skip: int


@attrs.frozen
class Fired:
    """A fault that happened: to which request or topic."""

    number: int
    fault: Fault
    subject: str


class FaultPlan:
    """The faults that are still to happen, and those that did.

    Faults are asked for in the order in which they were added; the first one that fits is used.
    """

    def __init__(self, rng: random.Random) -> None:
        """Begin without faults; `rng` decides where a probability is below one."""
        self._rng = rng
        self._planned: dict[int, _Planned] = {}
        self._next = 1
        self.fired: list[Fired] = []

    def add(self, *faults: Fault) -> tuple[int, ...]:
        """Plan faults and give their numbers, for `remove`."""
        numbers = []
        for fault in faults:
            self._planned[self._next] = _Planned(fault, fault.count, fault.skip)
            numbers.append(self._next)
            self._next += 1
        return tuple(numbers)

    def remove(self, number: int) -> bool:
        """Forget a fault; false when it is unknown or used up."""
        return self._planned.pop(number, None) is not None

    def clear(self) -> None:
        """Forget all faults that are still to happen."""
        self._planned.clear()

    @property
    def planned(self) -> dict[int, Fault]:
        """The faults that may still happen, by number."""
        return {number: planned.fault for number, planned in self._planned.items()}

    def take(
        self, kinds: Iterable[FaultKind], *, method: str = "", path: str = "", topic: str = ""
    ) -> Fault | None:
        """Give the fault that happens now, counted; `None` when all goes well."""
        if not self._planned:
            return None
        wanted = frozenset(kinds)
        for number, planned in self._planned.items():
            fault = planned.fault
            if fault.kind not in wanted or not fault.fits(method=method, path=path, topic=topic):
                continue
            if planned.to_skip:
                planned.to_skip -= 1
                continue
            if fault.probability < 1 and self._rng.random() >= fault.probability:
                continue
            self.fired.append(Fired(number, fault, topic or f"{method} {path}".strip()))
            if planned.left is not None:
                planned.left -= 1
                if not planned.left:
                    del self._planned[number]
            return fault
        return None

    def lasting(self, kind: FaultKind, *, topic: str | None = None) -> Fault | None:
        """Give the newest fault of a lasting kind without counting it."""
        for planned in reversed(self._planned.values()):
            fault = planned.fault
            if fault.kind is kind and (topic is None or fnmatchcase(topic, fault.topic)):
                return fault
        return None


_converter = cattrs.Converter(forbid_extra_keys=True, prefer_attrib_converters=True)


def fault_from_json(data: object) -> Fault:
    """Read a fault that another process sent.

    Raises:
        cattrs.BaseValidationError: A member is unknown, missing or of another type.
        ValueError: A value is out of its range.
    """
    return _converter.structure(data, Fault)


def fault_to_json(fault: Fault) -> dict[str, object]:
    """Write a fault as `fault_from_json` reads it, defaults left out."""
    data: dict[str, object] = {"kind": fault.kind.value}
    for field in attrs.fields(Fault):
        value = getattr(fault, field.name)
        if field.name != "kind" and value != field.default:
            data[field.name] = value
    return data
