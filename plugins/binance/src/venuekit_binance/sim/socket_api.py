"""The WebSocket API: the REST calls over a socket, sessions, and the user data stream.

Source: Binance WebSocket API docs and "User Data Stream", 2026-07.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import parse_qs

import attrs

from venuekit.sim.dialect import Dialect, SimAnswer, SimRequest, SimSocket
from venuekit.sim.faults import Fault, FaultKind
from venuekit_binance.sim.calls import Call, Endpoint, TimeUnit
from venuekit_binance.sim.connections import Connection, ConnectionSettings
from venuekit_binance.sim.gates import Asked, Done, pass_gates
from venuekit_binance.sim.parameters import (
    integer,
    is_number,
    json_params,
    optional,
    socket_pairs,
)
from venuekit_binance.sim.payloads import dumps
from venuekit_binance.sim.refusals import (
    Refusal,
    bad_key,
    bad_signature,
    illegal_characters,
    missing,
)
from venuekit_binance.sim.security import KeyType, Security, socket_payload
from venuekit_binance.sim.user_events import EventTime

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_SESSION_WEIGHT: Final = 2
_SUBSCRIPTION_ID: Final = optional("subscriptionId", integer)
_ACTIVE: Final = 1_000
_LIFETIME: Final = 65_535
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


@attrs.define
class Session:
    """A connection to the WebSocket API and what it has logged on and subscribed to."""

    connection: Connection
    unit: TimeUnit
    returns_limits: bool
    key_name: str | None = None
    account: str | None = None
    since_ns: int = 0
    subscriptions: dict[int, str] = attrs.field(factory=dict)
    """Accounts by subscription."""
    session_subscription: int | None = None
    subscribed: int = 0

    @property
    def socket(self) -> SimSocket:
        """Where its messages go."""
        return self.connection.socket


@attrs.frozen
class _Frame:
    """A request as it was read from the wire."""

    id: object
    method: str
    params: Mapping[str, object]
    returns_limits: bool


class SocketApi:
    """All connections to the WebSocket API."""

    def __init__(
        self,
        dialect: Dialect,
        venue: "Venue",
        settings: ConnectionSettings,
        endpoints: Mapping[str, Endpoint],
    ) -> None:
        self._dialect = dialect
        self._venue = venue
        self._settings = settings
        self._endpoints = dict(endpoints)
        for name, handler, security in (
            ("session.logon", _nothing, Security.USER_STREAM),
            ("session.status", _nothing, Security.NONE),
            ("session.logout", _nothing, Security.NONE),
            ("session.subscriptions", _nothing, Security.NONE),
            ("userDataStream.subscribe", _nothing, Security.NONE),
            ("userDataStream.subscribe.signature", _nothing, Security.USER_STREAM),
        ):
            self._endpoints[name] = Endpoint(
                name=name, handler=handler, security=security, weight=_SESSION_WEIGHT
            )
        self._endpoints["userDataStream.unsubscribe"] = Endpoint(
            name="userDataStream.unsubscribe",
            handler=_nothing,
            weight=_SESSION_WEIGHT,
            parameters=(_SUBSCRIPTION_ID,),
        )
        self._sessions: dict[int, Session] = {}

    # Connections.

    def connected(self, socket: SimSocket, now_ns: int) -> Connection:
        """Take in a connection."""
        query = parse_qs(socket.query_string, keep_blank_values=True)
        unit = query.get("timeUnit", ["MILLISECOND"])[0].upper()
        returns = query.get("returnRateLimits", ["true"])[0].lower() != "false"
        connection = Connection(socket, self._settings, now_ns, is_counted=False)
        known = unit if unit in TimeUnit.__members__ else "MILLISECOND"
        self._sessions[socket.id] = Session(connection, TimeUnit[known], returns)
        return connection

    def disconnected(self, socket: SimSocket) -> None:
        """Forget a connection; its subscriptions end with it."""
        self._sessions.pop(socket.id, None)

    def tell(self, account: str, kind: str, event: Mapping[str, object], now_ns: int) -> None:
        """Send an event of an account to everyone who subscribed to it.

        Each subscriber gets the event's times in the unit of its connection.
        """
        for session in list(self._sessions.values()):
            for number, subscribed in list(session.subscriptions.items()):
                if subscribed == account:
                    self._send_event(session, number, kind, event, now_ns)

    def _send_event(
        self,
        session: Session,
        number: int,
        kind: str,
        event: Mapping[str, object],
        now_ns: int,
    ) -> None:
        timed = {
            name: session.unit.of(value.ns) if isinstance(value, EventTime) else value
            for name, value in event.items()
        }
        text = dumps({"subscriptionId": number, "event": self._venue.estranged(timed)}).decode()
        self._dialect.publish(session.socket, f"user/{kind}", text, now_ns)

    # Requests.

    def received(self, socket: SimSocket, text: str, now_ns: int) -> None:
        """Answer a request, now or when faults let it through."""
        session = self._sessions[socket.id]
        number: int | str | None = None
        try:
            data = _read(text)
            number = _number(data)
            frame = _frame(data, number, session)
        except Refusal as refusal:
            self._answer(session, number, refusal.status, {"error": refusal.body()})
            return
        delay = self._dialect.faults.take(
            (FaultKind.DELAY_REQUEST,), method="WS", path=frame.method
        )
        if delay is None:
            self._process(session, frame, now_ns)
            return
        at_ns = now_ns + round(delay.delay_s * 1e9)
        self._dialect.later(at_ns, lambda at: self._process(session, frame, at))

    def _process(self, session: Session, frame: _Frame, now_ns: int) -> None:
        faults = self._dialect.faults
        fault = faults.take(_DELIVERED, method="WS", path=frame.method)
        if fault is not None:
            self._fail(session, frame, fault, now_ns)
            return
        status, body, limits = self._outcome(session, frame, now_ns)
        fault = faults.take(_ANSWERED, method="WS", path=frame.method)
        if fault is not None:
            self._fail(session, frame, fault, now_ns)
            self._venue.settle(now_ns)
            return
        if frame.returns_limits:
            body["rateLimits"] = limits
        delay = faults.take((FaultKind.DELAY_ANSWER,), method="WS", path=frame.method)
        if delay is None:
            self._answer(session, frame.id, status, body)
        else:
            at_ns = now_ns + round(delay.delay_s * 1e9)
            self._dialect.later(at_ns, lambda _: self._answer(session, frame.id, status, body))
        # Seen in traffic: the answer leaves before the events that it causes.
        self._venue.settle(now_ns)

    def _fail(self, session: Session, frame: _Frame, fault: Fault, now_ns: int) -> None:
        match fault.kind:
            case FaultKind.HANG_BEFORE | FaultKind.HANG_AFTER:
                return
            case FaultKind.ANSWER_BEFORE | FaultKind.ANSWER_AFTER:
                request = SimRequest(method="WS", path=frame.method)
                answer = self._dialect.fault_answer(fault, request, now_ns)
                self._answer(session, frame.id, answer.status, {"error": _error(answer)})
            case _:
                session.socket.close(1006)

    def _answer(
        self, session: Session, number: object, status: int, body: Mapping[str, object]
    ) -> None:
        session.socket.send(dumps({"id": number, "status": status, **body}).decode())

    def _outcome(
        self, session: Session, frame: _Frame, now_ns: int
    ) -> tuple[int, dict[str, object], list[dict[str, object]]]:
        """Give status, body and limits of the answer."""
        address = session.socket.peer
        limits = self._venue.limits
        endpoint = self._endpoints.get(frame.method)
        account = session.account or ""
        body: dict[str, object]
        try:
            done = (
                self._refuse_unknown(address, now_ns)
                if endpoint is None
                else self._do(session, frame, endpoint, now_ns)
            )
            account = done.account or account
            status, body = 200, {"result": done.body}
        except Refusal as refusal:
            status, body = refusal.status, {"error": self._error_body(refusal, now_ns)}
            if refusal.status == 418:
                self._dialect.later(now_ns, lambda _: session.socket.close(1008, "IP banned"))
        reported = limits.weight_payload(address, now_ns)
        if endpoint is not None and endpoint.counts_orders and account:
            reported = [*limits.orders_payload(account, now_ns), *reported]
        return status, body, reported

    def _refuse_unknown(self, address: str, now_ns: int) -> NoReturn:
        self._venue.limits.check_ban(address, now_ns)
        self._venue.limits.charge(address, 1, now_ns, is_rest=False)
        raise Refusal(-1020, "This operation is not supported.")

    def _error_body(self, refusal: Refusal, now_ns: int) -> dict[str, object]:
        body = refusal.body()
        if refusal.retry_at_ms is not None and refusal.data is None:
            body["data"] = {"serverTime": now_ns // 1_000_000, "retryAfter": refusal.retry_at_ms}
        return body

    def _do(self, session: Session, frame: _Frame, endpoint: Endpoint, now_ns: int) -> Done:
        sent = socket_pairs(frame.params)
        payload = socket_payload(sent)
        # No parameter of any call, but signed like one.
        sent.pop("returnRateLimits", None)
        asked = Asked(
            endpoint=endpoint,
            sent=sent,
            payload=payload,
            address=session.socket.peer,
            key_name=sent.get("apiKey"),
            session_key=self._session_key(session),
            unit=session.unit,
            is_rest=False,
        )
        done = pass_gates(self._venue, asked, now_ns)
        match endpoint.name:
            case "session.logon":
                self._log_on(session, sent["apiKey"], done.account, now_ns)
            case "session.logout":
                self._log_out(session, now_ns)
            case "session.subscriptions":
                return Done([{"subscriptionId": each} for each in session.subscriptions], "")
            case "userDataStream.subscribe":
                number = self._subscribe(session, self._sure_account(session))
                session.session_subscription = number
                return Done({"subscriptionId": number}, "")
            case "userDataStream.subscribe.signature":
                return Done({"subscriptionId": self._subscribe(session, done.account)}, "")
            case "userDataStream.unsubscribe":
                self._unsubscribe(session, sent.get("subscriptionId"), now_ns)
                return Done({}, "")
            case "session.status":
                pass
            case _:
                return done
        return Done(self._status(session, now_ns), "")

    # Sessions.

    def _session_key(self, session: Session) -> str | None:
        """Give the session's key, unless its key has become invalid."""
        if session.key_name is not None and session.key_name not in self._venue.keys:
            session.key_name = session.account = None
            error = bad_key()
            self._answer(session, None, error.status, {"error": error.body()})
        return session.key_name

    def _sure_account(self, session: Session) -> str:
        if session.account is None:
            raise bad_key()
        return session.account

    def _log_on(self, session: Session, name: str, account: str, now_ns: int) -> None:
        key = self._venue.keys.find(name, Security.USER_STREAM, session.socket.peer)
        if key.type is not KeyType.ED25519:
            raise bad_signature()
        session.key_name, session.account, session.since_ns = name, account, now_ns

    def _log_out(self, session: Session, now_ns: int) -> None:
        session.key_name = session.account = None
        if session.session_subscription in session.subscriptions:
            self._end(session, session.session_subscription, now_ns)

    def _status(self, session: Session, now_ns: int) -> dict[str, object]:
        of = session.unit.of
        is_on = session.account is not None
        return {
            "apiKey": session.key_name,
            "authorizedSince": of(session.since_ns) if is_on else None,
            "connectedSince": of(session.connection.since_ns),
            "returnRateLimits": session.returns_limits,
            "serverTime": of(self._venue.clock_ns(now_ns)),
            "userDataStream": bool(session.subscriptions),
        }

    def _subscribe(self, session: Session, account: str) -> int:
        if account in session.subscriptions.values():
            raise Refusal(-2035, "User Data Stream subscription already active.")
        if session.subscribed >= _LIFETIME or len(session.subscriptions) >= _ACTIVE:
            raise Refusal(-2042, "Maximum subscription ID reached for this connection.")
        number = session.subscribed
        session.subscribed += 1
        session.subscriptions[number] = account
        return number

    def _unsubscribe(self, session: Session, number: str | None, now_ns: int) -> None:
        chosen = list(session.subscriptions) if number is None else [int(number)]
        if not chosen or any(each not in session.subscriptions for each in chosen):
            raise Refusal(-2036, "User Data Stream subscription not active.")
        for each in chosen:
            self._end(session, each, now_ns)

    def _end(self, session: Session, number: int, now_ns: int) -> None:
        event = {"e": "eventStreamTerminated", "E": EventTime(now_ns)}
        self._send_event(session, number, "eventStreamTerminated", event, now_ns)
        del session.subscriptions[number]
        if session.session_subscription == number:
            session.session_subscription = None


