"""Frames and listings at their edges."""

import json
from typing import Any

import pytest

from venuekit.model import BookChange
from venuekit.plugin import Answer, Published
from venuekit_binance.adapter import BinanceAdapter


def change(first: int, last: int) -> str:
    event = {
        "e": "depthUpdate", "E": 1784100000100, "s": "BTCUSDT", "U": first, "u": last,
        "b": [["64000.01", "1"]], "a": [],
    }  # fmt: skip
    return json.dumps({"stream": "btcusdt@depth@100ms", "data": event})


def test_a_change_of_the_book_may_be_one_update(adapter: BinanceAdapter) -> None:
    (published,) = adapter.read_frame("market", change(7, 7))
    assert isinstance(published, Published)
    assert isinstance(published.event, BookChange)
    assert (published.event.first_update_id, published.event.last_update_id) == (7, 7)
    with pytest.raises(ValueError, match="from 8 to 7"):
        list(adapter.read_frame("market", change(8, 7)))


@pytest.mark.parametrize(
    ("member", "features"),
    [
        ("icebergAllowed", {"iceberg"}),
        ("ocoAllowed", {"oco"}),
        ("otoAllowed", {"oto"}),
        ("opoAllowed", {"opo"}),
        ("quoteOrderQtyMarketAllowed", {"quote_quantity"}),
        ("allowTrailingStop", {"trailing_stop"}),
        ("cancelReplaceAllowed", {"replace"}),
        ("amendAllowed", {"amend"}),
        ("pegInstructionsAllowed", {"pegged"}),
    ],
)
def test_what_a_listing_does_not_say_is_not_offered(
    btcusdt: dict[str, Any], member: str, features: set[str]
) -> None:
    def features_of(symbol: dict[str, Any]) -> frozenset[str]:
        body = json.dumps({"serverTime": 1, "rateLimits": [], "symbols": [symbol]}).encode()
        listing = BinanceAdapter("sim").fetch_listing().read(Answer(status=200, body=body))
        return listing.instruments["BTC/USDT"].features

    whole = features_of(btcusdt)
    del btcusdt[member]
    assert whole - features_of(btcusdt) == features
