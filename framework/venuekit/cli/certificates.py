"""The last certificate of each plugin on this machine, and whether it is about these bytes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from venuekit.model import PluginError

if TYPE_CHECKING:
    from venuekit.plugin.discovery import Plugins
    from venuekit.testing.conformance import Certificate

UNCERTIFIED: Final = "not certified here"
_OUTDATED: Final = "changed since"


def folder() -> Path:
    """Give the folder where certificates are kept."""
    from venuekit.client.numbering import user_folder

    return user_folder() / "certificates"


def keep(certificate: "Certificate", place: Path | None = None) -> str:
    """Keep a certificate; gives why it could not be kept, empty where it was."""
    from venuekit.testing.conformance.reports import json_text

    place = place or folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        unfinished = place / f"{certificate.exchange}.new"
        unfinished.write_text(json_text(certificate), "utf-8")
        unfinished.replace(place / f"{certificate.exchange}.json")
    except OSError as error:
        return f"the certificate was not kept: {error.strerror}"
    return ""


def quality(exchange: str, plugins: "Plugins", place: Path | None = None) -> str:
    """Say which level a plugin has, in words: computed here, and of the bytes that are installed.

    Never taken from the plugin: without a certificate of this machine it is `not certified here`.
    """
    kept = _kept((place or folder()) / f"{exchange}.json")
    if kept is None:
        return UNCERTIFIED
    from venuekit.testing.conformance.specimen import find_specimen
    from venuekit.testing.conformance.verdicts import NotComputed

    try:
        build = find_specimen(exchange, plugins=plugins).build
    except (PluginError, NotComputed):
        return UNCERTIFIED
    level = str(kept["level"])
    return level if kept["build"] == build else f"{level}, {_OUTDATED}"


def _kept(file: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) and {"level", "build"} <= set(read) else None
