"""What the programs of one machine hold of an exchange's limits, told by their store alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec
from venuekit.stores.shared_limits import SharedLimitsFile

_NS: Final = 1_000_000_000
_ACCOUNT: Final = "account "
_NOBODY: Final = "venuekit limits"
"""As which the command looks into the store. It claims nothing, so nothing is written of it."""

Holds = Sequence[tuple[str, str, int, int]]
"""Budget, holder, held, wanted, as `SharedLimitsFile.holds` gives them."""


@attrs.frozen(kw_only=True)
class Holder:
    """One open handle of one program."""

    holder: str
    """The number of its process, and a random part."""
    held: int
    wanted: int
    """In all; what is above `held` it could not get."""


@attrs.frozen(kw_only=True)
class HeldBudget:
    """One limit of the exchange, and what all programs of this machine hold of it."""

    name: str
    """With the instrument, where each is counted for itself."""
    counted_by: str
    """`ip`, `key FINGERPRINT`, or `account NAME`."""
    spec: BudgetSpec | None
    """None: the plugin does not declare it; the exchange stated it to a program."""
    holders: Sequence[Holder] = ()
    lowered: int | None = None
    """As much of it as the settings allow; None: all."""

    @property
    def held(self) -> int:
        """Units that were used, and those that programs keep ready for their next two seconds."""
        return sum(holder.held for holder in self.holders)

    @property
    def wanted(self) -> int:
        """Units that programs want and do not have; above zero, somebody waits or soon will."""
        return sum(max(0, holder.wanted - holder.held) for holder in self.holders)

    @property
    def capacity(self) -> int | None:
        """What all programs together may use; None: not known."""
        if self.spec is None:
            return None
        return self.spec.capacity if self.lowered is None else self.lowered

    @property
    def is_shared(self) -> bool:
        """Whether programs share it: how many requests are under way, each counts alone."""
        return self.spec is None or self.spec.kind is not BudgetKind.CONCURRENT

    @property
    def share(self) -> float | None:
        """What part of it is held, 0 to 1; None: not known."""
        return None if self.capacity is None else min(1.0, self.held / self.capacity)

    @property
    def is_full(self) -> bool:
        """Whether nothing of it is left to anybody."""
        return self.share is not None and self.share >= 1

    def resets_in_s(self, now_ns: int) -> float | None:
        """Give the seconds until nothing counts any more at the latest, if nothing else is sent.

        None where that is not known, or where nothing counts.
        """
        spec = self.spec
        if spec is None or not self.held or not self.is_shared:
            return None
        match spec.kind:
            case BudgetKind.FIXED_WINDOW:
                return spec.interval_s - now_ns % (spec.interval_s * _NS) / _NS
            case BudgetKind.SLIDING_WINDOW:
                return float(spec.interval_s)
            case _:
                # By the exchange's capacity: lowering a limit does not slow its decay.
                return min(1.0, self.held / spec.capacity) * spec.interval_s + spec.step_s


@attrs.frozen(kw_only=True)
class MachineLimits:
    """All limits of one exchange as this machine knows them at one moment."""

    time_ns: int
    banned_until_ns: int
    """Since the epoch; 0: there is no ban."""
    budgets: Sequence[HeldBudget]

    @property
    def is_banned(self) -> bool:
        """Whether nobody may send anything."""
        return self.banned_until_ns > self.time_ns

    @property
    def banned_s(self) -> float:
        """Seconds until the ban is over."""
        return max(0, self.banned_until_ns - self.time_ns) / _NS


def read_store(path: Path, now_ns: int) -> tuple[Holds, Mapping[str, int]]:
    """Give what is held and who is banned; nothing of both while there is no file. Blocking.

    Looking makes no file, and claims nothing.

    Raises:
        StoreError: The file is there and cannot be used.
    """
    if not path.exists():
        return [], {}
    store = SharedLimitsFile(path)
    try:
        # As every program does before it takes something: what was used long ago is forgotten.
        store.settle(_NOBODY, {}, now_ns)
        return store.holds(), store.bans()
    finally:
        store.close()


def machine_limits(
    subject: str,
    account: str,
    budgets: Callable[[str], Sequence[BudgetSpec]],
    holds: Holds,
    bans: Mapping[str, int],
    now_ns: int,
    *,
    lowered: Mapping[str, int] | None = None,
    is_only_account: bool = False,
) -> MachineLimits:
    """Put together what the store has of one exchange; every declared budget is there.

    Args:
        subject: The exchange and where it is, as programs name it in the store.
        account: Whose tier decides where limits are not counted by account.
        budgets: Gives the limits that hold for an account.
        holds: Of all exchanges.
        bans: Of all exchanges.
        now_ns: Since the epoch.
        lowered: By name, what the settings allow of a limit.
        is_only_account: Leave out what other accounts hold.
    """
    declared = budgets(account)
    names = [spec.name for spec in declared]
    held: dict[tuple[str, str], list[Holder]] = {}
    for key, holder, units, wanted in holds:
        if key.startswith(f"{subject}/"):
            whose, name = _divided(key.removeprefix(f"{subject}/"), names)
            found = Holder(holder=holder, held=units, wanted=wanted)
            if is_only_account and whose.startswith(_ACCOUNT) and whose != _ACCOUNT + account:
                continue
            held.setdefault((name, whose), []).append(found)
    rows: list[HeldBudget] = []
    for spec in declared:
        mine = [key for key in sorted(held) if key[0].partition(" ")[0] == spec.name]
        for name, whose in mine or [(spec.name, _owner(spec.scope, account))]:
            row = _row(name, whose, budgets, spec, held.pop((name, whose), ()))
            rows.append(attrs.evolve(row, lowered=(lowered or {}).get(spec.name)))
    others = (
        HeldBudget(name=name, counted_by=whose, spec=None, holders=holders)
        for (name, whose), holders in sorted(held.items())
    )
    until_ns = bans.get(subject, 0)
    return MachineLimits(
        time_ns=now_ns,
        banned_until_ns=until_ns if until_ns > now_ns else 0,
        budgets=(*rows, *others),
    )


def fullest(budgets: Sequence[HeldBudget], number: int) -> Sequence[HeldBudget]:
    """Give the `number` budgets of which most is held, in the order in which they stand."""
    by_share = sorted(range(len(budgets)), key=lambda i: -(budgets[i].share or 0.0))
    return [budgets[i] for i in sorted(by_share[: max(0, number)])]


def _row(
    name: str,
    whose: str,
    budgets: Callable[[str], Sequence[BudgetSpec]],
    spec: BudgetSpec,
    holders: Sequence[Holder],
) -> HeldBudget:
    if whose.startswith(_ACCOUNT):
        own = budgets(whose.removeprefix(_ACCOUNT))
        spec = next((each for each in own if each.name == spec.name), spec)
    return HeldBudget(name=name, counted_by=whose, spec=spec, holders=tuple(holders))


def _divided(rest: str, names: Iterable[str]) -> tuple[str, str]:
    """Tell who is counted from what, where accounts and instruments may have a `/` too."""
    known = frozenset(names)
    parts = rest.split("/")
    for i in range(1, len(parts)):
        name = "/".join(parts[i:])
        if name.partition(" ")[0] in known:
            return "/".join(parts[:i]), name
    whose, _, name = rest.partition("/")
    return whose, name


def _owner(scope: BudgetScope, account: str) -> str:
    owners = {BudgetScope.IP: "ip", BudgetScope.KEY: "key"}
    return owners.get(scope, _ACCOUNT + account)
