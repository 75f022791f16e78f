"""The simulator of Coinbase Exchange: REST and the WebSocket feed behind one address.

    dialect = CoinbaseExchangeDialect(seed=7)
    credentials = dialect.credentials()
    async with Simulator(dialect) as simulator:
        ...  # REST at simulator.address, the feed at simulator.websocket_address

It is written from the fact sheet of the exchange alone and shares no code with the client that
it judges. What is the same as at Advanced Trade (products, strangers, fee rates) is shared with
that simulator. Source: Coinbase Exchange docs, 2026-06.
"""

import json
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import attrs

from venuekit.sim.dialect import FIRST_ACCOUNT, Dialect, SimAnswer, SimRequest, SimSocket
from venuekit.sim.engine import Engine
from venuekit.sim.faults import FaultKind
from venuekit_coinbase.sim.exchange.keys import Claim, Credentials
from venuekit_coinbase.sim.exchange.refusals import JSON, Refusal, bad
from venuekit_coinbase.sim.exchange.rest import Call, Endpoint, every_endpoint
from venuekit_coinbase.sim.exchange.settings import BehaviorSettings, LimitSettings
from venuekit_coinbase.sim.exchange.strangeness import estranged
from venuekit_coinbase.sim.exchange.streams import Streams
from venuekit_coinbase.sim.exchange.venue import Venue
from venuekit_coinbase.sim.refusals import HTML
from venuekit_coinbase.sim.wire import SECOND_NS, dumps
from venuekit_coinbase.sim.world import ProductSpec, default_products, synthetic_products

_CLOSING_NS: Final = SECOND_NS
_FUNDS: Final = {
    "BTC": "10",
    "ETH": "100",
    "SOL": "1000",
    "XRP": "100000",
    "DOGE": "1000000",
    "USD": "1000000",
    "EUR": "1000000",
}
_PAGE: Final = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
)
_PAGES: Final = {
    "timeout": "504 Gateway Time-out",
    "bad_gateway": "502 Bad Gateway",
    "unavailable": "503 Service Temporarily Unavailable",
}
_NAMED: Final = {
    "unexpected": Refusal(500, "Internal server error"),
    "overloaded": Refusal(503, "Service unavailable"),
    "maintenance": Refusal(503, "under maintenance"),
    "rate_limited": Refusal(429, "Private rate limit exceeded"),
    "unauthorized": Refusal(401, "Invalid API Key"),
    "expired_timestamp": Refusal(401, "request timestamp expired"),
    "not_found": Refusal(404, "NotFound"),
}


