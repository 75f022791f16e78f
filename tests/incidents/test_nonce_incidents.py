"""Nonces that came too late, twice, or from two programs: cases 20 to 24 of the incidents."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Mapping
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest

from venuekit.auth.nonces import NonceAuthority
from venuekit.limits import Limiter
from venuekit.model import (
    Advice,
    BudgetUsage,
    Failure,
    NotSent,
    Outcome,
    Rejected,
    RequestError,
    StoreError,
)
from venuekit.plugin import (
    Answer,
    Authenticate,
    Call,
    CallKind,
    Key,
    NonceRule,
    Request,
    Stamp,
    Timing,
)
from venuekit.retry import Caller
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport.seam import Socket, Timeouts

NOON_NS = 1_784_116_800_000_000_000
KINDS = (CallKind.PRIVATE_READ, CallKind.PLACE, CallKind.AMEND, CallKind.CANCEL)


class Adapter(Authenticate):
    """An exchange whose signed requests carry the nonce in their body, beside their parameters."""

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        body = {"nonce": stamp.nonce, **json.loads(request.body or b"{}")}
        return attrs.evolve(request, body=json.dumps(body).encode())

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        if answer.status == 200:
            return None
        return Failure(
            outcome=Outcome.REJECTED,
            advice=Advice.NEW_NONCE,
            reason="nonce.invalid",
            text="invalid nonce",
        )

    def usage(self, answer: Answer) -> tuple[BudgetUsage, ...]:
        return ()


class TheKey:
    api_key = "public"
    algorithm = "none"
    passphrase = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def signature_base64(self, data: bytes) -> str:
        raise NotImplementedError

    def jwt(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        raise NotImplementedError


@attrs.define
class Clock:
    """The exchange's, which may be stopped."""

    stopped: bool = False

    def now_ns(self) -> int:
        return NOON_NS + (0 if self.stopped else int(asyncio.get_running_loop().time() * 1e9))

    async def synchronize(self, ask: object) -> None:
        raise NotImplementedError


@attrs.define
class Exchange:
    """Keeps the highest nonce of the key, behind a network on which requests overtake."""

    rng: random.Random = attrs.field(factory=lambda: random.Random(20))
    highest: int = -1
    arrived: list[int] = attrs.field(factory=list)
    bodies: list[dict[str, Any]] = attrs.field(factory=list)
    errors: int = 0

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        del timeouts
        await asyncio.sleep(self.rng.uniform(0.001, 0.2))
        answer = self.arrive(json.loads(request.body or b""))
        await asyncio.sleep(self.rng.uniform(0.001, 0.2))
        return answer

    def arrive(self, body: dict[str, Any]) -> Answer:
        nonce = body["nonce"]
        self.arrived.append(nonce)
        self.bodies.append(body)
        if nonce <= self.highest:
            self.errors += 1
            return Answer(status=400, body=b"{}")
        self.highest = nonce
        return Answer(status=200, body=b"{}")

    async def connect(self, host: str, path: str, *, headers: Any, connect_s: float) -> Socket:
        raise NotImplementedError

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def opened(
    exchange: Exchange, folder: Path, *, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Caller]:
    """Open a program that uses the key."""
    clock = clock or Clock()
    authority = NonceAuthority(
        folder,
        api_key="public",
        rule=more.pop("rule", NonceRule()),
        now_ns=clock.now_ns,
        **{"block": 5000, **more},
    )
    async with authority as nonces:
        yield Caller(
            exchange="acme",
            account="main",
            adapter=Adapter("sim"),
            transport=exchange,
            key=TheKey(),
            clock=clock,
            limiter=Limiter([], time=lambda: clock.now_ns() / 1e9),
            timing=Timing(request_validity_s=2.0, engine_timeout_s=10.0, visibility_lag_s=5.0),
            rng=random.Random(7),
            nonces=nonces,
        )


def call(kind: CallKind = CallKind.PRIVATE_READ, body: bytes = b"{}") -> Call[int]:
    return Call(
        what="ask",
        kind=kind,
        request=Request(method="POST", host="rest", path="/private", body=body),
        read=lambda _: 7,
    )


async def ask(caller: Caller, times: int, rng: random.Random) -> None:
    for _ in range(times):
        assert await caller.run(call(rng.choice(KINDS)), wait_s=None) == 7


def test_case_20_requests_of_one_key_never_overtake_each_other(tmp_path: Path) -> None:
    """nothingisdead/npm-kraken-api#13: of two signed calls at once the second arrived first, and
    the first was refused.

    Given 25 tasks that together make 100 000 signed calls over a network that reorders; then no
    nonce is refused. The same network refuses many when requests of a key are let overlap.
    """

    async def story(exchange: Exchange, times: int, **more: Any) -> None:
        async with opened(exchange, tmp_path, **more) as caller, asyncio.TaskGroup() as tasks:
            for seed in range(25):
                tasks.create_task(ask(caller, times, random.Random(seed)))

    exchange = Exchange()
    run_virtually(story(exchange, 4000))
    assert len(exchange.arrived) == 100_000
    assert exchange.errors == 0
    assert all(a < b for a, b in pairwise(exchange.arrived))

    reordering = Exchange()
    with contextlib.suppress(ExceptionGroup):
        run_virtually(story(reordering, 20, rule=NonceRule(is_ordered=False)))
    assert reordering.errors > 10


