"""An exchange that is down for ten minutes: what is sent to it meanwhile."""

import asyncio
import collections
import random
import tempfile
from collections.abc import Mapping
from typing import Final

import attrs

from tests.budgets.day import keep_asking, keep_key, opening
from tests.budgets.judges import JUDGES
from tests.budgets.offers import OFFERS, Ask, Offer
from venuekit.client import Exchange
from venuekit.plugin import Answer, Request
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport import AnswerLost, NothingSent, Socket, Timeouts

KINDS: Final = ("refused", "unavailable", "silent")
"""Connections are refused; a page of somebody between says 503; nothing comes back at all."""
_BEFORE_S: Final = 30.0
_PAGE: Final = b"<html><body><h1>503 Service Unavailable</h1></body></html>"


@attrs.frozen(kw_only=True)
class Load:
    """What went out while the exchange was down."""

    offered: int
    """Calls that users made."""
    sent: int
    by_path: Mapping[str, int]

    @property
    def ratio(self) -> float:
        """Requests for each call."""
        return self.sent / self.offered


class FailingTransport:
    """The network of one program, with an exchange behind it that is down for a while."""

    def __init__(self, inner: SimulatedTransport, kind: str) -> None:
        """Go through `inner` while the exchange is up."""
        self._inner = inner
        self._kind = kind
        self.is_down = False
        self.sent: collections.Counter[str] = collections.Counter()

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send, or fail; see `Transport.send`."""
        if not self.is_down:
            return await self._inner.send(request, timeouts=timeouts)
        self.sent[f"{request.method} {request.path}"] += 1
        await asyncio.sleep(0.05)
        if self._kind == "refused":
            raise NothingSent("connection refused")
        if self._kind == "silent":
            await asyncio.sleep(timeouts.answer_s)
            raise AnswerLost("no answer in time")
        return Answer(status=503, headers={"content-type": "text/html"}, body=_PAGE)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        """Open a WebSocket, or fail; see `Transport.connect`."""
        if self.is_down:
            raise NothingSent("connection refused")
        return await self._inner.connect(host, path, headers=headers, connect_s=connect_s)

    async def close(self) -> None:
        """Close everything."""
        await self._inner.close()


def play(exchange: str, kind: str, *, share: float, minutes: float = 10.0, seed: int = 3) -> Load:
    """Play an outage of so many minutes while users offer a share of the exchange's budgets."""
    return run_virtually(_play(exchange, kind, share, minutes, seed))


async def _play(exchange: str, kind: str, share: float, minutes: float, seed: int) -> Load:
    rng = random.Random(seed)
    judge = JUDGES[exchange](seed)
    world = SimulatedExchange(judge.dialect, delays=lambda: rng.uniform(0.002, 0.02))
    transport = FailingTransport(world.transport(peer="10.0.0.1"), kind)
    errors: collections.Counter[str] = collections.Counter()
    offered: collections.Counter[bool] = collections.Counter()

    def counted(ask: Ask) -> Ask:
        async def counting(ex: Exchange) -> object:
            offered[transport.is_down] += 1
            return await ask(ex)

        return counting

    def offer(each: Offer) -> Offer:
        return attrs.evolve(each, ask=counted(each.ask))

    with tempfile.TemporaryDirectory() as folder:
        keep_key(folder, judge.dialect.credentials())
        async with world, opening(exchange, world, transport, folder) as ex:
            until = world.loop.time() + _BEFORE_S + minutes * 60
            async with asyncio.TaskGroup() as users:
                for each in OFFERS[exchange]():
                    per_s = judge.counted[each.budget].per_s * share * each.share / each.cost
                    users.create_task(
                        keep_asking(
                            ex, offer(each), per_s, until, random.Random(str(each.share)), errors
                        )
                    )
                await asyncio.sleep(_BEFORE_S)
                transport.is_down = True
                await asyncio.sleep(minutes * 60)
                sent = dict(transport.sent)
                down = offered[True]
                transport.is_down = False
    return Load(offered=down, sent=sum(sent.values()), by_path=sent)
