"""Environment variables over the file: `VENUEKIT_STORE_URL`, `VENUEKIT_<ID>_ENVIRONMENT`, …"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from venuekit.configuration.structure import Fault

CONFIG: Final = "VENUEKIT_CONFIG"
"""Names the file."""
FIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "VENUEKIT_EXCHANGE": ("exchange",),
    "VENUEKIT_PLUGINS": ("plugins", "mode"),
    "VENUEKIT_STORE_URL": ("store", "url"),
    "VENUEKIT_STORE_DURABILITY": ("store", "durability"),
}
PER_EXCHANGE: Final[Mapping[str, str]] = {
    "ENVIRONMENT": "environment",
    "ADDRESS": "address",
    "ACCOUNT": "account",
}


@attrs.frozen
class Override:
    """One setting that a variable makes."""

    variable: str
    path: tuple[str, ...]
    value: str


def overrides(
    variables: Mapping[str, str], data: Mapping[str, Any]
) -> tuple[list[Override], list[Fault]]:
    """Read the settings that variables make, and report those that were probably misspelt.

    A variable that is far from any setting is somebody else's: many keep their keys in one that
    begins with `VENUEKIT_` and refer to it as `env:…`.
    """
    found: list[Override] = []
    faults: list[Fault] = []
    exchanges = data.get("exchanges")
    ids = list(exchanges) if isinstance(exchanges, Mapping) else []
    referred = set(_referred(data))
    for name in sorted(variables):
        if not name.startswith("VENUEKIT_") or name == CONFIG or name in referred:
            continue
        path = _path(name, ids)
        if path is not None:
            if variables[name]:  # empty means: not set, as in compose files and CI
                found.append(Override(name, path, variables[name]))
            continue
        meant = _meant(name)
        if meant is not None:
            faults.append(Fault((name,), f"unknown variable; did you mean {meant}?"))
    return found, faults


def applied(data: Mapping[str, Any], found: list[Override]) -> dict[str, Any]:
    """Give a copy of parsed TOML with the overrides in their places.

    An address in the file belongs to its simulator: a variable that chooses another environment
    leaves it aside, as the argument of `open` does.
    """
    result = dict(data)
    paths = [override.path for override in found]
    for override in found:
        table = result
        for key in override.path[:-1]:
            inner = table.get(key, {})
            if not isinstance(inner, Mapping):
                break  # the file is wrong here, which its own fault says
            table[key] = dict(inner)
            table = table[key]
        else:
            table[override.path[-1]] = override.value
            is_elsewhere = override.path[-1] == "environment" and override.value != "sim"
            if is_elsewhere and (*override.path[:-1], "address") not in paths:
                table.pop("address", None)
    return result


def _path(name: str, ids: list[str]) -> tuple[str, ...] | None:
    if name in FIXED:
        return FIXED[name]
    stem, _, last = name.removeprefix("VENUEKIT_").rpartition("_")
    if not stem or last not in PER_EXCHANGE:
        return None
    return ("exchanges", _id(stem, ids), PER_EXCHANGE[last])


def _id(stem: str, ids: list[str]) -> str:
    """Find the id that is written like `stem` as a variable; a new one is in lower case."""
    return next((i for i in ids if i.upper().replace("-", "_") == stem), stem.lower())


def _meant(name: str) -> str | None:
    near = difflib.get_close_matches(name, [CONFIG, *FIXED], n=1, cutoff=0.88)
    if near:
        return near[0]
    stem, _, last = name.rpartition("_")
    close = difflib.get_close_matches(last, list(PER_EXCHANGE), n=1, cutoff=0.8)
    return f"{stem}_{close[0]}" if close and stem != "VENUEKIT" else None


def _referred(value: object) -> Iterator[str]:
    """Give the variables that references in the file name."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _referred(inner)
    elif isinstance(value, str) and value.startswith("env:"):
        yield value.removeprefix("env:")
