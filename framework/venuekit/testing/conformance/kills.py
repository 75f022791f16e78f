"""P2: a program dies thousands of times, at any place, and is started again.

Its death is that of a process: what it would still send never leaves, and what it had written is
what the next life finds. The exchange lives on, and says in the end what there is.
"""

import asyncio
import contextlib
import logging
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

from venuekit.model import (
    Fill,
    Instrument,
    NotSupported,
    Order,
    OrderRequest,
    OutcomeUnknown,
    Side,
    StoreError,
    VenuekitError,
    limit_buy,
    limit_sell,
    on_grid,
)
from venuekit.testing.conformance.clients import Scene, open_scene
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.tour import size
from venuekit.testing.conformance.verdicts import NotComputed, Tally

if TYPE_CHECKING:
    from venuekit.client import Exchange
    from venuekit.plugin import Answer, Request
    from venuekit.testing.simulated import SimulatedTransport
    from venuekit.transport.seam import Socket, Timeouts

DEATHS: Final = 10_000
_LIVES: Final = 40
"""Of one history."""
_EFFECTS: Final = 24
"""Before one of so many a life dies."""
_AT_WORK: Final = 0.8
"""So many lives die there, the others while they open."""
_COMMANDS: Final = 8
_PATIENCE_S: Final = 7200.0
"""Of virtual time, for the truth about all orders."""
_LONGEST_S: Final = (5.0, 300.0, 300.0, 300.0)
"""Of a life in virtual time: whoever looks for a lost order has to wait for the proof."""
_IDLE_S: Final = (0.0, 1.0, 15.0)
_DOWN_S: Final = (0.0, 5.0, 30.0)
"""Between two lives."""
_COMPARISONS: Final = 20
_APART_S: Final = 60.0
_LISTED: Final = 1000
_AWAY: Final = Decimal("0.9")
_THROUGH: Final = Decimal("1.02")


