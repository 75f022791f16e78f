"""Finding exchange plugins by their entry points: listed from metadata, imported one by one.

Listing imports nothing. Opening an exchange imports its plugin alone, behind a fence: a plugin
that is broken, too old, or claimed twice is listed with its reason, and everything else works.
"""

import difflib
import enum
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import attrs
import pluggy

from venuekit.model import PluginError
from venuekit.plugin import hookspecs
from venuekit.plugin.fence import Broken, broken, load, named, unmarked
from venuekit.plugin.installed import (
    EXCHANGES,
    FindDistributions,
    Installed,
    core_version,
    installed,
    on_import_path,
)
from venuekit.plugin.interface import Interface
from venuekit.plugin.manifest import Manifest
from venuekit.plugin.trust import Trust

_log: Final = logging.getLogger("venuekit.plugin")


class PluginStatus(enum.Enum):
    """Whether a plugin can be opened."""

    READY = "ready"
    INCOMPATIBLE = "incompatible"
    """Written for another version of venuekit."""
    DUPLICATE = "duplicate"
    """Two distributions claim its id and no setting decides."""
    BLOCKED = "blocked"
    """Set aside by a setting."""
    UNTRUSTED = "untrusted"
    """Not what the trust list says, or not in it; not imported."""
    KNOWN_BAD = "known-bad"
    """A version that must not be used; not imported."""
    FAILED = "failed"
    """Its metadata cannot be read, or it was opened and broke."""


@attrs.frozen(kw_only=True)
class PluginEntry:
    """One plugin as metadata describes it."""

    id: str
    distribution: str
    """Empty for a manifest that the application handed in."""
    version: str
    requires: str
    """Versions of venuekit that it asks for: `>=0.1,<0.2`; empty when it does not say."""
    status: PluginStatus
    reason: str = ""
    """Why it is not ready, in a sentence without its end."""
    remedy: str = ""
    warning: str = ""
    """What its user should know although it is ready; of its interface, only once it is opened."""
    installed: Installed | None = attrs.field(default=None, eq=False, repr=False)
    """Its entry point; None for what the application brought itself."""


