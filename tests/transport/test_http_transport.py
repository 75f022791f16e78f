"""The transport on aiohttp, against a server that misbehaves byte by byte."""

import asyncio
import gzip
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from venuekit.model import ConfigurationError
from venuekit.plugin import Answer, Request
from venuekit.transport import AnswerLost, NothingSent, Timeouts
from venuekit.transport.http import MAX_BODY, AiohttpTransport

QUICK = Timeouts(connect_s=2.0, answer_s=0.05)
PATIENT = Timeouts(connect_s=2.0, answer_s=5.0)
CANARY = "c4n4ry51gn4tur3"

Send = Callable[..., Awaitable[Answer]]


def get(path: str = "/", **changes: Any) -> Request:
    return Request(**{"method": "GET", "host": "rest", "path": path, **changes})


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., AiohttpTransport]]:
    """Give a function that makes transports, all closed at the end."""
    transports: list[AiohttpTransport] = []

    def open_transport(url: str, **changes: Any) -> AiohttpTransport:
        transports.append(AiohttpTransport({"rest": url}, loopback=True, **changes))
        return transports[-1]

    yield open_transport
    for transport in transports:
        await transport.close()


async def _serve_ok(line: Any) -> None:
    while await line.request():
        await line.answer()


def _always(data: bytes) -> Callable[[Any], Awaitable[None]]:
    async def script(line: Any) -> None:
        await line.request()
        await line.write(data)
        await line.request()

    return script


# --- what goes out ---------------------------------------------------------------------------


async def test_a_request_goes_out_byte_for_byte(serve: Any, opened: Any) -> None:
    server = await serve(_serve_ok)
    request = Request(
        method="POST",
        host="rest",
        path="/api/v3/order%2Fx",
        query="b=%7E1&a=%2b+x&a=[]&signature=AB%2BC%3D",
        headers={"X-KEY": "k", "Content-Type": "application/x-www-form-urlencoded"},
        body=b"price=1%2E5&\x00\xff",
    )

    await opened(server.url, version="1.2").send(request, timeouts=PATIENT)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == ("POST /api/v3/order%2Fx?b=%7E1&a=%2b+x&a=[]&signature=AB%2BC%3D HTTP/1.1")
    assert body == b"price=1%2E5&\x00\xff"
    assert sorted(lines[1:]) == sorted(
        [
            f"Host: 127.0.0.1:{server.port}",
            "X-KEY: k",
            "Content-Type: application/x-www-form-urlencoded",
            "User-Agent: venuekit/1.2",
            "Accept-Encoding: gzip",
            "Accept: */*",
            "Content-Length: 14",
        ]
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_no_content_type_is_invented(serve: Any, opened: Any, method: str) -> None:
    server = await serve(_serve_ok)

    await opened(server.url).send(get(method=method), timeouts=PATIENT)
    await opened(server.url).send(get(method=method, body=b"x"), timeouts=PATIENT)

    assert [b"content-type" in request.lower() for request in server.requests] == [False, False]


async def test_a_base_path_stands_before_every_path(serve: Any, opened: Any) -> None:
    server = await serve(_serve_ok)

    await opened(f"{server.url}/api/").send(get("/v3/time"), timeouts=PATIENT)

    assert server.requests[0].startswith(b"GET /api/v3/time HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "change",
    [
        {"host": "elsewhere"},
        {"method": "TRACE"},
        {"path": "no-slash"},
        {"path": "//evil.example/x"},
        {"path": "/a/../b"},
        {"path": "/a?b=1"},
        {"path": "/a b"},
        {"path": "/a\r\nX: 1"},
        {"query": "a=1#f"},
        {"query": "a=ü"},
        {"query": "a=1 HTTP/1.1\r\nHost: evil"},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"X-A": "1\r\nX-B: 2"}},
        {"headers": {"X-A\r\nX-B": "2"}},
        {"headers": {"transfer-encoding": "chunked"}},
        {"headers": {"Content-Length": "0"}},
        {"headers": {"Cookie": "a=b"}},
    ],
)
async def test_what_could_change_where_a_request_goes_is_not_sent(
    serve: Any, opened: Any, change: dict[str, Any]
) -> None:
    server = await serve(_serve_ok)

    with pytest.raises(NothingSent):
        await opened(server.url).send(get(**change), timeouts=PATIENT)

    assert server.lines == []


async def test_cookies_are_not_kept(serve: Any, opened: Any) -> None:
    async def script(line: Any) -> None:
        while await line.request():
            await line.answer(more="Set-Cookie: session=1; Path=/\r\n")

    server = await serve(script)
    transport = opened(server.url)

    await transport.send(get(), timeouts=PATIENT)
    await transport.send(get(), timeouts=PATIENT)

    assert b"cookie" not in server.requests[1].lower()


