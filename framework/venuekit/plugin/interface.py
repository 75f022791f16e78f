"""What changed in the plugin interface, minor by minor, as data: the source of all warnings."""

from collections.abc import Sequence
from typing import Final

import attrs

from venuekit.plugin.manifest import INTERFACE


@attrs.frozen(kw_only=True)
class Change:
    """What one minor version of the interface brought."""

    version: tuple[int, int]
    text: str
    """What is new, in words without an end."""
    advice: str = ""
    """What an exchange plugin of an older minor has to change, before the next major makes it
    wrong; empty where it need not change anything."""


CHANGES: Final = (
    Change(version=(1, 1), text="extensions are made with their settings (venuekit_extension)"),
    Change(
        version=(1, 2),
        text="calls are written and answers read with less (get_call, form_call, Members)",
    ),
    Change(version=(1, 3), text="adapters say why they lack a capability (lacks)"),
)
"""Every minor after the first, in order."""


@attrs.frozen(kw_only=True)
class Interface:
    """The interface that a core speaks: its own major, and every minor up to its own."""

    version: tuple[int, int] = INTERFACE
    changes: Sequence[Change] = CHANGES

    def warning(self, written_for: tuple[int, int]) -> str:
        """Say what the authors of a plugin for an older minor are to change; empty if it is new."""
        later = [change for change in self.changes if change.version > written_for]
        if not later:
            return ""
        named = f"written for plugin interface {_dotted(written_for)}"
        named += f"; this core speaks {_dotted(self.version)}"
        advice = [f"{_dotted(c.version)}: {c.advice}" for c in later if c.advice]
        if not advice:
            return f"{named}; it works, and nothing has to change but that number"
        return f"{named}; it works until {self.version[0] + 1}.0. To change: {'; '.join(advice)}"

    def needs_work(self, written_for: tuple[int, int]) -> bool:
        """Say whether a plugin for an older minor has something to change besides the number."""
        return any(c.advice for c in self.changes if c.version > written_for)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