class Plugins:
    """The exchange plugins of this machine.

    One object holds what was found and opened; there is no other state. Metadata is read when it
    is first asked for and kept; `PluginError` is the only error.
    """

    def __init__(
        self,
        *,
        prefer: Mapping[str, str] | None = None,
        blocked: Collection[str] = (),
        manifests: Iterable[Manifest] = (),
        find: FindDistributions = on_import_path,
        core: str | None = None,
        trust: Trust = Trust(),  # noqa: B008  # frozen, shared by all
        interface: Interface = Interface(),  # noqa: B008  # frozen, shared by all
        strict: bool = False,
    ) -> None:
        """Choose what counts.

        Args:
            prefer: For an id, the distribution that may serve it (`[plugins] prefer`).
            blocked: Ids and distributions that are set aside (`[plugins] blocked`).
            manifests: Exchanges that the application brings itself, without a distribution; they
                come before installed ones.
            find: Gives the installed distributions.
            core: Version of venuekit that plugins are compared with; None: the installed one.
            trust: Which distributions may be imported (`[plugins.trust]`, `[plugins] allow`).
            interface: The plugin interface that this core speaks.
            strict: Nothing is opened while any installed plugin cannot be used, unless a setting
                blocks it (`VENUEKIT_PLUGINS=strict`).
        """
        self._trust = trust
        self._interface = interface
        self._strict = strict
        self._prefer = dict(prefer or {})
        self._blocked = frozenset(blocked)
        self._given = {manifest.id: manifest for manifest in manifests}
        self._find = find
        self._core = core
        self._claims: dict[str, list[Installed]] | None = None
        self._opened: dict[str, Manifest] = {}
        self._opened_from: dict[str, str] = {}
        self._failed: dict[str, Broken] = {}

    def list_plugins(self) -> list[PluginEntry]:
        """List every plugin with its status, by id. Imports nothing."""
        entries = [
            PluginEntry(id=id_, distribution="", version="", requires="", status=PluginStatus.READY)
            for id_ in self._given
        ]
        for id_, claims in self._found().items():
            entries.extend(self._entry(id_, claim, claims) for claim in claims)
        return sorted(entries, key=lambda entry: (entry.id, entry.distribution))

    def open_plugin(self, id_: str) -> Manifest:
        """Import the plugin of one exchange and give its manifest, checked.

        The manifest is kept; a plugin that failed is tried again when it is asked for again.

        Raises:
            PluginError: None, or more than one, claims the id; or the one that does cannot be
                used. Says which distribution, why, and what to do.
        """
        if id_ in self._given:
            return self._checked(self._given[id_])
        if id_ not in self._opened:
            claim = self._chosen(id_)
            result = _manifest(claim)
            if isinstance(result, Broken):
                self._failed[id_] = result
                raise PluginError(id_, result.reason, result.remedy)
            self._failed.pop(id_, None)
            self._opened[id_] = result
            self._opened_from[id_] = claim.distribution
            self._tell(id_, claim, result)
        if self._strict:
            self._all_usable()
        return self._opened[id_]

    def _tell(self, id_: str, claim: Installed, manifest: Manifest) -> None:
        if self._interface.needs_work(manifest.interface):
            warning = self._interface.warning(manifest.interface)
            if self._strict:
                del self._opened[id_]
                remedy = f'try "pip install --upgrade {claim.distribution}"'
                raise PluginError(id_, f"strict: {claim.distribution}: {warning}", remedy)
            _log.warning("%s: %s", claim.distribution, warning)

    def _all_usable(self) -> None:
        for entry in self.list_plugins():
            if entry.status not in {PluginStatus.READY, PluginStatus.BLOCKED}:
                reason = f"strict: {entry.id} is {entry.status.value}: {entry.reason}"
                raise PluginError(entry.id, reason, entry.remedy)

    def _checked(self, manifest: Manifest) -> Manifest:
        faults = manifest.faults()
        if faults:
            raise PluginError(
                manifest.id, f"its manifest is wrong: {'; '.join(faults)}", "correct it"
            )
        return manifest

    def _found(self) -> dict[str, list[Installed]]:
        if self._claims is None:
            self._claims = {}
            for plugin in installed(EXCHANGES, self._find):
                self._claims.setdefault(plugin.name, []).append(plugin)
        return self._claims

    def _version(self) -> str:
        if self._core is None:
            self._core = core_version()
        return self._core

    def _chosen(self, id_: str) -> Installed:
        claims = self._found().get(id_, [])
        if not claims:
            raise PluginError(id_, *self._unknown(id_))
        entries = [(claim, self._entry(id_, claim, claims)) for claim in claims]
        # One that failed before may have been repaired since: it is tried again.
        ready = [
            claim
            for claim, entry in entries
            if entry.status is PluginStatus.READY
            or (entry.status is PluginStatus.FAILED and not claim.fault)
        ]
        if ready:
            return ready[0]
        _, entry = next(
            (pair for pair in entries if pair[1].status is not PluginStatus.BLOCKED), entries[0]
        )
        raise PluginError(id_, entry.reason, entry.remedy)

    def _unknown(self, id_: str) -> tuple[str, str]:
        known = sorted({*self._given, *self._found()})
        reason = "no plugin for it is installed"
        if known:
            reason += f" (installed: {', '.join(known)})"
        near = difflib.get_close_matches(id_, known, n=1)
        hints = [f'did you mean "{near[0]}"?'] if near else []
        if re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", id_):
            hints.append(f"{'or ' if near else ''}pip install venuekit-{id_}")
        return reason, " ".join(hints) or "an id has lower-case letters, digits, - and _"

    def _entry(self, id_: str, claim: Installed, claims: list[Installed]) -> PluginEntry:
        status, reason, remedy = self._judge(id_, claim, claims)
        return PluginEntry(
            id=id_,
            distribution=claim.distribution,
            version=claim.version,
            requires=claim.requires,
            status=status,
            reason=reason,
            remedy=remedy,
            warning="; ".join(filter(None, [self._trust.warning(claim), self._aged(id_, claim)])),
            installed=claim,
        )

    def _aged(self, id_: str, claim: Installed) -> str:
        manifest = self._opened.get(id_)
        if manifest is None or self._opened_from.get(id_) != claim.distribution:
            return ""
        return self._interface.warning(manifest.interface)

    def _judge(
        self, id_: str, claim: Installed, claims: list[Installed]
    ) -> tuple[PluginStatus, str, str]:
        if self._is_blocked(claim):
            remedy = "take it out of [plugins] blocked in venuekit.toml to use it"
            return PluginStatus.BLOCKED, f"{claim.distribution} is blocked by a setting", remedy
        wanted = self._prefer.get(id_)
        if wanted is not None and not claim.is_from(wanted):
            remedy = f"install {wanted}, or change [plugins] prefer in venuekit.toml"
            text = f"[plugins] prefer wants it from {wanted}, not from {claim.distribution}"
            return PluginStatus.BLOCKED, text, remedy
        refusal = self._trust.refusal(claim)
        if refusal is not None:
            return PluginStatus(refusal.objection.value), refusal.reason, refusal.remedy
        rivals = [c for c in claims if not self._is_blocked(c)]
        if wanted is None and len(rivals) > 1:
            return PluginStatus.DUPLICATE, *_rivalry(id_, rivals)
        if claim.fault:
            remedy = f'try "pip install --force-reinstall {claim.distribution}"'
            return PluginStatus.FAILED, f"{claim.distribution}: {claim.fault}", remedy
        unfit = claim.incompatibility(self._version())
        if unfit is not None:
            remedy = f'try "pip install --upgrade {claim.distribution} venuekit"'
            text = f"{claim.distribution} {claim.version} is {unfit}"
            return PluginStatus.INCOMPATIBLE, text, remedy
        failure = self._failed.get(id_)
        if failure is not None:
            return PluginStatus.FAILED, failure.reason, failure.remedy
        return PluginStatus.READY, "", ""

    def _is_blocked(self, claim: Installed) -> bool:
        return claim.name in self._blocked or any(map(claim.is_from, self._blocked))


