"""Commands about what is installed: `plugins`, `sim`, `demo`, and those that packages add."""

import asyncio
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from venuekit.cli.certificates import quality
from venuekit.cli.exits import ExitCode, UsageError, sentences
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.screen import Grid
from venuekit.cli.session import MakeSession, Session
from venuekit.model import ConfigurationError, NotSupported, PluginError
from venuekit.plugin import CommandSpec, capabilities_of
from venuekit.plugin.checking import deep_faults
from venuekit.plugin.discovery import PluginEntry, PluginStatus
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.origin import Origin
from venuekit.plugin.trust import where_from


class InstallationCommands:
    """Look at plugins and start simulators."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    def plugins(
        self,
        *,
        check: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
        options: Options = NO_OPTIONS,
    ) -> ExitCode:
        """List the exchange plugins that are installed, each with its state and where it is from.

        Args:
            check: Import every plugin too, and the extensions of the group venuekit.plugins; check
                manifest, interface version, hooks and trust without a network, and show the level
                that "venuekit certify" found; exit code 1 if one cannot be used.
        """
        session = self._begin(options)
        found = session.plugins.list_plugins()
        titles: dict[str, Any] = {}
        if check:
            for entry in found:
                if entry.status is PluginStatus.READY:
                    titles[entry.id] = _opened(session, entry.id)
            found = session.plugins.list_plugins()
        extensions = session.find_hooks(session.configuration).entries if check else []
        data = [_as_data("exchange", entry, titles.get(entry.id)) for entry in found]
        data += [_as_data("extension", entry, None) for entry in extensions]
        wrong = [
            f"{entry.id}: {fault}; report this to its authors"
            for entry in found
            for fault in (titles.get(entry.id) or {}).get("faults", ())
        ]
        found += extensions
        session.screen.show(
            data,
            Grid(
                columns=["id", "~distribution", "version", "status", *(["quality"] * check)],
                rows=[
                    [e.id, e.distribution or "-", e.version or "-", e.status.value]
                    + [(titles.get(e.id) or {}).get("quality", "-")] * check
                    for e in found
                ],
                empty='no exchange plugin is installed; try "pip install venuekit-<exchange>"',
            ),
        )
        if not session.screen.as_json:
            self._explain(session, found, data)
            for text in wrong:
                session.screen.note(text)
        broken = any(entry.status is not PluginStatus.READY for entry in found)
        return ExitCode.FAILED if check and (broken or wrong) else ExitCode.OK

    def _explain(
        self, session: Session, found: list[PluginEntry], data: list[dict[str, Any]]
    ) -> None:
        """Say where each is from, what is to be known of it, and what hinders it."""
        for entry, each in zip(found, data, strict=True):
            if each["path"] or each["hash"]:
                words = [each["installer"], "editable" if each["editable"] else "", each["path"]]
                session.screen.tell(None, f"{entry.id}: {', '.join(filter(None, words))}")
                if each["hash"]:
                    session.screen.tell(None, f"  {each['hash']}")
        for entry, each in zip(found, data, strict=True):
            if entry.reason:
                session.screen.note(f"{entry.id}: {entry.reason}; {entry.remedy}")
            if entry.warning:
                session.screen.note(f"{entry.id}: {entry.warning}")
            for fault in each["file_faults"] if not each["editable"] else ():
                session.screen.note(f"{entry.id}: {fault}")

    async def sim(
        self,
        exchange: str | None = None,
        /,
        *,
        port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 0,
        seed: int = 0,
        recording: Path | None = None,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Serve a simulator of an exchange on this machine until Ctrl-C.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
            port: Where to listen; 0 takes a free port.
            seed: The same seed makes the same market.
            recording: A folder with a recording to play instead of a market of chance.
        """
        session = self._begin(options)
        exchange = session.chosen(exchange)
        dialect = _dialect(session, exchange, seed=seed, recording=recording)
        from venuekit.sim.server import Simulator

        try:
            async with Simulator(dialect, port=port) as simulator:
                session.screen.tell(*_serving(exchange, simulator.address, dialect))
                await asyncio.Event().wait()
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}") from error

    def demo(
        self,
        exchange: str | None = None,
        *,
        options: Options = NO_OPTIONS,
    ) -> int:
        """Show the whole main job on a simulator: discover, trade, watch, reconcile.

        Args:
            exchange: Id of the exchange, or "all" for one after the other; by default the one
                that venuekit.toml names, else the first that is installed.
        """
        session = self._begin(options)
        chosen = _to_show(session, exchange)
        module: Any = importlib.import_module("venuekit.cli.demo")
        return int(module.run(json=session.options.json, exchanges=chosen))


