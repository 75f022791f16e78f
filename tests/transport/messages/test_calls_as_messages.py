"""Calls that go over a socket: paid, signed and judged like any other, and without a nonce."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest

from venuekit.limits import Limiter
from venuekit.model import OutcomeUnknown, StoreError
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec, CallKind, Timing
from venuekit.retry import Attempt, Caller

if TYPE_CHECKING:
    from tests.transport.messages.conftest import World

TIMING = Timing(request_validity_s=2.0, engine_timeout_s=10.0, visibility_lag_s=5.0)
ENGINE = BudgetSpec(
    name="engine",
    kind=BudgetKind.TOKEN_BUCKET,
    scope=BudgetScope.ACCOUNT,
    capacity=1,
    interval_s=10,
)


class Nonces:
    """Counts the nonces that are taken."""

    is_serial = True

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> int | None:
        self.taken += 1
        return self.taken

    async def ready(self) -> None:
        raise NotImplementedError

    def done(self, nonce: int) -> None:
        pass

    def refused(self, nonce: int) -> StoreError | None:
        raise NotImplementedError


class LoopTime:
    """The exchange's clock is the loop's."""

    def now_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    async def synchronize(self, ask: Callable[[], Awaitable[int]]) -> object:
        raise NotImplementedError


class Desk:
    """A caller whose writes go over a socket."""

    def __init__(self, caller: Caller, nonces: Nonces) -> None:
        self.caller = caller
        self.nonces = nonces
        self.told: list[Attempt] = []

    def place(self, world: "World", what: str, **costs: int) -> asyncio.Task[object]:
        call = attrs.evolve(world.call(what), costs=costs)
        return asyncio.create_task(self.caller.run(call, on_attempt=self.told.append))


@asynccontextmanager
async def desk(world: "World") -> AsyncIterator[Desk]:
    nonces = Nonces()
    async with world.open() as messages:
        caller = Caller(
            exchange="venue",
            account="test",
            adapter=world.exchange,
            transport=messages,
            messages=messages,
            key=world.key,
            clock=LoopTime(),
            limiter=Limiter([ENGINE], time=asyncio.get_running_loop().time),
            timing=TIMING,
            rng=random.Random(7),
            nonces=nonces,
        )
        yield Desk(caller, nonces)


async def test_a_message_takes_no_nonce_and_a_request_does(world: "World") -> None:
    async with desk(world) as d:
        asked = d.place(world, "order")
        await (await world.far()).answer()
        assert (await asked, d.nonces.taken) == ("order", 0)
        read = await d.caller.run(world.call("question", CallKind.PRIVATE_READ))
        assert (read, d.nonces.taken) == ("by rest", 1)


async def test_what_waited_for_its_budget_is_signed_when_it_leaves(world: "World") -> None:
    async with desk(world) as d:
        first = d.place(world, "first", engine=1)
        far = await world.far()
        await far.answer()
        await first
        second = d.place(world, "second", engine=1)
        await asyncio.sleep(6)
        far.socket.ping()
        message = await far.answer()
        await second
        assert message["at"] == d.told[1].sent_at_ns == pytest.approx(10e9, rel=0.01)


async def test_an_order_whose_answer_is_lost_has_an_unknown_outcome_and_is_sent_once(
    world: "World",
) -> None:
    async with desk(world) as d:
        asked = d.place(world, "order")
        far = await world.far()
        await far.hear()
        far.socket.drop()
        with pytest.raises(OutcomeUnknown):
            await asked
        second = await world.far()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await second.hear()
        assert (len(d.told), world.transport.requests) == (1, [])


async def test_a_cancel_whose_answer_is_lost_goes_out_again_and_by_rest_if_it_must(
    world: "World",
) -> None:
    async with desk(world) as d:
        first = d.place(world, "order")
        far = await world.far()
        await far.answer()
        await first
        cancel = asyncio.create_task(d.caller.run(world.call("cancel", CallKind.CANCEL)))
        await far.hear()
        world.is_down = True
        far.socket.drop()
        assert await cancel == "by rest"


async def test_a_refused_token_is_renewed_and_the_order_sent_once_more(world: "World") -> None:
    async with desk(world) as d:
        asked = d.place(world, "order")
        far = await world.far()
        message = await far.hear()
        await far.say(n=message["n"], no="key.token_expired")
        assert await asked in {"order", "by rest"}
        assert len(d.told) == 2
        second = await world.far()
        asked = d.place(world, "next")
        assert (await second.answer())["token"] == "token 2"
        await asked


async def test_where_every_token_is_refused_orders_go_by_rest_and_connections_stay_few(
    world: "World",
) -> None:
    async def refuse() -> None:
        while True:
            far = await world.far()
            message = await far.hear()
            await far.say(n=message["n"], no="key.token_expired")

    async with desk(world) as d:
        refusing = asyncio.create_task(refuse())
        for _ in range(60):
            assert await d.place(world, "order") == "by rest"
            await asyncio.sleep(1)
        refusing.cancel()
        refused = len(world.transport.openings)
        assert 2 <= refused <= 20
        assert len(d.told) == len(world.transport.requests) + refused
