"""What the simulated Coinbase Exchange does, as its fact sheet says."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from venuekit.sim.dialect import Close, Send, SimAnswer, SimRequest, SimSocket
from venuekit.sim.faults import Fault, FaultKind
from venuekit_coinbase.sim.exchange import create
from venuekit_coinbase.sim.exchange.dialect import CoinbaseExchangeDialect
from venuekit_coinbase.sim.exchange.keys import Credentials, signature
from venuekit_coinbase.sim.exchange.settings import (
    UNLIMITED,
    BehaviorSettings,
    LimitSettings,
)

NOON_NS = 1_784_116_800_000_000_000  # 2026-07-15 12:00:00 UTC
OID = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"
MAKER, TAKER = "0.0040", "0.0060"


def signed(user: Credentials, timestamp: str, message: str) -> str:
    """Sign without any help from the code under test."""
    key = base64.b64decode(user.secret)
    made = hmac.new(key, (timestamp + message).encode(), hashlib.sha256)
    return base64.b64encode(made.digest()).decode()


class Line:
    """A connection of a user."""

    def __init__(self, world: "World", socket: SimSocket) -> None:
        self.world = world
        self.socket = socket
        self.closed: Close | None = None

    def send(self, **message: Any) -> None:
        self.world.dialect.received(self.socket, json.dumps(message), self.world.now_ns)

    def subscribe(
        self,
        *channels: Any,
        user: Credentials | None = None,
        books: Any = ("BTC-USD",),
        **more: Any,
    ) -> None:
        message = {"type": "subscribe", "product_ids": list(books), "channels": list(channels)}
        if user is not None:
            timestamp = f"{self.world.now_ns / 1e9:.3f}"
            message |= {
                "key": user.api_key,
                "passphrase": user.passphrase,
                "timestamp": timestamp,
                "signature": signed(user, timestamp, "GET/users/self/verify"),
            }
        self.send(**{**message, **more})

    def read(self, *kinds: str) -> list[Any]:
        """Give the messages since the last call, or those of some types."""
        texts = []
        for frame in self.socket.drain():
            if isinstance(frame, Send):
                texts.append(json.loads(frame.text))
            elif isinstance(frame, Close):
                self.closed = frame
        return [text for text in texts if not kinds or text["type"] in kinds]


class World:
    """A dialect, its time, and one user."""

    def __init__(self, dialect: CoinbaseExchangeDialect) -> None:
        self.dialect = dialect
        self.now_ns = NOON_NS
        self.user = dialect.credentials()
        self.answer = SimAnswer(0)
        dialect.advance(self.now_ns)

    def wait(self, seconds: float, step_s: float = 0.05) -> None:
        end_ns = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + round(step_s * 1e9))
            self.dialect.advance(self.now_ns)

    def raw(self, method: str, path: str, query: str = "", body: str = "", **headers: str) -> Any:
        request = SimRequest(
            method=method,
            path=path,
            query_string=query,
            body=body.encode(),
            headers={name.replace("_", "-"): text for name, text in headers.items()},
            peer="10.0.0.1",
        )
        self.answer = self.dialect.handle(request, self.now_ns)
        return json.loads(self.answer.body)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: Credentials | None = None,
        skew_s: float = 0,
        headers: Any = None,
        **params: Any,
    ) -> Any:
        """Send a signed request."""
        user = user or self.user
        query = urlencode(params, doseq=True)
        text = "" if body is None else json.dumps(body)
        timestamp = f"{self.now_ns / 1e9 + skew_s:.3f}"
        message = f"{method}{path}{'?' if query else ''}{query}{text}"
        made = {
            "CB_ACCESS_KEY": user.api_key,
            "CB_ACCESS_SIGN": signed(user, timestamp, message),
            "CB_ACCESS_TIMESTAMP": timestamp,
            "CB_ACCESS_PASSPHRASE": user.passphrase,
        }
        return self.raw(method, path, query, text, **{**made, **(headers or {})})

    def place(self, user: Credentials | None = None, *, arrives: bool = True, **fields: Any) -> Any:
        """Place an order, by default to buy 0.01 at 60000, and let it arrive."""
        body = {"product_id": "BTC-USD", "side": "buy", "price": "60000", "size": "0.01", **fields}
        body = {name: each for name, each in body.items() if each is not None}
        answer = self.call("POST", "/orders", body, user=user)
        if arrives:
            self.wait(0.01, 0.01)
        return answer

    def order(self, name: str) -> Any:
        return self.call("GET", f"/orders/{name}")

    def balance(self, asset: str, user: Credentials | None = None) -> tuple[str, str, str]:
        rows = self.call("GET", "/accounts", user=user)
        row = next(row for row in rows if row["currency"] == asset)
        return row["balance"], row["available"], row["hold"]

    def connect(self) -> Line:
        return Line(self, self.dialect.open_socket("/", "", self.now_ns, peer="10.0.0.1"))

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def message(self) -> str:
        return str(json.loads(self.answer.body)["message"])


Make = Callable[..., World]


@pytest.fixture
def make_world() -> Make:
    def make(**options: Any) -> World:
        return World(create(**{"seed": 7, "is_quiet": True, "limits": UNLIMITED, **options}))

    return make


@pytest.fixture
def world(make_world: Make) -> World:
    """A quiet exchange: nobody trades but its accounts."""
    return make_world()


@pytest.fixture
def other(world: World) -> Credentials:
    """A second account, to trade with."""
    return world.dialect.credentials("other")


# Keys


def test_signatures_are_those_of_the_published_vector() -> None:
    secret = (
        "kv+3DPw2yHWQWkDsmpN4uXWtgtuBrFFLu7zRk9gipjdrFpUjwZ0mK6KzGAPFpxOjDLdna20xozy+9fqRU5zJZQ=="
    )
    message = b"1580066918.897GET/fills?product_id=BTC-EUR"
    assert signature(secret, message) == "qGB3X7LOAhNXPpRqV73F08sMU1hKuX+s7vQypcEErV8="


def test_the_query_is_signed_too(world: World) -> None:
    world.call("GET", "/fills", product_id="BTC-USD")
    assert world.status == 200
    timestamp = f"{world.now_ns / 1e9:.3f}"
    world.raw(
        "GET",
        "/fills",
        "product_id=BTC-USD",
        CB_ACCESS_KEY=world.user.api_key,
        CB_ACCESS_SIGN=signed(world.user, timestamp, "GET/fills"),
        CB_ACCESS_TIMESTAMP=timestamp,
        CB_ACCESS_PASSPHRASE=world.user.passphrase,
    )
    assert (world.status, world.message) == (400, "invalid signature")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"CB_ACCESS_KEY": "nobody"}, 401, "Invalid API Key"),
        ({"CB_ACCESS_PASSPHRASE": "guess"}, 401, "Invalid Passphrase"),
        ({"CB_ACCESS_SIGN": "guess"}, 400, "invalid signature"),
        ({"CB_ACCESS_TIMESTAMP": "yesterday"}, 401, "invalid timestamp"),
    ],
)
def test_each_part_of_a_key_is_checked(
    world: World, headers: Any, status: int, message: str
) -> None:
    world.call("GET", "/accounts", headers=headers)
    assert (world.status, world.message) == (status, message)


@pytest.mark.parametrize(("skew_s", "status"), [(29, 200), (-29, 200), (31, 401), (-31, 401)])
def test_a_timestamp_is_good_for_thirty_seconds_either_way(
    world: World, skew_s: float, status: int
) -> None:
    world.call("GET", "/accounts", skew_s=skew_s)
    assert world.status == status
    if status == 401:
        assert world.message == "request timestamp expired"


def test_a_clock_that_a_fault_puts_wrong_expires_timestamps(world: World) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.CLOCK_SKEW, value=60_000))
    world.call("GET", "/accounts")
    assert world.message == "request timestamp expired"
    assert float(world.raw("GET", "/time")["epoch"]) == NOON_NS / 1e9 + 60


def test_a_key_that_may_only_read_places_nothing(world: World) -> None:
    reader = world.dialect.create_account("reader", can_trade=False)
    world.place(reader)
    assert (world.status, world.message) == (403, "Forbidden")


def test_secrets_are_not_in_the_text_of_credentials(world: World) -> None:
    shown = repr(world.user)
    assert world.user.secret not in shown
    assert world.user.passphrase not in shown


def test_a_request_without_user_agent_may_be_refused(make_world: Make) -> None:
    world = make_world(behavior=BehaviorSettings(needs_user_agent=True))
    world.raw("GET", "/time")
    assert world.status == 400
    world.raw("GET", "/time", User_Agent="venuekit")
    assert world.status == 200


# Limits


def test_public_requests_have_a_bucket_of_fifteen_that_fills_by_ten_a_second(
    make_world: Make,
) -> None:
    world = make_world(limits=LimitSettings())
    for _ in range(15):
        world.raw("GET", "/time")
        assert world.status == 200
    world.raw("GET", "/time")
    assert (world.status, world.message) == (429, "Public rate limit exceeded")
    world.wait(0.1)
    world.raw("GET", "/time")
    assert world.status == 200


def test_fills_are_counted_apart_from_other_private_requests(make_world: Make) -> None:
    world = make_world(limits=LimitSettings())
    for _ in range(30):
        world.call("GET", "/accounts")
        assert world.status == 200
    world.call("GET", "/accounts")
    assert (world.status, world.message) == (429, "Private rate limit exceeded")
    for _ in range(20):
        world.call("GET", "/fills", product_id="BTC-USD")
        assert world.status == 200
    world.call("GET", "/fills", product_id="BTC-USD")
    assert world.status == 429


def test_handshakes_are_counted(make_world: Make) -> None:
    world = make_world(limits=LimitSettings())
    request = SimRequest(method="GET", path="/", peer="10.0.0.1")
    assert [world.dialect.accepts(request, world.now_ns) for _ in range(20)] == [None] * 20
    refused = world.dialect.accepts(request, world.now_ns)
    assert refused is not None
    assert refused.status == 429


def test_more_than_so_many_open_orders_on_a_product_are_refused(make_world: Make) -> None:
    world = make_world(limits=LimitSettings(open_orders=2, private=None))
    world.place()
    world.place()
    world.place()
    assert world.status == 400
    world.place(product_id="ETH-USD", price="3000")
    assert world.status == 200


# The market


def test_products_have_no_sizes_of_their_own(world: World) -> None:
    (product,) = [row for row in world.raw("GET", "/products") if row["id"] == "BTC-USD"]
    assert product == world.raw("GET", "/products/BTC-USD")
    wanted = ("0.01", "0.00000001", "1", "online")
    names = ("quote_increment", "base_increment", "min_market_funds", "status")
    assert tuple(product[name] for name in names) == wanted
    assert not {"base_min_size", "base_max_size", "max_market_funds"} & product.keys()
    world.raw("GET", "/products/NO-PE")
    assert (world.status, world.message) == (404, "NotFound")


def test_levels_of_a_book_are_counted_and_level_three_names_orders(world: World) -> None:
    first, second = world.place(), world.place(size="0.02")
    world.place(price="59000")
    path = "/products/BTC-USD/book"
    assert world.raw("GET", path)["bids"] == [["60000", "0.03", 1]]
    assert len(world.raw("GET", path, "level=2")["bids"]) == 2
    full = world.raw("GET", path, "level=3")
    assert full["bids"][:2] == [["60000", "0.01", first["id"]], ["60000", "0.02", second["id"]]]
    assert full["sequence"] == 7  # one, and received and open of three orders


def test_a_trade_has_the_makers_side_and_a_ticker_the_takers(
    world: World, other: Credentials
) -> None:
    world.place(side="sell", price="61000")
    line = world.connect()
    line.subscribe("matches", "ticker")
    world.place(other, side="buy", price="61000")
    (trade,) = world.raw("GET", "/products/BTC-USD/trades")
    assert (trade["side"], trade["price"], trade["size"]) == ("sell", "61000", "0.01")
    match, ticker = line.read("match", "ticker")
    assert (match["type"], match["side"], match["trade_id"]) == ("match", "sell", 1)
    assert (ticker["type"], ticker["side"], ticker["last_size"]) == ("ticker", "buy", "0.01")


def test_candles_are_numbers_and_newest_first(make_world: Make) -> None:
    world = make_world(is_quiet=False)
    rows = world.raw("GET", "/products/BTC-USD/candles", "granularity=300")
    assert 200 < len(rows) <= 300
    assert rows[0][0] > rows[1][0]
    time, low, high, begun, ended, volume = rows[1]
    assert time % 300 == 0
    assert low <= min(begun, ended) <= max(begun, ended) <= high
    assert volume > 0
    world.raw("GET", "/products/BTC-USD/candles", "granularity=7")
    assert world.status == 400
    world.raw("GET", "/products/BTC-USD/candles", "granularity=60&start=0&end=99999")
    assert world.status == 400


def test_a_stale_book_is_given_where_a_fault_asks_for_it(world: World) -> None:
    world.wait(2)
    world.place()
    world.wait(2)
    world.place(price="60001")
    world.dialect.faults.add(Fault(kind=FaultKind.STALE_SNAPSHOT, value=1_000))
    path = "/products/BTC-USD/book"
    assert world.raw("GET", path)["bids"][0][0] == "60000"
    assert world.raw("GET", path)["bids"][0][0] == "60001"


# Placing


def test_a_new_order_is_answered_as_pending_before_it_is_matched(world: World) -> None:
    placed = world.place(client_oid=OID, arrives=False)
    assert (placed["status"], placed["client_oid"]) == ("pending", OID)
    assert world.raw("GET", "/products/BTC-USD/book")["bids"] == []
    world.wait(0.01, 0.01)
    assert world.order(placed["id"])["status"] == "open"
    assert world.order(f"client:{OID}")["id"] == placed["id"]


@pytest.mark.parametrize(
    "oid", [OID.upper(), "mine", "7d6a1f0e-2f5e-1a56-9c0b-7a2b5f0d3c11", OID.replace("-", "")]
)
def test_a_client_oid_of_another_form_is_taken_and_dropped(world: World, oid: str) -> None:
    assert world.place(client_oid=oid)["client_oid"] is None
    assert world.status == 200


def test_sending_an_order_twice_makes_two(world: World) -> None:
    first, second = world.place(client_oid=OID), world.place(client_oid=OID)
    assert first["id"] != second["id"]
    assert len(world.call("GET", "/orders")) == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"product_id": "NO-PE"}, "Product not found"),
        ({"size": "0.000000001"}, "size is too small"),
        ({"size": "0.00000001"}, "size is too small"),
        ({"price": "60000.001"}, "price too precise"),
        ({"price": "-1"}, "price too small"),
        ({"size": "1000"}, "Insufficient funds"),
    ],
)
def test_orders_against_the_rules_are_refused_by_name(
    world: World, fields: Any, message: str
) -> None:
    world.place(**fields)
    assert (world.status, world.message) == (400, message)
    assert world.call("GET", "/orders") == []


def test_a_post_only_order_that_would_take_is_refused(world: World, other: Credentials) -> None:
    world.place(other, side="sell", price="61000")
    world.place(price="61000", post_only=True)
    assert world.status == 400
    assert world.place(price="60999", post_only=True)["post_only"] is True


def test_a_rejection_may_come_after_the_answer(make_world: Make) -> None:
    world = make_world(behavior=BehaviorSettings(refuses_late=True))
    placed = world.place(size="1000")
    assert placed["status"] == "pending"
    told = world.order(placed["id"])
    assert (told["status"], told["reject_reason"]) == ("rejected", "insufficient funds")
    assert world.balance("USD") == ("1000000", "1000000", "0")


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("cancel_only", 400, "Cancel only mode"),
        ("trading_disabled", 403, "Trading pair not available"),
        ("offline", 503, "under maintenance"),
    ],
)
def test_a_halted_product_takes_no_orders(
    world: World, text: str, status: int, message: str
) -> None:
    placed = world.place()
    world.dialect.faults.add(Fault(kind=FaultKind.HALT, topic="BTC-USD", text=text))
    world.place()
    assert (world.status, world.message) == (status, message)
    assert world.call("DELETE", f"/orders/{placed['id']}") == placed["id"]


# Money


def test_a_purchase_holds_its_commission_too_and_gives_back_the_rest(
    world: World, other: Credentials
) -> None:
    placed = world.place(size="1")
    assert world.balance("USD") == ("1000000", "939640", "60360")  # 60000 and 0.6 %
    world.place(other, side="sell", price=None, size="0.5", type="market")
    told = world.order(placed["id"])
    assert (told["filled_size"], told["executed_value"], told["fill_fees"]) == (
        "0.5",
        "30000",
        "120",
    )
    world.call("DELETE", f"/orders/{placed['id']}")
    assert world.balance("USD") == ("969880", "969880", "0")
    assert world.balance("BTC") == ("10.5", "10.5", "0")
    assert world.balance("USD", other) == ("1029820", "1029820", "0")  # 30000 less 0.6 %


def test_funds_of_a_market_order_include_its_commission(world: World, other: Credentials) -> None:
    world.place(other, side="sell", price="61000", size="1")
    placed = world.place(type="market", price=None, size=None, funds="1006")
    assert (placed["specified_funds"], placed["funds"]) == ("1006", "1000")
    told = world.order(placed["id"])
    assert (told["status"], told["done_reason"], told["settled"]) == ("done", "filled", True)
    assert float(told["executed_value"]) + float(told["fill_fees"]) == pytest.approx(1006, abs=0.01)
    assert world.balance("USD")[2] == "0"


def test_money_is_neither_made_nor_lost(make_world: Make) -> None:
    world = make_world(is_quiet=False)
    for side in ("buy", "sell"):
        world.place(side=side, type="market", price=None, size="0.1")
    fills = world.call("GET", "/fills", product_id="BTC-USD")
    spent = {"buy": 0.0, "sell": 0.0}
    for fill in fills:
        value, fee = float(fill["price"]) * float(fill["size"]), float(fill["fee"])
        spent[fill["side"]] += value + fee if fill["side"] == "buy" else -(value - fee)
        assert fee == pytest.approx(value * float(TAKER))
        assert fill["liquidity"] == "T"
    balance, available, hold = world.balance("USD")
    assert float(balance) == pytest.approx(1_000_000 - spent["buy"] - spent["sell"])
    assert (available, hold) == (balance, "0")
    assert world.balance("BTC")[0] == "10"
    fees = world.call("GET", "/fees")
    assert (fees["maker_fee_rate"], fees["taker_fee_rate"]) == (MAKER, TAKER)


# Ending


def test_a_cancel_answers_with_the_id_by_either_name(world: World) -> None:
    first = world.place()
    assert world.call("DELETE", f"/orders/{first['id']}") == first["id"]
    second = world.place(client_oid=OID)
    assert world.call("DELETE", f"/orders/client:{OID}", product_id="BTC-USD") == second["id"]
    assert world.balance("USD")[2] == "0"


def test_an_order_that_ended_without_a_fill_is_forgotten(world: World) -> None:
    placed = world.place(client_oid=OID)
    world.call("DELETE", f"/orders/{placed['id']}")
    for name in (placed["id"], f"client:{OID}"):
        for method in ("GET", "DELETE"):
            world.call(method, f"/orders/{name}")
            assert (world.status, world.message) == (404, "order not found")
    assert world.call("GET", "/orders", status="all") == []


def test_an_order_that_was_canceled_after_a_fill_is_remembered(
    world: World, other: Credentials
) -> None:
    placed = world.place()
    world.place(other, side="sell", price="60000", size="0.004")
    world.call("DELETE", f"/orders/{placed['id']}")
    told = world.order(placed["id"])
    assert (told["status"], told["done_reason"], told["filled_size"]) == (
        "done",
        "canceled",
        "0.004",
    )
    world.call("DELETE", f"/orders/{placed['id']}")
    assert (world.status, world.message) == (400, "Order already done")
    assert [row["id"] for row in world.call("GET", "/orders", status="done")] == [placed["id"]]
    assert world.call("GET", "/orders") == []


def test_an_order_of_somebody_else_is_not_found(world: World, other: Credentials) -> None:
    placed = world.place(other)
    assert world.order(placed["id"]) == {"message": "order not found"}
    world.call("DELETE", "/orders/what")
    assert (world.status, world.message) == (400, "Invalid order id")


def test_cancel_all_is_best_effort_and_is_repeated_until_nothing_is_left(make_world: Make) -> None:
    world = make_world(behavior=BehaviorSettings(most_canceled=2))
    ids = [world.place()["id"] for _ in range(3)]
    elsewhere = world.place(product_id="ETH-USD", price="3000")["id"]
    assert world.call("DELETE", "/orders", product_id="BTC-USD") == ids[:2]
    assert world.call("DELETE", "/orders", product_id="BTC-USD") == ids[2:]
    assert world.call("DELETE", "/orders", product_id="BTC-USD") == []
    assert world.call("DELETE", "/orders") == [elsewhere]


def test_an_order_with_an_end_is_canceled_by_then(world: World) -> None:
    placed = world.place(time_in_force="GTT", cancel_after="min")
    world.wait(59, 1)
    assert world.order(placed["id"])["status"] == "open"
    world.wait(2, 1)
    world.order(placed["id"])
    assert world.status == 404


@pytest.mark.parametrize("force", ["IOC", "FOK"])
def test_an_order_that_does_not_wait_leaves_nothing_open(
    world: World, other: Credentials, force: str
) -> None:
    world.place(other, side="sell", price="60000", size="0.004")
    placed = world.place(time_in_force=force)
    told = world.order(placed["id"])
    assert told.get("filled_size") == ("0.004" if force == "IOC" else None)
    assert world.call("GET", "/orders") == []


def test_a_stop_waits_is_active_and_is_triggered_by_the_last_trade(
    world: World, other: Credentials
) -> None:
    third = world.dialect.credentials("third")
    line = world.connect()
    line.subscribe("user", user=world.user)
    placed = world.place(side="sell", type="stop", stop="loss", stop_price="59000", price="58000")
    (activate,) = line.read("activate", "received", "open")
    assert (activate["type"], activate["stop_type"]) == ("activate", "loss")
    for price in ("59500", "59000"):  # above the stop price, then at it
        assert world.order(placed["id"])["status"] == "active"
        world.place(other, price=price, size="0.02")
        world.place(third, side="sell", price=price, size="0.02" if price == "59500" else "0.001")
    assert [each["type"] for each in line.read()] == ["received", "match", "done"]
    told = world.order(placed["id"])
    assert (told["done_reason"], told["stop"], told["stop_price"]) == ("filled", "loss", "59000")


def test_own_orders_do_not_trade_with_each_other(world: World) -> None:
    resting = world.place(side="sell", price="60000", size="0.03")
    line = world.connect()
    line.subscribe("user", user=world.user)
    world.place(price="60000", size="0.01")  # decrease and cancel
    change = next(each for each in line.read() if each["type"] == "change")
    assert (change["old_size"], change["new_size"]) == ("0.03", "0.02")
    world.place(price="60000", size="0.01", stp="co")
    assert world.order(resting["id"]) == {"message": "order not found"}
    assert world.call("GET", "/fills", product_id="BTC-USD") == []


# Pages


def test_fills_are_paged_by_what_headers_name(world: World, other: Credentials) -> None:
    placed = world.place(size="0.05")
    for _ in range(5):
        world.place(other, side="sell", price="60000", size="0.01")
    pages = []
    after: dict[str, Any] = {}
    for _ in range(3):
        page = world.call("GET", "/fills", order_id=placed["id"], limit=2, **after)
        pages.append([row["trade_id"] for row in page])
        after = {"after": world.answer.header("CB-AFTER")}
    assert pages == [[5, 4], [3, 2], [1]]
    oldest = after["after"]
    assert world.call("GET", "/fills", order_id=placed["id"], **after) == []
    assert world.answer.header("CB-AFTER") is None
    newer = world.call("GET", "/fills", order_id=placed["id"], before=oldest)
    assert [row["trade_id"] for row in newer] == [5, 4, 3, 2]
    world.call("GET", "/fills")
    assert world.status == 400


def test_queries_may_lag_behind_placements(world: World) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.MEMORY_LAG, value=2_000))
    placed = world.place()
    assert world.order(placed["id"]) == {"message": "order not found"}
    world.wait(2)
    assert world.order(placed["id"])["status"] == "open"


# The feed


def test_subscriptions_are_answered_with_the_complete_list(world: World) -> None:
    line = world.connect()
    line.subscribe("heartbeat")
    line.subscribe({"name": "ticker", "product_ids": ["ETH-USD"]})
    assert line.read("subscriptions")[-1]["channels"] == [
        {"name": "heartbeat", "product_ids": ["BTC-USD"]},
        {"name": "ticker", "product_ids": ["ETH-USD"]},
    ]
    line.send(type="unsubscribe", channels=["heartbeat"])
    (answer,) = line.read("subscriptions")
    assert [each["name"] for each in answer["channels"]] == ["ticker"]


@pytest.mark.parametrize("channel", ["level2", "full"])
def test_some_channels_want_a_key(world: World, channel: str) -> None:
    line = world.connect()
    line.subscribe(channel)
    (error,) = line.read()
    assert error == {
        "type": "error",
        "message": "Failed to subscribe",
        "reason": "level2, level3, and full channels now require authentication",
    }
    line.subscribe(channel, user=world.user)
    assert line.read()[0]["type"] == "subscriptions"


def test_the_user_channel_wants_a_key_that_is_right(world: World) -> None:
    line = world.connect()
    line.subscribe("user")
    line.subscribe("user", user=world.user, passphrase="guess")
    line.subscribe("user", user=world.user, signature="guess")
    line.subscribe("user", user=world.user, timestamp="1")
    reasons = [each["reason"] for each in line.read()]
    assert reasons[1:] == ["Invalid Passphrase", "invalid signature", "request timestamp expired"]
    assert not line.read("subscriptions")


def test_a_connection_that_subscribes_to_nothing_is_closed_after_five_seconds(
    world: World,
) -> None:
    line, busy = world.connect(), world.connect()
    busy.subscribe("heartbeat")
    world.wait(4.9)
    line.read()
    assert line.closed is None
    world.wait(0.2)
    line.read()
    busy.read()
    assert (line.closed is not None, busy.closed) == (True, None)


def test_heartbeats_name_the_last_sequence_and_trade(world: World, other: Credentials) -> None:
    line = world.connect()
    line.subscribe("heartbeat")
    world.place()
    world.place(other, side="sell", price="60000", size="0.01")
    world.wait(1)
    beat = line.read("heartbeat")[-1]
    # received, open; received, match, done, done
    assert (beat["sequence"], beat["last_trade_id"]) == (7, 1)
    world.dialect.faults.add(Fault(kind=FaultKind.NO_PING, count=None))
    world.wait(3)
    assert line.read("heartbeat") == []


def test_full_tells_an_orders_life_without_gaps_and_user_the_owners_part(
    world: World, other: Credentials
) -> None:
    full, own = world.connect(), world.connect()
    full.subscribe("full", user=other)
    own.subscribe("user", user=world.user)
    placed = world.place(client_oid=OID, size="0.02")
    world.place(other, side="sell", price="60000", size="0.01")
    world.call("DELETE", f"/orders/{placed['id']}")
    told = full.read()[1:]
    kinds = ["received", "open", "received", "match", "done", "done"]
    assert [each["type"] for each in told] == kinds
    assert [each["sequence"] for each in told] == list(range(2, 8))
    assert "user_id" not in told[0]
    mine = own.read()[1:]
    assert [each["type"] for each in mine] == ["received", "open", "match", "done"]
    assert mine[0]["client_oid"] == OID
    assert all("user_id" in each and "profile_id" in each for each in mine)
    assert mine[2]["maker_order_id"] == placed["id"]
    assert (mine[2]["side"], mine[2]["size"]) == ("buy", "0.01")
    assert (mine[3]["reason"], mine[3]["remaining_size"]) == ("canceled", "0.01")


def test_matches_begin_with_the_last_one(world: World, other: Credentials) -> None:
    world.place()
    world.place(other, side="sell", price="60000")
    line = world.connect()
    line.subscribe("matches")
    assert [each["type"] for each in line.read()] == ["subscriptions", "last_match"]


@pytest.mark.parametrize("channel", ["level2", "level2_batch"])
def test_a_book_follows_from_a_snapshot_and_absolute_sizes(make_world: Make, channel: str) -> None:
    world = make_world(is_quiet=False)
    line = world.connect()
    line.subscribe(channel, user=world.user)
    _, snapshot, *_ = line.read()
    book = {
        "buy": dict(map(tuple, snapshot["bids"])),
        "sell": dict(map(tuple, snapshot["asks"])),
    }
    world.wait(20)
    world.now_ns += 50_000_000 - world.now_ns % 50_000_000
    world.dialect.streams.advance(world.now_ns)
    updates = line.read("l2update")
    assert len(updates) > 10
    for update in updates:
        for side, price, size in update["changes"]:
            book[side][price] = size
    fresh = world.raw("GET", "/products/BTC-USD/book", "level=2")
    for side, rows in (("buy", fresh["bids"]), ("sell", fresh["asks"])):
        have = {price: size for price, size in book[side].items() if size != "0"}
        assert have == {price: size for price, size, _ in rows}


def test_the_status_channel_lists_products_and_currencies(world: World) -> None:
    line = world.connect()
    line.subscribe("status", books=())
    status = line.read("status")[0]
    assert "BTC-USD" in {each["id"] for each in status["products"]}
    assert {"BTC", "USD"} <= {each["id"] for each in status["currencies"]}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "subscribe", "channels": ["nope"], "product_ids": ["BTC-USD"]}, "nope"),
        ({"type": "subscribe", "channels": ["ticker"], "product_ids": ["NO-PE"]}, "NO-PE"),
        ({"type": "subscribe", "channels": []}, "channels"),
        ({"type": "order", "channels": ["ticker"], "product_ids": ["BTC-USD"]}, "Type"),
    ],
)
def test_a_message_that_cannot_be_followed_is_answered_with_why(
    world: World, message: Any, reason: str
) -> None:
    line = world.connect()
    line.send(**message)
    (error,) = line.read()
    assert (error["type"], error["message"]) == ("error", "Failed to subscribe")
    assert reason in error["reason"]


# Faults


def test_stream_faults_are_asked_for_by_channel_and_product(world: World) -> None:
    line = world.connect()
    line.subscribe("user", user=world.user)
    line.read()
    world.dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="user:BTC-USD"))
    world.place()
    assert [each["type"] for each in line.read()] == ["open"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("timeout", 504),
        ("unexpected", 500),
        ("overloaded", 503),
        ("unavailable", 503),
        ("rate_limited", 429),
        ("maintenance", 503),
    ],
)
def test_answers_can_be_asked_for_by_name(world: World, name: str, status: int) -> None:
    request = SimRequest(method="GET", path="/time")
    assert world.dialect.named_answer(name, request, world.now_ns).status == status


def test_strange_members_and_values_appear_where_faults_ask_for_them(world: World) -> None:
    placed = world.place()
    world.dialect.faults.add(Fault(kind=FaultKind.STRANGE_MEMBERS))
    world.dialect.faults.add(Fault(kind=FaultKind.STRANGE_VALUES))
    told = world.order(placed["id"])
    assert told["status"] == "nobody_knows_this"
    assert "zz_unknown" in told


def test_the_same_seed_makes_the_same_world(make_world: Make) -> None:
    answers = []
    for _ in range(2):
        world = make_world(is_quiet=False)
        world.wait(3)
        answers.append(world.raw("GET", "/products/BTC-USD/book", "level=3"))
    assert answers[0] == answers[1]
