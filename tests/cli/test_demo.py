"""Which exchanges the demo is shown on, and what it says when a claim does not hold."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from venuekit.cli import demo
from venuekit.cli.command_line import CommandLine
from venuekit.cli.demo_telling import StepFailed, Teller, Told, Watch, expect
from venuekit.model import OrderChange, OrderPhase


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Give the lists of exchanges that the demo was run for, without running it."""
    calls: list[list[str]] = []

    def run(*, json: bool, exchanges: list[str]) -> int:
        assert not json
        calls.append(list(exchanges))
        return 0

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.chdir(tmp_path)
    return calls


def command(*tokens: str) -> int:
    return CommandLine(variables={}, stdout=io.StringIO(), stderr=io.StringIO()).run(tokens)


@pytest.mark.parametrize("tokens", [("kraken",), ("--exchange", "kraken"), ("--exchange=kraken",)])
def test_the_exchange_is_named_by_position_or_by_option(
    shown: list[list[str]], tokens: tuple[str, ...]
) -> None:
    assert command("demo", *tokens) == 0
    assert shown == [["kraken"]]


def test_all_means_every_installed_exchange_that_has_a_simulator(shown: list[list[str]]) -> None:
    assert command("demo", "--exchange", "all") == 0
    assert {"binance", "coinbase", "kraken"} <= set(shown[0])


def test_without_a_name_the_first_that_is_installed_is_shown(shown: list[list[str]]) -> None:
    assert command("demo") == 0
    assert shown == [["binance"]]


def test_without_a_name_the_settings_decide(shown: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "venuekit.toml").write_text('exchange = "kraken"\n')
    assert command("demo") == 0
    assert shown == [["kraken"]]


def test_one_exchange_that_fails_does_not_keep_the_others_from_being_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(exchange: str, config: object, tell: Teller) -> None:
        assert config is not None
        tell.step("One step")
        expect(exchange != "second", "the moon is made of cheese")
        if exchange == "third":
            raise OSError("no network")

    monkeypatch.setattr(demo, "story", story)
    code = demo.run(json=True, exchanges=["first", "second", "third", "fourth"])
    told = events(capsys.readouterr().out)
    assert code == 1
    results = {str(e["exchange"]): e["ok"] for e in told if e["event"] == "result"}
    assert results == {"first": True, "second": False, "third": False, "fourth": True}
    claims = [e["claim"] for e in told if e["event"] == "failed"]
    assert claims[0] == "the moon is made of cheese"
    assert told[-1]["event"] == "summary"
    assert told[-1]["ok"] is False


def test_what_failed_is_told_as_it_is_and_within_the_screen() -> None:
    out = io.StringIO()
    tell = Teller(as_json=False, console=Console(file=out, width=60))
    tell.say("failed", "did not hold: [red]" + " word" * 40)
    lines = out.getvalue().splitlines()
    assert "[red]" in lines[0]
    assert max(map(len, lines)) <= 60


async def test_a_wait_for_what_never_comes_ends_with_the_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("venuekit.cli.demo_telling.PATIENCE_S", 0.0)
    with pytest.raises(StepFailed, match="it was seen"):
        await Watch().until(lambda: None, "it was seen")


def test_a_change_that_says_little_counts_as_told() -> None:
    change = OrderChange(exchange_order_id="X1", phase=OrderPhase.CANCELED)  # type: ignore[arg-type]  # a new type over str
    told = Told.of(change)
    assert told.phase is OrderPhase.CANCELED
    assert told.filled is None
