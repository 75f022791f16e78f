"""Recordings as tapes: each message as it was sent, and the book after it, built by hand.

The books here share nothing with the framework: dictionaries, changed as the exchange's own
documentation says, and sorted when somebody looks.
"""

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from tests.replays.making import FOLDER

RECORDING: Final = Path(__file__).parents[3] / "shared" / "recordings" / "binance"
Levels = tuple[tuple[Decimal, Decimal], ...]
Sides = tuple[Levels, Levels]
Rows = tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]


@attrs.frozen(kw_only=True)
class Tape:
    """What an exchange sent for one book, and what the book was."""

    exchange: str
    native: str
    messages: Sequence[Any]
    """Bodies, in order."""
    states: Sequence[Sides]
    """The book after so many messages; the first one is the snapshot's."""
    ids: Sequence[int]
    """Update ids of the states, where the exchange has them."""
    compared: int | None = None
    """How many levels of a side the exchange's rule covers; None: all."""

    def snapshot(self, at: int, *, shuffled: random.Random | None = None) -> Any:
        """Write the book after so many messages as the exchange does."""
        bids, asks = ([(str(p), str(q)) for p, q in side] for side in self.states[at])
        if shuffled is not None:
            shuffled.shuffle(bids)
            shuffled.shuffle(asks)
        match self.exchange:
            case "binance":
                return {"lastUpdateId": self.ids[at], "bids": bids, "asks": asks}
            case "kraken":
                return {
                    "symbol": self.native,
                    "bids": [{"price": float(p), "qty": float(q)} for p, q in bids],
                    "asks": [{"price": float(p), "qty": float(q)} for p, q in asks],
                    "checksum": 0,
                }
            case _:
                levels = [("bid", *each) for each in bids] + [("offer", *each) for each in asks]
                return {
                    "type": "snapshot",
                    "product_id": self.native,
                    "updates": [
                        {"side": side, "price_level": price, "new_quantity": quantity}
                        for side, price, quantity in levels
                    ],
                }


def made(exchange: str) -> Tape:
    """Load a recording of this folder."""
    lines = [json.loads(line) for line in (FOLDER / f"{exchange}.jsonl").read_text().splitlines()]
    first, bodies = lines[1]["snapshot"], [line["body"] for line in lines[2:]]
    native = {"binance": "BTCUSDT", "kraken": "BTC/USD", "coinbase": "BTC-USD"}[exchange]
    return _tape(exchange, native, first, bodies)


def recorded(native: str) -> Tape:
    """Load one book of the real recording."""
    lines = (RECORDING / "depth-snapshots.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines if f"symbol={native}&" in line]
    messages = [json.loads(line) for line in (RECORDING / "stream.jsonl").read_text().splitlines()]
    stream = f"{native.lower()}@depth@100ms"
    bodies = [each["body"] for each in messages[1:] if each["body"]["stream"] == stream]
    first = found[0]["body"]
    later = [body for body in bodies if body["data"]["u"] > first["lastUpdateId"]]
    return _tape("binance", native, first, later)


def _tape(exchange: str, native: str, first: Any, bodies: Sequence[Any]) -> Tape:
    bids, asks = (dict(rows) for rows in _rows(exchange, first))
    states, ids = [_sides(bids, asks)], [first.get("lastUpdateId", 0)]
    for body in bodies:
        for side, rows in zip((bids, asks), _rows(exchange, _inner(exchange, body)), strict=True):
            for price, quantity in rows:
                side[price] = quantity
                if not quantity:
                    del side[price]
        states.append(_sides(bids, asks))
        ids.append(body["data"]["u"] if exchange == "binance" else 0)
    return Tape(
        exchange=exchange,
        native=native,
        messages=bodies,
        states=states,
        ids=ids,
        # Of Kraken's books the checksum covers ten levels, and nothing else is proven.
        compared=10 if exchange == "kraken" else None,
    )


def _inner(exchange: str, body: Any) -> Any:
    return {"binance": lambda: body["data"], "kraken": lambda: body["data"][0]}.get(
        exchange, lambda: body
    )()


def _rows(exchange: str, body: Any) -> Rows:
    if exchange == "coinbase":
        levels = [
            (each["side"], Decimal(each["price_level"]), Decimal(each["new_quantity"]))
            for each in body["updates"]
        ]
        return (
            [(price, quantity) for side, price, quantity in levels if side == "bid"],
            [(price, quantity) for side, price, quantity in levels if side == "offer"],
        )
    if exchange == "kraken":
        bids, asks = (
            [(Decimal(str(each["price"])), Decimal(str(each["qty"]))) for each in body[name]]
            for name in ("bids", "asks")
        )
        return bids, asks
    bids, asks = (
        [(Decimal(price), Decimal(quantity)) for price, quantity in body[name]]
        for name in (("b", "a") if "b" in body else ("bids", "asks"))
    )
    return bids, asks


def _sides(bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal]) -> Sides:
    return tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))
