"""Packages in the group `venuekit.plugins`: loaded behind a fence, bound when an exchange opens.

`Hooks` holds what was loaded; `Hooks.bind()` gives plain tuples of callables. Where nobody
implements a hook the tuple is empty, and the hot path pays for a test of a tuple, nothing more.

An observer that raises is logged and hurts nobody else. A veto that raises refuses the order: who
asked for a guard does not want to trade without it.
"""

import inspect
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import pluggy

from venuekit.model import ConfigurationError, Instrument, Order, OrderRequest, PluginError
from venuekit.plugin import hookspecs
from venuekit.plugin.discovery import PluginEntry, PluginStatus, misplaced
from venuekit.plugin.failures import clean
from venuekit.plugin.fence import Broken, broken, load, named
from venuekit.plugin.hookspecs import CommandSpec, LimitEvent, RequestSeen
from venuekit.plugin.installed import (
    EXTENSIONS,
    FindDistributions,
    Installed,
    core_version,
    installed,
    on_import_path,
)
from venuekit.plugin.policies import RetryPolicy
from venuekit.plugin.trust import Trust

_log: Final = logging.getLogger("venuekit.plugin")

Veto = Callable[[str, str, OrderRequest, Instrument], str | None]
"""Given exchange, account, request and instrument: the reason of a refusal, or None."""


@attrs.frozen(kw_only=True)
class HookBindings:
    """What is called while an exchange is open. Every member may be called at any time; only a
    veto has an answer, and none raises an `Exception`.
    """

    vetoes: tuple[Veto, ...] = ()
    request_seen: tuple[Callable[[RequestSeen], None], ...] = ()
    order_changed: tuple[Callable[[str, str, Order], None], ...] = ()
    """Given exchange, account and order."""
    stream_event: tuple[Callable[[str, str, Any], None], ...] = ()
    """Given exchange, account and event."""
    limit_event: tuple[Callable[[str, str, LimitEvent], None], ...] = ()
    """Given exchange, account and event."""

    def refusals(
        self, exchange: str, account: str, request: OrderRequest, instrument: Instrument
    ) -> list[str]:
        """Ask every veto; empty when the order may be placed."""
        answers = (veto(exchange, account, request, instrument) for veto in self.vetoes)
        return [reason for reason in answers if reason is not None]


@attrs.frozen(kw_only=True)
class _Extension:
    plugin: Installed
    hooks: pluggy.PluginManager

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self.hooks.hook, hook)
        return caller.get_hookimpls()

    def bound(self, hook: str) -> list[Callable[..., Any]]:
        names = tuple(inspect.signature(getattr(hookspecs, hook)).parameters)
        return [_accepting(impl, names) for impl in self.implementations(hook)]


def _accepting(impl: pluggy.HookImpl, names: tuple[str, ...]) -> Callable[..., Any]:
    """Give a callable of all the hook's arguments for one that asked for only some."""
    function: Callable[..., Any] = impl.function
    if impl.argnames == names:
        return function
    chosen = tuple(names.index(name) for name in impl.argnames)
    return lambda *values: function(*(values[i] for i in chosen))


