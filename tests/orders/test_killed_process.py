"""SIGKILL, for real: after a restart there is no duplicate, no loss and no orphan."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from venuekit.model import ExchangeOrderId, OrderPhase, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

TRADER = Path(__file__).with_name("killed_trader.py")
POINTS = ["before intent", "after intent", "after attempt", "after effect", "after outcome"]


def killed(tmp_path: Path, point: str, durability: str, after_s: float | None = None) -> list[str]:
    """Trade until death; give the names that the venue has."""
    venue = tmp_path / "venue"
    arguments = [str(tmp_path / "journal.db"), str(venue), point, durability]
    with subprocess.Popen(
        [sys.executable, str(TRADER), *arguments], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"trading\n"
        if after_s is not None:
            time.sleep(after_s)  # a real process, in real time
            process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=60) == -signal.SIGKILL
    return venue.read_text().splitlines()


def check_restart(world: "Lab", tmp_path: Path, names: list[str], unknown: set[int]) -> None:
    async def story() -> None:
        venue = world.venue()
        for name in names:
            placed = venue.place(limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name))
            del venue.orders[str(placed.exchange_order_id)]
            number = ExchangeOrderId(name)  # as the trader's venue numbers them
            venue.orders[name] = attrs.evolve(placed, exchange_order_id=number)
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(venue, url=url, start=False) as w:
            left = await w.journal.open_intents(w.scope)
            assert len(left) in unknown
            await w.desk.start()
            orders = await w.journal.orders(w.scope, limit=100_000)
            there = [str(o.client_order_id) for o in orders if o.phase is OrderPhase.OPEN]

            assert await w.journal.open_intents(w.scope) == []
            assert sorted(there) == sorted(names), "none lost, none orphaned"
            assert len(set(names)) == len(names) == len(venue.orders), "none placed twice"
            assert {o.phase for o in orders} <= {OrderPhase.OPEN, OrderPhase.NEVER_PLACED}
            # Nothing had to be adopted: every order that exists was an intent before.
            assert (await w.desk.reconcile()).is_clean

    run_virtually(story())


@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point(world: "Lab", tmp_path: Path, point: str, durability: str) -> None:
    names = killed(tmp_path, point, durability)

    is_in_flight = point in {"after intent", "after attempt", "after effect"}
    # At `power`, outcomes are written while trading goes on: the last ones may be missing.
    unknown = {int(is_in_flight)} if durability == "process" else {0, 1, 2}
    check_restart(world, tmp_path, names, unknown)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_instant(world: "Lab", tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = killed(tmp_path, "never", chance.choice(["process", "power"]), chance.uniform(0, 0.3))

    check_restart(world, tmp_path, names, {0, 1, 2})
