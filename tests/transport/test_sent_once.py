"""A request leaves once: aiohttp's own second sending is off."""

from typing import Any

import aiohttp
import pytest

from venuekit.plugin import Request
from venuekit.transport import AnswerLost, Timeouts
from venuekit.transport.http import AiohttpTransport

METHODS = ["GET", "POST", "PUT", "DELETE"]


async def _answer_first_then_die(line: Any) -> None:
    """Answer one request, keep the connection alive, and kill it after reading the next."""
    await line.request()
    await line.answer()
    await line.request()
    line.kill()


async def _count(line: Any) -> None:
    if line.number == 0:
        await _answer_first_then_die(line)
        return
    while await line.request():
        await line.answer()


@pytest.mark.parametrize("method", METHODS)
async def test_a_connection_that_dies_after_a_request_was_read_makes_no_second_one(
    serve: Any, method: str
) -> None:
    server = await serve(_count)
    transport = AiohttpTransport({"rest": server.url}, loopback=True)
    try:
        await transport.send(Request(method="GET", host="rest", path="/first"), timeouts=Timeouts())
        with pytest.raises(AnswerLost):
            await transport.send(
                Request(method=method, host="rest", path="/second", query="orderId=1"),
                timeouts=Timeouts(),
            )
    finally:
        await transport.close()

    seconds = [r for r in server.requests if b"/second" in r]
    assert len(seconds) == 1
    assert len(server.lines) == 1


async def test_bare_aiohttp_does_send_it_twice_so_this_is_worth_a_test(serve: Any) -> None:
    server = await serve(_count)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/first") as answer:
            await answer.read()
        async with session.delete(f"{server.url}/second") as answer:
            assert answer.status == 200

    assert len([r for r in server.requests if b"/second" in r]) == 2
