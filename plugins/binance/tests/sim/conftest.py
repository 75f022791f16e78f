"""A simulated Binance in memory, and a user of it who signs what he sends."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venuekit.sim.dialect import Close, Ping, Send, SimAnswer, SimRequest, SimSocket
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_binance.sim.security import Credentials, KeyType

NOON_NS = 1_784_116_800_000_000_000  # 2026-07-15 12:00:00 UTC


def signature(credentials: Credentials, payload: str) -> str:
    if credentials.type is KeyType.HMAC:
        secret = credentials.secret.encode()
        return hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
    key = load_pem_private_key(credentials.secret.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return base64.b64encode(key.sign(payload.encode())).decode()


class Line:
    """A WebSocket connection of a user."""

    def __init__(self, world: "World", socket: SimSocket) -> None:
        self.world = world
        self.socket = socket
        self.closed: Close | None = None
        self.pings: list[bytes] = []
        self._texts: list[Any] = []

    def _drain(self) -> None:
        for frame in self.socket.drain():
            match frame:
                case Send(text):
                    self._texts.append(json.loads(text))
                case Ping(payload):
                    self.pings.append(payload)
                case Close():
                    self.closed = frame

    @property
    def ending(self) -> tuple[int, str]:
        """Code and reason of the close frame, zero while the line is open."""
        self._drain()
        return (0, "") if self.closed is None else (self.closed.code, self.closed.reason)

    def read(self) -> list[Any]:
        """Give all messages since the last call."""
        self._drain()
        texts, self._texts = self._texts, []
        return texts

    def send(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.world.dialect.received(self.socket, text, self.world.now_ns)
        self._drain()

    def ask(self, method: str, params: Mapping[str, object] | None = None, **more: object) -> Any:
        """Send a request of the WebSocket API and give its answer."""
        self.send({"id": 1, "method": method, "params": params or {}, **more})
        texts = self.read()
        answer = next(text for text in texts if "id" in text)
        self._texts = [text for text in texts if text is not answer]
        return answer

    def pong(self, payload: bytes) -> None:
        self.world.dialect.ponged(self.socket, payload, self.world.now_ns)
        self._drain()


class World:
    """A dialect, its time, and one user."""

    def __init__(self, dialect: BinanceDialect, peer: str = "10.0.0.1") -> None:
        self.dialect = dialect
        self.now_ns = NOON_NS
        self.peer = peer
        self.user = dialect.credentials()
        self.answer = SimAnswer(0)
        dialect.advance(self.now_ns)

    def wait(self, seconds: float, step_s: float = 0.05) -> None:
        """Let time pass in small steps, as a server does."""
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + round(step_s * 1e9))
            self.dialect.advance(self.now_ns)

    def raw(
        self,
        method: str,
        path: str,
        query: str = "",
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send bytes as they are and give the answer's body, read as JSON where it is."""
        request = SimRequest(
            method=method,
            path=path,
            query_string=query,
            body=body.encode(),
            headers=headers or {},
            peer=self.peer,
        )
        self.answer = self.dialect.handle(request, self.now_ns)
        return json.loads(self.answer.body) if self.answer.body[:1] in {b"{", b"["} else None

    def public(self, path: str, **params: object) -> Any:
        return self.raw("GET", path, _query(params))

    def signed(
        self, method: str, path: str, user: Credentials | None = None, **params: object
    ) -> Any:
        """Send a signed request and give the answer's body."""
        user = user or self.user
        params.setdefault("timestamp", self.now_ns // 1_000_000)
        query = _query(params)
        query += f"&signature={quote(signature(user, query), safe='')}"
        return self.raw(method, path, query, headers={"X-MBX-APIKEY": user.api_key})

    def place(self, **params: object) -> Any:
        """Place an order, by default a limit order that rests."""
        order: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}
        order |= params
        if order["type"] == "LIMIT":
            order = {"timeInForce": "GTC", "quantity": "0.01", "price": "60000", **order}
        return self.signed("POST", "/api/v3/order", **order)

    def balance(self, asset: str) -> tuple[str, str]:
        account = self.signed("GET", "/api/v3/account")
        row = next(row for row in account["balances"] if row["asset"] == asset)
        return row["free"], row["locked"]

    def connect(self, path: str, query: str = "") -> Line:
        socket = self.dialect.open_socket(path, query, self.now_ns, peer=self.peer)
        return Line(self, socket)

    def api(self) -> Line:
        return self.connect("/ws-api/v3")

    def socket_params(self, user: Credentials | None = None, **params: object) -> dict[str, object]:
        """Sign parameters of the WebSocket API."""
        user = user or self.user
        params = {"apiKey": user.api_key, "timestamp": self.now_ns // 1_000_000, **params}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return {**params, "signature": signature(user, payload)}

    def user_stream(self, user: Credentials | None = None) -> Line:
        line = self.api()
        method = "userDataStream.subscribe.signature"
        assert line.ask(method, self.socket_params(user))["status"] == 200
        return line

    @property
    def status(self) -> int:
        return self.answer.status


def _query(params: Mapping[str, object]) -> str:
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())


@pytest.fixture
def make_world() -> Callable[..., World]:
    def make(**options: Any) -> World:
        return World(BinanceDialect(**{"seed": 7, "is_quiet": True, **options}))

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A quiet exchange: nobody trades but its accounts."""
    return make_world()


@pytest.fixture
def other(world: World) -> Credentials:
    """A second account, to trade with."""
    return world.dialect.credentials("other")


@pytest.fixture
def sign() -> Callable[[Credentials, str], str]:
    """The signature of a text."""
    return signature
