"""What a plugin says of itself, as data."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.plugin.failures import DocumentedError

if TYPE_CHECKING:
    from venuekit.plugin.capabilities import Adapter

INTERFACE: Final = (1, 3)
"""Version of the plugin interface of this core, major and minor."""


class BudgetKind(enum.Enum):
    """How an exchange counts."""

    FIXED_WINDOW = "fixed_window"
    """Counted from zero in windows aligned to the clock."""
    SLIDING_WINDOW = "sliding_window"
    TOKEN_BUCKET = "token_bucket"  # noqa: S105  # no password, a kind of limit
    DECAYING_COUNTER = "decaying_counter"
    CONCURRENT = "concurrent"


class BudgetScope(enum.Enum):
    """Whom an exchange counts."""

    IP = "ip"
    KEY = "key"
    ACCOUNT = "account"
    INSTRUMENT = "instrument"
    """Each instrument of an account for itself; see `counted_by`."""


@attrs.frozen(kw_only=True)
class Tier:
    """The numbers of one budget for accounts of one tier."""

    capacity: int
    interval_s: int


@attrs.frozen(kw_only=True)
class BudgetSpec:
    """One limit of the exchange, until the exchange itself says other numbers."""

    name: str
    kind: BudgetKind
    scope: BudgetScope
    capacity: int
    """Units in an interval, > 0; for CONCURRENT: at a time."""
    interval_s: int
    """Length of the window; for buckets and counters: time to fill or decay wholly."""
    places_only: bool = False
    """Only calls that place orders are counted."""
    has_cancels: bool = True
    """Cancels pay it too, so that a part of it is kept for them; False: they never do."""
    step_s: float = 0.0
    """For DECAYING_COUNTER: it falls only every so many seconds, >= 0; 0: all the time."""
    tiers: Mapping[str, Tier] = {}  # attrs default, never mutated
    """By the account's tier, where that decides; above stand the numbers of the lowest. The user
    says which tier an account has."""

    def for_tier(self, tier: str | None) -> "BudgetSpec":
        """Give it with the numbers of a tier; itself where the tier changes nothing."""
        numbers = None if tier is None else self.tiers.get(tier)
        if numbers is None:
            return self
        return attrs.evolve(self, capacity=numbers.capacity, interval_s=numbers.interval_s)


def counted_by(budget: str, symbol: str) -> str:
    """Name the budget of one instrument, for the costs of a call, where `BudgetScope.INSTRUMENT`
    counts each for itself.
    """
    return f"{budget} {symbol}"


class Dedupe(enum.Enum):
    """For how long the exchange refuses a client order id that it has seen."""

    NONE = "none"
    OPEN_ONLY = "open_only"
    WINDOW = "window"
    FOREVER = "forever"


@attrs.frozen(kw_only=True)
class ClientOrderIdRule:
    """What a client order id may look like, and what a repeat of it does."""

    pattern: str
    """Regular expression that a whole id matches."""
    alphabet: str
    """Characters that the framework makes ids of."""
    max_length: int
    dedupe: Dedupe
    dedupe_window_s: float | None = None
    """For `Dedupe.WINDOW` only."""
    template: str | None = None
    """Where ids have a form: `x` is any character of the alphabet, all others stand for themselves.
    A UUID of version 4 is `xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx`."""

    def example(self) -> str:
        """Give an id of the alphabet's first character."""
        first = self.alphabet[0]
        if self.template is None:
            return first * min(self.max_length, 8)
        return self.template.replace("x", first)


class NonceUnit(enum.Enum):
    """What a nonce counts. Each key keeps its unit for ever: no nonce can be taken back."""

    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"

    @property
    def in_ns(self) -> int:
        """Nanoseconds in one unit."""
        return {"ms": 1_000_000, "us": 1_000, "ns": 1}[self.value]


HIGHEST_NONCE: Final = 2**64 - 1
"""An unsigned number of 64 bits."""


@attrs.frozen(kw_only=True)
class NonceRule:
    """The numbers that every signed request carries, none of them twice with one key."""

    unit: NonceUnit = NonceUnit.MICROSECONDS
    highest: int = HIGHEST_NONCE
    """The largest that the exchange takes, at most 2**64 - 1."""
    is_ordered: bool = True
    """Whether each one that arrives has to be above the one before: then one signed request is on
    its way at a time. False: they only have to be new."""


