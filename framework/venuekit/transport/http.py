"""The network, through aiohttp: one pooled session, hardened, and failures told in our words.

What aiohttp does by default and this does not: follow redirects (with the API key in a header),
send PUT and DELETE again by itself when a kept-alive connection dies, keep cookies, read proxies
and `.netrc` from the environment, rewrite URLs, and put URLs into the text of its errors.
"""

import asyncio
import math
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import aiohttp
import attrs
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from multidict import CIMultiDictProxy
from yarl import URL

from venuekit.plugin import Answer, Request
from venuekit.transport.border import Redirected, TooLarge, failure_from
from venuekit.transport.hosts import Host, hosts_from, is_request_target
from venuekit.transport.seam import (
    AnswerLost,
    NothingSent,
    SocketClosed,
    Timeouts,
    TransportFailure,
)
from venuekit.transport.socket import AiohttpSocket
from venuekit.transport.tls import check_verifies, tls_of_machine

MAX_BODY: Final = 16 * 2**20
"""Largest body of an answer, decoded, in bytes."""
MAX_MESSAGE: Final = 16 * 2**20
"""Largest WebSocket message, in bytes: whole books come in one of several megabytes."""
MAX_FIELD: Final = 8190
"""Longest status line or header, in bytes."""
MAX_FIELDS: Final = 128

_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE"})
# Who sets one of these decides where a request goes or where it ends.
_OURS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"}
    | {"proxy-authorization", "cookie", "trailer", "user-agent", "accept-encoding"}
)
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None)
_SKIPPED: Final = ("Content-Type", "User-Agent", "Accept-Encoding")


@attrs.define(kw_only=True, eq=False)
class _Attempt:
    """How far one request got. `has_begun` turns true before its first byte is written."""

    limit: asyncio.Timeout
    answer_s: float | None
    """Wait for the answer from then on; None lets the limit stand as it is."""
    has_begun: bool = False


# Set by the task that sends, read a few frames deeper by the connector: aiohttp offers no argument
# that reaches it.
_ATTEMPT: Final[ContextVar[_Attempt | None]] = ContextVar("venuekit_attempt", default=None)


