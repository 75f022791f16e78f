"""Several programs, one limit: never more than the exchange allows, and little left lying."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.limits.exchanges import Clock, limiter, spec
from venuekit.limits import Lane, Limiter, TooLate
from venuekit.limits.sharing import Sharing
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetKind
from venuekit.stores.shared_limits import Claim, Share, SharedLimitsFile

PROGRAM = Path(__file__).with_name("sharing_program.py")
CAPACITY = 200
S = 1_000_000_000


@pytest.mark.parametrize("programs", [2, 4])
def test_real_processes_share_a_limit_and_one_of_them_is_killed(
    programs: int, tmp_path: Path
) -> None:
    running = [
        subprocess.Popen([sys.executable, str(PROGRAM), str(tmp_path), str(number), "3"])
        for number in range(programs)
    ]
    victim = running[0]
    with pytest.raises(subprocess.TimeoutExpired):
        victim.wait(timeout=2.5)
    victim.kill()
    assert victim.wait() != 0
    assert [each.wait(timeout=30) for each in running[1:]] == [0] * (programs - 1)

    moments = sorted(
        float(line)
        for path in tmp_path.glob("log-*")
        for line in path.read_text().splitlines()
        if len(line) > 10
    )
    by_second: dict[int, int] = {}
    for moment in moments:
        by_second[int(moment)] = by_second.get(int(moment), 0) + 1
    assert max(by_second.values()) <= CAPACITY
    for first, moment in enumerate(moments):
        within = sum(1 for other in moments[first : first + 2 * CAPACITY] if other < moment + 1)
        assert within <= CAPACITY
    assert len(moments) > CAPACITY  # what is given back and what ages is used again


def program(
    folder: Path, clock: Clock, holder: str, store: SharedLimitsFile | None = None
) -> tuple[Sharing, Limiter]:
    doors = limiter(clock, spec(capacity=100))
    shared = Sharing(
        doors,
        store or SharedLimitsFile(folder / "limits.db"),
        holder=holder,
        prefix_of=lambda _: "acme/",
        subject="acme",
        now_ns=lambda: round(clock.exchange_s() * S),
    )
    return shared, doors


async def test_before_it_has_settled_nothing_passes(tmp_path: Path) -> None:
    shared, doors = program(tmp_path, Clock(), "a")
    assert doors.try_take({"weight": 1}, Lane.CANCEL) is None
    await shared.settle()
    assert doors.try_take({"weight": 1}, Lane.CANCEL) is not None


async def test_more_is_fetched_for_who_waits(tmp_path: Path) -> None:
    shared, doors = program(tmp_path, Clock(), "a")
    await shared.settle()
    keeper = asyncio.create_task(shared.run())
    grant = await doors.take({"weight": 80}, Lane.QUERY, wait_s=5)
    assert grant is not None
    keeper.cancel()
    await asyncio.wait([keeper])


async def test_a_cost_that_is_more_than_the_whole_is_refused_at_once(tmp_path: Path) -> None:
    doors = limiter(Clock(), spec(capacity=100))
    doors.share(lambda: None, lambda _: None)
    with pytest.raises(TooLate, match="for ever"):
        await doors.take({"weight": 101}, Lane.QUERY)


async def test_a_ban_of_one_program_stops_the_other_and_the_next_start(tmp_path: Path) -> None:
    clock = Clock()

    first, first_doors = program(tmp_path, clock, "a")
    second, second_doors = program(tmp_path, clock, "b")
    await first.settle()
    await second.settle()
    keepers = [asyncio.create_task(each.run()) for each in (first, second)]
    first_doors.ban(120.0)
    await asyncio.sleep(1.5)
    assert second_doors.banned_s() > 100
    for keeper in keepers:
        keeper.cancel()
    await asyncio.wait(keepers)

    third, third_doors = program(tmp_path, clock, "c")
    await third.settle()
    assert third_doors.banned_s() > 100
    with pytest.raises(TooLate) as late:
        await third_doors.take({"weight": 1}, Lane.CANCEL)
    assert late.value.is_ban


@pytest.mark.parametrize("kind", [BudgetKind.TOKEN_BUCKET, BudgetKind.DECAYING_COUNTER])
async def test_of_what_decays_only_our_part_decays_for_us(kind: BudgetKind) -> None:
    clock = Clock()
    doors = limiter(clock, spec(kind=kind, capacity=100, interval_s=10))
    doors.share(lambda: None, lambda _: None)
    doors.lend({"weight": (50, 50)})
    grant = doors.try_take({"weight": 50}, Lane.QUERY)
    assert grant is not None
    grant.end()
    clock.passed_s += 5
    (state,) = doors.snapshot()
    assert state.used == 25  # half of what decays for all: 5 of the 10 in a second


async def test_what_others_hold_is_in_the_exchanges_count_and_no_strangers() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    doors.share(lambda: None, lambda _: None)
    doors.lend({"weight": (50, 40)})
    grant = doors.try_take({"weight": 10}, Lane.QUERY)
    assert grant is not None
    grant.end()
    doors.correct([BudgetUsage(budget="weight", used=50)], grant=grant)
    assert doors.snapshot()[0].used == 10
    doors.correct([BudgetUsage(budget="weight", used=70)], grant=grant)
    assert doors.snapshot()[0].used == 30  # at least twenty are somebody else's


class Slow(SharedLimitsFile):
    """A store that takes its time to answer: meanwhile its handle goes on."""

    meanwhile: Callable[[], None] | None = None

    def settle(self, holder: str, claims: Mapping[str, Claim], now_ns: int) -> Mapping[str, Share]:
        shares = super().settle(holder, claims, now_ns)
        if self.meanwhile is not None:
            self.meanwhile()
        return shares


async def test_what_is_used_while_the_store_is_asked_is_nobody_elses(tmp_path: Path) -> None:
    clock = Clock()
    slow = Slow(tmp_path / "limits.db")
    first, first_doors = program(tmp_path, clock, "a", slow)
    second, second_doors = program(tmp_path, clock, "b")
    waiter = asyncio.create_task(first_doors.take({"weight": 90}, Lane.QUERY))
    await asyncio.sleep(0)
    await first.settle()
    (await waiter).end(refunds={"weight": 80})  # it holds 90 and more, and has used 10
    eager = asyncio.create_task(second_doors.take({"weight": 40}, Lane.QUERY))
    await asyncio.sleep(0)
    await second.settle()
    spent = []

    def spend() -> None:
        while (grant := first_doors.try_take({"weight": 1}, Lane.QUERY)) is not None:
            spent.append(grant)

    slow.meanwhile = spend
    await first.settle()  # it would do with less from now on
    slow.meanwhile = None
    await second.settle()
    assert len(spent) > 50
    assert not eager.done()
    states = first_doors.snapshot()[0], second_doors.snapshot()[0]
    holds = SharedLimitsFile(tmp_path / "limits.db").holds()
    assert sum(held for _, _, held, _ in holds) <= 100
    assert sum(state.used for state in states) <= 100
    eager.cancel()
    await asyncio.wait([eager])
