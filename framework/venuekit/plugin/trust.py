"""Which distributions may be imported: a list of pins, and a list of versions known to be bad."""

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import attrs
from importlib_metadata import Distribution
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from venuekit.plugin.installed import Installed
from venuekit.plugin.origin import Origin, origin_of


@attrs.frozen(kw_only=True)
class Pin:
    """What one trusted distribution has to be."""

    version: str
    hash: str | None = None
    """`sha256:` and 64 hexadecimal digits, as `venuekit plugins` shows it; None: any files of that
    version, which is all that can be said of an editable one."""


@attrs.frozen(kw_only=True)
class KnownBad:
    """Versions of a distribution that must not be used."""

    distribution: str
    lowest_good: str
    """The first version without the fault."""
    reason: str
    """What is wrong with those before it, in words without an end."""
    link: str


KNOWN_BAD: Final[tuple[KnownBad, ...]] = ()
"""Versions that lose money or tell secrets, as far as they are known to us. None is, so far."""


class Objection(enum.Enum):
    """Why a distribution is not imported."""

    UNTRUSTED = "untrusted"
    KNOWN_BAD = "known-bad"


@attrs.frozen(kw_only=True)
class Refusal:
    """Why one plugin is not imported."""

    objection: Objection
    reason: str
    remedy: str


@attrs.frozen(kw_only=True)
class Trust:
    """Judges installed distributions before anything of theirs is imported."""

    pins: Mapping[str, Pin] | None = None
    """By distribution. None: everything that is installed is trusted; an empty list trusts none."""
    allowed: Collection[str] = ()
    """`distribution==version` that is used although it is known to be bad."""
    known_bad: Sequence[KnownBad] = KNOWN_BAD

    def refusal(self, plugin: Installed) -> Refusal | None:
        """Say why a plugin is not to be imported; None if it may be.

        Reads its files from disk where a pin has a hash.
        """
        bad = self.badness(plugin)
        if bad is not None and not self._is_allowed(plugin):
            named = f"{plugin.distribution}=={plugin.version}"
            return Refusal(
                objection=Objection.KNOWN_BAD,
                reason=f"{plugin.distribution} {plugin.version} is known to be bad: {bad.reason}"
                f" ({bad.link})",
                remedy=f'try "pip install {plugin.distribution}>={bad.lowest_good}"; to use it all'
                f' the same: [plugins] allow = ["{named}"] in venuekit.toml',
            )
        wrong = None if self.pins is None else self._unpinned(plugin, self.pins)
        if wrong is None:
            return None
        text, remedy = wrong
        return Refusal(objection=Objection.UNTRUSTED, reason=text, remedy=remedy)

    def warning(self, plugin: Installed) -> str:
        """Say that a plugin is used although it is known to be bad; empty if it is not so."""
        bad = self.badness(plugin)
        if bad is None or not self._is_allowed(plugin):
            return ""
        return f"known to be bad, and allowed by [plugins] allow: {bad.reason} ({bad.link})"

    def badness(self, plugin: Installed) -> KnownBad | None:
        """Give the entry of the list of bad versions that a plugin stands in."""
        return next((bad for bad in self.known_bad if _is_below(plugin, bad)), None)

    def _is_allowed(self, plugin: Installed) -> bool:
        for each in self.allowed:
            name, _, version = each.partition("==")
            if plugin.is_from(name.strip()) and version.strip() == plugin.version:
                return True
        return False

    def _unpinned(self, plugin: Installed, pins: Mapping[str, Pin]) -> tuple[str, str] | None:
        named = f"{plugin.distribution} {plugin.version}"
        where = "[plugins.trust] in venuekit.toml"
        pin = next((pin for name, pin in pins.items() if plugin.is_from(name)), None)
        if pin is None:
            return f"{named} is not in {where}", f"add {pin_line(plugin)} if you trust it"
        if pin.version != plugin.version:
            text = f"{named} is not the version {pin.version} that {where} trusts"
            return text, f'try "pip install {plugin.distribution}=={pin.version}"'
        if pin.hash is None:
            return None
        origin = where_from(plugin)
        if origin.faults:
            remedy = f'try "pip install --force-reinstall {plugin.distribution}=={pin.version}"'
            if origin.is_editable:
                remedy = "install it as a wheel, or pin its version alone"
            return f"{named} cannot be trusted by hash: {'; '.join(origin.faults)}", remedy
        if origin.hash != pin.hash.lower():
            text = f"the files of {named} have the hash {origin.hash}; {where} trusts {pin.hash}"
            return text, "find out who changed them before you change the list"
        return None


def where_from(plugin: Installed) -> Origin:
    """Give where a plugin's distribution came from."""
    distribution = None if plugin.entry_point is None else plugin.entry_point.dist
    if not isinstance(distribution, Distribution):
        return Origin(faults=("its distribution is not known",))
    return origin_of(distribution)


def pin_line(plugin: Installed, origin: Origin | None = None) -> str:
    """Give the line of `[plugins.trust]` that trusts a plugin as it is installed now."""
    found = where_from(plugin) if origin is None else origin
    name = canonicalize_name(plugin.distribution)
    held = "" if found.faults else f', hash = "{found.hash}"'
    return f'{name} = {{ version = "{plugin.version}"{held} }}'


def _is_below(plugin: Installed, bad: KnownBad) -> bool:
    if not plugin.is_from(bad.distribution):
        return False
    try:
        return Version(plugin.version) < Version(bad.lowest_good)
    except InvalidVersion:
        return True  # a version that cannot be compared is not proved to be good
