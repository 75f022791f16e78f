"""Parameters: from the wire's text to typed values, as strictly as the exchange reads them.

REST queries, form bodies and the `params` of the WebSocket API all become a mapping from names to
text first, so that one reading serves all of them.
Source: Binance spot REST docs, "General Information on Endpoints", and `errors.md`, 2026-07.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import attrs

from venuekit_binance.sim.refusals import Refusal, illegal_characters, missing

DECIMAL_PATTERN: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID_PATTERN: Final = "^[a-zA-Z0-9-_]{1,36}$"
SYMBOL_PATTERN: Final = "^[A-Z0-9-_.]{1,20}$"
_INTEGER_PATTERN: Final = "^[0-9]{1,20}$"
_LONG_MAX: Final = 2**63 - 1
SIGNING_NAMES: Final = frozenset({"timestamp", "recvWindow", "signature", "apiKey"})

Reader = Callable[[str, str], object]


@attrs.frozen
class Parameter:
    """A parameter of an endpoint."""

    name: str
    read: Reader
    is_required: bool = False


def needed(name: str, read: Reader) -> Parameter:
    """Name a mandatory parameter."""
    return Parameter(name, read, is_required=True)


def optional(name: str, read: Reader) -> Parameter:
    """Name an optional parameter."""
    return Parameter(name, read)


@attrs.frozen
class Arguments:
    """The values that were sent, typed."""

    values: Mapping[str, object]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str | None:
        """Give a text."""
        value = self.values.get(name)
        assert value is None or isinstance(value, str)
        return value

    def sure_text(self, name: str) -> str:
        """Give a text that the endpoint demands."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Give a number."""
        value = self.values.get(name)
        assert value is None or isinstance(value, Decimal)
        return value

    def integer(self, name: str) -> int | None:
        """Give a whole number."""
        value = self.values.get(name)
        assert value is None or isinstance(value, int)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give a yes or no."""
        value = self.values.get(name, default)
        assert isinstance(value, bool)
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Give a list of texts."""
        value = self.values.get(name)
        assert value is None or isinstance(value, tuple)
        return value


def read_arguments(sent: Mapping[str, str], parameters: Sequence[Parameter]) -> Arguments:
    """Read what was sent against what the endpoint takes.

    Raises:
        Refusal: Something is missing (-1102), empty (-1105), malformed, or unknown (-1101 where
            nothing is taken, else -1104).
    """
    values: dict[str, object] = {}
    for parameter in parameters:
        text = sent.get(parameter.name)
        if text is None:
            if parameter.is_required:
                raise missing(parameter.name)
            continue
        if not text:
            raise _empty(parameter)
        values[parameter.name] = parameter.read(parameter.name, text)
    surplus = [name for name in sent if name not in values and name not in SIGNING_NAMES]
    if surplus and not parameters:
        raise Refusal(-1101, f"Too many parameters; expected '0' and received '{len(surplus)}'.")
    if surplus:
        raise Refusal(
            -1104,
            f"Not all sent parameters were read; read '{len(sent) - len(surplus)}' "
            f"parameter(s) but was sent '{len(sent)}'.",
        )
    return Arguments(values)


def _empty(parameter: Parameter) -> Refusal:
    if parameter.read is client_id:
        if parameter.name.startswith(("orig", "cancelOrig")):
            return Refusal(-1119, "Original client order ID was empty.")
        return Refusal(-1118, "New client order ID was empty.")
    return Refusal(-1105, f"Parameter '{parameter.name}' was empty.")


# Wire forms.


def form_pairs(query: bytes, body: bytes) -> dict[str, str]:
    """Read query and form body; a name that stands in both has the query's value.

    Raises:
        Refusal: A name stands twice in the same place.
    """
    pairs = _pairs(body)
    pairs.update(_pairs(query))
    return pairs


def _pairs(raw: bytes) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in raw.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        key = _decoded(name)
        if key in pairs:
            raise Refusal(-1101, f"Duplicate values for parameter '{key}' detected.")
        pairs[key] = _decoded(value)
    return pairs


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")


class _Literal(str):
    """A JSON number with the digits it was written in: signatures cover them."""

    __slots__ = ()


