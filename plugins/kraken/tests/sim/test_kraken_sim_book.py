"""Books over a socket: a client that does what the documents say has the exchange's book."""

import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest


def digits(value: Decimal, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace(".", "").lstrip("0")


class Mirror:
    """A client's book, kept as the exchange's guide says."""

    def __init__(self, depth: int, decimals: int) -> None:
        self.depth = depth
        self.decimals = decimals
        self.sides: dict[str, dict[Decimal, Decimal]] = {"asks": {}, "bids": {}}
        self.removals = 0

    def apply(self, message: Any) -> None:
        (data,) = message["data"]
        for name, side in self.sides.items():
            if message["type"] == "snapshot":
                side.clear()
            for level in data[name]:
                if level["qty"]:
                    side[level["price"]] = level["qty"]
                else:
                    # A removal of what the client does not have would be a fault of the server.
                    del side[level["price"]]
                    self.removals += 1
            for price in sorted(side, reverse=name == "bids")[self.depth :]:
                del side[price]
        assert self.checksum() == data["checksum"]

    def rows(self, name: str) -> list[tuple[Decimal, Decimal]]:
        side = self.sides[name]
        return [(price, side[price]) for price in sorted(side, reverse=name == "bids")]

    def checksum(self) -> int:
        rows = self.rows("asks")[:10] + self.rows("bids")[:10]
        text = "".join(digits(price, self.decimals) + digits(qty, 8) for price, qty in rows)
        return zlib.crc32(text.encode())


@pytest.mark.parametrize("depth", [10, 25, 100, 500, 1000])
@pytest.mark.parametrize(("symbol", "pair", "decimals"), [("BTC/USD", "XBTUSD", 1),
                                                          ("DOGE/USD", "XDGUSD", 7)])  # fmt: skip
def test_every_message_leads_to_its_checksum(
    lively: Any, symbol: str, pair: str, decimals: int, depth: int
) -> None:
    line = lively.connect()
    (answer,) = line.subscribe("book", symbol, depth=depth)
    assert answer["result"] == {
        "channel": "book",
        "symbol": symbol,
        "depth": depth,
        "snapshot": True,
    }
    mirror = Mirror(depth, decimals)
    for _ in range(20):
        lively.wait(1)
        for message in line.on("book"):
            mirror.apply(message)
    assert mirror.removals > 0
    (book,) = lively.public("Depth", pair=pair, count=min(depth, 500)).values()
    for name in ("asks", "bids"):
        expected = [(Decimal(row[0]), Decimal(row[1])) for row in book[name]]
        assert mirror.rows(name)[:500] == expected


def level(price: str, qty: str) -> dict[str, Decimal]:
    return {"price": Decimal(price), "qty": Decimal(qty)}


@pytest.fixture
def full(world: Any) -> Any:
    """Ten bids from 100 up to 109, and somebody who watches them."""
    world.txids = {price: world.placed(price=str(price), volume="1") for price in range(100, 110)}
    world.line = world.connect()
    world.line.subscribe("book", "BTC/USD")
    world.line.read()
    return world


def changes(world: Any) -> list[Any]:
    return [message["data"][0]["bids"] for message in world.line.on("book")]


def test_a_level_that_is_pushed_out_is_not_removed(full: Any) -> None:
    full.placed(price="110", volume="2")
    assert changes(full) == [[level("110", "2")]]


def test_a_level_behind_the_depth_is_not_told_until_it_comes_into_it(full: Any) -> None:
    full.placed(price="99", volume="3")
    assert changes(full) == []
    full.private("CancelOrder", txid=full.txids[109])
    assert changes(full) == [[level("109", "0"), level("99", "3")]]


def test_a_removed_level_has_quantity_zero(full: Any) -> None:
    full.private("CancelOrder", txid=full.txids[100])
    assert changes(full) == [[level("100", "0")]]


def test_a_book_message_has_no_sequence(full: Any) -> None:
    full.placed(price="110", volume="2")
    (message,) = full.line.on("book")
    assert set(message) == {"channel", "type", "data"}
    assert set(message["data"][0]) == {"symbol", "bids", "asks", "checksum", "timestamp"}


def test_who_comes_later_gets_the_book_of_the_moment(full: Any) -> None:
    full.placed(price="110", volume="2")
    late = full.connect()
    late.subscribe("book", "BTC/USD")
    (snapshot,) = late.on("book")
    assert snapshot["data"][0]["bids"][0] == level("110", "2")
    full.line.ask_all("unsubscribe", channel="book", symbol=["BTC/USD"])
    late.ask_all("unsubscribe", channel="book", symbol=["BTC/USD"])
    full.placed(price="111", volume="2")
    full.line.subscribe("book", "BTC/USD")
    (again,) = (each for each in full.line.on("book") if each["type"] == "snapshot")
    assert again["data"][0]["bids"][0] == level("111", "2")


def test_depths_are_some_and_no_others(world: Any) -> None:
    (answer,) = world.connect().subscribe("book", "BTC/USD", depth=20)
    assert answer["success"] is False


def test_an_empty_book_has_a_checksum_too(make_world: Callable[..., Any]) -> None:
    line = make_world().connect()
    line.subscribe("book", "BTC/USD")
    (message,) = line.on("book")
    assert message["data"][0]["checksum"] == 0
