"""Coinbase Exchange: what answers that are no success say, and what they leave open."""

import json
from typing import Any

import pytest

from venuekit.model import (
    Advice,
    ClientOrderId,
    ExchangeOrderId,
    Instrument,
    OrderRef,
    Outcome,
    Symbol,
    limit_buy,
)
from venuekit.plugin import Answer, Call
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

OID = ClientOrderId("7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11")
ID = ExchangeOrderId("d0c5340b-6d6c-49d9-b567-48c4bfca13d2")
REF = OrderRef(symbol=Symbol("BTC/USD"), exchange_order_id=ID)
BUY = limit_buy("BTC/USD", "0.01", "50000", client_order_id=OID)
ROW = {"id": ID, "product_id": "BTC-USD", "side": "buy", "status": "open", "client_oid": OID}


def _failed(exchange: ExchangeAdapter, call: Call[Any], status: int, said: Any) -> Any:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return exchange.failure(call, Answer(status=status, body=body))


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (400, b"<html>forbidden</html>", "exchange.undocumented"),
        (400, {"message": 5}, "exchange.undocumented"),
        (400, ["forbidden"], "exchange.undocumented"),
        (418, {"message": "tea"}, "exchange.undocumented"),
        (400, b"forbidden", "permission.denied"),
        (401, {"message": "who are you"}, "key.rejected"),
        (401, b"<html>", "key.rejected"),
        (403, {"message": "no"}, "permission.denied"),
        (404, {"message": "no"}, "order.unknown"),
        (429, b"<html>", "limit.exceeded"),
        (500, {"message": "invalid api key"}, "exchange.failed"),
        (500, b"<html>", "exchange.failed"),
    ],
)
def test_the_status_speaks_only_where_the_words_say_nothing(
    exchange: ExchangeAdapter, exchange_btc: Instrument, status: int, said: Any, reason: str
) -> None:
    call = exchange.fetch_order(REF, exchange_btc)
    failure = _failed(exchange, call, status, said)
    assert failure.reason == reason
    assert failure.code == f"HTTP {status}"
    assert failure.is_documented is (reason != "exchange.undocumented")
    is_open = reason == "exchange.failed"
    assert failure.outcome is (Outcome.UNKNOWN if is_open else Outcome.REJECTED)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_proxy_s_page_says_nothing_of_what_became_of_an_order(
    exchange: ExchangeAdapter, exchange_btc: Instrument, status: int
) -> None:
    failure = _failed(exchange, exchange.place(BUY, exchange_btc), status, b"<html>")
    assert failure.outcome is Outcome.UNKNOWN


def test_how_long_to_wait_is_said_where_a_limit_was_exceeded(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    call = exchange.place(BUY, exchange_btc)
    limited = _failed(exchange, call, 429, {"message": "slow down"})
    assert (limited.advice, limited.retry_after_s) == (Advice.AFTER_DELAY, 1.0)
    for status, said in ((400, "Insufficient funds"), (401, "Invalid API Key"), (503, "later")):
        assert _failed(exchange, call, status, {"message": said}).retry_after_s is None


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("insufficient_funds", "balance.insufficient"), ("moon_phase", "order.rejected")],
)
def test_a_rejection_says_why_as_far_as_that_is_known(
    exchange: ExchangeAdapter, exchange_btc: Instrument, reason: str, expected: str
) -> None:
    rejected = {**ROW, "status": "rejected", "reject_reason": reason}
    failure = _failed(exchange, exchange.place(BUY, exchange_btc), 200, rejected)
    assert (failure.reason, failure.text, failure.code) == (expected, reason, "rejected")
