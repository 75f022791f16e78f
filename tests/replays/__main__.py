"""Every fault in every place of every recording: `python -m tests.replays [--every 1]`.

Prints a line for each recording and fault, and ends with 1 if a book was wrong and live, or not
live again after its fault.
"""

import argparse
import sys
import time
from typing import Any

import attrs

from tests.replays.making import MAKERS
from tests.replays.playing import LEAD, TAIL, UNPROVABLE, Fault, Outcome, play, speaker
from tests.replays.tapes import RECORDING, Tape, made, recorded
from venuekit.testing.virtual_time import run_virtually


@attrs.define
class Sum:
    """What the plays of one fault came to."""

    plays: int = 0
    looks: int = 0
    live: int = 0
    losses: int = 0
    wrong: list[str] = attrs.field(factory=list)
    lost: list[int] = attrs.field(factory=list)
    """Places after which the book was not live again."""

    def add(self, place: int, out: Outcome) -> None:
        """Take one more."""
        self.plays += 1
        self.looks += out.looks
        self.live += out.live
        self.losses += out.losses
        self.wrong += [f"fault at {place}: {text}" for text in out.wrong]
        self.lost += [] if out.is_live_at_end else [place]


def swept(tape: Tape, fault: Fault, adapter: Any, every: int) -> Sum:
    """Play a fault in one place of so many."""
    found = Sum()
    for place in range(LEAD, len(tape.messages) - TAIL, every):
        found.add(place, run_virtually(play(tape, fault, place, adapter)))
    return found


def main(arguments: list[str]) -> int:
    """Play all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.replays", description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--exchange", choices=list(MAKERS))
    asked: Any = parser.parse_args(arguments)
    names = [asked.exchange] if asked.exchange else list(MAKERS)
    tapes = [(f"{name}, made", made(name), speaker(name, is_recorded=False)) for name in names]
    if RECORDING.is_dir() and "binance" in names:
        adapter = speaker("binance", is_recorded=True)
        tapes.append(("binance, NKNUSDT of 2021-10-12", recorded("NKNUSDT"), adapter))
    is_bad, looks = False, 0
    for name, tape, adapter in tapes:
        for fault in Fault:
            if (tape.exchange, fault) in UNPROVABLE:
                continue
            found = swept(tape, fault, adapter, asked.every)
            looks += found.looks
            is_bad = is_bad or bool(found.wrong or found.lost)
            print(
                f"{name}, {fault.value}: {found.plays} plays, {found.looks} looks, "
                f"{found.live} live and right, {found.losses} losses said, "
                f"{len(found.wrong)} wrong and live, {len(found.lost)} not live again",
                *found.wrong[:5],
                sep="\n    ",
                flush=True,
            )
    print(f"{looks:,} looks, {time.process_time():.0f} s of CPU")
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
