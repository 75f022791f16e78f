"""The gate in a whole client on a simulator: nothing that it refuses is sent or journalled."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from importlib_metadata import Distribution

import venuekit
import venuekit_risk_gate
from venuekit.model import OrderRefused, limit_buy
from venuekit.plugin.discovery import PluginStatus
from venuekit.plugin.hooks import Hooks

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def hooks(**settings: Any) -> Hooks:
    return Hooks(find=list, modules={"gate": venuekit_risk_gate}, settings={"gate": settings})


async def test_orders_legs_of_batches_and_amendments_are_judged() -> None:
    gate = hooks(max_notional={"USDT": "100"})
    async with venuekit.open("binance", hooks=gate) as exchange:
        order = await exchange.place(limit_buy("BTC/USDT", quantity="0.002", price="40000"))
        large = limit_buy("BTC/USDT", quantity="0.003", price="40000")
        with pytest.raises(OrderRefused, match=r"risk\.notional: 120\.000 USDT; at most 100"):
            await exchange.place(large)
        small = limit_buy("BTC/USDT", quantity="0.001", price="40000")
        with pytest.raises(OrderRefused, match=r"order 2 of 2: .*risk\.notional"):
            await exchange.place_many([small, large])
        with pytest.raises(OrderRefused, match=r"risk\.notional"):
            await exchange.replace(order, large)

        found = await exchange.fetch_open_orders()
        assert [each.client_order_id for each in found] == [order.client_order_id]


async def test_an_amendment_is_judged_as_the_order_that_it_makes() -> None:
    gate = hooks(max_notional={"USD": "100"})
    async with venuekit.open("kraken", hooks=gate) as exchange:
        order = await exchange.place(limit_buy("BTC/USD", quantity="0.002", price="40000"))
        with pytest.raises(OrderRefused, match=r"risk\.notional: 120\.000 USD"):
            await exchange.amend(order, quantity="0.003")
        found = await exchange.fetch_open_orders()
        assert [each.quantity for each in found] == [order.quantity]
        await exchange.amend(order, quantity="0.001")
        (amended,) = await exchange.fetch_open_orders()
        assert amended.quantity == Decimal("0.001")


async def test_orders_a_minute_hold_for_a_batch() -> None:
    async with venuekit.open("binance", hooks=hooks(orders_per_minute=3)) as exchange:
        small = limit_buy("BTC/USDT", quantity="0.001", price="40000")
        with pytest.raises(OrderRefused, match=r"order 4 of 4: .*risk\.rate"):
            await exchange.place_many([small] * 4)
        assert list(await exchange.fetch_open_orders()) == []


def test_it_is_found_by_its_entry_point(tmp_path: Path) -> None:
    point = 'risk-gate = "venuekit_risk_gate"'
    assert f'[project.entry-points."venuekit.plugins"]\n{point}\n' in PROJECT.read_text()
    info = tmp_path / "venuekit_risk_gate-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: venuekit-risk-gate\nVersion: 0.1.0"
    )
    (info / "entry_points.txt").write_text("[venuekit.plugins]\nrisk-gate = venuekit_risk_gate\n")

    def find() -> Iterable[Distribution]:
        found: Iterable[Distribution] = Distribution.discover(path=[str(tmp_path)])
        return found

    found = Hooks(find=find, settings={"risk-gate": {"orders_per_minute": 1}})

    assert [(e.id, e.status) for e in found.entries] == [("risk-gate", PluginStatus.READY)]
    assert len(found.bind().vetoes) == 1
