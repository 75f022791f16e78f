"""One frame of each kind that the exchanges document, by exchange and channel.

Written by hand after the exchanges' documentation; each of them is read without an error.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final


def _combined(stream: str, data: str) -> str:
    return f'{{"stream":"{stream}","data":{data}}}'


def _user(event: str) -> str:
    return f'{{"subscriptionId":0,"event":{event}}}'


_REPORT: Final = (
    '{"e":"executionReport","E":1784100001002,"s":"BTCUSDT","c":"sim-0001","S":"BUY","o":"LIMIT",'
    '"f":"GTC","q":"0.02000000","p":"64000.02000000","P":"0.00000000","F":"0.00000000","g":-1,'
    '"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":7001,"l":"0.01000000",'
    '"z":"0.01000000","L":"64000.02000000","n":"0.00001000","N":"BTC","T":1784100001000,'
    '"t":500004,"I":880002,"w":true,"m":false,"M":true,"O":1784100000900,"Z":"640.00020000",'
    '"Y":"640.00020000","Q":"0.00000000","W":1784100001000,"V":"EXPIRE_MAKER"}'
)
BINANCE: Final[Mapping[str, Sequence[str]]] = {
    "market": (
        _combined(
            "btcusdt@trade",
            '{"e":"trade","E":1784100000052,"s":"BTCUSDT","t":500004,"p":"64000.02000000",'
            '"q":"0.01000000","T":1784100000050,"m":false,"M":true}',
        ),
        _combined(
            "btcusdt@aggTrade",
            '{"e":"aggTrade","E":1784100000052,"s":"BTCUSDT","a":41002,"p":"64000.02000000",'
            '"q":"0.03000000","f":500004,"l":500006,"T":1784100000050,"m":true,"M":true}',
        ),
        _combined(
            "btcusdt@depth@100ms",
            '{"e":"depthUpdate","E":1784100000100,"s":"BTCUSDT","U":90210018,"u":90210040,'
            '"b":[["64000.01000000","0.50000000"]],"a":[["64000.02000000","0.74000000"],'
            '["64001.00000000","0.00000000"]]}',
        ),
        _combined(
            "btcusdt@bookTicker",
            '{"u":90210040,"s":"BTCUSDT","b":"64000.01000000","B":"0.50000000",'
            '"a":"64000.02000000","A":"0.74000000"}',
        ),
        _combined(
            "btcusdt@kline_1m",
            '{"e":"kline","E":1784100000500,"s":"BTCUSDT","k":{"t":1784100000000,'
            '"T":1784100059999,"s":"BTCUSDT","i":"1m","f":500004,"L":500006,"o":"64000.02",'
            '"c":"64000.03","h":"64000.05","l":"64000.01","v":"0.05","n":3,"x":false,"q":"3200.1",'
            '"V":"0.03","Q":"1920.0","B":"0"}}',
        ),
        _combined(
            "btcusdt@ticker",
            '{"e":"24hrTicker","E":1784100000123,"s":"BTCUSDT","p":"640.0","P":"1.010",'
            '"w":"63700.1","x":"63360.02","c":"64000.02","Q":"0.01","b":"64000.01","B":"0.5",'
            '"a":"64000.02","A":"0.75","o":"63360.02","h":"64250.0","l":"63100.0","v":"15432.1",'
            '"q":"983024313.21","O":1784013600123,"C":1784100000123,"F":490000,"L":500003,"n":10}',
        ),
        '{"result":null,"id":3}',
        '{"code":2,"msg":"Invalid request: unknown variant","id":3}',
        '{"error":{"code":-1121,"msg":"Invalid symbol."},"id":3}',
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1784100000000}}',
        '{"e":"serverShutdown","E":1784100000000}',
    ),
    "user": (
        _user(_REPORT),
        _user(
            '{"e":"outboundAccountPosition","E":1784100001002,"u":1784100001000,'
            '"B":[{"a":"BTC","f":"1.00999000","l":"0.00000000"}]}'
        ),
        _user(
            '{"e":"balanceUpdate","E":1784100001002,"a":"USDT","d":"-100.00000000",'
            '"T":1784100001000}'
        ),
        '{"subscriptionId":0,"event":{"e":"listStatus","E":1784100001002,"s":"BTCUSDT","g":2}}',
        '{"event":{"e":"eventStreamTerminated","E":1784100001002}}',
        '{"event":{"e":"serverShutdown","E":1784100001002}}',
        '{"id":3,"status":200,"result":{"subscriptionId":0},"rateLimits":[]}',
        '{"id":3,"status":400,"error":{"code":-2015,"msg":"Invalid API-key"}}',
    ),
}


def _kraken(channel: str, *rows: dict[str, Any], **members: Any) -> str:
    kind = members.pop("type", "update")
    return json.dumps({"channel": channel, "type": kind, "data": list(rows), **members})


_ORDER: Final[dict[str, Any]] = {
    "order_id": "OK4GJX-KSTLS-7DZZO5",
    "cl_ord_id": "6d1b345e282140e2ad834ecb18a06876",
    "symbol": "BTC/USD",
    "order_qty": 1.25,
    "cum_cost": 0.0,
    "time_in_force": "GTC",
    "exec_type": "pending_new",
    "side": "buy",
    "order_type": "limit",
    "limit_price": 37500.1,
    "cum_qty": 0.0,
    "order_status": "pending_new",
    "timestamp": "2023-09-22T10:33:05.709950Z",
}
_TICKER: Final[dict[str, Any]] = {
    **dict.fromkeys(("bid", "bid_qty", "ask", "ask_qty", "last", "volume", "low", "high"), 1.5),
    "symbol": "BTC/USD",
    "timestamp": "2023-09-25T07:49:37.708706Z",
}
_KRAKEN_BOOK: Final[dict[str, Any]] = {
    "symbol": "BTC/USD",
    "bids": [{"price": 45283.5, "qty": 0.1}],
    "asks": [{"price": 45285.2, "qty": 0.001}],
    "checksum": 3310070434,
    "timestamp": "2023-10-06T17:35:55.440295Z",
}
_KRAKEN_REPLIES: Final = (
    '{"method":"subscribe","req_id":7,"success":true,"result":{"channel":"book"}}',
    '{"method":"subscribe","req_id":7,"success":false,"error":"Currency pair not supported"}',
    '{"channel":"heartbeat"}',
    '{"channel":"status","type":"update","data":[{"system":"online"}]}',
)
_PAIR: Final[dict[str, Any]] = {
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "status": "online",
    "qty_precision": 8,
    "qty_increment": 1e-08,
    "price_precision": 1,
    "price_increment": 0.5,
    "cost_precision": 5,
    "cost_min": 0.5,
    "qty_min": 0.0001,
    "marginable": True,
    "has_index": True,
    "tick_size": 0.5,
}
_LISTING: Final = [
    json.dumps({"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": [_PAIR]}})
    for kind in ("snapshot", "update")
]
KRAKEN: Final[Mapping[str, Sequence[str]]] = {
    "market": (
        _kraken("book", _KRAKEN_BOOK, type="snapshot"),
        _kraken("book", _KRAKEN_BOOK),
        _kraken(
            "trade",
            {
                "symbol": "BTC/USD",
                "side": "sell",
                "price": 0.5117,
                "qty": 40.0,
                "ord_type": "market",
                "trade_id": 4665906,
                "timestamp": "2023-09-25T07:49:37.708706Z",
            },
        ),
        _kraken("ticker", _TICKER),
        _kraken(
            "ohlc",
            {
                **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap"), 1.5),
                "symbol": "BTC/USD",
                "trades": 3,
                "interval": 5,
                "interval_begin": "2023-10-04T16:25:00.000000000Z",
            },
        ),
        *_KRAKEN_REPLIES,
    ),
    "best": (_kraken("ticker", _TICKER), *_KRAKEN_REPLIES),
    "listing": (*_LISTING, *_KRAKEN_REPLIES),
    "account": (
        _kraken("executions", _ORDER, sequence=3),
        _kraken(
            "executions",
            {
                **_ORDER,
                "exec_type": "trade",
                "order_status": "partially_filled",
                "exec_id": "TTW6PD-RC36L-ZZSWNU",
                "trade_id": 365573,
                "last_qty": 1.25,
                "last_price": 37500.1,
                "liquidity_ind": "t",
                "cum_qty": 1.25,
                "cum_cost": 46875.125,
                "fees": [{"asset": "USD", "qty": 187.5005}],
                "triggers": {"price": 1.5, "price_type": "pct", "actual_price": 36963.0},
            },
            sequence=4,
        ),
        _kraken(
            "balances",
            {
                "ledger_id": "LATINL-I3MS6-VVPJZU",
                "asset": "BTC",
                "type": "deposit",
                "amount": 0.5,
                "fee": 0,
                "balance": 1.5,
                "timestamp": "2023-09-22T10:33:05.709982Z",
            },
            sequence=2,
        ),
        *_KRAKEN_REPLIES,
    ),
}
KRAKEN_ORDERS: Final = (
    '{"method":"add_order","req_id":5,"result":{"order_id":"AA5JGQ-SBMRC-SCJ7J7"},"success":true}',
    '{"method":"add_order","req_id":5,"success":false,"error":"EOrder:Insufficient funds"}',
    '{"method":"batch_add","req_id":5,"success":true,"result":[{"order_id":"A"},{"error":"E:x"}]}',
    '{"method":"amend_order","req_id":5,"success":true,"result":{"amend_id":"TTW6PD"}}',
    '{"method":"cancel_order","req_id":5,"success":true,"result":{"order_id":"AA5JGQ"}}',
    '{"method":"batch_cancel","req_id":5,"success":true,"result":{"count":2}}',
    '{"channel":"heartbeat"}',
)


def _coinbase(channel: str, *events: Any) -> str:
    return json.dumps(
        {
            "channel": channel,
            "client_id": "",
            "timestamp": "2026-05-28T20:26:40.000000001Z",
            "sequence_num": 7,
            "events": list(events),
        }
    )


def _level(side: str, price: str, quantity: str) -> dict[str, str]:
    return {
        "side": side,
        "event_time": "1970-01-01T00:00:00Z",
        "price_level": price,
        "new_quantity": quantity,
    }


_LEVELS: Final = [_level("bid", "10.00", "2"), _level("offer", "11", "3")]
_COINBASE_COMMON: Final = (
    _coinbase("heartbeats", {"current_time": "2026-05-28", "heartbeat_counter": 5}),
    _coinbase("subscriptions", {"subscriptions": {"level2": ["BTC-USD"]}}),
    '{"type":"error","message":"authentication failure"}',
)
_COINBASE_MARKET: Final = (
    _coinbase("l2_data", {"type": "snapshot", "product_id": "BTC-USD", "updates": _LEVELS}),
    _coinbase("l2_data", {"type": "update", "product_id": "BTC-USD", "updates": _LEVELS}),
    _coinbase(
        "market_trades",
        {
            "type": "update",
            "trades": [
                {
                    "trade_id": "10",
                    "product_id": "BTC-USD",
                    "price": "64000.10",
                    "size": "0.5",
                    "side": "BUY",
                    "time": "2026-05-28T20:26:40Z",
                }
            ],
        },
    ),
    _coinbase(
        "ticker",
        {
            "type": "update",
            "tickers": [
                {
                    "type": "ticker",
                    "product_id": "BTC-USD",
                    "price": "64000.10",
                    "volume_24_h": "100",
                    "low_24_h": "63000",
                    "high_24_h": "65000",
                    "best_bid": "64000.09",
                    "best_bid_quantity": "1",
                    "best_ask": "64000.11",
                    "best_ask_quantity": "2",
                }
            ],
        },
    ),
    _coinbase(
        "candles",
        {
            "type": "update",
            "candles": [
                {
                    "start": "1779999900",
                    "high": "2",
                    "low": "1",
                    "open": "1.5",
                    "close": "1.7",
                    "volume": "12",
                    "product_id": "BTC-USD",
                }
            ],
        },
    ),
    *_COINBASE_COMMON,
)
COINBASE: Final[Mapping[str, Sequence[str]]] = {
    "market": _COINBASE_MARKET,
    "aliases": _COINBASE_MARKET,
    "listing": (
        _coinbase(
            "status",
            {
                "type": "snapshot",
                "products": [
                    {
                        "product_type": "SPOT",
                        "id": "BTC-USD",
                        "base_currency": "BTC",
                        "quote_currency": "USD",
                        "base_increment": "0.00000001",
                        "quote_increment": "0.01",
                        "display_name": "BTC/USD",
                        "status": "online",
                        "status_message": "",
                        "min_market_funds": "1",
                    }
                ],
            },
        ),
        *_COINBASE_COMMON,
    ),
    "account": (
        _coinbase(
            "user",
            {
                "type": "update",
                "orders": [
                    {
                        "order_id": "0000-000001",
                        "client_order_id": "ours-1",
                        "product_id": "BTC-USD",
                        "order_side": "BUY",
                        "order_type": "Limit",
                        "status": status,
                        "cumulative_quantity": "0.005",
                        "leaves_quantity": "0.015",
                        "avg_price": "64000",
                        "filled_value": "320",
                        "limit_price": "64000.50",
                        "stop_price": "",
                        "post_only": "true",
                        "time_in_force": "GOOD_UNTIL_CANCELLED",
                        "creation_time": "2026-05-28T20:26:40Z",
                        "cancel_reason": "",
                        "reject_Reason": "",
                    }
                    for status in ("OPEN", "CANCELLED")
                ],
                "positions": {},
            },
        ),
        *_COINBASE_COMMON,
    ),
}


def _feed(**members: Any) -> str:
    return json.dumps({"product_id": "BTC-USD", "time": "2026-07-15T12:00:00.000000Z", **members})


_STEP: Final = {
    "order_id": "d50ec984-77a8-460a-b958-66f114b0de9b",
    "client_oid": "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11",
    "size": "1.34",
    "price": "502.1",
    "side": "buy",
    "order_type": "limit",
    "user_id": "me",
    "sequence": 50,
}
_MATCH: Final = {
    "trade_id": 881613,
    "maker_order_id": "m",
    "taker_order_id": "t",
    "side": "sell",
    "size": "0.1",
    "price": "60000",
    "sequence": 50,
}
_STATUS: Final = json.dumps(
    {
        "type": "status",
        "products": [
            {
                "id": "BTC-USD",
                "base_currency": "BTC",
                "quote_currency": "USD",
                "base_increment": "0.00000001",
                "quote_increment": "0.01",
                "status": "online",
                "cancel_only": True,
            }
        ],
        "currencies": [],
    }
)
_FEED_REPLIES: Final = (
    '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"]}]}',
    '{"type":"error","message":"Failed to subscribe","reason":"needs authentication"}',
    _feed(type="heartbeat", sequence=90, last_trade_id=12),
)
COINBASE_EXCHANGE: Final[Mapping[str, Sequence[str]]] = {
    "market": (
        _feed(type="match", **_MATCH),
        _feed(type="last_match", **_MATCH),
        _feed(type="snapshot", bids=[["10101.10", "0.45"]], asks=[["10103.55", "0.5"]]),
        _feed(type="l2update", changes=[["buy", "10101.80", "0.16"], ["sell", "10103.55", "0"]]),
        _feed(
            type="ticker",
            sequence=1,
            price="10",
            open_24h="9",
            volume_24h="5",
            low_24h="8",
            high_24h="11",
            best_bid="9.9",
            best_bid_size="1",
            best_ask="10.1",
            best_ask_size="2",
            side="buy",
            trade_id=1,
        ),
        _STATUS,
        *_FEED_REPLIES,
    ),
    "account": (
        *(_feed(type=kind, **_STEP) for kind in ("received", "open", "change", "activate")),
        _feed(type="done", reason="filled", **_STEP),
        _feed(type="match", user_id="me", taker_user_id="me", **_MATCH),
        *_FEED_REPLIES,
    ),
}
FRAMES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "binance": BINANCE,
    "kraken": KRAKEN,
    "coinbase": COINBASE,
    "coinbase-exchange": COINBASE_EXCHANGE,
}