class _Connector(aiohttp.TCPConnector):
    """Marks the moment from which a request may have been sent, and starts the wait for its answer.

    Until `connect` gives a connection, no byte of the request can have left: aiohttp writes it
    afterwards. This is the whole proof behind `NothingSent`.
    """

    async def connect(self, req: ClientRequest, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's own signature
        connection = await super().connect(req, traces, timeout)
        attempt = _ATTEMPT.get()
        if attempt is not None:
            attempt.has_begun = True
            if attempt.answer_s is not None:
                attempt.limit.reschedule(self._loop.time() + attempt.answer_s)
        return connection


class AiohttpTransport:
    """The real `Transport`.

    One for each exchange handle: its connections, and what a broken server can do to them, are
    shared with nobody. It belongs to the loop that it is first used on.
    """

    def __init__(
        self,
        hosts: Mapping[str, str],
        *,
        loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        redact: Callable[[str], str] = str,
        version: str = "0",
    ) -> None:
        """Choose where requests may go.

        Args:
            hosts: Base URL by host name: the manifest's, of one environment. Nothing else is ever
                connected to.
            loopback: The environment is a simulator: `http` and `ws`, to loopback only.
            tls: What to trust instead of the machine's certificates. It must verify.
            redact: Cleans a server's words before they become part of an error.
            version: Of venuekit, for the User-Agent.

        Raises:
            ConfigurationError: A host or `tls` is not allowed.
        """
        self._hosts = hosts_from(hosts, loopback=loopback)
        if tls is not None:
            check_verifies(tls)
        self._tls = tls
        self._redact = redact
        self._version = version
        self._session: aiohttp.ClientSession | None = None
        self._limits: dict[float, aiohttp.ClientTimeout] = {}
        self._is_closed = False

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send one request exactly once and give its answer, whatever its status.

        A redirect is an answer like any other. When the caller is canceled, the request may have
        been sent; its connection is closed.

        Raises:
            NothingSent: The request, its host, or this transport does not allow it; or finding,
                connecting to or trusting the host failed, or took over `connect_s`.
            AnswerLost: The connection broke, the answer was broken or too large, or took over
                `answer_s`.
        """
        url = self._url(request.host, request.path, request.query, is_socket=False)
        _check(request)
        # Without a deadline until there is a connection: aiohttp limits connecting, and only where
        # it has to connect, so that a request on a kept connection pays for one timer and not two.
        limit = asyncio.timeout(None)
        attempt = _Attempt(limit=limit, answer_s=timeouts.answer_s)
        token = _ATTEMPT.set(attempt)
        try:
            async with limit:
                return await self._exchange(url, request, self._connecting(timeouts.connect_s))
        except TransportFailure:
            raise
        except Exception as error:  # noqa: BLE001  # the border to aiohttp: whatever it raises, the request may be out, and its words may hold the URL
            failure = failure_from(error, request.host, has_begun=attempt.has_begun)
        finally:
            _ATTEMPT.reset(token)
        # Raised outside of the handler: aiohttp's error, whose text and frames hold the URL, is
        # not chained to it, not even silently.
        del url
        raise failure

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> AiohttpSocket:
        """Open a WebSocket on a named host.

        Args:
            host: Name of one of the environment's `ws` or `wss` hosts.
            path: Percent-encoded, may hold a query.
            headers: Beyond those of the handshake.
            connect_s: Limit for everything until the handshake is done, > 0.

        Raises:
            NothingSent: No connection was made, or it is not allowed.
            SocketClosed: The handshake failed; code 1006.
        """
        bare_path, _, query = path.partition("?")
        url = self._url(host, bare_path, query, is_socket=True)
        _check_headers(headers)
        limit = asyncio.timeout(connect_s)
        attempt = _Attempt(limit=limit, answer_s=None)
        token = _ATTEMPT.set(attempt)
        try:
            async with limit:
                return await self._shake_hands(url, headers)
        except TransportFailure:
            raise
        except Exception as error:  # noqa: BLE001  # the border to aiohttp, whose words may hold the URL
            failure = failure_from(error, host, has_begun=attempt.has_begun)
            if isinstance(failure, AnswerLost):
                failure = SocketClosed(1006, str(failure))
        finally:
            _ATTEMPT.reset(token)
        del url
        raise failure

    async def close(self) -> None:
        """Close everything. Safe to repeat; requests under way end with `AnswerLost`."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, url: URL, request: Request, connecting: aiohttp.ClientTimeout
    ) -> Answer:
        response = await self._opened().request(
            request.method,
            url,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            middlewares=(),
            timeout=connecting,
        )
        try:
            body = await _body(response)
        except BaseException:
            response.close()
            raise
        return Answer(status=response.status, headers=_lowered(response.headers), body=body)

    async def _shake_hands(self, url: URL, headers: Mapping[str, str]) -> AiohttpSocket:
        socket = await self._opened().ws_connect(
            url,
            headers=headers,
            autoping=False,
            autoclose=False,
            compress=0,
            max_msg_size=MAX_MESSAGE,
            timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=0.5),
        )
        return AiohttpSocket(socket, redact=self._redact)

    def _url(self, name: str, path: str, query: str, *, is_socket: bool) -> URL:
        if self._is_closed:
            raise NothingSent("the transport is closed")
        host = self._hosts.get(name)
        if host is None:
            raise NothingSent(f"no host {name!r}; there are: {', '.join(sorted(self._hosts))}")
        if host.is_socket is not is_socket:
            takes = "sockets" if host.is_socket else "requests"
            raise NothingSent(f"the host {name!r} takes {takes} only")
        # A socket may be right where the host's URL ends.
        if not is_request_target(path or ("/" if is_socket else path), query):
            raise NothingSent("the path or query cannot be sent as it is; percent-encode it")
        return _joined(host, path, query)

    def _connecting(self, connect_s: float) -> aiohttp.ClientTimeout:
        """Give aiohttp's form of a limit for waiting for the pool, DNS, TCP and TLS together."""
        limit = self._limits.get(connect_s)
        if limit is None:
            limit = aiohttp.ClientTimeout(total=None, connect=connect_s, ceil_threshold=math.inf)
            self._limits[connect_s] = limit
        return limit

    def _opened(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise NothingSent("the transport is closed")
        if self._session is None:
            self._session = self._new_session()
        return self._session

    def _new_session(self) -> aiohttp.ClientSession:
        secure = any(host.scheme in {"https", "wss"} for host in self._hosts.values())
        tls = self._tls or (tls_of_machine() if secure else None)
        session = aiohttp.ClientSession(
            connector=_Connector(ssl=tls or True, keepalive_timeout=15.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"venuekit/{self._version}", "Accept-Encoding": "gzip"},
            skip_auto_headers=_SKIPPED,
            timeout=_NO_TIMEOUT,
            trust_env=False,
            requote_redirect_url=False,
            max_line_size=MAX_FIELD,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
            # `ws_connect` takes no `allow_redirects`; this is what it passes through. Plain
            # requests do not need it and do not pay for it.
            middlewares=(_no_redirect,),
        )
        # There is no public switch. tests/transport/test_sent_once.py counts what a server sees.
        session._retry_connection = False  # noqa: SLF001  # see above
        return session


async def _no_redirect(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    response = await handler(request)
    if response.status in {301, 302, 303, 307, 308}:
        status = response.status
        response.close()
        raise Redirected(status)
    return response


async def _body(response: ClientResponse) -> bytes:
    if (response.content_length or 0) > MAX_BODY:
        raise TooLarge
    content = response.content
    chunk = await content.readany()
    if content.at_eof():
        if len(chunk) > MAX_BODY:
            raise TooLarge
        return chunk
    chunks = [chunk]
    size = len(chunk)
    while chunk := await content.readany():
        size += len(chunk)
        if size > MAX_BODY:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _lowered(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Give headers by name in lower case; those that come several times joined with a comma."""
    lowered: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lowered[key] = f"{lowered[key]}, {value}" if key in lowered else value
    return lowered


def _joined(host: Host, path: str, query: str) -> URL:
    return URL.build(
        scheme=host.scheme,
        authority=host.authority,
        path=host.base_path + path,
        query_string=query,
        encoded=True,  # byte for byte: what was signed is what is sent
    )


def _check(request: Request) -> None:
    if request.method not in _METHODS:
        raise NothingSent(f"the method {request.method[:20]!r} is not one of {sorted(_METHODS)}")
    _check_headers(request.headers)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if name.lower() in _OURS:
            raise NothingSent(f"the header {name[:40]!r} is set by the transport alone")
        if not (name.isascii() and name.isprintable() and value.isprintable()):
            raise NothingSent("a request header holds a control character")
