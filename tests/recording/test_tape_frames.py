"""Frames of every kind survive a tape, and broken or packed tapes are not passed over."""

import gzip
from pathlib import Path

import attrs
import pytest

from tests.recording.test_tapes import TAPE
from venuekit.testing.recording import (
    RecordingError,
    Tape,
    TapeEvent,
    Way,
    read_tape,
    recording_path,
    recordings_in,
    reseal,
    tape_text,
)
from venuekit.testing.recording.tapes import content_of, tape_from_text, write


def _tape_of(text: str) -> Tape:
    event = TapeEvent(at_us=0, connection=1, way=Way.RECEIVED, text=text)
    return attrs.evolve(TAPE, events=(event,))


@pytest.mark.parametrize(
    "end",
    ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e", "\r", "\n", "\r\n", "\ud800"],
)
def test_what_unicode_calls_the_end_of_a_line_is_no_end_of_an_event(
    tmp_path: Path, end: str
) -> None:
    tape = _tape_of(f"news{end}more")
    assert tape_from_text(tape_text(tape), "news") == tape
    file = tmp_path / "news.tape.jsonl"
    write(file, tape_text(tape))
    reseal(file, "a test")
    assert read_tape(file).frames() == tape.frames()


def test_a_packed_tape_with_broken_bytes_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.tape.jsonl.gz"
    raw = bytearray(gzip.compress(tape_text(TAPE).encode()))
    raw[40] ^= 0xFF
    file.write_bytes(raw)
    with pytest.raises(RecordingError, match=r"a\.tape\.jsonl\.gz: cannot be read"):
        read_tape(file)


def test_packed_tapes_are_found_and_looked_through_like_others(tmp_path: Path) -> None:
    packed, plain = tmp_path / "a.tape.jsonl.gz", tmp_path / "b.tape.jsonl"
    for file in (packed, plain):
        write(file, tape_text(TAPE))
    assert recordings_in(tmp_path) == [packed, plain]
    assert content_of(packed) == content_of(plain) == tape_text(TAPE)


@pytest.mark.parametrize("name", ["con", "nul", "aux", "com1", "lpt9.x"])
def test_no_recording_has_the_name_of_a_device(tmp_path: Path, name: str) -> None:
    for exchange, recording in ((name, "tour"), ("acme", name)):
        with pytest.raises(RecordingError, match="choose another name"):
            recording_path(tmp_path, exchange, recording, ".tape.jsonl")


@pytest.mark.parametrize("name", ["console", "com", "comet1", "nullable"])
def test_names_that_only_look_like_devices_are_names(tmp_path: Path, name: str) -> None:
    assert recording_path(tmp_path, "acme", name, ".x") == tmp_path / "acme" / f"{name}.x"
