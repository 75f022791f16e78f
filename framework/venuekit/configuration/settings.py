"""What can be set, as frozen values. Secrets are never here: only references to them."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from venuekit.model import ConfigurationError
from venuekit.plugin.manifest import BudgetSpec
from venuekit.plugin.policies import RetryPolicy
from venuekit.plugin.trust import Pin

ENVIRONMENTS: Final = ("live", "testnet", "sim")
ALGORITHMS: Final = ("hmac-sha256", "hmac-sha512", "rsa", "ed25519", "es256")
PLUGIN_MODES: Final = ("lenient", "strict")
ORDERS_OVER: Final = ("rest", "websocket")
DEFAULT_ACCOUNT: Final = "default"
"""Name of the account where nothing names one."""


class Durability(enum.Enum):
    """What an order that was promised to be in the journal survives."""

    PROCESS = "process"
    """A crash of the program."""
    POWER = "power"
    """A power failure too; each order waits for the disk."""


def _without_password(url: str | None) -> str:
    return repr(url and re.sub(r"//[^/@]*@", "//…@", url))


def _names_only(tables: Mapping[str, object]) -> str:
    return f"<of {', '.join(tables) or 'none'}>"


@attrs.frozen(kw_only=True)
class StoreSettings:
    """Where journal, nonces and limits are kept."""

    url: str | None = attrs.field(default=None, repr=_without_password)
    """`sqlite:…` or a scheme that an extension offers; None: the platform's user data folder."""
    durability: Durability = Durability.POWER


@attrs.frozen(kw_only=True)
class OrderSettings:
    """How orders are looked after."""

    reconcile_every_s: float = 60.0
    """Seconds between two comparisons of the journal with the exchange, 1 to 3600."""


@attrs.frozen(kw_only=True)
class LimitSettings:
    """How limits are kept."""

    share: str | None = None
    """`machine`: with the other programs of this machine; `process`: this program counts alone.
    None: real exchanges' with the machine, simulators' alone."""
    kept_for_cancels: float = 0.05
    """Share of each budget that only cancels may use, 0 to 0.9."""


@attrs.frozen(kw_only=True)
class PluginSettings:
    """Which plugins may run."""

    prefer: Mapping[str, str] = attrs.field(factory=dict)
    """For an exchange's id, the distribution that serves it."""
    blocked: tuple[str, ...] = ()
    """Ids and distributions that are never imported."""
    required: tuple[str, ...] = ()
    """Extensions without which nothing runs, such as one that guards orders."""
    trust: Mapping[str, Pin] | None = None
    """By distribution, what it has to be; None: whatever is installed is trusted."""
    allow: tuple[str, ...] = ()
    """`distribution==version` that is used although it is known to be bad."""
    mode: str = "lenient"
    """`strict`: nothing runs while any installed plugin cannot be used."""
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=_names_only)
    """By an extension's entry-point name, the table that it is made of; checked by it alone."""


@attrs.frozen(kw_only=True)
class AccountSettings:
    """One account of one exchange. Key, secret and passphrase are references: `env:NAME`,
    `file:PATH`, `keyring:SERVICE/USER`, or a source that an extension offers.
    """

    api_key: str | None = None
    secret: str | None = None
    passphrase: str | None = None
    algorithm: str | None = None
    """One of the manifest's credential kinds; None: the one that the secret looks like."""
    nonce_window: int = 0
    """As it is set for this key at the exchange, in units of its nonces, >= 0. 0: none, so that
    one signed request is on its way at a time; above, requests overlap."""
    tier: str | None = None
    """The account's tier at the exchange, where its limits go by that; None: the lowest."""


@attrs.frozen(kw_only=True)
class RetrySettings:
    """What is set of one `RetryPolicy`; None leaves a number as it is."""

    attempts: int | None = None
    total_s: float | None = None
    wait_s: float | None = None
    base_s: float | None = None
    throttled_base_s: float | None = None
    cap_s: float | None = None

    def applied(self, policy: RetryPolicy) -> RetryPolicy:
        """Give `policy` with what is set."""
        numbers = attrs.asdict(self, filter=lambda _, value: value is not None)
        return attrs.evolve(policy, **numbers)


