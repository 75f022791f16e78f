"""Failures: what an answer that is not a success says of the request's effect."""

import re
from collections.abc import Sequence
from typing import Any, Final

import attrs
import msgspec

from venuekit.model import Advice, BudgetUsage, Failure, Outcome
from venuekit.plugin import Adapter, Answer, Call, clean, read_typed
from venuekit_binance.error_table import TABLE, UNSUPPORTED

_CANCEL_REPLACE: Final = "/order/cancelReplace"
_CANCEL_ALL: Final = "/openOrders"
_SMALL: Final = 65_536
_SECONDS: Final = re.compile(r"\d{1,7}", re.ASCII)
_LONGEST_COUNT: Final = 9
_USAGE: Final = (
    ("x-mbx-used-weight-1m", "weight"),
    ("x-mbx-order-count-10s", "orders-10s"),
    ("x-mbx-order-count-1d", "orders-1d"),
)
"""The windows that our budgets have. Binance names others by the same pattern, should it add some;
no call pays them, so there is nothing to correct."""
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FIREWALL_PAUSE_S: Final = 60.0
_SHORTEST_BAN_S: Final = 120.0
"""Binance: bans last from 2 minutes to 3 days."""


class _Half(msgspec.Struct):
    code: int | None = None
    msg: str = ""


class _Halves(msgspec.Struct, rename="camel"):
    cancel_result: str
    new_order_result: str
    cancel_response: _Half | None = None
    new_order_response: _Half | None = None


class _Body(msgspec.Struct):
    code: int | str
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _MaybeCode(msgspec.Struct):
    code: int | str | None = None


_BODY: Final = msgspec.json.Decoder(_Body)
_HALVES: Final = msgspec.json.Decoder(_Halves)
_MAYBE_CODE: Final = msgspec.json.Decoder(_MaybeCode | list[msgspec.Raw])


class Errors(Adapter):
    """Tells failures from successes, and reads the usage headers."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one.

        Three answers with an error code are read by their call, as they carry results: the halves
        of a cancel-replace (-2021, -2022), and "Unknown order sent." to a cancel of everything,
        which Binance says when nothing was open.
        """
        is_write = call.kind.is_write
        if 200 <= answer.status < 300:
            return _failure_in_success(answer, is_write=is_write)
        try:
            body = read_typed(answer.body, _BODY)
        except ValueError:
            return _unreadable(answer, is_write=is_write)
        code = str(body.code)
        if code in {"-2021", "-2022"} and call.request.path.endswith(_CANCEL_REPLACE):
            return _halves_failure(code, body)
        failure = coded(code, body.msg, is_write=is_write)
        if (
            failure.reason == "order.unknown"
            and call.request.method == "DELETE"
            and call.request.path.endswith(_CANCEL_ALL)
        ):
            return None
        return _by_status(failure, answer, is_write=is_write)

    def usage(self, answer: Answer) -> Sequence[BudgetUsage]:
        """Read `X-MBX-USED-WEIGHT-…` and `X-MBX-ORDER-COUNT-…`; what is malformed is left out."""
        headers = answer.headers
        return [
            BudgetUsage(budget=budget, used=int(value))
            for name, budget in _USAGE
            if (value := headers.get(name)) is not None
            and value.isdigit()
            and value.isascii()
            and len(value) <= _LONGEST_COUNT
        ]


def budget_name(limiter: str, count: int, unit: str) -> str | None:
    """Name our budget for one of Binance's limiters; None for a kind that we do not know.

    Args:
        limiter: `rateLimitType`.
        count: `intervalNum`.
        unit: First letter of `interval`, in lower case.
    """
    span = f"{count}{unit}"
    if limiter == "ORDERS":
        return f"orders-{span}"
    usual = {"REQUEST_WEIGHT": ("weight", "1m"), "RAW_REQUESTS": ("raw", "5m")}.get(limiter)
    if limiter == "CONNECTIONS":
        usual = ("connections", "5m")
    if usual is None:
        return None
    name, usual_span = usual
    return name if span == usual_span else f"{name}-{span}"


def interval_s(count: int, unit: str) -> int:
    """Give the length of a limiter's window in seconds; raises ValueError for a foreign unit."""
    if unit not in _UNIT_S or count < 1:
        msg = f"interval {count} {unit!r}"
        raise ValueError(msg)
    return count * _UNIT_S[unit]


