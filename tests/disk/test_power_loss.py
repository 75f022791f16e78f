"""Loss of power: of what was promised nothing is lost, and what is left is whole.

The writes are those that SQLite makes; `venuekit.testing.disk` decides which of those that were
not synced are found afterwards: missing, torn by sectors, later ones without earlier ones.
"""

import asyncio
import random
from pathlib import Path

import pytest

from tests.disk.power import Loss, Scribe, examined, put, session
from venuekit.stores import SqliteJournal
from venuekit.stores.database import open_database
from venuekit.stores.lane import ThreadLane
from venuekit.stores.nonces import Choose, KnownNonces, NonceBlock, NonceStore
from venuekit.testing.disk import Disk, left_by_power_loss

SEEDS = 20
"""In each chunk; a session loses its power three times, and is looked at at nine moments."""


def losses(folder: Path, durability: str, first: int, count: int = SEEDS) -> list[Loss]:
    found: list[Loss] = []
    for seed in range(first, first + count):
        home = folder / str(seed)
        home.mkdir()
        try:
            found += asyncio.run(session(seed, home, durability))
        except BaseException as error:
            error.add_note(f"seed {seed}, durability {durability}")
            raise
    return found


@pytest.mark.parametrize("chunk", range(8))
def test_power_safe_a_promised_intent_survives_the_loss_of_power(
    tmp_path: Path, chunk: int
) -> None:
    found = losses(tmp_path, "power", 1000 * chunk)

    assert [each for each in found if each.survived < each.promised] == []
    # The net would hold nothing if nothing had been promised, or all had always been there.
    assert sum(each.promised > 0 for each in found) > SEEDS
    assert any(each.survived > each.promised for each in found), "present, though never promised"


@pytest.mark.parametrize("chunk", range(2))
def test_process_safe_the_loss_of_power_takes_promised_intents_and_damages_nothing(
    tmp_path: Path, chunk: int
) -> None:
    found = losses(tmp_path, "process", 1000 * chunk)

    lost = [each for each in found if each.survived < each.promised]
    assert len(lost) > SEEDS / 2, "the name promises no more, and honestly so"


async def test_the_net_holds_what_a_missing_sync_would_lose(tmp_path: Path) -> None:
    """The same thread and the same promises over `synchronous=NORMAL`: they are broken."""
    broken = 0
    for seed in range(10):
        home = tmp_path / str(seed)
        home.mkdir(mode=0o700)
        disk = Disk(f"unsynced-{seed}", waits=False)
        connection = open_database(home / "journal.db", synchronous="NORMAL", vfs=disk.name)
        scribe = Scribe(random.Random(seed))
        scribe.begin(SqliteJournal(ThreadLane(connection)), disk)
        await scribe.write(12)
        done = list(disk.done)
        await scribe.journal.close()
        left = tmp_path / f"{seed}-left"
        put(left_by_power_loss(disk.found, done, random.Random(seed)), home, left)
        broken += await examined(left / "journal.db", scribe) < scribe.due(len(done))

    assert broken >= 3


# Nonces


def upwards(size: int) -> Choose:
    def choose(known: KnownNonces | None) -> NonceBlock:
        first = 1 if known is None else known.reserved + 1
        return NonceBlock(first=first, last=first + size - 1)

    return choose


def nonces_lost(seed: int, folder: Path) -> int:
    """Reserve, lose power, reserve again, on and on; gives how many reservations were promised."""
    rng = random.Random(seed)
    given: dict[str, int] = {}  # by key, the highest that somebody may have used
    promises = 0
    home = folder / "0"
    home.mkdir(mode=0o700)
    for life in range(4):
        disk = Disk(f"nonces-{seed}", waits=False)
        store = NonceStore(home / "nonces.db", vfs=disk.name)
        promised = [(0, dict(given))]
        for _ in range(rng.randint(1, 6)):
            key = rng.choice("ab")
            block = store.reserve(key, "us", upwards(rng.choice((1, 1000))))
            assert block.first > given.get(key, 0), "given once before"
            given[key] = block.last
            promised.append((len(disk.done), dict(given)))
        store.close()
        disk.unregister()
        for number in range(5):
            cut = rng.randint(0, len(disk.done))
            left = folder / f"{life}-{number}"
            put(left_by_power_loss(disk.found, disk.done[:cut], rng), home, left)
            again = NonceStore(left / "nonces.db")
            due = next(given for seen, given in reversed(promised) if seen <= cut)
            for key, last in due.items():
                known = again.known(key)
                assert known is not None
                assert known.reserved >= last, "a nonce would be given twice"
            again.close()
            promises += len(due)
        given = dict(due)
        home = left
    return promises


@pytest.mark.parametrize("chunk", range(2))
def test_no_nonce_is_given_twice_after_the_loss_of_power(tmp_path: Path, chunk: int) -> None:
    promises = 0
    for seed in range(1000 * chunk, 1000 * chunk + SEEDS):
        (tmp_path / str(seed)).mkdir()
        promises += nonces_lost(seed, tmp_path / str(seed))

    assert promises > 10 * SEEDS
