"""ccxt as a second judge: on random input it names the same request and reads the same values."""

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import venuekit_coinbase
from venuekit.auth import Redactor, SecretKey
from venuekit.model import ExchangeOrderId, Instrument, OrderPhase, OrderRef, plain
from venuekit.plugin import Request, Stamp
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

ccxt = pytest.importorskip("ccxt")
pytestmark = [pytest.mark.rivals]
advanced = pytest.mark.second_judge("coinbase", "ccxt")
older = pytest.mark.second_judge("coinbase-exchange", "ccxt")

MARKET: dict[str, Any] = {
    "id": "BTC-USD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "baseId": "BTC",
    "quoteId": "USD", "type": "spot", "spot": True, "margin": False, "contract": False,
    "active": True, "precision": {}, "limits": {}, "info": {},
}  # fmt: skip
STATES = {
    OrderPhase.PENDING: {"open"},
    OrderPhase.OPEN: {"open"},
    OrderPhase.PARTIALLY_FILLED: {"open"},
    OrderPhase.FILLED: {"closed"},
    OrderPhase.CANCELED: {"canceled"},
    OrderPhase.EXPIRED: {"canceled", "expired"},
}
# Published with RFC 6979; it opens nothing.
SAMPLE = json.loads((Path(venuekit_coinbase.__file__).parent / "known_answers.json").read_text())[0]
EXCHANGE_SECRET = base64.b64encode(b"a sample key that opens nothing").decode()
Ask = Callable[..., tuple[Any, Any]]

# What is read keeps nothing, so one adapter does for all.
reading = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
values = st.text("ABCabc0123456789.:-", min_size=1, max_size=30)
amounts = st.integers(1, 10**12).map(lambda n: plain(Decimal(n).scaleb(-8)))
moments = st.integers(10**9, 2 * 10**9)
sides = st.sampled_from(["BUY", "SELL"])


def theirs(kind: str = "coinbase", **settings: str) -> Any:
    client = getattr(ccxt, kind)(settings)
    client.number = str
    client.set_markets([MARKET])
    return client


def claims(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    read = [json.loads(base64.urlsafe_b64decode(each + "==")) for each in (head, body)]
    return read[0], read[1]


@advanced
@given(
    params=st.dictionaries(words, values, max_size=4),
    path=st.sampled_from(["orders/historical/batch", "accounts", "key_permissions"]),
    time_s=moments,
)
def test_its_token_names_the_same_key_and_request(
    params: dict[str, str], path: str, time_s: int
) -> None:
    secret = SAMPLE["secret"].replace("\\n", "\n")
    key = SecretKey(
        api_key=SAMPLE["api_key"], algorithm="es256", secret=secret, redactor=Redactor()
    )
    request = Request(
        method="GET", host="rest", path=f"/api/v3/brokerage/{path}", query=urlencode(params)
    )
    stamp = Stamp(time_ns=time_s * 10**9, nonce=time_s * 10**6)
    ours = CoinbaseAdapter("live").sign(request, key, stamp)
    client = theirs(apiKey=SAMPLE["api_key"], secret=secret)
    client.seconds = lambda: time_s
    signed = client.sign(f"brokerage/{path}", ["v3", "private"], "GET", params)

    mine, others = (
        claims(each["Authorization"].removeprefix("Bearer "))
        for each in (ours.headers, signed["headers"])
    )
    assert (mine[0]["alg"], mine[0]["kid"]) == (others[0]["alg"], others[0]["kid"])
    assert (mine[1]["sub"], mine[1]["uri"]) == (others[1]["sub"], others[1]["uri"])
    # Ours is good for less long, and from a little earlier on.
    assert others[1]["nbf"] - 10 <= mine[1]["nbf"] < mine[1]["exp"] <= others[1]["exp"]


@advanced
@reading
@given(
    side=sides,
    status=st.sampled_from(["OPEN", "FILLED", "CANCELLED", "EXPIRED"]),
    price=amounts, volume=amounts, share=st.integers(0, 99), created=moments,
)  # fmt: skip
def test_it_reads_orders_the_same(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    side: str,
    status: str,
    price: str,
    volume: str,
    share: int,
    created: int,
) -> None:
    part = (Decimal(volume) * share / 100).quantize(Decimal("1e-8"))
    executed = Decimal(volume) if status == "FILLED" else part
    config = {"base_size": volume, "limit_price": price, "post_only": False}
    row = {
        "order_id": "0000-1", "client_order_id": "ours-1", "product_id": "BTC-USD", "side": side,
        "status": status, "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": ccxt.Exchange.iso8601(created * 1000),
        "order_configuration": {"limit_limit_gtc": config}, "filled_size": plain(executed),
        "filled_value": plain((executed * Decimal(price)).quantize(Decimal("1e-8"))),
        "average_filled_price": price if executed else "0", "number_of_fills": "1",
        "order_type": "LIMIT", "reject_reason": "REJECT_REASON_UNSPECIFIED", "edit_history": [],
    }  # fmt: skip
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("0000-1"))
    ours, _ = ask(adapter.fetch_order(ref, btc), {"order": row})
    read = theirs().parse_order(row, MARKET)

    assert (ours.exchange_order_id, ours.client_order_id) == (read["id"], read["clientOrderId"])
    assert (ours.symbol, ours.side.value, ours.type.value) == (
        read["symbol"],
        read["side"],
        read["type"],
    )
    assert read["status"] in STATES[ours.phase]
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert ours.filled == Decimal(read["filled"])
    assert ours.created_ns == read["timestamp"] * 10**6


