"""A simulated Kraken in memory, and a user of it who signs what he sends."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from venuekit.sim.dialect import Close, Ping, Send, SimAnswer, SimRequest, SimSocket
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.security import Credentials

NOON_NS = 1_784_116_800_000_000_000  # 2026-07-15 12:00:00 UTC


def api_sign(secret: str, path: str, nonce: str, body: str) -> str:
    """Sign as the documents say; written here a second time, apart from the simulator's own."""
    inner = hashlib.sha256((nonce + body).encode()).digest()
    key = base64.b64decode(secret)
    return base64.b64encode(hmac.digest(key, path.encode() + inner, "sha512")).decode()


class Line:
    """A WebSocket connection of a user."""

    def __init__(self, world: "World", socket: SimSocket) -> None:
        self.world = world
        self.socket = socket
        self.token = ""
        self.closed: Close | None = None
        self.texts: list[str] = []
        self._messages: list[Any] = []

    def _drain(self) -> None:
        for frame in self.socket.drain():
            match frame:
                case Send(text):
                    self.texts.append(text)
                    self._messages.append(json.loads(text, parse_float=Decimal))
                case Ping():
                    raise AssertionError("the exchange sends no PING")
                case Close():
                    self.closed = frame

    @property
    def ending(self) -> int:
        """Code of the close frame, zero while the line is open."""
        self._drain()
        return 0 if self.closed is None else self.closed.code

    def read(self) -> list[Any]:
        """Give all messages since the last call."""
        self._drain()
        messages, self._messages = self._messages, []
        return messages

    def on(self, channel: str) -> list[Any]:
        """Give the messages of a channel since the last call, and leave the others."""
        self._drain()
        found = [each for each in self._messages if each.get("channel") == channel]
        self._messages = [each for each in self._messages if each.get("channel") != channel]
        return found

    def send(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.world.dialect.received(self.socket, text, self.world.now_ns)

    def answers(self) -> list[Any]:
        """Give the answers since the last call, and leave what channels told."""
        self._drain()
        found = [each for each in self._messages if "method" in each]
        self._messages = [each for each in self._messages if "method" not in each]
        return found

    def ask_all(self, method: str, **params: object) -> list[Any]:
        """Send a request and give its answers."""
        if self.token:
            params = {"token": self.token, **params}
        self.answers()
        self.send({"method": method, "params": params, "req_id": 7})
        return self.answers()

    def ask(self, method: str, **params: object) -> Any:
        """Send a request and give its only answer."""
        (answer,) = self.ask_all(method, **params)
        return answer

    def subscribe(self, channel: str, *symbols: str, **params: object) -> list[Any]:
        more = {"symbol": list(symbols)} if symbols else {}
        return self.ask_all("subscribe", channel=channel, **more, **params)


class World:
    """A dialect, its time, and one user."""

    def __init__(self, dialect: KrakenDialect, peer: str = "10.0.0.1") -> None:
        self.dialect = dialect
        self.now_ns = NOON_NS
        self.peer = peer
        self.user = dialect.credentials()
        self.answer = SimAnswer(0)
        self._nonce = 1_700_000_000_000
        dialect.advance(self.now_ns)

    def wait(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass in small steps, as a server does."""
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + round(step_s * 1e9))
            self.dialect.advance(self.now_ns)

    def nonce(self) -> str:
        self._nonce += 1
        return str(self._nonce)

    def raw(self, request: SimRequest) -> Any:
        self.answer = self.dialect.handle(request, self.now_ns)
        return json.loads(self.answer.body) if self.answer.body[:1] == b"{" else None

    def public(self, method: str, **params: object) -> Any:
        """Give the result of a public call, or the error's text."""
        path = f"/0/public/{method}"
        query = urlencode(params)
        return _outcome(
            self.raw(SimRequest(method="GET", path=path, query_string=query, peer=self.peer))
        )

    def request(
        self,
        method: str,
        params: Mapping[str, Any],
        user: Credentials | None = None,
        *,
        nonce: str | None = None,
        sign: str | None = None,
        is_json: bool = False,
    ) -> SimRequest:
        """Write a signed request."""
        user = user or self.user
        nonce = self.nonce() if nonce is None else nonce
        path = f"/0/private/{method}"
        members = {"nonce": nonce, **params}
        body = json.dumps(members) if is_json else urlencode(members)
        kind = "application/json" if is_json else "application/x-www-form-urlencoded"
        return SimRequest(
            method="POST",
            path=path,
            body=body.encode(),
            headers={
                "API-Key": user.api_key,
                "API-Sign": sign or api_sign(user.secret, path, nonce, body),
                "Content-Type": kind,
            },
            peer=self.peer,
        )

    def private(self, method: str, user: Credentials | None = None, **params: Any) -> Any:
        """Give the result of a private call, or the error's text."""
        is_json = any(isinstance(each, (list, dict)) for each in params.values())
        return _outcome(self.raw(self.request(method, params, user, is_json=is_json)))

    def order(self, user: Credentials | None = None, **params: Any) -> Any:
        """Place an order, by default a small limit order that rests."""
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01"}
        if params.get("ordertype", "limit") == "limit":
            order["price"] = "50000"
        return self.private("AddOrder", user, **{**order, **params})

    def placed(self, user: Credentials | None = None, **params: Any) -> str:
        """Place an order and give its id."""
        result = self.order(user, **params)
        assert isinstance(result, dict), result
        return str(result["txid"][0])

    def query(self, txid: str, user: Credentials | None = None, **params: Any) -> Any:
        return self.private("QueryOrders", user, txid=txid, **params)[txid]

    def connect(self, path: str = "/v2") -> Line:
        line = Line(self, self.dialect.open_socket(path, "", self.now_ns, peer=self.peer))
        line.read()
        return line

    def private_line(self, *channels: str, user: Credentials | None = None) -> Line:
        """Connect with a token and subscribe."""
        line = self.connect()
        line.token = self.private("GetWebSocketsToken", user)["token"]
        for channel in channels:
            (answer,) = line.subscribe(channel)
            assert answer["success"], answer
        line.read()
        return line


def _outcome(body: Any) -> Any:
    if body is None:
        return None
    return body["error"][0] if body["error"] else body["result"]


@pytest.fixture
def make_world() -> Callable[..., World]:
    def make(**options: Any) -> World:
        return World(KrakenDialect(**{"seed": 7, "is_quiet": True, **options}))

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A quiet exchange: nobody trades but its accounts."""
    return make_world()


@pytest.fixture
def lively(make_world: Callable[..., World]) -> World:
    """An exchange on which strangers trade."""
    return make_world(is_quiet=False)


@pytest.fixture
def other(world: World) -> Credentials:
    """A second account, to trade with."""
    return world.dialect.credentials("other")


@pytest.fixture
def sign() -> Callable[[str, str, str, str], str]:
    """Give the signer of the tests."""
    return api_sign
