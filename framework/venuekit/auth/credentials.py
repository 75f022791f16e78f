"""References to credentials, and the values they stand for.

A configuration names where a secret is, never the secret: `env:NAME`, `file:PATH`,
`keyring:SERVICE/USER`, or a scheme that a plugin brings. Nothing here quotes a value, nor a
reference that may be one.
"""

import difflib
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from venuekit.model import ConfigurationError

Source = Callable[[str], str]
"""Gives the value for what stands behind the colon; raises ConfigurationError with its reason."""

_NOTHING: Final[Mapping[str, Source]] = MappingProxyType({})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9_-]{1,19}):(.*)", re.DOTALL)
_PLAIN_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_MAX_BYTES: Final = 64 * 1024
_FORMS: Final = "env:NAME, file:PATH or keyring:SERVICE/USER"


class CredentialFault(Exception):
    """Why a reference gives no value: a sentence that quotes no secret."""


def read_credential(
    reference: str,
    *,
    place: str,
    environ: Mapping[str, str],
    folder: Path,
    sources: Mapping[str, Source] = _NOTHING,
) -> str:
    """Give the value that `reference` stands for, without the blanks around it.

    Reads a file or asks the keyring: it may block for a moment.

    Args:
        reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER` or a scheme of `sources`.
        place: Where the reference stands, for the error: `venuekit.toml: accounts.main.secret`.
        environ: The environment's variables.
        folder: What a relative path counts from.
        sources: Further schemes; they cannot replace the three built in.

    Raises:
        ConfigurationError: It is no reference, or there is no value.
    """
    value, fault = _value_or_fault(reference, environ, folder, sources)
    # Raised outside of every handler, so that no foreign exception is chained to it.
    if fault is not None:
        del reference, environ  # may hold secrets; tracebacks can show local variables
        raise ConfigurationError([f"{place}: {fault}"])
    return value


def _value_or_fault(
    reference: str, environ: Mapping[str, str], folder: Path, sources: Mapping[str, Source]
) -> tuple[str, str | None]:
    known: dict[str, Source] = {
        **sources,
        "env": lambda name: _from_environment(name, environ),
        "file": lambda path: _from_file(folder / Path(path).expanduser()),
        "keyring": _from_keyring,
    }
    try:
        scheme, rest = _parts(reference, known)
        value = known[scheme](rest).strip()
    except CredentialFault as found:
        return "", str(found)
    except ConfigurationError as found:
        return "", "; ".join(found.faults)
    except Exception as found:  # noqa: BLE001  # a plugin's source: one broken source is one fault, and its words may hold secrets
        return "", f"the source failed with {type(found).__name__}"
    return value, None if value else f"{scheme}: the value is empty"


def _parts(reference: str, known: Mapping[str, Source]) -> tuple[str, str]:
    match = _SCHEME.fullmatch(reference.strip())
    if match is None:
        raise CredentialFault(
            f"this is no reference to a key but perhaps the key itself; write {_FORMS}"
        )
    scheme, rest = match.groups()
    if scheme in known:
        return scheme, rest
    near = _nearest(scheme, known)
    if near is None:  # what is like no scheme may be the beginning of a secret
        raise CredentialFault(f"unknown key source; allowed: {', '.join(sorted(known))}")
    shown = rest if _PLAIN_NAME.fullmatch(rest) else "…"
    raise CredentialFault(f'unknown key source "{scheme}:{shown}"; did you mean "{near}:{shown}"?')


def _nearest(scheme: str, known: Mapping[str, Source]) -> str | None:
    for name in sorted(known):
        if scheme.startswith(name) or (len(scheme) > 1 and name.startswith(scheme)):
            return name
    close = difflib.get_close_matches(scheme, sorted(known), n=1)
    if not close and difflib.SequenceMatcher(None, scheme, "environment").ratio() > 0.7:
        return "env"
    return close[0] if close else None


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    shown = name if _PLAIN_NAME.fullmatch(name) else "it names"
    if name not in environ:
        raise CredentialFault(f"env: the variable {shown} is not set")
    return environ[name]


def _from_file(path: Path) -> str:
    """Read a regular file that belongs to the user and that nobody else can read."""
    shown = str(path)
    try:
        # NONBLOCK: opening a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise CredentialFault(f"file: {shown} is a link; name the file itself") from None
        raise CredentialFault(f"file: {shown}: {error.strerror}") from None
    # Judged by its descriptor, so that what is judged is what is read.
    try:
        _check_owner(os.fstat(descriptor), shown)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(_MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MAX_BYTES:
        raise CredentialFault(f"file: {shown} is larger than {_MAX_BYTES} bytes; is it a key?")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CredentialFault(f"file: {shown} is not UTF-8 text; give the key as PEM") from None


def _check_owner(status: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise CredentialFault(f"file: {shown} is not a regular file")
    if status.st_uid != os.geteuid():
        raise CredentialFault(f"file: {shown} belongs to another user; make a copy of your own")
    if status.st_mode & 0o177:
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialFault(
            f"file: {shown} has mode {mode:04o}, others may use it; run: chmod 600 {shown}"
        )


def _from_keyring(rest: str) -> str:
    service, slash, user = rest.partition("/")
    if not (service and slash and user):
        raise CredentialFault("keyring: write keyring:SERVICE/USER")
    try:
        import keyring
    except ImportError:
        raise CredentialFault(
            "keyring: the package is not installed; run: pip install venuekit[keyring]"
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001  # backends raise what they like
        raise CredentialFault(f"keyring: it failed with {type(error).__name__}") from None
    if value is None:
        raise CredentialFault(f"keyring: no entry {user!r} of {service!r}")
    return value
