"""What a plugin's recordings are to the rules; the one place that knows where they lie."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit.testing.conformance.verdicts import NotComputed

if TYPE_CHECKING:
    from venuekit.testing.conformance.specimen import Specimen

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


def recordings_of(specimen: "Specimen") -> Sequence[Recording]:
    """Give the recordings of a plugin.

    Raises:
        NotComputed: It ships none, or there is no reader yet.
    """
    raise NotComputed(f"no recordings of {specimen.manifest.id} were handed to the kit")


def canaries_left(recording: Recording) -> str:
    """Name what looks like a secret; empty where nothing does."""
    found = [what for what, pattern in _SECRETS.items() if pattern.search(recording.text)]
    return ", ".join(found)
