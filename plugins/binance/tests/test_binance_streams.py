"""Streams: what is sent, what each frame means, and what is refused."""

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import (
    Balance,
    BalanceDelta,
    BalancesEvent,
    BestPrice,
    BookChange,
    Candle,
    Fee,
    Instrument,
    Liquidity,
    OrderEvent,
    OrderPhase,
    Side,
    Ticker,
    Trade,
    plain,
)
from venuekit.plugin import (
    Access,
    Acknowledged,
    BookRule,
    Closing,
    FrameEvent,
    Published,
    Refused,
    Stamp,
    Subscription,
    Topic,
)
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.figures import amount, amounts

NS = 1_000_000

TRADE = (
    '{"e":"trade","E":1784100000052,"s":"BTCUSDT","t":500004,"p":"64000.02000000",'
    '"q":"0.01000000","T":1784100000050,"m":false,"M":true}'
)
AGGREGATE = (
    '{"e":"aggTrade","E":1784100000052,"s":"BTCUSDT","a":41002,"p":"64000.02000000",'
    '"q":"0.03000000","f":500004,"l":500006,"T":1784100000050,"m":true,"M":true,"st":1}'
)
KLINE = (
    '{"e":"kline","E":1784100000500,"s":"BTCUSDT","k":{"t":1784100000000,"T":1784100059999,'
    '"s":"BTCUSDT","i":"1m","f":500004,"L":500006,"o":"64000.02000000","c":"64000.03000000",'
    '"h":"64000.05000000","l":"64000.01000000","v":"0.05000000","n":3,"x":false,'
    '"q":"3200.00150000","V":"0.03000000","Q":"1920.00060000","B":"0"}}'
)
BEST = (
    '{"u":90210040,"s":"BTCUSDT","b":"64000.01000000","B":"0.50000000","a":"64000.02000000",'
    '"A":"0.74000000"}'
)
DEPTH = (
    '{"e":"depthUpdate","E":1784100000100,"s":"BTCUSDT","U":90210018,"u":90210040,'
    '"b":[["64000.01000000","0.50000000"]],"a":[["64000.02000000","0.74000000"],'
    '["64001.00000000","0.00000000"]]}'
)
DAY = (
    '{"e":"24hrTicker","E":1784100000123,"s":"BTCUSDT","p":"640.0","P":"1.010","w":"63700.1",'
    '"x":"63360.02","c":"64000.02","Q":"0.01","b":"64000.01","B":"0.5","a":"64000.02","A":"0.75",'
    '"o":"63360.02","h":"64250.0","l":"63100.0","v":"15432.1","q":"983024313.21",'
    '"O":1784013600123,"C":1784100000123,"F":490000,"L":500003,"n":10004}'
)
REPORT = (
    '{"e":"executionReport","E":1784100001002,"s":"BTCUSDT","c":"sim-0001","S":"BUY","o":"LIMIT",'
    '"f":"GTC","q":"0.02000000","p":"64000.02000000","P":"0.00000000","F":"0.00000000","g":-1,'
    '"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":7001,"l":"0.01000000",'
    '"z":"0.01000000","L":"64000.02000000","n":"0.00001000","N":"BTC","T":1784100001000,'
    '"t":500004,"I":880002,"w":true,"m":false,"M":true,"O":1784100000900,"Z":"640.00020000",'
    '"Y":"640.00020000","Q":"0.00000000","W":1784100001000,"V":"EXPIRE_MAKER"}'
)
POSITION = (
    '{"e":"outboundAccountPosition","E":1784100001002,"u":1784100001000,'
    '"B":[{"a":"BTC","f":"1.00999000","l":"0.00000000"},'
    '{"a":"USDT","f":"98719.99960000","l":"640.00020000"}]}'
)
UPDATE = '{"e":"balanceUpdate","E":1784100001002,"a":"USDT","d":"-100.00000000","T":1784100001000}'


