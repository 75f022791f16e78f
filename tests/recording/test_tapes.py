"""Tapes: what is read is what was recorded, and whatever is wrong with one is said."""

import gzip
import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from venuekit.testing.recording import (
    Provenance,
    RecordingError,
    Tape,
    TapeEvent,
    Way,
    read_tape,
    recording_path,
    reseal,
    tape_text,
)
from venuekit.testing.recording.tapes import tape_from_text, write

PROVENANCE = Provenance(
    exchange="acme",
    environment="sim",
    made="simulator",
    recorded_at="2026-11-23T14:00:00Z",
    began_ns=1_767_225_600_000_000_000,
    versions={"venuekit": "0.1.0"},
    scrubbed=("keys",),
)
TAPE = Tape(
    provenance=PROVENANCE,
    events=(
        TapeEvent(at_us=0, connection=1, way=Way.OPEN, text="stream /ws"),
        TapeEvent(at_us=12_040, connection=1, way=Way.SENT, text='{"op":"sub","id":1}'),
        TapeEvent(at_us=51_200, connection=1, way=Way.RECEIVED, text='{"p":1.10,"n":"ü\\u0000"}'),
        TapeEvent(at_us=60_000, connection=1, way=Way.CLOSE, text="gone", code=1006),
    ),
)


@pytest.mark.parametrize("name", ["a.tape.jsonl", "a.tape.jsonl.gz"])
def test_a_tape_is_read_as_it_was_written_byte_for_byte(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, tape_text(TAPE))
    assert read_tape(tmp_path / name) == TAPE
    assert '"p":1.10' in TAPE.frames()[0]
    assert (TAPE.seconds, TAPE.connections) == (0.06, 1)


def test_a_changed_tape_is_refused_until_it_is_sealed_anew_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.tape.jsonl"
    write(file, tape_text(TAPE).replace("1.10", "1.20"))
    with pytest.raises(RecordingError, match=r"not what was recorded.*reseal"):
        read_tape(file)
    with pytest.raises(RecordingError, match="says why"):
        reseal(file, "  ")
    reseal(file, "a price for the story")
    tape = read_tape(file)
    assert tape.provenance.edited == "a price for the story"
    assert '"p":1.20' in tape.frames()[0]


def _header(**changes: Any) -> str:
    first, _, rest = tape_text(TAPE).partition("\n")
    header = {**json.loads(first), **changes}
    return json.dumps({k: v for k, v in header.items() if v is not None}) + "\n" + rest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no JSON"),
        ("[]\n", "line 1: no object"),
        (_header(tape=2), "no tape of format 1"),
        (_header(made="guessed"), "made is 'guessed', and not one of live, testnet"),
        (_header(recorded_at="yesterday"), "not like 2026-11-23T14:00:00Z"),
        (_header(began_ns="soon"), "began_ns is no whole number"),
        (_header(exchange=None), "exchange is missing"),
        (_header(mood="good"), "mood is not known"),
        (_header(frames=9), "4 events, and 9 are announced"),
        (_header(sha256="0"), "not what was recorded"),
        ("[" * 100_000, "line 1: no JSON"),
    ],
)
def test_what_is_no_tape_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        tape_from_text(text, "acme.tape.jsonl")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"t":-1,"c":1,"d":"<","text":""}', "line 6: t, c and d"),
        ('{"t":99999,"c":1,"d":"?","text":""}', "line 6: t, c and d"),
        ('{"t":99999,"c":1,"d":"<","text":7}', "line 6: text is no text"),
        ('{"t":5,"c":1,"d":"<","text":""}', "line 6: time runs backwards"),
        ("nonsense", "line 6: no JSON"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "a.tape.jsonl"
    write(file, f"{tape_text(TAPE)}{line}\n")
    with pytest.raises(RecordingError, match=said):
        reseal(file, "a test")


def test_files_that_are_missing_broken_or_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecordingError, match='no such tape; "venuekit record" makes them'):
        read_tape(tmp_path / "none.tape.jsonl")
    (tmp_path / "bytes.tape.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordingError, match="not UTF-8 at byte 0"):
        read_tape(tmp_path / "bytes.tape.jsonl")
    packed = tmp_path / "cut.tape.jsonl.gz"
    packed.write_bytes(gzip.compress(tape_text(TAPE).encode())[:-9])
    with pytest.raises(RecordingError, match="cannot be read"):
        read_tape(packed)
    monkeypatch.setattr("venuekit.testing.recording.tapes._LARGEST", 1 << 20)
    bomb = tmp_path / "bomb.tape.jsonl.gz"
    bomb.write_bytes(gzip.compress(b" " * (8 << 20)))
    with pytest.raises(RecordingError, match="larger than 1 MiB"):
        read_tape(bomb)


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", "", ".hidden", "A", "a..b", "a\0b"])
def test_no_name_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    for exchange, recording in ((name, "tour"), ("acme", name)):
        with pytest.raises(RecordingError, match="no file leaves its folder"):
            recording_path(tmp_path, exchange, recording, ".tape.jsonl")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "acme").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingError, match="is a link"):
        recording_path(tmp_path, "acme", "tour", ".tape.jsonl")


def test_a_provenance_that_is_not_there_is_missed(tmp_path: Path) -> None:
    data = attrs.evolve(PROVENANCE, edited="why").as_data()
    assert set(data) >= {"exchange", "made", "recorded_at", "versions", "scrubbed", "edited"}
