"""The purity guard: sees every call out of an adapter that is not arithmetic on its arguments.

It watches instead of patching: names that a plugin imported before, aliases and attributes make no
difference. What it sees is noted, so that a plugin cannot hide it in an `except`; sockets, files,
threads and processes are refused as well, before anything happens.
"""

import gc
import os
import random
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_CLOCK: Final = frozenset({"now", "utcnow", "today"})
_MODULES: Final = {
    "time": "the clock",
    "posix": "the system",
    "nt": "the system",
    "_socket": "a socket",
    "select": "a socket",
    "_ssl": "a socket",
    "_asyncio": "the event loop",
    "_posixsubprocess": "a process",
    "_random": "chance",
    "_uuid": "chance",
    "_io": "a file",
}
_HARMLESS: Final = frozenset(
    {"time.strftime", "time.gmtime", "time.strptime", "posix.fspath", "nt.fspath"}
)
_BUILTINS: Final = frozenset({"open", "print", "input", "breakpoint"})
_REFUSED: Final = ("socket.", "subprocess.", "os.", "_thread.start", "shutil.", "sqlite3.")
_FRAMEWORK: Final = ("venuekit.auth", "venuekit.testing.conformance", "importlib", "cryptography")
"""Whose own calls are not the plugin's: keys sign with what they need."""
_IMPORT_SYSTEM: Final = "<frozen importlib"


class Impure(PermissionError):
    """Raised inside a plugin that reaches out; it has been noted before."""


class Guard:
    """Notes what reaches out while it is up."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.seen: dict[str, str] = {}
        """What was touched, and from where: `the clock (time.time_ns)` by `adapter.py:12 place`."""

    @contextmanager
    def up(self) -> Iterator[None]:
        """Watch the thread until the block ends, without collecting garbage: finalizers and the
        callbacks of other libraries would run inside whatever call it is, and be taken for it.
        """
        _install()
        before, outer, collects = sys.getprofile(), _ACTIVE[0], gc.isenabled()
        _ACTIVE[0] = self
        gc.disable()
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)
            if collects:
                gc.enable()
            _ACTIVE[0] = outer

    def note(self, what: str, frame: types.FrameType | None) -> None:
        """Note that something was touched, by which line of whose code."""
        while frame is not None and _is_library(frame):
            frame = frame.f_back
        where = "?"
        if frame is not None:
            code = frame.f_code
            where = f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_name}"  # noqa: PTH119  # a name, no file
        self.seen.setdefault(what, where)

    def _profile(self, frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            what = _touched(argument)
        elif event == "call":
            what = _CODES.get(frame.f_code)
        else:
            return
        if what is not None and not _is_ours(frame):
            self.note(what, frame)


def _touched(function: Any) -> str | None:
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None)
    if module is None and owner is not None:
        kind = owner if isinstance(owner, type) else type(owner)
        module = kind.__module__
        if module == "datetime" and name in _CLOCK:
            return f"the clock (datetime.{name})"
        if issubclass(kind, random.Random):
            return f"chance (random.{name})"
    if isinstance(owner, type) and owner.__module__ == "datetime" and name in _CLOCK:
        return f"the clock (datetime.{name})"
    full = f"{module}.{name}"
    if full == "_thread.start_new_thread":
        return f"a thread ({full})"
    if module == "builtins":
        return f"a file ({name})" if name in _BUILTINS else None
    if module in _MODULES and full not in _HARMLESS:
        what = "chance" if name == "urandom" else _MODULES[module]
        if module == "_io" and name != "open":
            return None
        return f"{what} ({full})"
    return None


def _codes() -> dict[types.CodeType, str]:
    environ: Any = type(os.environ)
    found = {
        environ.__getitem__.__code__: "the environment (os.environ)",
        environ.__iter__.__code__: "the environment (os.environ)",
        os.getenv.__code__: "the environment (os.getenv)",
    }
    for name in ("randint", "choice", "uniform", "randbytes", "shuffle", "__init__", "seed"):
        function: Any = getattr(random.Random, name)
        found[function.__code__] = f"chance (random.{name})"
    return found


_CODES: Final = _codes()
_ACTIVE: Final[list[Guard | None]] = [None]  # an audit hook stays for ever: it asks here
_INSTALLED: Final[list[Callable[..., None]]] = []


def _install() -> None:
    if not _INSTALLED:
        _INSTALLED.append(_audit)
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    guard = _ACTIVE[0]
    if guard is None or not (event == "open" or event.startswith(_REFUSED)):
        return
    frame = sys._getframe(1)  # noqa: SLF001  # whose call it is can be asked nowhere else
    if _is_ours(frame):
        return
    kind = "a file" if event == "open" else event.partition(".")[0].strip("_")
    guard.note(f"{kind} ({event})", frame)
    raise Impure(f"an adapter is pure: {event} {arguments[:1]!r}")


def _is_ours(frame: types.FrameType | None) -> bool:
    """Say whether the framework, or the import of a module, is what reaches out."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
            return True
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_FRAMEWORK):
            return True
        if not _is_library(frame):
            return False
        frame = frame.f_back
    return False


_STANDARD: Final = os.path.dirname(os.__file__)  # noqa: PTH120  # compared as text, at each call


def _is_library(frame: types.FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith((_STANDARD, "<frozen")) and "site-packages" not in file