@attrs.frozen
class HexKey:
    """A key double whose signature is the data it was given."""

    api_key: str = "key"
    algorithm: str = "hmac-sha256"
    passphrase: str | None = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        return data.hex()

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def signature_base64(self, data: bytes) -> str:
        raise NotImplementedError

    def jwt(self, header: Any, claims: Any) -> str:
        raise NotImplementedError


def _market(adapter: BinanceAdapter, stream: str, data: str) -> Any:
    frame = f'{{"stream":"{stream}","data":{data}}}'
    (event,) = adapter.read_frame("market", frame)
    assert isinstance(event, Published)
    assert event.key == stream
    return event.event


def _user(adapter: BinanceAdapter, event: str) -> Any:
    frame = f'{{"subscriptionId":0,"event":{event}}}'
    (published,) = adapter.read_frame("user", frame)
    assert isinstance(published, Published)
    assert published.key == "account"
    return published.event


def _frames(adapter: BinanceAdapter, channel: str, frame: str) -> list[FrameEvent]:
    return list(adapter.read_frame(channel, frame))


# What is sent


def test_two_kinds_of_connection_are_offered_with_binances_limits(adapter: BinanceAdapter) -> None:
    market, user = adapter.channels()
    assert (market.host, market.path, market.is_private) == ("stream", "/stream", False)
    assert (user.host, user.path, user.is_private) == ("ws-api", "/ws-api/v3", True)
    assert (market.max_subscriptions, user.max_subscriptions) == (1024, 1)
    assert market.messages_per_s < 5  # pongs count among the five
    assert market.silence_s > 60
    assert market.max_age_s == 86400


@pytest.mark.parametrize(
    ("topic", "interval", "name"),
    [
        (Topic.TRADES, None, "btcusdt@trade"),
        (Topic.AGGREGATE_TRADES, None, "btcusdt@aggTrade"),
        (Topic.TICKER, None, "btcusdt@ticker"),
        (Topic.BEST_PRICE, None, "btcusdt@bookTicker"),
        (Topic.BOOK, None, "btcusdt@depth@100ms"),
        (Topic.CANDLES, "1M", "btcusdt@kline_1M"),
    ],
)
def test_streams_are_named_in_lower_case(
    adapter: BinanceAdapter, btc: Instrument, topic: Topic, interval: str | None, name: str
) -> None:
    subscription = Subscription(topic, btc, interval)
    assert adapter.channel_of(subscription) == "market"
    assert adapter.key_of(subscription) == name


def test_one_message_subscribes_to_many_streams(adapter: BinanceAdapter, btc: Instrument) -> None:
    unicode = adapter.instruments["这是测试币/456"]
    wanted = [Subscription(Topic.TRADES, btc), Subscription(Topic.BOOK, unicode)]
    assert adapter.subscribe(wanted, 3, None) == (
        '{"method":"SUBSCRIBE","params":["btcusdt@trade","这是测试币456@depth@100ms"],"id":3}'
    )
    assert adapter.unsubscribe(wanted[:1], 4, None) == (
        '{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":4}'
    )


def test_the_users_stream_is_subscribed_to_with_a_signature(adapter: BinanceAdapter) -> None:
    access = Access(key=HexKey(), stamp=Stamp(time_ns=1784100000000 * NS))
    account = Subscription(Topic.ACCOUNT)
    assert adapter.channel_of(account) == "user"
    message = json.loads(adapter.subscribe([account], 9, access))
    payload = bytes.fromhex(message["params"].pop("signature"))
    assert payload == b"apiKey=key&timestamp=1784100000000"
    assert message == {
        "id": 9,
        "method": "userDataStream.subscribe.signature",
        "params": {"apiKey": "key", "timestamp": 1784100000000},
    }
    assert json.loads(adapter.unsubscribe([account], 10, None)) == {
        "id": 10,
        "method": "userDataStream.unsubscribe",
    }


