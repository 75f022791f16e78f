"""Keeping a journal in order from outside: reading, checking, pruning, backing up."""

import contextlib
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fill,
    Order,
    OrderPhase,
    OrderType,
    Side,
    StoreError,
    Symbol,
    limit_buy,
)
from venuekit.orders import reconciling
from venuekit.stores import (
    CommandState,
    Cursor,
    Intent,
    Journal,
    Origin,
    RecordKind,
    Scope,
    open_journal,
)
from venuekit.stores.checking import check
from venuekit.stores.database import open_database
from venuekit.stores.pruning import OVERLAP_NS, Pruned, compact, prune
from venuekit.stores.snapshot import Snapshot
from venuekit.stores.upkeep import Reached, Upkeep, back_up

SCOPE = Scope("venue", "main", "sim")
OTHER = Scope("venue", "second", "sim")
BTC = Symbol("BTC/USDT")
MINUTE = 60_000_000_000
DAY = 24 * 60 * MINUTE
T0 = 1_700_000_000_000_000_000
LATER = T0 + 100 * DAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "journal.db"


@contextlib.asynccontextmanager
async def journal_at(path: Path) -> Any:
    journal = await open_journal(f"sqlite:{path}", durability="process")
    yield journal
    await journal.close()


async def placed(
    journal: Journal,
    name: str,
    *,
    at_ns: int = T0,
    phase: OrderPhase = OrderPhase.FILLED,
    scope: Scope = SCOPE,
    key: str | None = None,
    traded: str = "0.1",
) -> Order:
    """Write an order's life down: intent, attempt, what became of it."""
    request = limit_buy(BTC, "0.10", "30000", client_order_id=name)
    await journal.record_intent(
        Intent(
            scope=scope,
            client_order_id=ClientOrderId(name),
            request=request,
            intent_key=key,
            created_ns=at_ns,
        )
    )
    journal.record_attempt(scope, ClientOrderId(name), 1, time_ns=at_ns + 1)
    filled = Decimal(traded) if phase is OrderPhase.FILLED else Decimal(0)
    order = Order(
        symbol=BTC,
        side=Side.BUY,
        type=OrderType.LIMIT,
        phase=phase,
        client_order_id=ClientOrderId(name),
        exchange_order_id=ExchangeOrderId(f"x-{name}"),
        quantity=Decimal("0.10"),
        price=Decimal(30000),
        filled=filled,
        created_ns=at_ns,
    )
    fills = [
        Fill(
            symbol=BTC,
            trade_id=f"t-{name}",
            exchange_order_id=ExchangeOrderId(f"x-{name}"),
            side=Side.BUY,
            price=Decimal(30000),
            quantity=filled,
            time_ns=at_ns + 2,
        )
    ]
    journal.record_order(
        scope, order, time_ns=at_ns + 3, fills=fills if filled else (), origin=Origin.INTENT
    )
    return order


async def compared(journal: Journal, at_ns: int, scope: Scope = SCOPE) -> None:
    """Note that fills are known up to then, and write one record more, the newest."""
    journal.move_cursor(scope, BTC, Cursor(time_ns=at_ns))
    await placed(journal, f"newest-{scope.account}", at_ns=at_ns, scope=scope)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[apsw.Connection]:
    with contextlib.closing(open_database(path, synchronous="NORMAL")) as connection:
        yield connection


def pruned(
    path: Path, before_ns: int, *, is_dry: bool = False, account: str | None = None
) -> Pruned:
    with opened(path) as connection:
        accounts = Upkeep(connection, account=account).accounts
        return prune(connection, before_ns, accounts, is_dry=is_dry)


def size_of(path: Path) -> int:
    return path.stat().st_size


def listed(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def damage_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40_000:60_000] = bytes(20_000)
    path.write_bytes(data)


def names(path: Path, table: str = "orders") -> set[str]:
    with opened(path) as connection:
        return {name for (name,) in connection.execute(f"SELECT DISTINCT name FROM {table}")}


# Pruning


async def test_old_orders_go_with_their_records_and_fills(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "old")
        await placed(journal, "young", at_ns=T0 + 50 * DAY)
        await compared(journal, LATER)

    done = pruned(path, T0 + 10 * DAY)

    assert (done.orders, done.records, done.fills, done.histories) == (1, 3, 1, 0)
    for table in ("orders", "records", "fills"):
        assert names(path, table) == {"young", "newest-main"}
    assert pruned(path, T0 + 10 * DAY).is_empty


async def test_a_dry_run_counts_the_same_and_deletes_nothing(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "old")
        await compared(journal, LATER)

    planned = pruned(path, T0 + DAY, is_dry=True)

    assert names(path) == {"old", "newest-main"}
    assert planned == pruned(path, T0 + DAY)


