"""REST calls: where they go, what they cost, how their answers are taken apart.

Weights: Binance Spot REST documentation of 2026-07-21, each with its endpoint. Since 2026-04-02
order actions cost no weight when they succeed: paid before, given back after.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from venuekit.model import ClientOrderId, Instrument
from venuekit.plugin import Adapter, Answer, Call, CallKind, Request, query_string, read_json

T = TypeVar("T")

Pairs = Iterable[tuple[str, str]]

RECEIVE_WINDOW: Final = ("recvWindow", "2000")
"""What every write carries: past it Binance refuses the request, also just before the engine."""
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_API: Final = "/api/v3/"


class Listed(Adapter):
    """Finds instruments by Binance's own names."""

    def _listed(self, native: str) -> Instrument:
        """Give the instrument called `native`; raises ValueError if the listing lacks it."""
        try:
            return self.instruments.native(native)
        except KeyError:
            msg = (
                f"{native!r} is not among the {len(self.instruments)} instruments of the listing; "
                "fetch the listing again"
            )
            raise ValueError(msg) from None


def request(method: str, endpoint: str, pairs: Pairs) -> Request:
    """Put parameters where they belong: in the body of POST and PUT, else in the query."""
    path = endpoint if endpoint.startswith("/") else _API + endpoint
    text = query_string(pairs)
    if method in {"POST", "PUT"}:
        return Request(
            method=method, host="rest", path=path, headers=FORM, body=text.encode("ascii")
        )
    return Request(method=method, host="rest", path=path, query=text)


def public(
    what: str, endpoint: str, pairs: Pairs, read: Callable[[Answer], T], *, weight: int
) -> Call[T]:
    """Ask for public data."""
    return Call(
        what=what,
        kind=CallKind.PUBLIC_READ,
        request=request("GET", endpoint, pairs),
        read=read,
        costs={"weight": weight, "raw": 1},
    )


def private(
    what: str,
    endpoint: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    weight: int,
    client_order_id: str | None = None,
) -> Call[T]:
    """Ask for something of the account."""
    return Call(
        what=what,
        kind=CallKind.PRIVATE_READ,
        request=request("GET", endpoint, pairs),
        read=read,
        costs={"weight": weight, "raw": 1},
        client_order_id=client_order_id,
    )


def write(
    what: str,
    kind: CallKind,
    method: str,
    endpoint: str,
    pairs: Pairs,
    read: Callable[[Answer], T],
    *,
    weight: int = 1,
    is_free: bool = True,
    orders: int = 0,
    client_order_id: ClientOrderId | str | None = None,
) -> Call[T]:
    """Change something; `orders` is what it adds to the account's order counts.

    Args:
        what: In words.
        kind: Decides lane and retries.
        method: Of HTTP.
        endpoint: Below `/api/v3/`.
        pairs: Parameters in the order sent; `recvWindow` is added.
        read: Reads the answer.
        weight: As documented for failures.
        is_free: Whether a success costs no weight.
        orders: Units of the order counts.
        client_order_id: Of the order concerned.
    """
    costs = {"weight": weight, "raw": 1}
    if orders:
        costs |= {"orders-10s": orders, "orders-1d": orders}
    return Call(
        what=what,
        kind=kind,
        request=request(method, endpoint, (*pairs, RECEIVE_WINDOW)),
        read=read,
        costs=costs,
        refunds={"weight": weight} if is_free else {},
        client_order_id=client_order_id,
    )


def answer_as(answer: Answer, form: type[T]) -> T:
    """Read an answer strictly into `form`.

    For what concerns money: unlike `read_typed`, a member that stands twice is refused.

    Raises:
        ValueError: Not JSON, or not of that form; the message names the place.
    """
    return value_as(read_json(answer.body), form)


def value_as(value: Any, form: type[T]) -> T:
    """Read what `read_json` gave into `form`; raises ValueError that names the place."""
    try:
        return msgspec.convert(value, type=form)
    except msgspec.ValidationError as error:
        msg = str(error)
        raise ValueError(msg) from None
