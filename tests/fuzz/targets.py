"""What hostile texts are given to: the readers of every plugin, and what they may answer."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from tests.docs.exchange_table import manifests
from tests.fuzz.frames import FRAMES, KRAKEN_ORDERS
from venuekit.plugin import Answer, FrameEvent, Manifest, SocketOrders, Stream
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.conformance.tour import take_tour

Read = Callable[[bytes], Any]


@attrs.frozen(kw_only=True)
class Target:
    """One reader, and good texts for it."""

    name: str
    texts: Sequence[str]
    read: Read
    """Raises ValueError and nothing else."""


def exchanges() -> list[str]:
    """Name the exchanges whose frames are known here."""
    return [each for each in _manifests() if each in FRAMES]


@functools.cache
def targets(exchange: str) -> Sequence[Target]:
    """Give all readers of an exchange: frames by channel, answers to order messages, REST."""
    bench = Bench(_manifests()[exchange], guard=Guard())
    take_tour(bench)
    return (*_streams(exchange, bench), *_messages(bench), *_rest(bench))


@functools.cache
def _manifests() -> dict[str, Manifest]:
    return {each.id: each for each in manifests()}


def as_frame(body: bytes) -> str | bytes:
    """Give a frame as a socket gives it: text where the bytes are text, else binary."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _streams(exchange: str, bench: Bench) -> list[Target]:
    adapter = bench.adapter
    assert isinstance(adapter, Stream)

    def reader(channel: str) -> Read:
        def read(body: bytes) -> tuple[FrameEvent, ...]:
            events = tuple(adapter.read_frame(channel, as_frame(body)))
            assert all(isinstance(event, FrameEvent) for event in events)
            return events

        return read

    return [
        Target(name=f"frames of {channel}", texts=texts, read=reader(channel))
        for channel, texts in FRAMES[exchange].items()
    ]


def _messages(bench: Bench) -> list[Target]:
    adapter = bench.adapter
    if not isinstance(adapter, SocketOrders):
        return []
    found = [
        Target(
            name="numbers of answers to messages",
            texts=KRAKEN_ORDERS,
            read=lambda body: adapter.answered(as_frame(body)),
        )
    ]
    for kept in bench.kept:
        call = adapter.over_socket(kept.call)
        if call is not None:
            method = f'"method":"{call.request.path}"'
            texts = [text for text in KRAKEN_ORDERS if method in text]
            name = f"answers to {call.what} by socket"
            found.append(_answers(name, texts, bench, call))
    return found


def _rest(bench: Bench) -> list[Target]:
    by_what: dict[str, Target] = {}
    for kept in bench.kept:
        if kept.failure is None and kept.answer.body:
            text = kept.answer.body.decode()
            if len(text) > 20_000:
                continue
            name = f"answers to {kept.call.what}"
            if name not in by_what:
                by_what[name] = _answers(name, (text,), bench, kept.call)
    return list(by_what.values())


def _answers(name: str, texts: Sequence[str], bench: Bench, call: Any) -> Target:
    def read(body: bytes) -> Any:
        answer = Answer(status=200, body=body)
        # As the caller does: what is no failure is read.
        if bench.adapter.failure(call, answer) is not None:
            return None
        result = call.read(answer)
        return list(result) if hasattr(result, "send") else result

    return Target(name=name, texts=texts, read=read)


def first_of_each(found: Sequence[Target]) -> list[Target]:
    """Leave out REST's readers but one: they share the reading of JSON."""
    kinds: dict[str, Target] = {}
    for target in found:
        kinds.setdefault("rest" if target.name.startswith("answers to") else target.name, target)
    return list(kinds.values())


SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "open brackets": lambda size: b"[" * size,
    "nested lists": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "nested objects": lambda size: b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6),
    "empty lists": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
    "empty objects": lambda size: b"[" + b"{}," * (size // 3) + b"{}]",
    "zeros": lambda size: b"[" + b"0," * (size // 2) + b"0]",
    "fractions": lambda size: b"[" + b"0.1," * (size // 4) + b"0.1]",
    "members": lambda size: b"{" + b",".join(b'"%x":0' % n for n in range(size // 9)) + b"}",
    "one member": lambda size: b"{" + b",".join([b'"a":0'] * (size // 6)) + b"}",
    "one number": lambda size: b"9" * size,
    "one fraction": lambda size: b"0." + b"9" * size,
    "one text": lambda size: b'"' + b"x" * size + b'"',
    "escapes": lambda size: b'"' + b"\\u0041" * (size // 6) + b'"',
    "quotes": lambda size: b'"' * size,
    "backslashes": lambda size: b'"' + b"\\" * size,
    "blanks": lambda size: b" " * size,
    "colons": lambda size: b'{"a":"' + b":" * size + b'"}',
    "noise": lambda size: b"\xff" * size,
}
"""Texts of about a size, each the worst of its kind."""
