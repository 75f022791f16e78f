"""ccxt as a second judge: on random input it signs the same bytes and reads the same values."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from venuekit.auth import Redactor, SecretKey
from venuekit.model import ExchangeOrderId, Instrument, OrderPhase, OrderRef, plain
from venuekit.plugin import Request, Stamp
from venuekit_kraken.adapter import KrakenAdapter

if TYPE_CHECKING:
    from plugins.kraken.tests.conftest import Wire  # type: ignore[import-not-found,unused-ignore]

ccxt = pytest.importorskip("ccxt")
pytestmark = [pytest.mark.rivals, pytest.mark.second_judge("kraken", "ccxt")]

# Kraken's own example, which opens nothing.
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
SYMBOL = "BTC/USD"
MARKET: dict[str, Any] = {
    "id": "XXBTZUSD", "symbol": SYMBOL, "base": "BTC", "quote": "USD", "type": "spot",
    "spot": True, "margin": False, "contract": False, "active": True, "precision": {},
    "limits": {}, "info": {},
}  # fmt: skip
STATES = {
    OrderPhase.PENDING: "open",
    OrderPhase.OPEN: "open",
    OrderPhase.PARTIALLY_FILLED: "open",
    OrderPhase.FILLED: "closed",
    OrderPhase.CANCELED: "canceled",
    OrderPhase.EXPIRED: "expired",
}

# What is read keeps nothing, so one adapter does for all.
reading = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
values = st.text("ABCabc0123456789.,:+-_/@=&", max_size=30)
amounts = st.integers(1, 10**12).map(lambda n: plain(Decimal(n).scaleb(-8)))
prices = st.integers(1, 10**8).map(lambda n: plain(Decimal(n).scaleb(-1)))
moments = st.integers(10**13, 2 * 10**13).map(lambda n: n / 10**4)


def theirs() -> Any:
    client = ccxt.kraken({"apiKey": "public", "secret": SECRET})
    client.number = str
    client.set_markets([MARKET])
    return client


@given(
    params=st.dictionaries(words.filter(lambda w: w not in {"nonce", "price"}), values, max_size=5),
    path=st.sampled_from(["AddOrder", "QueryOrders", "Balance", "TradesHistory"]),
    nonce=st.integers(1, 2**63 - 1),
)
def test_it_signs_the_same(params: dict[str, str], path: str, nonce: int) -> None:
    key = SecretKey(api_key="public", algorithm="hmac-sha512", secret=SECRET, redactor=Redactor())
    request = Request(
        method="POST",
        host="rest",
        path=f"/0/private/{path}",
        body=urlencode(params).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    ours = KrakenAdapter("sim").sign(request, key, Stamp(time_ns=0, nonce=nonce))
    (first, *sent) = parse_qsl(ours.body.decode(), keep_blank_values=True)
    client = theirs()
    client.incrementing_nonce = lambda: nonce
    signed = client.sign(path, ["private"], "POST", dict(sent))

    assert first == ("nonce", str(nonce))
    assert set(params.items()) <= set(sent)
    assert ours.body.decode() == signed["body"]
    assert ours.headers["API-Sign"] == signed["headers"]["API-Sign"]


@reading
@given(
    side=st.sampled_from(["buy", "sell"]),
    status=st.sampled_from(["pending", "open", "closed", "canceled", "expired"]),
    price=prices,
    volume=amounts,
    share=st.integers(0, 100),
    opened=moments,
)
def test_it_reads_orders_the_same(
    adapter: KrakenAdapter,
    btc: Instrument,
    wire: "type[Wire]",
    side: str,
    status: str,
    price: str,
    volume: str,
    share: int,
    opened: float,
) -> None:
    executed = (
        volume
        if status == "closed"
        else plain((Decimal(volume) * share / 100).quantize(Decimal("1e-8")))
    )
    if status != "closed" and Decimal(executed) == Decimal(volume):
        executed = "0"
    row = wire.order(status=status, vol=volume, vol_exec=executed, opentm=opened)
    row["descr"] |= {
        "type": side,
        "price": price,
        "order": f"{side} {volume} XBTUSD @ limit {price}",
    }
    row["cost"] = plain((Decimal(executed) * Decimal(price)).quantize(Decimal("1e-5")))
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("OQCLML-BW3P3-BUCMWZ"))

    ours = wire.run(adapter.fetch_order(ref, btc), wire.ok({"OQCLML-BW3P3-BUCMWZ": row}))
    read = theirs().parse_order({"id": "OQCLML-BW3P3-BUCMWZ", **row}, MARKET)

    assert (ours.exchange_order_id, ours.client_order_id) == (read["id"], read["clientOrderId"])
    assert (ours.symbol, ours.side.value, ours.type.value) == (SYMBOL, read["side"], read["type"])
    assert STATES[ours.phase] == read["status"]
    assert ours.price == Decimal(read["price"])
    assert ours.quantity == Decimal(read["amount"])
    assert ours.filled == Decimal(read["filled"])
    assert abs(ours.created_ns // 10**6 - read["timestamp"]) <= 1


@reading
@given(
    side=st.sampled_from(["buy", "sell"]), price=prices, volume=amounts, fee=amounts,
    is_maker=st.booleans(), time_s=moments,
)  # fmt: skip
def test_it_reads_trades_the_same(
    adapter: KrakenAdapter,
    btc: Instrument,
    wire: "type[Wire]",
    side: str,
    price: str,
    volume: str,
    fee: str,
    is_maker: bool,
    time_s: float,
) -> None:
    row = wire.trade(type=side, price=price, vol=volume, fee=fee, maker=is_maker, time=time_s)
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1)
    (ours,) = wire.run(steps, wire.ok({"trades": {"TKH2SE-M7IF5-CFI7LT": row}, "count": 1}))
    read = theirs().parse_trade({"id": "TKH2SE-M7IF5-CFI7LT", **row}, MARKET)

    assert (ours.trade_id, ours.exchange_order_id) == (read["id"], read["order"])
    assert ours.side.value == read["side"]
    assert ours.liquidity.value == read["takerOrMaker"]
    assert (ours.price, ours.quantity) == (Decimal(read["price"]), Decimal(read["amount"]))
    assert (ours.fee.amount, ours.fee.asset) == (
        Decimal(read["fee"]["cost"]),
        read["fee"]["currency"],
    )
    assert abs(ours.time_ns // 10**6 - read["timestamp"]) <= 1