@attrs.frozen(kw_only=True)
class Timing:
    """How long an accepted request may stay without a visible effect."""

    request_validity_s: float
    """The expiry that every write carries: past it the exchange refuses the request."""
    engine_timeout_s: float
    """Longest time the exchange works on an accepted request before it gives up."""
    visibility_lag_s: float
    """Longest time until queries show an effect."""


@attrs.frozen(kw_only=True)
class Environment:
    """Where requests of one environment go."""

    hosts: Mapping[str, str]
    """Base URL by host name, such as `rest`. `https`/`wss` only, except in `sim`, where
    `{address}` stands for the simulator's `host:port`."""


@attrs.frozen(kw_only=True)
class CredentialKind:
    """One form of key that the exchange takes."""

    algorithm: str
    """`hmac-sha256`, `hmac-sha512`, `rsa`, `ed25519`, `es256`."""
    title: str


@attrs.frozen(kw_only=True)
class Manifest:
    """What a plugin says of itself; everything here can be checked without a network."""

    id: str
    title: str
    adapter: "type[Adapter]"
    interface: tuple[int, int]
    """Version of the plugin interface it was written for: `venuekit.plugin.INTERFACE` then."""
    environments: Mapping[str, Environment]
    """`live`, `testnet` and `sim`, as far as they exist."""
    credentials: Sequence[CredentialKind]
    budgets: Sequence[BudgetSpec]
    client_order_id: ClientOrderIdRule
    timing: Timing
    nonce: NonceRule | None = None
    """What its nonces are like; None: signed requests carry none."""
    simulator: str | None = None
    """`module:function` that makes the simulator's dialect; imported when one is started."""
    errors: Sequence[DocumentedError] = ()
    """Every error that the exchange documents, with what is known of its effect."""
    links: Mapping[str, str] = {}  # attrs field default, copied nowhere, never mutated

    def faults(self) -> list[str]:
        """List everything that is wrong with this manifest, each with its path."""
        found: list[str] = []
        if re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", self.id) is None:
            found.append(f"$.id: {self.id!r}; allowed: lower-case letters, digits, - and _")
        if self.interface[0] != INTERFACE[0] or self.interface[1] > INTERFACE[1]:
            found.append(
                f"$.interface: written for {self.interface[0]}.{self.interface[1]}; "
                f"this core speaks {INTERFACE[0]}.0 to {INTERFACE[0]}.{INTERFACE[1]}"
            )
        for name, environment in self.environments.items():
            found.extend(_host_faults(name, environment))
        names = [budget.name for budget in self.budgets]
        found.extend(
            f"$.budgets[{i}].name: {name!r} stands twice"
            for i, name in enumerate(names)
            if name in names[:i]
        )
        found.extend(
            f"$.budgets[{i}]: capacity and interval_s must be above zero"
            for i, budget in enumerate(self.budgets)
            if budget.capacity <= 0 or budget.interval_s <= 0
        )
        found.extend(
            f"$.budgets[{i}].name: {budget.name!r}; allowed: text without spaces"
            for i, budget in enumerate(self.budgets)
            if not budget.name or " " in budget.name
        )
        found.extend(
            f"$.budgets[{i}].tiers.{name}: capacity and interval_s must be above zero"
            for i, budget in enumerate(self.budgets)
            for name, tier in budget.tiers.items()
            if tier.capacity <= 0 or tier.interval_s <= 0
        )
        if self.nonce is not None and not 0 < self.nonce.highest <= HIGHEST_NONCE:
            found.append(f"$.nonce.highest: {self.nonce.highest}; allowed: 1 to 2**64 - 1")
        rule = self.client_order_id
        if re.fullmatch(rule.pattern, rule.example()) is None:
            found.append("$.client_order_id: ids made of its alphabet do not match its pattern")
        return found


def _host_faults(name: str, environment: Environment) -> list[str]:
    where = f"$.environments.{name}.hosts"
    if name not in {"live", "testnet", "sim"}:
        return [f"$.environments: {name!r}; allowed: live, testnet, sim"]
    if name == "sim":
        return [
            f"{where}.{host}: {url!r} must be http://{{address}}… or ws://{{address}}…"
            for host, url in environment.hosts.items()
            if not url.startswith(("http://{address}", "ws://{address}"))
        ]
    return [
        f"{where}.{host}: {url!r} must begin with https:// or wss://"
        for host, url in environment.hosts.items()
        if not url.startswith(("https://", "wss://"))
    ]