def _to_show(session: Session, exchange: str | None) -> list[str]:
    """Give the exchanges that the demo is to be shown on."""
    if exchange is None:
        exchange = session.configuration.exchange
    if exchange is not None and exchange != "all":
        return [exchange]
    usable = [
        entry.id
        for entry in session.plugins.list_plugins()
        if entry.status is PluginStatus.READY and _can_be_shown(session, entry.id)
    ]
    if not usable:
        raise UsageError('no plugin with a simulator is installed; see "venuekit plugins"')
    return usable if exchange == "all" else usable[:1]


def _can_be_shown(session: Session, id_: str) -> bool:
    try:
        return session.plugins.open_plugin(id_).simulator is not None
    except PluginError:
        return True  # the demo itself says what is wrong with it, and goes on to the others


def _opened(session: Session, id_: str) -> dict[str, Any] | None:
    try:
        manifest = session.plugins.open_plugin(id_)
    except PluginError:
        return None  # the listing says why
    return {
        "title": manifest.title,
        "interface": ".".join(map(str, manifest.interface)),
        "faults": deep_faults(manifest),
        "capabilities": capabilities_of(manifest.adapter),
        "quality": quality(id_, session.plugins),
    }


def _as_data(kind: str, entry: PluginEntry, opened: dict[str, Any] | None) -> dict[str, Any]:
    origin = Origin() if entry.installed is None else where_from(entry.installed)
    return {
        "kind": kind,
        "id": entry.id,
        "distribution": entry.distribution,
        "version": entry.version,
        "requires": entry.requires,
        "status": entry.status.value,
        "reason": entry.reason,
        "remedy": entry.remedy,
        "warning": entry.warning,
        "path": origin.path,
        "installer": origin.installer,
        "editable": origin.is_editable,
        "hash": origin.hash,
        "file_faults": list(origin.faults),
        **(opened or {}),
    }


def _dialect(session: Session, exchange: str, *, seed: int, recording: Path | None) -> Any:
    manifest = session.plugins.open_plugin(exchange)
    if manifest.simulator is None:
        raise NotSupported(exchange, "a simulator")
    create: Callable[..., Any] = pkgutil.resolve_name(manifest.simulator)
    given = {} if recording is None else {"recording": recording}
    return create(seed=seed, **given)


def _serving(exchange: str, address: str, dialect: Any) -> tuple[dict[str, Any], str]:
    """Say where the simulator is and with which key; that key is worth nothing elsewhere."""
    host_and_port = address.partition("://")[2]
    data = {"event": "serving", "exchange": exchange, "address": host_and_port}
    lines = [f"simulator of {exchange} at {address}; end it with Ctrl-C"]
    if hasattr(dialect, "credentials"):
        key = dialect.credentials()
        data |= {"api_key": key.api_key, "secret": key.secret}
        lines += [f"api key  {key.api_key}", f"secret   {key.secret}"]
        if key.passphrase is not None:
            data |= {"passphrase": key.passphrase}
            lines.append(f"passphrase  {key.passphrase}")
    lines.append(f"in another terminal: venuekit info {exchange} --address {host_and_port}")
    return data, "\n".join(lines)


def added_commands(
    hooks: Hooks, taken: frozenset[str]
) -> list[tuple[CommandSpec, Callable[..., int]]]:
    """Give the commands that packages add, each with a function that imports it when it is run."""
    return [(spec, _runner(spec)) for spec in hooks.commands(taken)]


def _runner(spec: CommandSpec) -> Callable[..., int]:
    def run(*tokens: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
        try:
            function: Callable[[list[str]], object] = pkgutil.resolve_name(spec.function)
            answer = function(list(tokens))
        except Exception as error:
            # The border round a plugin's command: it may fail in any way.
            said = "; ".join(sentences(error))
            raise PluginError(spec.name, said, "report this to its authors") from error
        return answer if isinstance(answer, int) else ExitCode.OK

    return run


def settings_or_defaults(load: Callable[[], Any], default: Any) -> Any:
    """Give the configuration, or `default` where it is wrong: help is printed all the same."""
    try:
        return load()
    except ConfigurationError:
        return default
