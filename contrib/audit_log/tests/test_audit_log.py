"""What happens is written once, in a chain that shows every change; the loop never waits."""

import fcntl
import json
import logging
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import venuekit.plugin as vk
import venuekit_audit_log
from venuekit.model import (
    ConfigurationError,
    ExchangeOrderId,
    Fee,
    Fill,
    Gap,
    Grid,
    Instrument,
    InstrumentStatus,
    Order,
    OrderPhase,
    OrderType,
    Side,
    StreamState,
    StreamStateChanged,
    Symbol,
    limit_buy,
)
from venuekit.plugin.hooks import Hooks
from venuekit_audit_log import AuditLog, Writer, settings_from, verify
from venuekit_audit_log.chain import files_of
from venuekit_audit_log.command import main

CANARY = "c4n4ry-s3cr3t"
DAY_NS = 86_400_000_000_000
BTC = Instrument(
    symbol=Symbol("BTC/USDT"),
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(),
    quantity=Grid(),
)
REQUEST = limit_buy("BTC/USDT", quantity="0.10", price="1000")
FILL = Fill(
    symbol=Symbol("BTC/USDT"),
    trade_id="t1",
    exchange_order_id=ExchangeOrderId("e1"),
    side=Side.BUY,
    price=Decimal("999.9"),
    quantity=Decimal("0.1"),
    fee=Fee(Decimal("-0.001"), "USDT"),
    time_ns=7,
)
ORDER = Order(
    symbol=Symbol("BTC/USDT"),
    side=Side.BUY,
    type=OrderType.LIMIT,
    phase=OrderPhase.PARTIALLY_FILLED,
    exchange_order_id=ExchangeOrderId("e1"),
    quantity=Decimal(1),
    filled=Decimal("0.1"),
    fills=(FILL,),
)
SEEN = vk.RequestSeen(
    exchange="acme",
    account="main",
    what="place order",
    kind="place",
    attempt=1,
    status=200,
    outcome="done",
    duration_s=0.1,
)


@attrs.define
class Bench:
    folder: Path
    now_ns: int = 1_767_225_600_000_000_000
    settings: dict[str, Any] = attrs.field(factory=dict)
    fsyncs: list[int] = attrs.field(factory=list)

    def writer(self, **settings: Any) -> Writer:
        table = {"folder": str(self.folder), **self.settings, **settings}
        return Writer(settings_from(table), time_ns=lambda: self.now_ns, fsync=self.fsyncs.append)

    def write(self, *words: str, **settings: Any) -> None:
        writer = self.writer(**settings)
        for word in words:
            writer.put({"kind": word})
        writer.close()

    def records(self) -> list[dict[str, Any]]:
        text = "".join(file.read_text("utf-8") for file in files_of(self.folder))
        return [json.loads(line) for line in text.splitlines()]

    def kinds(self) -> list[str]:
        return [record["kind"] for record in self.records()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "audit")


def test_intents_attempts_orders_fills_streams_and_limits_are_recorded(bench: Bench) -> None:
    writer = bench.writer()
    log = AuditLog(writer)

    assert log.venuekit_veto_order("acme", "main", REQUEST, BTC) is None
    log.venuekit_request_seen(SEEN)
    log.venuekit_order_changed("acme", "main", ORDER)
    log.venuekit_order_changed("acme", "main", ORDER)
    log.venuekit_stream_event("acme", "main", Gap(stream="trades", after_id="1"))
    log.venuekit_stream_event(
        "acme", "main", StreamStateChanged(stream="trades", state=StreamState.LIVE)
    )
    waits = vk.LimitEvent(kind=vk.LimitEventKind.WAITING, seconds=float("inf"), budgets=("a",))
    log.venuekit_limit_event("acme", "main", waits)
    log.close()

    kinds = ["opened", "intent", "attempt", "order", "fill", "order", "stream", "stream", "limit"]
    assert bench.kinds() == kinds
    _, intent, attempt, order, fill, _, gap, state, limit = bench.records()
    assert (intent["quantity"], intent["price"]) == ("0.10", "1000")
    assert (attempt["what"], attempt["outcome"]) == ("place order", "done")
    assert (order["phase"], order["filled"]) == ("partially_filled", "0.1")
    assert (fill["trade_id"], fill["price"], fill["fee"]) == ("t1", "999.9", "-0.001")
    assert (gap["event"], gap["after_id"], state["state"]) == ("Gap", "1", "live")
    assert (limit["seconds"], limit["budgets"]) == (None, ["a"])
    assert verify(bench.folder).is_whole