def test_what_cannot_be_subscribed_to_is_refused(adapter: BinanceAdapter, btc: Instrument) -> None:
    with pytest.raises(ValueError, match="access"):
        adapter.subscribe([Subscription(Topic.ACCOUNT)], 1, None)
    with pytest.raises(ValueError, match="one channel"):
        adapter.subscribe([Subscription(Topic.ACCOUNT), Subscription(Topic.TRADES, btc)], 1, None)
    with pytest.raises(ValueError, match="needs an instrument"):
        adapter.channel_of(Subscription(Topic.TRADES))
    with pytest.raises(ValueError, match="'2m'"):
        adapter.channel_of(Subscription(Topic.CANDLES, btc, "2m"))


def test_books_join_a_snapshot_by_ranges_of_ids(adapter: BinanceAdapter) -> None:
    keeping = adapter.book_keeping()
    assert (keeping.rule, keeping.snapshot_by_rest, keeping.depth) == (BookRule.RANGES, True, 5000)


# What market frames mean


def test_trades(adapter: BinanceAdapter) -> None:
    expected = Trade(
        symbol=adapter.instruments["BTC/USDT"].symbol,
        trade_id="500004",
        price=Decimal("64000.02"),
        quantity=Decimal("0.01"),
        side=Side.BUY,
        time_ns=1784100000050 * NS,
    )
    assert _market(adapter, "btcusdt@trade", TRADE) == expected
    assert _market(adapter, "btcusdt@aggTrade", AGGREGATE) == attrs.evolve(
        expected, trade_id="41002", quantity=Decimal("0.03"), side=Side.SELL
    )


def test_a_growing_candle(adapter: BinanceAdapter) -> None:
    assert _market(adapter, "btcusdt@kline_1m", KLINE) == Candle(
        symbol=adapter.instruments["BTC/USDT"].symbol,
        interval="1m",
        open_time_ns=1784100000000 * NS,
        open=Decimal("64000.02"),
        high=Decimal("64000.05"),
        low=Decimal("64000.01"),
        close=Decimal("64000.03"),
        volume=Decimal("0.05"),
        quote_volume=Decimal("3200.0015"),
        trade_count=3,
        is_closed=False,
    )


def test_the_best_price(adapter: BinanceAdapter) -> None:
    assert _market(adapter, "btcusdt@bookTicker", BEST) == BestPrice(
        symbol=adapter.instruments["BTC/USDT"].symbol,
        bid=Decimal("64000.01"),
        bid_quantity=Decimal("0.5"),
        ask=Decimal("64000.02"),
        ask_quantity=Decimal("0.74"),
        update_id=90210040,
    )


def test_a_change_of_the_book_is_absolute_and_has_its_range(adapter: BinanceAdapter) -> None:
    change = _market(adapter, "btcusdt@depth@100ms", DEPTH)
    assert change == BookChange(
        symbol=adapter.instruments["BTC/USDT"].symbol,
        bids=((Decimal("64000.01"), Decimal("0.5")),),
        asks=((Decimal("64000.02"), Decimal("0.74")), (Decimal(64001), Decimal(0))),
        first_update_id=90210018,
        last_update_id=90210040,
        time_ns=1784100000100 * NS,
    )
    assert plain(change.asks[1][1]) == "0.00000000"


