"""Gold: it survives production."""

import json
from typing import Any, Final

from venuekit.model import BookSnapshot, OrderRef
from venuekit.plugin import (
    Acknowledged,
    BookRule,
    PlaceMany,
    Stream,
    Subscription,
    Topic,
)
from venuekit.testing.conformance.bench import Refused
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.tour import make_ids, resting, take_tour
from venuekit.testing.conformance.verdicts import Exempt, NotComputed, Tally

_NEVERS: Final = 5
_TOPICS: Final = (Topic.TRADES, Topic.TICKER, Topic.BOOK)


def _streaming(specimen: Specimen) -> Any:
    adapter = specimen.tour.bench.adapter
    if not isinstance(adapter, Stream):
        raise Exempt("the exchange streams nothing")
    return adapter


def streams_supervised(specimen: Specimen, tally: Tally) -> None:
    """G1: every channel has finite limits, and what is subscribed to can be asked for and ended."""
    adapter = _streaming(specimen)
    instrument = specimen.tour.instrument
    names = set()
    for channel in adapter.channels():
        names.add(channel.name)
        for what, value in (
            ("max_subscriptions", channel.max_subscriptions),
            ("messages_per_s", channel.messages_per_s),
            ("max_age_s", channel.max_age_s),
            ("silence_s", channel.silence_s),
        ):
            tally.expect(value > 0, expected=f"{channel.name}: {what} above zero", seen=value)
        tally.expect(
            channel.path[:1] in {"", "/"},
            expected=f"{channel.name}: a path from the host's root, or none",
            seen=channel.path,
        )
        known = specimen.manifest.environments["sim"].hosts
        tally.expect(
            channel.host in known,
            expected=f"{channel.name}: a host of the manifest",
            seen=channel.host,
        )
    if instrument is None:
        raise NotComputed("no instrument to subscribe to")
    carried = 0
    for topic in _TOPICS:
        subscription = Subscription(topic, instrument)
        try:
            with specimen.guard.up():
                channel = adapter.channel_of(subscription)
        except ValueError:
            continue  # it does not stream that, and says so
        carried += 1
        tally.expect(channel in names, expected=f"{topic.value}: a channel", seen=channel)
        with specimen.guard.up():
            begun = adapter.subscribe([subscription], 7, None)
            ended = adapter.unsubscribe([subscription], 8, None)
            key = adapter.key_of(subscription)
        tally.expect(bool(key), expected=f"{topic.value}: a key", seen=repr(key))
        tally.expect(
            begun != ended,
            expected=f"{topic.value}: subscribing and unsubscribing differ",
            seen="the same message",
            call=f"adapter.subscribe([{topic.value}])",
        )
        _acknowledged(specimen, tally, channel, begun, topic)
    tally.expect(carried > 0, expected="at least one of trades, ticker, book", seen="none")


def _acknowledged(
    specimen: Specimen, tally: Tally, channel: str, message: Any, topic: Topic
) -> None:
    """Send the subscription to the simulator; its answers have to be understood."""
    bench = specimen.tour.bench
    adapter: Any = bench.adapter
    found = next(c for c in adapter.channels() if c.name == channel)
    url = specimen.manifest.environments["sim"].hosts[found.host]
    base = url.partition("{address}")[2].rstrip("/")
    socket = bench.dialect.open_socket(base + found.path, "", bench.now_ns)
    for text in [message] if isinstance(message, str) else message:
        bench.dialect.received(socket, text, bench.now_ns)
    bench.wait(3)
    events: list[Any] = []
    faults = []
    for frame in socket.drain():
        text = getattr(frame, "text", None)
        if text is None:
            continue
        try:
            with specimen.guard.up():
                events += adapter.read_frame(channel, text)
        except ValueError as error:
            faults.append(f"{error}: {text[:100]}")
    bench.dialect.close_socket(socket, bench.now_ns)
    tally.expect(
        not faults,
        expected=f"{topic.value}: every frame understood",
        seen="; ".join(faults),
        call=f"adapter.read_frame({channel!r}, …)",
    )
    tally.expect(
        any(isinstance(event, Acknowledged) for event in events),
        expected=f"{topic.value}: Acknowledged, read from the exchange's answer",
        seen=[type(event).__name__ for event in events[:8]],
        call=f"adapter.read_frame({channel!r}, …)",
    )


