"""Making the recordings of an exchange: a tour over REST, and tapes of its streams."""

import asyncio
import platform
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import attrs

import venuekit
from venuekit.auth import Redactor
from venuekit.clock import SystemClock
from venuekit.configuration import configuration_from_text
from venuekit.model import NotSupported, VenuekitError
from venuekit.plugin import Manifest, Stream, Subscription, Topic
from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance.clients import Client, open_client
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.recording.cassettes import Cassette, Interaction, cassette_text
from venuekit.testing.recording.listening import ListeningTransport
from venuekit.testing.recording.models import models_text
from venuekit.testing.recording.places import CASSETTE, MODELS, TAPE, recording_path
from venuekit.testing.recording.provenance import Provenance, RecordingError
from venuekit.testing.recording.scrubbing import Scrubber
from venuekit.testing.recording.tapes import Tape, tape_text, write
from venuekit.testing.recording.touring import (
    PublicBench,
    RecordingBench,
    ReplayBench,
    whole_tour,
)
from venuekit.testing.simulated import EPOCH_NS

LEAST_S: Final = 65.0
"""How long a tape runs at least: over a minute, with one reconnection."""
_SCRUBBED: Final = ("keys", "signatures", "tokens", "account ids", "addresses", "other headers")
_MADE: Final = {"sim": "simulator", "testnet": "testnet", "live": "live"}
Told = Callable[[str], None]
"""Is told what is being done."""


@attrs.frozen
class Recordings:
    """Everything that a run recorded, as texts by the names of their files."""

    cassettes: Mapping[str, str]
    models: Mapping[str, Any]
    tapes: Mapping[str, str]
    left_out: Mapping[str, str]
    """By name, why something was not recorded."""


def record_simulated(specimen: Specimen, *, told: Told, seconds: float = LEAST_S) -> Recordings:
    """Record the plugin's own simulator, in virtual time: nothing is waited for.

    Raises:
        RecordingError: A secret would have been written.
    """
    from venuekit.testing.virtual_time import run_virtually

    told("the tour over REST")
    bench = RecordingBench(specimen.manifest, guard=specimen.guard)
    whole_tour(bench)
    scrubber = Scrubber(bench.redactor)
    cassette = Cassette(
        provenance=_provenance(specimen, "sim", EPOCH_NS), interactions=bench.interactions
    )
    text = _checked(cassette_text(cassette), "tour", scrubber)
    models = replayed(specimen.manifest, cassette, specimen.guard)
    tapes, left_out = {}, {}
    for name in ("public", "account"):
        told(f"the tape {name}")
        try:
            tape = run_virtually(_taped(specimen, name, seconds))
        except NotSupported as error:
            left_out[name] = str(error)
        else:
            tapes[name] = tape_text(tape)
    return Recordings({"tour": text}, {"tour": models}, tapes, left_out)


def record_public(
    specimen: Specimen, environment: str, *, told: Told, seconds: float = LEAST_S
) -> Recordings:
    """Record what a real exchange tells everybody; nothing is signed, and nothing traded.

    Raises:
        RecordingError: The exchange cannot be asked.
    """
    from venuekit.transport import AiohttpTransport

    manifest, clock = specimen.manifest, SystemClock()
    with asyncio.Runner() as runner:

        async def opened() -> AiohttpTransport:
            return AiohttpTransport(manifest.environments[environment].hosts)

        transport = runner.run(opened())
        try:
            began_ns = clock.time_ns()
            bench = PublicBench(
                manifest,
                environment=environment,
                transport=transport,
                runner=runner,
                now_ns=began_ns,
                told=told,
            )
            whole_tour(bench, is_public=True)
        finally:
            runner.run(transport.close())
        cassette = Cassette(
            provenance=_provenance(specimen, environment, began_ns),
            interactions=bench.interactions,
        )
        told(f"the tape public, {seconds:g} s")
        tape = runner.run(_taped_live(specimen, environment, seconds))
    scrubber = Scrubber(Redactor())
    return Recordings(
        {"tour": _checked(cassette_text(cassette), "tour", scrubber)},
        {"tour": replayed(manifest, cassette, specimen.guard, is_public=True)},
        {"public": _checked(tape_text(tape), "public", scrubber)},
        {"account": f"private streams of {environment} are not recorded: they show an account"},
    )


def replayed(
    manifest: Manifest, cassette: Cassette, guard: Guard, *, is_public: bool | None = None
) -> Mapping[str, Any]:
    """Take the tour from a cassette and give what was read, by step.

    Raises:
        RecordingError: Something was asked that is not in it, or something in it was not asked.
    """
    bench = ReplayBench(manifest, cassette, guard=guard)
    if is_public is None:
        is_public = cassette.provenance.environment != "sim"
    models = whole_tour(bench, is_public=is_public)
    unplayed: list[Interaction] = list(bench.replay.left)
    if unplayed:
        names = ", ".join(f"{each.method} {each.path}" for each in unplayed[:5])
        raise RecordingError(f"{len(unplayed)} interactions were not asked for: {names}")
    return models


def write_recordings(made: Recordings, folder: Path, exchange: str) -> list[Path]:
    """Write everything below `folder/exchange` and give the files.

    Raises:
        RecordingError: A name that leads out of the folder, or a link in its place.
    """
    texts = {
        **{
            recording_path(folder, exchange, name, CASSETTE): text
            for name, text in made.cassettes.items()
        },
        **{
            recording_path(folder, exchange, name, MODELS): models_text(models)
            for name, models in made.models.items()
        },
        **{recording_path(folder, exchange, name, TAPE): text for name, text in made.tapes.items()},
    }
    for file, text in texts.items():
        write(file, text)
    return list(texts)


