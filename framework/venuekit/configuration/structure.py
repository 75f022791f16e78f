"""From parsed TOML to settings: cattrs structures, and every fault is told with its place."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import attrs
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from venuekit.configuration.settings import (
    ALGORITHMS,
    ENVIRONMENTS,
    ORDERS_OVER,
    PLUGIN_MODES,
    AccountSettings,
    Configuration,
    Durability,
    ExchangeSettings,
    LimitSettings,
    OrderSettings,
    PluginSettings,
    RetrySettings,
    StoreSettings,
    address_fault,
)
from venuekit.plugin.call import CallKind
from venuekit.plugin.policies import LONGEST_S, MOST_ATTEMPTS
from venuekit.plugin.trust import Pin

T = TypeVar("T")
_KINDS: Final = tuple(kind.value for kind in CallKind)

_SOURCES: Final = ("env", "file", "keyring")
_REFERENCES: Final = "env:NAME, file:PATH, keyring:SERVICE/USER"


@attrs.frozen
class Fault:
    """One thing that is wrong, and where."""

    path: tuple[str, ...]
    text: str


class _Wrong(ValueError):
    """A value that is not allowed; its text is the end of the sentence."""


def structured(
    data: Mapping[str, Any], sources: Sequence[str] = ()
) -> tuple[Configuration, list[Fault]]:
    """Make a configuration of parsed TOML; the defaults stand in where there are faults.

    Args:
        data: What `tomllib` gave, changed by environment variables.
        sources: Credential sources that extensions offer, next to `env`, `file` and `keyring`.
    """
    try:
        found = _converter(sources).structure(data, Configuration)
    except BaseValidationError as errors:
        return Configuration(), list(_faults(errors, ()))
    return found, list(_contradictions(found))


def suggestion(word: str, words: Sequence[str]) -> str:
    """Give `; did you mean "…"?` for a near miss, else nothing."""
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else ""


def shown(value: object) -> str:
    """Write a value as TOML would, for a message, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


# Checks of single values. Those of an account never show what they found.


