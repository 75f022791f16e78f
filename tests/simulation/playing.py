"""Playing a history, with the judge watching."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from tests.simulation.history import (
    Amend,
    Cancel,
    CancelAll,
    Cancelation,
    CancelMany,
    ClockJump,
    Crash,
    DropSockets,
    ForeignCancel,
    ForeignOrder,
    Goes,
    History,
    JournalFails,
    Liquidity,
    Offline,
    Place,
    PlaceList,
    PlaceMany,
    Reconcile,
    Replace,
    Restart,
    Step,
    Trade,
    quantity_of,
    told,
)
from tests.simulation.judge import NO_EFFECT, Broken, Judge, claimed
from tests.simulation.stage import MID, Backstage, Life, World, market_of
from venuekit.client.exchange import Exchange
from venuekit.model import (
    BadAnswer,
    Closed,
    ListKind,
    NotSent,
    Order,
    OrderListRequest,
    OrderNotFound,
    OrderRefused,
    OrderRequest,
    OrderType,
    OutcomeUnknown,
    Rejected,
    Side,
    StoreError,
    StreamError,
    Symbol,
    TimeInForce,
    VenuekitError,
)
from venuekit.orders import Batch, Reconciliation
from venuekit.testing.virtual_time import VirtualLoop

_OPENING_S: Final = 60.0
_PATIENCE_S: Final = 300.0
"""The longest that anything may take once nothing goes wrong any more."""
_TURNS: Final = 60_000
_NOTHING_SENT: Final = (
    NotSent,
    Rejected,
    OrderRefused,
    StoreError,
    Closed,
    StreamError,
    BadAnswer,  # to a question before; what may have had an effect is an `OutcomeUnknown`
)


@attrs.frozen(kw_only=True)
class Report:
    """What came of a history."""

    history: History
    broken: Broken | None
    fingerprint: str
    intents: int
    lives: int
    faults: int
    seconds: float
    """Of virtual time."""
    trace: Sequence[str]


class Loop(VirtualLoop):
    """A virtual loop without threads, that notices when nothing gets any further."""

    turns = 0

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]  # as in VirtualLoop
        """Run `func` at once."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # a thread's border
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns > _TURNS:
            self.turns = -_TURNS  # what is thrown away now may take its turns
            raise Broken("it comes to an end", f"{_TURNS} turns of the loop, at {self.time():g} s")
        super()._run_once()  # type: ignore[misc]  # asyncio's own, without a type


def play(history: History, backstage: Backstage) -> Report:
    """Play a history from its beginning to its end."""
    ears = _Ears()
    player = _Player(history, backstage, ears)
    logger = logging.getLogger("venuekit")
    logger.addHandler(ears)
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(player.play())
    except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to this history
        broken = error if isinstance(error, Broken) else Broken("it can be played", repr(error))
        return player.report(broken)
    finally:
        logger.removeHandler(ears)


