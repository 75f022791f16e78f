"""The simulator of Kraken Spot: REST and the second version of the sockets behind one address.

    dialect = KrakenDialect(seed=7)
    credentials = dialect.credentials()
    async with Simulator(dialect) as simulator:
        ...  # REST at simulator.address, sockets at simulator.websocket_address + "/v2"

The exchange's two sockets are one here: `/v2` serves public and private channels, `/public/v2`
and `/private/v2` are the two where a client wants them apart.

It is written from the exchange's documents alone and shares no code with the client that it
judges. Source: the fact sheet of Kraken Spot, state of September 2026.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from venuekit.sim.dialect import FIRST_ACCOUNT, Dialect, SimAnswer, SimRequest, SimSocket
from venuekit.sim.engine import Engine
from venuekit.sim.faults import FaultKind
from venuekit_kraken.sim import refusals
from venuekit_kraken.sim.arguments import Arguments, form_members, json_members
from venuekit_kraken.sim.calls import Call, Method
from venuekit_kraken.sim.connections import ConnectionSettings
from venuekit_kraken.sim.desk import Desk
from venuekit_kraken.sim.limits import LimitSettings
from venuekit_kraken.sim.methods import BY_PAIR, PRIVATE, PUBLIC
from venuekit_kraken.sim.refusals import Refusal
from venuekit_kraken.sim.security import PERMISSIONS, ApiKey, Credentials
from venuekit_kraken.sim.socket_api import SocketApi
from venuekit_kraken.sim.strangeness import estranged
from venuekit_kraken.sim.streams import Streams
from venuekit_kraken.sim.venue import Venue
from venuekit_kraken.sim.wire import SECOND_NS, dumps
from venuekit_kraken.sim.world import PairSpec, default_pairs, synthetic_pairs

_JSON: Final = ("Content-Type", "application/json; charset=utf-8")
_HTML: Final = ("Content-Type", "text/html; charset=UTF-8")
_PUBLIC: Final = "/0/public/"
_PRIVATE: Final = "/0/private/"
_SOCKETS: Final = frozenset({"/v2", "/public/v2", "/private/v2"})
_THROTTLED_S: Final = 5
_CLOSING_NS: Final = SECOND_NS
_FUNDS: Final = {
    "BTC": "10",
    "ETH": "100",
    "SOL": "1000",
    "XRP": "100000",
    "DOGE": "1000000",
    "USDT": "1000000",
    "USD": "1000000",
}
_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>{0}</title></head>"
    "<body><h1>{0}</h1><p>cloudflare</p></body></html>"
)
_PAGES: Final = {
    "unavailable": (520, "520: Web server is returning an unknown error"),
    "bad_gateway": (502, "502: Bad gateway"),
    "gateway_timeout": (524, "524: A timeout occurred"),
    "firewall": (403, "403 Forbidden"),
}
_NAMED: Final = {
    "timeout": refusals.TIMEOUT,
    "unexpected": refusals.INTERNAL,
    "overloaded": refusals.BUSY,
    "service_unavailable": refusals.UNAVAILABLE,
    "deadline": refusals.DEADLINE_ELAPSED,
    "rate_limited": refusals.RATE_LIMITED,
    "too_many": refusals.TOO_MANY,
    "too_many_orders": refusals.ORDER_RATE_LIMITED,
    "banned": refusals.LOCKED_OUT,
    "bad_key": refusals.INVALID_KEY,
    "bad_nonce": refusals.INVALID_NONCE,
    "bad_signature": refusals.INVALID_SIGNATURE,
    "denied": refusals.DENIED,
    "bad_session": refusals.INVALID_SESSION,
    "cancel_only": "EService:Market in cancel_only mode",
    "post_only": "EService:Market in post_only mode",
}


class KrakenDialect(Dialect):
    """Kraken Spot without I/O."""

    def __init__(
        self,
        *,
        seed: int = 0,
        symbols: Sequence[PairSpec] | None = None,
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
            symbols: The pairs that are listed; a small world of well-known ones when absent.
            synthetic: So many more pairs that nobody trades.
            is_quiet: Whether books are empty and nobody trades but the accounts.
            recording: Nothing can be played yet.
            speed: Of a recording.
            limits: Numbers of the counters; `LimitSettings.off()` counts nothing.
            connections: Numbers of the WebSocket connections.

        Raises:
            ValueError: A recording is asked for.
        """
        super().__init__(random.Random(seed))  # noqa: S311  a simulation repeats itself
        if recording is not None:
            raise ValueError("the simulated Kraken plays no recordings")
        del speed
        listed = list(symbols) if symbols is not None else default_pairs()
        self.venue = Venue(
            [*listed, *synthetic_pairs(synthetic)],
            rng=self.rng,
            faults=self.faults,
            limits=limits or LimitSettings(),
            is_quiet=is_quiet,
        )
        self.desk = Desk(self.venue, self.later)
        self.streams = Streams(self, self.venue, connections or ConnectionSettings())
        self.socket_api = SocketApi(self, self.venue, self.desk, self.streams, self._settle)
        self._credentials: dict[str, Credentials] = {}
        self._has_begun = False

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
        permissions: Iterable[str] = PERMISSIONS,
        nonce_window: int = 0,
        maker_fee: str | None = None,
        taker_fee: str | None = None,
    ) -> Credentials:
        """Open a funded account with one key, and give the key.

        Args:
            name: Unique.
            balances: Amounts by symbol (`BTC`, `USD`); a good deal of everything when absent. What
                stands beside an asset has the exchange's name with its ending (`USDT.F`).
            api_key: A given key; generated from the seed when absent.
            secret: In base64; generated when absent.
            permissions: What the key may do.
            nonce_window: As set for the key, in units of its nonces.
            maker_fee: As a fraction; 0.0025 when absent.
            taker_fee: As a fraction; 0.004 when absent.
        """
        funds = balances if balances is not None else _FUNDS
        self.venue.open_account(
            name,
            {asset: Decimal(each) for asset, each in funds.items()},
            maker_fee=None if maker_fee is None else Decimal(maker_fee),
            taker_fee=None if taker_fee is None else Decimal(taker_fee),
        )
        credentials = self.create_key(
            name,
            api_key=api_key,
            secret=secret,
            permissions=permissions,
            nonce_window=nonce_window,
        )
        self._credentials[name] = credentials
        return credentials

    def create_key(
        self,
        account: str,
        *,
        api_key: str | None = None,
        secret: str | None = None,
        permissions: Iterable[str] = PERMISSIONS,
        nonce_window: int = 0,
    ) -> Credentials:
        """Give an account one more key."""
        return self.venue.keys.issue(
            account,
            api_key=api_key,
            secret=secret,
            permissions=permissions,
            nonce_window=nonce_window,
        )

    def credentials(self, account: str = FIRST_ACCOUNT) -> Credentials:
        """Give the key of an account, opening it with funds when there is none of that name."""
        known = self._credentials.get(account)
        return known if known is not None else self.create_account(account)

    # Requests.

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a REST request: with HTTP 200, whatever became of it."""
        self._let_happen(now_ns)
        if not request.path.startswith((_PUBLIC, _PRIVATE)):
            return SimAnswer(404, (_HTML,), _PAGE.format("404 Not Found").encode())
        try:
            result = self._result(request, now_ns)
            body: dict[str, object] = {"error": [], "result": result}
        except Refusal as refusal:
            body = {"error": [refusal.text]}
        # The answer is on its way before channels tell what it has caused.
        answer = SimAnswer(200, (_JSON,), dumps(estranged(self.faults, body)))
        self._settle(now_ns)
        return answer

    def _result(self, request: SimRequest, now_ns: int) -> object:
        if request.path.startswith(_PUBLIC):
            return self._public(request, request.path.removeprefix(_PUBLIC), now_ns)
        name = request.path.removeprefix(_PRIVATE)
        method = PRIVATE.get(name)
        if method is None or request.method != "POST":
            raise Refusal(refusals.UNKNOWN_METHOD)
        return self._private(request, name, method, now_ns)

    def _public(self, request: SimRequest, name: str, now_ns: int) -> object:
        handler = PUBLIC.get(name)
        if handler is None:
            raise Refusal(refusals.UNKNOWN_METHOD)
        members = form_members(request.query_string.encode("utf-8", "surrogateescape"))
        if request.body:
            members |= _members(request)
        arguments = Arguments(members)
        subject = arguments.text("pair") or "" if name in BY_PAIR else ""
        self.venue.limits.charge_read(request.peer, subject, now_ns)
        return handler(self._call(name, arguments, now_ns))

    def _private(self, request: SimRequest, name: str, method: Method, now_ns: int) -> object:
        members, broken = _read(request)
        key = self.venue.keys.admit(
            request.header("api-key") or "",
            request.path,
            members.get("nonce"),
            request.body,
            request.header("api-sign") or "",
            now_ns,
        )
        if broken is not None:
            raise broken
        limits = self.venue.limits
        cost = limits.settings.history_cost if method.is_history else method.cost
        if cost:
            limits.charge_call(key.name, cost, now_ns)
        for group in method.permissions:
            key.check_permission(*group)
        return method.handler(self._call(name, Arguments(members), now_ns, key))

    def _call(
        self, name: str, arguments: Arguments, now_ns: int, key: ApiKey | None = None
    ) -> Call:
        return Call(
            venue=self.venue,
            desk=self.desk,
            arguments=arguments,
            now_ns=now_ns,
            name=name,
            key=key,
        )

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        """Give an answer that faults ask for by name.

        The outcome is unknown: `timeout` (EService:Timeout), `unexpected` (EGeneral:Internal
        error), `overloaded` (EService:Busy), `service_unavailable` (EService:Unavailable),
        `deadline` (EService:Deadline elapsed); pages: `unavailable` (520), `bad_gateway` (502),
        `gateway_timeout` (524), `firewall` (403). Nothing was done: `rate_limited`, `too_many`,
        `too_many_orders`, `throttled` (with the time when it ends), `banned` (and the key is
        locked out), `bad_key`, `bad_nonce`, `bad_signature`, `bad_session`, `denied`,
        `cancel_only`, `post_only`.
        """
        if name in _PAGES:
            status, title = _PAGES[name]
            return SimAnswer(status, (_HTML,), _PAGE.format(title).encode())
        if name == "throttled":
            until_s = self.venue.clock_ns(now_ns) // SECOND_NS + _THROTTLED_S
            text = f"EService: Throttled: {until_s}"
        else:
            text = _NAMED[name]
        key = request.header("api-key")
        if name == "banned" and key is not None:
            self.venue.keys.lock(key, now_ns)
        return SimAnswer(200, (_JSON,), dumps({"error": [text]}))

    # Connections.

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        """Refuse a handshake from an address that has tried too often, or elsewhere."""
        if not self.venue.limits.may_connect(request.peer, now_ns):
            return SimAnswer(
                429, (_HTML,), _PAGE.format("1015: You are being rate limited").encode()
            )
        return None if request.path in _SOCKETS else SimAnswer(404)

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Welcome a connection."""
        self._let_happen(now_ns)
        self.streams.connected(socket, now_ns)

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        """Take a message."""
        self._let_happen(now_ns)
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        connection = self.streams.connections.get(socket.id)
        if connection is not None:
            self.socket_api.received(connection, text, now_ns)

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Take a PING for a sign of life."""
        del payload  # the shell has sent it back
        connection = self.streams.connections.get(socket.id)
        if connection is not None:
            connection.heard(now_ns)

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        """Ignore a PONG: nothing is asked by PING."""

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        """Forget a connection."""
        del now_ns
        self.streams.disconnected(socket)

    # Time.

    def _let_happen(self, now_ns: int) -> None:
        """Let everything happen that comes before a request of this moment."""
        self.venue.begin(now_ns)
        self._has_begun = True
        self.run_due(now_ns)
        self.desk.pull_switches(now_ns)
        self._settle(now_ns)

    def _settle(self, now_ns: int) -> None:
        """Tell the channels what has happened."""
        self.venue.absorb(now_ns)
        self.streams.tell(self.venue.take_news(), now_ns)

    def advance(self, now_ns: int) -> None:
        """Let strangers trade, orders expire, switches fall, hearts beat and faults begin."""
        self._let_happen(now_ns)
        self.venue.advance(now_ns)
        self._settle(now_ns)
        self.streams.advance(now_ns)
        shutdown = self.faults.take((FaultKind.SHUTDOWN,))
        if shutdown is not None:
            self._close_all(now_ns + (round(shutdown.delay_s * SECOND_NS) or _CLOSING_NS))

    def _close_all(self, at_ns: int) -> None:
        sockets = list(self.sockets.values())

        def close(_now_ns: int) -> None:
            for socket in sockets:
                socket.close(1001, "Service restart")

        self.later(at_ns, close)

    def next_due_ns(self) -> int | None:
        """Give the time of whatever comes first."""
        if not self._has_begun:
            return None
        times = (
            self.next_action_ns(),
            self.venue.next_due_ns(),
            self.desk.next_switch_ns(),
            self.streams.next_due_ns(),
        )
        return min((each for each in times if each is not None), default=None)

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {**super().state(), "exchange": "kraken", **self.venue.state()}


def _read(request: SimRequest) -> tuple[dict[str, Any], Refusal | None]:
    """Read a body; what is wrong with it is told only after the key was looked at."""
    try:
        return _members(request), None
    except Refusal as refusal:
        return {}, refusal


def _members(request: SimRequest) -> dict[str, Any]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return json_members(request.body) if kind == "application/json" else form_members(request.body)
