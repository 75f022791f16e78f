"""The gates that every request passes, in the order in which the exchange checks them.

Ban, weight, key shape, parameters, key, signature, time window; then the business itself. The
order is that of the exchange as far as it is known.
Source: Binance spot REST docs, "General API Information", 2026-07.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from venuekit_binance.sim.calls import Call, Endpoint, Reply, TimeUnit
from venuekit_binance.sim.parameters import Arguments, read_arguments
from venuekit_binance.sim.refusals import Refusal, missing
from venuekit_binance.sim.security import check_signature, check_time_shapes, check_window

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue


@attrs.frozen(kw_only=True)
class Asked:
    """A request for an endpoint, after its wire form was read."""

    endpoint: Endpoint
    sent: Mapping[str, str]
    payload: bytes
    """What a signature must cover."""
    address: str
    key_name: str | None = None
    session_key: str | None = None
    """Key of an authenticated session: requests need neither a key nor a signature then."""
    unit: TimeUnit = TimeUnit.MILLISECOND
    is_rest: bool = True
    broken: Refusal | None = None
    """What was wrong with the wire form itself."""


@attrs.frozen
class Done:
    """What a request came to, and on whose account."""

    body: object
    account: str


def pass_gates(venue: "Venue", asked: Asked, now_ns: int) -> Done:
    """Take a request through all gates and do what it asks.

    Raises:
        Refusal: At the first gate that does not let it pass.
    """
    venue.limits.check_ban(asked.address, now_ns)
    arguments, refusal = _arguments(asked)
    cost = asked.endpoint.cost(arguments)
    venue.limits.charge(asked.address, cost, now_ns, is_rest=asked.is_rest)
    account = _identified(venue, asked, refusal, now_ns)
    call = Call(
        arguments=arguments,
        now_ns=now_ns,
        clock_ns=venue.clock_ns(now_ns),
        address=asked.address,
        account=account,
        unit=asked.unit,
        is_rest=asked.is_rest,
    )
    if "symbol" in arguments:
        venue.symbol(arguments.sure_text("symbol"))
    answered = asked.endpoint.handler(venue, call)
    reply = (
        answered
        if isinstance(answered, Reply)
        else Reply(answered, is_free=asked.endpoint.is_free_on_success)
    )
    if reply.is_free:
        venue.limits.refund(asked.address, cost, now_ns)
    return Done(venue.estranged(reply.body), account)


def _arguments(asked: Asked) -> tuple[Arguments, Refusal | None]:
    """Read the parameters; what is wrong with them is told only after the key was looked at."""
    if asked.broken is not None:
        return Arguments({}), asked.broken
    try:
        arguments = read_arguments(asked.sent, asked.endpoint.parameters)
        if asked.endpoint.check is not None:
            asked.endpoint.check(arguments)
    except Refusal as refusal:
        return Arguments({}), refusal
    return arguments, None


def _identified(venue: "Venue", asked: Asked, refusal: Refusal | None, now_ns: int) -> str:
    """Give the account that signed; empty for public calls."""
    security, sent = asked.endpoint.security, asked.sent
    if not security.is_signed:
        if refusal is not None:
            raise refusal
        return ""
    has_session = asked.session_key is not None and asked.key_name is None
    name = "" if has_session else venue.keys.check_shape(asked.key_name)
    if refusal is not None:
        raise refusal
    if not has_session and not sent.get("signature"):
        raise missing("signature")
    check_time_shapes(sent.get("timestamp"), sent.get("recvWindow"))
    # A session is no way round the permissions of its key.
    key = venue.keys.find(asked.session_key or "" if has_session else name, security, asked.address)
    if not has_session:
        check_signature(key, asked.payload, sent["signature"])
    check_window(sent.get("timestamp"), sent.get("recvWindow"), venue.clock_ns(now_ns))
    return key.account
