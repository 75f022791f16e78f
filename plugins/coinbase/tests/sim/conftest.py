"""A simulated Coinbase in memory, and a user of it who signs what he sends."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venuekit.sim.dialect import Close, Send, SimAnswer, SimRequest, SimSocket
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_coinbase.sim.tokens import Credentials

NOON_NS = 1_784_116_800_000_000_000  # 2026-07-15 12:00:00 UTC
API = "/api/v3/brokerage"


def piece(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(
    user: Credentials,
    claims: Mapping[str, Any],
    header: Mapping[str, Any] | None = None,
) -> str:
    """Sign claims as RFC 7515 says, without any help from the code under test."""
    if "-----BEGIN" in user.secret:
        key: Any = load_pem_private_key(user.secret.encode(), None)
        algorithm = "ES256"
    else:
        seed = base64.b64decode(user.secret)[:32]
        key, algorithm = ed25519.Ed25519PrivateKey.from_private_bytes(seed), "EdDSA"
    head = {"alg": algorithm, "kid": user.api_key, "typ": "JWT", **(header or {})}
    signed = f"{piece(json.dumps(head).encode())}.{piece(json.dumps(claims).encode())}"
    if algorithm == "EdDSA":
        return f"{signed}.{piece(key.sign(signed.encode()))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{piece(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Line:
    """A WebSocket connection of a user."""

    def __init__(self, world: "World", socket: SimSocket) -> None:
        self.world = world
        self.socket = socket
        self.closed: Close | None = None
        self._texts: list[Any] = []

    def _drain(self) -> None:
        for frame in self.socket.drain():
            if isinstance(frame, Send):
                self._texts.append(json.loads(frame.text))
            elif isinstance(frame, Close):
                self.closed = frame

    @property
    def is_closed(self) -> bool:
        self._drain()
        return self.closed is not None

    def read(self, channel: str = "") -> list[Any]:
        """Give all frames since the last call, or those of a channel."""
        self._drain()
        texts, self._texts = self._texts, []
        return [text for text in texts if not channel or text.get("channel") == channel]

    def send(self, **message: Any) -> None:
        self.world.dialect.received(self.socket, json.dumps(message), self.world.now_ns)

    def subscribe(
        self, channel: str, *product_ids: str, user: Credentials | None = None, **more: Any
    ) -> None:
        message = {"type": "subscribe", "channel": channel, "product_ids": list(product_ids)}
        if channel == "user" or user is not None:
            message["jwt"] = self.world.token(user)
        self.send(**{**message, **more})

    def orders(self) -> list[Any]:
        """Give the orders in all updates of the `user` channel since the last call."""
        return [
            order
            for frame in self.read("user")
            for event in frame["events"]
            if event["type"] == "update"
            for order in event["orders"]
        ]


class World:
    """A dialect, its time, and one user."""

    def __init__(self, dialect: CoinbaseDialect, peer: str = "10.0.0.1") -> None:
        self.dialect = dialect
        self.now_ns = NOON_NS
        self.peer = peer
        self.user = dialect.credentials()
        self.answer = SimAnswer(0)
        self._names = 0
        dialect.advance(self.now_ns)

    def wait(self, seconds: float, step_s: float = 0.05) -> None:
        """Let time pass in small steps, as a server does."""
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + round(step_s * 1e9))
            self.dialect.advance(self.now_ns)

    def token(self, user: Credentials | None = None, uri: str | None = None, **more: Any) -> str:
        user = user or self.user
        self._names += 1
        now_s = self.now_ns // 10**9
        claims = {"sub": user.api_key, "iss": "cdp", "nbf": now_s, "exp": now_s + 120}
        if uri is not None:
            claims["uri"] = uri
        return make_token(user, {**claims, **more}, {"nonce": f"{self._names:064x}"})

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

    def public(self, path: str, **params: Any) -> Any:
        query = urlencode(params, doseq=True)
        return self.raw("GET", f"{API}{path}", query, headers={"Cache-Control": "no-cache"})

    def get(self, path: str, user: Credentials | None = None, **params: Any) -> Any:
        """Send a signed query."""
        token = self.token(user, f"GET api.coinbase.com{API}{path}")
        headers = {"Authorization": f"Bearer {token}"}
        return self.raw("GET", f"{API}{path}", urlencode(params, doseq=True), headers=headers)

    def post(self, path: str, body: Any, user: Credentials | None = None) -> Any:
        """Send a signed body."""
        token = self.token(user, f"POST api.coinbase.com{API}{path}")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return self.raw("POST", f"{API}{path}", body=json.dumps(body), headers=headers)

    def place(
        self,
        side: str = "BUY",
        kind: str = "limit_limit_gtc",
        *,
        product_id: str = "BTC-USD",
        user: Credentials | None = None,
        name: str = "",
        settles: bool = True,
        **fields: Any,
    ) -> Any:
        """Create an order, by default a limit order for 0.01 at 60000, and let it arrive."""
        self._names += 1
        if kind == "limit_limit_gtc":
            fields = {"base_size": "0.01", "limit_price": "60000", **fields}
        body = {
            "client_order_id": name or f"order-{self._names}",
            "product_id": product_id,
            "side": side,
            "order_configuration": {kind: fields},
        }
        answer = self.post("/orders", body, user)
        if settles:
            self.wait(0.01, 0.01)
        return answer

    def placed(self, *args: Any, **fields: Any) -> str:
        """Create an order that is accepted, and give its id."""
        answer = self.place(*args, **fields)
        assert answer["success"], answer
        return str(answer["success_response"]["order_id"])

    def order(self, order_id: str, user: Credentials | None = None) -> Any:
        return self.get(f"/orders/historical/{order_id}", user)["order"]

    def cancel(self, *order_ids: str, user: Credentials | None = None) -> Any:
        return self.post("/orders/batch_cancel", {"order_ids": order_ids}, user)["results"]

    def balance(self, asset: str, user: Credentials | None = None) -> tuple[str, str]:
        """Give what is available and what is on hold."""
        rows = self.get("/accounts", user, limit=250)["accounts"]
        row = next(row for row in rows if row["currency"] == asset)
        return row["available_balance"]["value"], row["hold"]["value"]

    def connect(self, path: str = "/") -> Line:
        return Line(self, self.dialect.open_socket(path, "", self.now_ns, peer=self.peer))

    @property
    def status(self) -> int:
        return self.answer.status


@pytest.fixture
def make_world() -> Callable[..., World]:
    def make(**options: Any) -> World:
        return World(CoinbaseDialect(**{"seed": 7, "is_quiet": True, **options}))

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
def sign() -> Callable[..., str]:
    """Sign claims as a user."""
    return make_token
