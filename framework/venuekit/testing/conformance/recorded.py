"""What a plugin's recordings show: that they are clean, complete, and still read as they were."""

import re
from typing import Any, Final

from venuekit.plugin import Published, Stream, capabilities_of
from venuekit.testing.conformance.recordings import Recording, canaries_left, recordings_of
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import Exempt, NotComputed, Tally

_REFUSALS: Final = 5
_LEAST_S: Final = 60.0
_CONNECTIONS: Final = 2
_ID: Final = re.compile(r"[0-9A-Za-z_:-]*\d[0-9A-Za-z_:-]{7,}")
"""Part of a path that names one order."""


def recordings_scrubbed(specimen: Specimen, tally: Tally) -> None:
    """B10: recordings say where they come from, and hold no secret."""
    for recording in recordings_of(specimen):
        tally.expect(
            bool(recording.provenance),
            expected=f"{recording.name}: environment, date, versions and how it was made",
            seen="no provenance",
        )
        left = canaries_left(recording)
        tally.expect(
            not left, expected=f"{recording.name}: nothing that looks like a secret", seen=left
        )


def cassettes_cover(specimen: Specimen, tally: Tally) -> None:
    """S13: cassettes hold each call of the tour, and five refusals; what they give is unchanged."""
    cassettes = [r for r in recordings_of(specimen) if r.cassette is not None]
    kept = [kept for kept in specimen.tour.bench.kept if kept.failure is None]
    asked = {_ID.sub("ID", each.call.request.path) for each in kept}
    held = {
        _ID.sub("ID", each.path)
        for recording in cassettes
        if recording.cassette is not None
        for each in recording.cassette.interactions
    }
    for path in sorted(asked):
        tally.expect(
            any(each.endswith(path) for each in held),
            expected=f"a recording of {path}",
            seen="none",
        )
    refused = sum(_still_read(specimen, recording, tally) for recording in cassettes)
    if "place" in capabilities_of(specimen.manifest.adapter):
        tally.expect(refused >= _REFUSALS, expected=f"{_REFUSALS} refusals", seen=refused)


def _still_read(specimen: Specimen, recording: Recording, tally: Tally) -> int:
    """Take the tour from a cassette, compare with what it gave once; give the refusals in it."""
    from venuekit.testing.recording.making import replayed
    from venuekit.testing.recording.models import differences, kept_models

    assert recording.cassette is not None
    models = replayed(specimen.manifest, recording.cassette, specimen.guard)
    broken = [name for name, each in models.items() if isinstance(each, dict) and "broken" in each]
    tally.expect(not broken, expected=f"{recording.name}: every answer is read", seen=broken)
    assert recording.file is not None
    changed = list(differences(kept_models(recording.file), models))
    tally.expect(
        not changed,
        expected=f"{recording.name}: the models that were read when it was recorded",
        seen="; ".join(changed[:3]),
    )
    return sum(isinstance(each, dict) and "refused" in each for each in models.values())


def tapes(specimen: Specimen, tally: Tally) -> None:
    """G9: tapes of the public and the private side, a minute each, with one reconnection."""
    adapter: Any = specimen.tour.bench.adapter
    if not isinstance(adapter, Stream):
        raise Exempt("the exchange streams nothing")
    found = [recording.tape for recording in recordings_of(specimen) if recording.tape is not None]
    if not found:
        raise NotComputed("no tape among the recordings")
    channels = {f"{c.host} {c.path.partition('?')[0]}": c for c in adapter.channels()}
    sides = {channel.is_private for channel in channels.values()}
    told: dict[bool, int] = dict.fromkeys(sides, 0)
    for tape in found:
        name = tape.provenance.exchange
        tally.expect(
            tape.seconds >= _LEAST_S, expected=f"{_LEAST_S:g} s of {name}", seen=tape.seconds
        )
        tally.expect(
            tape.connections >= _CONNECTIONS,
            expected="a connection after the first one",
            seen=f"{tape.connections} connections",
        )
        at = {e.connection: channels.get(e.text) for e in tape.events if e.way.value == "open"}
        for event in tape.events:
            channel = at.get(event.connection)
            if event.way.value != "<" or channel is None:
                continue
            try:
                with specimen.guard.up():
                    events = list(adapter.read_frame(channel.name, event.text))
            except (ValueError, KeyError) as error:
                tally.expect(
                    False,
                    expected="a frame that is understood",
                    seen=f"{error}: {event.text[:100]}",
                    call=f"adapter.read_frame({channel.name!r}, …)",
                )
            else:
                told[channel.is_private] += sum(isinstance(each, Published) for each in events)
    for is_private, count in told.items():
        side = "the account" if is_private else "everybody"
        tally.expect(count > 0, expected=f"a tape with events for {side}", seen="none")
