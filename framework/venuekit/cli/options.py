"""The options that every command takes."""

from pathlib import Path
from typing import Annotated, Final, Literal

import attrs
from cyclopts import Group, Parameter

_COMMON: Final = Group("Options of every command", sort_key=9)


@Parameter(name="*", group=_COMMON)
@attrs.frozen(kw_only=True)
class Options:
    """What every command can be told."""

    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False
    """Print JSON; streams print one object a line."""

    environment: Literal["live", "testnet", "sim"] | None = None
    """Where to; by default what venuekit.toml says, else sim."""

    account: str | None = None
    """Which account of venuekit.toml."""

    address: str | None = None
    """host:port of a running simulator."""

    config: Path | None = None
    """The file with the settings, instead of venuekit.toml."""

    verbose: Annotated[
        int, Parameter(name=["-v", "--verbose"], count=True, negative=(), show_default=False)
    ] = 0
    """Say more on stderr; -vv still more."""

    debug: Annotated[bool, Parameter(negative=(), show_default=False)] = False
    """Show the traceback of an error."""


NO_OPTIONS: Final = Options()