def _rivalry(id_: str, rivals: list[Installed]) -> tuple[str, str]:
    names = sorted({rival.distribution for rival in rivals})
    if len(names) == 1:
        return f"{names[0]} claims the id twice", "report this to its authors"
    reason = f"{' and '.join(names)} both claim the id"
    setting = f'[plugins] prefer = {{{id_} = "{names[0]}"}}'
    return reason, f"choose one in venuekit.toml, such as {setting}, or uninstall the other"


def _manifest(claim: Installed) -> Manifest | Broken:
    """Import a plugin and ask its hook for the manifest; everything that is wrong at once."""
    module = load(claim)
    if isinstance(module, Broken):
        return module
    try:
        return _handed_over(claim, module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the border round a plugin
        return broken(claim, error)


def _handed_over(claim: Installed, module: object) -> Manifest | Broken:
    hooks = pluggy.PluginManager("venuekit")
    hooks.add_hookspecs(hookspecs)
    hooks.register(module, name=claim.distribution)
    wrong = misplaced(hooks, module, lambda name: name == "venuekit_exchange")
    if wrong:
        return Broken(f"{named(claim)}: {'; '.join(wrong)}", "report this to its authors")
    if not hooks.hook.venuekit_exchange.get_hookimpls():
        reason = f"{named(claim)} does not implement the hook venuekit_exchange"
        return Broken(reason, "report this to its authors")
    manifest: object = hooks.hook.venuekit_exchange()
    if not isinstance(manifest, Manifest):
        kind = type(manifest).__name__
        reason = f"{named(claim)}: venuekit_exchange gave a {kind}, not a Manifest"
        return Broken(reason, "report this to its authors")
    faults = manifest.faults()
    if manifest.id != claim.name:
        faults.insert(0, f"$.id: {manifest.id!r}; the entry point says {claim.name!r}")
    if faults:
        reason = f"{named(claim)}: its manifest is wrong: {'; '.join(faults)}"
        return Broken(reason, f'try "pip install --upgrade {claim.distribution}"')
    return manifest


def misplaced(
    hooks: pluggy.PluginManager, module: object, may_have: Callable[[str], bool]
) -> list[str]:
    """List hooks that nobody would ever call: misspelt, unmarked, or in the wrong group.

    pluggy's own `check_pending` stops at the first; here all are gathered, each with the name
    that was probably meant.
    """
    specs = [name for name in vars(hookspecs) if name.startswith("venuekit_")]
    found = [f"{name} lacks @hookimpl" for name in unmarked(module)]
    for caller in hooks.get_hookcallers(module) or ():
        if not caller.has_spec():
            optional = all(impl.optionalhook for impl in caller.get_hookimpls())
            near = difflib.get_close_matches(caller.name, specs, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            if not optional:
                found.append(f"there is no hook {caller.name}{hint}")
        elif not may_have(caller.name):
            group = EXCHANGES if caller.name == "venuekit_exchange" else "venuekit.plugins"
            found.append(f"{caller.name} belongs into the entry-point group {group}")
    return found
