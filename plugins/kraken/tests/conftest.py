"""What the tests of the Kraken plugin share: a listing, an adapter, answers."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from venuekit.model import Instrument
from venuekit.plugin import Answer, Call
from venuekit_kraken.adapter import KrakenAdapter

ASSETS: dict[str, Any] = {
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5},
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2},
    "XXDG": {"aclass": "currency", "altname": "XDG", "decimals": 8, "display_decimals": 2},
    "USDT": {"aclass": "currency", "altname": "USDT", "decimals": 8, "display_decimals": 4},
}


def pair(altname: str, wsname: str, base: str, quote: str, **more: Any) -> dict[str, Any]:
    return {
        "altname": altname,
        "wsname": wsname,
        "base": base,
        "quote": quote,
        "pair_decimals": 1,
        "cost_decimals": 5,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "fees": [[0, 0.4]],
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
        **more,
    }


PAIRS: dict[str, Any] = {
    "XXBTZUSD": pair("XBTUSD", "XBT/USD", "XXBT", "ZUSD"),
    "XBTUSDT": pair("XBTUSDT", "XBT/USDT", "XXBT", "USDT"),
    "XDGUSD": pair(
        "XDGUSD", "XDG/USD", "XXDG", "ZUSD", pair_decimals=7, tick_size="0.0000001", ordermin="10"
    ),
}


def ok(result: Any) -> Answer:
    return Answer(status=200, body=json.dumps({"error": [], "result": result}).encode())


def refused(*errors: str) -> Answer:
    return Answer(status=200, body=json.dumps({"error": list(errors)}).encode())


def run(steps: Any, *answers: Answer) -> Any:
    """Run a call, or a generator of calls, over answers; every one has to be used."""
    left = list(answers)
    result = steps.read(left.pop(0)) if isinstance(steps, Call) else _ended(steps, left)
    assert left == []
    return result


def _ended(steps: Generator[Call[Any], Any, Any], left: list[Answer]) -> Any:
    answer: Any = None
    while True:
        try:
            call = steps.send(answer)
        except StopIteration as end:
            return end.value
        answer = call.read(left.pop(0))


@pytest.fixture
def adapter() -> KrakenAdapter:
    made = KrakenAdapter("sim")
    listing = run(made.fetch_listing(), ok(ASSETS), ok(PAIRS))
    made.instruments = listing.instruments
    return made


@pytest.fixture
def btc(adapter: KrakenAdapter) -> Instrument:
    return adapter.instruments["BTC/USD"]


class Wire:
    """Words of the wire, for tests."""

    ok = staticmethod(ok)
    refused = staticmethod(refused)
    run = staticmethod(run)
    assets = ASSETS
    pairs = PAIRS

    @staticmethod
    def order(**more: Any) -> dict[str, Any]:
        """Give an order as `OpenOrders` has it."""
        return {
            "refid": None,
            "userref": None,
            "cl_ord_id": "6d1b345e282140e2ad834ecb18a06876",
            "status": "open",
            "opentm": 1616665496.7808,
            "starttm": 0,
            "expiretm": 0,
            "descr": {
                "pair": "XBTUSD",
                "type": "buy",
                "ordertype": "limit",
                "price": "37500.0",
                "price2": "0",
                "leverage": "none",
                "order": "buy 1.25 XBTUSD @ limit 37500.0",
                "close": "",
            },
            "vol": "1.25000000",
            "vol_exec": "0.37500000",
            "cost": "14062.5",
            "fee": "22.5",
            "price": "37500.0",
            "misc": "",
            "oflags": "fciq",
            **more,
        }

    @staticmethod
    def trade(**more: Any) -> dict[str, Any]:
        """Give a trade as `TradesHistory` has it."""
        return {
            "ordertxid": "OQCLML-BW3P3-BUCMWZ",
            "postxid": "TKH2SE-M7IF5-CFI7LT",
            "pair": "XXBTZUSD",
            "time": 1616667796.8802,
            "type": "buy",
            "ordertype": "limit",
            "price": "30010.00000",
            "cost": "600.20000",
            "fee": "0.00000",
            "vol": "0.02000000",
            "margin": "0.00000",
            "misc": "",
            "trade_id": 40274859,
            "maker": True,
            **more,
        }


@pytest.fixture
def wire() -> type[Wire]:
    return Wire
