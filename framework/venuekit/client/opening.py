"""Opening an exchange: from a name and a configuration to a handle that works."""

import asyncio
import contextlib
import functools
import importlib
import logging
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.auth import (
    ExchangeClock,
    NonceAuthority,
    RedactingFilter,
    Redactor,
    SecretKey,
    read_credential,
)
from venuekit.client.allowances import budgets_of, policies_of
from venuekit.client.exchange import Exchange
from venuekit.client.missed import MissedTrades
from venuekit.client.numbering import nonces_of_streams, open_nonces
from venuekit.client.private import PrivateSide
from venuekit.client.sharing import share_limits
from venuekit.clock import Clock, SystemClock
from venuekit.configuration import (
    Configuration,
    Selection,
    load_configuration,
    lowered,
    store_url,
)
from venuekit.configuration.choosing import find_hooks, find_plugins
from venuekit.limits import Lane, Limiter
from venuekit.model import Balance, ConfigurationError, NotSupported, VenuekitError
from venuekit.orders import ClientOrderIds, OrderDesk
from venuekit.plugin import (
    Adapter,
    Call,
    Dedupe,
    ExchangeInfo,
    LimitEvent,
    Listing,
    Manifest,
    Place,
    QueryOrders,
    SocketOrders,
    Stream,
    StreamToken,
    Subscription,
    Topic,
)
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import HookBindings, Hooks
from venuekit.plugin.installed import core_version
from venuekit.retry import Caller
from venuekit.stores import Scope, open_journal
from venuekit.streams import StreamHub
from venuekit.transport import AiohttpTransport, SocketRequests, Transport

if TYPE_CHECKING:
    from venuekit.sim.server import Simulator

_Run = Callable[[Call[StreamToken]], Awaitable[StreamToken]]
_LAST_CALLS_S: Final = 5.0
"""For how long leaving the handle waits for calls that other tasks have under way."""
_LOGGERS: Final = (
    "venuekit.auth",
    "venuekit.client",
    "venuekit.plugin",
    "venuekit.retry",
    "venuekit.orders",
    "venuekit.stores",
    "venuekit.streams",
    "venuekit.transport",
    "aiohttp.client",
    "aiohttp.websocket",
    "asyncio",
)


def open(  # noqa: A001  # reads as `venuekit.open`
    exchange: str,
    *,
    account: str | None = None,
    environment: str | None = None,
    address: str | None = None,
    config: Configuration | str | Path | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    transport: Transport | None = None,
    plugins: Plugins | None = None,
    hooks: Hooks | None = None,
) -> "Opening":
    """Open an exchange, for `async with`.

    Without arguments and configuration the environment is `sim`: a simulator is served on a free
    loopback port for as long as the handle is open, with a funded account.

    Args:
        exchange: Its id, as `venuekit plugins` lists it.
        account: Which of the configured accounts; None: the configuration's choice.
        environment: `live`, `testnet` or `sim`; None: the configuration's choice, else `sim`.
        address: `host:port` of a running simulator, in the environment `sim`.
        config: A configuration, the path of one, or None for the usual places.
        clock: What the time is; None: the machine's clock.
        rng: Chance, for client order ids and jitter; None: the machine's best.
        transport: The network; None: HTTP and WebSocket by aiohttp.
        plugins: Where exchange plugins are found; None: on the import path.
        hooks: Extensions; None: those on the import path.

    Raises (on entering):
        ConfigurationError: A setting is wrong.
        PluginError: There is no usable plugin of that id.
        RequestError: The exchange could not be asked for its clock or its listing.
        StoreError: The journal cannot be used.
    """
    return Opening(
        _Choices(
            exchange=exchange,
            account=account,
            environment=environment,
            address=address,
            config=config,
            clock=clock or SystemClock(),
            rng=rng or random.SystemRandom(),
            transport=transport,
            plugins=plugins,
            hooks=hooks,
        )
    )


@attrs.frozen(kw_only=True)
class _Choices:
    exchange: str
    account: str | None
    environment: str | None
    address: str | None
    config: Configuration | str | Path | None
    clock: Clock
    rng: random.Random
    transport: Transport | None
    plugins: Plugins | None
    hooks: Hooks | None


