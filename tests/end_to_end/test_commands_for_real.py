"""The command line as a person runs it: real processes, a simulator, a home of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def venuekit(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "COLUMNS": "80"}
    return subprocess.run(
        [str(Path(sys.executable).parent / "venuekit"), *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def data(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_plugin_is_listed_and_ready(tmp_path: Path) -> None:
    done = venuekit(tmp_path, "plugins")
    assert done.returncode == 0
    assert "binance" in done.stdout
    assert "ready" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("info", "binance"),
        ("book", "binance", "BTC/USDT"),
        ("trades", "binance", "BTC/USDT"),
        ("ticker", "binance", "BTC/USDT"),
        ("candles", "binance", "BTC/USDT"),
        ("balances", "binance"),
        ("orders", "binance", "BTC/USDT"),
        ("fills", "binance", "BTC/USDT"),
        ("place", "binance", "buy", "BTC/USDT", "0.001", "--price", "30000"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_prints_a_table_for_people_and_json_for_programs(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    table = venuekit(tmp_path, *command)
    assert table.returncode == 0, table.stderr
    assert table.stdout.strip()
    assert "Traceback" not in table.stdout + table.stderr
    assert "\x1b" not in table.stdout
    assert data(venuekit(tmp_path, *command, "--json")) is not None


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("book", "binance", "BTC/USDTT"), 2, "did you mean"),
        (("book", "binanse", "BTC/USDT"), 2, "did you mean"),
        (("place", "binance", "buy", "BTC/USDT", "0.001", "--price", "30000.001"), 1, "nearest"),
        (("place", "binance", "buy", "BTC/USDT", "lots", "--price", "30000"), 2, "lots"),
        (("cancel", "binance", "BTC/USDT", "nobody"), 1, "nobody"),
        (("bok", "binance"), 2, "book"),
    ],
)
def test_an_error_is_a_sentence_that_says_what_to_do(
    tmp_path: Path, command: tuple[str, ...], code: int, words: str
) -> None:
    done = venuekit(tmp_path, *command)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_tells_everything_to_programs_and_ends_by_itself(tmp_path: Path) -> None:
    done = venuekit(tmp_path, "demo", "binance", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    for name in (
        "plugin", "clock", "rules", "refused", "placed", "fill", "canceled", "found", "one_order",
        "book", "trade", "balance", "reconciled", "done",
    ):  # fmt: skip
        assert name in names
    assert events[-1]["ok"] is True
    assert events[-1]["took_s"] < 60
