"""Several programs, one limit: never more than the exchange allows, and little left lying."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.limits.exchanges import Clock, limiter, spec
from venuekit.limits import Lane, Limiter, TooLate
from venuekit.limits.sharing import Sharing
from venuekit.model import BudgetUsage, StoreError
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


def spend_all(doors: Limiter) -> int:
    """Take as much as there is, by units; the answers have come."""
    spent = 0
    while (grant := doors.try_take({"weight": 1}, Lane.QUERY)) is not None:
        grant.end()
        spent += 1
    return spent


async def test_what_others_turn_out_to_hold_is_theirs_though_it_was_taken_for_a_strangers(
    tmp_path: Path,
) -> None:
    """One program's knowledge of the other is as old as its last settlement; so it may take the
    other's requests, which the exchange has counted, for those of a stranger.
    """
    clock = Clock()
    first, first_doors = program(tmp_path, clock, "a")
    second, second_doors = program(tmp_path, clock, "b")
    await first.settle()
    eager = asyncio.create_task(second_doors.take({"weight": 80}, Lane.QUERY))
    await asyncio.sleep(0)
    await second.settle()  # it has grown, and the first one does not know yet
    (await eager).end()
    grant = first_doors.try_take({"weight": 1}, Lane.QUERY)
    assert grant is not None
    grant.end()
    first_doors.correct([BudgetUsage(budget="weight", used=81)], grant)
    assert first_doors.snapshot()[0].used == 81

    await first.settle()
    clock.passed_s += 10  # the next window, before anybody settles again
    assert spend_all(first_doors) + spend_all(second_doors) <= 100


async def test_of_a_limit_of_which_more_is_held_than_there_is_no_more_decays() -> None:
    clock = Clock()
    doors = limiter(clock, spec(kind=BudgetKind.TOKEN_BUCKET, capacity=100, interval_s=10))
    doors.share(lambda: None, lambda _: None)
    doors.lend({"weight": (100, 0)})
    grant = doors.try_take({"weight": 100}, Lane.QUERY)
    assert grant is not None
    grant.end()
    doors.lend({"weight": (100, 80)})
    clock.passed_s += 2
    assert doors.snapshot()[0].used == 96  # at the speed of what others do not hold
    doors.lend({"weight": (96, 100)})
    clock.passed_s += 1
    assert 90 < doors.snapshot()[0].used < 96  # or nobody could ever go on
    assert spend_all(doors) == 0


async def test_more_that_the_exchange_allows_is_nobodys_before_it_is_shared_out() -> None:
    doors = limiter(Clock(), spec(capacity=10))
    doors.share(lambda: None, lambda _: None)
    doors.lend({"weight": (10, 0)})  # all of it
    doors.update([spec(capacity=100)])
    assert spend_all(doors) == 10


async def test_a_limit_that_turns_out_to_be_of_another_kind_stays_shared() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    doors.share(lambda: None, lambda _: None)
    doors.lend({"weight": (10, 90)})
    doors.update([spec(kind=BudgetKind.SLIDING_WINDOW, capacity=100)])
    assert spend_all(doors) == 10


class Broken(SharedLimitsFile):
    """A store that cannot be used for a while."""

    is_broken = True

    def settle(self, holder: str, claims: Mapping[str, Claim], now_ns: int) -> Mapping[str, Share]:
        self._check()
        return super().settle(holder, claims, now_ns)

    def ban(self, subject: str, until_ns: int) -> None:
        self._check()
        super().ban(subject, until_ns)

    def _check(self) -> None:
        if self.is_broken:
            raise StoreError("no disk")


async def test_who_began_alone_shares_as_soon_as_the_store_can_be_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "venuekit.limits")
    clock = Clock()
    broken = Broken(tmp_path / "limits.db")
    lonely, lonely_doors = program(tmp_path, clock, "a", broken)
    with pytest.raises(StoreError) as refused:
        await lonely.settle()
    lonely.go_alone(refused.value)
    grant = lonely_doors.try_take({"weight": 70}, Lane.QUERY)
    assert grant is not None
    grant.end()

    keeper = asyncio.create_task(lonely.run())
    await asyncio.sleep(3.5)
    assert [each.message for each in caplog.records] == ["limits_not_shared"]
    lonely_doors.ban(60.0)
    broken.is_broken = False
    await asyncio.sleep(2.5)
    assert [each.message for each in caplog.records][1:] == ["limits_shared_again"]
    other, other_doors = program(tmp_path, clock, "b")
    await other.settle()
    assert other_doors.banned_s() > 50
    assert other_doors.snapshot()[0].others >= 70
    keeper.cancel()
    await asyncio.wait([keeper])


async def test_a_ban_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    clock = Clock()
    broken = Broken(tmp_path / "limits.db")
    broken.is_broken = False
    banned, doors = program(tmp_path, clock, "a", broken)
    await banned.settle()
    broken.is_broken = True
    doors.ban(60.0)
    keeper = asyncio.create_task(banned.run())
    await asyncio.sleep(1.5)
    broken.is_broken = False
    await asyncio.sleep(1.5)
    other, other_doors = program(tmp_path, clock, "b")
    await other.settle()
    assert other_doors.banned_s() > 50
    keeper.cancel()
    await asyncio.wait([keeper])