class CoinbaseExchangeDialect(Dialect):
    """Coinbase Exchange without I/O."""

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
        behavior: BehaviorSettings | None = None,
    ) -> None:
        """Build a world; the same arguments give the same one.

        Args:
            seed: For keys, ids, and the strangers who trade.
            symbols: What is listed; a small world of well-known products when absent. Other names
                of a book are left out: this exchange has none.
            synthetic: So many more products that nobody trades.
            is_quiet: Whether books are empty and nobody trades but the accounts.
            recording: Not supported.
            speed: Of a recording.
            limits: How much is let in.
            behavior: How orders, requests and connections are treated.

        Raises:
            ValueError: A recording was given.
        """
        super().__init__(random.Random(seed))  # noqa: S311  a simulation repeats itself
        del speed  # of a recording, which there is none of
        if recording is not None:
            raise ValueError("the simulator of coinbase-exchange plays no recordings; leave it out")
        listed = list(symbols) if symbols is not None else default_products()
        self.venue = Venue(
            [
                attrs.evolve(each, alias_quotes=())
                for each in (*listed, *synthetic_products(synthetic))
            ],
            seed=seed,
            rng=self.rng,
            faults=self.faults,
            limits=limits or LimitSettings(),
            behavior=behavior or BehaviorSettings(),
            is_quiet=is_quiet,
            later=self.later,
        )
        self.streams = Streams(self, self.venue)
        self.venue.feed.attach(self.streams)
        self._endpoints = every_endpoint()
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
        api_key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        can_view: bool = True,
        can_trade: bool = True,
    ) -> Credentials:
        """Open a funded account with one key, and give the key.

        Args:
            name: Unique.
            balances: Available amounts by asset; a good deal of everything when absent.
            api_key: A given key; generated from the seed when absent.
            secret: Base64; generated when absent.
            passphrase: Generated when absent.
            can_view: Whether the key may read.
            can_trade: Whether the key may place and cancel.
        """
        funds = balances if balances is not None else _FUNDS
        self.venue.open_account(name, {asset: Decimal(each) for asset, each in funds.items()})
        made = self.venue.keys.issue(
            name,
            api_key=api_key,
            secret=secret,
            passphrase=passphrase,
            can_view=can_view,
            can_trade=can_trade,
        )
        self._credentials[name] = made
        return made

    def credentials(self, account: str = FIRST_ACCOUNT) -> Credentials:
        """Give the key of an account, opening it with funds when there is none of that name."""
        known = self._credentials.get(account)
        return self.create_account(account) if known is None else known

    # Requests.

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a REST request."""
        self.venue.begin(now_ns)
        self.run_due(now_ns)
        headers: list[tuple[str, str]] = []
        try:
            status, body = 200, self._answer(request, now_ns, headers)
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        self.venue.settle(now_ns)
        return SimAnswer(status, (JSON, *headers), body)

    def _answer(self, request: SimRequest, now_ns: int, headers: list[tuple[str, str]]) -> bytes:
        if self.venue.behavior.needs_user_agent and not request.header("user-agent"):
            raise bad("User-Agent header is required.")
        endpoint, variable = self._route(request)
        account = ""
        if endpoint.permission:
            account = self._authenticated(request, endpoint, now_ns)
        else:
            self.venue.limits.public(request.peer, now_ns)
        call = Call(
            query=parse_qs(request.query_string, keep_blank_values=True),
            body=_body(request) if request.method == "POST" else {},
            now_ns=now_ns,
            clock_ns=self.venue.clock_ns(now_ns),
            account=account,
            id=variable,
            headers=headers,
        )
        return dumps(estranged(self.faults, endpoint.handler(self.venue, call)))

    def _route(self, request: SimRequest) -> tuple[Endpoint, str]:
        pieces = request.path.split("/")
        for each in self._endpoints:
            wanted = each.path.split("/")
            if each.method != request.method or len(wanted) != len(pieces):
                continue
            if all(name in {"{id}", piece} for name, piece in zip(wanted, pieces, strict=True)):
                variable = pieces[wanted.index("{id}")] if "{id}" in wanted else ""
                return each, unquote(variable)
        raise Refusal(404, "NotFound")

    def _authenticated(self, request: SimRequest, endpoint: Endpoint, now_ns: int) -> str:
        """Give the account whose key signed a request, count the request, or refuse it."""
        claim = Claim(
            key=request.header("cb-access-key") or "",
            signature=request.header("cb-access-sign") or "",
            timestamp=request.header("cb-access-timestamp") or "",
            passphrase=request.header("cb-access-passphrase") or "",
        )
        query = f"?{request.query_string}" if request.query_string else ""
        path = f"{request.path}{query}".encode("utf-8", "surrogateescape")
        signed = request.method.upper().encode() + path + request.body
        key = self.venue.keys.check(claim, signed, self.venue.clock_ns(now_ns))
        account = key.credentials.account
        self.venue.limits.private(account, now_ns, is_fills=endpoint.path == "/fills")
        if not (key.can_trade if endpoint.permission == "trade" else key.can_view):
            raise Refusal(403, "Forbidden")
        return account

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name.

        `timeout` (504, HTML), `bad_gateway` (502, HTML), `unavailable` (503, HTML), `unexpected`
        (500), `overloaded` and `maintenance` (503), `rate_limited` (429), no `banned`, which the
        documents do not know,
        `unauthorized` and `expired_timestamp` (401), `not_found` (404).

        Raises:
            KeyError: There is no answer of that name.
        """
        del request, now_ns
        if name in _PAGES:
            page = _PAGES[name]
            return SimAnswer(int(page[:3]), (HTML,), _PAGE.format(page).encode())
        refusal = _NAMED[name]
        return SimAnswer(refusal.status, (JSON,), refusal.body)

    # Connections.

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Refuse a handshake that is one too many, or elsewhere."""
        if not self.venue.limits.connect(request.peer, now_ns):
            return SimAnswer(429, (JSON,), Refusal(429, "Public rate limit exceeded").body)
        return None if request.path in {"", "/"} else SimAnswer(404)

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
        """Let orders move on, strangers trade, the feed flow and faults begin."""
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
        return {**super().state(), "exchange": "coinbase-exchange", **self.venue.state()}


def _body(request: SimRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise bad("Invalid JSON") from None
    if not isinstance(body, dict):
        raise bad("Invalid JSON")
    return body
