"""What an adapter does not do, and why: data that tables, errors and certificates tell."""

import enum
from typing import Final

import attrs

PART: Final = ": "
"""Between a capability and a part of it: `stream: account`."""


class Support(enum.Enum):
    """How far a capability goes; the values are the words that people see."""

    OFFERED = "offered"
    PARTLY = "partly"
    """Claimed, but not all of it: from a date or tier of the exchange, or a part is not there."""
    NOT_OFFERED = "not offered"
    """The exchange has no such thing."""
    NOT_YET = "not yet"
    """The exchange has it; the plugin does not."""
    UNKNOWN = "unknown"
    """Neither claimed nor explained."""


@attrs.frozen
class Lack:
    """One thing that is not there."""

    support: Support
    """`NOT_OFFERED`, `NOT_YET` or `PARTLY`."""
    text: str
    """What there is instead, or what is missing: a piece of a sentence, without an end."""
    link: str = ""
    """`https` address of the exchange's document that shows it, where it is not the manifest's."""

    def __str__(self) -> str:
        """Say it in a line: `the exchange has none: batches are of futures only`."""
        told = f"{_WORDS[self.support]}: {self.text}"
        return f"{told} ({self.link})" if self.link else told


_WORDS: Final = {
    Support.NOT_OFFERED: "the exchange has none",
    Support.NOT_YET: "the plugin does not yet",
    Support.PARTLY: "only in part",
}


def not_offered(text: str, link: str = "") -> Lack:
    """Say that the exchange has no such thing; `text`: what there is instead."""
    return Lack(Support.NOT_OFFERED, text, link)


def not_yet(text: str) -> Lack:
    """Say that the exchange has it and the plugin does not; `text`: what is missing."""
    return Lack(Support.NOT_YET, text)


def partly(text: str, link: str = "") -> Lack:
    """Say that the exchange does not offer all of it to everybody, or not yet; `text`: to whom."""
    return Lack(Support.PARTLY, text, link)
