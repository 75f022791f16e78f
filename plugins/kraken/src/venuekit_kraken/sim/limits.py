"""What the exchange counts: calls of a key, engine transactions of a pair, connections, reads.

Counters rise by what a request costs and decay with time; no answer tells where they stand.
Source: Kraken API Center, Spot REST Rate Limits, Spot Trading Limits; Kraken support, API rate
limits.
"""

from collections import deque
from fractions import Fraction
from typing import Final, Self

import attrs

from venuekit_kraken.sim.refusals import (
    ORDER_RATE_LIMITED,
    RATE_LIMITED,
    TOO_MANY,
    TOO_MANY_ORDERS,
    Refusal,
)
from venuekit_kraken.sim.wire import SECOND_NS

_NEVER: Final = 10**12
HISTORY_COST: Final = 4
_AGES_S: Final = (5, 10, 15, 45, 90, 300)
AMEND_PENALTIES: Final = (3, 2, 1, 0, 0, 0)
EDIT_PENALTIES: Final = (6, 5, 4, 2, 1, 0)
CANCEL_PENALTIES: Final = (8, 6, 5, 4, 2, 1)


@attrs.frozen(kw_only=True)
class LimitSettings:
    """The numbers; by default those of the tier Intermediate."""

    calls: int = 20
    calls_decay: str = "0.5"
    """Per second."""
    calls_step_s: int = 2
    """The counter is lowered every couple of seconds, not continuously."""
    history_cost: int = HISTORY_COST
    engine: int = 125
    engine_decay: str = "2.34"
    open_orders: int = 80
    """Of a pair."""
    public_burst: int = 20
    """Public calls at once from an address; our own number, since nobody published one."""
    public_decay: str = "1"
    connections: int = 150
    connections_window_s: int = 600
    key_errors: int = 5
    """In sequence, until the key is locked out; 0: never. Our own number."""
    nonce_errors: int = 20
    lockout_s: float = 900

    @classmethod
    def starter(cls) -> Self:
        """Give the numbers of the lowest tier."""
        return cls(calls=15, calls_decay="0.33", engine=60, engine_decay="1", open_orders=60)

    @classmethod
    def intermediate(cls) -> Self:
        """Give the numbers of the middle tier."""
        return cls()

    @classmethod
    def pro(cls) -> Self:
        """Give the numbers of the highest tier."""
        return cls(calls_decay="1", engine=180, engine_decay="3.75", open_orders=225)

    @classmethod
    def off(cls) -> Self:
        """Count nothing."""
        return cls(
            calls=_NEVER,
            engine=_NEVER,
            open_orders=_NEVER,
            public_burst=_NEVER,
            connections=_NEVER,
            key_errors=0,
            nonce_errors=0,
        )


@attrs.define
class _Level:
    value: Fraction
    at_ns: int


class Counter:
    """A number for each payer that falls by so much a second, never below zero."""

    def __init__(self, decay: str, *, step_s: int = 0) -> None:
        """Begin at zero.

        Args:
            decay: By how much it falls in a second.
            step_s: Every so often; 0: all the time.
        """
        self._decay = Fraction(decay)
        self._step_ns = step_s * SECOND_NS
        self._levels: dict[object, _Level] = {}

    def value(self, payer: object, now_ns: int) -> Fraction:
        """Give where it stands."""
        level = self._levels.get(payer)
        if level is None:
            return Fraction(0)
        if self._step_ns:
            passed_ns = (now_ns // self._step_ns - level.at_ns // self._step_ns) * self._step_ns
        else:
            passed_ns = now_ns - level.at_ns
        return max(Fraction(0), level.value - self._decay * Fraction(passed_ns, SECOND_NS))

    def add(self, payer: object, cost: Fraction | int, now_ns: int) -> Fraction:
        """Raise it and give where it stands then."""
        value = self.value(payer, now_ns) + cost
        self._levels[payer] = _Level(value, now_ns)
        return value


def penalty(penalties: tuple[int, ...], age_ns: int) -> int:
    """Give what an order of that age costs besides the fixed part."""
    for age_s, cost in zip(_AGES_S, penalties, strict=True):
        if age_ns < age_s * SECOND_NS:
            return cost
    return 0


class Limits:
    """All counters of the exchange, for all keys, accounts and addresses."""

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self._calls = Counter(settings.calls_decay, step_s=settings.calls_step_s)
        self._engine = Counter(settings.engine_decay)
        self._reads = Counter(settings.public_decay)
        self._attempts: dict[str, deque[int]] = {}
        self._blocked_until_ns: dict[str, int] = {}

    def charge_call(self, key: str, cost: int, now_ns: int) -> None:
        """Count a private call; too many are refused, and those that are refused count, too."""
        most = self.settings.calls
        if self._calls.value(key, now_ns) + cost <= most:
            self._calls.add(key, cost, now_ns)
            return
        # Going on prolongs the wait, but not for ever.
        spare = 2 * most - self._calls.value(key, now_ns)
        self._calls.add(key, max(Fraction(0), min(Fraction(cost), spare)), now_ns)
        raise Refusal(RATE_LIMITED)

    def calls(self, key: str, now_ns: int) -> Fraction:
        """Give where the counter of a key stands."""
        return self._calls.value(key, now_ns)

    def charge_read(self, address: str, subject: str, now_ns: int) -> None:
        """Count a public call; `subject` is the pair where each pair is counted for itself."""
        payer = (address, subject)
        if self._reads.value(payer, now_ns) + 1 > self.settings.public_burst:
            raise Refusal(TOO_MANY)
        self._reads.add(payer, 1, now_ns)

    def charge_engine(
        self,
        account: str,
        pair: str,
        cost: Fraction | int,
        now_ns: int,
        *,
        may_cross: bool = False,
    ) -> None:
        """Count a transaction of the matching engine, or refuse it uncounted.

        Args:
            account: Whose.
            pair: Each pair is counted for itself.
            cost: The fixed part and the penalty for the order's youth.
            now_ns: When.
            may_cross: Whether it is let through although it crosses the threshold.
        """
        payer = (account, pair)
        if self._engine.value(payer, now_ns) + cost > self.settings.engine and not may_cross:
            raise Refusal(ORDER_RATE_LIMITED)
        self._engine.add(payer, cost, now_ns)

    def engine(self, account: str, pair: str, now_ns: int) -> Fraction:
        """Give where the counter of an account on a pair stands."""
        return self._engine.value((account, pair), now_ns)

    def check_open_orders(self, count: int) -> None:
        """Refuse one open order of a pair too many."""
        if count > self.settings.open_orders:
            raise Refusal(TOO_MANY_ORDERS)

    def may_connect(self, address: str, now_ns: int) -> bool:
        """Count an attempt to connect; an address with too many is blocked for a while."""
        window_ns = self.settings.connections_window_s * SECOND_NS
        if now_ns < self._blocked_until_ns.get(address, 0):
            return False
        attempts = self._attempts.setdefault(address, deque())
        attempts.append(now_ns)
        while attempts[0] <= now_ns - window_ns:
            attempts.popleft()
        if len(attempts) > self.settings.connections:
            self._blocked_until_ns[address] = now_ns + window_ns
            return False
        return True
