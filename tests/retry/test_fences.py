"""What plugins, proxies and parallel requests may do wrong, and what holds all the same."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from tests.retry.test_caller import (
    CANCEL,
    OK,
    PLACE,
    PRIVATE,
    READ,
    WRITES,
    Adapter,
    Desk,
    Numbers,
    call,
    no,
    now,
)
from venuekit.limits import Lane
from venuekit.model import (
    Advice,
    BadAnswer,
    Failure,
    NotSent,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    StoreError,
)
from venuekit.plugin import Answer, Call, CallKind
from venuekit.retry.policy import POLICIES, delay_s

MOVED = Answer(status=302, headers={"location": "https://elsewhere.example"}, body=b'{"ok": 7}')


class Trusting(Adapter):
    """Takes every answer for a success."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        return None


class Puzzled(Adapter):
    """Says of itself that it understands nothing, and that it had no effect."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        return Failure(
            outcome=Outcome.REJECTED,
            advice=Advice.NEVER,
            reason="answer.unreadable",
            code="HTTP 400",
        )


# Answers that are not the exchange's


@pytest.mark.parametrize("kind", WRITES)
async def test_a_redirected_write_may_have_had_its_effect_whatever_the_plugin_says(
    kind: CallKind,
) -> None:
    desk = Desk(MOVED, adapter=Trusting("sim"))

    with pytest.raises(OutcomeUnknown):
        await desk.run(kind)

    assert len(desk.wire.sent) == 1


async def test_a_redirected_read_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="302"):
        await Desk(MOVED, adapter=Trusting("sim")).run(READ)


@pytest.mark.parametrize("kind", WRITES)
async def test_no_plugin_can_call_a_write_rejected_whose_answer_it_does_not_understand(
    kind: CallKind,
) -> None:
    desk = Desk(no("?"), adapter=Puzzled("sim"))

    with pytest.raises(OutcomeUnknown):
        await desk.run(kind)

    assert len(desk.wire.sent) == 1


async def test_a_read_whose_answer_the_plugin_does_not_understand_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="HTTP 400"):
        await Desk(no("?"), adapter=Puzzled("sim")).run(READ)


# Generators


async def test_a_generator_that_does_not_let_itself_be_closed_hides_no_unknown_outcome() -> None:
    def steps() -> Generator[Call[Any], Any, int]:
        try:
            yield call(CANCEL)
        finally:
            yield call(READ)  # a plugin's mistake: it answers being closed with another request
        return 0

    desk = Desk(no("odd"))
    with pytest.raises(OutcomeUnknown):
        await desk.caller.run(steps())

    assert len(desk.wire.sent) == 1


async def test_a_generator_that_stumbles_after_a_write_leaves_its_effect_unknown() -> None:
    def steps() -> Generator[Call[Any], Any, int]:
        yield call(CANCEL)
        yield call(READ)
        raise KeyError("fills")

    with pytest.raises(OutcomeUnknown):
        await Desk(OK).caller.run(steps())


# Slowing down


async def test_without_a_time_of_the_exchanges_the_silence_doubles_from_one_second() -> None:
    desk = Desk(no("too_fast", 429))

    with pytest.raises(RateLimited):
        await desk.run(READ)

    first, second, third = desk.wire.moments
    assert 1 <= second - first <= 2
    assert 2 <= third - second <= 4
    assert desk.limiter.paused_s() == 4


# Nonces


async def test_nonces_arrive_in_the_order_in_which_they_were_taken() -> None:
    under_way = 0
    delays = iter([0.3, 0.01, 0.2, 0.05, 0.1])

    async def slow() -> Answer:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(next(delays))
        under_way -= 1
        return OK

    desk = Desk(slow, nonces=Numbers(1))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(desk.run(PRIVATE))

    sent = [request.query.split(".")[1] for _, request, _ in desk.wire.sent]
    assert sent == ["1", "2", "3", "4", "5"]


async def test_a_cancel_takes_its_nonce_before_the_queries_that_wait_for_theirs() -> None:
    async def slow() -> Answer:
        await asyncio.sleep(1)
        return OK

    order: list[str] = []

    async def ask(name: str, kind: CallKind) -> None:
        await desk.run(kind)
        order.append(name)

    desk = Desk(slow, nonces=Numbers(1))
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(ask(f"query {number}", PRIVATE))
        await asyncio.sleep(0.5)
        tasks.create_task(ask("cancel", CANCEL))

    assert order == ["query 0", "cancel", "query 1", "query 2", "query 3"]


async def test_where_requests_may_overlap_nonces_are_taken_in_turn_and_nobody_waits() -> None:
    class Overlapping(Numbers):
        is_serial = False

    async def slow() -> Answer:
        await asyncio.sleep(1)
        return OK

    desk = Desk(slow, nonces=Overlapping(1))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(desk.run(PRIVATE))

    assert now() == 1
    assert [request.query.split(".")[1] for _, request, _ in desk.wire.sent] == list("1234")


async def test_a_cancel_overtakes_the_queries_that_wait_until_there_are_nonces() -> None:
    class Late(Numbers):
        is_serial = False

        def take(self) -> int | None:
            return super().take() if now() >= 1 else None

        async def ready(self) -> None:
            await asyncio.sleep(1 - now())

    order: list[str] = []

    async def ask(name: str, kind: CallKind) -> None:
        await desk.run(kind, lambda _: order.append(name))

    desk = Desk(OK, nonces=Late(1))
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(ask(f"query {number}", PRIVATE))
        await asyncio.sleep(0.5)
        tasks.create_task(ask("cancel", CANCEL))

    assert order == ["query 0", "cancel", "query 1", "query 2"]


async def test_without_nonces_nothing_signed_leaves_and_what_was_paid_comes_back() -> None:
    class Without(Numbers):
        def take(self) -> int | None:
            return None

        async def ready(self) -> None:
            raise StoreError("the disk is full")

    desk = Desk(OK, nonces=Without())
    for kind in (PRIVATE, PLACE, CANCEL):
        with pytest.raises(NotSent, match="the disk is full") as caught:
            await desk.run(kind)
        assert caught.value.failure.reason == "nonce.unavailable"

    assert desk.wire.sent == []
    assert desk.used() == 0
    assert await desk.run(READ) == 7


async def test_waiting_for_budget_and_turn_together_takes_no_longer_than_was_allowed() -> None:
    async def slow() -> Answer:
        await asyncio.sleep(1000)
        return OK

    desk = Desk(slow, nonces=Numbers())
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(desk.run(PRIVATE))
        await asyncio.sleep(1)
        desk.use(75)  # an order waits for the next window, and then for its turn
        with pytest.raises(NotSent):
            await desk.caller.run(call(PLACE), wait_s=70)
        first.cancel()

    assert now() == 71
    assert len(desk.wire.sent) == 1


async def test_public_reads_need_no_turn() -> None:
    async def slow() -> Answer:
        await asyncio.sleep(1)
        return OK

    desk = Desk(slow, nonces=Numbers(1))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(desk.run(READ))

    assert now() == 1


# Cancellation


@pytest.mark.parametrize("nonces", [None, Numbers()], ids=["without nonces", "with nonces"])
@pytest.mark.parametrize("kind", [PLACE, CANCEL, READ])
async def test_canceled_in_any_turn_of_the_loop_a_call_leaves_nothing_in_flight(
    kind: CallKind, nonces: Numbers | None
) -> None:
    """Through the wait for the budget, the journal, the network, the pause and the second try."""

    async def journal(_: object) -> None:
        await asyncio.sleep(0)

    async def refused() -> Answer:
        await asyncio.sleep(0)
        return no("too_fast", wait=0)

    ended = 0
    for turns in range(60):
        desk = Desk(refused, OK, nonces=nonces)
        desk.use(95)
        task = asyncio.create_task(desk.run(kind, journal))
        for turn in range(turns):
            if turn in {2, 25}:
                await asyncio.sleep(70)  # the next window; the end of the pause
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        ended += not task.cancelled()
        await asyncio.sleep(120)

        assert [(s.used, s.waiting) for s in desk.limiter.snapshot()] == [(0, 0), (0, 0)]
        grant = desk.limiter.try_take({"weight": 90}, Lane.QUERY)
        assert grant is not None
        assert nonces is None or not nonces.under_way
    assert 0 < ended < 60


@pytest.mark.parametrize("kind", CallKind)
def test_a_waiting_time_of_the_exchanges_is_no_shorter_for_being_long(kind: CallKind) -> None:
    failure = Failure(
        outcome=Outcome.REJECTED,
        advice=Advice.AFTER_DELAY,
        reason="limit.weight",
        retry_after_s=3600.0,
    )

    assert delay_s(POLICIES[kind], failure, 1, 0.0) == 3600
