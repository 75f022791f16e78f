"""A disk that is full or fails: orders are refused, cancels go out, nothing is sent anyway.

The real client trades while one change of the journal's files fails, for once or for good, each in
its turn; then it opens the journal again on a sound disk, and asks for everything once more.
"""

from pathlib import Path

import pytest

from tests.disk.breaking import PLACED, Told, session
from venuekit.testing.disk import Fault

FAULTS = [Fault.FULL, Fault.IO_ERROR, Fault.HALF, Fault.DONE]
CHANGES = 350
"""About so many are there in a session."""
STEP = 24
"""Every so manieth change fails here; each of them in `python -m tests.disk`."""


@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
def test_nothing_is_sent_that_is_not_written_and_cancels_go_out(
    tmp_path: Path, durability: str, fault: Fault
) -> None:
    ended: list[Told] = []
    for at in range(1 + FAULTS.index(fault) * STEP // len(FAULTS), CHANGES, STEP):
        folder = tmp_path / str(at)
        folder.mkdir(mode=0o700)
        try:
            told = session(folder, durability, at=at, fault=fault, for_good=bool(at % 2))
        except BaseException as error:
            error.add_note(f"{durability}, {fault}, change {at}")
            raise
        ended.append(told)

    assert any(not each.is_open for each in ended), "one failed while the journal was opened"
    refused = [each for each in ended if each.refused]
    assert len(refused) >= 3
    assert all(len(each.placed) + each.refused == PLACED for each in refused)
    assert any(each.canceled for each in refused), "and its cancels went out"


def test_a_write_that_failed_may_be_there_after_all_and_is_not_sent(tmp_path: Path) -> None:
    """Measured: a commit that SQLite reported as failed came back when it was opened again."""
    came_back = 0
    for at in range(40, 360):
        folder = tmp_path / str(at)
        folder.mkdir(mode=0o700)
        told = session(folder, "power", at=at, fault=Fault.DONE, for_good=True)
        came_back += told.came_back
        if came_back:
            break

    assert came_back
