"""The fence round other people's code while it is imported: what it breaks, breaks alone."""

import importlib.util
import inspect
import traceback
import types
from pathlib import Path

import attrs

from venuekit.plugin.failures import clean
from venuekit.plugin.installed import Installed


@attrs.frozen
class Broken:
    """Why a plugin cannot be used."""

    reason: str
    remedy: str


def load(plugin: Installed) -> object | Broken:
    """Import one plugin; whatever it does wrong comes back as data.

    `KeyboardInterrupt` and a canceled task still travel on.
    """
    if plugin.entry_point is None:
        return Broken(plugin.fault, _reinstall(plugin))
    try:
        loaded: object = plugin.entry_point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  the border round a plugin
        return broken(plugin, error)
    return loaded


def broken(plugin: Installed, error: BaseException) -> Broken:
    """Tell what went wrong in a plugin: by whom, where in its own files, and what to do."""
    where = _place(plugin, error)
    said = clean(str(error))
    what = type(error).__name__ + (f": {said}" if said else "")
    reason = f"{named(plugin)} failed{f' at {where}' if where else ''}: {what}"
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    own = plugin.value.partition(":")[0].partition(".")[0]
    if missing is not None and missing.partition(".")[0] != own:
        return Broken(reason, f"it needs {missing}, which is not installed: {_reinstall(plugin)}")
    return Broken(reason, f"{_upgrade(plugin)}, or report this to its authors")


def named(plugin: Installed) -> str:
    """Name a plugin for a sentence: distribution, version, entry point."""
    return f"{plugin.distribution} {plugin.version} (entry point {plugin.name} = {plugin.value})"


def unmarked(module: object) -> list[str]:
    """List functions that are called like hooks but lack `@hookimpl`, so that nobody calls them."""
    return [
        name
        for name, value in inspect.getmembers_static(module)
        if name.startswith("venuekit_")
        and isinstance(value, types.FunctionType)
        and not hasattr(value, "venuekit_impl")
    ]


def _upgrade(plugin: Installed) -> str:
    return f'try "pip install --upgrade {plugin.distribution}"'


def _reinstall(plugin: Installed) -> str:
    return f'try "pip install --force-reinstall {plugin.distribution}"'


def _place(plugin: Installed, error: BaseException) -> str:
    """Give file and line of the last frame inside the plugin's own files."""
    roots = _roots(plugin)
    frames = [
        (frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename is not None:
        frames.append((error.filename, error.lineno or 0))
    own = [
        f"{Path(file).name}:{line}"
        for file, line in frames
        if any(Path(file).is_relative_to(root) for root in roots)
    ]
    return own[-1] if own else ""


def _roots(plugin: Installed) -> list[Path]:
    package = plugin.value.partition(":")[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(package)  # a top-level name: finds, imports nothing
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin else []
