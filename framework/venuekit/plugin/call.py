"""Requests and answers as data."""

import enum
from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import attrs

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MESSAGE: Final = "WS"
"""The method of a request that is a message over a socket."""
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class CallKind(enum.Enum):
    """What a request does; decides its lane, its time-outs and how it may be retried."""

    PUBLIC_READ = "public_read"
    PRIVATE_READ = "private_read"
    PLACE = "place"
    CANCEL = "cancel"
    AMEND = "amend"
    WITHDRAW = "withdraw"

    @property
    def is_write(self) -> bool:
        """Say whether it changes something at the exchange."""
        return self not in {CallKind.PUBLIC_READ, CallKind.PRIVATE_READ}

    @property
    def is_signed(self) -> bool:
        """Say whether it needs a key."""
        return self is not CallKind.PUBLIC_READ


def _hidden(value: str | bytes) -> str:
    return f"<{len(value)} hidden>" if value else "<none>"


def _names(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


@attrs.frozen(kw_only=True)
class Request:
    """One HTTP request or WebSocket message as it will go out, byte for byte.

    Its repr shows neither query nor header values nor body: they hold keys and signatures.
    """

    method: str
    """`GET`, `POST`, `PUT`, `DELETE`; or `WS` for a message over a socket."""
    host: str
    """Name of one of the environment's hosts, such as `rest`."""
    path: str
    query: str = attrs.field(default="", repr=_hidden)
    """Already percent-encoded, without the question mark."""
    headers: Mapping[str, str] = attrs.field(default=_NOTHING, repr=_names)
    body: bytes = attrs.field(default=b"", repr=_hidden)
    number: int | None = None
    """Of a message over a socket: what its answer will repeat. The framework gives it."""

    @property
    def is_message(self) -> bool:
        """Say whether it goes over a socket."""
        return self.method == MESSAGE

    def with_headers(self, headers: Mapping[str, str]) -> "Request":
        """Give the same with more headers; one of the same name is replaced."""
        return attrs.evolve(self, headers={**self.headers, **headers})


@attrs.frozen(kw_only=True)
class Answer:
    """One HTTP answer, whole; or one frame that answers a message, with the status 200.

    Its repr shows neither header values nor body: error pages quote what was sent to them.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(default=_NOTHING, repr=_names)
    """Names in lower case."""
    body: bytes = attrs.field(default=b"", repr=_hidden)


@attrs.frozen(kw_only=True)
class Cost:
    """What a call costs where a number does not tell: by orders' ages, or paid in any case."""

    units: int = 0
    """For each order in any case, >= 0."""
    by_age: Sequence[tuple[int, int]] = ()
    """(seconds, units), ages growing: an order younger than so many seconds costs so much more.
    The first that fits counts; one older than all costs nothing more."""
    born_ns: Sequence[int | None] = (None,)
    """When each of the orders was made or last changed, in nanoseconds since the epoch; None: not
    known, and taken to be just now."""
    waits: bool = True
    """False: the exchange takes the call also when the budget is used up, and counts it: it is
    sent without waiting for this budget, and others wait the longer."""

    def at(self, now_ns: int) -> int:
        """Give the units that are due at `now_ns`, the exchange's time."""
        return sum(self.units + self._more(born_ns, now_ns) for born_ns in self.born_ns)

    def _more(self, born_ns: int | None, now_ns: int) -> int:
        age_s = 0.0 if born_ns is None else max(0, now_ns - born_ns) / 1e9
        return next((units for seconds, units in self.by_age if age_s < seconds), 0)


@attrs.frozen(kw_only=True)
class Call(Generic[T_co]):
    """One REST request: what to send, what it costs, how to read its answer."""

    what: str
    """In words, for people: `place order`."""
    kind: CallKind
    request: Request
    """Not signed yet; the framework has the adapter sign it for every attempt."""
    read: Callable[[Answer], T_co]
    """Turns a successful answer into models. Raises ValueError or KeyError for one that the
    exchange's documents do not allow; the framework makes a `BadAnswer` of it."""
    costs: Mapping[str, "int | Cost"] = _NOTHING
    """Units by budget name, each >= 0; `counted_by` names budgets of one instrument."""
    refunds: Mapping[str, int] = _NOTHING
    """Units that the exchange gives back when the call succeeds."""
    client_order_id: str | None = None
    """Of the order that is concerned, for errors and journal."""
    signed: bool | None = None
    """None: as the kind says."""

    @property
    def is_signed(self) -> bool:
        """Say whether a key signs it."""
        return self.kind.is_signed if self.signed is None else self.signed


Steps = Call[T] | Generator[Call[Any], Any, T]
"""One call, or a generator that yields calls, is sent what each call's `read` gave, and returns
the result: for what takes several requests where one answer decides the next."""
