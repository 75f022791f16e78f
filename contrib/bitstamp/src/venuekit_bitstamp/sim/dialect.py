"""The simulated Bitstamp: who may ask, how much, and what its WebSocket says.

Source: HTTP API, "Authentication" and "Request limits"; WebSocket API v2.
"""

import collections
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from venuekit.sim.dialect import (
    FIRST_ACCOUNT,
    Dialect,
    SimAnswer,
    SimCredentials,
    SimRequest,
    SimSocket,
)
from venuekit_bitstamp.sim.endpoints import Endpoints, Refusal, as_json
from venuekit_bitstamp.sim.world import SECOND_NS, SPECS, World

_HOSTS: Final = ("www.bitstamp.net",)
_WINDOW_NS: Final = 150 * SECOND_NS
_NONCE_NS: Final = 300 * SECOND_NS
_LIMITS: Final = ((400, SECOND_NS), (10_000, 600 * SECOND_NS))
_FORM: Final = "application/x-www-form-urlencoded"
_DEPTH: Final = 100
_NAMED: Final = {
    "timeout": ("500.016", "Your request timed out before order confirmation."),
    "unexpected": ("500.001", "Unknown server error."),
    "overloaded": ("500.009", "Order book is currently unavailable."),
    "rate_limited": ("400.002", "Request rejected due to exceeded rate limit."),
}