class Hooks:
    """The extensions of this machine.

    They are imported when the object is made: an extension that watches orders has to be there
    before the first one. Each has a pluggy manager to itself, so that none can break another.
    """

    def __init__(
        self,
        *,
        blocked: Collection[str] = (),
        required: Collection[str] = (),
        modules: Mapping[str, object] | None = None,
        find: FindDistributions = on_import_path,
        core: str | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        trust: Trust = Trust(),  # noqa: B008  # frozen, shared by all
        strict: bool = False,
        tolerant: bool = False,
    ) -> None:
        """Load all extensions.

        Args:
            blocked: Entry-point names and distributions that are not loaded.
            required: Entry-point names and distributions without which nothing may run.
            modules: Extensions that the application brings itself, by name.
            find: Gives the installed distributions.
            core: Version of venuekit that they are compared with; None: the installed one.
            settings: Of extensions, by entry-point name. One that has settings is required too,
                unless it is blocked: who limits orders does not want to trade without the limit.
            trust: Which distributions may be imported.
            strict: Every installed extension is required that no setting blocks.
            tolerant: Nothing is required: `entries` tells what cannot be used. To look, not to
                trade.

        Raises:
            PluginError: A required extension is missing, blocked or broken.
        """
        self._settings = dict(settings or {})
        self._trust = trust
        self._blocked = frozenset(blocked)
        self._core = core
        self._loaded: list[_Extension] = []
        self.entries: list[PluginEntry] = []
        """Every extension with its status and reason."""
        self.faults: list[str] = []
        """What extensions offered and could not be taken, in sentences."""
        for name, module in (modules or {}).items():
            plugin = Installed(name=name, value=name, distribution=name, version="")
            self._take(plugin, self._made(plugin, module))
        for plugin in installed(EXTENSIONS, find):
            self._take(plugin, self._load(plugin))
        if not tolerant:
            self._require(required)
            self._require(self._needed(strict=strict))

    def bind(self) -> HookBindings:
        """Bind the callables of all extensions, in the order in which they were found."""
        return HookBindings(
            vetoes=tuple(_veto(*pair) for pair in self._bound("venuekit_veto_order")),
            request_seen=self._observers("venuekit_request_seen"),
            order_changed=self._observers("venuekit_order_changed"),
            stream_event=self._observers("venuekit_stream_event"),
            limit_event=self._observers("venuekit_limit_event"),
        )

    def retry_policy(self, exchange: str, kind: str, policy: RetryPolicy) -> RetryPolicy:
        """Give the policy for one kind of request, after all extensions had their say in turn.

        One that fails, or gives numbers that cannot be, is passed over; `faults` tells.
        """
        for plugin, function in self._bound("venuekit_retry_policy"):
            try:
                answer: object = function(exchange, kind, policy)
            except Exception as error:  # noqa: BLE001  the border round a plugin
                self.faults.append(f"{plugin.distribution}: {broken(plugin, error).reason}")
                continue
            if answer is None:
                continue
            if not isinstance(answer, RetryPolicy):
                wrong = [f"gave a {type(answer).__name__}, not a RetryPolicy"]
            else:
                wrong = answer.faults()
            if wrong:
                text = f"venuekit_retry_policy for {kind}: {'; '.join(wrong)}"
                self.faults.append(f"{plugin.distribution}: {text}")
            elif isinstance(answer, RetryPolicy):
                policy = answer
        return policy

    def store_schemes(self, taken: Collection[str] = ()) -> dict[str, Callable[[str], Any]]:
        """Give the stores that extensions offer: by URL scheme, a function of the URL.

        Args:
            taken: Schemes of the core, which nobody may replace.
        """
        return self._offers("venuekit_store_schemes", "store scheme", taken)

    def credential_sources(self, taken: Collection[str] = ()) -> dict[str, Callable[[str], str]]:
        """Give the credential sources that extensions offer, by what stands before the colon.

        Args:
            taken: Sources of the core, which nobody may replace.
        """
        return self._offers("venuekit_credential_sources", "credential source", taken)

    def commands(self, taken: Collection[str] = ()) -> list[CommandSpec]:
        """Give the commands that extensions add, by name; nothing of theirs is imported for it.

        Args:
            taken: Commands of the core, which nobody may replace.
        """
        found: dict[str, tuple[str, CommandSpec]] = {}
        for extension, answer in self._answers("venuekit_commands"):
            for spec in answer if isinstance(answer, Sequence) else [answer]:
                if not isinstance(spec, CommandSpec):
                    self._fault(extension, f"offered a {type(spec).__name__} as a command")
                elif spec.name in taken or spec.name in found:
                    owner = found[spec.name][0] if spec.name in found else "venuekit"
                    self._fault(extension, f"its command {spec.name!r} is taken by {owner}")
                else:
                    found[spec.name] = (extension.plugin.distribution, spec)
        return [spec for _, (_, spec) in sorted(found.items())]

    # Loading

    def _load(self, plugin: Installed) -> _Extension | PluginEntry | Broken:
        if plugin.name in self._blocked or any(map(plugin.is_from, self._blocked)):
            return _entry(plugin, PluginStatus.BLOCKED, "blocked by a setting", "")
        if self._core is None:
            self._core = core_version()
        unfit = plugin.incompatibility(self._core)
        if unfit is not None:
            remedy = f'try "pip install --upgrade {plugin.distribution} venuekit"'
            return _entry(plugin, PluginStatus.INCOMPATIBLE, unfit, remedy)
        refusal = self._trust.refusal(plugin)
        if refusal is not None:
            status = PluginStatus(refusal.objection.value)
            return _entry(plugin, status, refusal.reason, refusal.remedy)
        module = load(plugin)
        return module if isinstance(module, Broken) else self._made(plugin, module)

    def _made(self, plugin: Installed, module: object) -> "_Extension | Broken":
        """Register an extension, and the object that it makes of its settings."""
        found = _registered(plugin, module)
        if isinstance(found, Broken):
            return found
        makers = found.bound("venuekit_extension")
        settings = self._settings.get(plugin.name, {})
        if not makers:
            if settings:
                reason = f"{named(plugin)} takes no settings"
                return Broken(reason, f"take [plugins.settings.{plugin.name}] out of venuekit.toml")
            return found
        try:
            made = makers[0](settings)
        except ConfigurationError as error:
            reason = f"[plugins.settings.{plugin.name}]: {clean('; '.join(error.faults))}"
            return Broken(reason, "correct it in venuekit.toml")
        except (Exception, SystemExit) as error:  # noqa: BLE001  the border round a plugin
            return broken(plugin, error)
        return _registered(plugin, module, made)

    def _needed(self, *, strict: bool) -> list[str]:
        """Give the names of extensions that have to work: those with settings, or all."""
        blocked = {e.id for e in self.entries if e.status is PluginStatus.BLOCKED}
        wanted = [*self._settings, *(e.id for e in self.entries if strict)]
        return [name for name in dict.fromkeys(wanted) if name not in blocked]

    def _take(self, plugin: Installed, result: "_Extension | PluginEntry | Broken") -> None:
        if isinstance(result, _Extension):
            self._loaded.append(result)
            warning = self._trust.warning(plugin)
            self.entries.append(_entry(plugin, PluginStatus.READY, "", "", warning))
            if warning:
                _log.warning("%s %s: %s", plugin.distribution, plugin.version, warning)
        elif isinstance(result, PluginEntry):
            self.entries.append(result)
            if result.status is not PluginStatus.BLOCKED:
                _log.warning("extension not loaded: %s; %s", result.reason, result.remedy)
        else:
            entry = _entry(plugin, PluginStatus.FAILED, result.reason, result.remedy)
            self.entries.append(entry)
            _log.warning("extension not loaded: %s; %s", result.reason, result.remedy)

    def _require(self, required: Iterable[str]) -> None:
        for wanted in required:
            of_that_name = [e for e in self.entries if wanted in {e.id, e.distribution}]
            if not of_that_name:
                reason = f"required by {self._by(wanted)}, and not installed"
                raise PluginError(wanted, reason, f"try pip install {wanted}")
            for entry in of_that_name:
                if entry.status is not PluginStatus.READY:
                    reason = f"required by {self._by(wanted)}, and {entry.status.value}"
                    raise PluginError(wanted, f"{reason}: {entry.reason}", entry.remedy or "fix it")

    def _by(self, wanted: str) -> str:
        if wanted in self._settings:
            return f"[plugins.settings.{wanted}]"
        return "[plugins] required, or by strict mode"

    # Binding

    def _bound(self, hook: str) -> list[tuple[Installed, Callable[..., Any]]]:
        return [
            (extension.plugin, function)
            for extension in self._loaded
            for function in extension.bound(hook)
        ]

    def _observers(self, hook: str) -> tuple[Callable[..., None], ...]:
        return tuple(_Observer(plugin, hook, function) for plugin, function in self._bound(hook))

    def _answers(self, hook: str) -> list[tuple[_Extension, Any]]:
        answers: list[tuple[_Extension, Any]] = []
        for extension in self._loaded:
            for function in extension.bound(hook):
                try:
                    answers.append((extension, function()))
                except Exception as error:  # noqa: BLE001  the border round a plugin
                    self._fault(extension, f"{hook}: {broken(extension.plugin, error).reason}")
        return answers

    def _offers(
        self, hook: str, what: str, taken: Collection[str]
    ) -> dict[str, Callable[[str], Any]]:
        found: dict[str, Callable[[str], Any]] = {}
        owners: dict[str, list[str]] = {}
        for extension, answer in self._answers(hook):
            if not isinstance(answer, Mapping):
                self._fault(extension, f"{hook} gave a {type(answer).__name__}, not a mapping")
                continue
            for scheme, function in answer.items():
                if scheme in taken:
                    self._fault(extension, f"the {what} {scheme!r} is taken by venuekit")
                    continue
                owners.setdefault(scheme, []).append(extension.plugin.distribution)
                found[scheme] = function
        for scheme, names in owners.items():
            if len(names) > 1:
                self.faults.append(f"{' and '.join(names)} both offer the {what} {scheme!r}")
                found[scheme] = _undecided(what, scheme, names)
        return found

    def _fault(self, extension: _Extension, text: str) -> None:
        self.faults.append(f"{extension.plugin.distribution}: {text}")


