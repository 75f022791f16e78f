"""Writing the package of a new exchange: its answers judged, then all of it or nothing."""

import contextlib
import importlib
import importlib.util
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
from packaging.version import Version

from venuekit.cli.exits import UsageError

TRANSPORTS: Final = ("rest", "websocket", "both")
SIGNINGS: Final = ("hmac", "nonce", "jwt", "none")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME: Final = 24
"""Distribution, module and entry point are named after it, in lines of 100 characters."""
_TITLE: Final = re.compile(r"[^\W_][\w .&'()!+-]*")
_LONGEST_TITLE: Final = 32
_RESERVED: Final = frozenset({"core", "fast", "sim", "testing"})
"""Names that venuekit uses itself, as in `venuekit-fast`."""
_INSTALL: Final = 'pip install "venuekit[new-plugin]"'


@attrs.frozen(kw_only=True)
class NewPlugin:
    """What is known of a package that is to be written."""

    name: str
    """Id of the exchange, such as `acme`."""
    title: str
    """The exchange's name as people write it."""
    transport: str = "rest"
    """One of `TRANSPORTS`."""
    signing: str = "hmac"
    """One of `SIGNINGS`."""

    @property
    def package(self) -> str:
        """The name of its module."""
        return "venuekit_" + self.name.replace("-", "_")

    @property
    def distribution(self) -> str:
        """The name under which it is published."""
        return f"venuekit-{self.name}"

    def answers(self, core: str, written_on: str) -> dict[str, str]:
        """Answer all questions of the template.

        Args:
            core: The version of venuekit that writes it.
            written_on: The day, in ISO.
        """
        return {
            **attrs.asdict(self),
            "package": self.package,
            "bounds": bounds(core),
            "core": core,
            "written_on": written_on,
        }


def title_of(name: str) -> str:
    """Guess how people write an exchange's name."""
    return name.replace("-", " ").title()


def bounds(core: str) -> str:
    """Bound venuekit's version from this one to the next that may break: `>=0.1,<0.2`."""
    version = Version(core)
    upper = f"{version.major + 1}" if version.major else f"0.{version.minor + 1}"
    return f">={version.major}.{version.minor},<{upper}"


def check_name(name: str, taken: Collection[str] = ()) -> None:
    """Judge the id of an exchange.

    Args:
        name: What was asked for.
        taken: Ids of the plugins that are installed.

    Raises:
        UsageError: It cannot be used; says why, and what can.
    """
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"{name[:40]!r} cannot name an exchange; allowed: a-z and 0-9, a letter first, words "
            f"joined by -, {_LONGEST_NAME} characters at most"
        )
    if name in _RESERVED:
        raise UsageError(f"{name} is a name of venuekit's own; choose another")
    if name in taken:
        raise UsageError(f'a plugin for {name} is installed; see "venuekit plugins"')
    package = NewPlugin(name=name, title="").package
    if importlib.util.find_spec(package) is not None:
        raise UsageError(f"a package {package} is installed; choose another name")


def check_title(title: str) -> None:
    """Judge the name that people read.

    Raises:
        UsageError: It cannot stand in all the places where it has to.
    """
    if _TITLE.fullmatch(title) is None or len(title) > _LONGEST_TITLE:
        raise UsageError(
            f"{title[:40]!r} cannot be a title; allowed: letters, digits, blanks, . & ' ( ) ! + -; "
            f"a letter or digit first, {_LONGEST_TITLE} characters at most"
        )


def check_folder(folder: Path) -> None:
    """Judge where the package is to be written.

    Raises:
        UsageError: Something is there, or cannot be.
    """
    if not folder.parent.is_dir():
        raise UsageError(f"the folder {folder.parent} is not there; make it first")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is there, and no folder; choose another with --out")
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from error
    if not is_empty:
        raise UsageError(f"the folder {folder} is not empty; choose another with --out")


def write(plugin: NewPlugin, folder: Path, *, core: str, written_on: str) -> list[Path]:
    """Write the package into `folder`, whole or not at all; gives its files, relative to it.

    Raises:
        UsageError: What writes it is not installed, or the folder cannot be written.
    """
    check_folder(folder)
    folder = folder.parent.resolve() / folder.name
    answers = plugin.answers(core, written_on)
    unfinished: Path | None = None
    try:
        # Beside its place, so that it gets there in one step.
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        unfinished.chmod(0o755)
        _render(answers, unfinished)
        _record(plugin, unfinished)
        unfinished.replace(folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def template() -> Path:
    """Give the folder of the template."""
    import venuekit.testing

    (testing,) = venuekit.testing.__path__
    return Path(testing) / "template"


def _render(answers: dict[str, Any], folder: Path) -> None:
    with warnings.catch_warnings():
        # Those of other people's packages about each other are nothing to whoever writes a plugin.
        warnings.simplefilter("ignore")
        try:
            from copier import run_copy
        except ImportError:
            said = f'copier, which writes the package, is missing; try "{_INSTALL}"'
            raise UsageError(said) from None
        with contextlib.chdir(folder.parent):
            run_copy(str(template()), folder, data=answers, defaults=True, quiet=True)


def _record(plugin: NewPlugin, folder: Path) -> None:
    """Write down what the simulator of the package says: its first cassette, and its first tape."""
    from venuekit.testing.conformance import Specimen
    from venuekit.testing.recording.making import record_simulated, write_recordings

    with _importable(folder / "src", plugin.package):
        module: Any = importlib.import_module(plugin.package)
        made = record_simulated(Specimen(module.venuekit_exchange()), told=lambda _: None)
    write_recordings(made, folder / "cassettes", plugin.name)


@contextlib.contextmanager
def _importable(folder: Path, package: str) -> Iterator[None]:
    """Let a package be imported for a moment, and leave no trace of that."""
    path, writes_nothing = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes_nothing
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
