"""The simulator of Coinbase Advanced Trade: REST and both WebSockets behind one address.

    dialect = CoinbaseDialect(seed=7)
    credentials = dialect.credentials()
    async with Simulator(dialect) as simulator:
        ...  # REST at simulator.address; sockets at simulator.websocket_address, the one for
        ...  # private channels at /user

It is written from the fact sheet of the exchange alone and shares no code with the client that
it judges. Source: Coinbase Advanced Trade docs, 2026-06.
"""

import json
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from venuekit.sim.dialect import FIRST_ACCOUNT, Dialect, SimAnswer, SimRequest, SimSocket
from venuekit.sim.engine import Engine
from venuekit.sim.faults import FaultKind
from venuekit_coinbase.sim.calls import Call, Endpoint
from venuekit_coinbase.sim.endpoints import every_endpoint
from venuekit_coinbase.sim.named_answers import named_answer
from venuekit_coinbase.sim.refusals import (
    JSON,
    Refusal,
    invalid,
    missing_scopes,
    not_found,
    unauthorized,
)
from venuekit_coinbase.sim.settings import BehaviorSettings, ConnectionSettings, LimitSettings
from venuekit_coinbase.sim.streams import Streams
from venuekit_coinbase.sim.tokens import ApiKey, Credentials
from venuekit_coinbase.sim.venue import Venue
from venuekit_coinbase.sim.wire import SECOND_NS, dumps
from venuekit_coinbase.sim.world import ProductSpec, default_products, synthetic_products

HOST: Final = "api.coinbase.com"
"""The host for which tokens may be made whatever the simulator's own address is."""
_SOCKETS: Final = frozenset({"/", "/ws", "/market", "/user", "/ws/user"})
_CLOSING_NS: Final = SECOND_NS
_MOST_CACHED: Final = 1_000
_FUNDS: Final = {
    "BTC": "10",
    "ETH": "100",
    "SOL": "1000",
    "XRP": "100000",
    "DOGE": "1000000",
    "USD": "1000000",
    "USDC": "1000000",
    "EUR": "1000000",
}


