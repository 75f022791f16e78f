"""Calls as most exchanges want them written: a query, a form, or a JSON object."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from venuekit.plugin.call import Answer, Call, CallKind, Cost, Request
from venuekit.plugin.wire import query_string

T = TypeVar("T")
Costs = Mapping[str, "int | Cost"]
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


def get_call(
    what: str,
    path: str,
    read: Callable[[Answer], T],
    query: Iterable[tuple[str, str]] = (),
    *,
    costs: Costs,
    kind: CallKind = CallKind.PUBLIC_READ,
    host: str = "rest",
) -> Call[T]:
    """Write a call that asks with GET.

    Args:
        what: In words, for people: `fetch trades`.
        path: From the host's root, with its slash.
        read: Makes a model of the answer; see `Call.read`.
        query: Names and values, percent-encoded here.
        costs: Units by budget.
        kind: PRIVATE_READ is signed.
        host: Name of one of the environment's hosts.
    """
    request = Request(method="GET", host=host, path=path, query=query_string(query))
    return Call(what=what, kind=kind, request=request, read=read, costs=costs)


def form_call(
    what: str,
    path: str,
    read: Callable[[Answer], T],
    form: Iterable[tuple[str, str]] = (),
    *,
    costs: Costs,
    kind: CallKind = CallKind.PRIVATE_READ,
    host: str = "rest",
    client_order_id: str | None = None,
) -> Call[T]:
    """Write a call that posts a form; one without fields has neither body nor Content-Type.

    Args:
        what: In words, for people: `place order`.
        path: From the host's root, with its slash.
        read: Makes a model of the answer; see `Call.read`.
        form: Names and values, percent-encoded here.
        costs: Units by budget.
        kind: What it does; decides how it may be retried.
        host: Name of one of the environment's hosts.
        client_order_id: Of the order that is concerned.
    """
    body = query_string(form).encode()
    return Call(
        what=what,
        kind=kind,
        request=_posted(host, path, body, _FORM),
        read=read,
        costs=costs,
        client_order_id=client_order_id,
    )


def json_call(
    what: str,
    path: str,
    read: Callable[[Answer], T],
    members: Mapping[str, str | int | bool | None],
    *,
    costs: Costs,
    kind: CallKind = CallKind.PRIVATE_READ,
    host: str = "rest",
    client_order_id: str | None = None,
) -> Call[T]:
    """Write a call that posts a JSON object; amounts are texts, so that each digit stays.

    Args:
        what: In words, for people: `place order`.
        path: From the host's root, with its slash.
        read: Makes a model of the answer; see `Call.read`.
        members: Of the object, in this order.
        costs: Units by budget.
        kind: What it does; decides how it may be retried.
        host: Name of one of the environment's hosts.
        client_order_id: Of the order that is concerned.
    """
    body = json.dumps(dict(members), separators=(",", ":")).encode()
    return Call(
        what=what,
        kind=kind,
        request=_posted(host, path, body, _JSON),
        read=read,
        costs=costs,
        client_order_id=client_order_id,
    )


def _posted(host: str, path: str, body: bytes, kind: str) -> Request:
    headers = {"Content-Type": kind} if body else {}
    return Request(method="POST", host=host, path=path, headers=headers, body=body)
