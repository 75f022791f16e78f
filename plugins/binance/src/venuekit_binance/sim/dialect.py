"""The simulator of Binance Spot: REST, WebSocket API and market streams behind one address.

    dialect = BinanceDialect(seed=7)
    credentials = dialect.credentials()
    async with Simulator(dialect) as simulator:
        ...  # REST at simulator.address, sockets at simulator.websocket_address

It is written from the exchange's documents alone and shares no code with the client that it
judges. Source: Binance spot REST, WebSocket API and WebSocket streams docs, 2026-07.
"""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from venuekit.sim.dialect import FIRST_ACCOUNT, Dialect, SimAnswer, SimRequest, SimSocket
from venuekit.sim.engine import Engine
from venuekit.sim.faults import FaultKind
from venuekit_binance.sim import refusals
from venuekit_binance.sim.calls import Endpoint, TimeUnit
from venuekit_binance.sim.connections import Connection, ConnectionSettings
from venuekit_binance.sim.endpoints import every_endpoint
from venuekit_binance.sim.gates import Asked, pass_gates
from venuekit_binance.sim.parameters import form_pairs
from venuekit_binance.sim.payloads import dumps
from venuekit_binance.sim.recorded import Recording
from venuekit_binance.sim.refusals import Refusal
from venuekit_binance.sim.security import Credentials, KeyType, rest_payload
from venuekit_binance.sim.socket_api import SocketApi
from venuekit_binance.sim.streams import Streams
from venuekit_binance.sim.venue import Venue
from venuekit_binance.sim.weights import LimitSettings
from venuekit_binance.sim.world import SymbolSpec, default_symbols, synthetic_symbols

_JSON: Final = ("Content-Type", "application/json;charset=UTF-8")
_HTML: Final = ("Content-Type", "text/html")
_API: Final = "/ws-api/v3"
_CLOSING_NS: Final = 1_000_000_000
_FUNDS: Final = {
    "BTC": "10",
    "ETH": "100",
    "BNB": "100",
    "SOL": "1000",
    "XRP": "100000",
    "DOGE": "1000000",
    "USDT": "1000000",
    "USDC": "1000000",
    "456": "1000000",
}
_FIREWALL: Final = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
)


