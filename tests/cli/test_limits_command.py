"""`venuekit limits`: a table that goes on for people, one answer for programs."""

import json
import re
from typing import Any

import pytest

from tests.cli.conftest import FakeExchange, Shell
from venuekit.cli.limits import _bar, _seconds
from venuekit.limits import BudgetState
from venuekit.model import Advice, BudgetExhausted, Failure, Outcome


def state(name: str, used: int, **more: Any) -> BudgetState:
    figures = {
        "others": 0,
        "capacity": 100,
        "interval_s": 60,
        "waiting": 0,
        "resets_in_s": 12.4,
        "is_paused": False,
    }
    return BudgetState(name=name, used=used, **{**figures, **more})


def on_terminal(*states: BudgetState) -> list[str]:
    shell = Shell(
        exchange=FakeExchange(answers={"limits": list(states)}),
        is_terminal=True,
        variables={"NO_COLOR": "1"},
    )
    assert shell.run("limits", "acme", "--seconds", "0.01") == 0
    # As they are seen: without what moves the cursor or sets a style.
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shell.out).splitlines()


def test_into_a_pipe_it_is_told_once(shell: Shell) -> None:
    busy = state("engine BTC/USD", 30, others=40, waiting=7, is_paused=True)
    shell.exchange.answers["limits"] = [state("weight", 20, resets_in_s=0), busy]
    assert shell.run("limits", "acme") == 0
    assert [line.split() for line in shell.out.splitlines()[1:]] == [
        ["limit", "used", "others", "hold", "of", "in", "empty", "in", "now"],
        ["weight", "20", "0", "100", "60", "s", "-"],
        ["engine", "BTC/USD", "30", "40", "100", "60", "s", "12", "s", "paused,", "7", "waiting"],
    ]
    assert all(len(line.rstrip()) <= 80 for line in shell.out.splitlines())
    assert shell.is_closed


def test_as_json_it_is_one_object_or_one_for_each_second(shell: Shell) -> None:
    assert shell.run("limits", "acme", "--json") == 0
    (weight,) = shell.data()["limits"]
    assert (weight["name"], weight["used"], weight["others"], weight["capacity"]) == (
        *("weight", 20, 0),
        6000,
    )
    assert shell.run("limits", "acme", "--json", "--seconds", "2") == 0
    assert [len(json.loads(line)["limits"]) for line in shell.out.splitlines()] == [1, 1]


def test_on_a_terminal_bars_show_what_all_programs_use_together() -> None:
    lines = on_terminal(
        state("weight", 20, others=30),
        state("connections", 100, waiting=3),
        state("a name that is longer than anybody needs", 0, capacity=10**9),
    )
    weight = next(line for line in lines if line.startswith("weight"))
    assert weight.split() == ["weight", "█" * 10 + "░" * 10, "50", "100", "12", "s"]
    full = next(line for line in lines if line.startswith("connections"))
    assert "█" * 20 in full
    assert full.rstrip().endswith("3 waiting")
    assert all(len(line.rstrip()) <= 80 for line in lines)


@pytest.mark.parametrize(("used", "colour"), [(10, "32"), (70, "33"), (95, "31")])
def test_the_fuller_the_redder(used: int, colour: str) -> None:
    shell = Shell(
        exchange=FakeExchange(answers={"limits": [state("weight", used)]}), is_terminal=True
    )
    assert shell.run("limits", "acme", "--seconds", "0.01") == 0
    assert f"\x1b[{colour}m{_bar(used / 100, 'utf-8')}" in shell.out


def test_a_terminal_without_blocks_gets_letters() -> None:
    assert _bar(0.5, "ascii") == "#" * 10 + "." * 10
    assert _bar(7, "utf-8") == "█" * 20  # what the exchange counts may be more than there is


def test_times_are_told_shortly() -> None:
    told = [_seconds(seconds) for seconds in (0, 0.2, 59.6, float("inf"))]
    assert told == ["-", "<1 s", "60 s", "?"]


def test_a_ban_is_told_in_a_sentence(shell: Shell) -> None:
    failure = Failure(
        outcome=Outcome.NOT_SENT, advice=Advice.AFTER_DELAY, reason="limit.ban", retry_after_s=97
    )
    shell.opening = BudgetExhausted("acme", "instruments", failure)
    assert shell.run("limits", "acme") == 1
    assert "acme" in shell.err
    assert "nothing was sent" in shell.err
