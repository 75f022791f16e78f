"""Where recordings lie, and that none is read or written anywhere else."""

import re
from pathlib import Path
from typing import Final

from venuekit.testing.recording.provenance import RecordingError

CASSETTE: Final = ".cassette.json"
TAPE: Final = ".tape.jsonl"
MODELS: Final = ".models.json"
PACKED: Final = ".gz"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
# Windows opens a device instead of a file for these, whatever follows their first dot.
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")


def recording_path(folder: Path, exchange: str, name: str, suffix: str) -> Path:
    """Give the file of a recording: `folder/exchange/name` with the suffix.

    Raises:
        RecordingError: A name that could lead out of the folder, or a folder that is a link.
    """
    for what, text in (("exchange", exchange), ("recording", name)):
        if not _NAME.fullmatch(text) or ".." in text:
            raise RecordingError(
                f"{text!r} cannot name a {what}: small letters, digits, dots and dashes only, so "
                "that no file leaves its folder"
            )
        if _DEVICES.fullmatch(text):
            raise RecordingError(
                f"{text!r} cannot name a {what}: it is a device on Windows; choose another name"
            )
    file = folder / exchange / f"{name}{suffix}"
    for place in (file.parent, file):
        if place.is_symlink():
            raise RecordingError(f"{place} is a link: recordings are read and written in place")
    return file


def recordings_in(folder: Path) -> list[Path]:
    """List the cassettes and tapes of a folder, packed ones too, by name."""
    if not folder.is_dir():
        return []
    endings = (CASSETTE, TAPE, TAPE + PACKED)
    return sorted(p for p in folder.iterdir() if p.name.endswith(endings) and p.is_file())