class BinanceDialect(Dialect):
    """Binance Spot without I/O."""

    def __init__(
        self,
        *,
        seed: int = 0,
        symbols: Sequence[SymbolSpec] | None = None,
        synthetic: int = 0,
        is_quiet: bool = False,
        recording: Path | None = None,
        speed: float = 1.0,
        limits: LimitSettings | None = None,
        connections: ConnectionSettings | None = None,
    ) -> None:
        """Build a world; the same arguments give the same one.

        Args:
            seed: For keys, ids, and the strangers who trade.
            symbols: What is listed; a small world of well-known symbols when absent.
            synthetic: So many more symbols that nobody trades.
            is_quiet: Whether books are empty and nobody trades but the accounts.
            recording: A folder with a recording of the public feeds, played instead of a
                living market.
            speed: Of the recording: 1 as it was, 2 twice as fast, 0 everything at once.
            limits: Numbers of the rate limits.
            connections: Numbers of the WebSocket connections.
        """
        super().__init__(random.Random(seed))  # noqa: S311  a simulation repeats itself
        self.recording = Recording(recording, speed=speed) if recording is not None else None
        listed = list(symbols) if symbols is not None else default_symbols()
        if self.recording is not None:
            listed = self.recording.symbols
        self.venue = Venue(
            [*listed, *synthetic_symbols(synthetic)],
            rng=self.rng,
            faults=self.faults,
            limits=limits or LimitSettings(),
            is_quiet=is_quiet or self.recording is not None,
            books=self.recording.books if self.recording is not None else None,
        )
        endpoints = every_endpoint()
        self._routes = {(each.method, each.path): each for each in endpoints if each.path}
        self._paths = {path for _, path in self._routes}
        settings = connections or ConnectionSettings()
        self.streams = Streams(self, self.venue, settings)
        self.socket_api = SocketApi(
            self, self.venue, settings, {each.name: each for each in endpoints if each.name}
        )
        self.venue.attach(self.streams, self.socket_api)
        self._connections: dict[int, Connection] = {}
        self._credentials: dict[str, Credentials] = {}
        self._now_ns: int | None = None

    @property
    def engine(self) -> Engine:
        """The matching engine."""
        return self.venue.engine

    # Accounts.

    def create_account(
        self,
        name: str,
        balances: Mapping[str, str | Decimal] | None = None,
        *,
        key_type: KeyType | str = KeyType.HMAC,
        api_key: str | None = None,
        secret: str | None = None,
        can_trade: bool = True,
    ) -> Credentials:
        """Open a funded account with one key, and give the key.

        Args:
            name: Unique.
            balances: Free amounts by asset; a good deal of everything when absent.
            key_type: How the key signs.
            api_key: A given key; generated from the seed when absent.
            secret: An HMAC secret or a PEM; generated when absent, except for RSA.
            can_trade: Whether the key may place and cancel.
        """
        funds = balances if balances is not None else _FUNDS
        self.venue.open_account(name, {asset: Decimal(each) for asset, each in funds.items()})
        credentials = self.venue.keys.issue(
            name, KeyType(key_type), api_key=api_key, secret=secret, can_trade=can_trade
        )
        self._credentials[name] = credentials
        return credentials

    def credentials(self, account: str = FIRST_ACCOUNT) -> Credentials:
        """Give the key of an account, opening it with funds when there is none of that name."""
        known = self._credentials.get(account)
        return known if known is not None else self.create_account(account)

    # Requests.

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a REST request."""
        self.venue.begin(now_ns)
        headers: list[tuple[str, str]] = [_JSON, ("x-mbx-uuid", self._uuid())]
        counted = ""
        try:
            endpoint = self._route(request, now_ns)
            done = pass_gates(self.venue, self._asked(request, endpoint), now_ns)
            status, body = 200, dumps(done.body)
            counted = done.account if endpoint.counts_orders else ""
        except Refusal as refusal:
            status, body = refusal.status, dumps(refusal.body())
            if refusal.retry_after_s is not None:
                headers.append(("Retry-After", str(refusal.retry_after_s)))
            if refusal.status == 418:
                self._close_banned(request.peer)
        except _NoPath as error:
            status, body = error.status, b""
            if "text/html" in (request.header("accept") or ""):
                headers[0], body = _HTML, _FIREWALL.format(f"{status} Not Found").encode()
        if request.path.startswith("/sapi/"):
            headers.append(("X-SAPI-USED-IP-WEIGHT-1M", "1"))
        else:
            headers += self.venue.limits.weight_headers(request.peer, now_ns)
        if counted:
            headers += self.venue.limits.order_headers(counted, now_ns)
        self.venue.settle(now_ns)
        return SimAnswer(status, tuple(headers), body)

    def _route(self, request: SimRequest, now_ns: int) -> Endpoint:
        endpoint = self._routes.get((request.method, request.path))
        if endpoint is not None:
            return endpoint
        self.venue.limits.check_ban(request.peer, now_ns)
        self.venue.limits.charge(request.peer, 1, now_ns, is_rest=True)
        raise _NoPath(405 if request.path in self._paths else 404)

    def _asked(self, request: SimRequest, endpoint: Endpoint) -> Asked:
        query = request.query_string.encode("utf-8", "surrogateescape")
        body = b"" if request.method == "GET" else request.body
        broken, sent, unit = None, {}, TimeUnit.MILLISECOND
        try:
            sent = form_pairs(query, body)
            unit = _unit(request.header("x-mbx-time-unit"))
        except Refusal as refusal:
            broken = refusal
        return Asked(
            endpoint=endpoint,
            sent=sent,
            payload=rest_payload(query, body),
            address=request.peer,
            key_name=request.header("x-mbx-apikey"),
            unit=unit,
            broken=broken,
        )

    def _uuid(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def _close_banned(self, address: str) -> None:
        for socket in self.sockets.values():
            if socket.peer == address:
                socket.close(1008, "IP banned")

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name.

        `timeout` (-1007), `unexpected` (-1006), `unknown` (503 with a text), `overloaded`
        (-1008), `disconnected` (-1001), `unavailable` (503, HTML), `firewall` (403, HTML),
        `rate_limited` (429, -1003), `too_many_orders` (429, -1015), `banned` (418, and the
        address is banned), `clock` (-1021), `bad_key` (-2015).
        """
        html = {"unavailable": "503 Service Temporarily Unavailable", "firewall": "403 Forbidden"}
        if name in html:
            page = _FIREWALL.format(html[name]).encode()
            return SimAnswer(int(html[name][:3]), (_HTML,), page)
        if name == "banned":
            self.venue.limits.ban(request.peer, now_ns + 120 * 1_000_000_000)
            self._close_banned(request.peer)
        refusal = _NAMED[name]
        body = refusal.body()
        headers = [_JSON, *self.venue.limits.weight_headers(request.peer, now_ns)]
        if refusal.retry_after_s is not None:
            headers.append(("Retry-After", str(refusal.retry_after_s)))
            if request.method == "WS":
                retry_at_ms = now_ns // 1_000_000 + refusal.retry_after_s * 1_000
                body["data"] = {"serverTime": now_ns // 1_000_000, "retryAfter": retry_at_ms}
        return SimAnswer(refusal.status, tuple(headers), dumps(body))

    # Connections.

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Refuse a handshake from a banned address, of one connection too many, or elsewhere."""
        try:
            self.venue.limits.connect(request.peer, now_ns)
            if request.path == _API:
                self.venue.limits.charge(request.peer, 2, now_ns, is_rest=False)
        except Refusal as refusal:
            return SimAnswer(refusal.status, (_JSON,), dumps(refusal.body()))
        is_stream = request.path in {"/ws", "/stream"} or request.path.startswith("/ws/")
        return None if is_stream or request.path == _API else SimAnswer(404)

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Welcome a connection."""
        self.venue.begin(now_ns)
        room = self.socket_api if socket.path == _API else self.streams
        self._connections[socket.id] = room.connected(socket, now_ns)

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        """Take a message."""
        if not self._connections[socket.id].count(now_ns):
            return
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        if socket.path == _API:
            self.socket_api.received(socket, text, now_ns)
        else:
            self.streams.received(socket, text)

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Count a PING."""
        del payload  # the shell has sent it back
        self._connections[socket.id].count(now_ns)

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Count a PONG, and see whether it answers a PING."""
        connection = self._connections[socket.id]
        if connection.count(now_ns):
            connection.ponged(payload)

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        """Forget a connection."""
        del now_ns
        self._connections.pop(socket.id, None)
        self.streams.disconnected(socket)
        self.socket_api.disconnected(socket)

    # Time.

    def advance(self, now_ns: int) -> None:
        """Let strangers trade, streams flow, PINGs leave and faults begin."""
        self.venue.begin(now_ns)
        self.run_due(now_ns)
        if self.recording is not None:
            self.recording.play(self.venue, self.streams, now_ns)
        self.venue.advance(now_ns)
        self.venue.settle(now_ns)
        self.streams.advance(now_ns)
        for connection in list(self._connections.values()):
            leaves_out = connection.is_ping_due(now_ns) and bool(
                self.faults.take((FaultKind.NO_PING,), topic=connection.socket.path)
            )
            connection.advance(now_ns, leaves_ping_out=leaves_out)
        shutdown = self.faults.take((FaultKind.SHUTDOWN,))
        if shutdown is not None:
            self._announce_shutdown(now_ns, round(shutdown.delay_s * 1e9) or _CLOSING_NS)
        self._now_ns = now_ns

    def next_due_ns(self) -> int | None:
        """Give the time of whatever comes first."""
        if self._now_ns is None:
            return None
        times = [
            self.next_action_ns(),
            self.venue.next_due_ns(),
            self.streams.next_due_ns(self._now_ns),
            self.recording.next_due_ns() if self.recording is not None else None,
            *(each.next_due_ns() for each in self._connections.values()),
        ]
        return min((each for each in times if each is not None), default=None)

    def _announce_shutdown(self, now_ns: int, delay_ns: int) -> None:
        sockets = list(self.sockets.values())
        for socket in sockets:
            if socket.path == _API:
                data: object = {"event": self._shutdown(now_ns)}
            elif socket.path == "/stream":
                data = {"stream": "!serverShutdown", "data": self._shutdown(now_ns)}
            else:
                data = self._shutdown(now_ns)
            socket.send(dumps(data).decode())

        def close(_now_ns: int) -> None:
            for socket in sockets:
                socket.close(1001, "Server shutdown")

        self.later(now_ns + delay_ns, close)

    def _shutdown(self, now_ns: int) -> dict[str, object]:
        return {"e": "serverShutdown", "E": now_ns // 1_000_000}

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {**super().state(), "exchange": "binance", **self.venue.state()}


class _NoPath(Exception):
    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


def _unit(header: str | None) -> TimeUnit:
    if header is None:
        return TimeUnit.MILLISECOND
    try:
        return TimeUnit[header.upper()]
    except KeyError:
        raise Refusal(
            -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        ) from None


_NAMED: Final = {
    "timeout": Refusal(-1007, refusals.UNKNOWN_OUTCOME),
    "unexpected": Refusal(-1006, refusals.UNEXPECTED_RESPONSE),
    "unknown": Refusal(-1000, refusals.UNKNOWN_ERROR, status=503),
    "overloaded": Refusal(-1008, refusals.OVERLOADED),
    "disconnected": Refusal(
        -1001, "Internal error; unable to process your request. Please try again."
    ),
    "rate_limited": Refusal(
        -1003,
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        retry_after_s=1,
    ),
    "too_many_orders": Refusal(
        -1015,
        "Too many new orders; current limit is 100 orders per 10 SECOND.",
        retry_after_s=1,
    ),
    "banned": Refusal(
        -1003, "Way too much request weight used; IP banned.", status=418, retry_after_s=120
    ),
    "clock": Refusal(-1021, "Timestamp for this request is outside of the recvWindow."),
    "bad_key": refusals.bad_key(),
}
