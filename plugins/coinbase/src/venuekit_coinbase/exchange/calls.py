"""REST calls: where they go, what they cost, how their answers are taken apart.

Source: Coinbase Exchange API reference and "REST API rate limits", 2026.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from venuekit.plugin import Answer, Call, CallKind, Request, query_string

T = TypeVar("T")

Pairs = Iterable[tuple[str, str]]

_JSON: Final = MappingProxyType({"Content-Type": "application/json"})
PRIVATE: Final[Mapping[str, int]] = MappingProxyType({"private": 1})
"""What most questions of an account cost."""
FILLS: Final[Mapping[str, int]] = MappingProxyType({"private": 1, "fills": 1})
"""Fills have a bucket of their own; whether the other one counts them too is not documented."""


def public(what: str, path: str, pairs: Pairs, read: Callable[[Answer], T]) -> Call[T]:
    """Ask for public data."""
    return Call(
        what=what,
        kind=CallKind.PUBLIC_READ,
        request=Request(method="GET", host="rest", path=path, query=query_string(pairs)),
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
    costs: Mapping[str, int] = PRIVATE,
) -> Call[T]:
    """Ask for something of the account."""
    return Call(
        what=what,
        kind=CallKind.PRIVATE_READ,
        request=Request(
            method="GET", host="rest", path=path, query=query_string(pairs), headers=_JSON
        ),
        read=read,
        costs=costs,
        client_order_id=client_order_id,
    )


def post_order(body: Mapping[str, Any], read: Callable[[Answer], T], name: str | None) -> Call[T]:
    """Send an order."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return Call(
        what="place order",
        kind=CallKind.PLACE,
        request=Request(
            method="POST", host="rest", path="/orders", headers=_JSON, body=text.encode("ascii")
        ),
        read=read,
        costs=PRIVATE,
        client_order_id=name,
    )


def delete(
    what: str,
    path: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    client_order_id: str | None = None,
) -> Call[T]:
    """Cancel one order or many."""
    return Call(
        what=what,
        kind=CallKind.CANCEL,
        request=Request(
            method="DELETE", host="rest", path=path, query=query_string(pairs), headers=_JSON
        ),
        read=read,
        costs=PRIVATE,
        client_order_id=client_order_id,
    )