def _nothing(_venue: "Venue", _call: Call) -> object:
    """Leave the answer to the session."""
    return {}


def _read(text: str) -> dict[str, Any]:
    try:
        data = json_params(text)
    except (ValueError, RecursionError):
        raise _not_json() from None
    if not isinstance(data, dict):
        raise _not_json()
    return data


def _not_json() -> Refusal:
    return Refusal(-1135, "Invalid JSON Request")


def _number(data: Mapping[str, object]) -> int | str | None:
    """Give the request's id: a whole number, a short text, or nothing."""
    number = data.get("id")
    if is_number(number):
        value = json.loads(str(number))
        if isinstance(value, int) and abs(value) < 2**63:
            return value
    elif number is None or (isinstance(number, str) and len(number) <= 36):
        return number
    raise illegal_characters("id", "^[a-zA-Z0-9-_]{1,36}$")


def _frame(data: Mapping[str, object], number: object, session: Session) -> _Frame:
    method, params = data.get("method"), data.get("params")
    if not isinstance(method, str):
        raise missing("method")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise _not_json()
    wants = params.get("returnRateLimits")
    returns = session.returns_limits if wants is None else bool(wants)
    return _Frame(number, method.removeprefix("v3/"), params, returns)


def _error(answer: SimAnswer) -> object:
    """Turn an HTTP error into the error member of an answer."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return {"code": -1000, "msg": answer.body.decode("utf-8", "replace")}