class Opening:
    """An exchange that is about to be opened, for `async with`. To be entered once."""

    def __init__(self, choices: _Choices) -> None:
        """Remember what was chosen; nothing is read or opened yet."""
        self._choices = choices
        self._exchange: Exchange | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Exchange:
        """Open everything, from the bottom up; what was opened is closed if a later part fails."""
        try:
            self._exchange = await _opened(self._choices, self._stack)
        except BaseException:
            # The task groups inside are not told of it: they would wrap it into a group.
            await self._stack.aclose()
            raise
        return self._exchange

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything, from the top down. What the block raised travels on as it is."""
        # The task groups inside are not told of it: they would wrap it into a group.
        del kind, error, trace
        try:
            if self._exchange is not None:
                # Nothing is cut off that could still end well; what is left is in the journal.
                await self._exchange.stop(within_s=_LAST_CALLS_S)
        finally:
            await self._stack.aclose()


async def _opened(choices: _Choices, stack: contextlib.AsyncExitStack) -> Exchange:
    configuration = _configuration(choices.config)
    plugins = choices.plugins or find_plugins(configuration.plugins)
    hooks = choices.hooks or find_hooks(configuration.plugins)
    manifest = plugins.open_plugin(choices.exchange)
    selection = configuration.select(
        choices.exchange,
        account=choices.account,
        environment=choices.environment,
        address=choices.address,
    )
    simulator = await _simulator(manifest, selection, stack)
    redactor = _redactor(stack)
    key = _key(manifest, selection, configuration, hooks, redactor, simulator)
    transport = choices.transport
    if transport is None:
        transport = AiohttpTransport(
            _hosts(manifest, selection, simulator),
            loopback=selection.environment == "sim",
            redact=redactor.clean,
            version=core_version(),
        )
    stack.push_async_callback(transport.close)
    parts = _Parts(
        manifest=manifest,
        selection=selection,
        adapter=manifest.adapter(selection.environment),
        transport=transport,
        key=key,
        clock=ExchangeClock(choices.clock, loop_time=asyncio.get_running_loop().time),
        machine_ns=choices.clock.time_ns,
        rng=choices.rng,
        bindings=hooks.bind(),
        simulator=simulator,
        redactor=redactor,
        where=f"{configuration.source}: exchanges.{manifest.id}.limits",
        source=configuration.source,
    )
    return await _assembled(parts, configuration, hooks, stack)


@attrs.frozen(kw_only=True)
class _Parts:
    """What one handle is made of, below its orders and streams."""

    manifest: Manifest
    selection: Selection
    adapter: Adapter
    transport: Transport
    key: SecretKey | None
    clock: ExchangeClock
    machine_ns: Callable[[], int]
    rng: random.Random
    bindings: HookBindings
    simulator: "Simulator | None"
    redactor: Redactor
    where: str
    source: str


async def _assembled(
    parts: _Parts, configuration: Configuration, hooks: Hooks, stack: contextlib.AsyncExitStack
) -> Exchange:
    manifest, selection, adapter = parts.manifest, parts.selection, parts.adapter
    budgets = budgets_of(manifest, selection, parts.source)
    lowered(budgets, selection.limits, parts.where)
    limiter = Limiter(
        budgets,
        time=lambda: parts.clock.now_ns() / 1e9,
        lowered=selection.limits,
        kept_for_cancels=configuration.limits.kept_for_cancels,
        observe=_limit_observer(manifest.id, selection.account, parts.bindings.limit_event),
    )
    if parts.simulator is None:
        await share_limits(
            limiter,
            budgets,
            selection,
            configuration,
            parts.key,
            parts.rng,
            parts.machine_ns,
            stack,
        )
    nonces = await open_nonces(
        manifest,
        selection,
        configuration,
        parts.key,
        parts.clock,
        stack,
        has_own_simulator=parts.simulator is not None,
    )

    async def run(call: Call[StreamToken]) -> StreamToken:
        return await caller.run(call)

    messages = None
    if selection.orders_over == "websocket":
        messages = _messages(parts, limiter, run)
    if messages is not None:
        await stack.enter_async_context(messages)
    caller = Caller(
        exchange=manifest.id,
        account=selection.account,
        adapter=adapter,
        transport=messages or parts.transport,
        key=parts.key,
        clock=parts.clock,
        limiter=limiter,
        timing=manifest.timing,
        rng=parts.rng,
        observers=parts.bindings.request_seen,
        nonces=nonces,
        redact=parts.redactor.clean,
        policies=policies_of(manifest, hooks, selection.retries),
        is_deduped=manifest.client_order_id.dedupe is Dedupe.FOREVER,
        messages=messages,
    )
    listing = await _listing(adapter, caller, parts.clock)
    adapter.instruments = listing.instruments
    limiter.update(listing.budgets)
    restorer = _Restorer()
    hub = None
    if isinstance(adapter, Stream):
        hub = await stack.enter_async_context(
            _hub(adapter, parts, caller, limiter, restorer, nonces)
        )
    private = None
    if parts.key is not None and isinstance(adapter, Place) and isinstance(adapter, QueryOrders):
        private = await _private_side(parts, caller, hub, configuration, hooks, stack)
        restorer.private = private
    return Exchange(
        manifest=manifest,
        environment=selection.environment,
        account=selection.account,
        address=selection.address
        or (parts.simulator.address.removeprefix("http://") if parts.simulator else None),
        listing=listing,
        simulator=parts.simulator,
        adapter=adapter,
        caller=caller,
        clock=parts.clock,
        limiter=limiter,
        hub=hub,
        private=private,
    )


def _configuration(config: Configuration | str | Path | None) -> Configuration:
    return config if isinstance(config, Configuration) else load_configuration(config)


async def _simulator(
    manifest: Manifest, selection: Selection, stack: contextlib.AsyncExitStack
) -> "Simulator | None":
    """Serve the plugin's simulator for as long as the handle is open, if that was chosen."""
    if selection.environment != "sim" or selection.address is not None:
        return None
    if manifest.simulator is None:
        msg = (
            f"exchanges.{manifest.id}.environment: the plugin brings no simulator; "
            "choose testnet or live, or give the address of one"
        )
        raise ConfigurationError([msg])
    from venuekit.sim.server import Simulator

    module, _, function = manifest.simulator.partition(":")
    dialect = getattr(importlib.import_module(module), function)()
    return await stack.enter_async_context(Simulator(dialect))


