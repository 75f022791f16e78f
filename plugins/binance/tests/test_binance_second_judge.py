"""ccxt as a second judge: on random input its hashes and its values are the same."""

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from venuekit.auth import Redactor, SecretKey
from venuekit.model import ExchangeOrderId, Instrument, OrderPhase, OrderRef, plain
from venuekit.plugin import Answer, Call, Request, Stamp
from venuekit_binance.adapter import BinanceAdapter

ccxt = pytest.importorskip("ccxt")
pytestmark = [pytest.mark.rivals, pytest.mark.second_judge("binance", "ccxt")]

# Of Binance's documentation; it opens nothing.
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
MARKET: dict[str, Any] = {
    "id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "type": "spot",
    "spot": True, "margin": False, "contract": False, "option": False, "linear": None,
    "inverse": None, "active": True, "precision": {}, "limits": {}, "info": {},
}  # fmt: skip
STATES = {
    OrderPhase.OPEN: {"open"},
    OrderPhase.PARTIALLY_FILLED: {"open"},
    OrderPhase.FILLED: {"closed"},
    OrderPhase.CANCELED: {"canceled"},
    OrderPhase.EXPIRED: {"expired", "canceled"},
}
Make = Callable[..., Answer]

# What is read keeps nothing, so one adapter does for all.
reading = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text("abcdefghijklmnopqrstuvwxyzABC", min_size=1, max_size=12)
values = st.text("ABCabc0123456789.,:+-_/@=&", min_size=1, max_size=30)
amounts = st.integers(1, 10**12).map(lambda n: plain(Decimal(n).scaleb(-8)))
sides = st.sampled_from(["BUY", "SELL"])
moments = st.integers(10**12, 2 * 10**12)


def theirs() -> Any:
    client = ccxt.binance({"apiKey": "public", "secret": SECRET})
    client.number = str
    client.set_markets([MARKET])
    return client


@given(
    params=st.dictionaries(
        words.filter(lambda word: word not in {"timestamp", "signature"}), values, max_size=5
    ),
    time_ms=moments,
)
def test_it_hashes_the_same_and_sends_the_same_parameters(
    params: dict[str, str], time_ms: int
) -> None:
    key = SecretKey(api_key="public", algorithm="hmac-sha256", secret=SECRET, redactor=Redactor())
    request = Request(method="GET", host="rest", path="/api/v3/order", query=urlencode(params))
    ours = BinanceAdapter("sim").sign(request, key, Stamp(time_ns=time_ms * 10**6))
    payload, _, signature = ours.query.partition("&signature=")
    client = theirs()
    client.nonce = lambda: time_ms
    (sent, _) = ours.query.split("&signature=")
    signed = client.sign("order", ["private"], "GET", params)

    assert signature == client.hmac(client.encode(payload), client.encode(SECRET), hashlib.sha256)
    wire = dict(parse_qsl(signed["url"].partition("?")[2]))
    # It has a window of its own, which belongs to its settings.
    wire = {name: value for name, value in wire.items() if name not in {"signature", "recvWindow"}}
    assert {n: v for n, v in parse_qsl(sent) if n != "recvWindow"} == wire
    assert ours.headers["X-MBX-APIKEY"] == signed["headers"]["X-MBX-APIKEY"]


@reading
@given(
    side=sides,
    status=st.sampled_from(["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"]),
    price=amounts, volume=amounts, share=st.integers(1, 99), created=moments,
)  # fmt: skip
def test_it_reads_orders_the_same(
    adapter: BinanceAdapter,
    btc: Instrument,
    answer: Make,
    side: str,
    status: str,
    price: str,
    volume: str,
    share: int,
    created: int,
) -> None:
    part = (Decimal(volume) * share / 100).quantize(Decimal("1e-8"))
    executed = {"NEW": Decimal(0), "FILLED": Decimal(volume)}.get(status, part)
    row = {
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "mine-1",
        "price": price, "origQty": volume, "executedQty": plain(executed),
        "cummulativeQuoteQty": plain((executed * Decimal(price)).quantize(Decimal("1e-8"))),
        "status": status, "timeInForce": "GTC", "type": "LIMIT", "side": side,
        "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": created,
        "updateTime": created, "isWorking": True, "origQuoteOrderQty": "0.00000000",
    }  # fmt: skip
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("28"))
    ours = adapter.fetch_order(ref, btc).read(answer(row))
    read = theirs().parse_order(row, MARKET)

    assert ours is not None
    assert (ours.exchange_order_id, ours.client_order_id) == (read["id"], read["clientOrderId"])
    assert (ours.symbol, ours.side.value, ours.type.value) == (
        read["symbol"],
        read["side"],
        read["type"],
    )
    assert read["status"] in STATES[ours.phase]
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert ours.filled == Decimal(read["filled"])
    assert ours.filled_quote == Decimal(read["cost"])
    assert ours.created_ns == read["timestamp"] * 10**6


@reading
@given(
    is_buyer=st.booleans(), is_maker=st.booleans(), price=amounts, volume=amounts, fee=amounts,
    time_ms=moments, asset=st.sampled_from(["BTC", "USDT", "BNB"]),
)  # fmt: skip
def test_it_reads_trades_the_same(
    adapter: BinanceAdapter,
    btc: Instrument,
    answer: Make,
    is_buyer: bool,
    is_maker: bool,
    price: str,
    volume: str,
    fee: str,
    time_ms: int,
    asset: str,
) -> None:
    row = {
        "symbol": "BTCUSDT", "id": 28457, "orderId": 100234, "orderListId": -1, "price": price,
        "qty": volume, "quoteQty": "1", "commission": fee, "commissionAsset": asset,
        "time": time_ms, "isBuyer": is_buyer, "isMaker": is_maker, "isBestMatch": True,
    }  # fmt: skip
    call = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1)
    assert isinstance(call, Call)
    (ours,) = call.read(answer([row]))
    read = theirs().parse_trade(row, MARKET)

    assert ours.liquidity is not None
    assert ours.fee is not None
    assert (ours.trade_id, ours.exchange_order_id) == (read["id"], read["order"])
    assert (ours.side.value, ours.liquidity.value) == (read["side"], read["takerOrMaker"])
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert (ours.fee.amount, ours.fee.asset) == (
        Decimal(read["fee"]["cost"]),
        read["fee"]["currency"],
    )
    assert ours.time_ns == read["timestamp"] * 10**6
