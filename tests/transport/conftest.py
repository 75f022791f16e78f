"""A server that does exactly what a test tells it to, byte by byte."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Script = Callable[["Line"], Awaitable[None]]


@attrs.define(eq=False)
class Line:
    """One connection, as the script of a raw server sees it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes]

    async def request(self) -> bytes:
        """Read one whole request and keep it; empty at the end of the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            return end.partial
        body = b""
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                body = await self.reader.readexactly(int(line.partition(b":")[2]))
        self.requests.append(head + body)
        return head + body

    async def answer(self, body: bytes = b"{}", status: str = "200 OK", more: str = "") -> None:
        """Write a whole answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        await self.write(head.encode() + body)

    async def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def kill(self) -> None:
        """End the connection without another word."""
        self.writer.transport.abort()


@attrs.define(eq=False)
class RawServer:
    """What a test holds of the server."""

    url: str
    port: int
    requests: list[bytes]
    lines: list[Line]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[RawServer]]]:
    """Give a function that starts a server running a script for each connection."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(script: Script, tls: ssl.SSLContext | None = None) -> RawServer:
            requests: list[bytes] = []
            lines: list[Line] = []
            tasks: set[asyncio.Task[None]] = set()

            async def run(line: Line) -> None:
                try:
                    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                        await script(line)
                finally:
                    line.writer.close()
                    with contextlib.suppress(OSError):
                        await line.writer.wait_closed()

            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                line = Line(len(lines), reader, writer, requests)
                lines.append(line)
                tasks.add(asyncio.create_task(run(line), name=f"line-{line.number}"))

            server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)

            async def stop() -> None:
                server.close()
                for line in lines:
                    line.kill()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await server.wait_closed()

            stack.push_async_callback(stop)
            port = server.sockets[0].getsockname()[1]
            scheme = "https" if tls else "http"
            return RawServer(f"{scheme}://127.0.0.1:{port}", port, requests, lines)

        yield start


@attrs.frozen
class Certificate:
    """A certificate for 127.0.0.1 that nobody but itself vouches for."""

    server: ssl.SSLContext
    path: Path


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Make a self-signed certificate and the context of a server that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = tmp_path / "certificate.pem", tmp_path / "key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path, key_path)
    return Certificate(server, path)