async def test_proxies_of_the_environment_are_not_used(
    serve: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(_serve_ok)
    proxy = await serve(_serve_ok)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    await opened(server.url).send(get(), timeouts=PATIENT)

    assert (len(server.requests), proxy.lines) == (1, [])


# --- what comes back -------------------------------------------------------------------------


async def test_an_answer_is_whole_with_its_headers_in_lower_case(serve: Any, opened: Any) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.answer(b'{"a":1}', "418 I'm a teapot", "Retry-After: 7\r\nX-A: 1\r\nx-a: 2\r\n")

    server = await serve(script)

    answer = await opened(server.url).send(get(), timeouts=PATIENT)

    assert (answer.status, answer.body) == (418, b'{"a":1}')
    assert answer.headers == {"content-length": "7", "retry-after": "7", "x-a": "1, 2"}


async def test_a_zipped_answer_is_unpacked(serve: Any, opened: Any) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.answer(gzip.compress(b"x" * 300_000), more="Content-Encoding: gzip\r\n")

    server = await serve(script)

    answer = await opened(server.url).send(get(), timeouts=PATIENT)

    assert answer.body == b"x" * 300_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_nothing_reaches_the_other_host(
    serve: Any, opened: Any, status: int
) -> None:
    other = await serve(_serve_ok)

    async def script(line: Any) -> None:
        await line.request()
        await line.answer(b"", f"{status} Moved", f"Location: {other.url}/steal\r\n")

    server = await serve(script)
    request = get(method="POST", body=b"signature=1", headers={"X-KEY": CANARY})

    answer = await opened(server.url).send(request, timeouts=PATIENT)

    assert answer.status == status
    assert other.lines == []


async def test_a_body_of_the_largest_size_is_taken(serve: Any, opened: Any) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.answer(b"x" * MAX_BODY)

    server = await serve(script)

    answer = await opened(server.url).send(get(), timeouts=PATIENT)

    assert len(answer.body) == MAX_BODY


def _chunks(total: int) -> bytes:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunk * (total // 65536 + 1) + b"0\r\n\r\n"


def _zipped(total: int) -> bytes:
    body = gzip.compress(bytes(total))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        _chunks(MAX_BODY),
        _zipped(MAX_BODY + 1),
    ],
    ids=["announced", "chunked", "zip-bomb"],
)
async def test_a_body_over_the_cap_is_lost(serve: Any, opened: Any, data: bytes) -> None:
    server = await serve(_always(data))

    with pytest.raises(AnswerLost, match="too large"):
        await opened(server.url).send(get(), timeouts=PATIENT)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 9000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["long-header", "many-headers", "long-status"],
)
async def test_headers_over_a_cap_are_lost(serve: Any, opened: Any, data: bytes) -> None:
    server = await serve(_always(data))

    with pytest.raises(AnswerLost, match="not HTTP as it should be"):
        await opened(server.url).send(get(), timeouts=PATIENT)


# --- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"not http at all\r\n\r\n",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_answer_that_breaks_off_at_any_step_is_lost(
    serve: Any, opened: Any, beginning: bytes, method: str
) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.write(beginning)

    server = await serve(script)

    with pytest.raises(AnswerLost):
        await opened(server.url).send(get(method=method), timeouts=PATIENT)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"], ids=["head", "body"]
)
async def test_an_answer_that_takes_too_long_is_lost(
    serve: Any, opened: Any, beginning: bytes
) -> None:
    server = await serve(_always(beginning))

    with pytest.raises(AnswerLost, match="in time"):
        await opened(server.url).send(get(), timeouts=QUICK)


async def test_the_time_for_the_answer_is_not_begun_by_waiting_for_the_connection(
    serve: Any, opened: Any
) -> None:
    server = await serve(_always(b""))
    transport = opened(server.url)
    loop = asyncio.get_running_loop()

    begun = loop.time()
    with pytest.raises(AnswerLost):
        await transport.send(get(), timeouts=Timeouts(connect_s=30.0, answer_s=0.05))

    assert 0.04 < loop.time() - begun < 5


