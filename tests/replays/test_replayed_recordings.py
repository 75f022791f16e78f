"""Recordings with every fault in every kind of place: the book is right, or says it is not live."""

import json
from typing import Final

import attrs
import pytest

from tests.replays.making import FOLDER, MAKERS, text
from tests.replays.playing import IN_SNAPSHOT, LEAD, TAIL, UNPROVABLE, Fault, play, speaker
from tests.replays.tapes import RECORDING, Tape, made, recorded
from venuekit.plugin import BookRule

EVERY: Final = 9
"""Of the places one in so many is taken here; `python -m tests.replays` takes all."""
HARMLESS: Final = {
    "binance": {Fault.NONE, Fault.DUPLICATED, Fault.DUPLICATED_LATE},
    "kraken": {Fault.NONE, Fault.DUPLICATED},
    "coinbase": {Fault.NONE},
}
"""What the rule of the exchange takes in its stride."""
PLAYED: Final = [
    (exchange, fault)
    for exchange in MAKERS
    for fault in Fault
    if (exchange, fault) not in UNPROVABLE
]


@pytest.mark.parametrize("exchange", MAKERS)
def test_the_made_recordings_are_what_their_script_makes(exchange: str) -> None:
    kept = (FOLDER / f"{exchange}.jsonl").read_text()
    assert kept == text(exchange)
    assert "no real market" in json.loads(kept.splitlines()[0])["provenance"]


@pytest.mark.parametrize(
    ("exchange", "fault"), PLAYED, ids=lambda value: getattr(value, "value", value)
)
async def test_at_every_message_the_book_is_the_exchange_s_or_not_live(
    exchange: str, fault: Fault
) -> None:
    tape = made(exchange)
    await held(tape, fault, speaker(exchange, is_recorded=False), every=EVERY)


@pytest.mark.recordings
@pytest.mark.skipif(not RECORDING.is_dir(), reason="the recordings are in the workshop only")
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
async def test_a_real_recording_is_followed_through_every_fault(fault: Fault) -> None:
    await held(recorded("NKNUSDT"), fault, speaker("binance", is_recorded=True), every=60)


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
async def test_a_book_that_checks_nothing_is_found_out(exchange: str) -> None:
    """The look that the other tests take sees what it is there to see."""
    tape, adapter = made(exchange), speaker(exchange, is_recorded=False)
    careless = attrs.evolve(adapter.book_keeping(), rule=BookRule.CONNECTION, checksum=None)
    places = range(LEAD, len(tape.messages) - TAIL, EVERY)
    outs = [await play(tape, Fault.DROPPED, place, adapter, keeping=careless) for place in places]
    assert any(out.wrong for out in outs)


async def held(tape: Tape, fault: Fault, adapter: object, *, every: int) -> None:
    losses = 0
    for place in range(LEAD, len(tape.messages) - TAIL, every):
        out = await play(tape, fault, place, adapter)
        assert out.wrong == [], place
        assert out.is_live_at_end, place
        assert out.live >= LEAD - 2, place
        losses += out.losses
        if fault in {Fault.CUT, Fault.CUT_BEFORE, Fault.HALF_OPEN, Fault.TRUNCATED, *IN_SNAPSHOT}:
            assert out.gaps, place
            assert out.snapshots >= 2, place
    assert (losses == 0) is (fault in HARMLESS[tape.exchange])