def test_case_21_another_programs_larger_nonces_stop_ours_and_it_says_why(tmp_path: Path) -> None:
    """veox/python3-krakenex#21 and #75: scripts shared a key, one of them counted in nanoseconds,
    and the rest was locked out.

    Given a key that another program has used with nanoseconds; then two requests are refused,
    the second as the one retry, and after that nothing is sent: each call says at once why.
    """

    async def story() -> None:
        exchange = Exchange()
        async with opened(exchange, tmp_path) as caller:
            assert await caller.run(call()) == 7
            exchange.highest = NOON_NS
            with pytest.raises(Rejected, match="another program uses this key") as caught:
                await caller.run(call(CallKind.PLACE))
            assert caught.value.failure.advice is Advice.NEVER
            assert exchange.errors == 2
            for kind in (*KINDS, *KINDS):
                with pytest.raises(NotSent, match="create a key for each"):
                    await caller.run(call(kind))
            assert exchange.errors == 2
        # Started anew at once, it asks once, and no more.
        async with opened(exchange, tmp_path) as caller:
            for _ in range(5):
                with pytest.raises(RequestError, match="another program"):
                    await caller.run(call())
            assert exchange.errors == 3
            assert exchange.arrived == sorted(exchange.arrived)

    run_virtually(story())


def test_case_21_a_second_program_of_ours_is_refused_before_it_sends_anything(
    tmp_path: Path,
) -> None:
    """veox/python3-krakenex#21: two scripts, one key."""

    async def story() -> None:
        exchange = Exchange()
        async with opened(exchange, tmp_path) as caller:
            with pytest.raises(StoreError, match="create a key for each program"):
                async with opened(exchange, tmp_path):
                    pass
            assert await caller.run(call()) == 7
            assert exchange.errors == 0

    run_virtually(story())


def test_case_22_a_request_that_is_used_again_keeps_no_nonce(tmp_path: Path) -> None:
    """nothingisdead/npm-kraken-api#48: the nonce was written into the caller's parameters, and
    stayed there for the next call.

    Given one call that is made three times; then it carries three nonces and is what it was.
    """

    async def story() -> None:
        exchange = Exchange()
        asked = call(CallKind.PLACE, b'{"pair": "BTCUSD"}')
        before = repr(asked.request)
        async with opened(exchange, tmp_path) as caller:
            for _ in range(3):
                await caller.run(asked)
        assert len({body["nonce"] for body in exchange.bodies}) == 3
        assert {body["pair"] for body in exchange.bodies} == {"BTCUSD"}
        assert exchange.errors == 0
        assert repr(asked.request) == before

    run_virtually(story())


def test_case_23_two_requests_in_one_millisecond_have_two_nonces(tmp_path: Path) -> None:
    """knowm/XChange#1169: the nonce was the time, and twice the same.

    Given a clock that stands still, and is set back between two starts; then each request is
    above the one before.
    """

    async def story() -> None:
        exchange = Exchange()
        for _ in range(3):
            async with opened(exchange, tmp_path, clock=Clock(stopped=True)) as caller:
                await asyncio.gather(*(caller.run(call()) for _ in range(20)))
        assert exchange.errors == 0
        assert all(a < b for a, b in pairwise(exchange.arrived))
        assert len(exchange.arrived) == 60

    run_virtually(story())


def test_case_24_many_jobs_at_one_moment_meet_one_nonce_error_and_wait(tmp_path: Path) -> None:
    """btcpayserver/btcTransmuter#37: several jobs fired at the same second, each met invalid
    nonces, and together they locked the key out.

    Given a key that another program has used a moment ago, and twenty jobs that fire at once;
    then one request is refused, everybody waits until the nonces are above the other program's,
    and all twenty succeed.
    """

    async def story() -> None:
        exchange = Exchange()
        async with opened(exchange, tmp_path) as caller:
            await caller.run(call())
            await asyncio.sleep(60)
            exchange.highest = NOON_NS // 1000 + 59_000_000
            async with asyncio.TaskGroup() as tasks:
                jobs = [tasks.create_task(caller.run(call(), wait_s=60)) for _ in range(20)]
            assert [job.result() for job in jobs] == [7] * 20
        assert exchange.errors == 1
        assert len(exchange.arrived) == 22

    run_virtually(story())


def test_case_24_however_many_jobs_there_are_the_errors_end_at_two(tmp_path: Path) -> None:
    """btcpayserver/btcTransmuter#37: the same, with another program that goes on being faster."""

    async def story() -> None:
        exchange = Exchange()
        theirs = count(NOON_NS, 1000)
        async with opened(exchange, tmp_path) as caller:
            exchange.highest = next(theirs)
            jobs = (caller.run(call(kind), wait_s=60) for kind in KINDS * 10)
            ends = await asyncio.gather(*jobs, return_exceptions=True)
        assert all(isinstance(end, RequestError) for end in ends)
        assert exchange.errors == len(exchange.arrived) == 2

    run_virtually(story())