def _checked(text: str, name: str, scrubber: Scrubber) -> str:
    scrubber.refuse_if_left(text, name)
    return text


def _provenance(specimen: Specimen, environment: str, began_ns: int) -> Provenance:
    claim = specimen.claim
    return Provenance(
        exchange=specimen.manifest.id,
        environment=environment,
        made=_MADE.get(environment, "testnet"),
        recorded_at=datetime.fromtimestamp(SystemClock().time_ns() / 1e9, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        began_ns=began_ns,
        versions={
            "venuekit": version("venuekit"),
            "plugin": "" if claim is None else f"{claim.distribution} {claim.version}",
            "python": platform.python_version(),
            "aiohttp": version("aiohttp"),
        },
        scrubbed=_SCRUBBED,
    )


async def _taped(specimen: Specimen, name: str, seconds: float) -> Tape:
    is_private = name == "account"
    channels = _channels(specimen, is_private=is_private)
    listening: list[ListeningTransport] = []

    def wrap(client_transport: Any, redactor: Redactor) -> ListeningTransport:
        transport = ListeningTransport(
            client_transport,
            Scrubber(redactor),
            is_wanted=lambda host, path: (host, path.partition("?")[0]) in channels,
        )
        listening.append(transport)
        return transport

    async with open_client(specimen, seed=41, wrap=wrap) as client:
        if is_private:
            await _busy(client, seconds)
        else:
            await _watching(client.exchange, seconds, client.transport.drop_sockets)
        events = tuple(listening[0].events)
        began_ns = client.world.clock.time_ns() - round(seconds * 1e9)
    tape = Tape(provenance=_provenance(specimen, "sim", began_ns), events=events)
    # With what this client had: its signatures and tokens are known to no other one.
    _checked(tape_text(tape), name, listening[0].scrubber)
    return tape


async def _taped_live(specimen: Specimen, environment: str, seconds: float) -> Tape:
    from venuekit.transport import AiohttpTransport

    channels = _channels(specimen, is_private=False)
    manifest, clock = specimen.manifest, SystemClock()
    began_ns = clock.time_ns()
    inner = AiohttpTransport(manifest.environments[environment].hosts)
    transport = ListeningTransport(
        inner,
        Scrubber(Redactor()),
        is_wanted=lambda host, path: (host, path.partition("?")[0]) in channels,
    )
    try:
        async with venuekit.open(
            manifest.id,
            environment=environment,
            config=configuration_from_text(""),
            rng=random.Random(),  # noqa: S311  # jitter, no secret
            transport=transport,
            plugins=Plugins(manifests=[manifest]),
        ) as exchange:
            await _watching(exchange, seconds, lambda: None)
    finally:
        await inner.close()
    provenance = _provenance(specimen, environment, began_ns)
    return Tape(provenance=provenance, events=tuple(transport.events))


def _channels(specimen: Specimen, *, is_private: bool) -> set[tuple[str, str]]:
    adapter = specimen.bench.adapter
    if not isinstance(adapter, Stream):
        raise NotSupported(specimen.manifest.id, "streams")
    found = {
        (channel.host, channel.path.partition("?")[0])
        for channel in adapter.channels()
        if channel.is_private is is_private
    }
    if not found:
        raise NotSupported(specimen.manifest.id, "such streams")
    return found


async def _watching(exchange: Any, seconds: float, cut: Callable[[], None]) -> None:
    """Follow one instrument; cut the sockets in the middle."""
    symbol = await _symbol(exchange)
    async with asyncio.TaskGroup() as tasks:
        readers = [
            tasks.create_task(_read(exchange, topic, symbol))
            for topic in (Topic.TRADES, Topic.TICKER, Topic.BOOK)
            if _is_streamed(exchange, topic, symbol)
        ]
        await asyncio.sleep(seconds / 2)
        cut()
        await asyncio.sleep(seconds / 2)
        for reader in readers:
            reader.cancel()
    if not readers:
        raise NotSupported(exchange.id, "trades, tickers or books as streams")


async def _symbol(exchange: Any) -> str:
    from venuekit.model import InstrumentStatus

    for instrument in list(exchange.instruments.values())[:8]:
        if instrument.status is InstrumentStatus.TRADING:
            return str(instrument.symbol)
    raise RecordingError(f"{exchange.id}: no instrument trades now; record it later")


def _is_streamed(exchange: Any, topic: Topic, symbol: str) -> bool:
    adapter = exchange._adapter  # noqa: SLF001  # what is streamed is asked of the plugin
    try:
        adapter.channel_of(Subscription(topic, exchange.instrument(symbol)))
    except ValueError:
        return False
    return True


async def _read(exchange: Any, topic: Topic, symbol: str) -> None:
    if topic is Topic.BOOK:
        async with exchange.book(symbol) as live:
            async for _ in live:
                pass
        return
    async with exchange.follow((topic, symbol)) as stream:
        async for _ in stream:
            pass


async def _busy(client: Client, seconds: float) -> None:
    """Trade now and then while the account's stream is followed; cut it in the middle."""
    exchange = client.exchange
    stream = await exchange.account_events()
    loop = asyncio.get_running_loop()
    end, middle, is_cut = loop.time() + seconds, loop.time() + seconds / 2, False
    try:
        while loop.time() < end:
            _, resting = await client.resting_order()
            order = await exchange.place(resting)
            await exchange.cancel(order)
            _, crossing = await client.crossing_order()
            await exchange.place(crossing)
            await asyncio.sleep(seconds / 6)
            if loop.time() > middle and not is_cut:
                is_cut = True
                client.transport.drop_sockets()
                await asyncio.sleep(10)
    except VenuekitError as error:
        text = f"{exchange.id}: the account's tape could not be made: {error}"
        raise RecordingError(text) from error
    finally:
        await stream.aclose()