def _redactor(stack: contextlib.AsyncExitStack) -> Redactor:
    """Make the registry of this handle's secrets, and put it before every log it may reach."""
    redactor = Redactor()
    redacting = RedactingFilter(redactor)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.addFilter(redacting)
        stack.callback(logger.removeFilter, redacting)
    return redactor


def _hosts(
    manifest: Manifest, selection: Selection, simulator: "Simulator | None"
) -> Mapping[str, str]:
    environment = manifest.environments.get(selection.environment)
    if environment is None:
        msg = (
            f"exchanges.{manifest.id}.environment: {selection.environment!r}; "
            f"allowed: {', '.join(manifest.environments)}"
        )
        raise ConfigurationError([msg])
    address = simulator.address.removeprefix("http://") if simulator else selection.address
    return {
        name: url.replace("{address}", address or "") for name, url in environment.hosts.items()
    }


def _key(
    manifest: Manifest,
    selection: Selection,
    configuration: Configuration,
    hooks: Hooks,
    redactor: Redactor,
    simulator: "Simulator | None",
) -> SecretKey | None:
    """Read the account's key; a simulator of our own gives us one."""
    if simulator is not None:
        given = simulator.dialect.credentials()
        return SecretKey(
            api_key=given.api_key,
            algorithm=given.algorithm,
            secret=given.secret,
            passphrase=given.passphrase,
            redactor=redactor,
        )
    account = selection.credentials
    place = f"{configuration.source}: exchanges.{manifest.id}.accounts.{selection.account}"
    if account is None:
        return None
    if account.api_key is None or account.secret is None:
        missing = "api_key" if account.api_key is None else "secret"
        raise ConfigurationError([f"{place}.{missing}: missing; give a reference such as env:NAME"])
    allowed = [kind.algorithm for kind in manifest.credentials]
    if account.algorithm is not None and account.algorithm not in allowed:
        msg = f"{place}.algorithm: {account.algorithm!r}; allowed: {', '.join(allowed)}"
        raise ConfigurationError([msg])

    def read(reference: str, name: str) -> str:
        return read_credential(
            reference,
            place=f"{place}.{name}",
            environ=os.environ,
            folder=Path.cwd(),
            sources=hooks.credential_sources(),
        )

    secret = read(account.secret, "secret")
    passphrase = None
    if account.passphrase is not None:
        passphrase = read(account.passphrase, "passphrase")
    return SecretKey(
        api_key=read(account.api_key, "api_key"),
        algorithm=account.algorithm or _algorithm(secret, passphrase, allowed),
        secret=secret,
        passphrase=passphrase,
        redactor=redactor,
        place=f"{place}.secret",
    )


