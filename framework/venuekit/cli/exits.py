"""Exit codes for scripts, and one plain sentence for people, for everything that can go wrong."""

import enum
import unicodedata
from collections.abc import Iterator
from typing import Final

from venuekit.model import (
    AuthenticationFailed,
    ConfigurationError,
    ConsumerTooSlow,
    InstrumentNotFound,
    InsufficientBalance,
    OrderNotFound,
    OutcomeUnknown,
    PluginError,
    RequestError,
    StoreError,
    VenuekitError,
)


class ExitCode(enum.IntEnum):
    """How the command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNKNOWN = 3
    INTERRUPTED = 130


EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; "
    "3 it is not known whether it was done; 130 interrupted."
)


class UsageError(VenuekitError):
    """Arguments that do not go together; says which and what to do."""


def sentences(error: BaseException) -> list[str]:
    """Say what went wrong and what to do next, one sentence for each fault."""
    return [line for leaf in _leaves(error) for line in _told(leaf)]


def exit_code(error: BaseException) -> ExitCode:
    """Give the code for what went wrong; of several, an unknown outcome counts most."""
    codes = {_code(leaf) for leaf in _leaves(error)}
    return ExitCode.UNKNOWN if ExitCode.UNKNOWN in codes else min(codes)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _code(error: BaseException) -> ExitCode:
    if isinstance(error, OutcomeUnknown):
        return ExitCode.UNKNOWN
    if isinstance(error, (UsageError, ConfigurationError, PluginError, InstrumentNotFound)):
        return ExitCode.USAGE
    return ExitCode.FAILED


def _told(error: BaseException) -> list[str]:
    if isinstance(error, ConfigurationError):
        return [safe(fault) for fault in error.faults]
    if not isinstance(error, VenuekitError):
        said = safe(str(error))[:200]
        what = type(error).__name__ + (f" ({said})" if said else "")
        return [f"internal error: {what}; run it again with --debug and report what it says"]
    hint = _hint(error)
    return [safe(str(error)) + (f"; {hint}" if hint else "")]


def safe(text: str) -> str:
    """Take control and format characters out of a text, so that it cannot steer a terminal."""
    kept = (c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return "".join(kept).strip()


def _hint(error: VenuekitError) -> str:
    if not isinstance(error, RequestError):
        return _hint_without_request(error)
    id_ = error.exchange
    if isinstance(error, OutcomeUnknown):
        return f'it may have been done: look with "venuekit orders {id_}" before you try again'
    if isinstance(error, AuthenticationFailed):
        return f"check the key and its permissions, exchanges.{id_}.accounts in venuekit.toml"
    if isinstance(error, InsufficientBalance):
        return f'see "venuekit balances {id_}"'
    if isinstance(error, OrderNotFound):
        return f'see "venuekit orders {id_}"'
    return ""


def _hint_without_request(error: VenuekitError) -> str:
    if isinstance(error, StoreError) and ";" not in str(error):  # else it says so itself
        return "check [store] in venuekit.toml and that its folder can be written"
    if isinstance(error, ConsumerTooSlow):
        return "send the output to a faster reader"
    return ""
