"""The command `new-plugin`: a package for an exchange that venuekit does not know yet."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from venuekit.cli.exits import UsageError
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.plugin_writing import (
    SIGNINGS,
    TRANSPORTS,
    NewPlugin,
    check_folder,
    check_name,
    check_title,
    title_of,
    write,
)
from venuekit.cli.session import MakeSession
from venuekit.plugin.installed import core_version

Ask = Callable[[str], str | None]
"""Asks a person and gives a line, without blanks around it; None where nobody is there."""
_ATTEMPTS: Final = 3


class NewPluginCommands:
    """Begin a plugin."""

    def __init__(self, begin: MakeSession, ask: Ask) -> None:
        """Work through the sessions that `begin` makes, and ask through `ask`."""
        self._begin = begin
        self._ask = ask

    def new_plugin(
        self,
        name: str,
        /,
        *,
        out: Path | None = None,
        title: str | None = None,
        transport: Literal["rest", "websocket", "both"] | None = None,
        signing: Literal["hmac", "nonce", "jwt", "none"] | None = None,
        yes: Annotated[bool, Parameter(negative=())] = False,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Write a package for an exchange: installable, tested and certified from its first day.

        It works at once, against a small simulator of its own: what it says of the exchange is made
        up, and is replaced step by step, as its README tells. Needs the extra: pip install
        "venuekit[new-plugin]".

        Args:
            name: Id of the exchange, such as acme.
            out: The folder to write, not there or empty; by default venuekit-NAME, here.
            title: The exchange's name as people write it.
            transport: Whether market data is asked for over REST, streamed over a WebSocket, or
                both.
            signing: How requests are signed: HMAC of a canonical string, HMAC with a nonce, a JSON
                Web Token, or none.
            yes: Ask nothing; what is not given is guessed.
        """
        session = self._begin(options)
        check_name(name, {entry.id for entry in session.plugins.list_plugins()})
        folder = out if out is not None else Path(f"venuekit-{name}")
        check_folder(folder)
        is_asked = not (yes or options.json)
        if title is None:
            title = (self._ask(f"Title [{title_of(name)}]: ") if is_asked else "") or title_of(name)
        check_title(title)
        plugin = NewPlugin(
            name=name,
            title=title,
            transport=transport or self._choice("Market data", TRANSPORTS, is_asked=is_asked),
            signing=signing or self._choice("Signing", SIGNINGS, is_asked=is_asked),
        )
        today = dt.datetime.now(dt.UTC).date().isoformat()
        files = write(plugin, folder, core=core_version(), written_on=today)
        data = {
            "exchange": name,
            "folder": str(folder),
            "transport": plugin.transport,
            "signing": plugin.signing,
            "files": [file.as_posix() for file in files],
        }
        session.screen.tell(data, _told(plugin, folder, len(files)))

    def _choice(self, what: str, allowed: tuple[str, ...], *, is_asked: bool) -> str:
        if not is_asked:
            return allowed[0]
        said: str | None = None
        for _ in range(_ATTEMPTS):
            said = self._ask(f"{what}: {', '.join(allowed)} [{allowed[0]}]: ")
            if not said:
                return allowed[0]
            if said.lower() in allowed:
                return said.lower()
        raise UsageError(f"{what}: {said and said[:40]!r}; allowed: {', '.join(allowed)}")


def _told(plugin: NewPlugin, folder: Path, count: int) -> str:
    return "\n".join(
        (
            f"{plugin.distribution} is written: {count} files in {folder}",
            f"market data {plugin.transport}, signing {plugin.signing}",
            f"now: cd {folder} && make test",
            'then: what its README says under "From here"',
        )
    )
