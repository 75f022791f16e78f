"""An exchange that takes messages, in memory, on a loop on which waiting takes no time."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest

from venuekit.auth import Redactor, SecretKey
from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import (
    MESSAGE,
    Answer,
    Authenticate,
    Call,
    CallKind,
    Channel,
    Key,
    Request,
    SocketOrders,
    Stamp,
    StreamToken,
)
from venuekit.testing.virtual_time import VirtualLoop
from venuekit.transport import MemorySocket, MemoryTransport, NothingSent, Opening, SocketRequests


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


def _failure(reason: str) -> Failure:
    return Failure(
        outcome=Outcome.REJECTED, advice=Advice.AGAIN, reason=reason, code="no", text="no"
    )


class Exchange(SocketOrders, Authenticate):
    """Messages are `{"n": …, "token": …, "at": …, "say": …}`, answers `{"n": …, "ok": …}`."""

    greets = False
    refuses_greeting = False

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        body = json.loads(answer.body)
        return _failure(body["no"]) if "no" in body else None

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        if not request.is_message:
            return attrs.evolve(request, body=f"nonce {stamp.nonce}".encode())
        body = {"n": request.number, "token": stamp.token, "at": stamp.time_ns}
        return attrs.evolve(request, body=json.dumps({**json.loads(request.body), **body}).encode())

    def socket_channel(self) -> Channel:
        return Channel(
            name="orders",
            host="stream",
            path="/orders",
            max_subscriptions=1,
            messages_per_s=10,
            max_age_s=1000.0,
            silence_s=15.0,
        )

    def socket_greeting(self) -> Call[Any] | None:
        if not self.greets:
            return None
        return call("hello", CallKind.PRIVATE_READ, method=MESSAGE)

    def over_socket(self, call: Call[Any]) -> Call[Any] | None:
        if call.what == "broken":
            raise RuntimeError("a fault of the plugin")
        if call.what == "by rest only":
            return None
        body = json.dumps({"say": call.what}).encode()
        request = Request(method=MESSAGE, host="stream", path="say", body=body)
        return attrs.evolve(call, request=request)

    def answered(self, frame: str | bytes) -> int | None:
        number = json.loads(frame).get("n")
        return None if number is None else int(number)


def call(what: str, kind: CallKind = CallKind.PLACE, method: str = "POST") -> Call[Any]:
    """Ask for `what`, and read what is `ok`."""
    body = json.dumps({"say": what}).encode() if method == MESSAGE else what.encode()
    return Call(
        what=what,
        kind=kind,
        request=Request(method=method, host="rest", path="/say", body=body),
        read=lambda answer: json.loads(answer.body)["ok"],
    )


class Far:
    """The exchange's side of one socket."""

    def __init__(self, socket: MemorySocket) -> None:
        self.socket = socket

    async def hear(self) -> dict[str, Any]:
        message = json.loads(await self.socket.receive())
        assert isinstance(message, dict)
        return message

    async def say(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def answer(self) -> dict[str, Any]:
        """Answer the next message with what it said."""
        message = await self.hear()
        await self.say(n=message["n"], ok=message["say"])
        return message


class World:
    """Everything that a test holds."""

    call = staticmethod(call)

    def __init__(self) -> None:
        self.exchange = Exchange("sim")
        self.transport = MemoryTransport(self._by_rest, accept=self._accept)
        self.is_down = False
        self.tokens = 0
        self.token_error: Exception | None = None
        self.paid = 0
        self.key: Key = SecretKey(
            api_key="key", algorithm="hmac-sha256", secret="hush", redactor=Redactor()
        )
        self.tried_at: list[float] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SocketRequests]:
        async with SocketRequests(
            self.transport,
            exchange="venue",
            adapter=self.exchange,
            key=self.key,
            now_ns=self.now_ns,
            random=random.Random(7),
            fetch_token=self._token,
            connect_budget=self._pay,
        ) as messages:
            yield messages

    async def far(self) -> Far:
        """Wait for the next socket, and give its far end."""
        return Far((await self.transport.opened()).socket)

    def now_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    async def _by_rest(self, request: Request) -> Answer:
        return Answer(status=200, body=json.dumps({"ok": "by rest"}).encode())

    def _accept(self, opening: Opening) -> None:
        self.tried_at.append(asyncio.get_running_loop().time())
        if self.is_down:
            raise NothingSent("it is down")

    async def _token(self) -> StreamToken:
        if self.token_error is not None:
            raise self.token_error
        self.tokens += 1
        return StreamToken(value=f"token {self.tokens}", valid_s=900)

    async def _pay(self) -> None:
        self.paid += 1


Open = Callable[[], AbstractAsyncContextManager[SocketRequests]]


@pytest.fixture
def world() -> World:
    return World()