def test_the_24_hour_ticker(adapter: BinanceAdapter) -> None:
    ticker = _market(adapter, "btcusdt@ticker", DAY)
    assert isinstance(ticker, Ticker)
    assert (ticker.last, ticker.bid, ticker.ask) == (
        Decimal("64000.02"),
        Decimal("64000.01"),
        Decimal("64000.02"),
    )
    assert (ticker.low, ticker.quote_volume) == (Decimal(63100), Decimal("983024313.21"))
    assert ticker.time_ns == 1784100000123 * NS


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ('{"result":null,"id":1}', Acknowledged(request_id=1)),
        ('{"result":["a@trade"],"id":3}', Acknowledged(request_id=3)),
        (
            '{"code":2,"msg":"Invalid request","id":4}',
            Refused(request_id=4, code="2", text="Invalid request"),
        ),
        (
            '{"error":{"code":2,"msg":"Invalid request"},"id":4}',
            Refused(request_id=4, code="2", text="Invalid request"),
        ),
        (
            '{"code":3,"msg":"Invalid JSON","id":null}',
            Refused(request_id=None, code="3", text="Invalid JSON"),
        ),
        (
            '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1784100000000}}',
            Closing(text="serverShutdown"),
        ),
        ('{"e":"serverShutdown","E":1784100000000}', Closing(text="serverShutdown")),
    ],
)
def test_replies_and_announcements(adapter: BinanceAdapter, frame: str, event: FrameEvent) -> None:
    assert _frames(adapter, "market", frame) == [event]


def test_a_stream_that_is_not_known_means_nothing(adapter: BinanceAdapter) -> None:
    frame = '{"stream":"btcusdt@blockTrade","data":{"anything":1}}'
    assert _frames(adapter, "market", frame) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999999", "-1", "1,2", "", " 1", "1_0"])