def kills(specimen: Specimen, tally: Tally) -> None:
    """P2: ten thousand deaths; no order twice, none lost."""
    from venuekit.testing.virtual_time import run_virtually

    if not specimen.is_thorough:
        raise NotComputed("takes minutes: ask with --thorough")
    died = seed = 0
    with _silence():
        while died < DEATHS and not tally.wrong:  # the first history that shows it is enough
            seed += 1
            history = _History(specimen, tally, seed)
            run_virtually(history.lived(min(_LIVES, DEATHS - died)))
            died += min(_LIVES, DEATHS - died)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Have nothing logged: thousands of programs warn of what became of the ones before them."""
    logger = logging.getLogger("venuekit")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


_There = tuple[Sequence[Order], Sequence[Fill] | None]
"""Open orders, and fills where the exchange tells them."""


class _Mortal:
    """The network of one life, which ends before an effect: a request that leaves, or an answer
    that comes.
    """

    def __init__(self, inner: "SimulatedTransport", fell: Callable[[], None]) -> None:
        self._inner = inner
        self._left: int | None = None
        self._fell = fell
        self.has_ended = asyncio.Event()

    @property
    def is_armed(self) -> bool:
        return self._left is not None

    def arm(self, effects: int) -> None:
        """End before the effect that comes after so many."""
        self._left = effects

    def end(self) -> None:
        if not self.has_ended.is_set():
            self._fell()
            self.has_ended.set()

    async def _effect(self) -> None:
        if self._left == 0:
            self.end()
        elif self._left is not None:
            self._left -= 1
        if self.has_ended.is_set():
            await _never()

    async def send(self, request: "Request", *, timeouts: "Timeouts") -> "Answer":
        await self._effect()
        answer = await self._inner.send(request, timeouts=timeouts)
        await self._effect()
        return answer

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> "Socket":
        await self._effect()
        socket = await self._inner.connect(host, path, headers=headers, connect_s=connect_s)
        return _MortalSocket(socket, self)

    async def close(self) -> None:
        await self._inner.close()

    async def passes(self) -> None:
        """Let a message of a WebSocket pass, or never."""
        await self._effect()


class _MortalSocket:
    """A WebSocket of one life; a message that leaves is an effect, one that comes is none: there
    are too many, and what came and was not written down is as if it had not come.
    """

    def __init__(self, inner: Any, life: _Mortal) -> None:
        self._inner = inner
        self._life = life

    @property
    def heard_at(self) -> float:
        heard: float = self._inner.heard_at
        return heard

    async def send(self, text: str) -> None:
        await self._life.passes()
        await self._inner.send(text)

    async def receive(self) -> str | bytes:
        data: str | bytes = await self._inner.receive()
        if self._life.has_ended.is_set():
            await _never()
        return data

    async def close(self) -> None:
        await self._inner.close()


async def _never() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody fulfils it")


@attrs.define(slots=False)
class _History:
    """Lives of one account, one after another."""

    specimen: Specimen
    tally: Tally
    seed: int
    chance: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.chance = random.Random(f"kills {self.seed}")  # noqa: S311  # one seed, one history

    async def lived(self, deaths: int) -> None:
        async with open_scene(self.specimen, seed=self.seed) as scene:
            folder = scene.folder / "life-0"
            folder.mkdir(mode=0o700)
            for life in range(1, deaths + 1):
                following = scene.folder / f"life-{life}"
                await self._life(scene, folder, following)
                shutil.rmtree(folder)
                folder = following
            there = await self._last_life(scene, folder)
            self._compare(await _journalled(self.specimen, folder), *there)

    async def _last_life(self, scene: Scene, folder: Path) -> _There:
        """Open once more, as often as it takes: limits are used up by all the lives before."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                try:
                    async with scene.opening(scene.way(), folder) as exchange:
                        return await self._asked(exchange)
                except StoreError:
                    raise
                except VenuekitError:
                    await asyncio.sleep(_APART_S)

    async def _life(self, scene: Scene, folder: Path, following: Path) -> None:
        """Open, trade, and die; what is written at that moment is in `following`."""
        inner = scene.way()
        mortal = _Mortal(inner, lambda: _kept(folder, following))
        if self.chance.random() > _AT_WORK:
            mortal.arm(self.chance.randrange(_EFFECTS))
        opening = scene.opening(mortal, folder, seed=self.chance.randrange(2**32))

        async def program() -> None:
            async with opening as exchange:
                await self._trade(exchange, mortal)
                await asyncio.sleep(self.chance.choice(_IDLE_S))
                mortal.end()  # if it did not come to its end at work
                await _never()

        task = asyncio.create_task(program(), name="life")
        ended = asyncio.create_task(mortal.has_ended.wait(), name="end of life")
        done, _ = await asyncio.wait(
            [task, ended],
            timeout=self.chance.choice(_LONGEST_S),
            return_when=asyncio.FIRST_COMPLETED,
        )
        mortal.end()
        await _buried(task)
        await inner.close()
        await asyncio.sleep(self.chance.choice(_DOWN_S))
        broken = None if task not in done or task.cancelled() else task.exception()
        if isinstance(broken, NotComputed):
            raise broken
        # It may be told to come back later, or that something is still in doubt.
        is_later = isinstance(broken, VenuekitError) and not isinstance(broken, StoreError)
        self.tally.expect(
            broken is None or is_later,
            expected="a program that starts after a death",
            seen=repr(broken),
            call=self._named("open(…)"),
        )

    async def _trade(self, exchange: "Exchange", mortal: _Mortal) -> None:
        instrument, bid, ask = await _market(exchange)
        await exchange.fetch_open_orders()  # from now on orders are known
        while any(map(_is_doubtful, exchange.orders())):  # noqa: ASYNC110  # as applications do
            await asyncio.sleep(1)  # nothing is placed before all is found out
        if not mortal.is_armed:
            mortal.arm(self.chance.randrange(_EFFECTS))
        for _ in range(_COMMANDS):
            with contextlib.suppress(VenuekitError):
                await self._command(exchange, instrument, bid, ask)

    async def _command(
        self, exchange: "Exchange", instrument: Instrument, bid: Decimal, ask: Decimal
    ) -> None:
        open_orders = exchange.orders()
        if open_orders and self.chance.random() < 0.4:
            await exchange.cancel(self.chance.choice(open_orders))
            return
        side = self.chance.choice((Side.BUY, Side.SELL))
        is_taking = self.chance.random() < 0.4
        await exchange.place(_written(instrument, bid, ask, side, is_taking=is_taking))

    async def _asked(self, exchange: "Exchange") -> _There:
        """Compare until nothing is in doubt, and ask the exchange for open orders and fills."""
        while True:
            with contextlib.suppress(OutcomeUnknown):  # a search may take longer than one waits
                await exchange.reconcile()
                break
        await asyncio.sleep(self.specimen.manifest.timing.visibility_lag_s + 1)
        # What an exchange denies is believed after it was denied again and again.
        for _ in range(_COMPARISONS):
            again = await exchange.reconcile()
            if again.is_clean and not any(map(_is_doubtful, exchange.orders())):
                break
            await asyncio.sleep(_APART_S)
        self.tally.expect(
            again.is_clean,
            expected="in the end nothing to find for another comparison",
            seen="; ".join(map(str, again.differences)),
            call=self._named("reconcile()"),
        )
        there = await exchange.fetch_open_orders()
        try:
            instrument, *_ = await _market(exchange)
            return there, await exchange.fetch_fills(instrument.symbol, limit=_LISTED)
        except NotSupported:
            return there, None

    def _compare(
        self, here: Sequence[Order], open_there: Sequence[Order], fills: Sequence[Fill] | None
    ) -> None:
        """Compare what the journal says with what the exchange has."""
        known = {order.client_order_id: order for order in here}
        doubtful = [id_ for id_, order in known.items() if _is_doubtful(order)]
        self._same("every order in certainty", [], doubtful)
        there = Counter(order.client_order_id for order in open_there)
        self._same("no order twice", [], [id_ for id_, count in there.items() if count > 1])
        self._same(
            "the open orders that the exchange has",
            sorted(map(str, there)),
            sorted(str(id_) for id_, order in known.items() if order.is_open),
        )
        too_much = [o.client_order_id for o in here if o.quantity and o.filled > o.quantity]
        self._same("no order filled twice", [], too_much)
        if fills is not None:
            self._same(
                "the fills that the exchange has",
                sorted(fill.trade_id for fill in fills),
                sorted(fill.trade_id for order in here for fill in order.fills),
            )

    def _same(self, what: str, there: Sequence[object], here: Sequence[object]) -> None:
        first = [each for each in there if each not in here]
        second = [each for each in here if each not in there]
        self.tally.expect(
            list(there) == list(here),
            expected=what,
            seen=f"only there {first[:3]}, only here {second[:3]}; {len(there)} and {len(here)}",
            call=self._named("the journal and the exchange compared"),
        )

    def _named(self, what: str) -> str:
        return f"{what}, history {self.seed}"


