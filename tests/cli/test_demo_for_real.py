"""The demo as a program runs it, on the exchanges that tell of orders in other ways than most."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("exchange", ["coinbase", "kraken"])
def test_everything_happens_on_this_exchange_too(tmp_path: Path, exchange: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "venuekit"), "demo", "--exchange", exchange, "--json"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["exchange"] for event in told} == {exchange}
    names = {event["event"] for event in told}
    assert {"fill", "canceled", "found", "one_order", "trade", "balance", "reconciled"} <= names
    assert next(e for e in told if e["event"] == "reconciled")["differences"] == []
    assert told[-1]["ok"] is True