def _one_of(words: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value in words:
            return cast("str", value)
        hint = suggestion(value, words) if isinstance(value, str) else ""
        raise _Wrong(f"{shown(value)}; allowed: {', '.join(words)}{hint}")

    return check


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise _Wrong(f"{shown(value)}; allowed: a text")


def _address(value: Any) -> str:
    text = _text(value)
    wrong = address_fault(text)
    if wrong is None:
        return text
    raise _Wrong(f"{shown(text)}; {wrong}")


def _limits(value: Any) -> Mapping[str, int]:
    if not isinstance(value, Mapping):
        raise _Wrong(f"{shown(value)}; allowed: a table of whole numbers by budget name")
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
            raise _Wrong(f"{name} = {shown(number)}; allowed: a whole number above zero")
    return dict(value)


def _tier(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", value):
        return value
    raise _Wrong("a value that is no tier (not shown); allowed: lower-case letters, digits, - _")


def _attempts(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ATTEMPTS:
        return value
    raise _Wrong(f"{shown(value)}; allowed: a whole number from 1 to {MOST_ATTEMPTS}")


def _part(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 0.9:
        return float(value)
    raise _Wrong(f"{shown(value)}; allowed: a part, from 0 to 0.9")


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LONGEST_S:
        return float(value)
    raise _Wrong(f"{shown(value)}; allowed: seconds, from 0 to {LONGEST_S:g}")


def _pause_s(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value <= 3600:
        return float(value)
    raise _Wrong(f"{shown(value)}; allowed: seconds, from 1 to 3600")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _Wrong(f"{shown(value)}; allowed: a list of texts")


def _text_by_name(value: Any) -> Mapping[str, str]:
    if isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()):
        return dict(value)
    raise _Wrong(f"{shown(value)}; allowed: a table of texts")


def _pins(value: Any) -> Mapping[str, Pin]:
    if not isinstance(value, Mapping):
        raise _Wrong(f"{shown(value)}; allowed: a table of pins by distribution")
    return {str(name): _pin(name, table) for name, table in value.items()}


def _pin(name: str, table: Any) -> Pin:
    allowed = 'allowed: { version = "1.2.0", hash = "sha256:…" }, the hash may be left out'
    if not isinstance(table, Mapping) or not {"version"} <= set(table) <= {"version", "hash"}:
        raise _Wrong(f"{name} = {shown(table)}; {allowed}")
    version, digest = table["version"], table.get("hash")
    if not isinstance(version, str) or not version:
        raise _Wrong(f"{name}.version = {shown(version)}; {allowed}")
    is_hash = isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-fA-F]{64}", digest)
    if digest is not None and not is_hash:
        raise _Wrong(f"{name}.hash = {shown(digest)}; allowed: sha256: and 64 hexadecimal digits")
    return Pin(version=version, hash=digest)


def _releases(value: Any) -> tuple[str, ...]:
    for each in _texts(value):
        if re.fullmatch(r"[A-Za-z0-9._-]+ *== *[^ =]+", each) is None:
            raise _Wrong(f"{shown(each)}; allowed: distribution==version")
    return _texts(value)


def _tables(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(value, Mapping) and all(isinstance(each, Mapping) for each in value.values()):
        return {str(name): dict(each) for name, each in value.items()}
    raise _Wrong("a value (not shown); allowed: a table for each extension")


def _algorithm(value: Any) -> str:
    if isinstance(value, str) and value in ALGORITHMS:
        return value
    hint = suggestion(value, ALGORITHMS) if isinstance(value, str) else ""
    raise _Wrong(
        f"a value that is no algorithm (not shown); allowed: {', '.join(ALGORITHMS)}{hint}"
    )


def _nonce_window(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    raise _Wrong("a value that is no window (not shown); allowed: a whole number, 0 for none")


def _reference(sources: Sequence[str]) -> Callable[[Any], str]:
    known = (*_SOURCES, *sources)

    def check(value: Any) -> str:
        source, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if colon and rest and source in known:
            return cast("str", value)
        # Whatever stands here may be the secret itself, so nothing of it is repeated.
        near = [name for name in known if colon and source.startswith(name)]
        near += difflib.get_close_matches(source, known, n=1, cutoff=0.7) if colon else []
        hint = f'; did you mean "{near[0]}:"?' if near else ""
        raise _Wrong(f"a value that is no reference (not shown); allowed: {_REFERENCES}{hint}")

    return check


def _converter(sources: Sequence[str]) -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    reference = _reference(sources)
    checks: Mapping[type, Mapping[str, Callable[[Any], object]]] = {
        StoreSettings: {"url": _text, "durability": lambda v: Durability(_durability(v))},
        OrderSettings: {"reconcile_every_s": _pause_s},
        LimitSettings: {"share": _one_of(("machine", "process")), "kept_for_cancels": _part},
        PluginSettings: {
            "prefer": _text_by_name,
            "blocked": _texts,
            "required": _texts,
            "trust": _pins,
            "allow": _releases,
            "mode": _one_of(PLUGIN_MODES),
            "settings": _tables,
        },
        AccountSettings: {
            "api_key": reference,
            "secret": reference,
            "passphrase": reference,
            "algorithm": _algorithm,
            "nonce_window": _nonce_window,
            "tier": _tier,
        },
        RetrySettings: {
            "attempts": _attempts,
            **dict.fromkeys(("total_s", "wait_s", "base_s", "throttled_base_s", "cap_s"), _seconds),
        },
        ExchangeSettings: {
            "environment": _one_of(ENVIRONMENTS),
            "address": _address,
            "account": _text,
            "limits": _limits,
            "orders_over": _one_of(ORDERS_OVER),
        },
        Configuration: {"exchange": _text},
    }
    for kind, fields in checks.items():
        converter.register_structure_hook(kind, _table(converter, kind, fields))
    return converter


_durability: Final = _one_of([durability.value for durability in Durability])


def _table(
    converter: Converter, kind: type[T], checks: Mapping[str, Callable[[Any], object]]
) -> Callable[[Any, Any], T]:
    """Give the hook that structures one table, its values checked by ours, not coerced."""

    def hooked(check: Callable[[Any], object]) -> Callable[[Any, Any], object]:
        return lambda value, _: check(value)

    fields: dict[str, Any] = {
        name: override(struct_hook=hooked(check)) for name, check in checks.items()
    }
    if kind is Configuration:
        fields["source"] = override(omit=True)
    structure = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **fields)

    def table(value: Any, as_kind: Any) -> T:
        if not isinstance(value, Mapping):
            # A secret may stand where its table belongs.
            what = "a value (not shown)" if kind is AccountSettings else shown(value)
            raise _Wrong(f"{what}; allowed: a table")
        return structure(value, as_kind)

    return table


# Telling faults


def _faults(error: BaseException, path: tuple[str, ...]) -> Iterator[Fault]:
    if isinstance(error, ForbiddenExtraKeysError):
        allowed = [field.name for field in attrs.fields(error.cl) if field.name != "source"]
        for key in sorted(error.extra_fields):
            text = f"unknown key; allowed: {', '.join(allowed)}{suggestion(key, allowed)}"
            yield Fault((*path, key), text)
    elif isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _faults(inner, (*path, *_step(inner)))
    elif isinstance(error, _Wrong):
        yield Fault(path, str(error))
    else:  # what cattrs itself says of a shape, such as a list where a table belongs
        yield Fault(path, "a value of the wrong kind (not shown); allowed: a table")


def _step(error: BaseException) -> tuple[str, ...]:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name,)
        if isinstance(note, IterableValidationNote):
            return (str(note.index),)
    return ()


def _contradictions(configuration: Configuration) -> Iterator[Fault]:
    for id_, exchange in configuration.exchanges.items():
        path = ("exchanges", id_)
        if re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", id_) is None:
            yield Fault(path, "no id; allowed: lower-case letters, digits, - and _")
        if exchange.address is not None and exchange.environment != "sim":
            text = f"belongs to the environment sim; environment is {exchange.environment}"
            yield Fault((*path, "address"), text)
        for kind in exchange.retries:
            if kind not in _KINDS:
                text = f"unknown key; allowed: {', '.join(_KINDS)}{suggestion(kind, _KINDS)}"
                yield Fault((*path, "retries", kind), text)
        if exchange.account and exchange.accounts and exchange.account not in exchange.accounts:
            names = list(exchange.accounts)
            hint = suggestion(exchange.account, names)
            text = f"{shown(exchange.account)}; allowed: {', '.join(names)}{hint}"
            yield Fault((*path, "account"), text)
        for name, account in exchange.accounts.items():
            if (account.api_key is None) != (account.secret is None):
                missing = "secret" if account.secret is None else "api_key"
                yield Fault((*path, "accounts", name), f"{missing} is missing")
