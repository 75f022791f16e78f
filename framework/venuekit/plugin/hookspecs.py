"""The hooks, for pluggy. `venuekit_exchange` is how an exchange plugin hands itself over; the
others are for packages in the group `venuekit.plugins` that watch or extend.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pluggy

from venuekit.model import Instrument, Order, OrderRequest
from venuekit.plugin.manifest import Manifest
from venuekit.plugin.policies import RetryPolicy

hookspec = pluggy.HookspecMarker("venuekit")
hookimpl = pluggy.HookimplMarker("venuekit")


@attrs.frozen(kw_only=True)
class RequestSeen:
    """One attempt at one request, after its end. No query, header or body: they hold secrets."""

    exchange: str
    account: str
    what: str
    kind: str
    attempt: int
    status: int | None
    """HTTP status; None if there was no answer."""
    outcome: str
    duration_s: float


class LimitEventKind(enum.Enum):
    """What happened at the door of an exchange."""

    WAITING = "waiting"
    """A request began to wait; `seconds` are those that it will take at least."""
    WAITED = "waited"
    """It may go on, after `seconds`."""
    TOO_LATE = "too_late"
    """It would have had to wait longer than the caller wants, for another `seconds`; not sent."""
    PAUSED = "paused"
    """The exchange said "too fast": what pays `budgets`, or everything if there are none, stops
    for `seconds`."""
    BANNED = "banned"
    """The exchange has banned us, or another program of this machine, for `seconds`."""


@attrs.frozen(kw_only=True)
class LimitEvent:
    """Something that an exchange's limits did to us."""

    kind: LimitEventKind
    seconds: float
    """Infinite where only another request's end can help."""
    budgets: tuple[str, ...] = ()
    lane: str = ""
    """Of a request that waits: `cancel`, `place`, `query` or `market_data`."""


@attrs.frozen(kw_only=True)
class CommandSpec:
    """A command that a package adds to the command line."""

    name: str
    help: str
    function: str
    """`module:function`, imported when the command is run; takes a list of arguments."""


@hookspec(firstresult=True)
def venuekit_exchange() -> Manifest:  # type: ignore[empty-body]  # a specification has no body
    """Hand over the manifest of the exchange that this module is the plugin of."""


@hookspec(firstresult=True)
def venuekit_extension(settings: Mapping[str, Any]) -> object:
    """Make the extension of its settings: an object whose methods are further hooks.

    Called once, when extensions are loaded, with the table `[plugins.settings.NAME]` of the
    configuration, NAME being the entry point's; an empty one where there is none. A
    `ConfigurationError` says what is wrong with the settings.
    """


@hookspec
def venuekit_veto_order(
    exchange: str, account: str, request: OrderRequest, instrument: Instrument
) -> str | None:
    """Refuse an order before it is journalled: give the reason in a sentence, or None.

    Asked for every order, for each leg of a batch or a list, and for an amendment, with the order
    as it would be then.
    """


@hookspec
def venuekit_request_seen(request: RequestSeen) -> None:
    """Watch every attempt at a request."""


@hookspec
def venuekit_order_changed(exchange: str, account: str, order: Order) -> None:
    """Watch every change of an order."""


@hookspec
def venuekit_stream_event(exchange: str, account: str, event: Any) -> None:
    """Watch the states and gaps of streams."""


@hookspec
def venuekit_limit_event(exchange: str, account: str, event: LimitEvent) -> None:
    """Watch requests that wait for limits, and the exchange's refusals and bans."""


@hookspec
def venuekit_retry_policy(exchange: str, kind: str, policy: RetryPolicy) -> RetryPolicy | None:
    """Replace how often and how long one kind of request is tried; None leaves it as it is.

    Asked once for each kind (`public_read`, `private_read`, `place`, `cancel`, `amend`,
    `withdraw`) when an exchange is opened; what the configuration says comes after it. What is
    safe to send again is not among the numbers, and cannot be changed.
    """


@hookspec
def venuekit_store_schemes() -> Mapping[str, Callable[[str], Any]]:  # type: ignore[empty-body]  # a specification has no body
    """Offer stores: a function of the URL for each URL scheme."""


@hookspec
def venuekit_credential_sources() -> Mapping[str, Callable[[str], str]]:  # type: ignore[empty-body]  # a specification has no body
    """Offer credential sources: for each scheme a function of what follows the colon."""


@hookspec
def venuekit_commands() -> Sequence[CommandSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Offer commands for the command line."""