@pytest.mark.parametrize("phase", [phase for phase in OrderPhase if not phase.is_final])
async def test_an_order_that_is_not_final_is_never_deleted(path: Path, phase: OrderPhase) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "standing", phase=phase)
        await compared(journal, LATER)

    assert pruned(path, LATER).is_empty
    assert "standing" in names(path)


async def test_an_intent_without_outcome_is_never_deleted(path: Path) -> None:
    async with journal_at(path) as journal:
        request = limit_buy(BTC, "0.1", "1", client_order_id="unheard")
        await journal.record_intent(
            Intent(
                scope=SCOPE,
                client_order_id=ClientOrderId("unheard"),
                request=request,
                created_ns=T0,
            )
        )
        await compared(journal, LATER)

    assert pruned(path, LATER).is_empty
    assert "unheard" in names(path)


async def test_a_phase_is_believed_rather_than_a_wrong_mark(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "standing", phase=OrderPhase.OPEN)
        await compared(journal, LATER)
    with opened(path) as connection:
        connection.execute("UPDATE orders SET is_open = 0")

    assert pruned(path, LATER).is_empty


async def test_an_intent_key_is_the_same_order_for_ever(path: Path) -> None:
    async with journal_at(path) as journal:
        order = await placed(journal, "keyed", key="rebalance-7")
        await compared(journal, LATER)

    done = pruned(path, T0 + DAY)

    assert (done.orders, done.histories, done.records, done.fills) == (0, 1, 3, 0)
    assert "keyed" not in names(path, "records")
    async with journal_at(path) as journal:
        intent = await journal.intent_of_key(SCOPE, "rebalance-7")
        assert intent.client_order_id == "keyed"
        again = await journal.order(SCOPE, order.ref)
        # With its fills: else their sum would differ, and a comparison would book them anew.
        assert (again.filled, [f.trade_id for f in again.fills]) == (order.filled, ["t-keyed"])
    assert pruned(path, T0 + DAY).is_empty


async def test_what_a_comparison_asks_for_again_stays(path: Path) -> None:
    async with journal_at(path) as journal:
        edge = LATER - OVERLAP_NS
        await placed(journal, "before", at_ns=edge - 10)
        await placed(journal, "after", at_ns=edge - 2)  # its fill, and what was heard, after it
        await compared(journal, LATER)

    done = pruned(path, LATER - 1)

    assert done.not_compared == 1
    assert names(path) == {"after", "newest-main"}


async def test_an_instrument_that_was_never_compared_keeps_everything(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "old")
        await placed(journal, "newest", at_ns=LATER)

    done = pruned(path, LATER)

    assert (done.orders, done.not_compared) == (0, 1)


def test_the_overlap_is_the_one_that_reconciling_uses() -> None:
    assert OVERLAP_NS == reconciling._OVERLAP_NS


async def test_what_a_consumer_has_not_done_with_stays(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "read")
        position = await journal.last_event(SCOPE)
        await placed(journal, "unread")
        await compared(journal, LATER)
        journal.move_position(SCOPE, "ledger", position)
        journal.move_position(SCOPE, "screen", position + 4)

    done = pruned(path, T0 + DAY)

    assert (done.orders, done.not_consumed, done.consumers) == (1, 1, ("ledger",))
    assert names(path) == {"unread", "newest-main"}


async def test_a_number_of_an_event_is_never_given_twice(path: Path) -> None:
    async with journal_at(path) as journal:
        journal.move_cursor(SCOPE, BTC, Cursor(time_ns=LATER))
        await placed(journal, "old")
        await placed(journal, "last")
        newest = await journal.last_event(SCOPE)

    assert pruned(path, LATER - DAY).orders == 1

    async with journal_at(path) as journal:
        await placed(journal, "next", at_ns=LATER)
        events = await journal.events(SCOPE, after=newest)
        assert [event.order.client_order_id for event in events] == ["next", "next"]


async def test_only_the_account_that_is_meant_is_pruned(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "mine")
        await placed(journal, "theirs", scope=OTHER)
        await compared(journal, LATER)
        await compared(journal, LATER, OTHER)

    assert pruned(path, T0 + DAY, account="second").orders == 1
    assert "mine" in names(path)
    assert "theirs" not in names(path)


