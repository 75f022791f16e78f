"""The command `record`: cassettes and tapes of an exchange."""

from pathlib import Path
from typing import TYPE_CHECKING

from venuekit.cli.exits import UsageError
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.session import MakeSession, Session

if TYPE_CHECKING:
    from venuekit.testing.conformance import Specimen
    from venuekit.testing.recording.making import Recordings


class RecordCommands:
    """Write down what an exchange says."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    def record(
        self,
        exchange: str | None = None,
        /,
        *,
        env: str = "sim",
        out: Path = Path("cassettes"),
        seconds: float = 65.0,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Record a tour of an exchange over REST, and its streams.

        In the environment sim the plugin's own simulator is asked, with orders, in virtual time. In
        any other one only what everybody may see is asked: nothing is signed, and nothing traded.
        What is secret, or tells of an account, is taken out; where any of it is left, nothing is
        written. Cassettes are vcrpy's, tapes are venuekit's: see docs/how-to/record.md.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
            env: Environment of the manifest, such as sim, testnet or live.
            out: Folder of the recordings; a folder for each exchange is made in it.
            seconds: How long a tape runs, 1 to 3600; in sim it takes no time.
        """
        session = self._begin(options)
        if not 1 <= seconds <= 3600:  # as the help says
            raise UsageError(f"--seconds {seconds:g}: a tape runs for 1 to 3600 seconds")
        from venuekit.testing.conformance import find_specimen
        from venuekit.testing.recording.making import write_recordings

        id_ = session.chosen(exchange)
        specimen = find_specimen(id_, plugins=session.plugins)
        if env not in specimen.manifest.environments:
            known = ", ".join(specimen.manifest.environments)
            raise UsageError(f"{id_} has no environment {env}; it has {known}")
        made = _made(session, specimen, env, seconds)
        for file in write_recordings(made, out, id_):
            size = file.stat().st_size
            session.screen.tell({"file": str(file), "bytes": size}, f"{file}  {size:,} bytes")
        for name, why in made.left_out.items():
            session.screen.note(f"{name} was left out: {why}")


def _made(session: Session, specimen: "Specimen", env: str, seconds: float) -> "Recordings":
    from venuekit.testing.recording.making import record_public, record_simulated

    def told(step: str) -> None:
        if session.screen.err.is_terminal:
            session.screen.note(f"{specimen.manifest.id}: {step} …")

    if env == "sim":
        return record_simulated(specimen, told=told, seconds=seconds)
    return record_public(specimen, env, told=told, seconds=seconds)
