"""ccxt as a second judge: on random input it signs the same bytes and reads the same values."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.auth import Redactor, SecretKey
from venuekit.model import ExchangeOrderId, OrderPhase, OrderRef, plain
from venuekit.plugin import Answer, Request, Stamp
from venuekit_bitstamp.streams import Adapter

ccxt = pytest.importorskip("ccxt")
pytestmark = [pytest.mark.rivals, pytest.mark.second_judge("bitstamp", "ccxt")]

SECRET = "sample-secret-that-opens-nothing"
MARKET: dict[str, Any] = {
    "id": "btcusd", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "baseId": "btc",
    "quoteId": "usd", "type": "spot", "spot": True, "margin": False, "contract": False,
    "active": True, "precision": {}, "limits": {}, "info": {},
}  # fmt: skip
LISTED = {
    "name": "BTC/USD", "market_symbol": "btcusd", "base_currency": "BTC", "base_decimals": 8,
    "counter_currency": "USD", "counter_decimals": 0, "minimum_order_value": "10",
    "trading": "Enabled", "market_type": "SPOT",
}  # fmt: skip
STATES = {
    OrderPhase.OPEN: "open",
    OrderPhase.PARTIALLY_FILLED: "open",
    OrderPhase.FILLED: "closed",
    OrderPhase.CANCELED: "canceled",
}
words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
values = st.text("ABCabc0123456789.:-", min_size=1, max_size=30)
amounts = st.integers(1, 10**12).map(lambda n: plain(Decimal(n).scaleb(-8)))


def theirs() -> Any:
    client = ccxt.bitstamp({"apiKey": "public", "secret": SECRET})
    client.number = str
    client.set_markets([MARKET])
    return client


@given(
    params=st.dictionaries(words, values, min_size=1, max_size=5),
    time_ms=st.integers(10**12, 2 * 10**12),
    nonce=st.integers(1, 2**60),
)
def test_it_signs_the_same(params: dict[str, str], time_ms: int, nonce: int) -> None:
    key = SecretKey(api_key="public", algorithm="hmac-sha256", secret=SECRET, redactor=Redactor())
    request = Request(
        method="POST",
        host="rest",
        path="/api/v2/order_status/",
        body=urlencode(params).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    ours = Adapter("live").sign(request, key, Stamp(time_ns=time_ms * 10**6, nonce=nonce))
    client = theirs()
    client.uuid = lambda: ours.headers["X-Auth-Nonce"]
    client.milliseconds = lambda: int(ours.headers["X-Auth-Timestamp"])
    sent = dict(parse_qsl(ours.body.decode()))
    signed = client.sign("order_status/", ["private"], "POST", sent)

    assert sent == params
    assert ours.body.decode() == signed["body"]
    wanted = {name: value for name, value in ours.headers.items() if name.startswith("X-Auth")}
    assert wanted == {name: signed["headers"][name] for name in wanted}


@given(
    side=st.sampled_from(["0", "1"]),
    status=st.sampled_from(["Open", "Finished", "Canceled"]),
    trades=st.lists(st.tuples(amounts, amounts, amounts), max_size=4),
    left=amounts,
)
def test_it_reads_an_order_and_its_trades_the_same(
    side: str, status: str, trades: list[tuple[str, str, str]], left: str
) -> None:
    adapter = Adapter("sim")
    listing = adapter.fetch_listing()
    adapter.instruments = listing.read(_answer([LISTED])).instruments
    row = {
        "id": 2814205012, "client_order_id": "mine-1", "datetime": "2026-02-03 10:11:12.123456",
        "type": side, "status": status, "market": "BTC/USD",
        "amount_remaining": "0" if status == "Finished" else left,
        "transactions": [
            {"tid": n, "price": price, "btc": volume, "usd": "1", "fee": fee, "type": 2,
             "datetime": "2026-02-03 10:11:12.123456"}
            for n, (price, volume, fee) in enumerate(trades, start=1)
        ],
    }  # fmt: skip
    ref = OrderRef(symbol="BTC/USD", exchange_order_id=ExchangeOrderId("2814205012"))  # type: ignore[arg-type]  # a plain text is enough
    ours = adapter.fetch_order(ref, adapter.instruments["BTC/USD"]).read(_answer(row))
    client = theirs()
    read = client.parse_order(row, MARKET)

    assert (ours.exchange_order_id, ours.client_order_id) == (read["id"], read["clientOrderId"])
    assert (ours.symbol, ours.side.value) == (read["symbol"], read["side"])
    assert STATES[ours.phase] == read["status"]
    for mine, other in zip(ours.fills, read["trades"], strict=True):
        assert (mine.trade_id, mine.price) == (other["id"], Decimal(other["price"]))
        assert mine.quantity == Decimal(other["amount"])
        assert mine.fee is not None
        assert mine.fee.amount == Decimal(other["fee"]["cost"])


def _answer(value: Any) -> Answer:
    return Answer(status=200, body=json.dumps(value).encode())
