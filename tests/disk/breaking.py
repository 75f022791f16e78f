"""A trader whose disk fails at one change, and what has to be true then and afterwards."""

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import attrs

from tests.disk.exchange import Exchange, settings
from tests.disk.killing import SCOPE, assert_same
from tests.disk.trader import resting
from venuekit.configuration import configuration_from_text
from venuekit.model import NotSent, Order, OrderPhase, StoreError
from venuekit.plugin import hookimpl
from venuekit.plugin.hooks import Hooks
from venuekit.stores import open_journal
from venuekit.testing.disk import Change, Disk, Fault
from venuekit.testing.virtual_time import run_virtually

PLACED: Final = 8
PATIENCE_S: Final = 20.0
"""Longer than anything here takes; who waits for it, hangs."""


@attrs.define
class Told:
    """What the trader was told before and after the disk failed."""

    placed: list[Order] = attrs.field(factory=list)
    refused: int = 0
    """Placements that raised `StoreError`."""
    canceled: list[str] = attrs.field(factory=list)
    is_open: bool = False
    """Whether the journal could be opened at all."""
    changes: int = 0
    """Changes of the files, from the first to the last."""
    came_back: int = 0
    """Intents that were refused, and are in the journal all the same."""


def session(folder: Path, durability: str, *, at: int | None, fault: Fault, for_good: bool) -> Told:
    """Trade on a disk that fails, and look afterwards on one that does not.

    Args:
        folder: A new one.
        durability: `process` or `power`.
        at: Which change fails; None: none does.
        fault: How.
        for_good: Whether all changes after that one fail too.
    """

    def plan(change: Change) -> Fault | None:
        is_due = at is not None and (change.number >= at if for_good else change.number == at)
        return fault if is_due else None

    told = Told()
    exchange = Exchange(folder)
    disk = Disk(f"failing-{folder.name}", plan=plan, waits=False)
    try:
        asyncio.run(_traded(exchange, disk, durability, told))
    finally:
        disk.unregister()
    told.changes = disk.count
    run_virtually(_examined(exchange, told))
    return told


def through(disk: Disk, durability: str) -> Hooks:
    """Make `disk:PATH` a journal on that disk."""

    def venuekit_store_schemes() -> dict[str, Any]:
        return {
            "disk": lambda url: open_journal(
                "sqlite:" + url.removeprefix("disk:"), durability=durability, vfs=disk.name
            )
        }

    module = SimpleNamespace(venuekit_store_schemes=hookimpl(venuekit_store_schemes))
    return Hooks(modules={"disk": module})


async def _traded(exchange: Exchange, disk: Disk, durability: str, told: Told) -> None:
    text = settings(exchange.folder, "127.0.0.1:1", durability).replace("sqlite:", "disk:")
    config = configuration_from_text(text)
    async with asyncio.timeout(PATIENCE_S), exchange.living():
        try:
            opening = exchange.open(config=config, hooks=through(disk, durability))
            async with opening as ex:
                told.is_open = True
                await _placed_and_canceled(ex, exchange, told)
        except StoreError:
            # Nothing was open, or only closing failed: all that was promised is looked at below.
            assert told.is_open or exchange.placements == 0


async def _placed_and_canceled(ex: Any, exchange: Exchange, told: Told) -> None:
    for mark in range(1, PLACED + 1):
        before = exchange.placements
        try:
            told.placed.append(await ex.place(resting(mark), intent_key=key_of(mark)))
            assert not told.refused, "after a failure nothing is taken until it is opened again"
        except StoreError:
            told.refused += 1
            assert exchange.placements == before, "nothing is sent anyway"
        if mark == PLACED // 2 and told.placed:
            await _canceled(ex, told.placed[0], told)
    if len(told.placed) > 1:
        await _canceled(ex, told.placed[-1], told)
    assert len(exchange.mine()) == len(told.placed) == exchange.placements


def key_of(mark: int) -> str | None:
    """Every other intent has a key: those go another way, by a look into the journal."""
    return f"key-{mark}" if mark % 2 else None


async def _canceled(ex: Any, order: Order, told: Told) -> None:
    """A cancel goes through, whatever the disk does."""
    after = await ex.cancel(order)
    assert after.phase is OrderPhase.CANCELED
    told.canceled.append(str(order.client_order_id))


async def _examined(exchange: Exchange, told: Told) -> None:
    """Open again: what was promised is there; what was not is found out, and never sent."""
    before = exchange.placements
    async with exchange.living(), exchange.open() as ex:
        await ex.reconcile()
        assert (await ex.reconcile()).is_clean
        assert exchange.placements == before, "an intent that came back is not sent"
        assert ex._private is not None
        journal = ex._private._journal
        here = {str(o.client_order_id): o for o in await journal.orders(SCOPE, limit=10**6)}
        there = {each.request.client_order_id: each for each in exchange.mine()}
        assert {str(order.client_order_id) for order in told.placed} == set(there) <= set(here)
        for name, order in here.items():
            if name in there:
                assert_same(order, there[name])
            else:
                assert order.phase in {OrderPhase.NEVER_PLACED, OrderPhase.DENIED}
                told.came_back += 1
        assert {o.request.client_order_id for o in exchange.mine() if not o.status.is_open} == set(
            told.canceled
        )
        # The application asks again, under the same keys: each exists once, or never will.
        keyed = [mark for mark in range(1, PLACED + 1) if key_of(mark)]
        for mark in keyed:
            with contextlib.suppress(NotSent):
                await ex.place(resting(mark), intent_key=key_of(mark))
        promised = {order.price for order in told.placed}
        gone = {order.price for name, order in here.items() if name not in there}
        again = {resting(mark).price for mark in keyed} - gone
        prices = [each.price for each in exchange.mine()]
        assert len(prices) == len(set(prices)), "none twice"
        assert set(prices) == promised | again
