"""The tour of an exchange over REST: recorded once, and taken again from its cassette."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from venuekit.auth import Redactor, SecretKey
from venuekit.model import OrderRef
from venuekit.plugin import Answer, Cancel, Manifest, Place, Request
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.conformance.tour import Tour, resting, take_tour
from venuekit.testing.recording.cassettes import Cassette, Interaction, Replay, interaction
from venuekit.testing.recording.models import as_text
from venuekit.testing.recording.scrubbing import Scrubber
from venuekit.transport.seam import Timeouts, Transport

_TOO_MUCH: Final = 1_000_000


class RecordingBench(Bench):
    """Asks the simulator, and writes down every request and answer."""

    def __init__(self, manifest: Manifest, *, guard: Guard, seed: int = 7) -> None:
        """Make adapter, simulator and key; raises LookupError without a simulator."""
        self.interactions: list[Interaction] = []
        self._hosts = manifest.environments["sim"].hosts
        super().__init__(manifest, guard=guard, seed=seed)

    def deliver(self, request: Request) -> Answer:
        """Bring a request to the simulator now."""
        answer = super().deliver(request)
        self.interactions.append(
            interaction(request, answer, hosts=self._hosts, scrubber=Scrubber(self.redactor))
        )
        return answer


class PublicBench(Bench):
    """Asks a real exchange, over a network; nothing is signed, so nothing is traded."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        environment: str,
        transport: Transport,
        runner: asyncio.Runner,
        now_ns: int,
        told: Callable[[str], None],
    ) -> None:
        """Ask through `transport`, which lives on the runner's loop."""
        self.interactions: list[Interaction] = []
        self._hosts = manifest.environments[environment].hosts
        self._transport = transport
        self._runner = runner
        self._told = told
        self.begin(manifest, guard=Guard(), key=no_key(), now_ns=now_ns, environment=environment)

    def deliver(self, request: Request) -> Answer:
        """Send a request and wait for its answer."""
        self._told(f"{request.method} {request.path}")
        # A tour is slow on purpose: no limit of any exchange is near.
        self._runner.run(asyncio.sleep(1.0))
        answer = self._runner.run(self._transport.send(request, timeouts=Timeouts()))
        self.interactions.append(
            interaction(request, answer, hosts=self._hosts, scrubber=Scrubber(Redactor()))
        )
        return answer

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._runner.run(asyncio.sleep(seconds))


class ReplayBench(Bench):
    """Asks a cassette; no socket is opened, no clock is read."""

    def __init__(self, manifest: Manifest, cassette: Cassette, *, guard: Guard) -> None:
        """Begin at the moment that the cassette was recorded."""
        provenance = cassette.provenance
        hosts = manifest.environments[provenance.environment].hosts
        self.replay: Final = Replay(cassette, hosts=hosts, scrubber=Scrubber(Redactor()))
        is_simulated = provenance.environment == "sim"
        self.begin(
            manifest,
            guard=guard,
            key=Bench(manifest, guard=guard).key if is_simulated else no_key(),
            now_ns=provenance.began_ns,
            environment=provenance.environment,
        )

    def deliver(self, request: Request) -> Answer:
        """Give the recorded answer; raises RecordingError where there is none."""
        return self.replay.answer(request)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)


def no_key() -> SecretKey:
    """Give a key for where nothing is signed."""
    return SecretKey(api_key="", algorithm="none", secret="", passphrase=None, redactor=Redactor())


def whole_tour(bench: Bench, *, is_public: bool = False) -> Mapping[str, Any]:
    """Take the tour and then provoke the commonest refusals; give what was read, by step.

    Args:
        bench: Who is asked.
        is_public: Leave out all that is signed.
    """
    tour = take_tour(bench, is_public=is_public)
    if not is_public:
        _refusals(tour)
    listing = [as_text(each) for each in list(bench.adapter.instruments.values())[:20]]
    return {
        "instruments": listing,
        **{name: as_text(result) for name, result in tour.results.items()},
        **{name: {"refused": str(refused)} for name, refused in tour.refused.items()},
        **{name: {"broken": repr(error)} for name, error in tour.broken.items()},
    }


def _refusals(tour: Tour) -> None:
    adapter: Any = tour.bench.adapter
    instrument = tour.instrument
    if instrument is None or tour.book is None or not isinstance(adapter, Place):
        return
    good = resting(tour)
    assert good.quantity is not None
    assert good.price is not None
    step = instrument.quantity.step
    wrong: dict[str, dict[str, Any]] = {
        "refused_too_much": {"quantity": good.quantity * _TOO_MUCH},
        "refused_too_little": {"quantity": step},
        "refused_off_grid": {"quantity": good.quantity + step / 10},
        "refused_off_tick": {"price": good.price + instrument.price.step / 10},
    }
    for name, change in wrong.items():
        request = attrs.evolve(good, client_order_id=tour.ids.make(), **change)
        tour.step(name, functools.partial(adapter.place, request, instrument))
    elsewhere = attrs.evolve(instrument, native="NOSUCH")
    request = attrs.evolve(good, client_order_id=tour.ids.make())
    tour.step("refused_symbol", lambda: adapter.place(request, elsewhere))
    if isinstance(adapter, Cancel):
        never = OrderRef(
            symbol=instrument.symbol,
            client_order_id=tour.ids.make(),
            created_ns=tour.bench.now_ns,
        )
        tour.step("refused_cancel", lambda: adapter.cancel(never, instrument))
