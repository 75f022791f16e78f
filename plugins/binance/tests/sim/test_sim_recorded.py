"""A recording played again: the same messages, ids and books."""

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FOLDER = (
    Path(os.environ.get("VENUEKIT_RECORDINGS", Path(__file__).parents[5] / "shared/recordings"))
    / "binance"
)
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the recording is not here"),
]


def recorded() -> Any:
    opening, *lines = (FOLDER / "stream.jsonl").read_text().splitlines()
    return json.loads(opening)["url"], [json.loads(line)["body"] for line in lines]


def snapshots() -> Any:
    for line in (FOLDER / "depth-snapshots.jsonl").read_text().splitlines():
        data = json.loads(line)
        yield data["url"].split("symbol=")[1].split("&")[0], data["body"]


def listen(world: Any) -> Any:
    path, _, query = recorded()[0].partition("?")
    return world.connect(path, query)


def test_all_messages_come_as_they_were(make_world: Any) -> None:
    world = make_world(recording=FOLDER, speed=0)
    line = listen(world)
    world.wait(0.1)
    assert line.read() == recorded()[1]


def test_messages_keep_their_distance(make_world: Any) -> None:
    world = make_world(recording=FOLDER, speed=1)
    line = listen(world)
    world.wait(1)
    first = len(line.read())
    assert 1 < first < 20
    world.wait(60, step_s=1)
    assert first + len(line.read()) == len(recorded()[1])


def test_nothing_plays_before_somebody_listens(make_world: Any) -> None:
    world = make_world(recording=FOLDER, speed=0)
    world.wait(5)
    symbol, body = next(snapshots())
    assert world.public("/api/v3/depth", symbol=symbol, limit=5000) == body


def test_books_end_as_the_recorded_changes_lead(make_world: Any) -> None:
    world = make_world(recording=FOLDER, speed=0)
    expected = {
        symbol: (body["lastUpdateId"], dict(body["bids"]), dict(body["asks"]))
        for symbol, body in snapshots()
    }
    for body in recorded()[1]:
        data = body["data"]
        if data.get("e") != "depthUpdate" or data["u"] <= expected[data["s"]][0]:
            continue
        _, bids, asks = expected[data["s"]]
        for side, rows in ((bids, data["b"]), (asks, data["a"])):
            for price, quantity in rows:
                side.pop(price, None)
                if float(quantity):
                    side[price] = quantity
        expected[data["s"]] = (data["u"], bids, asks)
    listen(world)
    world.wait(0.1)
    for symbol, (update_id, bids, asks) in expected.items():
        book = world.public("/api/v3/depth", symbol=symbol, limit=5000)
        assert book["lastUpdateId"] == update_id
        assert dict(book["bids"]) == bids
        assert dict(book["asks"]) == asks


def test_the_listed_symbols_have_todays_form(make_world: Any) -> None:
    world = make_world(recording=FOLDER)
    info = world.public("/api/v3/exchangeInfo")
    assert {spec["symbol"] for spec in info["symbols"]} == {
        "NKNUSDT",
        "BLZETH",
        "LRCBTC",
        "RUNEEUR",
    }
    spec = info["symbols"][0]
    assert spec["permissions"] == []
    assert spec["permissionSets"]
    assert "MIN_NOTIONAL" in {each["filterType"] for each in spec["filters"]}


def test_orders_meet_the_recorded_book(make_world: Any) -> None:
    world = make_world(recording=FOLDER)
    order = world.place(symbol="NKNUSDT", type="MARKET", quantity="100")
    assert order["status"] == "FILLED"
    book = world.public("/api/v3/depth", symbol="NKNUSDT", limit=1)
    assert float(order["fills"][0]["price"]) <= float(book["asks"][0][0])
    mine = world.place(symbol="NKNUSDT", price="0.3000", quantity="100")
    assert mine["status"] == "NEW"


def test_ids_stay_contiguous_when_users_change_the_book(make_world: Any) -> None:
    world = make_world(recording=FOLDER, speed=1)
    text = (FOLDER / "stream.jsonl").read_text() + (FOLDER / "depth-snapshots.jsonl").read_text()
    ticks = range(3_500, 3_000, -1)
    price = next(f"0.{tick}0000" for tick in ticks if f"0.{tick}0000" not in text)
    line = world.connect("/ws/nknusdt@depth@100ms")
    world.wait(5)
    world.place(symbol="NKNUSDT", price=price, quantity="100")
    world.wait(10)
    events = line.read()
    for before, after in pairwise(events):
        assert after["U"] == before["u"] + 1
    assert any([price, "100.00000000"] in event["b"] for event in events)
