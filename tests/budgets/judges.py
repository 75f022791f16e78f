"""What the simulated exchanges let in and refuse, counted where they count it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from venuekit.sim.dialect import Dialect
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings as KrakenLimits

MINUTE_NS: Final = 60_000_000_000
BTC: Final[Mapping[str, str]] = {
    "binance": "BTC/USDT",
    "kraken": "BTC/USD",
    "coinbase": "BTC/USD",
}


@attrs.define
class Counted:
    """What was charged to one of the exchange's own counters."""

    per_s: float
    """What it lets through in the long run, in units a second."""
    is_shared: bool = False
    """By all programs at one address; otherwise each account has it for itself."""
    units: float = 0.0
    requests: int = 0


@attrs.define
class Judge:
    """Watches the counters of one simulated exchange, and every refusal for too many."""

    dialect: Dialect
    counted: dict[str, Counted]
    refused_ns: list[int] = attrs.field(factory=list)
    """When something was refused."""
    bans: int = 0
    from_ns: int = 0
    until_ns: int = 0
    """What is let in between the two counts."""

    def watch(
        self, limits: object, method: str, name: str, units: Callable[..., float], at: int
    ) -> None:
        """Count every call of a method of the exchange's counters.

        Args:
            limits: The simulator's own counters.
            method: Which charges them.
            name: Under what name it is counted here.
            units: Gives what a call charges, from its arguments.
            at: Which argument is the time.
        """
        inner = getattr(limits, method)

        def charged(*args: Any, **more: Any) -> Any:
            try:
                result = inner(*args, **more)
            except Exception as refusal:
                self.refused_ns.append(args[at])
                self.bans += "banned" in str(getattr(refusal, "text", refusal))
                raise
            counted = self.counted[name]
            counted.requests += 1
            if self.from_ns <= args[at] < self.until_ns:
                counted.units += units(*args)
            return result

        setattr(limits, method, charged)

    def late_refusals(self, after_ns: int) -> int:
        """Give how often something was refused after a moment."""
        return sum(at > after_ns for at in self.refused_ns)


def binance(seed: int) -> Judge:
    """Make the simulated Binance, and who watches it."""
    dialect = BinanceDialect(seed=seed, is_quiet=True)
    judge = Judge(dialect, {"weight": Counted(6000 / 60, is_shared=True)})
    limits = dialect.venue.limits
    judge.watch(limits, "charge", "weight", lambda _, weight, *__: weight, 2)
    return judge


def kraken(seed: int) -> Judge:
    """Make the simulated Kraken with the numbers of its lowest tier."""
    dialect = KrakenDialect(seed=seed, is_quiet=True, limits=KrakenLimits.starter())
    counted = {
        "calls": Counted(0.33),
        "public": Counted(1.0, is_shared=True),
        "engine": Counted(1.0),
    }
    judge = Judge(dialect, counted)
    limits = dialect.venue.limits
    judge.watch(limits, "charge_call", "calls", lambda _, cost, __: cost, 2)
    judge.watch(limits, "charge_read", "public", lambda *_: 1, 2)
    judge.watch(limits, "charge_engine", "engine", lambda _, __, cost, *___: float(cost), 3)
    return judge


def coinbase(seed: int) -> Judge:
    """Make the simulated Coinbase."""
    dialect = CoinbaseDialect(seed=seed, is_quiet=True)
    judge = Judge(dialect, {"private": Counted(30.0), "public": Counted(10.0, is_shared=True)})
    limits = dialect.venue.limits
    judge.watch(limits, "private", "private", lambda *_: 1, 1)
    judge.watch(limits, "public", "public", lambda *_: 1, 1)
    return judge


JUDGES: Final[Mapping[str, Callable[[int], Judge]]] = {
    "binance": binance,
    "kraken": kraken,
    "coinbase": coinbase,
}