def _algorithm(secret: str, passphrase: str | None, allowed: Sequence[str]) -> str:
    """Tell how a key signs where nothing says it: a PEM by what is in it, anything else by HMAC.

    A PEM of the wrong kind is left to the first asymmetric algorithm to refuse.
    """
    is_pem = secret.lstrip().startswith("-----BEGIN")
    fitting = [name for name in allowed if name.startswith("hmac-") is not is_pem] or list(allowed)
    for name in fitting:
        with contextlib.suppress(ConfigurationError):
            SecretKey(
                api_key="",
                algorithm=name,
                secret=secret,
                passphrase=passphrase,
                redactor=Redactor(),
            )
            return name
    return fitting[0]


async def _listing(adapter: Adapter, caller: Caller, clock: ExchangeClock) -> Listing:
    """Synchronize the clock and fetch the listing, side by side."""
    if not isinstance(adapter, ExchangeInfo):
        raise NotSupported(type(adapter).__name__, "exchange info")

    async def ask() -> int:
        return await caller.run(adapter.fetch_time())

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(clock.synchronize(ask), name="clock")
            listing = tasks.create_task(caller.run(adapter.fetch_listing()), name="listing")
    except* VenuekitError as group:
        first = group.exceptions[0]
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        failure: BaseException = first
    else:
        return listing.result()
    # One sentence for the caller, not a group of them: both asked the same exchange.
    raise failure from None


@attrs.define
class _Restorer:
    """Restores what the private stream missed, once there is a private side."""

    private: PrivateSide | None = None

    async def __call__(self) -> None:
        if self.private is not None:
            await self.private.restore()


def _messages(parts: _Parts, limiter: Limiter, run: _Run) -> SocketRequests | None:
    """Make what sends orders over a socket; None without a key, which sends none."""
    adapter = parts.adapter
    if not isinstance(adapter, SocketOrders):
        place = f"{parts.source}: exchanges.{parts.manifest.id}.orders_over"
        msg = f'{place}: "websocket"; {parts.manifest.title} takes orders over REST only'
        raise ConfigurationError([msg])
    if parts.key is None:
        return None
    return SocketRequests(
        parts.transport,
        exchange=parts.manifest.id,
        adapter=adapter,
        key=parts.key,
        now_ns=parts.clock.now_ns,
        random=parts.rng,
        fetch_token=_tokens(parts, adapter.fetch_socket_token, run),
        connect_budget=functools.partial(_pay_connection, limiter),
    )


def _tokens(
    parts: _Parts, ask: Callable[[], Call[StreamToken] | None], run: _Run
) -> Callable[[], Awaitable[StreamToken]] | None:
    """Give what asks for the token of a connection; None if there are none."""
    if ask() is None:
        return None

    async def fetch() -> StreamToken:
        call = ask()
        assert call is not None
        token = await run(call)
        parts.redactor.note(token.value)
        return token

    return fetch


async def _pay_connection(limiter: Limiter) -> None:
    grant = await limiter.take({"connections": 1}, Lane.QUERY)
    grant.end()