def books_checked(specimen: Specimen, tally: Tally) -> None:
    """G3: books are kept by ranges, by a checksum that depends on every level, or by numbers."""
    adapter = _streaming(specimen)
    keeping = adapter.book_keeping()
    tally.expect(keeping.depth > 0, expected="a depth above zero", seen=keeping.depth)
    if keeping.rule is not BookRule.CHECKSUM:
        tally.expect(
            keeping.rule in {BookRule.RANGES, BookRule.CONNECTION},
            expected="a rule",
            seen=keeping.rule,
        )
        return
    book = specimen.tour.book
    if book is None or keeping.checksum is None:
        tally.expect(False, expected="BookKeeping.checksum, and a book", seen="none")
        return
    one = keeping.checksum(book)
    (price, quantity), *rest = book.bids
    other = BookSnapshot(
        **{
            **{name: getattr(book, name) for name in _fields(book)},
            "bids": ((price, quantity * 2), *rest),
        }
    )
    tally.expect(
        keeping.checksum(other) != one,
        expected="another checksum when the best quantity doubles",
        seen=one,
        call="adapter.book_keeping().checksum(book)",
    )


def _fields(value: Any) -> list[str]:
    return [field.name for field in type(value).__attrs_attrs__]


def reconciles(specimen: Specimen, tally: Tally) -> None:
    """G5: an order that never was is not found, by every id, and never as another one."""
    bench = specimen.fresh_bench(seed=15)
    tour = take_tour(bench)
    adapter: Any = bench.adapter
    if tour.instrument is None or tour.book is None:
        raise NotComputed("no instrument with a book")
    ids = make_ids(bench, seed=5)
    for n in range(_NEVERS):
        ref = OrderRef(
            symbol=tour.instrument.symbol, client_order_id=ids.make(), created_ns=bench.now_ns
        )
        try:
            with specimen.guard.up():
                steps = adapter.fetch_order(ref, tour.instrument)
            seen = bench.ask(steps)
        except Refused as refused:
            tally.expect(
                refused.failure.reason == "order.unknown",
                expected="None, or the reason order.unknown",
                seen=refused,
                call=f"fetch_order(an order that never was), {n}",
            )
        else:
            tally.expect(
                seen is None,
                expected="None, or the reason order.unknown",
                seen=seen,
                call=f"fetch_order(an order that never was), {n}",
            )


def batch_per_leg(specimen: Specimen, tally: Tally) -> None:
    """G6: a batch answers for each leg, in order: the good one is placed, the bad one refused."""
    bench = specimen.fresh_bench(seed=16)
    tour = take_tour(bench)
    adapter: Any = bench.adapter
    if not isinstance(adapter, PlaceMany):
        raise Exempt("the exchange has no batch")
    if tour.instrument is None or tour.book is None:
        raise NotComputed("no instrument with a book")
    import attrs

    from venuekit.model import Failure, Order

    good, other = resting(tour), resting(tour)
    assert other.quantity is not None
    bad = attrs.evolve(other, quantity=other.quantity * 10_000_000)
    with specimen.guard.up():
        call = adapter.place_many([good, bad], tour.instrument)
    answers = bench.ask(call)
    tally.expect(len(answers) == 2, expected="an answer for each of 2 legs", seen=len(answers))
    tally.expect(
        isinstance(answers[0], Order), expected="an order for the good leg", seen=answers[0]
    )
    tally.expect(
        isinstance(answers[-1], Failure), expected="a failure for the bad leg", seen=answers[-1]
    )


def documented(specimen: Specimen, tally: Tally) -> None:
    """G10: the README tells settings, limits, errors and limitations; the manifest links there."""
    text = specimen.readme.lower()
    for what, words in (
        ("a configuration in TOML", ("```toml",)),
        ("its limits", ("limit", "budget")),
        ("what goes wrong", ("error", "refus", "fail")),
        ("what it does not offer", ("not offered", "limitation")),
        ("facts and their date", ("documentation", "source")),
    ):
        tally.expect(
            any(word in text for word in words), expected=f"a README with {what}", seen="nothing"
        )
    links = specimen.manifest.links
    tally.expect(
        any(url.startswith("https://") for url in links.values()),
        expected="Manifest.links: the exchange's documentation",
        seen=json.dumps(dict(links)),
    )
