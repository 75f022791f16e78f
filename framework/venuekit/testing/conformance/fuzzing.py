"""P7: a million broken answers and frames, made of those that the exchange gives."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from venuekit.plugin import Answer, Channel, Stream, Subscription, Topic
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.bending import hostile, parsed
from venuekit.testing.conformance.recordings import recordings_of
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import NotComputed, Tally

TEXTS: Final = 1_000_000
_SLOW_S: Final = 0.05
"""Of CPU, for one text."""
_LONGEST: Final = 20_000
_OF_A_CHANNEL: Final = 40
_TOPICS: Final = (Topic.TRADES, Topic.TICKER, Topic.BOOK)
_SHOWN: Final = 160
_ENOUGH: Final = 5
"""Faults, after which no more are looked for."""


@attrs.frozen(kw_only=True)
class _Reader:
    """What reads texts of one kind, and some good ones."""

    name: str
    texts: Sequence[str]
    read: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = (ValueError,)


def fuzz_million(specimen: Specimen, tally: Tally) -> None:
    """P7: whatever comes, a reader gives values or refuses it, at once."""
    if not specimen.is_thorough:
        raise NotComputed("takes minutes: ask with --thorough")
    bench = specimen.tour.bench
    readers = [*_answers(bench), *_frames(specimen, bench)]
    if not readers:
        raise NotComputed("the tour got no answers to break")
    chance = random.Random(7)  # noqa: S311  # the same texts each time
    for _ in range(TEXTS):
        reader = chance.choice(readers)
        _read(reader, hostile(reader.texts, chance.randrange), tally)
        if tally.wrong >= _ENOUGH:
            return


def _read(reader: _Reader, body: bytes, tally: Tally) -> None:
    error, spent_s = _tried(reader, body)
    if spent_s > _SLOW_S:
        # Once more: a search for garbage, or another program, may have fallen into it.
        spent_s = min(spent_s, _tried(reader, body)[1])
    if error is None and spent_s <= _SLOW_S:
        tally.examined += 1
        return
    shown = f"{reader.name}: {body[:_SHOWN]!r}, {len(body)} bytes"
    refusals = " or ".join(each.__name__ for each in reader.refuses)
    tally.expect(error is None, expected=f"values, or {refusals}", seen=repr(error), call=shown)
    tally.expect(
        spent_s <= _SLOW_S,
        expected=f"{_SLOW_S * 1000:g} ms of CPU at most",
        seen=f"{spent_s * 1000:.0f} ms",
        call=shown,
    )


def _tried(reader: _Reader, body: bytes) -> tuple[Exception | None, float]:
    begun_s = time.process_time()
    try:
        reader.read(body)
    except Exception as raised:  # noqa: BLE001  # what the rule is about
        is_refused = isinstance(raised, reader.refuses)
        # That a text cannot be encoded again is nobody's word on it.
        is_slip = isinstance(raised, UnicodeEncodeError)
        error = raised if is_slip or not is_refused else None
        return error, time.process_time() - begun_s
    return None, time.process_time() - begun_s


# What is broken


def _answers(bench: Bench) -> Iterator[_Reader]:
    """Give a reader for each call of the tour that had its answer."""
    seen: set[str] = set()
    for kept in bench.kept:
        text = kept.answer.body.decode("utf-8", "replace")
        if kept.failure is not None or kept.call.what in seen or not _is_good(text):
            continue
        seen.add(kept.call.what)
        yield _Reader(
            name=f"answer to {kept.call.what}",
            texts=(text,),
            read=_answer_reader(bench, kept.call),
            refuses=(ValueError, KeyError),
        )


def _answer_reader(bench: Bench, call: Any) -> Callable[[bytes], object]:
    def read(body: bytes) -> object:
        answer = Answer(status=200, body=body)
        # As the framework does: what is no failure is read.
        if bench.adapter.failure(call, answer) is not None:
            return None
        result = call.read(answer)
        return list(result) if hasattr(result, "send") else result

    return read


def _frames(specimen: Specimen, bench: Bench) -> Iterator[_Reader]:
    """Give a reader for each channel of which there are frames."""
    adapter: Any = bench.adapter
    if not isinstance(adapter, Stream):
        return
    channels = {channel.name: channel for channel in adapter.channels()}
    found = _taped(specimen, channels)
    for name, texts in _subscribed(specimen, bench, channels).items():
        found.setdefault(name, []).extend(texts)
    for name, texts in found.items():
        good = [text for text in texts if _is_good(text)][:_OF_A_CHANNEL]
        if good:
            yield _Reader(name=f"frame of {name}", texts=good, read=_frame_reader(adapter, name))


def _frame_reader(adapter: Any, channel: str) -> Callable[[bytes], object]:
    def read(body: bytes) -> object:
        try:
            text: str | bytes = body.decode()
        except UnicodeDecodeError:
            text = body  # as a socket gives what is no text
        return list(adapter.read_frame(channel, text))

    return read


def _taped(specimen: Specimen, channels: Mapping[str, Channel]) -> dict[str, list[str]]:
    """Take frames from the plugin's tapes, the account's among them."""
    try:
        tapes = [each.tape for each in recordings_of(specimen) if each.tape is not None]
    except NotComputed:
        return {}
    by_place = {f"{c.host} {c.path.partition('?')[0]}": name for name, c in channels.items()}
    found: dict[str, list[str]] = {}
    for tape in tapes:
        at = {e.connection: by_place.get(e.text) for e in tape.events if e.way.value == "open"}
        for event in tape.events:
            name = at.get(event.connection)
            if event.way.value == "<" and name is not None:
                texts = found.setdefault(name, [])
                # A few of each length: long runs of one kind teach nothing new.
                if sum(abs(len(text) - len(event.text)) < 3 for text in texts) < 3:  # a few
                    texts.append(event.text)
    return found


def _subscribed(
    specimen: Specimen, bench: Bench, channels: Mapping[str, Channel]
) -> dict[str, list[str]]:
    """Ask the simulator for what everybody may have."""
    adapter: Any = bench.adapter
    instrument = specimen.tour.instrument
    found: dict[str, list[str]] = {}
    for topic in _TOPICS if instrument is not None else ():
        subscription = Subscription(topic, instrument)
        try:
            name = adapter.channel_of(subscription)
        except ValueError:
            continue  # it does not stream that
        messages = adapter.subscribe([subscription], 7, None)
        base = specimen.manifest.environments["sim"].hosts[channels[name].host]
        path = base.partition("{address}")[2].rstrip("/") + channels[name].path
        socket = bench.dialect.open_socket(path, "", bench.now_ns)
        for text in [messages] if isinstance(messages, str) else messages:
            bench.dialect.received(socket, text, bench.now_ns)
        bench.wait(3)
        texts = [getattr(frame, "text", None) for frame in socket.drain()]
        found.setdefault(name, []).extend(text for text in texts if isinstance(text, str))
        bench.dialect.close_socket(socket, bench.now_ns)
    return found


def _is_good(text: str) -> bool:
    """Say whether it is JSON, and short enough to be broken often."""
    if not 0 < len(text) <= _LONGEST:
        return False
    try:
        parsed(text)
    except ValueError:
        return False
    return True
