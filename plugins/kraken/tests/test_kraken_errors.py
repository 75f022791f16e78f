"""Errors of Kraken: texts with status 200, and what each says of a request's effect."""

from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import (
    Advice,
    ExchangeOrderId,
    Failure,
    Instrument,
    OrderRef,
    Outcome,
    limit_buy,
)
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.error_table import MEANINGS

if TYPE_CHECKING:
    from .conftest import Wire


def call(kind: CallKind) -> Call[Any]:
    request = Request(method="POST", host="rest", path="/0/private/AddOrder")
    return Call(what="test", kind=kind, request=request, read=lambda _: None)


def failure(answer: Answer, kind: CallKind = CallKind.PLACE) -> Failure:
    found = KrakenAdapter("sim").failure(call(kind), answer)
    assert found is not None
    return found


@pytest.mark.parametrize("text", MEANINGS)
def test_every_documented_error_has_a_meaning(wire: "type[Wire]", text: str) -> None:
    found = failure(wire.refused(text))
    assert (found.code, found.is_documented) == (text, True)
    assert found.outcome in {Outcome.REJECTED, Outcome.UNKNOWN}


@pytest.mark.parametrize(
    ("text", "reason", "outcome", "advice"),
    [
        ("EOrder:Insufficient funds", "balance.insufficient", Outcome.REJECTED, Advice.NEVER),
        ("EAPI:Invalid nonce", "nonce.invalid", Outcome.REJECTED, Advice.NEW_NONCE),
        ("EAPI:Rate limit exceeded", "limit.exceeded", Outcome.REJECTED, Advice.AFTER_DELAY),
        ("EService: Throttled: 1741500000", "limit.exceeded", Outcome.REJECTED, Advice.AFTER_DELAY),
        ("EService:Unavailable", "exchange.unavailable", Outcome.UNKNOWN, Advice.AGAIN),
        ("EService:Deadline elapsed", "request.expired", Outcome.UNKNOWN, Advice.AGAIN),
        ("EOrder:Unknown order", "order.unknown", Outcome.REJECTED, Advice.NEVER),
        (
            "EGeneral:Invalid arguments:cl_ord_id not unique",
            "order.duplicate_id",
            Outcome.REJECTED,
            Advice.NEVER,
        ),
        ("EGeneral:Invalid arguments:volume", "request.invalid", Outcome.REJECTED, Advice.NEVER),
        ("EFuture:Nobody knows", "exchange.undocumented", Outcome.UNKNOWN, Advice.NEVER),
    ],
)
def test_what_an_error_says_of_a_placement(
    wire: "type[Wire]", text: str, reason: str, outcome: Outcome, advice: Advice
) -> None:
    found = failure(wire.refused(text))
    assert (found.reason, found.outcome, found.advice) == (reason, outcome, advice)


def test_of_a_read_nothing_is_unknown(wire: "type[Wire]") -> None:
    assert failure(wire.refused("EService:Unavailable"), CallKind.PRIVATE_READ).outcome is (
        Outcome.REJECTED
    )


def test_a_warning_is_no_error(wire: "type[Wire]") -> None:
    warned = Answer(status=200, body=b'{"error":["WGeneral:Danger"],"result":{}}')
    assert KrakenAdapter("sim").failure(call(CallKind.PLACE), warned) is None
    assert KrakenAdapter("sim").failure(call(CallKind.PLACE), wire.ok({"a": 1})) is None


def test_a_lockout_is_a_ban(wire: "type[Wire]") -> None:
    found = failure(wire.refused("EGeneral:Temporary lockout"))
    assert found.is_ban
    assert found.retry_after_s == 900


@pytest.mark.parametrize("status", [500, 502, 503, 520, 526])
@pytest.mark.parametrize("body", [b"<html>Cloudflare</html>", b'{"error":[]}', b""])
def test_whatever_is_not_kraken_s_own_answer_leaves_a_write_unknown(
    status: int, body: bytes
) -> None:
    found = failure(Answer(status=status, body=body))
    assert (found.outcome, found.advice) == (Outcome.UNKNOWN, Advice.AGAIN)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":1}', b'{"error":[1]}'])
def test_a_body_that_is_no_envelope_leaves_a_write_unknown(body: bytes) -> None:
    assert failure(Answer(status=200, body=body)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("date", "wait_s"),
    [
        ("Sat, 11 Jul 2026 12:00:00 GMT", 5.0),
        ("Sat, 11 Jul 2026 11:59:45 GMT", 15.0),
        # Another clock than the one that made the stamp, or no date at all.
        ("Sat, 11 Jul 2026 10:00:00 GMT", 5.0),
        ("yesterday", 5.0),
        ("Sat, 11 Jul 99999 12:00:00 GMT", 5.0),
        (None, 5.0),
    ],
)
def test_who_is_throttled_until_a_time_waits_until_then(date: str | None, wait_s: float) -> None:
    body = b'{"error":["EService: Throttled: 1783771200"]}'
    headers = {} if date is None else {"date": date}
    found = failure(Answer(status=200, headers=headers, body=body))
    assert (found.reason, found.retry_after_s) == ("limit.exceeded", wait_s)


GARBLED = [
    *("", "<html>ok</html>", "null", "[]", "1", "{}", '"yes"', '{"error":[', '{"success":tru'),
    *('{"orderId":', '{"error":5,"result":[],"success":1,"orderId":[],"id":7,"results":4}'),
    *("[" * 20_000, '{"id":"' + "x" * 1_000_000),
]
"""Under a status that says success."""


def _is_proof(adapter: KrakenAdapter, call: Call[Any], body: str) -> bool:
    """Say whether a write that was answered so is taken for done, or for refused."""
    reply = Answer(status=200, body=body.encode())
    failure = adapter.failure(call, reply)
    if failure is not None:
        return failure.outcome is not Outcome.UNKNOWN
    try:
        call.read(reply)
    except Exception:  # noqa: BLE001  # whatever a plugin raises, the framework calls it unknown
        return False
    return True


@pytest.mark.parametrize("body", GARBLED, ids=lambda body: body[:12])
def test_a_success_that_is_garbled_is_neither_done_nor_refused(
    adapter: KrakenAdapter, btc: Instrument, body: str
) -> None:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("1"))
    placed = adapter.place(
        limit_buy(btc.symbol, "1", "10", client_order_id="6d1b345e282140e2ad834ecb18a06876"), btc
    )
    assert not _is_proof(adapter, placed, body)
    assert not _is_proof(adapter, adapter.cancel(ref, btc), body)
