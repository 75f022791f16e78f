"""A history as data: what an application, the world and bad luck do, one step after the other.

A seed draws a history, a history is played. Any part of a history is a history too: that is how
one that breaks something is made short.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.faults import Fault, FaultKind

SYMBOLS: Final = ("BTC/USDT", "ETH/USDT")
_STEP: Final = Decimal("0.00001")
_LEAST: Final = Decimal("0.003")
_TOO_BIG: Final = Decimal(2000)

KINDS: Final = ("rest", "cross", "market", "post_only", "ioc", "stop", "too_big")
Cancelation = tuple[float, int]
"""Seconds, and then turns of the loop, after which the task of a command is canceled."""


@attrs.frozen(kw_only=True)
class Step:
    """One thing that is done; what follows comes `pause_s` virtual seconds later."""

    pause_s: float = 0.05


@attrs.frozen(kw_only=True)
class Place(Step):
    """Place an order. Its quantity follows from `number`: by it the exchange's orders are told."""

    number: int
    kind: str = "rest"
    side: str = "buy"
    symbol: str = SYMBOLS[0]
    key: str | None = None
    wait: bool = True
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class PlaceMany(Step):
    """Place several orders at once."""

    numbers: tuple[int, ...]
    side: str = "buy"
    symbol: str = SYMBOLS[0]
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class PlaceList(Step):
    """Place two orders of which one ends the other (OCO)."""

    number: int
    side: str = "sell"
    symbol: str = SYMBOLS[0]
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class Cancel(Step):
    """Cancel one of the orders that are known; `pick` chooses."""

    pick: int
    is_open: bool = True
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class CancelAll(Step):
    """Cancel everything open on an instrument."""

    symbol: str = SYMBOLS[0]
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class CancelMany(Step):
    """Cancel several orders at once."""

    picks: tuple[int, ...]
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class Amend(Step):
    """Make an open order smaller."""

    pick: int
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class Replace(Step):
    """Cancel an open order and place another in one request."""

    pick: int
    number: int
    side: str = "buy"
    even_if: bool = False
    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class Reconcile(Step):
    """Compare with the exchange."""

    cancel_at: Cancelation | None = None


@attrs.frozen(kw_only=True)
class Trade(Step):
    """Another account takes what rests on the book."""

    side: str
    quantity: str
    symbol: str = SYMBOLS[0]


@attrs.frozen(kw_only=True)
class Liquidity(Step):
    """The outside world has so much at a price."""

    side: str
    price: str
    quantity: str
    symbol: str = SYMBOLS[0]


@attrs.frozen(kw_only=True)
class ForeignOrder(Step):
    """Another program places an order on the same account."""

    number: int
    side: str = "buy"
    crosses: bool = False
    symbol: str = SYMBOLS[0]


@attrs.frozen(kw_only=True)
class ForeignCancel(Step):
    """A person cancels one of the account's open orders, whoever placed it."""

    pick: int
    symbol: str = SYMBOLS[0]


@attrs.frozen(kw_only=True)
class Goes(Step):
    """Something goes wrong, at the exchange or on the way."""

    fault: Fault


@attrs.frozen(kw_only=True)
class Offline(Step):
    """There is no network for a while."""

    seconds: float


@attrs.frozen(kw_only=True)
class DropSockets(Step):
    """All WebSockets break."""


@attrs.frozen(kw_only=True)
class ClockJump(Step):
    """The machine's clock is set."""

    seconds: float


@attrs.frozen(kw_only=True)
class JournalFails(Step):
    """A later write to the journal fails, having been written or not."""

    after: int
    is_written: bool


@attrs.frozen(kw_only=True)
class Crash(Step):
    """The program dies at a later effect: from then on nothing of it gets out or in.

    `effect` is `journal`, `send`, `deliver`, or `any` of them.
    """

    effect: str
    after: int
    downtime_s: float = 0.0


@attrs.frozen(kw_only=True)
class Restart(Step):
    """The program is started anew: after an orderly stop, or killed at once."""

    is_orderly: bool
    cancels_orders: bool = False


@attrs.frozen
class History:
    """Everything that happens in one world."""

    seed: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """Write it for a reader."""
        lines = [f"history of seed {self.seed}:"]
        lines += [f"  {number:2}. {told(step)}" for number, step in enumerate(self.steps, 1)]
        return "\n".join(lines)


def told(value: Step | Fault) -> str:
    """Write a step or fault, defaults left out."""
    parts = []
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if held != field.default:
            shown = told(held) if isinstance(held, Fault) else repr(held)
            parts.append(f"{field.name}={getattr(held, 'name', shown)}")
    return f"{type(value).__name__}({', '.join(parts)})"


def quantity_of(number: int, kind: str = "rest") -> Decimal:
    """Give the quantity that tells an intent among all orders of the exchange."""
    return _STEP * number + (_TOO_BIG if kind == "too_big" else _LEAST)


# Drawing


def drawn(seed: int) -> History:
    """Draw the history of a seed."""
    return _Draw(seed).history()


