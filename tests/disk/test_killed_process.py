"""SIGKILL, for real: after a restart there is no duplicate, no loss and no orphan.

Traders are processes of their own, over real HTTP and WebSockets. They die of one write, sync or
deletion of the journal's files, before it, halfway or after it, or at any instant; some while they
open what another has left. `python -m tests.disk` kills thousands.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disk.killing import Nursery, nursery, story

STORIES = 6


@pytest.fixture(scope="module")
def makers() -> Iterator[Nursery]:
    """A process from which traders are made."""
    with nursery() as ready:
        yield ready


@pytest.mark.parametrize("chunk", range(6))
def test_a_killed_trader_leaves_no_duplicate_no_loss_and_no_orphan(
    makers: Nursery, tmp_path: Path, chunk: int
) -> None:
    killed = 0
    # Far apart: the seeds of a chunk die early and late in a session.
    for seed in range(chunk, chunk + 6 * STORIES, 6):
        folder = tmp_path / str(seed)
        folder.mkdir(mode=0o700)
        try:
            killed += story(seed, folder, makers).killed
        except BaseException as error:
            error.add_note(f"seed {seed}: python -m tests.disk --seed {seed}")
            raise

    assert killed >= STORIES
