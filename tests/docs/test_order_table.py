"""The table of an order's life in the documents is the one that the code goes by."""

import re
from pathlib import Path

from venuekit.model import OrderPhase
from venuekit.orders import MOVES, DifferenceKind

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "order-life.md").read_text()
_ROW = re.compile(r"^\| `(\w+)` \| [^|]* \| ?([^|]*)\|$", re.MULTILINE)


def test_every_phase_and_every_move_is_in_the_documents() -> None:
    told = {
        OrderPhase(name): {OrderPhase(word) for word in re.findall(r"`(\w+)`", moves)}
        for name, moves in _ROW.findall(PAGE)
        if name in {phase.value for phase in OrderPhase}
    }

    assert told == {phase: set(MOVES[phase]) for phase in OrderPhase}


def test_every_kind_of_difference_is_in_the_documents() -> None:
    assert [kind.value for kind in DifferenceKind if f"`{kind.value}`" not in PAGE] == []
