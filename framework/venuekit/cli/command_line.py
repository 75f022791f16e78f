"""The command line as a whole: parse, run, and turn whatever happened into an exit code."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

import attrs
from cyclopts import App
from cyclopts.exceptions import CycloptsError

from venuekit.cli.certify import CertifyCommands
from venuekit.cli.exits import EXIT_CODES, ExitCode, exit_code, safe, sentences
from venuekit.cli.installation import (
    InstallationCommands,
    added_commands,
    settings_or_defaults,
)
from venuekit.cli.journal import JournalCommands, journal_app
from venuekit.cli.limits import LimitCommands
from venuekit.cli.market import MarketCommands
from venuekit.cli.new_plugin import NewPluginCommands
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.orders import OrderCommands
from venuekit.cli.record import RecordCommands
from venuekit.cli.screen import Screen
from venuekit.cli.session import OpenExchange, Session
from venuekit.cli.streaming import StreamCommands
from venuekit.cli.trading import TradingCommands
from venuekit.configuration import Configuration, load_configuration
from venuekit.configuration.choosing import find_hooks, find_plugins
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from venuekit.client import Exchange

_HELP: Final = """Trade on and watch crypto exchanges.

By default everything happens in the environment sim: a simulator on this machine, no key, no
money. Settings are in venuekit.toml; see "venuekit plugins" for the exchanges that are installed.
"""
_SIGTERM_EXIT: Final = 143


def _open(
    exchange: str,
    *,
    account: str | None = None,
    environment: str | None = None,
    address: str | None = None,
    config: Configuration | None = None,
) -> "AbstractAsyncContextManager[Exchange]":
    from venuekit.client import open as open_exchange

    opening: AbstractAsyncContextManager[Exchange] = open_exchange(
        exchange, account=account, environment=environment, address=address, config=config
    )
    return opening


def _plugins(configuration: Configuration) -> Plugins:
    return find_plugins(configuration.plugins)


def _hooks(configuration: Configuration) -> Hooks:
    return find_hooks(configuration.plugins, tolerant=True)


@attrs.define(kw_only=True)
class CommandLine:
    """The command `venuekit`, with everything that it touches handed in."""

    open_exchange: OpenExchange = _open
    find_plugins: Callable[[Configuration], Plugins] = _plugins
    find_hooks: Callable[[Configuration], Hooks] = _hooks
    variables: Mapping[str, str] = attrs.field(factory=lambda: os.environ)
    stdin: TextIO = attrs.field(factory=lambda: sys.stdin)
    stdout: TextIO = attrs.field(factory=lambda: sys.stdout)
    stderr: TextIO = attrs.field(factory=lambda: sys.stderr)

    def run(self, tokens: Sequence[str]) -> int:
        """Run one command and give its exit code; never raises for what a command does."""
        screen = self._screen(NO_OPTIONS)
        is_debugging = "--debug" in tokens
        try:
            return self._run(list(tokens), screen)
        except CycloptsError as error:
            error.verbose = False
            said, _, _ = str(error).partition(" Available commands:")
            end = "" if said.endswith("?") else ";"
            screen.complain(f'{said.rstrip(".")}{end} see "{_help_for(error)}"')
            return ExitCode.USAGE
        except (KeyboardInterrupt, asyncio.CancelledError) as error:
            screen.complain("interrupted")
            is_terminated = isinstance(error, asyncio.CancelledError)
            return _SIGTERM_EXIT if is_terminated else ExitCode.INTERRUPTED
        except BrokenPipeError:
            self._leave_pipe()
            return ExitCode.OK  # the reader has seen enough, as `head` does
        except Exception as error:  # noqa: BLE001  the border to the person: never a traceback
            if is_debugging:
                self.stderr.write("".join(map(safe_line, traceback.format_exception(error))))
            for sentence in sentences(error):
                screen.complain(sentence)
            return exit_code(error)

    def _run(self, tokens: list[str], screen: Screen) -> int:
        app = self._app(screen)
        self._add_commands(app, tokens, screen)
        command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        options = bound.arguments.get("options", NO_OPTIONS)
        with self._logging(options if isinstance(options, Options) else NO_OPTIONS):
            result: object = command(*bound.args, **bound.kwargs)
            if asyncio.iscoroutine(result):
                result = _run_to_its_end(result)
        return result if isinstance(result, int) else ExitCode.OK

    def _app(self, screen: Screen) -> App:
        from importlib_metadata import PackageNotFoundError, version

        try:
            installed = version("venuekit")
        except PackageNotFoundError:
            installed = "unknown"
        app = App(
            name="venuekit",
            help=_HELP,
            help_epilogue=EXIT_CODES,
            version=installed,
            console=screen.out,
            error_console=screen.err,
        )
        market, streams = MarketCommands(self._begin), StreamCommands(self._begin)
        trading = TradingCommands(self._begin, self._confirm)
        orders = OrderCommands(self._begin)
        installation = InstallationCommands(self._begin)
        for command in (
            *(installation.plugins, installation.sim, installation.demo),
            CertifyCommands(self._begin).certify,
            RecordCommands(self._begin).record,
            NewPluginCommands(self._begin, self._ask).new_plugin,
            *(market.info, market.book, market.trades, market.ticker, market.candles),
            *(trading.balances, trading.place, trading.cancel, orders.orders, trading.fills),
            *(orders.reconcile, streams.stream, LimitCommands(self._begin).limits),
        ):
            app.command(command)
        app.command(journal_app(JournalCommands(self._begin, self._confirm)))
        return app

    def _add_commands(self, app: App, tokens: list[str], screen: Screen) -> None:
        """Add the commands of other packages, which are only looked for when they are needed."""
        ours = frozenset(name for name in app if not name.startswith("-"))
        first = tokens[0] if tokens else "--help"
        if first in ours or first == "--version":
            return
        configuration = settings_or_defaults(
            lambda: load_configuration(variables=self.variables), Configuration()
        )
        hooks = self.find_hooks(configuration)
        for spec, run in added_commands(hooks, ours):
            app.command(run, name=spec.name, help=spec.help, help_flags=[], version_flags=[])
        for fault in hooks.faults:
            screen.note(fault)

    def _begin(self, options: Options) -> Session:
        configuration = load_configuration(options.config, variables=self.variables)
        return Session(
            options=options,
            screen=self._screen(options),
            configuration=configuration,
            plugins=self.find_plugins(configuration),
            find_hooks=self.find_hooks,
            open_exchange=self.open_exchange,
        )

    def _screen(self, options: Options) -> Screen:
        return Screen(
            as_json=options.json, stdout=self.stdout, stderr=self.stderr, variables=self.variables
        )

    def _confirm(self, question: str) -> bool | None:
        said = self._ask(question)
        return None if said is None else said.lower() in {"y", "yes"}

    def _ask(self, question: str) -> str | None:
        if not self.stdin.isatty():
            return None
        self.stderr.write(question)
        self.stderr.flush()
        return self.stdin.readline().strip()

    @contextlib.contextmanager
    def _logging(self, options: Options) -> Any:
        """Send the library's log to stderr, as much of it as was asked for."""
        logger = logging.getLogger("venuekit")
        handler = logging.StreamHandler(self.stderr)
        handler.setFormatter(_SafeFormatter("%(levelname)s %(name)s: %(message)s"))
        before = logger.level
        levels = {0: logging.WARNING, 1: logging.INFO}
        logger.setLevel(levels.get(options.verbose, logging.DEBUG))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)

    def _leave_pipe(self) -> None:
        """Keep the interpreter from writing into the closed pipe once more at its end."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


class _SafeFormatter(logging.Formatter):
    """Writes records without characters that could steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return "\n".join(map(safe, super().format(record).splitlines()))


def safe_line(text: str) -> str:
    """Make each line of a traceback safe for a terminal, its shape kept."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _help_for(error: CycloptsError) -> str:
    return " ".join(["venuekit", *(error.command_chain or ()), "--help"])


def _run_to_its_end(command: Coroutine[Any, Any, object]) -> object:
    """Run an asynchronous command; Ctrl-C and SIGTERM cancel it, so that it can tidy up."""

    async def supervised() -> object:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await command

    return asyncio.run(supervised())
