"""The exchange that all contenders of one run listen to, in a process of its own.

It speaks as much of Binance's protocol as a follower of books and trades needs: the listing and
snapshots over REST, SUBSCRIBE or streams named in the path, and then, once `/go` was asked for, all
messages as fast as they are taken, or at a pace. Prints its port, and serves until its standard
input ends.
"""

import asyncio
import json
import sys
import time

import attrs
from aiohttp import WSMsgType, web

from tests.bench.streaming.frames import Market, listing, snapshot


@attrs.define(eq=False)
class Follower:
    """One open socket, and the streams it asked for."""

    socket: web.WebSocketResponse
    streams: list[str]
    is_wrapped: bool


class Server:
    """Serves the same messages to everybody."""

    def __init__(self, count: int) -> None:
        """Prepare so many messages."""
        self.market = Market(count)
        self.followers: list[Follower] = []
        self.sending: set[asyncio.Task[None]] = set()

    async def listing(self, _: web.Request) -> web.Response:
        """Give what is traded."""
        return web.json_response(listing())

    async def depth(self, _: web.Request) -> web.Response:
        """Give the book before the first message, the same one for every symbol."""
        return web.json_response(snapshot())

    async def ready(self, request: web.Request) -> web.Response:
        """Answer once so many `streams` have been asked for, with the last numbers to expect."""
        wanted = int(request.query["streams"])
        while sum(len(follower.streams) for follower in self.followers) < wanted:  # noqa: ASYNC110  # not measured
            await asyncio.sleep(0.01)
        return web.json_response(self.market.last())

    async def go(self, request: web.Request) -> web.Response:
        """Begin to send; `pace`: messages a second, 0 for as fast as they are taken."""
        pace = float(request.query.get("pace", "0"))
        for follower in self.followers:
            task = asyncio.create_task(self._send(follower, pace))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)
        return web.Response(text="ok")

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Take subscriptions until the socket is closed."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        named = request.query.get("streams", "")
        follower = Follower(
            socket,
            named.split("/") if named else [],
            is_wrapped=not request.path.startswith("/stream/ws"),
        )
        self.followers.append(follower)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    asked = json.loads(message.data)
                    follower.streams += asked.get("params", [])
                    await socket.send_str(json.dumps({"result": None, "id": asked.get("id")}))
        finally:
            self.followers.remove(follower)
        return socket

    async def _send(self, follower: Follower, pace: float) -> None:
        socket, market = follower.socket, self.market
        try:
            if pace:
                await self._paced(follower, pace)
                return
            frames = await asyncio.to_thread(
                market.frames, tuple(follower.streams), is_wrapped=follower.is_wrapped
            )
            for frame in frames:
                await socket.send_str(frame)
        except ConnectionError:
            pass  # it had enough

    async def _paced(self, follower: Follower, pace: float) -> None:
        """Send evenly; each message says when it was sent, in microseconds of this machine."""
        frames = self.market.timed(tuple(follower.streams))
        begun = time.perf_counter()
        for number, frame in enumerate(frames):
            ahead = begun + number / pace - time.perf_counter()
            if ahead > 0:  # to the next millisecond: what is due by then goes out together
                await asyncio.sleep(ahead)
            now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            await follower.socket.send_str(frame.replace("\0", str(now_us)))


async def main() -> None:
    """Serve."""
    server = Server(int(sys.argv[1]))
    app = web.Application()
    app.add_routes(
        [
            web.get("/api/v3/exchangeInfo", server.listing),
            web.get("/api/v3/depth", server.depth),
            web.get("/ready", server.ready),
            web.get("/go", server.go),
            web.get("/stream", server.stream),
            web.get("/stream/ws/{number}", server.stream),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