@pytest.mark.parametrize(
    ("stream", "data", "wire"),
    [
        ("btcusdt@trade", TRADE, "0.01000000"),
        ("btcusdt@aggTrade", AGGREGATE, "0.03000000"),
        ("btcusdt@kline_1m", KLINE, "64000.05000000"),
        ("btcusdt@bookTicker", BEST, "0.74000000"),
        ("btcusdt@depth@100ms", DEPTH, "0.74000000"),
        ("btcusdt@ticker", DAY, "63100.0"),
    ],
)
def test_a_number_that_is_none_is_refused_on_every_stream(
    adapter: BinanceAdapter, stream: str, data: str, wire: str, number: str
) -> None:
    assert wire in data
    with pytest.raises(ValueError, match=r"."):
        _market(adapter, stream, data.replace(wire, number))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "{}",
        '{"stream":1}',
        '{"stream":"btcusdt@trade"}',
        '{"stream":"btcusdt@trade","data":null}',
        f'{{"stream":"btcusdt@trade","data":{TRADE}',
        f'{{"stream":"ethusdt@trade","data":{TRADE}}}',
        f'{{"stream":"btcusdt@trade","data":{TRADE.replace("BTCUSDT", "ETHUSDT")}}}',
        f'{{"stream":"btcusdt@trade","data":{TRADE.replace("500004", "5e5")}}}',
        f'{{"stream":"btcusdt@trade","data":{TRADE.replace("false", "0")}}}',
        f'{{"stream":"btcusdt@trade","data":{TRADE.replace("1784100000050", "-5")}}}',
        f'{{"stream":"btcusdt@depth@100ms","data":{DEPTH.replace("90210018", "90210041")}}}',
        '{"stream":"' + "[" * 100_000,
    ],
)
def test_a_hostile_market_frame_is_refused(adapter: BinanceAdapter, frame: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        _frames(adapter, "market", frame)


# What the user's frames mean


def test_an_execution_is_an_order_and_its_fill(adapter: BinanceAdapter) -> None:
    event = _user(adapter, REPORT)
    assert isinstance(event, OrderEvent)
    order, fill = event.order, event.fill
    assert fill is not None
    assert (order.phase, order.client_order_id, order.exchange_order_id) == (
        OrderPhase.PARTIALLY_FILLED,
        "sim-0001",
        "7001",
    )
    assert (str(order.quantity), str(order.price)) == ("0.02000000", "64000.02000000")
    assert (str(order.filled), str(order.filled_quote)) == ("0.01000000", "640.00020000")
    assert (order.stop_price, order.quote_quantity, order.list_id) == (None, None, None)
    assert (order.created_ns, order.updated_ns) == (1784100000900 * NS, 1784100001000 * NS)
    assert (fill.trade_id, fill.side, fill.liquidity) == ("500004", Side.BUY, Liquidity.TAKER)
    assert (str(fill.price), str(fill.quantity)) == ("64000.02000000", "0.01000000")
    assert fill.fee == Fee(Decimal("0.00001"), "BTC")
    assert (fill.client_order_id, fill.time_ns) == ("sim-0001", 1784100001000 * NS)


def _changed(**members: Any) -> str:
    return json.dumps(json.loads(REPORT) | members)


@pytest.mark.parametrize(
    ("execution", "status"), [("CANCELED", "CANCELED"), ("REPLACED", "PARTIALLY_FILLED")]
)
def test_a_cancel_or_amendment_names_the_order_and_not_itself(
    adapter: BinanceAdapter, execution: str, status: str
) -> None:
    event = _user(
        adapter,
        _changed(x=execution, X=status, c="Kq3vX0b9", C="sim-0001", t=-1, n="0", N=None, l="0"),
    )
    assert event.order.client_order_id == "sim-0001"
    assert event.fill is None


def test_an_order_that_ended_tells_why(adapter: BinanceAdapter) -> None:
    def reason(**members: Any) -> str | None:
        found: str | None = _user(adapter, _changed(t=-1, **members)).order.reason
        return found

    assert reason(x="EXPIRED", X="EXPIRED", eR="OCO_TRIGGER") == "OCO_TRIGGER"
    assert reason(x="REJECTED", X="REJECTED", r="WOULD_MATCH_IMMEDIATELY") == "order.would_match"
    assert reason(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH") == "order.self_trade"
    assert reason(x="NEW", X="NEW", eR="NONE") is None


def test_a_new_stop_order_of_a_list(adapter: BinanceAdapter) -> None:
    order = _user(
        adapter, _changed(x="NEW", X="NEW", o="STOP_LOSS", p="0.0", P="62000.0", g=31, t=-1)
    ).order
    assert (order.price, order.stop_price, order.list_id) == (None, Decimal(62000), "31")
    assert (order.phase, order.time_in_force) == (OrderPhase.OPEN, None)


def test_a_rebate_is_a_negative_fee(adapter: BinanceAdapter) -> None:
    assert _user(adapter, _changed(n="-0.00001")).fill.fee == Fee(Decimal("-0.00001"), "BTC")


def test_balances_are_absolute_and_updates_are_differences(adapter: BinanceAdapter) -> None:
    when = 1784100001000 * NS
    assert _user(adapter, POSITION) == BalancesEvent(
        balances=(
            Balance(asset="BTC", free=Decimal("1.00999"), locked=Decimal(0), updated_ns=when),
            Balance(
                asset="USDT",
                free=Decimal("98719.9996"),
                locked=Decimal("640.0002"),
                updated_ns=when,
            ),
        ),
        time_ns=when,
    )
    assert _user(adapter, UPDATE) == BalanceDelta(asset="USDT", amount=Decimal(-100), time_ns=when)


@pytest.mark.parametrize(
    ("frame", "events"),
    [
        (
            '{"id":9,"status":200,"result":{"subscriptionId":0},"rateLimits":[]}',
            [Acknowledged(request_id=9)],
        ),
        ('{"id":10,"status":200,"result":{}}', [Acknowledged(request_id=10)]),
        (
            '{"id":9,"status":400,"error":{"code":-1022,"msg":"Signature is not valid."}}',
            [Refused(request_id=9, code="-1022", text="Signature is not valid.")],
        ),
        (
            '{"id":9,"status":400,"error":{"code":-2035,"msg":"already active"}}',
            [Acknowledged(request_id=9)],
        ),
        (
            '{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}}',
            [Refused(request_id=None, code="-2015", text="Invalid API-key")],
        ),
        ('{"event":{"e":"serverShutdown","E":1}}', [Closing(text="serverShutdown")]),
        (
            '{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}',
            [Closing(text="eventStreamTerminated", is_over=True)],
        ),
        ('{"subscriptionId":0,"event":{"e":"listStatus","E":1,"s":"BTCUSDT"}}', []),
        ('{"subscriptionId":0,"event":{"e":"somethingNew","E":1}}', []),
    ],
)
def test_replies_announcements_and_what_is_ignored(
    adapter: BinanceAdapter, frame: str, events: list[FrameEvent]
) -> None:
    assert _frames(adapter, "user", frame) == events


@pytest.mark.parametrize(
    "event",
    [
        "null",
        "{}",
        REPORT[:-1],
        REPORT.replace('"i":7001', '"i":"7001"'),
        REPORT.replace('"i":7001', '"i":-7001'),
        REPORT.replace('"X":"PARTIALLY_FILLED",', ""),
        REPORT.replace('"l":"0.01000000"', '"l":"0.00000000"'),
        REPORT.replace('"l":"0.01000000"', '"l":"NaN"'),
        REPORT.replace('"z":"0.01000000"', '"z":"1e999999"'),
        REPORT.replace('"n":"0.00001000"', '"n":"NaN"'),
        REPORT.replace('"t":500004', '"t":-1'),
        REPORT.replace('"o":"LIMIT"', '"o":"WISH"'),
        REPORT.replace('"s":"BTCUSDT"', '"s":"NEWUSDT"'),
        POSITION.replace('"1.00999000"', "1.00999"),
        POSITION.replace('"u":1784100001000', '"u":1784100001000000000'),
        UPDATE.replace("-100.00000000", "-Infinity"),
    ],
)
def test_a_hostile_user_frame_is_refused(adapter: BinanceAdapter, event: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        _frames(adapter, "user", f'{{"subscriptionId":0,"event":{event}}}')


# Laws


@given(st.lists(st.decimals(min_value=0, max_value=10**20, places=8, allow_nan=False)))
def test_many_amounts_keep_their_digits(values: list[Decimal]) -> None:
    texts = [plain(value) for value in values]
    assert [plain(value) for value in amounts(texts)] == texts


@given(st.lists(st.text(alphabet="0123456789.,-+eE_ NaInf\n\u0661", max_size=12), min_size=1))
def test_many_amounts_are_judged_like_each_alone(texts: list[str]) -> None:
    try:
        alone = [amount(text) for text in texts]
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            amounts(texts)
    else:
        assert amounts(texts) == alone


def test_a_malformed_user_event_is_refused_by_the_place_of_its_fault(
    adapter: BinanceAdapter,
) -> None:
    event = POSITION.replace('"1.00999000"', "1.00999")
    with pytest.raises(ValueError, match=r"\$\.event\.B\[0\]\.f"):
        list(adapter.read_frame("user", f'{{"subscriptionId":0,"event":{event}}}'))


def test_the_kind_of_a_user_event_may_stand_anywhere_and_is_one(adapter: BinanceAdapter) -> None:
    kind = '"e":"outboundAccountPosition",'
    assert POSITION.startswith("{" + kind)
    last = "{" + POSITION.removeprefix("{" + kind).removesuffix("}") + "," + kind[:-1] + "}"
    assert list(adapter.read_frame("user", f'{{"event":{last}}}')) == list(
        adapter.read_frame("user", f'{{"event":{POSITION}}}')
    )
    two = POSITION.removesuffix("}") + ',"e":"balanceUpdate"}'
    with pytest.raises(ValueError, match=r"."):
        list(adapter.read_frame("user", f'{{"event":{two}}}'))


@given(st.binary(max_size=200))
def test_no_frame_raises_anything_but_a_value_error(frame: bytes) -> None:
    adapter = BinanceAdapter("sim")
    for channel in ("market", "user"):
        try:
            events = list(adapter.read_frame(channel, frame))
        except ValueError:
            continue
        assert all(isinstance(e, (Acknowledged, Refused, Closing)) for e in events)
