"""The exchange that all contenders of one run listen to, in a process of its own.

It speaks as much of Binance's protocol as a follower of one book and its trades needs: the
snapshot over REST, SUBSCRIBE, and then, once `/go` was asked for, all messages as fast as they are
taken, or at a pace. Prints its port, and serves until its standard input ends.
"""

import asyncio
import json
import sys
import time

from aiohttp import WSMsgType, web

from tests.bench.streaming.frames import messages, snapshot


class Server:
    """Serves the same messages to everybody."""

    def __init__(self, count: int) -> None:
        """Prepare so many messages."""
        self.frames = messages(count)
        self.begun = asyncio.Event()
        self.pace = 0.0

    async def depth(self, _: web.Request) -> web.Response:
        """Give the book before the first message."""
        return web.json_response(snapshot())

    async def go(self, request: web.Request) -> web.Response:
        """Begin to send; `pace`: messages a second, 0 for as fast as they are taken."""
        self.pace = float(request.query.get("pace", "0"))
        self.begun.set()
        return web.Response(text="ok")

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer subscriptions; send everything once it was asked for."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sender = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    asked = json.loads(message.data)
                    await socket.send_str(json.dumps({"result": None, "id": asked.get("id")}))
        finally:
            sender.cancel()
        return socket

    async def _send(self, socket: web.WebSocketResponse) -> None:
        await self.begun.wait()
        self.begun.clear()
        if not self.pace:
            for frame in self.frames:
                await socket.send_str(frame)
            return
        begun = time.perf_counter()
        for number, frame in enumerate(self.frames):
            ahead = begun + number / self.pace - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            await socket.send_str(frame)


async def main() -> None:
    """Serve."""
    server = Server(int(sys.argv[1]))
    app = web.Application()
    app.add_routes(
        [
            web.get("/api/v3/depth", server.depth),
            web.get("/go", server.go),
            web.get("/stream", server.stream),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
