"""REST calls: where they go, what they cost, how their answers are taken apart.

Source: Coinbase Advanced Trade API reference and "REST API rate limits", June 2026.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from venuekit.model import Instrument
from venuekit.plugin import Adapter, Answer, Call, CallKind, Request, query_string, read_json

T = TypeVar("T")

Pairs = Iterable[tuple[str, str]]

PREFIX: Final = "/api/v3/brokerage"
_JSON: Final = MappingProxyType({"Content-Type": "application/json"})
# Public answers come out of a cache of one second, which would also answer for the clock.
_FRESH: Final = MappingProxyType({"Cache-Control": "no-cache"})


class Listed(Adapter):
    """Finds instruments by their product id."""

    def _listed(self, product_id: str) -> Instrument:
        """Give the instrument of a product; raises ValueError if the listing lacks it."""
        if not self.instruments.knows_native(product_id):
            msg = f"{product_id[:40]!r} is not in the listing; fetch the listing again"
            raise ValueError(msg)
        return self.instruments.native(product_id)


def public(what: str, path: str, pairs: Pairs, read: Callable[[Answer], T]) -> Call[T]:
    """Ask for public data, past the cache."""
    return Call(
        what=what,
        kind=CallKind.PUBLIC_READ,
        request=Request(
            method="GET",
            host="rest",
            path=PREFIX + path,
            query=query_string(pairs),
            headers=_FRESH,
        ),
        read=read,
        costs={"public": 1},
    )


def private(
    what: str,
    path: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    client_order_id: str | None = None,
) -> Call[T]:
    """Ask for something of the account."""
    return Call(
        what=what,
        kind=CallKind.PRIVATE_READ,
        request=Request(method="GET", host="rest", path=PREFIX + path, query=query_string(pairs)),
        read=read,
        costs={"private": 1},
        client_order_id=client_order_id,
    )


def post(
    what: str,
    kind: CallKind,
    path: str,
    body: Mapping[str, Any],
    read: Callable[[Answer], T],
    *,
    client_order_id: str | None = None,
) -> Call[T]:
    """Send a body: a write, or a question that takes one."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return Call(
        what=what,
        kind=kind,
        request=Request(
            method="POST",
            host="rest",
            path=PREFIX + path,
            headers=_JSON,
            body=text.encode("ascii"),
        ),
        read=read,
        costs={"private": 1},
        client_order_id=client_order_id,
    )


def answer_as(answer: Answer, form: type[T]) -> T:
    """Read an answer strictly into `form`.

    Raises:
        ValueError: It is no JSON, or not of that form; the message names the place.
    """
    return value_as(read_json(answer.body), form)


def value_as(value: Any, form: type[T]) -> T:
    """Read what `read_json` gave into `form`; raises ValueError that names the place."""
    try:
        return msgspec.convert(value, type=form)
    except msgspec.ValidationError as error:
        msg = str(error)
        raise ValueError(msg) from None