def json_params(text: str) -> Any:
    """Read JSON, keeping the digits of its numbers."""
    return json.loads(text, parse_float=_Literal, parse_int=_Literal)


def is_number(value: object) -> bool:
    """Say whether a value of `json_params` was written as a number."""
    return isinstance(value, _Literal)


def socket_pairs(params: Mapping[str, object]) -> dict[str, str]:
    """Turn `params` of the WebSocket API into the text that REST would carry."""
    pairs: dict[str, str] = {}
    for name, value in params.items():
        match value:
            case None:
                continue
            case bool():
                pairs[name] = "true" if value else "false"
            case str():
                pairs[name] = str(value)
            case _:
                pairs[name] = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return pairs


# Readers.


def text(_name: str, value: str) -> str:
    """Take any text."""
    return value


def symbol(name: str, value: str) -> str:
    """Take a symbol; lower-case and blank characters are illegal, foreign letters are not."""
    legal = all(
        (char.isupper() or char.isdigit() or char in "-_.") if char.isascii() else char.isalnum()
        for char in value
    )
    if not legal or len(value) > 20:
        raise illegal_characters(name, SYMBOL_PATTERN)
    return value


def symbols(name: str, value: str) -> tuple[str, ...]:
    """Take a JSON list of symbols."""
    names = _json_list(name, value)
    for each in names:
        symbol(name, each)
    if len(set(names)) != len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return names


def text_or_list(name: str, value: str) -> tuple[str, ...]:
    """Take one text or a JSON list of texts."""
    return _json_list(name, value) if value.startswith("[") else (value,)


def _json_list(name: str, value: str) -> tuple[str, ...]:
    try:
        data = json.loads(value)
    except ValueError:
        data = None
    if not isinstance(data, list) or not data or not all(isinstance(x, str) for x in data):
        raise illegal_characters(name, '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}")*\\]$')
    return tuple(data)


def decimal(name: str, value: str) -> Decimal:
    """Take an unsigned decimal number without an exponent."""
    if not re.fullmatch(DECIMAL_PATTERN, value, re.ASCII):
        raise illegal_characters(name, DECIMAL_PATTERN)
    return Decimal(value)


def integer(name: str, value: str) -> int:
    """Take an unsigned whole number of at most 63 bits."""
    if not re.fullmatch(_INTEGER_PATTERN, value, re.ASCII):
        raise illegal_characters(name, _INTEGER_PATTERN)
    number = int(value)
    if number > _LONG_MAX:
        raise Refusal(-1108, f"Parameter '{name}' overflowed.")
    return number


def instant(name: str, value: str) -> int:
    """Take a time in milliseconds or microseconds; gives nanoseconds."""
    number = integer(name, value)
    return number * 1_000 if number >= 10**15 else number * 1_000_000


def limit_up_to(most: int) -> Reader:
    """Take a number of rows, cut to `most`; zero and less are refused."""

    def read(name: str, value: str) -> int:
        number = integer(name, value)
        if number < 1:
            raise Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")
        return min(number, most)

    return read


def boolean(name: str, value: str) -> bool:
    """Take `true` or `false`."""
    if value.lower() not in {"true", "false"}:
        raise illegal_characters(name, "^(true|false)$")
    return value.lower() == "true"


def client_id(name: str, value: str) -> str:
    """Take a client order id."""
    if not re.fullmatch(CLIENT_ID_PATTERN, value, re.ASCII):
        raise illegal_characters(name, CLIENT_ID_PATTERN)
    return value


def strategy_type(_name: str, value: str) -> int:
    """Take a strategy type, 1,000,000 or more."""
    number = integer("strategyType", value)
    if number < 1_000_000:
        raise Refusal(-1134, "strategyType was less than 1000000.")
    return number


def one_of(*values: str, code: int = -1130, message: str = "") -> Reader:
    """Take one of some words."""

    def read(name: str, value: str) -> str:
        if value not in values:
            raise Refusal(code, message or f"Data sent for parameter '{name}' is not valid.")
        return value

    return read


side = one_of("BUY", "SELL", code=-1117, message="Invalid side.")
order_type = one_of(
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
    code=-1116,
    message="Invalid orderType.",
)
time_in_force = one_of("GTC", "IOC", "FOK", code=-1115, message="Invalid timeInForce.")