_PAUSES: Final = (0.0, 0.0, 0.0, 0.001, 0.01, 0.01, 0.03, 0.03, 0.1, 0.1, 0.3, 1.0, 4.0)
_POSTS: Final = ("POST", "POST", "POST", "DELETE", "*")
_LIES: Final = ("unavailable", "timeout", "unexpected", "unknown", "disconnected", "")
"""Answers that leave open what happened; the last one is a page of a proxy."""
_REFUSALS: Final = ("rate_limited", "too_many_orders", "overloaded", "clock", *_LIES)


class _Draw:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = random.Random(seed)  # a simulation repeats itself
        self._number = 0
        self._keys: list[Place] = []
        self._symbols = SYMBOLS[: 1 if self._rng.random() < 0.75 else 2]
        # Some worlds are calm, some are not: faults have company.
        self._trouble = self._rng.choice((0.1, 0.3, 0.3, 0.5))
        self._crashes = self._rng.random() < 0.5

    def history(self) -> History:
        rng = self._rng
        count = rng.choice((3, 5, 7, 9, 12, 16, 22))
        steps: list[Step] = [
            Liquidity(side="sell", price="30100", quantity="0.05", pause_s=0.0),
            Liquidity(side="buy", price="29900", quantity="0.05", pause_s=0.0),
        ]
        for _ in range(count):
            made = self._late() if rng.random() < self._trouble / 4 else (self._step(),)
            steps.extend(attrs.evolve(step, pause_s=rng.choice(_PAUSES)) for step in made)
        return History(self._seed, tuple(steps))

    def _late(self) -> tuple[Step, ...]:
        """Have orders that are still on their way when their sender knows nothing of them."""
        rng = self._rng
        delay_s = rng.choice((0.3, 0.9, 1.9, 2.2))
        delay = Fault(kind=FaultKind.DELAY_REQUEST, method="POST", delay_s=delay_s, count=2)
        end = rng.choice(
            (
                Offline(seconds=0.05),
                Offline(seconds=0.5),
                Restart(is_orderly=False),
                Crash(effect="any", after=rng.randrange(3)),
            )
        )
        place = self._place() if rng.random() < 0.5 else self._many()
        return Goes(fault=delay), place, end

    def _step(self) -> Step:
        rng = self._rng
        if rng.random() < self._trouble:
            return self._bad_luck()
        made: list[tuple[int, Callable[[], Step]]] = [
            (12, self._place),
            (5, self._many),
            (
                5,
                lambda: Cancel(
                    pick=rng.randrange(20), is_open=rng.random() < 0.9, cancel_at=self._cut()
                ),
            ),
            (1, lambda: CancelAll(symbol=self._symbol(), cancel_at=self._cut())),
            (
                1,
                lambda: CancelMany(
                    picks=(rng.randrange(20), rng.randrange(20)), cancel_at=self._cut()
                ),
            ),
            (2, lambda: Amend(pick=rng.randrange(20), cancel_at=self._cut())),
            (3, self._replace),
            (1, self._list),
            (1, lambda: Reconcile(cancel_at=self._cut())),
            (4, self._trade),
            (2, self._liquidity),
            (2, self._foreign),
            (1, lambda: ForeignCancel(pick=rng.randrange(20), symbol=self._symbol())),
        ]
        weights, makers = zip(*made, strict=True)
        (make,) = rng.choices(makers, weights)
        step: Step = make()
        return step

    def _cut(self) -> Cancelation | None:
        rng = self._rng
        if rng.random() < 0.92:
            return None
        return rng.choice((0.0, 0.0, 0.01, 0.03, 0.06, 1.0)), rng.randrange(12)

    def _symbol(self) -> str:
        return self._rng.choice(self._symbols)

    def _side(self) -> str:
        return self._rng.choice(("buy", "sell"))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _place(self) -> Step:
        rng = self._rng
        if self._keys and rng.random() < 0.25:
            return attrs.evolve(rng.choice(self._keys), cancel_at=self._cut())
        (kind,) = rng.choices(KINDS, (6, 4, 3, 2, 1, 1, 1))
        number = self._next()
        step = Place(
            number=number,
            kind=kind,
            side=self._side(),
            symbol=self._symbol(),
            key=f"key-{number}" if rng.random() < 0.3 else None,
            wait=rng.random() < 0.8,
            cancel_at=self._cut(),
        )
        if step.key is not None:
            self._keys.append(step)
        return step

    def _many(self) -> Step:
        numbers = tuple(self._next() for _ in range(self._rng.randint(2, 8)))
        return PlaceMany(
            numbers=numbers, side=self._side(), symbol=self._symbol(), cancel_at=self._cut()
        )

    def _list(self) -> Step:
        return PlaceList(
            number=self._next(), side=self._side(), symbol=self._symbol(), cancel_at=self._cut()
        )

    def _replace(self) -> Step:
        rng = self._rng
        return Replace(
            pick=rng.randrange(20),
            number=self._next(),
            side=self._side(),
            even_if=rng.random() < 0.4,
            cancel_at=self._cut(),
        )

    def _trade(self) -> Step:
        quantity = self._rng.choice(("0.00100", "0.00205", "0.00500", "0.05000"))
        return Trade(side=self._side(), quantity=quantity, symbol=self._symbol())

    def _liquidity(self) -> Step:
        rng = self._rng
        side = self._side()
        price = rng.choice(("30100", "30050") if side == "sell" else ("29900", "29950"))
        quantity = rng.choice(("0", "0.00100", "0.00400", "0.05"))
        return Liquidity(side=side, price=price, quantity=quantity, symbol=self._symbol())

    def _foreign(self) -> Step:
        return ForeignOrder(
            number=self._next(),
            side=self._side(),
            crosses=self._rng.random() < 0.4,
            symbol=self._symbol(),
        )

    # Bad luck

    def _bad_luck(self) -> Step:
        rng = self._rng
        made: list[tuple[float, Callable[[], Step]]] = [
            (8, self._lost),
            (5, self._wrong_answer),
            (3, self._delay),
            (6, self._stream),
            (1.5, self._lag),
            (1.5, lambda: Offline(seconds=rng.choice((0.05, 1.0, 5.0, 20.0)))),
            (2, DropSockets),
            (1, lambda: ClockJump(seconds=rng.choice((-7200.0, -1.5, -0.4, 0.4, 1.5, 7200.0)))),
            (1, self._skew),
            (1, lambda: JournalFails(after=rng.randrange(12), is_written=rng.random() < 0.5)),
            (6 if self._crashes else 0, self._crash),
            (1.5 if self._crashes else 0, self._restart),
        ]
        weights, makers = zip(*made, strict=True)
        (make,) = rng.choices(makers, weights)
        step: Step = make()
        return step

    def _lost(self) -> Step:
        rng = self._rng
        kind = rng.choice(
            (
                FaultKind.DROP_BEFORE,
                FaultKind.DROP_AFTER,
                FaultKind.DROP_AFTER,
                FaultKind.RESET_BEFORE,
                FaultKind.RESET_AFTER,
                FaultKind.HANG_BEFORE,
                FaultKind.HANG_AFTER,
            )
        )
        return Goes(fault=Fault(kind=kind, method=rng.choice(_POSTS), count=self._count()))

    def _wrong_answer(self) -> Step:
        rng = self._rng
        is_before = rng.random() < 0.5
        answer = rng.choice(_REFUSALS if is_before else _LIES)
        return Goes(
            fault=Fault(
                kind=FaultKind.ANSWER_BEFORE if is_before else FaultKind.ANSWER_AFTER,
                method=rng.choice(_POSTS),
                answer=answer,
                status=0 if answer else rng.choice((502, 504, 200)),
                body="" if answer else "<html>Bad gateway</html>",
                count=self._count(),
            )
        )

    def _delay(self) -> Step:
        rng = self._rng
        kind = rng.choice((FaultKind.DELAY_REQUEST, FaultKind.DELAY_ANSWER))
        delay_s = rng.choice((0.2, 0.9, 1.9, 2.5, 11.0, 13.0, 20.0))
        method = rng.choice(_POSTS)
        return Goes(fault=Fault(kind=kind, method=method, delay_s=delay_s, count=self._count()))

    def _stream(self) -> Step:
        rng = self._rng
        kind = rng.choice(
            (
                FaultKind.MESSAGE_DROP,
                FaultKind.MESSAGE_DUPLICATE,
                FaultKind.MESSAGE_DUPLICATE,
                FaultKind.MESSAGE_REORDER,
                FaultKind.MESSAGE_REORDER,
                FaultKind.MESSAGE_DELAY,
                FaultKind.MESSAGE_DELAY,
                FaultKind.SILENCE,
                FaultKind.CLOSE,
                FaultKind.REFUSE_CONNECTION,
            )
        )
        return Goes(
            fault=Fault(
                kind=kind,
                topic="user/*" if kind is not FaultKind.REFUSE_CONNECTION else "*",
                delay_s=rng.choice((0.05, 0.5, 3.0, 30.0)),
                count=self._count(),
                skip=rng.choice((0, 0, 1, 3)),
                code=rng.choice((1006, 1000, 1001)),
            )
        )

    def _lag(self) -> Step:
        value = self._rng.choice((200, 1000, 4000))
        return Goes(fault=Fault(kind=FaultKind.MEMORY_LAG, value=value, count=None))

    def _skew(self) -> Step:
        value = self._rng.choice((-400, -200, 200, 400))
        return Goes(fault=Fault(kind=FaultKind.CLOCK_SKEW, value=value, count=None))

    def _crash(self) -> Step:
        rng = self._rng
        return Crash(
            effect=rng.choice(("any", "any", "journal", "send", "deliver")),
            after=rng.choice((0, 1, 2, 3, 5, 8, 13)),
            downtime_s=rng.choice((0.0, 0.0, 0.01, 1.0, 30.0)),
        )

    def _restart(self) -> Step:
        rng = self._rng
        return Restart(is_orderly=rng.random() < 0.6, cancels_orders=rng.random() < 0.3)

    def _count(self) -> int:
        return self._rng.choice((1, 1, 1, 2, 3))
