"""Cassettes: recorded requests and answers, in vcrpy's format, read as data.

vcrpy keeps the file; matching is ours. Theirs replays the answer for one order to another one
unless told otherwise, patches aiohttp for the whole process, and lets WebSockets through.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from venuekit.plugin import Answer, Request
from venuekit.testing.recording.provenance import Provenance, RecordingError, provenance_from
from venuekit.testing.recording.scrubbing import Scrubber, changing_left_out

_PROVENANCE: Final = "provenance"
_SHOWN: Final = 300


@attrs.frozen(kw_only=True)
class Interaction:
    """One request and its answer, as they are kept."""

    method: str
    url: str
    """Whole, with the host of the environment."""
    body: str
    status: int
    headers: dict[str, str]
    answer: str

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.url).path

    def reply(self) -> Answer:
        """Give the answer as a transport would."""
        return Answer(status=self.status, headers=self.headers, body=self.answer.encode())


Hosts = Mapping[str, str]
"""Of an environment: names, and the URLs that they stand for."""


def interaction(
    request: Request, answer: Answer, *, hosts: Hosts, scrubber: Scrubber
) -> Interaction:
    """Write down one request and its answer, without what is secret or changes each time."""
    query = scrubber.query(request.query)
    base = hosts[request.host].replace("{address}", "simulator").rstrip("/")
    url = base + request.path + (f"?{query}" if query else "")
    return Interaction(
        method=request.method,
        url=url,
        body=changing_left_out(scrubber.text(request.body.decode())),
        status=answer.status,
        headers=scrubber.headers(answer.headers),
        answer=scrubber.text(answer.body.decode("utf-8", "replace")),
    )


@attrs.frozen(kw_only=True)
class Cassette:
    """A story of requests and answers."""

    provenance: Provenance
    interactions: Sequence[Interaction]


def cassette_text(cassette: Cassette) -> str:
    """Write a cassette as vcrpy would."""
    data = {
        "version": 1,
        "interactions": [_as_data(each) for each in cassette.interactions],
        "metadata": {_PROVENANCE: cassette.provenance.as_data()},
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def read_cassette(file: Path) -> Cassette:
    """Read a cassette with vcrpy.

    Raises:
        RecordingError: It is not there, is no cassette, or does not say where it comes from.
    """
    try:
        from vcr.cassette import Cassette as Kept
        from vcr.serializers import jsonserializer
    except ImportError as error:
        raise RecordingError(
            'cassettes are read with vcrpy, which is not installed: pip install "venuekit[testing]"'
        ) from error
    if not file.is_file():
        raise RecordingError(f'{file}: there is no such cassette; "venuekit record" makes them')
    try:
        kept: Any = Kept.load(path=str(file), serializer=jsonserializer)
        pairs = [_from_pair(request, response) for request, response in kept.data]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RecordingError(f"{file}: no cassette: {type(error).__name__}: {error}") from error
    provenance = provenance_from(kept._metadata.get(_PROVENANCE), str(file))  # noqa: SLF001  # get_metadata writes
    return Cassette(provenance=provenance, interactions=pairs)


def _as_data(each: Interaction) -> dict[str, Any]:
    return {
        "request": {
            "method": each.method,
            "uri": each.url,
            "body": each.body,
            "headers": {},
        },
        "response": {
            "status": {"code": each.status, "message": ""},
            "headers": {name: [value] for name, value in each.headers.items()},
            "body": {"string": each.answer},
        },
    }


def _from_pair(request: Any, response: Any) -> Interaction:
    body, answer = request.body or b"", response["body"]["string"]
    return Interaction(
        method=request.method,
        url=request.uri,
        body=body.decode() if isinstance(body, bytes) else body,
        status=int(response["status"]["code"]),
        headers={name: ", ".join(values) for name, values in response["headers"].items()},
        answer=answer.decode() if isinstance(answer, bytes) else answer,
    )


class Replay:
    """Answers requests from a cassette, each interaction once, in the recorded order."""

    def __init__(self, cassette: Cassette, *, hosts: Hosts, scrubber: Scrubber) -> None:
        """Begin with everything unplayed; `scrubber` leaves out the same as when recording."""
        self._left = list(cassette.interactions)
        self._hosts = hosts
        self._scrubber = scrubber

    @property
    def left(self) -> Sequence[Interaction]:
        """What was not asked for."""
        return tuple(self._left)

    def answer(self, request: Request) -> Answer:
        """Give the first recorded answer to the same request.

        Raises:
            RecordingError: There is none, or it was played already; shows the nearest one.
        """
        unanswered = Answer(status=0)
        asked = interaction(request, unanswered, hosts=self._hosts, scrubber=self._scrubber)
        key = (asked.method, asked.url, asked.body)
        for place, each in enumerate(self._left):
            if (each.method, each.url, each.body) == key:
                return self._left.pop(place).reply()
        raise RecordingError(self._difference(asked))

    def _difference(self, asked: Interaction) -> str:
        near = [e for e in self._left if (e.method, e.path) == (asked.method, asked.path)]
        lines = [f"not in the cassette, or played already: {asked.method} {_cut(asked.url)}"]
        if asked.body:
            lines.append(f"  with {_cut(asked.body)}")
        for each in near[:1]:
            lines.append(f"nearest: {each.method} {_cut(each.url)}")
            if each.body:
                lines.append(f"  with {_cut(each.body)}")
        if not near:
            lines.append("nothing else was recorded of that path")
        return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
