"""Histories that once broke a promise, each made short by the simulation that found it."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.simulation.history import (
    Amend,
    Cancel,
    CancelAll,
    Crash,
    ForeignCancel,
    Goes,
    History,
    JournalFails,
    Liquidity,
    Place,
    PlaceList,
    PlaceMany,
    Replace,
    Restart,
    Trade,
)
from tests.simulation.hunt import stage
from tests.simulation.playing import play
from tests.simulation.stage import Backstage
from venuekit.sim.faults import Fault, FaultKind

HISTORIES: Final = {
    # A cancel of everything renames orders; one that had lost its answer was then not found, and
    # was called "never placed".
    "an order that was canceled while it was looked for is not taken for never placed": History(
        1088,
        (
            Place(number=15, pause_s=4.0),
            PlaceMany(numbers=(16, 17)),
            CancelAll(),
            Restart(is_orderly=False),
        ),
    ),
    "a person cancels an order whose answer is lost": History(
        1488,
        (
            Place(number=1, key="key-1"),
            Crash(effect="any", after=3),
            PlaceMany(numbers=(3,)),
            ForeignCancel(pick=12),
            ForeignCancel(pick=2),
        ),
    ),
    # As above, and an amendment had made the order smaller; the journal had failed before.
    "an order that was made smaller before its cancel renamed it is found": History(
        11332,
        (
            Goes(fault=Fault(kind=FaultKind.DROP_BEFORE, method="DELETE")),
            JournalFails(after=10, is_written=False),
            Place(pause_s=0.01, number=1, symbol="ETH/USDT"),
            Place(number=2),
            Amend(pick=4),
            CancelAll(pause_s=0.0, symbol="ETH/USDT"),
        ),
    ),
    # The look for renamed orders took one that had ended before the restart.
    "an order that ended before is not taken for one that is looked for": History(
        101289,
        (
            Place(number=3, kind="cross", side="sell", key="key-3"),
            CancelAll(),
            Crash(effect="journal", after=1),
            Place(number=4, kind="ioc", side="sell"),
        ),
    ),
    # A late message put an old balance in the place of a newer one.
    "a balance that comes late does not overwrite a newer one": History(
        12186,
        (
            Place(number=1, pause_s=4.0),
            Goes(fault=Fault(kind=FaultKind.DROP_AFTER, method="POST", count=3)),
            PlaceMany(numbers=(2, 3, 4, 5)),
            Goes(
                fault=Fault(
                    kind=FaultKind.MESSAGE_DELAY, topic="user/*", count=3, skip=1, delay_s=3.0
                ),
            ),
            Liquidity(side="sell", price="30050", quantity="0.05"),
            Place(number=15, kind="market", pause_s=0.3),
        ),
    ),
    # `place_many` raised a group of errors, and `place` a `Closed` that means "nothing was sent".
    "a handle that is closed while orders are looked for says that they are not known": History(
        2015,
        (
            Place(number=1, pause_s=2.0),
            Goes(fault=Fault(kind=FaultKind.HANG_BEFORE, method="POST")),
            PlaceMany(numbers=(3, 4, 5, 6)),
            Place(number=7, pause_s=0.5),
            Restart(is_orderly=True),
        ),
    ),
    # The new order was there, and `replace` raised that the question after the old one was answered
    # with a proxy's page.
    "a replacement whose answers are unreadable is found out, or unknown": History(
        103,
        (
            Place(number=1, key="key-1"),
            Goes(
                fault=Fault(
                    kind=FaultKind.ANSWER_AFTER, count=2, status=200, body="<html>Bad</html>"
                )
            ),
            Replace(pick=9, number=2),
        ),
    ),
    # A cancel overtook its placement, and so did the question after it; the order was open by then.
    "a cancel that overtakes its placement does not find that there is no order": History(
        286,
        (
            Place(number=2),
            Goes(fault=Fault(kind=FaultKind.MEMORY_LAG, count=None, value=4000), pause_s=0.3),
            PlaceMany(numbers=(3,), pause_s=0.0),
            Cancel(pick=1),
        ),
    ),
    # The cancel of a leg takes its list with it, and the other leg's report was taken for its own.
    "a leg of a list that is replaced is not mistaken for the other leg": History(
        702207,
        (
            Trade(side="sell", quantity="0.00500", pause_s=4.0),
            Place(number=1, cancel_at=(0.03, 0)),
            Trade(side="buy", quantity="0.00500"),
            PlaceList(number=4, pause_s=0.01),
            Replace(pick=10, number=5),
        ),
    ),
    # The simulator's own: it wanted to be advanced at a moment in the past, for ever.
    "a connection that fell silent and was closed does not stop time": History(
        1761,
        (
            Place(number=6),
            Cancel(pause_s=4.0, pick=5),
            Goes(
                fault=Fault(kind=FaultKind.DELAY_REQUEST, method="POST", delay_s=20.0),
            ),
            PlaceMany(numbers=(8, 9)),
            Goes(fault=Fault(kind=FaultKind.SILENCE, topic="user/*", skip=1)),
            CancelAll(),
            Goes(fault=Fault(kind=FaultKind.CLOSE, topic="user/*", code=1001)),
            Place(number=16),
        ),
    ),
}


@pytest.fixture
def backstage() -> Iterator[Backstage]:
    with stage() as made:
        yield made


@pytest.mark.parametrize("name", HISTORIES)
def test_it_breaks_no_more(name: str, backstage: Backstage) -> None:
    report = play(HISTORIES[name], backstage)

    assert report.broken is None, "\n".join([str(report.broken), *report.trace])