@attrs.frozen(kw_only=True)
class ExchangeSettings:
    """One exchange."""

    environment: str = "sim"
    """`live`, `testnet` or `sim`."""
    address: str | None = None
    """`host:port` of a running simulator; None: one is started inside the program."""
    account: str | None = None
    """The account to use where the application names none."""
    limits: Mapping[str, int] = attrs.field(factory=dict)
    """By budget name: the most that may be used of it in its interval, instead of all."""
    orders_over: str = "rest"
    """`rest` or `websocket`: the way of orders, amendments and cancels. Questions go by REST."""
    retries: Mapping[str, RetrySettings] = attrs.field(factory=dict)
    """By kind of request: `public_read`, `private_read`, `place`, `cancel`, `amend`,
    `withdraw`."""
    accounts: Mapping[str, AccountSettings] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Selection:
    """What applies to one opening of one exchange, all sources taken together."""

    exchange: str
    environment: str
    address: str | None
    """Only in the environment `sim`; None there means: start a simulator."""
    account: str
    credentials: AccountSettings | None
    """None: no account is set up, so public data only (a simulator gives itself a key)."""
    limits: Mapping[str, int]
    orders_over: str = "rest"
    retries: Mapping[str, RetrySettings] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Configuration:
    """Everything that was set, by file and environment variables."""

    exchange: str | None = None
    """The exchange that is meant where a command names none."""
    store: StoreSettings = StoreSettings()
    orders: OrderSettings = OrderSettings()
    limits: LimitSettings = LimitSettings()
    plugins: PluginSettings = PluginSettings()
    exchanges: Mapping[str, ExchangeSettings] = attrs.field(factory=dict)
    source: str = "the defaults"
    """The file it came from, for messages."""

    def settings_of(self, id_: str) -> ExchangeSettings:
        """Give the settings of one exchange; the defaults where nothing was set."""
        return self.exchanges.get(id_, ExchangeSettings())

    def select(
        self,
        exchange: str,
        *,
        account: str | None = None,
        environment: str | None = None,
        address: str | None = None,
    ) -> Selection:
        """Say what applies when `exchange` is opened with these arguments, which come first.

        An address in the file belongs to the simulator: it is not used when the argument
        `environment` chooses another.

        Raises:
            ConfigurationError: An argument cannot be, or names an account that is not set up.
        """
        settings = self.settings_of(exchange)
        chosen = environment if environment is not None else settings.environment
        faults = []
        if chosen not in ENVIRONMENTS:
            faults.append(f"environment={chosen!r}; allowed: {', '.join(ENVIRONMENTS)}")
        if address is not None:
            if chosen != "sim":
                faults.append(f"address={address!r} is for the environment sim, not {chosen}")
            wrong = address_fault(address)
            if wrong is not None:
                faults.append(f"address={address!r}; {wrong}")
        if faults:
            raise ConfigurationError(faults)
        name = self._account(exchange, settings, account)
        return Selection(
            exchange=exchange,
            environment=chosen,
            address=(address or settings.address) if chosen == "sim" else None,
            account=name,
            credentials=settings.accounts.get(name),
            limits=settings.limits,
            orders_over=settings.orders_over,
            retries=settings.retries,
        )

    def _account(self, exchange: str, settings: ExchangeSettings, wanted: str | None) -> str:
        accounts = settings.accounts
        name = wanted or settings.account
        if name is not None:
            if accounts and name not in accounts:
                where = f"{self.source}: exchanges.{exchange}.accounts"
                raise ConfigurationError([f"{where}: no {name!r}; it has {', '.join(accounts)}"])
            return name
        if len(accounts) > 1 and DEFAULT_ACCOUNT not in accounts:
            where = f"{self.source}: exchanges.{exchange}"
            hint = f"name one, or set exchanges.{exchange}.account"
            raise ConfigurationError([f"{where} has the accounts {', '.join(accounts)}; {hint}"])
        if len(accounts) == 1:
            return next(iter(accounts))
        return DEFAULT_ACCOUNT


def address_fault(address: str) -> str | None:
    """Say what is wrong with `host:port`; None if nothing is."""
    host, colon, port = address.rpartition(":")
    if colon and re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]", host) and port.isdecimal():
        return None if 0 < int(port) < 65_536 else "allowed: a port from 1 to 65535"
    return "allowed: host:port, such as 127.0.0.1:8080"


def lowered(
    budgets: Sequence[BudgetSpec], limits: Mapping[str, int], where: str
) -> tuple[BudgetSpec, ...]:
    """Apply `[exchanges.<id>.limits]`: what is set may lower a budget, never raise it.

    Args:
        budgets: As the manifest or the exchange itself states them.
        limits: By budget name, the most that may be used in its interval.
        where: For the message: `venuekit.toml: exchanges.<id>.limits`.

    Raises:
        ConfigurationError: A name is none of the budgets, or a number is above the exchange's.
    """
    known = {budget.name: budget.capacity for budget in budgets}
    faults = [
        f"{where}.{name}: no such budget; allowed: {', '.join(known) or 'none'}"
        for name in limits
        if name not in known
    ]
    faults += [
        f"{where}.{name}: {limit} is above the exchange's own limit; allowed: 1 to {known[name]}"
        for name, limit in limits.items()
        if name in known and limit > known[name]
    ]
    if faults:
        raise ConfigurationError(faults)
    return tuple(
        attrs.evolve(budget, capacity=limits.get(budget.name, budget.capacity))
        for budget in budgets
    )
