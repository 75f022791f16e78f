"""Orders over the socket: what is written, what answers mean, and both against the simulator."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import venuekit
from venuekit import limit_buy, market_buy
from venuekit.auth import Redactor, SecretKey
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    AuthenticationFailed,
    ConfigurationError,
    Failure,
    Instrument,
    InsufficientBalance,
    NotSent,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Outcome,
    OutcomeUnknown,
    Rejected,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from venuekit.plugin import Answer, Call, Stamp
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.signing import VALIDITY_S
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings

BTC = "BTC/USD"
P = OrderPhase
FAR_BELOW = Decimal(30_000)
"""An order to buy at this price rests."""
ID = "6d1b345e282140e2ad834ecb18a06876"
NOON_NS = 1_767_268_800_000_000_000
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


@pytest.fixture
def key() -> SecretKey:
    return SecretKey(api_key="key", algorithm="hmac-sha512", secret=SECRET, redactor=Redactor())


def request(**more: Any) -> OrderRequest:
    given = limit_buy(BTC, "0.00000001", "37500.10", client_order_id=ID)
    return attrs.evolve(given, **more)


def message(adapter: KrakenAdapter, call: Call[Any]) -> Call[Any]:
    found = adapter.over_socket(call)
    assert found is not None
    return found


def params(adapter: KrakenAdapter, call: Call[Any]) -> dict[str, Any]:
    """Give a message's parameters, its numbers as text of the wire."""
    body = json.loads(message(adapter, call).request.body, parse_float=_Digits, parse_int=_Digits)
    found = body["params"]
    assert isinstance(found, dict)
    return found


class _Digits(str):
    """A JSON number as it was written."""

    __slots__ = ()


def frame(**members: Any) -> Answer:
    times = {"time_in": "2026-01-01T12:00:00.000001Z", "time_out": "2026-01-01T12:00:00.000002Z"}
    return Answer(status=200, body=json.dumps({"req_id": 7, **members, **times}).encode())


def done(method: str, result: Any) -> Answer:
    return frame(method=method, success=True, result=result)


def refused(method: str, error: str) -> Answer:
    return frame(method=method, success=False, error=error)


# What is written


