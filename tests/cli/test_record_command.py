"""`venuekit record`: files where they belong, and clear refusals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from venuekit.testing.recording import read_cassette, read_tape

COMMAND = [sys.executable, "-W", "error", "-c", "from venuekit.cli import main; main()"]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, "record", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_simulator_is_recorded_in_no_time(tmp_path: Path) -> None:
    done = run(tmp_path, "coinbase-exchange", "--seconds", "65", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert all((tmp_path / each["file"]).stat().st_size == each["bytes"] for each in told)
    folder = tmp_path / "cassettes" / "coinbase-exchange"
    assert read_cassette(folder / "tour.cassette.json").provenance.made == "simulator"
    assert read_tape(folder / "account.tape.jsonl").seconds > 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kraken", "--env", "moon"), "kraken has no environment moon; it has"),
        (("kraken", "--seconds", "0"), "a tape runs for 1 to 3600 seconds"),
        (("nowhere",), "nowhere"),
    ],
)
def test_what_cannot_be_recorded_is_said_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
