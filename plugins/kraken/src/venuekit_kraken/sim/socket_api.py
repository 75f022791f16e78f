"""Requests over a socket: pings, subscriptions, orders; and the frames of their answers.

Source: Kraken API Center, WebSocket v2 pages.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit.sim.dialect import Dialect, SimRequest
from venuekit.sim.faults import Fault, FaultKind
from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.calls import Call
from venuekit_kraken.sim.connections import PRIVATE_CHANNELS, Connection
from venuekit_kraken.sim.refusals import Refusal, invalid
from venuekit_kraken.sim.security import Token
from venuekit_kraken.sim.socket_orders import METHODS
from venuekit_kraken.sim.strangeness import estranged
from venuekit_kraken.sim.streams import Outcome, Streams
from venuekit_kraken.sim.wire import dumps, loads, rfc3339

if TYPE_CHECKING:
    from venuekit_kraken.sim.desk import Desk
    from venuekit_kraken.sim.venue import Venue

_DELIVERED: Final = (
    FaultKind.DROP_BEFORE,
    FaultKind.RESET_BEFORE,
    FaultKind.HANG_BEFORE,
    FaultKind.ANSWER_BEFORE,
)
_ANSWERED: Final = (
    FaultKind.DROP_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.HANG_AFTER,
    FaultKind.ANSWER_AFTER,
)
_SUBSCRIBING: Final = frozenset({"subscribe", "unsubscribe"})
_PERMISSIONS: Final = {
    "executions": ("query-open-trades", "query-closed-trades"),
    "balances": ("query-funds", "query-ledger"),
}
Body = dict[str, object]


@attrs.frozen
class _Frame:
    """A request as it was read from the wire."""

    method: str
    params: dict[str, Any]
    req_id: object
    came_ns: int


class SocketApi:
    """Answers requests of all connections."""

    def __init__(
        self,
        dialect: Dialect,
        venue: "Venue",
        desk: "Desk",
        streams: Streams,
        settle: Callable[[int], None],
    ) -> None:
        """Answer requests.

        Args:
            dialect: Whose faults and time are asked.
            venue: The exchange.
            desk: Its orders.
            streams: Its channels.
            settle: Tells the channels what a request has caused.
        """
        self._dialect = dialect
        self._venue = venue
        self._desk = desk
        self._streams = streams
        self._settle = settle

    def received(self, connection: Connection, text: str, now_ns: int) -> None:
        """Answer a request, now or when faults let it through."""
        connection.heard(now_ns)
        try:
            frame = _frame(text, now_ns)
        except Refusal as refusal:
            body: Body = {"error": refusal.text, "success": False}
            self._answer(connection, _Frame("", {}, None, now_ns), body, now_ns)
            return
        delay = self._dialect.faults.take(
            (FaultKind.DELAY_REQUEST,), method="WS", path=frame.method
        )
        if delay is None:
            self._process(connection, frame, now_ns)
            return
        at_ns = now_ns + round(delay.delay_s * 1e9)
        self._dialect.later(at_ns, lambda at: self._process(connection, frame, at))

    def _process(self, connection: Connection, frame: _Frame, now_ns: int) -> None:
        faults = self._dialect.faults
        fault = faults.take(_DELIVERED, method="WS", path=frame.method)
        if fault is not None:
            self._fail(connection, frame, fault, now_ns)
            return
        outcomes = self._outcomes(connection, frame, now_ns)
        fault = faults.take(_ANSWERED, method="WS", path=frame.method)
        if fault is not None:
            self._fail(connection, frame, fault, now_ns)
            self._settle(now_ns)
            return
        delay = faults.take((FaultKind.DELAY_ANSWER,), method="WS", path=frame.method)
        if delay is None:
            self._answer_all(connection, frame, outcomes, now_ns)
        else:
            at_ns = now_ns + round(delay.delay_s * 1e9)
            self._dialect.later(at_ns, lambda at: self._answer_all(connection, frame, outcomes, at))
        self._settle(now_ns)

    def _fail(self, connection: Connection, frame: _Frame, fault: Fault, now_ns: int) -> None:
        match fault.kind:
            case FaultKind.HANG_BEFORE | FaultKind.HANG_AFTER:
                return
            case FaultKind.ANSWER_BEFORE | FaultKind.ANSWER_AFTER:
                request = SimRequest(method="WS", path=frame.method)
                answer = self._dialect.fault_answer(fault, request, now_ns)
                body: Body = {"error": _error_text(answer.body), "success": False}
                self._answer(connection, frame, body, now_ns)
            case _:
                connection.socket.close(1006)

    def _answer_all(
        self, connection: Connection, frame: _Frame, outcomes: list[Outcome], now_ns: int
    ) -> None:
        for body, then in outcomes:
            self._answer(connection, frame, body, now_ns)
            if then is not None:
                then()

    def _answer(self, connection: Connection, frame: _Frame, body: Body, now_ns: int) -> None:
        if not connection.socket.is_open:
            return
        whole: Body = {"method": frame.method or None, **body}
        if frame.req_id is not None:
            whole["req_id"] = frame.req_id
        clock_ns = self._venue.clock_ns
        whole["time_in"] = rfc3339(clock_ns(frame.came_ns))
        whole["time_out"] = rfc3339(clock_ns(now_ns))
        connection.socket.send(dumps(estranged(self._venue.faults, whole)).decode())
        connection.sent(now_ns)

    # Doing.

    def _outcomes(self, connection: Connection, frame: _Frame, now_ns: int) -> list[Outcome]:
        try:
            return self._do(connection, frame, now_ns)
        except Refusal as refusal:
            return [({"error": refusal.text, "success": False}, None)]

    def _do(self, connection: Connection, frame: _Frame, now_ns: int) -> list[Outcome]:
        sent = Arguments(frame.params)
        if frame.method == "ping":
            return [({"method": "pong"}, None)]
        if frame.method in _SUBSCRIBING:
            channel = sent.text("channel") or ""
            token = None
            if channel in PRIVATE_CHANNELS:
                token = self._token(connection, frame, now_ns)
                for permission in _PERMISSIONS[channel]:
                    token.key.check_permission(permission)
            if frame.method == "unsubscribe":
                return self._streams.unsubscribe(connection, sent)
            return self._streams.subscribe(connection, sent, token, now_ns)
        known = METHODS.get(frame.method)
        if known is None:
            raise Refusal(f"Unsupported method: '{frame.method}'")
        handler, permissions = known
        token = self._token(connection, frame, now_ns)
        for group in permissions:
            token.key.check_permission(*group)
        call = Call(
            venue=self._venue,
            desk=self._desk,
            arguments=sent,
            now_ns=now_ns,
            name=frame.method,
            key=token.key,
        )
        return [(body, None) for body in handler(call)]

    def _token(self, connection: Connection, frame: _Frame, now_ns: int) -> Token:
        if connection.is_public:
            raise Refusal("Private data and trading are unavailable on this endpoint")
        tokens = self._venue.tokens
        fault = self._dialect.faults.take(
            (FaultKind.EXPIRED_TOKEN,), method="WS", path=frame.method
        )
        if fault is not None:
            tokens.revoke(frame.params.get("token"))
        return tokens.find(frame.params, connection.held_token, now_ns)


def _frame(text: str, now_ns: int) -> _Frame:
    try:
        data = loads(text)
    except (ValueError, RecursionError):
        raise Refusal("Malformed request") from None
    if not isinstance(data, dict) or not isinstance(data.get("method"), str):
        raise Refusal("Malformed request")
    params = data.get("params", {})
    if not isinstance(params, dict):
        raise Refusal("Malformed request")
    req_id = data.get("req_id")
    if req_id is not None and (not isinstance(req_id, int) or isinstance(req_id, bool)):
        raise invalid("req_id")
    return _Frame(data["method"], params, req_id, now_ns)


def _error_text(body: bytes) -> str:
    """Take the text out of an answer of REST, or give an error page as it is."""
    try:
        return str(json.loads(body)["error"][0])
    except (ValueError, LookupError, TypeError):
        return body.decode("utf-8", "replace")
