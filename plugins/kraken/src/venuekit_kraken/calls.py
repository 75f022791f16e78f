"""REST calls: where they go, what they cost, how their answers are taken apart.

Every answer is `{"error": [...], "result": ...}` with status 200.
Source: Kraken API Center, "Spot REST Introduction" and "Spot REST Rate Limits", June 2026.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from venuekit.model import Instrument
from venuekit.plugin import Adapter, Answer, Call, CallKind, Request, query_string, read_json
from venuekit_kraken.engine_costs import Costs
from venuekit_kraken.naming import PairNames

NO_ENGINE: Final[Costs] = MappingProxyType({})
T = TypeVar("T")

Pairs = Iterable[tuple[str, str]]

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
JSON: Final = {"Content-Type": "application/json"}
_PRIVATE: Final = "/0/private/"
_PUBLIC: Final = "/0/public/"
HISTORY_COST: Final = 4
"""Of what reaches back in time: 4 in the current guide, 2 in older ones."""


class Listed(Adapter):
    """Finds instruments by any of Kraken's names for a pair."""

    def __init__(self, environment: str) -> None:
        """Speak for `environment`."""
        super().__init__(environment)
        self._names = PairNames(self.instruments)

    def _listed(self, name: str) -> Instrument:
        """Give the instrument of a name; raises ValueError if the listing lacks it."""
        return self._pair_names().of(name)

    def _pair_names(self) -> PairNames:
        if self._names.instruments is not self.instruments:  # the framework has replaced it
            self._names = PairNames(self.instruments)
        return self._names


def public(what: str, method: str, pairs: Pairs, read: Callable[[Answer], T]) -> Call[T]:
    """Ask for public data."""
    return Call(
        what=what,
        kind=CallKind.PUBLIC_READ,
        request=Request(
            method="GET", host="rest", path=_PUBLIC + method, query=query_string(pairs)
        ),
        read=read,
        costs={"public": 1},
    )


def private(
    what: str,
    method: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    cost: int = 1,
    client_order_id: str | None = None,
) -> Call[T]:
    """Ask for something of the account."""
    return Call(
        what=what,
        kind=CallKind.PRIVATE_READ,
        request=_form(method, pairs),
        read=read,
        costs={"calls": cost},
        client_order_id=client_order_id,
    )


def write(
    what: str,
    kind: CallKind,
    method: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    engine: Costs = NO_ENGINE,
    client_order_id: str | None = None,
) -> Call[T]:
    """Change something; `engine` is what it adds to the matching engine's counters."""
    return Call(
        what=what,
        kind=kind,
        request=_form(method, pairs),
        read=read,
        costs=engine,
        client_order_id=client_order_id,
    )


def write_json(
    what: str,
    kind: CallKind,
    method: str,
    body: Mapping[str, Any],
    read: Callable[[Answer], T],
    *,
    engine: Costs = NO_ENGINE,
) -> Call[T]:
    """Change something whose parameters are nested."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return Call(
        what=what,
        kind=kind,
        request=Request(
            method="POST",
            host="rest",
            path=_PRIVATE + method,
            headers=JSON,
            body=text.encode("ascii"),
        ),
        read=read,
        costs=engine,
    )


def _form(method: str, pairs: Pairs) -> Request:
    return Request(
        method="POST",
        host="rest",
        path=_PRIVATE + method,
        headers=FORM,
        body=query_string(pairs).encode("ascii"),
    )


def result_as(answer: Answer, form: type[T]) -> T:
    """Read the result of an answer strictly into `form`.

    Raises:
        ValueError: There is none, or it is not of that form; the message names the place.
    """
    body = read_json(answer.body)
    if not isinstance(body, dict) or "result" not in body:
        msg = "an answer without a result"
        raise ValueError(msg)
    return value_as(body["result"], form)


def value_as(value: Any, form: type[T]) -> T:
    """Read what `read_json` gave into `form`; raises ValueError that names the place."""
    try:
        return msgspec.convert(value, type=form)
    except msgspec.ValidationError as error:
        msg = str(error)
        raise ValueError(msg) from None