@advanced
@reading
@given(side=sides, price=amounts, volume=amounts, fee=amounts, is_maker=st.booleans(), at=moments)
def test_it_reads_trades_the_same(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    side: str,
    price: str,
    volume: str,
    fee: str,
    is_maker: bool,
    at: int,
) -> None:
    row = {
        "entry_id": "22222-1", "trade_id": "1111-1", "order_id": "0000-1",
        "trade_time": ccxt.Exchange.iso8601(at * 1000), "trade_type": "FILL", "price": price,
        "size": volume, "commission": fee, "product_id": "BTC-USD",
        "sequence_timestamp": ccxt.Exchange.iso8601(at * 1000),
        "liquidity_indicator": "MAKER" if is_maker else "TAKER", "size_in_quote": False,
        "side": side,
    }  # fmt: skip
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1)
    (ours,), _ = ask(steps, {"fills": [row], "cursor": ""})
    read = theirs().parse_trade(row, MARKET)

    assert (ours.exchange_order_id, ours.side.value) == (read["order"], read["side"])
    assert ours.liquidity.value == read["takerOrMaker"]
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert (ours.fee.amount, ours.fee.asset) == (
        Decimal(read["fee"]["cost"]),
        read["fee"]["currency"],
    )
    assert ours.time_ns == read["timestamp"] * 10**6


@older
@given(
    params=st.dictionaries(words, values, max_size=4),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    time_s=moments,
)
def test_coinbase_exchange_is_signed_the_same(
    params: dict[str, str], method: str, time_s: int
) -> None:
    client = theirs("coinbaseexchange", apiKey="public", secret=EXCHANGE_SECRET, password="sample")
    client.nonce = lambda: time_s
    signed = client.sign("orders", ["private"], method, params)
    key = SecretKey(
        api_key="public", algorithm="hmac-sha256", secret=EXCHANGE_SECRET, passphrase="sample",
        redactor=Redactor(),
    )  # fmt: skip
    request = Request(
        method=method,
        host="rest",
        path="/orders",
        query=urlencode(params) if method == "GET" else "",
        body=(signed["body"] or "").encode(),
    )
    ours = ExchangeAdapter("sim").sign(request, key, Stamp(time_ns=time_s * 10**9))

    theirs_too = signed["headers"]
    for name in ("CB-ACCESS-KEY", "CB-ACCESS-PASSPHRASE"):
        assert ours.headers[name] == theirs_too[name]
    assert Decimal(ours.headers["CB-ACCESS-TIMESTAMP"]) == Decimal(
        theirs_too["CB-ACCESS-TIMESTAMP"]
    )
    client.nonce = lambda: ours.headers["CB-ACCESS-TIMESTAMP"]  # with as many digits as ours
    again = client.sign("orders", ["private"], method, params)["headers"]
    assert ours.headers["CB-ACCESS-SIGN"] == again["CB-ACCESS-SIGN"]


@older
@reading
@given(
    side=st.sampled_from(["buy", "sell"]),
    status=st.sampled_from(["pending", "open", "filled", "canceled"]),
    price=amounts, volume=amounts, share=st.integers(1, 99), created=moments,
)  # fmt: skip
def test_coinbase_exchange_orders_are_read_the_same(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    ask: Ask,
    side: str,
    status: str,
    price: str,
    volume: str,
    share: int,
    created: int,
) -> None:
    part = (Decimal(volume) * share / 100).quantize(Decimal("1e-8"))
    executed = {"pending": Decimal(0), "filled": Decimal(volume)}.get(status, part)
    is_done = status in {"filled", "canceled"}
    row = {
        "id": "d0c5340b-6d6c-49d9-b567-48c4bfca13d2", "price": price, "size": volume,
        "product_id": "BTC-USD", "side": side, "type": "limit", "time_in_force": "GTC",
        "post_only": False, "created_at": ccxt.Exchange.iso8601(created * 1000), "fill_fees": "0",
        "filled_size": plain(executed),
        "executed_value": plain((executed * Decimal(price)).quantize(Decimal("1e-8"))),
        "status": "done" if is_done else status, "settled": is_done,
        "client_oid": "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11",
        **({"done_reason": status, "done_at": ccxt.Exchange.iso8601(created * 1000)}
           if is_done else {}),
    }  # fmt: skip
    ref = OrderRef(symbol=exchange_btc.symbol, exchange_order_id=ExchangeOrderId(str(row["id"])))
    ours, _ = ask(exchange.fetch_order(ref, exchange_btc), row)
    read = theirs("coinbaseexchange").parse_order(row, MARKET)

    assert (ours.exchange_order_id, ours.client_order_id) == (read["id"], read["clientOrderId"])
    assert (ours.symbol, ours.side.value, ours.type.value) == (
        read["symbol"],
        read["side"],
        read["type"],
    )
    assert read["status"] in STATES[ours.phase]
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert (ours.filled, ours.filled_quote or 0) == (Decimal(read["filled"]), Decimal(read["cost"]))
    assert ours.created_ns == read["timestamp"] * 10**6
