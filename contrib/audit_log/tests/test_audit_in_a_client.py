"""The log of a whole client on a simulator: everything is there once, and no secret."""

import base64
import json
from pathlib import Path

import pytest

import venuekit
import venuekit_audit_log
from venuekit.configuration import configuration_from_text
from venuekit.model import limit_buy
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.sim.server import Simulator
from venuekit_audit_log import verify
from venuekit_audit_log.audit import AuditLog
from venuekit_audit_log.chain import files_of

SECRET = "c4n4ry-that-signs-everything-0123456789"
KEY = "c4n4ry-key-0123456789"


async def test_a_day_of_trading_is_told_whole(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "audit"
    made: list[AuditLog] = []

    class Module:
        @staticmethod
        @venuekit.plugin.hookimpl
        def venuekit_extension(settings: dict[str, str]) -> AuditLog:
            made.append(venuekit_audit_log.venuekit_extension(settings))
            return made[0]

    hooks = Hooks(find=list, modules={"audit": Module}, settings={"audit": {"folder": str(folder)}})
    async with venuekit.open("binance", hooks=hooks) as exchange:
        order = await exchange.place(limit_buy("BTC/USDT", quantity="0.001", price="40000"))
        await exchange.cancel(order)
        taken = await exchange.place(limit_buy("BTC/USDT", quantity="0.001", price="90000"))
        secrets = [str(exchange.address)]
    made[0].close()

    text = "".join(file.read_text("utf-8") for file in files_of(folder))
    records = [json.loads(line) for line in text.splitlines()]
    kinds = {record["kind"] for record in records}
    assert {"opened", "intent", "attempt", "order"} <= kinds
    intents = [r["client_order_id"] for r in records if r["kind"] == "intent"]
    assert intents == [order.client_order_id, taken.client_order_id]
    phases = [
        r["phase"]
        for r in records
        if r["kind"] == "order" and r["client_order_id"] == order.client_order_id
    ]
    assert (phases[0], phases[-1]) == ("open", "canceled")
    assert {r["what"] for r in records if r["kind"] == "attempt"} >= {"place order"}
    assert secrets[0] not in text
    assert verify(folder).is_whole
    trades = [r["trade_id"] for r in records if r["kind"] == "fill"]
    assert len(trades) == len(set(trades)) == len(taken.fills)


async def test_key_and_secret_are_in_no_form_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_KEY", KEY)
    monkeypatch.setenv("AUDIT_SECRET", SECRET)
    folder = tmp_path / "audit"
    from venuekit_binance.sim import create

    async with Simulator(create(seed=1)) as simulator:
        configuration = configuration_from_text(
            f"""
            [store]
            url = "sqlite:{tmp_path / "journal.db"}"
            [exchanges.binance]
            environment = "sim"
            address = "{simulator.address.removeprefix("http://")}"
            [exchanges.binance.accounts.main]
            api_key = "env:AUDIT_KEY"
            secret = "env:AUDIT_SECRET"
            """
        )
        hooks = Hooks(
            find=list,
            modules={"audit": venuekit_audit_log},
            settings={"audit": {"folder": str(folder)}},
        )
        log: AuditLog = next(iter(hooks.bind().order_changed))._function.__self__  # type: ignore[attr-defined]  # the bound method of the log
        with pytest.raises(venuekit.model.VenuekitError):
            async with venuekit.open(
                "binance", config=configuration, hooks=hooks, plugins=Plugins()
            ) as exchange:
                await exchange.place(limit_buy("BTC/USDT", quantity="0.001", price="40000"))
        log.close()

    text = b"".join(file.read_bytes() for file in files_of(folder))
    assert b'"kind":"attempt"' in text
    for canary in (SECRET, KEY):
        raw = canary.encode()
        for form in (raw, raw.hex().encode(), base64.b64encode(raw), raw[::-1]):
            assert form not in text