class CoinbaseDialect(Dialect):
    """Coinbase Advanced Trade without I/O."""

    def __init__(
        self,
        *,
        seed: int = 0,
        symbols: Sequence[ProductSpec] | None = None,
        synthetic: int = 0,
        is_quiet: bool = False,
        recording: Path | None = None,
        speed: float = 1.0,
        limits: LimitSettings | None = None,
        connections: ConnectionSettings | None = None,
        behavior: BehaviorSettings | None = None,
    ) -> None:
        """Build a world; the same arguments give the same one.

        Args:
            seed: For keys, ids, and the strangers who trade.
            symbols: What is listed; a small world of well-known products when absent.
            synthetic: So many more products that nobody trades.
            is_quiet: Whether books are empty and nobody trades but the accounts.
            recording: Not supported: no feed of this exchange has been recorded.
            speed: Of a recording.
            limits: How much is let in.
            connections: How WebSocket connections behave.
            behavior: How orders and requests are treated.

        Raises:
            ValueError: A recording was given.
        """
        super().__init__(random.Random(seed))  # noqa: S311  a simulation repeats itself
        del speed  # of a recording, which there is none of
        if recording is not None:
            raise ValueError("the simulator of coinbase plays no recordings; leave it out")
        self.behavior = behavior or BehaviorSettings()
        listed = list(symbols) if symbols is not None else default_products()
        self.venue = Venue(
            [*listed, *synthetic_products(synthetic)],
            seed=seed,
            rng=self.rng,
            faults=self.faults,
            limits=limits or LimitSettings(),
            behavior=self.behavior,
            is_quiet=is_quiet,
            later=self.later,
        )
        self.streams = Streams(
            self,
            self.venue,
            connections or ConnectionSettings(),
            random.Random(seed),  # noqa: S311  a simulation repeats itself
        )
        self.venue.attach(self.streams)
        self._endpoints = every_endpoint()
        self._fixed = {
            (each.method, each.path): each for each in self._endpoints if "{" not in each.path
        }
        self._cache: dict[str, tuple[int, bytes]] = {}
        self._credentials: dict[tuple[str, str], Credentials] = {}
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
        algorithm: str = "es256",
        api_key: str | None = None,
        secret: str | None = None,
        can_view: bool = True,
        can_trade: bool = True,
    ) -> Credentials:
        """Open a funded account with one key, and give the key.

        Args:
            name: Unique.
            balances: Available amounts by asset; a good deal of everything when absent.
            algorithm: `es256` or `ed25519`.
            api_key: A given name of the key; generated from the seed when absent.
            secret: A PEM, or base64 of an Ed25519 key; generated when absent.
            can_view: Whether the key may read.
            can_trade: Whether the key may place and cancel.
        """
        funds = balances if balances is not None else _FUNDS
        self.venue.open_account(name, {asset: Decimal(each) for asset, each in funds.items()})
        made = self.venue.keys.issue(
            name, algorithm, name=api_key, secret=secret, can_view=can_view, can_trade=can_trade
        )
        self._credentials[name, algorithm] = made
        return made

    def credentials(self, account: str = FIRST_ACCOUNT, algorithm: str = "es256") -> Credentials:
        """Give a key of an account, opening it with funds when there is none of that name.

        Args:
            account: Whose key.
            algorithm: `es256` or `ed25519`; an account may have one of each.
        """
        known = self._credentials.get((account, algorithm))
        if known is not None:
            return known
        if account not in self.venue.users:
            return self.create_account(account, algorithm=algorithm)
        made = self.venue.keys.issue(account, algorithm)
        self._credentials[account, algorithm] = made
        return made

    # Requests.

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a REST request."""
        self.venue.begin(now_ns)
        self.run_due(now_ns)
        headers: list[tuple[str, str]] = []
        try:
            status, kind, body = 200, JSON, self._answer(request, now_ns, headers)
        except Refusal as refusal:
            status, kind, body = refusal.status, refusal.kind, refusal.body
            if refusal.status != 403:  # a blocked address is not blocked for longer
                self.venue.limits.count_error(request.peer, now_ns)
        self.venue.settle(now_ns)
        return SimAnswer(status, (kind, *headers), body)

    def _answer(self, request: SimRequest, now_ns: int, headers: list[tuple[str, str]]) -> bytes:
        limits = self.venue.limits
        limits.check_block(request.peer, now_ns)
        endpoint, variable = self._route(request)
        if not endpoint.permission:
            headers += limits.headers("public", request.peer, now_ns)
            limits.public(request.peer, now_ns)
            headers[:] = limits.headers("public", request.peer, now_ns)
            return self._public(request, endpoint, variable, now_ns)
        key = self._authenticated(request, now_ns)
        headers += limits.headers("private", key.account, now_ns)
        limits.private(key.account, now_ns)
        headers[:] = limits.headers("private", key.account, now_ns)
        permissions = {
            "can_view": key.can_view,
            "can_trade": key.can_trade,
            "can_transfer": key.can_transfer,
        }
        if not permissions[endpoint.permission]:
            raise missing_scopes()
        call = self._call(request, variable, now_ns, key.account, permissions)
        return dumps(self.venue.estranged(endpoint.handler(self.venue, call)))

    def _route(self, request: SimRequest) -> tuple[Endpoint, str]:
        endpoint = self._fixed.get((request.method, request.path))
        if endpoint is not None:
            return endpoint, ""
        pieces = request.path.split("/")
        for each in self._endpoints:
            wanted = each.path.split("/")
            if each.method != request.method or len(wanted) != len(pieces):
                continue
            if all(name in {"{id}", piece} for name, piece in zip(wanted, pieces, strict=True)):
                return each, unquote(pieces[wanted.index("{id}")])
        raise not_found("the requested resource does not exist")

    def _authenticated(self, request: SimRequest, now_ns: int) -> ApiKey:
        """Give the key that made the request's token, or refuse (401)."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme != "Bearer":
            raise unauthorized()
        hosts = {HOST, request.header("host") or HOST}
        return self.venue.keys.check(
            token,
            self.venue.clock_ns(now_ns),
            uris=frozenset(f"{request.method} {host}{request.path}" for host in hosts),
            address=request.peer,
        )

    def _call(
        self,
        request: SimRequest,
        variable: str,
        now_ns: int,
        account: str = "",
        permissions: Mapping[str, bool] | None = None,
    ) -> Call:
        return Call(
            query=parse_qs(request.query_string, keep_blank_values=True),
            body=_body(request) if request.method == "POST" else {},
            now_ns=now_ns,
            clock_ns=self.venue.clock_ns(now_ns),
            account=account,
            permissions=permissions or {},
            id=variable,
        )

    def _public(self, request: SimRequest, endpoint: Endpoint, variable: str, now_ns: int) -> bytes:
        """Answer from the cache, unless the request forbids it or the answer is too old."""
        name = f"{request.path}?{request.query_string}"
        cached = self._cache.get(name)
        is_wanted = "no-cache" not in (request.header("cache-control") or "")
        if cached is not None and is_wanted and now_ns < cached[0]:
            return cached[1]
        call = self._call(request, variable, now_ns)
        body = dumps(self.venue.estranged(endpoint.handler(self.venue, call)))
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        self._cache[name] = (now_ns + round(self.behavior.cache_s * SECOND_NS), body)
        return body

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name, see `named_answers`."""
        return named_answer(self.venue, name, request.peer, now_ns)

    # Connections.

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Refuse a handshake from a blocked address, of one connection too many, or elsewhere."""
        try:
            self.venue.limits.check_block(request.peer, now_ns)
            self.venue.limits.connect(request.peer, now_ns)
        except Refusal as refusal:
            return SimAnswer(refusal.status, (refusal.kind,), refusal.body)
        return None if request.path in _SOCKETS else SimAnswer(404)

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Welcome a connection."""
        self.venue.begin(now_ns)
        self.streams.connected(socket, now_ns)

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        """Take a message."""
        self.run_due(now_ns)
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        self.streams.received(socket, text, now_ns)

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Take no notice of a PING, which the shell has answered."""

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Take no notice of a PONG: the exchange sends no PINGs."""

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        """Forget a connection."""
        del now_ns
        self.streams.disconnected(socket)

    # Time.

    def advance(self, now_ns: int) -> None:
        """Let orders move on, strangers trade, streams flow and faults begin."""
        self.venue.begin(now_ns)
        self.run_due(now_ns)
        self.venue.advance(now_ns)
        self.venue.settle(now_ns)
        self.streams.advance(now_ns)
        shutdown = self.faults.take((FaultKind.SHUTDOWN,))
        if shutdown is not None:
            self._shut_down(now_ns + (round(shutdown.delay_s * SECOND_NS) or _CLOSING_NS))
        self._now_ns = now_ns

    def next_due_ns(self) -> int | None:
        """Give the time of whatever comes first."""
        if self._now_ns is None:
            return None
        times = [
            self.next_action_ns(),
            self.venue.next_due_ns(),
            self.streams.next_due_ns(self._now_ns),
        ]
        return min((each for each in times if each is not None), default=None)

    def _shut_down(self, at_ns: int) -> None:
        """Close every connection at a time; this exchange announces nothing."""
        sockets = list(self.sockets.values())

        def close(_now_ns: int) -> None:
            for socket in sockets:
                socket.close(1001, "going away")

        self.later(at_ns, close)

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {**super().state(), "exchange": "coinbase", **self.venue.state()}


def _body(request: SimRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise invalid("proto: syntax error: unexpected token") from None
    if not isinstance(body, dict):
        raise invalid("proto: syntax error: the body must be an object")
    return body
