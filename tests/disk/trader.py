"""A program that trades until it is killed; many of them, one after the other.

    python -m tests.disk.trader

imports everything once, then reads jobs from its standard input, one JSON object a line, and does
each in a child process of its own. For each it writes one line: how the child ended.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
import attrs

import venuekit
import venuekit_binance
from tests.disk.exchange import SYMBOL, settings
from venuekit.configuration import configuration_from_text
from venuekit.model import Order, OrderRequest, VenuekitError, limit_buy, market_buy
from venuekit.stores import open_journal
from venuekit.testing.disk import Change, Disk, Fault

_PATIENCE_S: Final = 60.0
_LOADED: Final = (aiohttp, venuekit_binance, open_journal)  # before the children are made


@attrs.frozen(kw_only=True)
class Job:
    """How one trader shall live and die."""

    folder: str
    """With the journal and the key; what it says goes to `told` there."""
    address: str
    durability: str
    seed: int
    acts: int
    first: int
    """Number of its first intent; marks of intents are never used twice."""
    kill_at: int | None = None
    """Which change of the journal's files it dies of."""
    fault: str = Fault.KILL_BEFORE.value
    kill_after_s: float | None = None
    """Seconds until it is killed from outside."""


class Trader:
    """Places, cancels, amends and replaces, and says what it asked for and what it was told."""

    def __init__(self, job: Job) -> None:
        self._rng = random.Random(job.seed)
        self._job = job
        self._next = job.first
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._told = os.open(Path(job.folder) / "told", flags, 0o600)
        self._open: list[Order] = []

    async def run(self) -> None:
        """Trade."""
        job = self._job
        config = configuration_from_text(settings(Path(job.folder), job.address, job.durability))
        async with venuekit.open("binance", config=config) as ex:
            self._ex = ex
            await ex.reconcile()
            self._say(trading=True)
            acts: list[Callable[[], Awaitable[None]]] = [
                self._rest, self._rest, self._buy, self._at_once, self._cancel, self._amend,
                self._replace,
            ]  # fmt: skip
            for _ in range(job.acts):
                try:
                    await self._rng.choice(acts)()
                except* VenuekitError as group:  # not what is tried here, but worth knowing
                    self._say(failed=str(group.exceptions))

    async def _rest(self) -> None:
        mark = self._mark()
        self._open.append(await self._place(mark, resting(mark)))

    async def _buy(self) -> None:
        mark = self._mark()
        await self._place(mark, buying(mark))

    async def _at_once(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(self._rest())

    async def _cancel(self) -> None:
        order = self._any_open()
        if order is not None:
            self._open.remove(order)
            after = await self._ex.cancel(order)
            self._say(canceled=order.client_order_id, phase=after.phase.value)

    async def _amend(self) -> None:
        order = self._any_open()
        if order is not None and order.quantity is not None:
            self._open.remove(order)
            less = order.quantity - Decimal("0.00001")
            self._open.append(await self._ex.amend(order, quantity=less))

    async def _replace(self) -> None:
        order = self._any_open()
        if order is not None:
            self._open.remove(order)
            mark = self._mark()
            self._say(asked=mark, key=None)
            done = await self._ex.replace(order, resting(mark))
            self._say(told=mark, name=getattr(done.placed, "client_order_id", None))

    async def _place(self, mark: int, request: OrderRequest) -> Order:
        key = f"key-{mark}" if mark % 3 else None
        self._say(asked=mark, key=key)
        order = await self._ex.place(request, intent_key=key)
        self._say(told=mark, name=order.client_order_id, phase=order.phase.value)
        return order

    def _any_open(self) -> Order | None:
        return self._rng.choice(self._open) if self._open else None

    def _mark(self) -> int:
        self._next += 1
        return self._next

    def _say(self, **what: Any) -> None:
        # One system call into the page cache: what was said outlives the process.
        os.write(self._told, json.dumps(what).encode() + b"\n")


def resting(mark: int) -> OrderRequest:
    """An order that rests, by whose price it is known among all others."""
    return limit_buy(SYMBOL, "0.00100", Decimal(30_000) + Decimal(mark) / 100)


def buying(mark: int) -> OrderRequest:
    """An order that fills at once, by whose quantity it is known among all others."""
    return market_buy(SYMBOL, Decimal("0.001") + Decimal(mark) / 100_000)


def live(job: Job) -> None:
    """Be a trader; does not return."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

        def plan(change: Change) -> Fault | None:
            return Fault(job.fault) if change.number == job.kill_at else None

        disk = Disk("mortal", plan=plan, is_default=True, waits=False)
        asyncio.run(Trader(job).run())
        with (Path(job.folder) / "told").open("a") as told:
            told.write(json.dumps({"changes": disk.count}) + "\n")
        status = 0
    except BaseException:  # noqa: BLE001  # a process's border: told to whoever reads, then over
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Do the jobs of the standard input."""
    for line in sys.stdin:
        job = Job(**json.loads(line))
        child = os.fork()
        if not child:
            live(job)
        begun = time.monotonic()
        until = begun + (job.kill_after_s if job.kill_after_s is not None else _PATIENCE_S)
        done, status = 0, 0
        while not done:
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                done, status = os.waitpid(child, 0)
            else:
                done, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.001)
        ended = {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begun}
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
