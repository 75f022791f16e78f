"""Messages over one socket: each answered for once, nothing sent twice, nothing left behind."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import Advice, Failure, Outcome, Unavailable
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit.transport import (
    AnswerLost,
    NothingSent,
    SocketClosed,
    SocketRequests,
    Timeouts,
)
from venuekit.transport.line import Line

if TYPE_CHECKING:
    from tests.transport.messages.conftest import Far, World

PATIENT = Timeouts(answer_s=12.0)


async def sent(messages: SocketRequests, call: Call[Any]) -> Answer:
    """Do what an attempt does: choose the way, address, sign, send."""
    routed = await messages.routed(call)
    request = routed.request
    if request.is_message:
        request, token = messages.addressed(request)
        body = f'{{"n":{request.number},"say":"{call.what}","token":"{token}"}}'
        request = attrs.evolve(request, body=body.encode())
    return await messages.send(request, timeouts=PATIENT)


async def up(world: "World", messages: SocketRequests) -> "Far":
    """Have the socket opened, and give its far end."""
    opening = asyncio.create_task(messages.routed(world.call("first")))
    far = await world.far()
    await opening
    assert messages.is_up
    return far


async def outcome(waiting: Awaitable[Answer]) -> str:
    try:
        return (await waiting).body.decode()
    except (AnswerLost, NothingSent) as failure:
        return type(failure).__name__


# One answer for each message


async def test_answers_belong_to_messages_by_number_in_whatever_order(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        asked = [asyncio.create_task(sent(messages, world.call(f"order {n}"))) for n in range(5)]
        heard = [await far.hear() for _ in asked]
        assert len({message["n"] for message in heard}) == 5
        for message in reversed(heard):
            await far.say(heartbeat=True)
            await far.say(n=message["n"], ok=message["say"])
        answers = [(await task).body.decode() for task in asked]
        assert [f"order {n}" in answer for n, answer in enumerate(answers)] == [True] * 5
        assert len(world.transport.openings) == 1


async def test_what_comes_too_late_is_lost_and_its_answer_dropped(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        asked = asyncio.create_task(sent(messages, world.call("slow")))
        late = await far.hear()
        for _ in range(2):
            await asyncio.sleep(6)
            far.socket.ping()
        with pytest.raises(AnswerLost, match="no answer in time"):
            await asked
        assert not messages.is_up  # the connection may be half-open
        second = await world.far()
        await asyncio.sleep(0)
        again = asyncio.create_task(sent(messages, world.call("next")))
        await second.hear()
        await second.say(n=late["n"], ok="late")
        await second.say(n=late["n"] + 1, ok="next")
        assert b"next" in (await again).body


async def test_after_an_answer_that_came_too_late_others_are_still_waited_for(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        slow = asyncio.create_task(sent(messages, world.call("slow")))
        await far.hear()
        await asyncio.sleep(6)
        other = asyncio.create_task(sent(messages, world.call("other")))
        message = await far.hear()
        assert await outcome(slow) == "AnswerLost"
        await far.say(n=message["n"], ok="other")
        assert b"other" in (await other).body


class Breaking:
    """A socket that writes, and then says that it is closed."""

    heard_at = 0.0

    def __init__(self) -> None:
        self.written: list[str] = []
        self.is_closed = asyncio.Event()

    async def send(self, text: str) -> None:
        self.written.append(text)
        raise SocketClosed(1006, "")

    async def receive(self) -> str | bytes:
        await self.is_closed.wait()
        raise SocketClosed(1000, "")

    async def close(self) -> None:
        self.is_closed.set()


async def test_a_socket_that_breaks_while_it_writes_may_have_written() -> None:
    socket = Breaking()
    line = Line(socket, answered=lambda _: None, silence_s=15.0, token=None)
    request = Request(method="WS", host="stream", path="say", body=b"order", number=1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(line.run())
        with pytest.raises(AnswerLost):
            await line.ask(request, answer_s=12.0)
        line.retire()
    assert socket.written == ["order"]


async def test_a_message_without_a_number_of_its_own_is_not_sent() -> None:
    socket = Breaking()
    line = Line(socket, answered=lambda _: None, silence_s=15.0, token=None)
    with pytest.raises(NothingSent, match="a number of its own"):
        await line.ask(Request(method="WS", host="stream", path="say"), answer_s=12.0)
    assert socket.written == []


async def test_a_sender_that_is_canceled_is_forgotten_and_others_go_on(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        gone = asyncio.create_task(sent(messages, world.call("gone")))
        stays = asyncio.create_task(sent(messages, world.call("stays")))
        first, second = await far.hear(), await far.hear()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await far.say(n=first["n"], ok="gone")
        await far.say(n=second["n"], ok="stays")
        assert b"stays" in (await stays).body
        assert messages.is_up


async def test_frames_that_answer_nothing_or_cannot_be_read_disturb_nobody(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        asked = asyncio.create_task(sent(messages, world.call("order")))
        message = await far.hear()
        await far.socket.send("not JSON")
        await far.say(n=message["n"] + 1000, ok="somebody else's")
        await far.say(n=message["n"], ok="mine")
        await far.say(n=message["n"], ok="twice")
        assert b"mine" in (await asked).body


# Losing the socket


async def test_with_the_socket_all_that_is_on_its_way_is_lost_and_sent_by_nobody_again(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        asked = [asyncio.create_task(sent(messages, world.call(f"order {n}"))) for n in range(5)]
        for _ in asked:
            await far.hear()
        far.socket.drop()
        assert [await outcome(task) for task in asked] == ["AnswerLost"] * 5
        second = await world.far()
        await asyncio.sleep(5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await second.hear()
        assert world.transport.requests == []


async def test_while_there_is_no_socket_calls_go_by_rest_and_wait_for_nothing(
    world: "World",
) -> None:
    loop = asyncio.get_running_loop()
    async with world.open() as messages:
        far = await up(world, messages)
        world.is_down = True
        far.socket.drop()
        await asyncio.sleep(0.1)
        begun_at = loop.time()
        assert b"by rest" in (await sent(messages, world.call("order"))).body
        assert loop.time() == begun_at
        world.is_down = False
        second = await world.far()
        await asyncio.sleep(0)
        asked = asyncio.create_task(sent(messages, world.call("order")))
        await second.answer()
        assert b"order" in (await asked).body


async def test_a_message_that_finds_no_socket_any_more_was_not_sent(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        routed = await messages.routed(world.call("order"))
        request, _ = messages.addressed(routed.request)
        world.is_down = True
        far.socket.drop()
        await asyncio.sleep(0.1)
        with pytest.raises(NothingSent):
            await messages.send(request, timeouts=PATIENT)
        with pytest.raises(NothingSent):
            messages.addressed(routed.request)


async def test_it_is_opened_again_with_growing_pauses(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        for _ in range(4):
            await asyncio.sleep(10)
            far.socket.ping()
        world.is_down = True
        world.tried_at.clear()
        far.socket.drop()
        await asyncio.sleep(600)
        tried = world.tried_at
        assert 20 <= len(tried) <= 80
        assert tried[1] - tried[0] <= 1
        pauses = [after - before for before, after in itertools.pairwise(tried)]
        assert 10 < max(pauses[6:]) <= 30
        assert world.paid == world.tokens == len(tried) + 1


async def test_a_socket_that_falls_silent_is_given_up_and_pings_are_no_silence(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        for _ in range(10):
            await asyncio.sleep(14)
            far.socket.ping()
        assert messages.is_up
        asked = asyncio.create_task(sent(messages, world.call("order")))
        await far.hear()
        begun_at = asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        assert await outcome(asked) == "AnswerLost"
        assert asyncio.get_running_loop().time() - begun_at <= 15
        await asyncio.sleep(30)
        assert len(world.transport.openings) >= 2


async def test_before_it_grows_too_old_it_is_replaced_and_what_waits_on_it_is_answered(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        loop = asyncio.get_running_loop()
        beats = asyncio.create_task(_beats(far))
        await asyncio.sleep(840)
        assert messages.is_up
        asked = None
        while len(world.transport.openings) == 1:
            if asked is None or asked.done():
                asked = asyncio.create_task(sent(messages, world.call("order")))
                message = await far.hear()
            await asyncio.sleep(3)
            if len(world.transport.openings) == 1:
                await far.say(n=message["n"], ok="in time")
                await asked
        assert 850 <= loop.time() <= 960
        assert asked is not None
        await far.say(n=message["n"], ok="on the old one")
        assert b"on the old one" in (await asked).body
        await asyncio.sleep(1)
        assert not far.socket.is_open
        assert messages.is_up
        beats.cancel()


async def _beats(far: "Far") -> None:
    while far.socket.is_open:
        far.socket.ping()
        await asyncio.sleep(5)


# Tokens and greetings


def expired() -> Failure:
    return Failure(outcome=Outcome.REJECTED, advice=Advice.AGAIN, reason="key.token_expired")


async def test_after_a_refused_token_there_is_a_new_connection_with_a_new_token(
    world: "World",
) -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        waits = asyncio.create_task(sent(messages, world.call("waits")))
        message = await far.hear()
        assert message["token"] == "token 1"
        messages.refused(expired())
        messages.refused(expired())
        assert not messages.is_up
        second = await world.far()
        await asyncio.sleep(0)
        asked = asyncio.create_task(sent(messages, world.call("order")))
        assert (await second.answer())["token"] == "token 2"
        assert b"order" in (await asked).body
        await far.say(n=message["n"], ok="waits")
        assert b"waits" in (await waits).body
        assert world.tokens == 2


async def test_another_refusal_leaves_the_connection_alone(world: "World") -> None:
    async with world.open() as messages:
        await up(world, messages)
        messages.refused(attrs.evolve(expired(), reason="balance.insufficient"))
        assert messages.is_up


async def test_a_connection_is_greeted_before_it_is_used(world: "World") -> None:
    world.exchange.greets = True
    async with world.open() as messages:
        opening = asyncio.create_task(messages.routed(world.call("order")))
        far = await world.far()
        hello = await far.hear()
        assert (hello["say"], hello["token"]) == ("hello", "token 1")
        await asyncio.sleep(1)
        assert not messages.is_up
        await far.say(n=hello["n"], ok="hello")
        assert (await opening).request.is_message
        assert messages.is_up


@pytest.mark.parametrize("how", ["refused", "unanswered", "broken"])
async def test_a_connection_whose_greeting_fails_is_closed_and_not_used(
    world: "World", how: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.exchange.greets = True
    async with world.open() as messages:
        opening = asyncio.create_task(messages.routed(world.call("order")))
        far = await world.far()
        hello = await far.hear()
        with caplog.at_level(logging.INFO, "venuekit.transport"):
            if how == "refused":
                await far.say(n=hello["n"], no="permission.denied")
            elif how == "broken":
                await far.socket.send(f'{{"n":{hello["n"]},"no":[]}}'.replace("[]", "{"))
                await far.say(n=hello["n"], no=7)
            assert not (await opening).request.is_message
            await asyncio.sleep(11)
        assert not far.socket.is_open
        assert "socket_unopened" in caplog.text
        assert len(world.transport.openings) >= 2


async def test_a_token_that_cannot_be_had_is_asked_for_again_later(world: "World") -> None:
    failure = Failure(outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="test")
    world.token_error = Unavailable("venue", "fetch token", failure)
    async with world.open() as messages:
        assert not (await messages.routed(world.call("order"))).request.is_message
        world.token_error = None
        await asyncio.sleep(60)
        assert messages.is_up


# Who waits for the first connection


async def test_the_first_order_waits_a_little_for_the_connection_and_a_cancel_does_not(
    world: "World",
) -> None:
    world.exchange.greets = True  # and nobody answers the greeting
    loop = asyncio.get_running_loop()
    async with world.open() as messages:
        cancel = await messages.routed(world.call("cancel", CallKind.CANCEL))
        assert (cancel.request.is_message, loop.time()) == (False, 0.0)
        place = await messages.routed(world.call("order"))
        assert (place.request.is_message, loop.time()) == (False, 3.0)
        await messages.routed(world.call("order"))
        assert loop.time() == 3.0


@pytest.mark.parametrize("what", ["by rest only", "broken"])
async def test_what_cannot_be_a_message_goes_by_rest_and_opens_nothing(
    world: "World", what: str
) -> None:
    async with world.open() as messages:
        assert b"by rest" in (await sent(messages, world.call(what))).body
        reads = world.call("question", CallKind.PRIVATE_READ)
        assert b"by rest" in (await sent(messages, reads)).body
        await asyncio.sleep(10)
        assert (world.transport.openings, world.tokens) == ([], 0)


# The end


async def test_at_the_end_what_waits_is_lost_and_no_task_is_left(world: "World") -> None:
    async with world.open() as messages:
        far = await up(world, messages)
        asked = asyncio.create_task(sent(messages, world.call("order")))
        await far.hear()
    assert await outcome(asked) == "AnswerLost"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not far.socket.is_open
    assert not (await messages.routed(world.call("order"))).request.is_message
    with pytest.raises(NothingSent):
        messages.addressed(Request(method="WS", host="stream", path="say"))


async def test_canceled_at_any_turn_nothing_is_left_behind(world: "World") -> None:
    world.exchange.greets = True

    async def story() -> None:
        async with world.open() as messages:
            far_side = asyncio.create_task(_answering(world))
            try:
                for n in range(3):
                    await sent(messages, world.call(f"order {n}"))
            finally:
                far_side.cancel()

    for turns in range(200):
        task = asyncio.create_task(story())
        for _ in range(turns):
            await asyncio.sleep(0)
        is_over = task.done()
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert all(not opening.socket.is_open for opening in world.transport.openings)
        if is_over:
            break
    assert is_over
    assert turns > 10


async def _answering(world: "World") -> None:
    while True:
        far = await world.far()
        while far.socket.is_open:
            await far.answer()


async def test_tokens_stand_in_no_log_and_no_error(
    world: "World", caplog: pytest.LogCaptureFixture
) -> None:
    world.exchange.greets = True
    with caplog.at_level(logging.DEBUG):
        async with world.open() as messages:
            opening = asyncio.create_task(messages.routed(world.call("order")))
            far = await world.far()
            hello = await far.hear()
            await far.say(n=hello["n"], no="permission.denied")
            await opening
            await asyncio.sleep(1)
    assert [r for r in caplog.records if "token" in str(vars(r))] == []
    request = Request(method="WS", host="stream", path="say", body=b"token 1", number=1)
    assert "token" not in repr(request)