def test_an_order_is_written_with_the_sockets_names_and_exact_numbers(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    call = adapter.place(
        request(post_only=True, self_trade_prevention=SelfTradePrevention.EXPIRE_TAKER), btc
    )
    over = message(adapter, call)
    assert (over.request.method, over.request.host, over.request.path) == (
        "WS",
        "ws-auth",
        "add_order",
    )
    assert params(adapter, call) == {
        "symbol": "BTC/USD",
        "order_type": "limit",
        "side": "buy",
        "order_qty": "0.00000001",
        "limit_price": "37500.10",
        "post_only": True,
        "stp_type": "cancel_newest",
        "cl_ord_id": ID,
    }
    assert (over.what, over.kind, over.client_order_id) == (call.what, call.kind, ID)
    assert over.costs == {**call.costs, "messages": 1}


def test_numbers_are_numbers_and_not_text(adapter: KrakenAdapter, btc: Instrument) -> None:
    body = message(adapter, adapter.place(request(), btc)).request.body
    assert b'"order_qty":0.00000001,' in body
    assert b'"limit_price":37500.10,' in body


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"type": OrderType.MARKET, "price": None},
            {"order_type": "market", "order_qty": "0.00000001"},
        ),
        (
            {
                "type": OrderType.MARKET,
                "price": None,
                "quantity": None,
                "quote_quantity": Decimal(50),
            },
            {"order_type": "market", "cash_order_qty": "50"},
        ),
        (
            {"type": OrderType.STOP, "price": None, "stop_price": Decimal(30000)},
            {"order_type": "stop-loss", "triggers": {"reference": "last", "price": "30000"}},
        ),
        (
            {
                "type": OrderType.TAKE_PROFIT_LIMIT,
                "stop_price": Decimal(30000),
                "options": {"trigger": "index"},
            },
            {
                "order_type": "take-profit-limit",
                "limit_price": "37500.10",
                "triggers": {"reference": "index", "price": "30000"},
            },
        ),
        ({"time_in_force": TimeInForce.IOC}, {"time_in_force": "ioc"}),
        (
            {"display_quantity": Decimal("0.00000001")},
            {"order_type": "iceberg", "display_qty": "0.00000001"},
        ),
        ({"options": {"reduce_only": "true"}}, {"reduce_only": True}),
        ({"options": {"fee_currency": "base"}}, {"fee_preference": "base"}),
        ({"side": Side.SELL}, {"side": "sell"}),
    ],
)
def test_every_kind_of_order(
    adapter: KrakenAdapter, btc: Instrument, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = params(adapter, adapter.place(request(**more), btc))
    assert {name: found.get(name) for name in expected} == expected
    assert ("order_qty" in found) is not ("cash_order_qty" in found)


@pytest.mark.parametrize(
    "more",
    [
        {"time_in_force": TimeInForce.FOK},
        {"time_in_force": TimeInForce.GTD, "options": {"expiretm": "+60"}},
        {"options": {"leverage": "2"}},
        {"options": {"starttm": "+60"}},
        {"options": {"close[ordertype]": "limit", "close[price]": "1"}},
    ],
)
def test_what_the_socket_does_not_list_or_writes_otherwise_goes_by_rest(
    adapter: KrakenAdapter, btc: Instrument, more: dict[str, Any]
) -> None:
    assert adapter.over_socket(adapter.place(request(**more), btc)) is None
    twice = [request(), request(**more)]
    assert adapter.over_socket(adapter.place_many(twice, btc)) is None


def test_questions_and_checks_go_by_rest(adapter: KrakenAdapter, btc: Instrument) -> None:
    ref = OrderRef(symbol=btc.symbol, client_order_id=request().client_order_id)
    calls = [adapter.validate(request(), btc), adapter.fetch_time(), adapter.fetch_stream_token()]
    calls.append(next(iter(adapter.fetch_order(ref, btc))))
    assert [adapter.over_socket(call) for call in calls if call is not None] == [None] * 4


def ref(btc: Instrument, txid: str | None = "OMHSUV-TJL2R-DYH7KY") -> OrderRef:
    return OrderRef(
        symbol=btc.symbol,
        client_order_id=request().client_order_id,
        exchange_order_id=txid,  # type: ignore[arg-type]
    )


def test_cancels_and_amendments(adapter: KrakenAdapter, btc: Instrument) -> None:
    txid = "OMHSUV-TJL2R-DYH7KY"
    assert params(adapter, adapter.cancel(ref(btc), btc)) == {"order_id": [txid]}
    assert params(adapter, adapter.cancel(ref(btc, None), btc)) == {"cl_ord_id": [ID]}
    amended = adapter.amend(ref(btc), btc, quantity=Decimal("0.5"), price=Decimal("37500.0"))
    assert params(adapter, amended) == {
        "order_id": txid,
        "order_qty": "0.5",
        "limit_price": "37500.0",
    }
    assert params(adapter, adapter.cancel_many([ref(btc), ref(btc)])) == {"orders": [txid, txid]}
    assert adapter.over_socket(adapter.cancel_many([ref(btc), ref(btc, None)])) is None


# What is signed


def signed(adapter: KrakenAdapter, call: Call[Any], key: SecretKey, **more: Any) -> dict[str, Any]:
    numbered = attrs.evolve(call.request, number=7)
    stamp = Stamp(time_ns=NOON_NS, **{"token": 'to"ken', **more})
    sent = adapter.sign(numbered, key, stamp)
    assert (sent.number, sent.path, dict(sent.headers)) == (7, call.request.path, {})
    body = json.loads(sent.body)
    assert isinstance(body, dict)
    return body


def test_a_message_gets_token_number_and_deadline_when_it_is_signed(
    adapter: KrakenAdapter, btc: Instrument, key: SecretKey
) -> None:
    body = signed(adapter, message(adapter, adapter.place(request(), btc)), key)
    assert (body["method"], body["req_id"], body["params"]["token"]) == ("add_order", 7, 'to"ken')
    assert body["params"]["deadline"] == "2026-01-01T12:00:05.000Z"
    assert body["params"]["cl_ord_id"] == ID


def test_a_cancel_has_no_deadline(adapter: KrakenAdapter, btc: Instrument, key: SecretKey) -> None:
    body = signed(adapter, message(adapter, adapter.cancel(ref(btc), btc)), key)
    assert body["params"] == {"token": 'to"ken', "order_id": ["OMHSUV-TJL2R-DYH7KY"]}


def test_without_a_token_or_a_number_nothing_is_signed(
    adapter: KrakenAdapter, btc: Instrument, key: SecretKey
) -> None:
    call = message(adapter, adapter.place(request(), btc))
    with pytest.raises(ValueError, match="token and a number"):
        adapter.sign(call.request, key, Stamp(time_ns=NOON_NS, token="t"))
    with pytest.raises(ValueError, match="token and a number"):
        adapter.sign(attrs.evolve(call.request, number=1), key, Stamp(time_ns=NOON_NS))
    with pytest.raises(ValueError, match="needs a nonce"):
        adapter.sign(adapter.place(request(), btc).request, key, Stamp(time_ns=NOON_NS, token="t"))


def test_the_token_is_not_shown(adapter: KrakenAdapter, key: SecretKey, btc: Instrument) -> None:
    stamp = Stamp(time_ns=NOON_NS, token="hush")
    assert "hush" not in repr(stamp)
    call = message(adapter, adapter.place(request(), btc))
    assert "hush" not in repr(adapter.sign(attrs.evolve(call.request, number=1), key, stamp))


def test_the_greeting_asks_for_as_little_as_there_is(
    adapter: KrakenAdapter, key: SecretKey
) -> None:
    greeting = adapter.socket_greeting()
    assert greeting is not None
    body = signed(adapter, greeting, key)
    assert (body["method"], body["params"]["channel"]) == ("subscribe", "executions")
    assert body["params"]["snap_orders"] is False
    assert adapter.failure(greeting, done("subscribe", {"channel": "executions"})) is None
    failure = adapter.failure(greeting, refused("subscribe", "ESession:Invalid session"))
    assert failure is not None
    assert failure.reason == "key.token_expired"


# What answers mean


def read(adapter: KrakenAdapter, call: Call[Any], answer: Answer) -> Any:
    over = message(adapter, call)
    assert adapter.failure(over, answer) is None
    return over.read(answer)


def test_which_message_a_frame_answers(adapter: KrakenAdapter) -> None:
    assert adapter.answered(done("add_order", {"order_id": "A"}).body) == 7
    assert adapter.answered('{"channel":"heartbeat"}') is None
    assert adapter.answered('{"channel":"executions","data":[{"req_id":7}]}') is None
    assert adapter.answered('{"method":null,"error":"Malformed request","success":false}') is None
    with pytest.raises(ValueError, match="JSON"):
        adapter.answered("not JSON")


def test_a_placed_order_is_open_under_its_id(adapter: KrakenAdapter, btc: Instrument) -> None:
    order = read(
        adapter,
        adapter.place(request(), btc),
        done("add_order", {"order_id": "OMHSUV-TJL2R-DYH7KY", "cl_ord_id": ID}),
    )
    assert (order.phase, order.exchange_order_id) == (P.OPEN, "OMHSUV-TJL2R-DYH7KY")


LEGS = [
    {"order_id": "OMHSUV-TJL2R-DYH7KY", "cl_ord_id": ID},
    {"cl_ord_id": "b", "success": False, "error": "EOrder:Insufficient funds"},
    {"cl_ord_id": "c", "success": False},
]


@pytest.mark.parametrize("result", [LEGS, {"orders": LEGS}])
def test_a_batch_is_answered_leg_by_leg_in_either_form(
    adapter: KrakenAdapter, btc: Instrument, result: Any
) -> None:
    call = adapter.place_many([request()] * 3, btc)
    first, second, third = read(adapter, call, done("batch_add", result))
    assert isinstance(first, Order)
    assert isinstance(second, Failure)
    assert (second.outcome, second.reason) == (Outcome.REJECTED, "balance.insufficient")
    assert isinstance(third, Failure)
    assert third.outcome is Outcome.UNKNOWN


def test_cancels_and_amendments_are_answered_in_short(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    cancel = adapter.cancel(ref(btc), btc)
    assert read(adapter, cancel, done("cancel_order", {"order_id": "A"})) is None
    many = adapter.cancel_many([ref(btc), ref(btc)])
    assert read(adapter, many, done("batch_cancel", {"count": 1})) == [None, None]
    amend = adapter.amend(ref(btc), btc, quantity=Decimal(1), price=None)
    answer = done("amend_order", {"amend_id": "A", "order_id": "B"})
    assert read(adapter, amend, answer) is None


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        ("EOrder:Insufficient funds", Outcome.REJECTED, "balance.insufficient"),
        ("EOrder: Rate limit exceeded", Outcome.REJECTED, "limit.orders"),
        ("Exceeded msg rate", Outcome.REJECTED, "limit.exceeded"),
        ("Currency pair not supported XBT/USD", Outcome.REJECTED, "instrument.unknown"),
        (
            "Unsupported field: 'price' for the given msg type: add order",
            Outcome.REJECTED,
            "request.invalid",
        ),
        ("EService:Unavailable", Outcome.UNKNOWN, "exchange.unavailable"),
        ("Something new", Outcome.UNKNOWN, "exchange.undocumented"),
    ],
)
def test_refusals_mean_what_they_mean_by_rest(
    adapter: KrakenAdapter, btc: Instrument, error: str, outcome: Outcome, reason: str
) -> None:
    call = message(adapter, adapter.place(request(), btc))
    failure = adapter.failure(call, refused("add_order", error))
    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize(
    "members",
    [
        {"method": "add_order"},
        {"method": "add_order", "success": False},
        {"method": "add_order", "success": True, "error": "EOrder:Invalid price"},
        {"method": "add_order", "success": False, "error": "E", "result": {"order_id": "A"}},
        {"method": "cancel_order", "success": True, "result": {"order_id": "A"}},
        {"method": "add_order", "success": True},
        {"method": "add_order", "success": True, "result": {"order_id": 7}},
        {"success": True, "result": {"order_id": "A"}},
    ],
)
def test_an_answer_that_says_nothing_or_two_things_is_none(
    adapter: KrakenAdapter, btc: Instrument, members: dict[str, Any]
) -> None:
    call = message(adapter, adapter.place(request(), btc))
    # The framework makes an unknown outcome of it.
    with pytest.raises(ValueError, match=r"answer|Expected|Object"):
        adapter.failure(call, frame(**members))