def _limit_observer(
    exchange: str, account: str, observers: Sequence[Callable[[str, str, LimitEvent], None]]
) -> Callable[[LimitEvent], None] | None:
    if not observers:
        return None

    def tell(event: LimitEvent) -> None:
        for observe in observers:
            observe(exchange, account, event)

    return tell


def _hub(
    adapter: Stream,
    parts: _Parts,
    caller: Caller,
    limiter: Limiter,
    restorer: _Restorer,
    nonces: NonceAuthority | None,
) -> StreamHub:
    exchange, account = parts.manifest.id, parts.selection.account
    observers = tuple(
        functools.partial(observe, exchange, account) for observe in parts.bindings.stream_event
    )
    return StreamHub(
        exchange=exchange,
        account=account,
        adapter=adapter,
        transport=parts.transport,
        clock=parts.clock,
        random=parts.rng,
        key=parts.key,
        # Placing waits for the account's stream: behind the searches for orders in doubt, which
        # are in placing's lane, it would get no token while there are many of them.
        fetch_token=_tokens(
            parts, adapter.fetch_stream_token, functools.partial(caller.run, lane=Lane.PLACE)
        ),
        take_nonce=nonces_of_streams(nonces),
        connect_budget=functools.partial(_pay_connection, limiter),
        on_private_gap=restorer,
        missed=MissedTrades(adapter, caller),
        observers=observers,
    )


async def _private_side(
    parts: _Parts,
    caller: Caller,
    hub: StreamHub | None,
    configuration: Configuration,
    hooks: Hooks,
    stack: contextlib.AsyncExitStack,
) -> PrivateSide:
    """Open the journal and the order desk; nothing is asked of the exchange yet."""
    manifest, selection = parts.manifest, parts.selection
    journal = await open_journal(
        await _journal_url(parts, configuration, stack),
        durability=configuration.store.durability.value,
        schemes=hooks.store_schemes(),
    )
    stack.push_async_callback(journal.close)
    mark = await journal.installation_mark(parts.rng)
    balances: dict[str, Balance] = {}
    exchange, account = manifest.id, selection.account
    desk = OrderDesk(
        exchange=exchange,
        account=account,
        environment=selection.environment,
        adapter=parts.adapter,
        caller=caller,
        journal=journal,
        clock=parts.clock,
        manifest=manifest,
        ids=ClientOrderIds(manifest.client_order_id, mark=mark, rng=parts.rng),
        rng=parts.rng,
        vetoes=tuple(functools.partial(veto, exchange, account) for veto in parts.bindings.vetoes),
        observers=tuple(
            functools.partial(observe, exchange, account)
            for observe in parts.bindings.order_changed
        ),
        balances=lambda: dict(balances),
        keep_balance=lambda balance: balances.update({balance.asset: balance}),
        redact=parts.redactor.clean,
    )
    await stack.enter_async_context(desk)
    private = PrivateSide(
        desk=desk,
        journal=journal,
        scope=Scope(exchange, account, selection.environment),
        hub=hub if _streams_account(parts.adapter) else None,
        balances=balances,
        reconcile_every_s=configuration.orders.reconcile_every_s,
    )
    stack.push_async_callback(private.close)
    return private


def _streams_account(adapter: Adapter) -> bool:
    """Say whether orders are told by a stream; else they are asked after."""
    if not isinstance(adapter, Stream):
        return False
    try:
        adapter.channel_of(Subscription(Topic.ACCOUNT))
    except ValueError:
        return False
    return True


async def _journal_url(
    parts: _Parts, configuration: Configuration, stack: contextlib.AsyncExitStack
) -> str:
    if parts.simulator is not None and configuration.store.url is None:
        # The simulated exchange forgets everything when the handle is closed; a journal that
        # remembered its orders would look for them in vain the next time.
        folder = tempfile.TemporaryDirectory(prefix="venuekit-sim-")
        stack.push_async_callback(asyncio.to_thread, folder.cleanup)
        return f"sqlite:{folder.name}/journal.db"
    return store_url(configuration.store, parts.selection)