async def test_a_refused_connection_sent_nothing(opened: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    with pytest.raises(NothingSent, match="rest: no connection: Connection refused"):
        await opened(url).send(get(), timeouts=PATIENT)


async def test_a_connection_that_is_not_made_in_time_sent_nothing(opened: Any) -> None:
    # A full backlog: the kernel leaves further connections unanswered.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        try:
            with pytest.raises(NothingSent, match="in time"):
                await opened(url).send(get(), timeouts=Timeouts(connect_s=0.05, answer_s=5.0))
        finally:
            for filler in fillers:
                filler.close()


async def test_a_name_that_is_not_found_sent_nothing() -> None:
    transport = AiohttpTransport({"rest": "https://no-such-host.invalid"})
    try:
        with pytest.raises(NothingSent, match="rest: "):
            await transport.send(get(), timeouts=PATIENT)
    finally:
        await transport.close()


async def test_a_self_signed_certificate_is_refused_before_anything_is_sent(
    serve: Any, opened: Any, certificate: Any
) -> None:
    server = await serve(_serve_ok, tls=certificate.server)

    with pytest.raises(NothingSent, match=r"rest: its certificate was refused: self.signed"):
        await opened(server.url).send(get(), timeouts=PATIENT)

    assert server.requests == []


async def test_a_certificate_that_is_trusted_is_taken(
    serve: Any, opened: Any, certificate: Any
) -> None:
    server = await serve(_serve_ok, tls=certificate.server)
    tls = ssl.create_default_context(cafile=certificate.path)

    answer = await opened(server.url, tls=tls).send(get(), timeouts=PATIENT)

    assert answer.status == 200


async def test_a_server_without_tls_on_an_https_url_gets_nothing(serve: Any, opened: Any) -> None:
    server = await serve(_serve_ok)

    with pytest.raises(NothingSent, match="rest: "):
        await opened(server.url.replace("http", "https")).send(get(), timeouts=PATIENT)

    assert server.requests == []


def test_a_context_that_trusts_anybody_is_refused() -> None:
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE

    with pytest.raises(ConfigurationError) as refused:
        AiohttpTransport({"rest": "https://api.example.com"}, tls=blind)

    assert len(refused.value.faults) >= 2


@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_a_canceled_request_leaves_no_connection_behind(
    serve: Any, opened: Any, answered: bytes
) -> None:
    arrived = asyncio.Event()
    ended = asyncio.Event()

    async def script(line: Any) -> None:
        await line.request()
        await line.write(answered)
        arrived.set()
        await line.reader.read()
        ended.set()

    server = await serve(script)
    task = asyncio.create_task(opened(server.url).send(get(), timeouts=PATIENT))
    await arrived.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(5):
        await ended.wait()
    assert len(server.requests) == 1


async def test_after_close_nothing_is_sent_and_closing_again_is_fine(
    serve: Any, opened: Any
) -> None:
    server = await serve(_serve_ok)
    transport = opened(server.url)
    await transport.send(get(), timeouts=PATIENT)

    await transport.close()
    await transport.close()

    with pytest.raises(NothingSent, match="closed"):
        await transport.send(get(), timeouts=PATIENT)
    assert len(server.requests) == 1


async def test_closing_ends_a_request_under_way_as_lost(serve: Any, opened: Any) -> None:
    arrived = asyncio.Event()

    async def script(line: Any) -> None:
        await line.request()
        arrived.set()
        await line.request()

    server = await serve(script)
    transport = opened(server.url)
    task = asyncio.create_task(transport.send(get(), timeouts=PATIENT))
    await arrived.wait()

    await transport.close()

    with pytest.raises(AnswerLost):
        await task


async def test_connections_are_kept_for_the_next_request(serve: Any, opened: Any) -> None:
    server = await serve(_serve_ok)
    transport = opened(server.url)

    for _ in range(3):
        await transport.send(get(), timeouts=PATIENT)

    assert (len(server.lines), len(server.requests)) == (1, 3)


async def test_a_failure_shows_no_url_header_or_body_even_with_its_local_variables(
    serve: Any, opened: Any
) -> None:
    async def script(line: Any) -> None:
        await line.request()
        line.kill()

    server = await serve(script)
    request = get(
        "/order",
        method="POST",
        query=f"signature={CANARY}",
        headers={"X-KEY": CANARY},
        body=CANARY.encode(),
    )

    with pytest.raises(AnswerLost) as lost:
        await opened(server.url).send(request, timeouts=PATIENT)

    error = lost.value
    assert error.__traceback__ is not None
    # From the transport's frame on: this test's own frame holds the canary by design.
    shown = traceback.TracebackException(
        type(error),
        error,
        error.__traceback__.tb_next,
        capture_locals=True,
    )
    assert error.__cause__ is None
    assert error.__context__ is None
    assert CANARY not in "".join(shown.format())
    assert CANARY not in repr(error) + str(error) + repr(request)
