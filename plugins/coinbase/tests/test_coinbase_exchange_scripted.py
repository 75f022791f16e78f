"""The whole client against a script of what the documents of Coinbase Exchange say of its answers.

Every request's signature is checked. No engine stands behind it: orders rest until they are
canceled, and are forgotten then.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import venuekit
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    Gap,
    NotSent,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRefused,
    Rejected,
    limit_buy,
)
from venuekit.plugin import Answer, Request
from venuekit.testing.simulated import VirtualClock
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport.seam import AnswerLost, SocketClosed, Timeouts
from venuekit_coinbase.figures import moment_text

SECRET = base64.b64encode(b"sixty-four bytes that sign").decode()
PASSPHRASE = "c4n4ry-passphrase"
PRODUCT = {
    "id": "BTC-USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "min_market_funds": "1",
    "status": "online",
}
BUY = limit_buy("BTC/USD", "0.01", "50000")


class Line:
    """One socket of the client."""

    def __init__(self, script: "Script") -> None:
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.heard_at = self._loop.time()
        self.channels: set[str] = set()

    async def send(self, text: str) -> None:
        message = json.loads(text)
        names = {channel["name"] for channel in message["channels"]}
        if message["type"] == "unsubscribe":
            self.channels -= names
        else:
            self.channels |= names
        if "user" in names:
            signed = f"{message['timestamp']}GET/users/self/verify".encode()
            assert message["signature"] == signature(signed)
            assert message["passphrase"] == PASSPHRASE
        self.tell({"type": "subscriptions", "channels": message["channels"]})

    def tell(self, message: Mapping[str, Any]) -> None:
        self._frames.put_nowait(json.dumps({"product_id": "BTC-USD", **message}))

    async def receive(self) -> str:
        while True:
            try:
                async with asyncio.timeout(1):
                    frame = await self._frames.get()
            except TimeoutError:
                if not self._frames.empty():
                    continue  # of the same moment: first what happened, then that it was the last
                beat = {"type": "heartbeat", "last_trade_id": self._script.last_trade_id}
                frame = json.dumps({"product_id": "BTC-USD", **beat})
            if frame is None:
                raise SocketClosed(1000, "")
            self.heard_at = self._loop.time()
            return frame

    async def close(self) -> None:
        self._frames.put_nowait(None)


class Script:
    """What Coinbase Exchange answers; a transport of the client."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.orders: dict[str, dict[str, Any]] = {}
        self.lines: list[Line] = []
        self.lost: list[str] = []
        """Requests whose answer is lost after they had their effect, once each."""
        self.unsent: list[str] = []
        """Requests that never arrive."""
        self.asked: list[str] = []
        self.is_streaming = True
        self.last_trade_id = 10
        self.swept_at_once = 3

    def now(self) -> str:
        return moment_text(self.clock.time_ns())

    def trade(self, number: int) -> dict[str, Any]:
        row = {"trade_id": number, "side": "sell", "size": "1", "price": "5"}
        return {**row, "time": self.now()}

    def tell(self, channel: str, message: Mapping[str, Any]) -> None:
        for line in self.lines:
            if channel in line.channels:
                line.tell({"time": self.now(), "user_id": "me", "profile_id": "p", **message})

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        del timeouts
        await asyncio.sleep(0.004)
        what = f"{request.method} {request.path}"
        self.asked.append(what)
        if what in self.unsent:
            raise AnswerLost("the connection was cut")
        self._check(request)
        status, body = self._answer(request)
        if what in self.lost:
            self.lost.remove(what)
            raise AnswerLost("the connection was cut")
        return Answer(status=status, body=json.dumps(body).encode())

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Line:
        del host, path, headers, connect_s
        line = Line(self)
        self.lines.append(line)
        return line

    async def close(self) -> None:
        for line in self.lines:
            await line.close()

    def _check(self, request: Request) -> None:
        if request.path in {"/time", "/products"} or request.path.endswith("/trades"):
            return
        target = f"{request.path}?{request.query}" if request.query else request.path
        time = request.headers["CB-ACCESS-TIMESTAMP"]
        signed = f"{time}{request.method}{target}".encode() + request.body
        assert request.headers["CB-ACCESS-SIGN"] == signature(signed)
        assert request.headers["CB-ACCESS-PASSPHRASE"] == PASSPHRASE

    def _answer(self, request: Request) -> tuple[int, Any]:
        path, method = request.path, request.method
        if path == "/time":
            return 200, {"iso": self.now(), "epoch": self.clock.time_ns() / 1e9}
        if path in {"/products", "/accounts", "/fills"}:
            return 200, [PRODUCT] if path == "/products" else []
        if path.endswith("/trades"):
            return 200, [self.trade(number) for number in range(self.last_trade_id, 10, -1)]
        if path != "/orders":
            return self._one(path.removeprefix("/orders/"), method)
        if method == "POST":
            return self._place(json.loads(request.body))
        if method == "GET":
            return 200, list(self.orders.values())
        names = list(self.orders)[: self.swept_at_once]
        for name in names:
            self.cancel(name)
        return 200, names

    def _one(self, name: str, method: str) -> tuple[int, Any]:
        found = [
            order
            for order in self.orders.values()
            if name in {order["id"], f"client:{order['client_oid']}"}
        ]
        if not found:
            return 404, {"message": "NotFound"}
        if method == "DELETE":
            self.cancel(found[0]["id"])
            return 200, found[0]["id"]
        return 200, found[0]

    def _place(self, body: dict[str, Any]) -> tuple[int, Any]:
        assert str(uuid.UUID(body["client_oid"], version=4)) == body["client_oid"]
        if Decimal(body["size"]) > 1:
            # As servers do that quote what was sent to them.
            return 400, {"message": f"Insufficient funds of {PASSPHRASE}"}
        order = {
            **body,
            "id": str(uuid.UUID(int=len(self.asked))),
            "status": "open",
            "created_at": self.now(),
            "filled_size": "0",
            "executed_value": "0",
            "settled": False,
        }
        self.orders[order["id"]] = order
        step = {"order_id": order["id"], "side": order["side"]}
        if self.is_streaming:
            told = {name: order[name] for name in ("client_oid", "size", "price")}
            self.tell("user", {"type": "received", "order_type": "limit", **told, **step})
            self.tell("user", {"type": "open", "remaining_size": order["size"], **step})
        return 200, {**order, "status": "pending"}

    def cancel(self, name: str) -> None:
        order = self.orders.pop(name)
        if self.is_streaming:
            step = {"order_id": name, "side": order["side"], "reason": "canceled"}
            self.tell("user", {"type": "done", "remaining_size": order["size"], **step})


