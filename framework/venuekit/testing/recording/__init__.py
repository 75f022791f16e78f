"""Recordings of exchanges: cassettes for REST, tapes for WebSockets, and how they are made."""

from venuekit.testing.recording.cassettes import Cassette, Interaction, Replay, read_cassette
from venuekit.testing.recording.models import as_text, differences
from venuekit.testing.recording.places import recording_path, recordings_in
from venuekit.testing.recording.playing import AT_ONCE, TapeEnded, TapeTransport
from venuekit.testing.recording.provenance import Provenance, RecordingError
from venuekit.testing.recording.scrubbing import Scrubber
from venuekit.testing.recording.tapes import Tape, TapeEvent, Way, read_tape, reseal, tape_text

__all__ = [
    "AT_ONCE",
    "Cassette",
    "Interaction",
    "Provenance",
    "RecordingError",
    "Replay",
    "Scrubber",
    "Tape",
    "TapeEnded",
    "TapeEvent",
    "TapeTransport",
    "Way",
    "as_text",
    "differences",
    "read_cassette",
    "read_tape",
    "recording_path",
    "recordings_in",
    "reseal",
    "tape_text",
]