def test_no_secret_gets_in(bench: Bench) -> None:
    log = AuditLog(bench.writer())
    secretive = attrs.evolve(REQUEST, options={"password": CANARY})

    class Told:
        def __repr__(self) -> str:
            return CANARY

    log.venuekit_veto_order("acme", "main", secretive, BTC)
    log.venuekit_stream_event("acme", "main", Told())
    log.venuekit_stream_event("acme", "main", Gap(stream="orders", text=CANARY))
    log.close()

    written = b"".join(file.read_bytes() for file in files_of(bench.folder))
    assert CANARY.encode() not in written
    assert b'"options":["password"]' in written
    assert all(file.stat().st_mode & 0o077 == 0 for file in files_of(bench.folder))


def lines(bench: Bench) -> tuple[Path, list[bytes]]:
    (file,) = files_of(bench.folder)
    return file, file.read_bytes().splitlines(keepends=True)


def test_a_removed_line_shows(bench: Bench) -> None:
    bench.write("a", "b", "c")
    file, found = lines(bench)
    file.write_bytes(b"".join(found[:2] + found[3:]))

    (fault,) = verify(bench.folder).faults
    assert fault == (
        f"{file.name}:3: record 4 does not follow record 2: lines were removed, put in or moved"
    )


def test_a_changed_byte_and_swapped_lines_show(bench: Bench) -> None:
    bench.write("a", "b", "c")
    file, found = lines(bench)
    file.write_bytes(b"".join(found).replace(b'"kind":"b"', b'"kind":"x"'))
    assert verify(bench.folder).faults == (f"{file.name}:3: its hash does not fit: it was changed",)

    file.write_bytes(b"".join([found[0], found[2], found[1], found[3]]))
    assert not verify(bench.folder).is_whole
    file.write_bytes(b"".join([*found, b"[]\n"]))
    assert verify(bench.folder).faults == (f"{file.name}:5: no record",)


def test_a_removed_end_shows_against_a_head_that_was_kept(bench: Bench) -> None:
    bench.write("a", "b")
    head = verify(bench.folder).head
    bench.write("c")
    assert verify(bench.folder, head=head).is_whole

    file, found = lines(bench)
    file.write_bytes(b"".join(found[:2]))
    assert verify(bench.folder).is_whole
    assert not verify(bench.folder, head=head).is_whole


def test_a_removed_file_shows(bench: Bench) -> None:
    for _ in range(3):
        bench.write("a")
        bench.now_ns += DAY_NS
    assert [file.name for file in files_of(bench.folder)] == [
        "audit-000001-2026-01-01.jsonl",
        "audit-000002-2026-01-02.jsonl",
        "audit-000003-2026-01-03.jsonl",
    ]
    assert verify(bench.folder).is_whole

    files_of(bench.folder)[1].unlink()
    assert "one is missing" in verify(bench.folder).faults[0]


def test_a_file_that_is_large_enough_is_followed_by_the_next(bench: Bench) -> None:
    bench.write(*["x" * 1000] * 10, max_bytes=4096)

    assert len(files_of(bench.folder)) == 3
    assert all(file.stat().st_size < 6000 for file in files_of(bench.folder))
    assert verify(bench.folder).is_whole
    assert bench.kinds().count("x" * 1000) == 10


def test_a_line_that_a_crash_tore_is_told_by_the_next_file(bench: Bench) -> None:
    bench.write("a", "b")
    file, found = lines(bench)
    file.write_bytes(b"".join(found)[:-10])
    verdict = verify(bench.folder)
    assert verdict.is_whole
    assert "no whole line" in verdict.notes[0]

    bench.write("c")
    verdict = verify(bench.folder)
    assert verdict.is_whole
    assert verdict.notes == ()
    assert bench.folder.joinpath(file.name).read_bytes() == b"".join(found)[:-10]

    file.write_bytes(b"".join(found[:2]))
    assert not verify(bench.folder).is_whole


def test_two_programs_write_one_chain(bench: Bench) -> None:
    first, second = bench.writer(), bench.writer()
    for number in range(50):
        first.put({"kind": "a", "n": number})
        second.put({"kind": "b", "n": number})
    first.close()
    second.close()

    assert verify(bench.folder).is_whole
    for kind in "ab":
        numbers = [r["n"] for r in bench.records() if r["kind"] == kind]
        assert numbers == list(range(50))