class BitstampDialect(Dialect):
    """A simulated Bitstamp with three spot markets and a perpetual one that is only listed."""

    def __init__(self, *, seed: int = 1) -> None:
        """Begin; the first `advance` opens the markets.

        Args:
            seed: Of everything that chance decides.
        """
        super().__init__(random.Random(seed))  # noqa: S311  a simulation repeats itself
        self._world = World(random.Random(self.rng.getrandbits(64)))  # noqa: S311  as above
        self._endpoints = Endpoints(self._world)
        self._keys: dict[str, SimCredentials] = {}
        self._nonces: dict[tuple[str, str], int] = {}
        self._asked: dict[str, collections.deque[int]] = collections.defaultdict(collections.deque)
        self._channels: dict[int, set[str]] = {}
        self._now_ns = 0
        self._has_begun = False

    # Requests

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a request, taking its effect."""
        try:
            return as_json(self._answer(request, now_ns))
        except Refusal as refusal:
            return _refused(refusal)
        finally:
            self._tell(now_ns)

    def credentials(self, account: str = FIRST_ACCOUNT) -> SimCredentials:
        """Give the key of an account, opening it with funds when there is none of that name."""
        known = next((key for key in self._keys.values() if key.account == account), None)
        if known is None:
            name = hashlib.sha256(account.encode()).hexdigest()
            known = SimCredentials(account=account, api_key=name[:32], secret=name[32:])
            self._keys[known.api_key] = known
            self._world.open_account(account, self._now_ns)
        return known

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name."""
        if name == "unavailable":
            return SimAnswer(502, (("Content-Type", "text/html"),), b"<html>Bad gateway</html>")
        code, text = _NAMED[name]
        return _refused(Refusal(code, text))

    def state(self) -> dict[str, object]:
        """Describe the simulator."""
        return {**super().state(), "accounts": len(self._keys)}

    def _answer(self, request: SimRequest, now_ns: int) -> Any:
        self._count(request.peer, now_ns)
        parts = [part for part in request.path.split("/") if part]
        is_ours = parts[:2] == ["api", "v2"] and request.path.endswith("/")
        found = None
        if is_ours and request.method == "GET":
            found = self._endpoints.public(parts[2:], _pairs(request.query_string), now_ns)
        elif is_ours and request.method == "POST":
            account = self._checked(request, now_ns)
            form = _pairs(request.body.decode("utf-8", "replace"))
            found = self._endpoints.private(parts[2:], form, account, now_ns)
        if found is None:
            raise Refusal("404.001", "Unknown not found error.", status=404)
        return found

    def _count(self, peer: str, now_ns: int) -> None:
        asked = self._asked[peer]
        while asked and asked[0] <= now_ns - _LIMITS[-1][1]:
            asked.popleft()
        for most, span_ns in _LIMITS:
            if sum(at_ns > now_ns - span_ns for at_ns in asked) >= most:
                raise Refusal(*_NAMED["rate_limited"])
        asked.append(now_ns)

    def _checked(self, request: SimRequest, now_ns: int) -> str:
        """Check who signed; give the account."""
        head = {
            name: request.header(f"X-Auth{name}") or ""
            for name in ("", "-Signature", "-Nonce", "-Timestamp", "-Version")
        }
        for number, (name, value) in enumerate(head.items(), 12):
            if not value:
                raise _unknown(f"API{number:04d}", f"X-Auth{name} header is required")
        beginning, _, api_key = head[""].partition(" ")
        key = self._keys.get(api_key)
        if beginning != "BITSTAMP" or key is None:
            raise _unknown("API0001", "API key not found")
        if head["-Version"] != "v2":
            raise _unknown("API0010", "Invalid version")
        kind = request.header("Content-Type") or ""
        if request.body and kind != _FORM:
            raise _unknown("API0019", "Content-Type header is not accepted")
        if kind and not request.body:
            raise _unknown("API0020", "Content-Type header should not be present")
        time_ms, nonce = head["-Timestamp"], head["-Nonce"]
        if not time_ms.isdecimal() or len(time_ms) != 13:
            raise _unknown("API0018", "X-Auth-Timestamp header is invalid")
        if abs(now_ns - int(time_ms) * 1_000_000) > _WINDOW_NS:
            raise _unknown("API0017", "X-Auth-Timestamp header is out of boundaries")
        query = f"?{request.query_string}" if request.query_string else ""
        tails = f"{request.path}{query}{kind}{nonce}{time_ms}v2".encode() + request.body
        for host in _HOSTS:
            said = f"BITSTAMP {api_key}{request.method}{host}".encode() + tails
            made = hmac.new(key.secret.encode(), said, hashlib.sha256).hexdigest()
            if hmac.compare_digest(made, head["-Signature"].lower()):
                break
        else:
            raise _unknown("API0005", "Invalid signature")
        self._use(api_key, nonce, now_ns)
        return key.account

    def _use(self, api_key: str, nonce: str, now_ns: int) -> None:
        used_ns = self._nonces.get((api_key, nonce))
        if (used_ns is not None and used_ns > now_ns - _NONCE_NS) or len(nonce) != 36:
            raise _unknown("API0004", "Invalid nonce")
        self._nonces[api_key, nonce] = now_ns

    # Streams

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Let in who knows the path."""
        return None if request.path.rstrip("/") == "/ws" else SimAnswer(404)

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Begin without subscriptions."""
        self._channels[socket.id] = set()

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        """Take a request to subscribe, or to end that, or a heartbeat."""
        try:
            asked = json.loads(data)
            event = asked["event"]
            if event == "bts:heartbeat":
                socket.send(json.dumps({"event": event, "channel": "", "data": {"status": "ok"}}))
                return
            channel = str(asked["data"]["channel"])
            done = {"bts:subscribe": "subscription", "bts:unsubscribe": "unsubscription"}[event]
        except (ValueError, KeyError, TypeError):
            socket.send(_error("Incorrect JSON format."))
            return
        if channel not in _CHANNELS:
            socket.send(_error("Bad subscription string."))
            return
        if event == "bts:subscribe":
            self._channels[socket.id].add(channel)
        else:
            self._channels[socket.id].discard(channel)
        said = {"event": f"bts:{done}_succeeded", "channel": channel, "data": {}}
        socket.send(json.dumps(said))

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        """Forget its subscriptions."""
        self._channels.pop(socket.id, None)

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Do nothing: the server has answered."""

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Do nothing: nobody was asked."""

    # Time

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due by `now_ns`."""
        self._now_ns = now_ns
        if not self._has_begun:
            self._has_begun = True
            self._world.begin(now_ns)
        self._world.advance(now_ns)
        self.run_due(now_ns)
        self._tell(now_ns)

    def next_due_ns(self) -> int | None:
        """Give the time at which something happens by itself."""
        due = [at for at in (self._world.next_due_ns(), self.next_action_ns()) if at is not None]
        return min(due, default=None)

    def _tell(self, now_ns: int) -> None:
        """Send what happened to who asked for it."""
        trades, books = self._world.happened()
        for trade in trades:
            data = {
                "id": trade.trade_id,
                "timestamp": str(trade.time_ns // SECOND_NS),
                "microtimestamp": str(trade.time_ns // 1000),
                "amount": float(trade.quantity),
                "amount_str": f"{trade.quantity:.8f}",
                "price": float(trade.price),
                "price_str": str(trade.price),
                "type": 0 if trade.taker_side.value == "buy" else 1,
                "buy_order_id": 0,
                "sell_order_id": 0,
            }
            self._publish(f"live_trades_{trade.market}", "trade", data, now_ns)
        for symbol in sorted(books):
            channel = f"order_book_{symbol}"
            if any(channel in names for names in self._channels.values()):
                book = self._endpoints.book(symbol, _DEPTH, now_ns)
                self._publish(channel, "data", book, now_ns)

    def _publish(self, channel: str, event: str, data: Mapping[str, Any], now_ns: int) -> None:
        frame = json.dumps({"data": data, "channel": channel, "event": event})
        for socket in list(self.sockets.values()):
            if channel in self._channels.get(socket.id, ()):
                self.publish(socket, channel, frame, now_ns)


_CHANNELS: Final = frozenset(
    f"{kind}_{symbol}" for kind in ("live_trades", "order_book") for symbol in SPECS
)


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _error(text: str) -> str:
    data = {"code": None, "message": text}
    return json.dumps({"event": "bts:error", "channel": "", "data": data})


def _unknown(code: str, reason: str) -> Refusal:
    return Refusal(code, reason, status=403)


def _refused(refusal: Refusal) -> SimAnswer:
    if refusal.code.startswith("API"):
        body: dict[str, Any] = {"status": "error", "reason": refusal.reason, "code": refusal.code}
    else:
        reason = {"__all__": [refusal.reason]}
        body = {"status": "error", "reason": reason, "response_code": refusal.code}
    return as_json(body, refusal.status)