class _Observer:
    """One observer behind its fence. A storm of failures is logged at 1, 2, 4, 8, …"""

    __slots__ = ("_failures", "_function", "_hook", "_plugin")

    def __init__(self, plugin: Installed, hook: str, function: Callable[..., Any]) -> None:
        self._plugin = plugin
        self._hook = hook
        self._function = function
        self._failures = 0

    def __call__(self, *values: Any) -> None:
        try:
            self._function(*values)
        except Exception as error:  # noqa: BLE001  the border round an observer's hook
            self._failures += 1
            if self._failures.bit_count() == 1:
                reason = broken(self._plugin, error).reason
                _log.warning("%s, failure %d: %s", self._hook, self._failures, reason)


def _veto(plugin: Installed, function: Callable[..., Any]) -> Veto:
    def veto(
        exchange: str, account: str, request: OrderRequest, instrument: Instrument
    ) -> str | None:
        try:
            answer: object = function(exchange, account, request, instrument)
        except Exception as error:  # noqa: BLE001  the border round a plugin: it refuses
            return f"{plugin.distribution} could not judge the order: {_last_line(plugin, error)}"
        if answer is None:
            return None
        if isinstance(answer, str) and answer:
            return f"{plugin.distribution}: {clean(answer)}"
        kind = type(answer).__name__
        return f"{plugin.distribution} gave {kind} for a veto; it has to be a sentence or None"

    return veto


