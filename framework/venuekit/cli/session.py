"""One run of one command: its settings, the exchange that it opens, and its screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

from venuekit.cli.exits import UsageError
from venuekit.cli.options import Options
from venuekit.cli.screen import Screen
from venuekit.configuration import Configuration
from venuekit.plugin.discovery import Plugins, PluginStatus
from venuekit.plugin.hooks import Hooks

if TYPE_CHECKING:
    from venuekit.client import Exchange

T = TypeVar("T")


class OpenExchange(Protocol):
    """As `venuekit.open`."""

    def __call__(
        self,
        exchange: str,
        *,
        account: str | None = None,
        environment: str | None = None,
        address: str | None = None,
        config: Configuration | None = None,
    ) -> "AbstractAsyncContextManager[Exchange]":
        """Open an exchange."""
        ...


@attrs.frozen(kw_only=True)
class Session:
    """What a command works with."""

    options: Options
    screen: Screen
    configuration: Configuration
    plugins: Plugins
    find_hooks: Callable[[Configuration], Hooks]
    open_exchange: OpenExchange

    def chosen(self, exchange: str | None) -> str:
        """Give the exchange that is meant: named, or set, or the only one that can be used."""
        if exchange is not None:
            return exchange
        if self.configuration.exchange is not None:
            return self.configuration.exchange
        entries = self.plugins.list_plugins()
        ready = list(self.configuration.exchanges) or [
            entry.id for entry in entries if entry.status is PluginStatus.READY
        ]
        if len(ready) == 1:
            return ready[0]
        if not ready:
            raise UsageError('no exchange plugin is installed; see "venuekit plugins"')
        raise UsageError(f"name the exchange: {', '.join(ready)}")

    @asynccontextmanager
    async def opened(self, exchange: str) -> "AsyncIterator[Exchange]":
        """Open an exchange as options and settings say."""
        opening = self.open_exchange(
            exchange,
            account=self.options.account,
            environment=self.options.environment,
            address=self.options.address,
            config=self.configuration,
        )
        async with AsyncExitStack() as stack:
            with self.screen.waiting(f"opening {exchange}"):
                opened = await stack.enter_async_context(opening)
            yield opened

    async def asked(self, what: str, answer: Awaitable[T]) -> T:
        """Wait for an answer, showing that it is awaited."""
        with self.screen.waiting(what):
            return await answer


MakeSession = Callable[[Options], Session]
"""Begins the run of a command."""
