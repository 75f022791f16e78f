"""What a plugin's recordings are to the rules; the one place that knows where they lie."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit.testing.conformance.verdicts import NotComputed

if TYPE_CHECKING:
    from venuekit.testing.conformance.specimen import Specimen
    from venuekit.testing.recording import Cassette, Tape

_FOLDER: Final = "cassettes"
_HIGHEST: Final = 5
"""How many folders above the package are looked into: that of a package, or of a workspace."""
_SECRETS: Final = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[\w-]{10,}"),
    "a signature": re.compile(
        r"(?i)(?:signature|api-sign|access-sign)[\"']?\s*[:=]\s*\[?[\"']?"
        r"(?!<|REDACTED|scrubbed)([A-Za-z0-9+/=%]{40,})"
    ),
}


@attrs.frozen(kw_only=True)
class Recording:
    """One cassette or tape, as far as rules look at it."""

    name: str
    text: str = attrs.field(repr=False)
    provenance: Mapping[str, Any]
    file: Path | None = None
    cassette: "Cassette | None" = attrs.field(default=None, repr=False)
    tape: "Tape | None" = attrs.field(default=None, repr=False)


def folder_of(specimen: "Specimen") -> Path:
    """Give the folder of a plugin's recordings: `cassettes/EXCHANGE` in or above its package.

    Raises:
        NotComputed: There is none.
    """
    if specimen.recordings is not None:
        return specimen.recordings
    package = specimen.folder if specimen.folder.is_dir() else specimen.folder.parent
    for place in (package, *package.parents[:_HIGHEST]):
        found = place / _FOLDER / specimen.manifest.id
        if found.is_dir():
            return found
    raise NotComputed(
        f"no {_FOLDER}/{specimen.manifest.id} in or above its package; "
        f'"venuekit record {specimen.manifest.id}" makes them'
    )


def recordings_of(specimen: "Specimen") -> Sequence[Recording]:
    """Give the recordings of a plugin, read and checked.

    Raises:
        NotComputed: It ships none.
        RecordingError: One of them cannot be read.
    """
    from venuekit.testing.recording import read_cassette, read_tape, recordings_in
    from venuekit.testing.recording.places import CASSETTE
    from venuekit.testing.recording.tapes import content_of

    found = []
    for file in recordings_in(folder_of(specimen)):
        kept: Any
        if file.name.endswith(CASSETTE):
            kept = cassette = read_cassette(file)
            tape = None
        else:
            kept = tape = read_tape(file)
            cassette = None
        found.append(
            Recording(
                name=file.name,
                text=content_of(file),
                provenance=kept.provenance.as_data(),
                file=file,
                cassette=cassette,
                tape=tape,
            )
        )
    if not found:
        raise NotComputed(f"{folder_of(specimen)} holds no recordings")
    return found


def canaries_left(recording: Recording) -> str:
    """Name what looks like a secret; empty where nothing does."""
    found = [what for what, pattern in _SECRETS.items() if pattern.search(recording.text)]
    return ", ".join(found)
