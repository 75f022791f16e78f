"""Levels of a book as an exchange writes them: proven to be plain numbers, and kept as text.

Most changes of a book are applied and never looked at. Their levels are judged once, all of a
frame together, and become Decimals when somebody asks. Where `venuekit_fast` is installed it does
this in C, and what it leaves is done here.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from venuekit.model import Level, WrittenSides

try:
    from venuekit_fast import books
except ImportError:
    books = None  # type: ignore[assignment]  # the same, in Python alone

# The bounds of `decimal_from_text`, narrower: no sign, no exponent, always a fraction, and no
# zero in front, so that texts with equally many decimals are equal when the numbers are.
# Possessive, so that a long hostile text costs one pass.
_NUMBER: Final = r'"(?:0|[1-9][0-9]{0,29}+)\.[0-9]{1,30}+"'
_PAIR: Final = rf"\[{_NUMBER},{_NUMBER}\]"
_SIDE: Final = rf"\[(?:{_PAIR}(?:,{_PAIR})*+)?+\]"
_SIDES: Final = re.compile(rf"\[{_SIDE},{_SIDE}\]".encode())
_Pairs = list[tuple[str, str]]
_PAIRS: Final = msgspec.json.Decoder(tuple[_Pairs, _Pairs])


class JsonSides:
    """Bids and asks as JSON lists of pairs of texts that `json_sides` has judged."""

    __slots__ = ("_json", "_texts")

    def __init__(self, json: bytes) -> None:
        """Take what was judged; use `json_sides`."""
        self._json = json
        self._texts: tuple[dict[str, str], dict[str, str]] | None = None

    @property
    def texts(self) -> tuple[dict[str, str], dict[str, str]]:
        """Quantities by price; of a price that stands twice, the last one. Not to be changed."""
        texts = self._texts
        if texts is None:
            bids, asks = _PAIRS.decode(self._json)
            texts = self._texts = dict(bids), dict(asks)
        return texts

    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Give all bids and asks in the order of the wire, every digit kept."""
        bids, asks = _PAIRS.decode(self._json)
        return _levels(bids), _levels(asks)


def json_sides(bids: bytes | msgspec.Raw, asks: bytes | msgspec.Raw) -> WrittenSides | None:
    """Judge both sides of a change, each a JSON list of pairs `["price","quantity"]`.

    Gives None for everything that is not written in exactly this way: without blanks, each number
    with a fraction, without sign, exponent or zeros in front, of at most 30 digits on either side
    of the point. That may still be right, and is for a slower reader to judge.
    """
    if books is not None:
        sides = books.json_sides(bids, asks)
        if sides is not None:
            return sides
    return plain_sides(bids, asks)


def plain_sides(bids: bytes | msgspec.Raw, asks: bytes | msgspec.Raw) -> JsonSides | None:
    """Judge as `json_sides` does, in Python."""
    json = b"[%b,%b]" % (bids, asks)
    return None if _SIDES.fullmatch(json) is None else JsonSides(json)


def _levels(pairs: _Pairs) -> tuple[Level, ...]:
    return tuple([(Decimal(price), Decimal(quantity)) for price, quantity in pairs])