async def test_what_was_interrupted_leaves_a_sound_journal(path: Path) -> None:
    async with journal_at(path) as journal:
        for number in range(1200):
            await placed(journal, f"o{number:04}")
        await compared(journal, LATER)

    class Enough(Exception):
        pass

    def tick(done: int, total: int) -> None:
        assert total
        if done >= 1000:
            raise Enough

    with opened(path) as connection, pytest.raises(Enough):
        prune(connection, T0 + DAY, Upkeep(connection).accounts, tick=tick)

    with opened(path) as connection:
        assert list(check(connection)) == []
    assert pruned(path, T0 + DAY).orders == 200


async def test_an_order_goes_whole_or_not_at_all(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "old")
        await compared(journal, LATER)
    with opened(path) as connection:
        connection.execute(
            "CREATE TRIGGER t BEFORE DELETE ON orders BEGIN SELECT RAISE(ABORT, 'full'); END"
        )

    with pytest.raises(apsw.ConstraintError, match="full"):
        pruned(path, T0 + DAY)

    for table in ("orders", "records", "fills"):
        assert "old" in names(path, table)


async def test_room_is_given_back_to_the_disk(path: Path) -> None:
    async with journal_at(path) as journal:
        for number in range(500):
            await placed(journal, f"o{number}")
        await compared(journal, LATER)
    before = size_of(path)

    with opened(path) as connection:
        prune(connection, T0 + DAY, Upkeep(connection).accounts)
        compact(connection)

    assert size_of(path) < before / 2
    async with journal_at(path) as journal:
        assert await journal.first_orders(SCOPE) == {BTC: T0}


# Checking


def findings(path: Path) -> list[tuple[str, str, bool]]:
    with Snapshot(path) as copy:
        return [(each.kind, each.what, each.is_fault) for each in check(copy.connection)]


async def test_a_sound_journal_has_no_findings(path: Path) -> None:
    async with journal_at(path) as journal:
        order = await placed(journal, "a")
        await placed(journal, "b", phase=OrderPhase.OPEN)
        journal.record_note(SCOPE, order.ref, "a remark", time_ns=T0)
        journal.record_command(SCOPE, [order.ref], "cancel", CommandState.SENT, time_ns=T0)

    assert findings(path) == []


DAMAGES = [
    ("UPDATE orders SET body = '{'", ("body", "a", True)),
    ("UPDATE orders SET request = '[]'", ("body", "a", True)),
    ("UPDATE orders SET phase = 'canceled'", ("body", "a", True)),
    ("UPDATE orders SET is_open = 1", ("phase", "a", True)),
    ("UPDATE fills SET body = replace(body, '0.1', '0.2')", ("quantity", "a", True)),
    ("DELETE FROM fills", ("quantity", "a", False)),
    ("UPDATE fills SET body = 'x'", ("body", "a", True)),
    ("UPDATE fills SET time_ns = 7", ("body", "a", True)),
    ("UPDATE records SET body = 'x' WHERE kind = 'attempt'", ("body", "a", True)),
    ("UPDATE records SET body = 'x' WHERE kind = 'fill'", ("body", "a", True)),
    ("UPDATE records SET kind = 'song' WHERE kind = 'attempt'", ("body", "a", True)),
    ("UPDATE records SET kind = 'command', body = '{}' WHERE kind = 'fill'", ("body", "a", True)),
    ("INSERT INTO records VALUES (99, 1, 'gone', 1, 'note', '', '')", ("orphan", "gone", False)),
    ("UPDATE fills SET name = 'gone'", ("orphan", "gone", True)),
    (("INSERT INTO orders SELECT 99, scope, 'b', symbol, exchange_order_id, origin, NULL, request,"
      " created_ns, phase, is_open, body FROM orders"), ("id", "x-a on BTC/USDT", True)),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "expected"), DAMAGES, ids=[sql for sql, _ in DAMAGES])
async def test_what_does_not_hold_is_found(
    path: Path, damage: str, expected: tuple[str, str, bool]
) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "a")
    with opened(path) as connection:
        connection.execute(damage)

    assert expected in findings(path)


async def test_an_intent_without_outcome_is_worth_knowing_and_no_fault(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "a", phase=OrderPhase.UNKNOWN)

    assert findings(path) == [("unknown", "a on BTC/USDT", False)]


async def test_a_damaged_file_is_told_and_not_looked_into(path: Path) -> None:
    async with journal_at(path) as journal:
        for number in range(300):
            await placed(journal, f"o{number}")
    damage_pages(path)

    found = findings(path)

    assert found
    assert {(kind, is_fault) for kind, _, is_fault in found} == {("file", True)}


# Backing up