class _Ears(logging.Handler):
    """Hears exceptions that were caught somewhere and told to the log alone."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.heard.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class _Player:
    def __init__(self, history: History, backstage: Backstage, ears: _Ears) -> None:
        self._history = history
        self._backstage = backstage
        self._ears = ears
        self._lives = 0
        self._intents = 0
        self._commands: list[asyncio.Task[None]] = []
        self._others: list[asyncio.TimerHandle] = []

    async def play(self) -> Report:
        symbols = {getattr(step, "symbol", "") for step in self._history.steps}
        self._world = World(self._history.seed, self._backstage, 2 if "ETH/USDT" in symbols else 1)
        self._judge = Judge(self._world)
        self._loop = self._world.loop
        broken: Broken | None = None
        self._life = self._born(is_forgetful=False)
        try:
            await self._all()
        except Broken as found:
            broken = found
        finally:
            await self._life.kill()
            await self._world.exchange.close()
        return self.report(broken)

    def report(self, broken: Broken | None) -> Report:
        """Say what came of it."""
        return Report(
            history=self._history,
            broken=broken,
            fingerprint=self._world.fingerprint(),
            intents=self._intents,
            lives=self._lives,
            faults=len(self._world.dialect.faults.fired),
            seconds=self._loop.time(),
            trace=self._world.trace,
        )

    async def _all(self) -> None:
        for number, step in enumerate(self._history.steps, 1):
            self._world.note(f"step {number}: {told(step)}")
            await self._do(step)
            await self._pause(step.pause_s)
            self._check()
        await self._quiet()

    def _check(self) -> None:
        if self._ears.heard:
            raise Broken("an error that nobody expects", self._ears.heard[0])
        self._judge.check()

    # Lives

    def _born(self, *, is_forgetful: bool) -> Life:
        self._judge.begun(is_forgetful=is_forgetful)
        self._lives += 1
        return Life(self._world, self._lives - 1, self._judge)

    async def _reborn(self) -> None:
        """Have a dead life followed by another one."""
        before = self._life
        await before.kill()
        if before.fence.downtime_s:
            await asyncio.sleep(before.fence.downtime_s)
        is_forgetful = before.lane is not None and before.lane.failure is not None
        self._life = self._born(is_forgetful=is_forgetful)

    async def _pause(self, seconds: float) -> None:
        """Let time pass; whoever dies meanwhile is born again."""
        until = self._loop.time() + seconds
        while True:
            # One turn at least, so that what was started begins.
            await asyncio.sleep(0)
            left_s = until - self._loop.time()
            if self._life.fence.has_fallen:
                await self._reborn()
            elif left_s <= 0:
                return
            else:
                await asyncio.wait([self._life.has_died], timeout=left_s)

    # Steps

    async def _do(self, step: Step) -> None:
        match step:
            case (
                Place()
                | PlaceMany()
                | PlaceList()
                | Cancel()
                | CancelAll()
                | CancelMany()
                | Amend()
                | Replace()
                | Reconcile()
            ):
                await self._command(step)
            case Restart():
                await self._restart(step)
            case Crash():
                self._life.fence.arm(step.effect, step.after, step.downtime_s)
            case JournalFails():
                if self._life.lane is not None:
                    self._life.lane.fail(step.after, is_written=step.is_written)
            case _:
                self._happen(step)

    def _happen(self, step: Step) -> None:
        world = self._world
        match step:
            case Goes():
                world.dialect.faults.add(step.fault)
            case Offline():
                world.is_online = False
                self._life.network.go_offline()
                self._others.append(self._loop.call_later(step.seconds, self._online))
            case DropSockets():
                self._life.network.drop_sockets()
            case ClockJump():
                world.exchange.clock.jump(step.seconds)
            case Trade():
                side = step.side.upper()
                world.rival.ask(
                    "POST",
                    "/api/v3/order",
                    symbol=market_of(step.symbol),
                    side=side,
                    type="LIMIT",
                    timeInForce="IOC",
                    quantity=step.quantity,
                    price="31000" if side == "BUY" else "29000",
                )
            case Liquidity():
                world.set_level(market_of(step.symbol), step.side, step.price, step.quantity)
            case ForeignOrder():
                self._foreign(step)
            case ForeignCancel():
                market = market_of(step.symbol)
                mine = world.dialect.engine.open_orders("first", market)
                if mine:
                    number = mine[step.pick % len(mine)].order_id
                    world.person.ask("DELETE", "/api/v3/order", symbol=market, orderId=number)
            case _:
                raise AssertionError(step)

    def _online(self) -> None:
        self._world.is_online = True
        self._life.network.go_online()

    def _foreign(self, step: ForeignOrder) -> None:
        price = _price("cross" if step.crosses else "rest", step.side, step.number)
        self._world.person.ask(
            "POST",
            "/api/v3/order",
            symbol=market_of(step.symbol),
            side=step.side.upper(),
            type="LIMIT",
            timeInForce="GTC",
            quantity=quantity_of(step.number),
            price=price,
            newClientOrderId=f"web-{step.number}",
        )

    async def _restart(self, step: Restart) -> None:
        life = self._life
        if step.is_orderly and not life.fence.has_fallen:
            exchange = await life.opened(0.0)
            if exchange is not None:
                stop = exchange.stop(within_s=8.0, cancel_orders=step.cancels_orders)
                task = life.start(stop, "stop")
                await asyncio.wait([task, life.has_died], return_when=asyncio.FIRST_COMPLETED)
                if task.done() and task.exception() is not None:
                    self._judge.unexpected(f"stop: {task.exception()!r}")
            if not life.fence.has_fallen:
                left = await life.end()
                if not life.fence.has_fallen:
                    # The application's own tasks are its business.
                    left = [each for each in left if "command" not in each]
                    if left:
                        raise Broken("nothing is left running", "; ".join(left))
        await self._reborn()

    # Commands

    async def _command(self, step: Step) -> None:
        life = self._life
        task = life.start(self._run(life, step), "command")
        self._commands.append(task)
        cancel_at: Cancelation | None = getattr(step, "cancel_at", None)
        if cancel_at is not None:
            seconds, turns = cancel_at
            self._others.append(self._loop.call_later(seconds, self._cut, task, turns))

    def _cut(self, task: "asyncio.Task[None]", turns: int) -> None:
        if turns:
            self._loop.call_soon(self._cut, task, turns - 1)
        else:
            task.cancel()

    async def _run(self, life: Life, step: Step) -> None:
        exchange = await life.opened(_OPENING_S)
        if exchange is None:
            return
        said = "canceled"
        try:
            said = await self._commanded(exchange, life, step)
        except VenuekitError as error:
            said = type(error).__name__
        except Exception as error:  # noqa: BLE001  # whatever it is, it should not be
            said = repr(error)
            if not life.fence.has_fallen:
                self._judge.unexpected(f"{told(step)} raised {error!r}")
        finally:
            if not life.fence.has_fallen:
                self._world.note(f"{type(step).__name__}: {said}")

    async def _commanded(self, exchange: Exchange, life: Life, step: Step) -> str:
        match step:
            case Place():
                return await self._place(exchange, life, step)
            case PlaceMany():
                return await self._place_many(exchange, life, step)
            case Cancel():
                order = _picked(exchange, step.pick, open_only=step.is_open)
                return await self._cancel(exchange, life, order)
            case CancelAll():
                return f"{len(await exchange.cancel_all(step.symbol))} canceled"
            case CancelMany():
                orders = [_picked(exchange, pick, open_only=True) for pick in step.picks]
                chosen = {str(order.ref): order for order in orders if order is not None}
                batch = await exchange.cancel_many(list(chosen.values()))
                return f"{sum(leg.is_done for leg in batch.legs)} canceled"
            case Amend():
                order = _picked(exchange, step.pick, open_only=True)
                if order is None or order.quantity is None:
                    return "nothing to amend"
                less = order.quantity - Decimal("0.0005")
                return str((await exchange.amend(order, quantity=less)).quantity)
            case Replace():
                return await self._replace(exchange, life, step)
            case PlaceList():
                return await self._place_list(exchange, life, step)
            case Reconcile():
                return _shown(await exchange.reconcile())
            case _:
                raise AssertionError(step)

    async def _place(self, exchange: Exchange, life: Life, step: Place) -> str:
        request = _request(step.number, step.kind, step.side, step.symbol)

        def claim(text: str, count: int) -> str:
            if not life.fence.has_fallen:
                self._judge.claim(
                    claimed(step.number, text, count=count, kind=step.kind, key=step.key)
                )
            return text

        try:
            try:
                order = await exchange.place(request, wait=step.wait, intent_key=step.key)
            except OutcomeUnknown as unknown:
                if step.wait:
                    raise
                order = await unknown
        except _NOTHING_SENT as error:
            if step.key is not None and getattr(error, "client_order_id", None) is None:
                # No intent of this call: another one with the same key may have had, or will.
                return type(error).__name__
            return claim(type(error).__name__, 0)
        return claim(order.phase.value, int(order.phase not in NO_EFFECT))

    async def _cancel(self, exchange: Exchange, life: Life, order: Order | None) -> str:
        if order is None:
            return "nothing to cancel"
        try:
            after = await exchange.cancel(order)
        except OrderNotFound as error:
            said, is_over = type(error).__name__, True
        else:
            said, is_over = after.phase.value, after.phase.is_final
        if is_over and not life.fence.has_fallen:
            self._judge.canceled(order, said)
        return said

    async def _place_many(self, exchange: Exchange, life: Life, step: PlaceMany) -> str:
        requests = [_request(number, "rest", step.side, step.symbol) for number in step.numbers]
        batch: Batch = await exchange.place_many(requests)
        if life.fence.has_fallen:
            return ""
        for number, leg in zip(step.numbers, batch.legs, strict=True):
            if leg.error is None:
                self._judge.claim(claimed(number, "placed in a batch", count=1))
            elif isinstance(leg.error, _NOTHING_SENT):
                self._judge.claim(claimed(number, type(leg.error).__name__, count=0))
        return f"{sum(leg.is_done for leg in batch.legs)} placed"

    async def _replace(self, exchange: Exchange, life: Life, step: Replace) -> str:
        order = _picked(exchange, step.pick, open_only=True)
        if order is None:
            return "nothing to replace"
        request = _request(step.number, "rest", step.side, order.symbol)
        try:
            done = await exchange.replace(order, request, place_even_if_not_canceled=step.even_if)
        except _NOTHING_SENT as error:
            count, text = 0, type(error).__name__
        else:
            count, text = int(done.placed is not None), str(done.place_failure)
            if text.startswith("exchange.undocumented"):
                return text
        if not life.fence.has_fallen:
            self._judge.claim(claimed(step.number, text, count=count))
        return text

    async def _place_list(self, exchange: Exchange, life: Life, step: PlaceList) -> str:
        limit = _request(step.number, "rest", step.side, step.symbol)
        away = Decimal(-1000 if step.side == "sell" else 1000)
        stop = attrs.evolve(
            limit, type=OrderType.STOP_LIMIT, stop_price=MID + away, price=MID + away * 2
        )
        limit = attrs.evolve(limit, post_only=True, time_in_force=None)
        try:
            placed = await exchange.place_list(
                OrderListRequest(kind=ListKind.OCO, legs=(limit, stop))
            )
        except _NOTHING_SENT as error:
            count, text = 0, type(error).__name__
        else:
            count, text = 2, f"list of {len(placed.orders)}"
        if not life.fence.has_fallen:
            self._judge.claim(claimed(step.number, text, count=count))
        return text

    # The end

    async def _quiet(self) -> None:
        """Take all faults away, let time pass, and compare."""
        world = self._world
        world.note("quiet")
        for timer in self._others:
            timer.cancel()
        world.dialect.faults.clear()
        self._life.fence.disarm()
        if self._life.lane is not None:
            self._life.lane.never_fail()
        self._online()
        self._judge.calm_since = self._loop.time()
        await self._sound()
        pending = [task for task in self._commands if not task.done()]
        if pending:
            _, late = await asyncio.wait(pending, timeout=_PATIENCE_S)
            if late:
                raise Broken("every command ends", f"{len(late)} do not")
        self._check()
        await self._reconciled()
        again = await self._life_does(lambda exchange: exchange.reconcile())
        world.note(f"second comparison: {_shown(again)}")
        if not again.is_clean:
            raise Broken("the second comparison finds nothing", _shown(again))
        self._check()
        self._intents = await self._judge.final(self._life)
        await self._closed()

    async def _sound(self) -> None:
        """Have a life whose journal works; one that failed needs a new start."""
        for _ in range(3):
            await self._pause(0.0)
            exchange = await self._life.opened(_PATIENCE_S)
            if exchange is None:
                raise Broken("it opens again", repr(self._life.failure))
            lane = self._life.lane
            if lane is None or lane.failure is None:
                return
            await self._restart(Restart(is_orderly=True))
        raise Broken("it opens again", "the journal fails without a fault")

    async def _reconciled(self) -> None:
        """Compare until it succeeds: limits that were hit before may have to be waited for."""
        until = self._loop.time() + _PATIENCE_S
        while True:
            try:
                found = await self._life_does(lambda exchange: exchange.reconcile())
            except VenuekitError as error:
                if self._loop.time() > until:
                    raise Broken("it can be compared again", repr(error)) from error
                await asyncio.sleep(1.0)
            else:
                self._world.note(f"comparison: {_shown(found)}")
                return

    async def _life_does(
        self, act: Callable[[Exchange], Awaitable[Reconciliation]]
    ) -> Reconciliation:
        exchange = self._life.exchange
        assert exchange is not None
        found: Reconciliation = await self._life.start(act(exchange), "comparison")
        return found

    async def _closed(self) -> None:
        """Stop, canceling what is open, and see that nothing is left."""
        life = self._life
        assert life.exchange is not None
        stopped = await life.start(life.exchange.stop(cancel_orders=True), "stop")
        if stopped.open or stopped.unknown or stopped.in_flight or stopped.failures:
            raise Broken("a stop that cancels leaves nothing open", str(stopped))
        left = [
            order.request.client_order_id
            for market in self._world.markets
            for order in self._world.dialect.engine.open_orders("first", market)
            if not order.request.client_order_id.startswith("web-")
        ]
        if left:
            raise Broken("a stop that cancels leaves nothing open", ", ".join(left))
        running = await life.end()
        if running:
            raise Broken("nothing is left running", "; ".join(running))
        self._check()


def _picked(exchange: Exchange, pick: int, *, open_only: bool) -> Order | None:
    orders = exchange.orders(open_only=open_only)
    return orders[pick % len(orders)] if orders else None


def _price(kind: str, side: str, number: int) -> Decimal:
    sign = -1 if side == "buy" else 1
    away = 200 + number if kind == "rest" else 50 if kind == "post_only" else -200
    return MID + sign * away


def _request(number: int, kind: str, side: str, symbol: str) -> OrderRequest:
    is_market = kind == "market"
    price = None if is_market else _price(kind, side, number)
    stop = None
    if kind == "stop":
        stop = Decimal(31_000 if side == "buy" else 29_000)
        price = stop
    return OrderRequest(
        symbol=Symbol(symbol),
        side=Side(side),
        type=OrderType.MARKET
        if is_market
        else OrderType.STOP_LIMIT
        if kind == "stop"
        else OrderType.LIMIT,
        quantity=quantity_of(number, kind),
        price=price,
        stop_price=stop,
        time_in_force=None
        if is_market or kind == "post_only"
        else TimeInForce.IOC
        if kind == "ioc"
        else TimeInForce.GTC,
        post_only=kind == "post_only",
    )


def _shown(found: Reconciliation) -> str:
    wrong = [str(each) for each in found.differences]
    wrong += [f"{each.client_order_id} {each}" for each in found.sums if not each.agrees]
    return "; ".join(wrong) or "nothing"
