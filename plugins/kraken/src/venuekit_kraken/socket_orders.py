"""Orders over the socket: REST's calls under other names, and its answers in another form.

A call is translated from what it would send by REST, and the frame that answers it into what REST
would answer, so that both ways have one table of errors and one reading. What the socket's pages
do not list, or say otherwise, goes by REST.
Source: Kraken API Center, WebSocket v2 "Add Order", "Batch Add", "Amend Order", "Cancel Order",
"Batch Cancel", June 2026.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec

from venuekit.model import Failure
from venuekit.plugin import (
    MESSAGE,
    Answer,
    Call,
    CallKind,
    Channel,
    Key,
    Request,
    SocketOrders,
    Stamp,
    StreamToken,
    read_json,
    read_typed,
)
from venuekit_kraken.calls import Listed, private, result_as, value_as
from venuekit_kraken.errors import Errors
from venuekit_kraken.figures import moment_text
from venuekit_kraken.naming import stream_name
from venuekit_kraken.signing import VALIDITY_S, Signing

T = TypeVar("T")

_HOST: Final = "ws-auth"
_PATH: Final = "/v2"
_REST: Final = "/0/private/"
_WITH_DEADLINE: Final = ("add_order", "batch_add", "amend_order")
_MESSAGES: Final = {"messages": 1}
_PARAMS: Final = b'"params":{'
_FEES: Final = {"fcib": "base", "fciq": "quote"}
_TIMES: Final = ("GTC", "IOC")
_TRIGGERED: Final = ("stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit")
_LIMITED: Final = ("limit", "iceberg")
_PLAIN: Final = ("ordertype", "type", "volume", "cl_ord_id", "pair")
_encode: Final = msgspec.json.Encoder().encode

Fields = Mapping[str, str]


class _RestOnly(Exception):
    """What the socket does not offer."""


class _Reply(msgspec.Struct, kw_only=True):
    method: str | None = None
    success: bool | None = None
    result: Any = None
    error: str | None = None


class _Numbered(msgspec.Struct, kw_only=True):
    method: str | None = None
    req_id: int | None = None


class _Token(msgspec.Struct):
    token: str
    expires: int


class SocketMessages(Errors, Signing, Listed, SocketOrders):
    """Places, amends and cancels over WebSocket v2."""

    def socket_channel(self) -> Channel:
        """Say where the socket is; orders have a connection of their own there."""
        return Channel(
            name="orders",
            host=_HOST,
            path=_PATH,
            is_private=True,
            max_subscriptions=1,
            max_batch=1,
            messages_per_s=20,
            max_age_s=86_400.0,
            # The greeting subscribes, and then a heartbeat comes each second.
            silence_s=15.0,
        )

    def fetch_socket_token(self) -> Call[StreamToken] | None:
        """Ask for the token that messages carry, good for 15 minutes until it is used."""
        return private("fetch socket token", "GetWebSocketsToken", (), _read_token)

    def socket_greeting(self) -> Call[Any] | None:
        """Subscribe to as little as there is: without it connection and token run out."""
        quiet = {"snap_orders": False, "snap_trades": False, "order_status": False}
        return Call(
            what="greet",
            kind=CallKind.PRIVATE_READ,
            request=_message("subscribe", {"channel": "executions", **quiet}),
            read=_read_nothing,
        )

    def over_socket(self, call: Call[T]) -> Call[T] | None:
        """Give a call as a message; None for what has to go by REST."""
        method = call.request.path.removeprefix(_REST)
        writer = _WRITERS.get(method) if call.kind.is_write else None
        if writer is None:
            return None
        try:
            name, params = writer(_sent(call.request), self._symbol)
        except _RestOnly:
            return None
        read = call.read
        return attrs.evolve(
            call,
            request=_message(name, params),
            read=lambda answer: read(_as_by_rest(name, answer)),
            costs={**call.costs, **_MESSAGES},
        )

    def answered(self, frame: str | bytes) -> int | None:
        """Name the message that a frame answers."""
        numbered = read_typed(frame, _NUMBERED)
        return None if numbered.method is None else numbered.req_id

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` as it goes on the wire; a message gets token, deadline and number.

        Raises:
            ValueError: There is no token or number, or what REST's signature needs is missing.
        """
        if not request.is_message:
            return super().sign(request, key, stamp)
        if stamp.token is None or request.number is None:
            msg = "a message to Kraken needs a token and a number"
            raise ValueError(msg)
        first = f'"token":{json.dumps(stamp.token)}'
        if request.path in _WITH_DEADLINE:
            first += f',"deadline":"{moment_text(stamp.time_ns + round(VALIDITY_S * 1e9))}"'
        head, params, rest = request.body.partition(_PARAMS)
        return attrs.evolve(
            request,
            body=b"".join(
                (
                    head,
                    params,
                    first.encode("ascii"),
                    b"," if not rest.startswith(b"}") else b"",
                    rest[:-1],
                    f',"req_id":{request.number}}}'.encode("ascii"),
                )
            ),
        )

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one."""
        if not call.request.is_message:
            return super().failure(call, answer)
        return super().failure(call, _as_by_rest(call.request.path, answer))

    def _symbol(self, pair: str) -> str:
        return stream_name(self._listed(pair))


_NUMBERED: Final = msgspec.json.Decoder(_Numbered)


def _message(method: str, params: Mapping[str, Any]) -> Request:
    return Request(
        method=MESSAGE,
        host=_HOST,
        path=method,
        body=_encode({"method": method, "params": params}),
    )


# Writing


def _sent(request: Request) -> dict[str, Any]:
    """Read a body of ours back."""
    if request.body.startswith(b"{"):
        body = json.loads(request.body)
        assert isinstance(body, dict)
        return body
    return dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True))


def _number(text: str) -> msgspec.Raw:
    """Write a figure as a JSON number with exactly these digits."""
    return msgspec.Raw(text.encode("ascii"))


def _order(sent: Fields) -> dict[str, Any]:
    """Write one order without its pair, with the socket's names.

    Raises:
        _RestOnly: It has something that is no parameter here, or is written otherwise there.
    """
    left = {name: value for name, value in sent.items() if name not in _PLAIN}
    kind = sent["ordertype"]
    flags = left.pop("oflags", "").split(",")
    if not set(flags) <= {"", "post", "viqc", *_FEES}:
        raise _RestOnly
    quantity = "cash_order_qty" if "viqc" in flags else "order_qty"
    order: dict[str, Any] = {
        "order_type": kind,
        "side": sent["type"],
        quantity: _number(sent["volume"]),
        **_prices(kind, left),
    }
    if "displayvol" in left:
        order["display_qty"] = _number(left.pop("displayvol"))
    if "timeinforce" in left:
        # The page lists no FOK; GTD needs a moment, and REST's may be relative.
        order["time_in_force"] = _word(left.pop("timeinforce"), _TIMES).lower()
    if "post" in flags:
        order["post_only"] = True
    if "reduce_only" in left:
        order["reduce_only"] = _word(left.pop("reduce_only"), ("true", "false")) == "true"
    if "stptype" in left:
        order["stp_type"] = left.pop("stptype").replace("-", "_")
    for flag in _FEES.keys() & set(flags):
        order["fee_preference"] = _FEES[flag]
    order["cl_ord_id"] = sent["cl_ord_id"]
    if left:  # leverage, starttm, expiretm, and whatever REST learns later
        raise _RestOnly
    return order


def _prices(kind: str, left: dict[str, str]) -> dict[str, Any]:
    prices: dict[str, Any] = {}
    if kind in _TRIGGERED:
        reference = left.pop("trigger", "last")
        prices["triggers"] = {"reference": reference, "price": _number(left.pop("price"))}
        if "price2" in left:
            prices["limit_price"] = _number(left.pop("price2"))
    elif kind in _LIMITED:
        prices["limit_price"] = _number(left.pop("price"))
    elif kind != "market":
        raise _RestOnly
    return prices


def _word(text: str, words: Sequence[str]) -> str:
    if text not in words:
        raise _RestOnly
    return text


Symbol = Callable[[str], str]
Written = tuple[str, dict[str, Any]]


def _add_order(sent: dict[str, Any], symbol: Symbol) -> Written:
    return "add_order", {"symbol": symbol(sent["pair"]), **_order(sent)}


def _batch_add(sent: dict[str, Any], symbol: Symbol) -> Written:
    orders = [_order(each) for each in sent["orders"]]
    return "batch_add", {"symbol": symbol(sent["pair"]), "orders": orders}


def _amend_order(sent: dict[str, Any], _: Symbol) -> Written:
    names = {"txid": "order_id", "cl_ord_id": "cl_ord_id"}
    figures = ("order_qty", "limit_price")
    if not set(sent) <= {*names, *figures}:
        raise _RestOnly
    params: dict[str, Any] = {names[name]: sent[name] for name in names if name in sent}
    params |= {name: _number(sent[name]) for name in figures if name in sent}
    return "amend_order", params


def _cancel_order(sent: dict[str, Any], _: Symbol) -> Written:
    match sent:
        case {"txid": str(txid), **rest} if not rest:
            return "cancel_order", {"order_id": [txid]}
        case {"cl_ord_id": str(name), **rest} if not rest:
            return "cancel_order", {"cl_ord_id": [name]}
    raise _RestOnly


def _batch_cancel(sent: dict[str, Any], _: Symbol) -> Written:
    # `orders` is required there; what has no id of Kraken's goes by REST.
    if set(sent) != {"orders"}:
        raise _RestOnly
    return "batch_cancel", {"orders": sent["orders"]}


_WRITERS: Final[Mapping[str, Callable[[dict[str, Any], Symbol], Written]]] = {
    "AddOrder": _add_order,
    "AddOrderBatch": _batch_add,
    "AmendOrder": _amend_order,
    "CancelOrder": _cancel_order,
    "CancelOrderBatch": _batch_cancel,
}


# Reading


def _as_by_rest(method: str, answer: Answer) -> Answer:
    """Give an answer as REST would have given it.

    Raises:
        ValueError: The frame is no answer to that message, or says two things at once.
    """
    reply = value_as(read_json(answer.body), _Reply)
    if reply.method not in {method, None}:
        msg = f"an answer to {(reply.method or '')[:40]!r}"
        raise ValueError(msg)
    if reply.error is not None:
        if reply.success or reply.result is not None:
            msg = "an answer with both result and error"
            raise ValueError(msg)
        return _envelope({"error": [reply.error]})
    if reply.success is not True or reply.method is None:
        msg = "an answer that is neither success nor error"
        raise ValueError(msg)
    return _envelope({"error": [], "result": _result(method, reply.result)})


def _envelope(body: Mapping[str, Any]) -> Answer:
    return Answer(status=200, body=_encode(body))


class _Placed(msgspec.Struct):
    order_id: str


class _Leg(msgspec.Struct):
    order_id: str | None = None
    success: bool | None = None
    error: str | None = None


class _Batch(msgspec.Struct):
    orders: list[_Leg]


class _Count(msgspec.Struct):
    count: int


class _Amended(msgspec.Struct):
    amend_id: str


def _result(method: str, result: Any) -> dict[str, Any]:
    match method:
        case "add_order":
            return {"txid": [value_as(result, _Placed).order_id]}
        case "batch_add":
            # The page shows a list; a recorded answer has it in `orders`.
            is_list = isinstance(result, list)
            legs = value_as({"orders": result} if is_list else result, _Batch).orders
            return {"orders": [_leg(leg) for leg in legs]}
        case "amend_order":
            return {"amend_id": value_as(result, _Amended).amend_id}
        case "batch_cancel":
            return {"count": value_as(result, _Count).count}
        case "cancel_order":
            return {"count": 1}
        case _:
            return {}


def _leg(leg: _Leg) -> dict[str, Any]:
    if leg.error:
        return {"error": leg.error}
    if leg.success is False or leg.order_id is None:
        return {}  # neither id nor error: its outcome is unknown
    return {"txid": leg.order_id}


def _read_token(answer: Answer) -> StreamToken:
    row = result_as(answer, _Token)
    return StreamToken(value=row.token, valid_s=float(row.expires))


def _read_nothing(answer: Answer) -> None:
    del answer