def coded(code: str, text: str, *, is_write: bool) -> Failure:
    """Say what a code and its text mean, wherever they stood."""
    failure = TABLE.failure(code, text, is_write=is_write)
    if code in TABLE.texts and failure.text.rstrip(".").endswith("supported for this symbol"):
        return attrs.evolve(failure, reason=UNSUPPORTED.reason)
    return failure


def _failure_in_success(answer: Answer, *, is_write: bool) -> Failure | None:
    """Look for an error code in an answer that says 2xx; large ones are market data."""
    if not is_write and len(answer.body) > _SMALL:
        return None
    try:
        body = read_typed(answer.body, _MAYBE_CODE)
    except ValueError:
        # A read is left to its call, which gives the place of the fault.
        return _unreadable(answer, is_write=True) if is_write else None
    if isinstance(body, list) or body.code is None:
        return None
    try:
        known = read_typed(answer.body, _BODY)
    except ValueError:
        return _unreadable(answer, is_write=is_write)
    return coded(str(known.code), known.msg, is_write=is_write)


def _halves_failure(code: str, body: _Body) -> Failure | None:
    """Say whether the halves of a cancel-replace can be read, each with a known effect."""
    try:
        halves = read_typed(bytes(body.data), _HALVES)
    except ValueError:
        return coded(code, body.msg, is_write=True)
    for result, half in (
        (halves.cancel_result, halves.cancel_response),
        (halves.new_order_result, halves.new_order_response),
    ):
        if result not in {"SUCCESS", "FAILURE", "NOT_ATTEMPTED"}:
            return coded("-2021", body.msg, is_write=True)
        if result == "FAILURE":
            if half is None or half.code is None:
                return coded("-2021", body.msg, is_write=True)
            failure = coded(str(half.code), half.msg, is_write=True)
            if failure.outcome is Outcome.UNKNOWN:
                return failure
    return None


def _by_status(failure: Failure, answer: Answer, *, is_write: bool) -> Failure:
    """Correct what a code says by the status that it came with."""
    wait = _retry_after_s(answer)
    if answer.status == 418:
        return _ban(failure, wait)
    if answer.status == 429:
        return attrs.evolve(
            failure,
            advice=Advice.AFTER_DELAY,
            reason=failure.reason if failure.is_documented else "limit.exceeded",
            retry_after_s=wait,
        )
    if answer.status >= 500:
        # Whatever the code says: Binance promises nothing for these, except that a read has none.
        return attrs.evolve(
            failure,
            outcome=Outcome.UNKNOWN,
            advice=failure.advice if failure.is_documented else Advice.AGAIN,
            retry_after_s=wait,
        )
    del is_write
    return attrs.evolve(failure, retry_after_s=wait) if wait is not None else failure


def _ban(failure: Failure, wait: float | None) -> Failure:
    return attrs.evolve(
        failure,
        advice=Advice.AFTER_DELAY,
        reason="limit.banned",
        retry_after_s=_SHORTEST_BAN_S if wait is None else wait,
        is_ban=True,
    )


def _unreadable(answer: Answer, *, is_write: bool) -> Failure:
    """Judge an answer without Binance's error body: a proxy, a firewall, a page in HTML."""
    wait = _retry_after_s(answer)
    failure = Failure(
        outcome=Outcome.UNKNOWN if is_write or answer.status >= 500 else Outcome.REJECTED,
        advice=Advice.AGAIN if answer.status >= 500 else Advice.NEVER,
        reason="exchange.unavailable" if answer.status >= 500 else "answer.unreadable",
        code=f"HTTP {answer.status}",
        text=clean(answer.body[:400].decode("utf-8", "replace")),
        retry_after_s=wait,
    )
    if answer.status == 418:
        return _ban(failure, wait)
    if answer.status == 429:
        return attrs.evolve(failure, advice=Advice.AFTER_DELAY, reason="limit.exceeded")
    if answer.status == 403:
        # The web application firewall. No guarantee is documented that nothing was placed.
        return attrs.evolve(
            failure,
            advice=Advice.AFTER_DELAY,
            reason="limit.firewall",
            retry_after_s=_FIREWALL_PAUSE_S if wait is None else wait,
        )
    if answer.status == 401:
        return attrs.evolve(failure, reason="key.rejected")
    return failure


def _retry_after_s(answer: Answer) -> float | None:
    """Read `Retry-After` in seconds; the form with a date is not used by Binance."""
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if _SECONDS.fullmatch(value) else None
