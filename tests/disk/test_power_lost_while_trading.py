"""The whole client loses power while it trades, and starts again on what is left.

The exchange goes on as if nothing had happened: it has every order that reached it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.disk.breaking import through
from tests.disk.exchange import Exchange, settings
from tests.disk.killing import SCOPE, assert_same
from tests.disk.power import put
from tests.disk.trader import buying, resting
from venuekit.configuration import configuration_from_text
from venuekit.model import StoreError
from venuekit.stores import Origin
from venuekit.testing.disk import Change, Disk, Fault, left_by_power_loss
from venuekit.testing.virtual_time import run_virtually

ORDERS = 10
CHANGES = 400


def cut_off(folder: Path, durability: str, at: int) -> Counter[str]:
    """Trade until the disk's change number `at`, lose power, start again; counts what was found."""
    before, after = folder / "before", folder / "after"
    before.mkdir(mode=0o700)
    exchange = Exchange(before)

    def plan(change: Change) -> Fault | None:
        # No power, no disk: and without a written intent nothing more is sent.
        return Fault.IO_ERROR if change.number >= at else None

    disk = Disk(f"cut-off-{durability}", plan=plan, waits=False)
    asyncio.run(traded(exchange, disk, durability))
    disk.unregister()
    put(left_by_power_loss(disk.found, disk.done, random.Random(at)), before, after)
    exchange.move_to(after)
    return run_virtually(found(exchange))


async def traded(exchange: Exchange, disk: Disk, durability: str) -> None:
    text = settings(exchange.folder, "127.0.0.1:1", durability).replace("sqlite:", "disk:")
    config = configuration_from_text(text)
    # A program without power does nothing: all that follows the cut is refused.
    with contextlib.suppress(StoreError):
        async with exchange.living(), exchange.open(
            config=config, hooks=through(disk, durability)
        ) as ex:  # fmt: skip
            for mark in range(1, ORDERS + 1):
                await ex.place(buying(mark) if mark % 3 == 0 else resting(mark))


async def found(exchange: Exchange) -> Counter[str]:
    sent = exchange.placements
    async with exchange.living(), exchange.open() as ex:
        await ex.reconcile()
        assert (await ex.reconcile()).is_clean
        assert exchange.placements == sent, "nothing is sent by starting"
        assert ex._private is not None
        journal = ex._private._journal
        here = {str(o.client_order_id): o for o in await journal.orders(SCOPE, limit=10**6)}
        told: Counter[str] = Counter()
        for there in exchange.mine():
            order = here.get(there.request.client_order_id)
            if order is None:
                told["missing, open" if there.status.is_open else "missing, ended"] += 1
                continue
            assert_same(order, there)
            (origin,) = await journal.origins(SCOPE, [order])
            told[origin.value] += 1
        assert await journal.open_intents(SCOPE) == []
        return told


def lost_at(tmp_path: Path, durability: str, changes: range) -> Counter[str]:
    told: Counter[str] = Counter()
    for at in changes:
        (tmp_path / str(at)).mkdir()
        told += cut_off(tmp_path / str(at), durability, at)
    return told


@pytest.mark.parametrize("first", [40, 52])
def test_power_safe_every_order_that_reached_the_exchange_was_an_intent_before(
    tmp_path: Path, first: int
) -> None:
    told = lost_at(tmp_path, "power", range(first, CHANGES, 24))

    assert set(told) == {Origin.INTENT.value}
    assert told[Origin.INTENT.value] > 3 * ORDERS


@pytest.mark.parametrize("first", [40, 52])
def test_process_safe_what_was_lost_with_the_power_is_recognised_and_adopted(
    tmp_path: Path, first: int
) -> None:
    """The mark of the installation is on the disk before the first order, at either setting."""
    told = lost_at(tmp_path, "process", range(first, CHANGES, 24))

    assert told[Origin.ADOPTED.value] > ORDERS, "intents were lost, but not their orders"
    assert set(told) == {Origin.INTENT.value, Origin.ADOPTED.value}
