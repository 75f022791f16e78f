"""The simulator behind a real server, and how it is made."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from venuekit.sim.server import Simulator
from venuekit_coinbase.sim import create

MARKET = "/api/v3/brokerage/market"


async def test_rest_and_both_sockets_have_one_address(sign: Any) -> None:
    dialect = create(seed=4)
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        async with session.get(f"{simulator.address}{MARKET}/products/BTC-USD") as answer:
            assert answer.status == 200
            assert (await answer.json())["product_id"] == "BTC-USD"
        async with session.ws_connect(f"{simulator.websocket_address}/") as socket:
            await socket.send_json(
                {"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"]}
            )
            channels: list[str] = []
            async with asyncio.timeout(10):
                while channels.count("l2_data") < 3:
                    channels.append(json.loads((await socket.receive()).data)["channel"])
            assert channels[0] == "subscriptions"
        user = dialect.credentials()
        now_s = simulator.now_ns() // 10**9
        claims = {"sub": user.api_key, "iss": "cdp", "nbf": now_s, "exp": now_s + 120}
        async with session.ws_connect(f"{simulator.websocket_address}/user") as socket:
            token = sign(user, claims)
            await socket.send_json({"type": "subscribe", "channel": "user", "jwt": token})
            async with asyncio.timeout(10):
                frames = [json.loads((await socket.receive()).data) for _ in range(2)]
            assert [frame["channel"] for frame in frames] == ["subscriptions", "user"]
        async with session.get(f"{simulator.address}/_sim/state") as answer:
            state = await answer.json()
            assert state["exchange"] == "coinbase"
            assert state["accounts"]["first"]["USD"]["available"] == "1000000"


def test_there_are_no_recordings_to_play() -> None:
    with pytest.raises(ValueError, match="plays no recordings"):
        create(recording=Path("somewhere"))