def _is_doubtful(order: Order) -> bool:
    return order.phase.value in {"unknown", "submitting", "prepared"}


async def _journalled(specimen: Specimen, folder: Path) -> Sequence[Order]:
    """Read all orders from a journal that nobody holds."""
    from venuekit.stores import Scope, SqliteJournal
    from venuekit.stores.database import open_database
    from venuekit.stores.lane import InlineLane

    lane = InlineLane(open_database(folder / "journal.db", synchronous="NORMAL"))
    try:
        scope = Scope(specimen.manifest.id, "main", "sim")
        return await SqliteJournal(lane).orders(scope, limit=_LISTED)
    finally:
        await lane.close()


async def _market(exchange: "Exchange") -> tuple[Instrument, Decimal, Decimal]:
    """Give an instrument that trades, with its best prices.

    Raises:
        NotComputed: There is none among the first few.
    """
    from venuekit.model import InstrumentStatus

    for instrument in list(exchange.instruments.values())[:8]:
        if instrument.status is InstrumentStatus.TRADING:
            book = await exchange.fetch_book(instrument.symbol, depth=10)
            if book.bids and book.asks:
                return instrument, book.bids[0][0], book.asks[0][0]
    raise NotComputed("no instrument with a book")


def _written(
    instrument: Instrument, bid: Decimal, ask: Decimal, side: Side, *, is_taking: bool
) -> OrderRequest:
    """Write an order that rests well away from the market, or that fills at once."""
    step = instrument.price.step
    if side is Side.BUY:
        price = on_grid(ask * _THROUGH if is_taking else bid * _AWAY, step, rounding="down")
    else:
        price = on_grid(bid / _THROUGH if is_taking else ask / _AWAY, step, rounding="ceiling")
    make = limit_buy if side is Side.BUY else limit_sell
    return make(instrument.symbol, size(instrument, price), price)


def _kept(folder: Path, copy: Path) -> None:
    """Copy what is written at one moment: a thread that opens a file goes on meanwhile."""
    first = _contents(folder)
    while (second := _contents(folder)) != first:
        first = second
    copy.mkdir(mode=0o700)
    for name, content in second.items():
        file = copy / name
        file.touch(mode=0o600)
        file.write_bytes(content)


def _contents(folder: Path) -> dict[str, bytes]:
    """Read all files but those that say who works on the others."""
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir())
        if file.is_file() and file.suffix != ".lock" and not file.name.endswith("-shm")
    }


async def _buried(life: "asyncio.Task[None]") -> None:
    """Throw away all that was running: what a dead program would still do never ends."""
    current = asyncio.current_task()
    while not life.done():
        for task in asyncio.all_tasks():
            if task is not current and "carrier" not in task.get_name():
                task.cancel()
        await asyncio.sleep(0)