def _last_line(plugin: Installed, error: Exception) -> str:
    return broken(plugin, error).reason.rpartition(" failed")[2].strip(" :")


def _undecided(what: str, scheme: str, names: Sequence[str]) -> Callable[[str], Any]:
    def refuse(_: str) -> Any:
        reason = f"{' and '.join(names)} both offer the {what}"
        raise PluginError(scheme, reason, "set one aside with [plugins] blocked in venuekit.toml")

    return refuse


def _entry(
    plugin: Installed, status: PluginStatus, reason: str, remedy: str, warning: str = ""
) -> PluginEntry:
    return PluginEntry(
        id=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        requires=plugin.requires,
        status=status,
        reason=reason,
        remedy=remedy,
        warning=warning,
        installed=plugin,
    )


def _registered(plugin: Installed, *parts: object) -> _Extension | Broken:
    """Register a module and, where it made one, the object with its other hooks."""
    hooks = pluggy.PluginManager("venuekit")
    hooks.add_hookspecs(hookspecs)
    wrong = []
    try:
        for number, part in enumerate(parts):
            hooks.register(part, name=f"{plugin.distribution} {number}")
            wrong += misplaced(hooks, part, lambda name: name != "venuekit_exchange")
            wrong += _unusable(hooks, part)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the border round a plugin
        return broken(plugin, error)
    if wrong:
        return Broken(f"{named(plugin)}: {'; '.join(wrong)}", "report this to its authors")
    return _Extension(plugin=plugin, hooks=hooks)


def _unusable(hooks: pluggy.PluginManager, module: object) -> list[str]:
    found: list[str] = []
    for caller in hooks.get_hookcallers(module) or ():
        for impl in caller.get_hookimpls():
            if impl.hookwrapper or impl.wrapper:
                found.append(f"{caller.name} is a wrapper; hooks are called one by one")
            if inspect.iscoroutinefunction(impl.function):
                found.append(f"{caller.name} is an async function; hooks must not wait")
    return found
