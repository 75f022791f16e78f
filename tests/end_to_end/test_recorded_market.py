"""A real recording of an exchange's public feeds, served by the simulator, followed by the client.

The recording is not part of the repository: the tests skip where it is absent.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

import venuekit
from venuekit import market_buy
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import OrderPhase
from venuekit.sim.server import Simulator
from venuekit_binance.sim import create

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "binance"
SYMBOL, NATIVE = "NKN/USDT", "NKNUSDT"

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not RECORDING.is_dir(), reason="the recording is not on this machine"),
]
Side = dict[Decimal, Decimal]


def books_by_update() -> dict[int, tuple[Side, Side]]:
    """Every state of the book, made in the simplest way: a snapshot, then one change at a time."""
    states: dict[int, tuple[Side, Side]] = {}
    for line in (RECORDING / "depth-snapshots.jsonl").read_text().splitlines():
        snapshot = json.loads(line)
        if f"symbol={NATIVE}&" in snapshot["url"]:
            body = snapshot["body"]
            bids = {Decimal(p): Decimal(q) for p, q in body["bids"]}
            asks = {Decimal(p): Decimal(q) for p, q in body["asks"]}
            last = body["lastUpdateId"]
    states[last] = (dict(bids), dict(asks))
    for line in (RECORDING / "stream.jsonl").read_text().splitlines()[1:]:
        message = json.loads(line)["body"]
        if message["stream"].startswith(f"{NATIVE.lower()}@depth") and message["data"]["u"] > last:
            for side, rows in ((bids, message["data"]["b"]), (asks, message["data"]["a"])):
                for price, quantity in rows:
                    side[Decimal(price)] = Decimal(quantity)
                    if not Decimal(quantity):
                        del side[Decimal(price)]
            states[message["data"]["u"]] = (dict(bids), dict(asks))
    return states


@asynccontextmanager
async def recorded(speed: float) -> AsyncIterator[Exchange]:
    dialect = create(recording=RECORDING, speed=speed)
    key = dialect.credentials()
    async with Simulator(dialect) as simulator:
        address = simulator.address.removeprefix("http://")
        with pytest.MonkeyPatch.context() as variables:
            variables.setenv("RECORDED_KEY", key.api_key)
            variables.setenv("RECORDED_SECRET", key.secret)
            config = configuration_from_text(
                f"""
                [store]
                url = "memory:"
                [exchanges.binance]
                address = "{address}"
                [exchanges.binance.accounts.a]
                api_key = "env:RECORDED_KEY"
                secret = "env:RECORDED_SECRET"
                """
            )
            async with venuekit.open("binance", config=config) as ex:
                yield ex


async def test_the_client_follows_a_recording_to_the_identical_book() -> None:
    states = books_by_update()
    final = max(states)
    compared = 0
    async with recorded(speed=20.0) as ex, asyncio.timeout(60), ex.book(SYMBOL) as live:
        book = await live.ready()
        async for _ in live:
            assert book.update_id is not None
            if book.update_id in states:
                mine = book.snapshot()
                assert (dict(mine.bids), dict(mine.asks)) == states[book.update_id]
                compared += 1
            if book.update_id >= final:
                break
    assert compared > len(states) // 2
    assert book.update_id == final


async def test_an_order_trades_against_the_recorded_book() -> None:
    async with recorded(speed=1.0) as ex, asyncio.timeout(60), ex.book(SYMBOL) as live:
        await live.ready()
        ask, quantity = (await ex.fetch_book(SYMBOL, depth=1)).asks[0]
        order = await ex.place(market_buy(SYMBOL, min(quantity, Decimal(100))))
        assert order.phase is OrderPhase.FILLED
        assert order.average_price is not None
        assert abs(order.average_price / ask - 1) < Decimal("0.01")
