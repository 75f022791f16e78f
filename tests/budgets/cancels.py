"""Fifty cancels while a crowd of queries waits: what is sent first, and after how much CPU."""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from tests.budgets.day import keep_key, opening
from tests.budgets.judges import BTC, JUDGES
from tests.budgets.offers import OFFERS
from venuekit.client import Exchange
from venuekit.model import Order, VenuekitError, limit_buy
from venuekit.plugin import Answer, Request
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport import Socket, Timeouts

CANCELS: Final = 50
CROWD: Final = 2_000
_PATIENCE_S: Final = 3600.0
_MARKET: Final = ("fetch_book", "fetch_ticker")


@attrs.frozen(kw_only=True)
class Jump:
    """What happened after the market had jumped."""

    cpu_ms: float
    """Of this process, from the call to the first request on the wire."""
    requests: int
    """That the cancels took, as the batch says."""
    sent: tuple[str, ...]
    """All requests from the call to its end, in order."""
    waiting: int
    """Queries that waited when it began."""
    canceled: int


class WatchingTransport:
    """The network of one program; notes what leaves, and when."""

    def __init__(self, inner: SimulatedTransport) -> None:
        """Go through `inner`."""
        self._inner = inner
        self.sent: list[tuple[float, str]] = []

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send; see `Transport.send`."""
        self.sent.append((time.process_time(), f"{request.method} {request.path}"))
        return await self._inner.send(request, timeouts=timeouts)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        """Open a WebSocket; see `Transport.connect`."""
        return await self._inner.connect(host, path, headers=headers, connect_s=connect_s)

    async def close(self) -> None:
        """Close everything."""
        await self._inner.close()


def play(exchange: str, *, seed: int = 5) -> Jump:
    """Place fifty orders, let a crowd of queries wait, cancel."""
    return run_virtually(_play(exchange, seed))


async def _play(exchange: str, seed: int) -> Jump:
    rng = random.Random(seed)
    judge = JUDGES[exchange](seed)
    world = SimulatedExchange(judge.dialect, delays=lambda: rng.uniform(0.002, 0.02))
    transport = WatchingTransport(world.transport(peer="10.0.0.1"))
    with tempfile.TemporaryDirectory() as folder:
        keep_key(folder, judge.dialect.credentials())
        async with world, opening(exchange, world, transport, folder) as ex:
            orders = await _placed(ex, BTC[exchange])
            # Old enough for nothing to be left of what placing them has used up.
            await asyncio.sleep(600)
            crowd = [asyncio.create_task(_asks(ex)) for _ in range(CROWD)]
            await asyncio.sleep(1)
            waiting = sum(not task.done() for task in crowd)
            before = len(transport.sent)
            begun = time.process_time()
            batch = await ex.cancel_many(orders)
            sent = transport.sent[before:]
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
    return Jump(
        cpu_ms=(sent[0][0] - begun) * 1e3,
        requests=batch.requests,
        sent=tuple(path for _, path in sent),
        waiting=waiting,
        canceled=sum(leg.is_done for leg in batch.legs),
    )


async def _placed(ex: Exchange, symbol: str) -> list[Order]:
    requests = [limit_buy(symbol, Decimal("0.001"), Decimal(20_000 + i)) for i in range(CANCELS)]
    orders: list[Order] = []
    for at in range(0, len(requests), 10):
        batch = await ex.place_many(requests[at : at + 10])
        orders += [leg.order for leg in batch.legs if leg.order is not None]
        await asyncio.sleep(60)
    return orders


async def _asks(ex: Exchange) -> None:
    offers = [offer for offer in OFFERS[ex.id]() if offer.cost <= 25 and offer.budget != "engine"]
    with contextlib.suppress(VenuekitError):
        await random.Random(id(ex)).choice(offers[:-1]).ask(ex.within(_PATIENCE_S))