async def test_a_backup_is_a_journal_for_its_owner_alone(path: Path, tmp_path: Path) -> None:
    async with journal_at(path) as journal:
        order = await placed(journal, "a")
    target = tmp_path / "safe.db"
    steps: list[tuple[int, int]] = []

    with Snapshot(path) as copy:
        back_up(copy.connection, target, tick=lambda done, total: steps.append((done, total)))

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert listed(tmp_path) == ["journals", "safe.db"]
    assert steps[-1][0] == steps[-1][1] > 0
    async with journal_at(target) as journal:
        assert (await journal.order(SCOPE, order.ref)).filled == order.filled
    assert findings(target) == []


async def test_a_backup_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    async with journal_at(path):
        pass
    target = tmp_path / "safe.db"
    target.write_text("precious")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere")

    with Snapshot(path) as copy:
        for each in (target, link):
            with pytest.raises(StoreError, match="is not overwritten; name another file"):
                back_up(copy.connection, each)

        def appear(_: int, __: int) -> None:
            (tmp_path / "late.db").write_text("precious too")

        with pytest.raises(StoreError, match="is not overwritten"):
            back_up(copy.connection, tmp_path / "late.db", tick=appear)
        with pytest.raises(StoreError, match="No such file or directory"):
            back_up(copy.connection, tmp_path / "no" / "folder.db")

    assert target.read_text() == "precious"
    assert (tmp_path / "late.db").read_text() == "precious too"
    assert listed(tmp_path) == ["journals", "late.db", "link.db", "safe.db"]


# Reading


async def test_an_order_is_found_by_what_people_have_at_hand(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "abc1")
        await placed(journal, "abc2")
        await placed(journal, "abc")
        await placed(journal, "abc1", scope=OTHER)

    def found(text: str, **only: str) -> list[tuple[str, str]]:
        with Snapshot(path) as copy:
            upkeep = Upkeep(copy.connection, **only)
            return sorted((each.name, each.scope.account) for each in upkeep.find(text))

    assert found("abc2") == [("abc2", "main")]
    assert found("abc") == [("abc", "main")]  # a whole id is no beginning
    assert found("x-abc2") == [("abc2", "main")]
    assert found("ab", account="main") == [("abc", "main"), ("abc1", "main"), ("abc2", "main")]
    assert found("abc1") == [("abc1", "main"), ("abc1", "second")]
    assert found("abc1", account="second") == [("abc1", "second")]
    assert found("%") == []


async def test_open_orders_are_those_not_final_with_their_fills(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "done")
        order = await placed(journal, "open", phase=OrderPhase.OPEN)
        fill = Fill(
            symbol=BTC,
            trade_id="t",
            exchange_order_id=ExchangeOrderId("x-open"),
            side=Side.BUY,
            price=Decimal(30000),
            quantity=Decimal("0.04"),
            time_ns=T0,
        )
        partly = attrs.evolve(order, phase=OrderPhase.PARTIALLY_FILLED, filled=Decimal("0.04"))
        journal.record_order(SCOPE, partly, time_ns=T0, fills=[fill])
        request = limit_buy(BTC, "0.1", "1", client_order_id="unheard")
        await journal.record_intent(
            Intent(
                scope=SCOPE,
                client_order_id=ClientOrderId("unheard"),
                request=request,
                created_ns=T0,
            )
        )

    with Snapshot(path) as copy:
        known = Upkeep(copy.connection).open_orders()
        assert [(each.name, each.order.phase) for each in known] == [
            ("open", OrderPhase.PARTIALLY_FILLED),
            ("unheard", OrderPhase.UNKNOWN),
        ]
        assert known[0].order.fills == (fill,)
        assert Upkeep(copy.connection).open_orders("ETH/USDT") == []


async def test_lines_come_once_each_and_in_the_order_of_time(path: Path) -> None:
    async with journal_at(path) as journal:
        await placed(journal, "a")
        await placed(journal, "b", at_ns=T0 + DAY)
    with Snapshot(path) as copy:
        lines, reached = Upkeep(copy.connection).newest(5)
        assert [(each.name, each.entry.kind) for each in lines] == [
            ("a", RecordKind.FILL),
            ("b", RecordKind.INTENT),
            ("b", RecordKind.ATTEMPT),
            ("b", RecordKind.ORDER),
            ("b", RecordKind.FILL),
        ]
        assert Upkeep(copy.connection).newer(reached) == ([], reached)
        everything, _ = Upkeep(copy.connection).newer(Reached())
        assert len(everything) == 8

    async with journal_at(path) as journal:
        await placed(journal, "c", at_ns=T0 + 2 * DAY)
    with Snapshot(path) as copy:
        lines, _ = Upkeep(copy.connection).newer(reached)
        assert [each.name for each in lines] == ["c"] * 4