def test_a_program_waits_for_its_turn_and_says_what_it_could_not_write(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.folder.mkdir()
    writer = bench.writer()
    with (bench.folder / "audit.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer.put({"kind": "a"})
        writer.close(timeout_s=0.3)
        assert files_of(bench.folder) == []
    assert "closed with 1 records that are not in it" in caplog.text

    thread = writer._thread
    assert thread is not None
    thread.join(10)
    assert bench.kinds() == ["opened", "a"]


def test_records_are_on_the_disk_if_that_is_chosen(bench: Bench) -> None:
    bench.write("a", fsync=False)
    assert bench.fsyncs == []
    bench.write("a", fsync=True)
    assert len(bench.fsyncs) >= 1


class StuckDisk:
    """A disk that takes its time until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, file: int) -> None:
        self.reached.set()
        assert self.go_on.wait(10)


def stuck(bench: Bench, **settings: Any) -> tuple[Writer, StuckDisk]:
    disk = StuckDisk()
    table = {"folder": str(bench.folder), "queue": 2, **settings}
    writer = Writer(settings_from(table), time_ns=lambda: bench.now_ns, fsync=disk)
    writer.put({"kind": "first"})
    assert disk.reached.wait(10)
    return writer, disk


def test_the_loop_never_waits_and_what_is_lost_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    writer, disk = stuck(bench)
    with caplog.at_level(logging.WARNING):
        for number in range(7):
            writer.put({"kind": f"later {number}"})
    assert "falls behind" in caplog.text

    disk.go_on.set()
    writer.close()
    assert bench.kinds() == ["opened", "first", "later 0", "later 1", "lost"]
    assert bench.records()[-1]["records"] == 5
    assert verify(bench.folder).is_whole


def test_orders_are_refused_while_the_log_is_behind_if_that_is_chosen(bench: Bench) -> None:
    writer, disk = stuck(bench, when_behind="refuse")
    log = AuditLog(writer)
    for _ in range(2):
        assert log.venuekit_veto_order("acme", "main", REQUEST, BTC) is None
    refusal = log.venuekit_veto_order("acme", "main", REQUEST, BTC)

    disk.go_on.set()
    log.close()
    assert refusal is not None
    assert "cannot follow" in refusal
    assert bench.kinds().count("intent") == 2


def test_a_disk_that_fails_is_told_and_nothing_vanishes_silently(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.folder.parent.joinpath("audit").write_text("a file where the folder belongs")
    writer = bench.writer()
    writer.put({"kind": "a"})
    writer.close()

    assert "cannot be written" in caplog.text
    assert "1 records that are not in it" in caplog.text


def test_the_command_says_what_it_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write("a")
    assert main([str(bench.folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == [
        "2 records in 1 files",
        "the chain is whole; keep its head somewhere else:",
    ]
    assert told[2].strip() == verify(bench.folder).head
    assert max(map(len, told)) <= 80

    assert main([str(bench.folder), "--head", "0" * 63]) == 1
    assert main([str(bench.folder), "--json"]) == 0
    assert main([str(bench.folder / "none")]) == 2
    assert main([]) == 2


def test_all_faults_of_the_settings_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_from(
            {"folder": "here", "fsync": 1, "queue": 0, "max_bytes": 1.5, "when_behind": "x", "y": 1}
        )
    keys = [fault.partition(":")[0] for fault in caught.value.faults]
    assert keys == ["y", "folder", "fsync", "max_bytes", "queue", "when_behind"]


def test_it_is_made_of_its_settings_and_offers_its_command(bench: Bench) -> None:
    hooks = Hooks(
        find=list,
        modules={"audit-log": venuekit_audit_log},
        settings={"audit-log": {"folder": str(bench.folder)}},
    )

    assert [spec.name for spec in hooks.commands()] == ["audit-verify"]
    bound = hooks.bind()
    assert len(bound.vetoes) == len(bound.order_changed) == len(bound.limit_event) == 1


def test_without_a_folder_nothing_is_recorded_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = AuditLog(Writer(settings_from({}), time_ns=lambda: 0))

    assert log.venuekit_veto_order("acme", "main", REQUEST, BTC) is None
    assert "nothing is recorded" in caplog.text