# Against the simulator, on virtual time

Story = Callable[[Exchange, KrakenDialect], Awaitable[None]]
Play = Callable[..., None]


@asynccontextmanager
async def opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, over: str, *, is_quiet: bool
) -> AsyncIterator[tuple[Exchange, KrakenDialect]]:
    dialect = KrakenDialect(seed=seed, is_quiet=is_quiet, limits=LimitSettings.off())
    key = dialect.credentials()
    monkeypatch.setenv("KRAKEN_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_SECRET", key.secret)
    text = (
        # Written on the loop: virtual time must not run on while a thread writes.
        f'[store]\nurl = "sqlite:{folder}/journal.db"\ndurability = "process"\n'
        f'[exchanges.kraken]\norders_over = "{over}"\n'
        "[exchanges.kraken.accounts.main]\n"
        'api_key = "env:KRAKEN_KEY"\nsecret = "env:KRAKEN_SECRET"\n'
    )
    async with (
        SimulatedExchange(dialect, delays=lambda: 0.004) as world,
        venuekit.open(
            "kraken",
            environment="sim",
            address="sim:1",
            config=configuration_from_text(text),
            transport=world.transport(),
            clock=world.clock,
            rng=random.Random(seed),
        ) as ex,
    ):
        yield ex, dialect


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a story between a client and a simulated exchange."""

    def played(
        story: Story, *, seed: int = 7, over: str = "websocket", is_quiet: bool = True
    ) -> None:
        async def whole() -> None:
            folder = tmp_path / over
            folder.mkdir()
            world = opened(folder, monkeypatch, seed, over, is_quiet=is_quiet)
            async with world as (ex, dialect):
                await story(ex, dialect)

        run_virtually(whole())

    return played


def watch(dialect: KrakenDialect) -> None:
    """Have the simulator note each message and each request, without harm."""
    dialect.faults.add(
        Fault(kind=FaultKind.DELAY_ANSWER, method="WS", path="*", count=None),
        Fault(kind=FaultKind.DELAY_ANSWER, method="POST", path="*", count=None),
    )


def seen(dialect: KrakenDialect) -> list[str]:
    """Name the writes that the simulator has answered since `watch`."""
    names = [fired.subject.replace("/0/private/", "") for fired in dialect.faults.fired]
    words = ("add", "amend", "cancel", "Add", "Amend", "Cancel")
    return [name for name in names if any(word in name for word in words)]


def at_exchange(dialect: KrakenDialect) -> list[str]:
    """Give the client order ids of all orders that the exchange ever took."""
    owners = dialect.venue.owners.values()
    return [str(one.draft.cl_ord_id) for owner in owners for one in owner.tickets.values()]


async def settled(awaited: Awaitable[Order]) -> Order | None:
    """Give what became of an order, however long that takes; None: it was never placed."""
    while True:
        try:
            return await awaited
        except OutcomeUnknown as unknown:
            awaited = unknown  # the search goes on
        except (AuthenticationFailed, NotSent):
            return None


def test_orders_amendments_and_cancels_go_over_the_socket_and_nothing_by_rest(play: Play) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        watch(dialect)
        order = await ex.place(limit_buy(BTC, "0.002", FAR_BELOW, post_only=True))
        after = await ex.amend(order, quantity="0.001")
        assert (after.quantity, after.exchange_order_id) == (
            Decimal("0.001"),
            order.exchange_order_id,
        )
        assert (await ex.cancel(order)).phase is P.CANCELED
        placed = await ex.place_many([limit_buy(BTC, "0.001", FAR_BELOW - n) for n in range(3)])
        assert (placed.requests, placed.is_done) == (1, True)
        canceled = await ex.cancel_many([leg.order for leg in placed.legs if leg.order])
        assert [leg.order and leg.order.phase for leg in canceled.legs] == [P.CANCELED] * 3
        assert await ex.fetch_open_orders() == []
        assert seen(dialect) == [
            "WS add_order",
            "WS amend_order",
            "WS cancel_order",
            "WS batch_add",
            "WS batch_cancel",
        ]

    play(story)


def test_without_the_setting_everything_goes_by_rest(play: Play) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        watch(dialect)
        order = await ex.place(limit_buy(BTC, "0.002", FAR_BELOW))
        await ex.cancel(order)
        assert seen(dialect) == ["POST AddOrder", "POST CancelOrder"]

    play(story, over="rest")


async def test_over_real_sockets_an_order_is_filled_and_adds_up() -> None:
    config = configuration_from_text('[exchanges.kraken]\norders_over = "websocket"\n')
    async with venuekit.open("kraken", config=config) as ex:
        assert ex.simulator is not None
        ex.simulator.dialect.faults.add(
            Fault(kind=FaultKind.DELAY_ANSWER, method="WS", path="add_order")
        )
        order = await ex.place(market_buy(BTC, "0.002"))
        async with asyncio.timeout(10), await ex.order_events("test", from_start=True) as events:
            async for _ in events:
                if not ex.orders():
                    break
        (known,) = ex.orders(open_only=False)
        assert (known.client_order_id, known.phase) == (order.client_order_id, P.FILLED)
        assert sum(fill.quantity for fill in known.fills) == Decimal("0.002")
        report = await ex.reconcile()
        assert report.is_clean, [str(d) for d in report.differences]
        assert [f.subject for f in ex.simulator.dialect.faults.fired] == ["WS add_order"]


def test_orders_overlap_where_rest_would_have_to_keep_their_nonces_apart(play: Play) -> None:
    async def ten(ex: Exchange) -> float:
        loop = asyncio.get_running_loop()
        await ex.place(limit_buy(BTC, "0.001", FAR_BELOW - 100))
        begun_at = loop.time()
        orders = await asyncio.gather(
            *(ex.place(limit_buy(BTC, "0.001", FAR_BELOW - n)) for n in range(10))
        )
        assert {order.phase for order in orders} == {P.OPEN}
        return loop.time() - begun_at

    took: dict[str, float] = {}

    async def over_socket(ex: Exchange, _: KrakenDialect) -> None:
        took["socket"] = await ten(ex)

    async def by_rest(ex: Exchange, _: KrakenDialect) -> None:
        took["rest"] = await ten(ex)

    play(over_socket)
    play(by_rest, over="rest")
    assert took["socket"] < 0.02
    assert took["rest"] > 0.07


def test_refusals_are_told_as_over_rest(play: Play) -> None:
    async def story(ex: Exchange, _: KrakenDialect) -> None:
        with pytest.raises(InsufficientBalance):
            await ex.place(limit_buy(BTC, "1000", FAR_BELOW))
        batch = await ex.place_many(
            [limit_buy(BTC, "0.001", FAR_BELOW), limit_buy(BTC, "1000", FAR_BELOW)]
        )
        good, bad = batch.legs
        assert good.is_done
        assert isinstance(bad.error, InsufficientBalance)

    play(story)


EXISTS = (
    FaultKind.DROP_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.HANG_AFTER,
    FaultKind.ANSWER_AFTER,
    FaultKind.EXPIRED_TOKEN,
)
NEVER = (
    FaultKind.DROP_BEFORE,
    FaultKind.RESET_BEFORE,
    FaultKind.HANG_BEFORE,
    FaultKind.ANSWER_BEFORE,
    FaultKind.DELAY_REQUEST,
)


@pytest.mark.parametrize("kind", [*EXISTS, *NEVER])
def test_whatever_becomes_of_a_message_its_order_exists_once_or_is_known_not_to(
    play: Play, kind: FaultKind
) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        first = await ex.place(limit_buy(BTC, "0.001", FAR_BELOW - 1))
        # Late by more than the deadline that the message carries.
        fault = Fault(
            kind=kind, method="WS", path="add_order", answer="service_unavailable", delay_s=6.0
        )
        dialect.faults.add(fault)
        order = await settled(ex.place(limit_buy(BTC, "0.001", FAR_BELOW)))
        assert len(dialect.faults.fired) == 1
        names = at_exchange(dialect)
        if kind in EXISTS:
            assert order is not None
            assert order.phase in {P.PENDING, P.OPEN}
            assert names == [first.client_order_id, order.client_order_id]
        else:
            assert order is None
            assert names == [first.client_order_id]
        assert (await ex.reconcile()).is_clean

    play(story)


def test_a_message_carries_a_deadline_of_its_own_however_long_it_waited(play: Play) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        # The last of them wait for their turn longer than a deadline is away.
        orders = (ex.place(limit_buy(BTC, "0.001", FAR_BELOW - n)) for n in range(68))
        assert {order.phase for order in await asyncio.gather(*orders)} <= {P.PENDING, P.OPEN}
        assert asyncio.get_running_loop().time() > VALIDITY_S
        assert len(at_exchange(dialect)) == 68

    play(story)


@pytest.mark.parametrize("path", ["amend_order", "cancel_order"])
def test_a_lost_amendment_or_cancel_is_found_out_too(play: Play, path: str) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        order = await ex.place(limit_buy(BTC, "0.002", FAR_BELOW))
        dialect.faults.add(Fault(kind=FaultKind.DROP_AFTER, method="WS", path=path))
        if path == "cancel_order":
            assert (await ex.cancel(order)).phase is P.CANCELED
        else:
            after = await settled(ex.amend(order, quantity="0.001"))
            assert after is not None
            (known,) = await ex.fetch_open_orders()
            assert known.quantity == Decimal("0.001")
        assert at_exchange(dialect) == [order.client_order_id]

    play(story)


def test_after_a_loss_orders_go_by_rest_until_the_socket_is_back(play: Play) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        dialect.faults.add(Fault(kind=FaultKind.DROP_AFTER, method="WS", path="add_order"))
        await settled(ex.place(limit_buy(BTC, "0.001", FAR_BELOW)))
        dialect.faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION, count=3))
        watch(dialect)
        for _ in range(60):
            await ex.place(limit_buy(BTC, "0.0001", FAR_BELOW))
            await asyncio.sleep(1)
        ways = seen(dialect)[1:]
        assert ways[-1] == "WS add_order"
        assert len(set(at_exchange(dialect))) == len(at_exchange(dialect)) == 61

    play(story)


def test_where_there_is_no_token_orders_go_by_rest(play: Play) -> None:
    async def without_token(ex: Exchange, dialect: KrakenDialect) -> None:
        await ex.fetch_open_orders()
        dialect.faults.add(
            # The account's stream has its token by then; the socket of orders gets none.
            Fault(
                kind=FaultKind.ANSWER_BEFORE,
                method="POST",
                path="*GetWebSocketsToken",
                answer="denied",
                skip=1,
                count=None,
            )
        )
        watch(dialect)
        order = await ex.place(limit_buy(BTC, "0.001", FAR_BELOW))
        assert order.phase is P.OPEN
        assert seen(dialect) == ["POST AddOrder"]

    play(without_token)


@pytest.mark.parametrize("seed", range(10))
def test_in_the_worst_of_weathers_no_order_exists_twice_and_none_is_lost(
    play: Play, seed: int
) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        chance = random.Random(seed)
        for kind in (*EXISTS, *NEVER):
            dialect.faults.add(
                Fault(
                    kind=kind,
                    method="WS",
                    path="*_order",
                    answer="service_unavailable",
                    delay_s=6.0,
                    probability=0.05,
                    count=None,
                )
            )

        async def one(number: int) -> Order | None:
            await asyncio.sleep(chance.uniform(0, 60))
            order = await settled(ex.place(limit_buy(BTC, "0.001", FAR_BELOW - number)))
            if order is not None and chance.random() < 0.3:
                await asyncio.sleep(chance.uniform(0, 5))
                with suppress(OutcomeUnknown, Rejected, NotSent):
                    await ex.amend(order, quantity="0.0009")
            return order

        orders = await asyncio.gather(*(one(number) for number in range(80)))
        dialect.faults.clear()
        names = at_exchange(dialect)
        placed = [str(order.client_order_id) for order in orders if order is not None]
        assert sorted(names) == sorted(placed)
        assert len(set(names)) == len(names)
        assert dialect.faults.fired
        report = await ex.reconcile()
        assert report.is_clean, [str(d) for d in report.differences]

    play(story, seed=seed)


# Choosing


async def test_an_exchange_without_orders_over_a_socket_says_so() -> None:
    config = configuration_from_text('[exchanges.binance]\norders_over = "websocket"\n')
    with pytest.raises(ConfigurationError, match=r"exchanges\.binance\.orders_over.*REST only"):
        async with venuekit.open("binance", config=config):
            pass


def test_another_way_than_these_two_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'orders_over: "fix"; allowed: rest, websocket'):
        configuration_from_text('[exchanges.kraken]\norders_over = "fix"\n')