def signature(signed: bytes) -> str:
    digest = hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


Story = Callable[[Exchange, Script], Awaitable[None]]
Play = Callable[[Story], None]


@contextlib.asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[tuple[Exchange, Script]]:
    script = Script()
    text = (
        # Written on the loop: virtual time must not run on while a thread writes.
        f'[store]\nurl = "sqlite:{folder}/journal.db"\ndurability = "process"\n'
        "[exchanges.coinbase-exchange.accounts.main]\n"
        'api_key = "env:CBX_KEY"\nsecret = "env:CBX_SECRET"\n'
        'passphrase = "env:CBX_PASSPHRASE"\n'
    )
    async with venuekit.open(
        "coinbase-exchange",
        environment="sim",
        address="sim:1",
        config=configuration_from_text(text),
        transport=script,
        clock=script.clock,
        rng=random.Random(7),
    ) as exchange:
        yield exchange, script


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a story between a client and the script, on virtual time."""
    monkeypatch.setenv("CBX_KEY", "key-of-mine")
    monkeypatch.setenv("CBX_SECRET", SECRET)
    monkeypatch.setenv("CBX_PASSPHRASE", PASSPHRASE)

    def played(story: Story) -> None:
        async def whole() -> None:
            async with _opened(tmp_path) as (exchange, script):
                await story(exchange, script)

        run_virtually(whole())

    return played


def _known(exchange: Exchange, order: Order) -> Order:
    return next(each for each in exchange.orders(open_only=False) if each.ref == order.ref)


def test_an_order_is_placed_opened_and_canceled(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        order = await exchange.place(BUY)
        await asyncio.sleep(0.1)
        assert exchange.orders()[0].phase is OrderPhase.OPEN
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        assert script.asked[-1] == f"DELETE /orders/{order.exchange_order_id}"
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_after_a_cancel_that_was_taken_not_found_means_canceled(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        order = await exchange.place(BUY)
        script.is_streaming = False
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        assert script.asked[-2:] == [
            f"DELETE /orders/{order.exchange_order_id}",
            f"GET /orders/{order.exchange_order_id}",
        ]

    play(story)


def test_an_order_whose_answer_is_lost_is_looked_up_and_never_sent_again(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        await exchange.fetch_open_orders("BTC/USD")
        script.is_streaming = False
        script.lost = ["POST /orders"]
        order = await exchange.place(BUY)
        assert order.exchange_order_id in script.orders
        assert script.asked.count("POST /orders") == 1
        assert f"GET /orders/client:{order.client_order_id}" in script.asked

    play(story)


def test_an_order_that_never_arrived_is_proved_so_once_its_timestamp_is_too_old(
    play: Play,
) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        script.unsent = ["POST /orders"]
        begun = asyncio.get_running_loop().time()
        with pytest.raises(NotSent):
            await exchange.place(BUY)
        assert 50 < asyncio.get_running_loop().time() - begun < 120
        assert script.asked.count("POST /orders") == 1

    play(story)


def test_a_young_order_is_not_given_up_because_nothing_finds_it(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        order = await exchange.place(BUY)
        hidden = script.orders.pop(str(order.exchange_order_id))
        with pytest.raises(OrderNotFound):
            await exchange.cancel(order)
        assert _known(exchange, order).is_open
        script.orders[hidden["id"]] = hidden
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED

    play(story)


def test_an_order_that_was_canceled_by_hand_unheard_is_found_out_by_reconciling(
    play: Play,
) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        order = await exchange.place(BUY)
        await asyncio.sleep(0.1)
        script.is_streaming = False
        script.cancel(str(order.exchange_order_id))
        for _ in range(3):
            assert _known(exchange, order).is_open
            await exchange.reconcile()
            await asyncio.sleep(6)
        assert _known(exchange, order).reason == "order.forgotten"
        assert (await exchange.reconcile()).is_clean

    play(story)


@pytest.mark.parametrize("is_streaming", [True, False])
def test_a_cancel_of_all_that_does_not_get_all_at_once_is_repeated(
    play: Play, is_streaming: bool
) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        for n in range(7):
            await exchange.place(limit_buy("BTC/USD", "0.01", str(50000 - n)))
        script.is_streaming = is_streaming
        ended = await exchange.cancel_all("BTC/USD")
        assert [order.phase for order in ended] == [OrderPhase.CANCELED] * 7
        assert script.asked.count("DELETE /orders") == 4
        assert exchange.orders() == []

    play(story)


def test_everything_is_canceled_and_each_order_answered_for(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        orders = [await exchange.place(BUY) for _ in range(4)]
        batch = await exchange.cancel_everything()
        assert len(batch.legs) == len(orders)
        assert {leg.order and leg.order.phase for leg in batch.legs} == {OrderPhase.CANCELED}
        assert script.orders == {}

    play(story)


def test_a_name_that_would_be_dropped_is_refused_before_anything_is_sent(play: Play) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        with pytest.raises(OrderRefused, match="must match"):
            await exchange.place(limit_buy("BTC/USD", "0.01", "50000", client_order_id="mine"))
        assert "POST /orders" not in script.asked

    play(story)


def test_trades_that_never_came_are_noticed_with_the_next_heartbeat_and_asked_for(
    play: Play,
) -> None:
    async def story(exchange: Exchange, script: Script) -> None:
        heard: list[object] = []
        exchange.on_stream_event(heard.append)
        match = {"type": "match", "side": "sell", "size": "1", "price": "5"}
        match |= {"maker_order_id": "m", "taker_order_id": "t"}
        async with exchange.trades("BTC/USD", gaps=False) as trades, asyncio.timeout(60):
            await asyncio.sleep(0.5)  # subscribed by then
            script.tell("matches", {**match, "trade_id": 11})
            script.last_trade_id = 11
            assert (await anext(aiter(trades))).trade_id == "11"
            await asyncio.sleep(3)
            assert not any(isinstance(event, Gap) for event in heard)
            script.last_trade_id = 12
            await asyncio.sleep(3)
            script.tell("matches", {**match, "trade_id": 13})
            script.last_trade_id = 13
            await asyncio.sleep(3)
            (gap,) = (event for event in heard if isinstance(event, Gap))
            assert (gap.text, gap.is_filled) == ("messages 12 to 12 are missing", True)
            came = [(await anext(aiter(trades))).trade_id for _ in range(2)]
            assert came == ["12", "13"]

    play(story)


def test_the_passphrase_stays_out_of_errors_logs_and_the_journal(
    play: Play, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    shown: list[str] = []

    async def story(exchange: Exchange, script: Script) -> None:
        del script
        with pytest.raises(Rejected) as refused:
            await exchange.place(limit_buy("BTC/USD", "2", "50000"))
        shown.append(f"{refused.value} {refused.value!r}")
        await exchange.cancel(await exchange.place(BUY))

    play(story)
    assert "[redacted]" in shown[0]
    assert PASSPHRASE not in shown[0] + caplog.text
    for file in tmp_path.iterdir():
        assert PASSPHRASE.encode() not in file.read_bytes()
