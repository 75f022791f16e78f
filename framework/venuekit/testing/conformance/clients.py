"""A whole client before the plugin's simulator, in virtual time.

What is heavy is imported when it is needed: the rules are listed without a client.
"""

import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit.model import Instrument, InstrumentStatus, OrderRequest, limit_buy, on_grid
from venuekit.plugin import Adapter, Stream
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.tour import size
from venuekit.testing.conformance.verdicts import NotComputed

if TYPE_CHECKING:
    from venuekit.auth import Redactor
    from venuekit.client import Exchange, Opening
    from venuekit.sim.dialect import Dialect
    from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
    from venuekit.transport.seam import Transport

_LOOKED_AT: Final = 8


@attrs.frozen(kw_only=True, eq=False)
class Client:
    """An open exchange, and everything on the other side of it."""

    exchange: "Exchange"
    dialect: "Dialect"
    world: "SimulatedExchange"
    transport: "SimulatedTransport"
    longest_silence_s: float
    """After which a connection of which nothing is heard is taken for dead; 0 without streams."""

    async def instrument(self) -> Instrument:
        """Give an instrument that trades and has a book, where books can be asked for.

        Raises:
            NotComputed: There is none among the first few.
        """
        for instrument in list(self.exchange.instruments.values())[:_LOOKED_AT]:
            if instrument.status is InstrumentStatus.TRADING:
                if "market data" not in self.exchange.capabilities:
                    return instrument
                book = await self.exchange.fetch_book(instrument.symbol, depth=10)
                if book.bids and book.asks:
                    return instrument
        raise NotComputed("no instrument with a book")

    async def resting_order(self) -> tuple[Instrument, OrderRequest]:
        """Give an order that will rest well below the market, and its instrument."""
        instrument = await self.instrument()
        best = (await self.exchange.fetch_book(instrument.symbol, depth=10)).bids[0][0]
        price = on_grid(best * 9 / 10, instrument.price.step, rounding="down")
        return instrument, limit_buy(instrument.symbol, size(instrument, price), price)

    async def crossing_order(self) -> tuple[Instrument, OrderRequest]:
        """Give an order that fills at once, and its instrument."""
        instrument = await self.instrument()
        best = (await self.exchange.fetch_book(instrument.symbol, depth=10)).asks[0][0]
        price = on_grid(best * 21 / 20, instrument.price.step, rounding="ceiling")
        return instrument, limit_buy(instrument.symbol, size(instrument, price), price)


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """An exchange in virtual time, and a folder for what programs before it keep."""

    specimen: Specimen
    bench: Bench
    world: "SimulatedExchange"
    folder: Path
    """With the files of the account's key."""

    def way(self) -> "SimulatedTransport":
        """Give a new way to the exchange."""
        return self.world.transport(base_paths=_bases(self.specimen))

    def opening(self, transport: "Transport", journal: Path, *, seed: int = 3) -> "Opening":
        """Give a program before the exchange, to be entered.

        Args:
            transport: Its way.
            journal: The folder in which it keeps its journal and its nonces.
            seed: Of its chance.
        """
        import venuekit
        from venuekit.configuration import configuration_from_text
        from venuekit.plugin.discovery import Plugins

        return venuekit.open(
            self.specimen.manifest.id,
            environment="sim",
            address="sim:1",
            config=configuration_from_text(_settings(self.bench, self.folder, journal)),
            clock=self.world.clock,
            rng=random.Random(seed),  # noqa: S311  # one seed, one history
            transport=transport,
            plugins=Plugins(manifests=[self.specimen.manifest]),
        )

    def client(self, exchange: "Exchange", transport: "SimulatedTransport") -> Client:
        """Give a client that is open, with everything on the other side of it."""
        return Client(
            exchange=exchange,
            dialect=self.bench.dialect,
            world=self.world,
            transport=transport,
            longest_silence_s=_longest_silence_s(self.bench.adapter),
        )


@contextlib.asynccontextmanager
async def open_scene(specimen: Specimen, *, seed: int) -> AsyncIterator[Scene]:
    """Set up a fresh simulator, on a virtual loop.

    Args:
        specimen: Whose exchange.
        seed: Of the simulator.
    """
    from venuekit.testing.simulated import SimulatedExchange

    bench = Bench(specimen.manifest, guard=specimen.guard, seed=seed)
    world = SimulatedExchange(bench.dialect, start_ns=bench.now_ns)
    with tempfile.TemporaryDirectory() as name:
        async with world:
            yield Scene(specimen=specimen, bench=bench, world=world, folder=Path(name))


@contextlib.asynccontextmanager
async def open_client(
    specimen: Specimen,
    *,
    seed: int,
    wrap: "Callable[[SimulatedTransport, Redactor], Transport] | None" = None,
) -> AsyncIterator[Client]:
    """Open the exchange before a fresh simulator, with a journal of its own; on a virtual loop.

    Args:
        specimen: Whose exchange.
        seed: Of the simulator.
        wrap: Puts something between client and simulator; is told what is secret there.
    """
    async with open_scene(specimen, seed=seed) as scene:
        transport = scene.way()
        wrapped = transport if wrap is None else wrap(transport, scene.bench.redactor)
        async with scene.opening(wrapped, scene.folder) as exchange:
            yield scene.client(exchange, transport)


def _longest_silence_s(adapter: Adapter) -> float:
    channels = adapter.channels() if isinstance(adapter, Stream) else ()
    return max((channel.silence_s for channel in channels), default=0.0)


def _bases(specimen: Specimen) -> dict[str, str]:
    hosts = specimen.manifest.environments["sim"].hosts
    return {name: url.partition("{address}")[2].rstrip("/") for name, url in hosts.items()}


def _settings(bench: Bench, folder: Path, journal: Path) -> str:
    key = bench.credentials
    lines = [f'[store]\nurl = "sqlite:{journal}/journal.db"\ndurability = "process"']
    if not bench.manifest.credentials:
        return "\n".join(lines) + "\n"
    lines.append(f"[exchanges.{bench.manifest.id}.accounts.main]")
    parts: dict[str, Any] = {
        "api_key": key.api_key,
        "secret": key.secret,
        "passphrase": key.passphrase,
    }
    for name, value in parts.items():
        if value is not None:
            file = folder / name
            file.write_text(value)
            file.chmod(0o600)
            lines.append(f'{name} = "file:{file}"')
    if len(bench.manifest.credentials) > 1:
        lines.append(f'algorithm = "{key.algorithm}"')
    return "\n".join(lines) + "\n"
