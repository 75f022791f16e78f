"""Promise 4, tried end to end: a whole session at the loudest log level shows no secret."""

import asyncio
import contextlib
import logging
import traceback
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

import venuekit
from venuekit import limit_buy, market_buy
from venuekit.configuration import configuration_from_text
from venuekit.model import VenuekitError
from venuekit.sim.dialect import SimAnswer, SimRequest
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.server import Simulator
from venuekit_binance.sim import create


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        raw.hex(),
        raw.hex().upper(),
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
    ]


def contents_of(folder: Path) -> str:
    files = (path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return b"".join(files).decode("latin-1")


async def test_no_secret_or_signature_reaches_log_error_repr_or_database(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = create(seed=3)
    key = dialect.credentials()
    monkeypatch.setenv("CANARY_KEY", key.api_key)
    monkeypatch.setenv("CANARY_SECRET", key.secret)
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    signatures: list[str] = []
    handle = dialect.handle

    def listening(request: SimRequest, now_ns: int) -> SimAnswer:
        text = f"{request.query_string}&{request.body.decode()}"
        signatures.extend(p[10:] for p in text.split("&") if p.startswith("signature="))
        return handle(request, now_ns)

    monkeypatch.setattr(dialect, "handle", listening)
    async with Simulator(dialect) as simulator:
        config = configuration_from_text(
            f"""
            [store]
            url = "sqlite:{tmp_path}/journal.db"
            [exchanges.binance]
            address = "{simulator.address.removeprefix("http://")}"
            [exchanges.binance.accounts.main]
            api_key = "env:CANARY_KEY"
            secret = "env:CANARY_SECRET"
            """
        )
        async with venuekit.open("binance", config=config) as ex:
            await ex.place(market_buy("BTC/USDT", "0.001"))
            for fault in (
                Fault(kind=FaultKind.DROP_AFTER, method="POST"),
                Fault(kind=FaultKind.ANSWER_BEFORE, method="POST", answer="bad_key"),
                Fault(kind=FaultKind.ANSWER_BEFORE, method="POST", status=302, body="elsewhere"),
            ):
                dialect.faults.add(fault)
                try:
                    async with asyncio.timeout(3):
                        await ex.place(limit_buy("BTC/USDT", "0.001", "60000"))
                except (VenuekitError, TimeoutError) as error:
                    seen += [str(error), repr(error), *traceback.format_exception(error)]
            with contextlib.suppress(VenuekitError):
                await ex.fetch_balances()
            seen += [repr(ex), repr(config), str(ex.limits())]
    seen += [caplog.text, *(str(vars(record)) for record in caplog.records)]
    seen.append(contents_of(tmp_path))

    everything = "\n".join(seen)
    assert len(signatures) > 5
    assert len(everything) > 10_000
    for secret in (key.secret, key.api_key, *signatures):
        found = [form for form in forms(secret) if form in everything]
        assert found == []
