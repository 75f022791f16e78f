"""The recordings in `cassettes/`: clean, said where from, and read today as they were then."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import RULES, Status, judge
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.conformance.specimen import find_specimen
from venuekit.testing.recording import RecordingError, differences, read_cassette, read_tape
from venuekit.testing.recording.making import replayed
from venuekit.testing.recording.models import kept_models

FOLDER = Path(__file__).parents[2] / "cassettes"
EXCHANGES = ["binance", "coinbase", "coinbase-exchange", "kraken"]
BY_ID = {rule.id: rule for rule in RULES}


def tour(exchange: str) -> Path:
    return FOLDER / exchange / "tour.cassette.json"


def test_every_exchange_has_a_tour_and_tapes() -> None:
    assert sorted(place.name for place in FOLDER.iterdir()) == EXCHANGES
    for exchange in EXCHANGES:
        names = sorted(file.name for file in (FOLDER / exchange).iterdir())
        assert names == [
            "account.tape.jsonl",
            "public.tape.jsonl",
            "tour.cassette.json",
            "tour.models.json",
        ]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_answers_are_read_as_they_were(exchange: str) -> None:
    manifest = Plugins().open_plugin(exchange)
    models = replayed(manifest, read_cassette(tour(exchange)), Guard())
    assert list(differences(kept_models(tour(exchange)), models)) == []


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("rule", ["B10", "S13", "G9"])
def test_the_rules_about_recordings_hold(exchange: str, rule: str) -> None:
    result = judge(BY_ID[rule], find_specimen(exchange))
    assert (result.status, result.faults) == (Status.PASSED, ())


def changed(old: str, new: str) -> Any:
    cassette = read_cassette(tour("kraken"))
    story = [
        attrs.evolve(each, answer=each.answer.replace(old, new)) for each in cassette.interactions
    ]
    return attrs.evolve(cassette, interactions=story)


def test_a_changed_answer_is_a_difference_of_models_and_not_of_bytes() -> None:
    manifest = Plugins().open_plugin("kraken")
    kept = kept_models(tour("kraken"))
    (price, _) = kept["fetch_book"]["bids"][0]
    other = price[:-1] + ("1" if price[-1] != "1" else "2")
    told = list(differences(kept, replayed(manifest, changed(f'"{price}"', f'"{other}"'), Guard())))
    assert f"$.fetch_book.bids[0][0]: expected '{price}', seen '{other}'" in told

    spaced = changed('{"error":[]', '{ "error" : []')
    assert list(differences(kept, replayed(manifest, spaced, Guard()))) == []


def test_what_was_recorded_and_not_asked_for_is_said() -> None:
    cassette = read_cassette(tour("kraken"))
    twice = [*cassette.interactions, cassette.interactions[0]]
    manifest = Plugins().open_plugin("kraken")
    with pytest.raises(RecordingError, match="1 interactions were not asked for: GET /0/public"):
        replayed(manifest, attrs.evolve(cassette, interactions=twice), Guard())


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_tapes_run_over_a_minute_with_a_reconnection(exchange: str) -> None:
    for name in ("public", "account"):
        tape = read_tape(FOLDER / exchange / f"{name}.tape.jsonl")
        assert tape.seconds > 60
        assert tape.connections >= 2
        assert tape.provenance.made == "simulator"


def test_there_is_nothing_like_a_secret_in_any_file() -> None:
    for exchange in EXCHANGES:
        bench = find_specimen(exchange).fresh_bench()
        for file in (FOLDER / exchange).iterdir():
            assert not bench.redactor.finds(file.read_text())
