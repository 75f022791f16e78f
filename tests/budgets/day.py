"""A day of heavy use: what is offered comes as it comes, at a share of what the exchange allows."""

import asyncio
import collections
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

import venuekit
from tests.budgets.judges import JUDGES, MINUTE_NS, Judge
from tests.budgets.offers import OFFERS, Offer
from venuekit.client import Exchange, Opening
from venuekit.configuration import configuration_from_text
from venuekit.model import VenuekitError
from venuekit.sim.dialect import SimCredentials
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport import Transport

SHARE: Final = 0.95
"""Of each budget, what is offered to it."""
_SLOWEST_S: Final = 0.02
_WARM_S: Final = 60.0


@attrs.frozen(kw_only=True)
class Use:
    """How one of the exchange's counters was used."""

    offered: float
    """Of what the exchange allows: 1.0 is all of it."""
    utilisation: float


@attrs.frozen(kw_only=True)
class Verdict:
    """What the exchange saw of it."""

    exchange: str
    programs: int
    hours: float
    requests: int
    bans: int
    refused: int
    """Refused for being too many."""
    refused_late: int
    """Of these, after the first minute."""
    uses: Mapping[str, Use]
    errors: Mapping[str, int]
    """What callers got in place of an answer, by its kind."""
    real_s: float

    def __str__(self) -> str:
        """Tell it in lines."""
        used = ", ".join(
            f"{name} {use.utilisation:.1%} of the allowed ({use.offered:.1%} offered)"
            for name, use in self.uses.items()
        )
        return (
            f"{self.exchange}, {self.programs} program(s), {self.hours:g} h: "
            f"{self.requests} requests, {self.bans} bans, {self.refused} refused "
            f"({self.refused_late} after the first minute); {used}; "
            f"errors: {dict(self.errors) or 'none'}; {self.real_s:.0f} s"
        )


def play(
    exchange: str,
    hours: float,
    *,
    seed: int = 7,
    programs: int = 1,
    share: float = SHARE,
    account: str = "",
) -> Verdict:
    """Play so many hours with so many programs on one machine.

    Args:
        exchange: Which.
        hours: Of virtual time.
        seed: Of the users.
        programs: Each with its share of the users.
        share: Of each budget, what is offered to it.
        account: Further lines for the account's settings.
    """
    begun = time.perf_counter()
    found = run_virtually(_play(exchange, hours, seed, programs, share, account))
    return attrs.evolve(found, real_s=time.perf_counter() - begun)


async def _play(
    exchange: str, hours: float, seed: int, programs: int, share: float, account: str
) -> Verdict:
    rng = random.Random(seed)
    judge = JUDGES[exchange](seed)
    world = SimulatedExchange(judge.dialect, delays=lambda: rng.uniform(0.002, _SLOWEST_S))
    judge.from_ns = world.now_ns() + MINUTE_NS
    judge.until_ns = world.now_ns() + round(hours * 3600e9)
    errors: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(programs):
            keep_key(folder, judge.dialect.credentials(f"user-{number}"), number)
        async with world, asyncio.TaskGroup() as tasks:
            for number in range(programs):
                tasks.create_task(
                    _program(
                        exchange, world, folder, number, programs, hours, share, account, errors
                    )
                )
    seconds = hours * 3600
    return Verdict(
        exchange=exchange,
        programs=programs,
        hours=hours,
        requests=sum(each.requests for each in judge.counted.values()),
        bans=judge.bans,
        refused=len(judge.refused_ns),
        refused_late=judge.late_refusals(judge.from_ns),
        uses=_uses(judge, seconds, share, programs, OFFERS[exchange]()),
        errors=errors,
        real_s=0.0,
    )


def keep_key(folder: str, key: SimCredentials, number: int = 0) -> None:
    """Write a key into files that nobody else can read."""
    for name, text in (("key", key.api_key), ("secret", key.secret)):
        path = Path(folder) / f"{name}-{number}"
        path.write_text(text)
        path.chmod(0o600)


def _uses(judge: Judge, seconds: float, share: float, programs: int, offers: Any) -> dict[str, Use]:
    offered: dict[str, float] = collections.defaultdict(float)
    for offer in offers:
        offered[offer.budget] += offer.share * share
    return {
        name: Use(
            offered=offered[name],
            utilisation=each.units
            / (each.per_s * (1 if each.is_shared else programs) * (seconds - _WARM_S)),
        )
        for name, each in judge.counted.items()
    }


def opening(
    exchange: str,
    world: SimulatedExchange,
    transport: Transport,
    folder: str,
    number: int = 0,
    account: str = "",
) -> Opening:
    """Open the exchange as one program of the machine; its keys are files in `folder`."""
    text = f"""
[store]
url = "sqlite:{folder}/journal-{number}.db"
durability = "process"
[orders]
reconcile_every_s = 3600
[limits]
share = "machine"
[exchanges.{exchange}.accounts.user-{number}]
api_key = "file:{folder}/key-{number}"
secret = "file:{folder}/secret-{number}"
{account}
"""
    return venuekit.open(
        exchange,
        environment="sim",
        address="sim:1",
        account=f"user-{number}",
        config=configuration_from_text(text),
        transport=transport,
        clock=world.clock,
        rng=random.Random(number),
    )


async def _program(
    exchange: str,
    world: SimulatedExchange,
    folder: str,
    number: int,
    programs: int,
    hours: float,
    share: float,
    account: str,
    errors: "collections.Counter[str]",
) -> None:
    judge_rates = JUDGES[exchange](0).counted
    transport = world.transport(peer="10.0.0.1")
    async with opening(exchange, world, transport, folder, number, account) as ex:
        until = world.loop.time() + hours * 3600
        async with asyncio.TaskGroup() as users:
            for offer in OFFERS[exchange]():
                counted = judge_rates[offer.budget]
                per_s = counted.per_s * share * offer.share / offer.cost
                if counted.is_shared:
                    per_s /= programs
                rng = random.Random(f"{number} {offer.budget} {offer.share}")
                users.create_task(keep_asking(ex, offer, per_s, until, rng, errors))


async def keep_asking(
    ex: Exchange,
    offer: Offer,
    per_s: float,
    until: float,
    rng: random.Random,
    errors: "collections.Counter[str]",
) -> None:
    """Ask again and again, whether or not what was asked before has been answered."""
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        try:
            await offer.ask(ex)
        except VenuekitError as error:
            errors[type(error).__name__] += 1

    async with asyncio.TaskGroup() as asked:
        while (now := loop.time()) < until:
            await asyncio.sleep(min(rng.expovariate(per_s), until - now + 0.001))
            asked.create_task(ask())
