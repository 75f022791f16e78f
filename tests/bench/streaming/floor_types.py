"""What the floor decodes messages into."""

from decimal import Decimal

import msgspec


class Trade(msgspec.Struct):
    """A trade."""

    s: str
    t: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


class Depth(msgspec.Struct):
    """A change of a book."""

    E: int
    s: str
    U: int
    u: int
    b: list[tuple[Decimal, Decimal]]
    a: list[tuple[Decimal, Decimal]]


class Trades(msgspec.Struct):
    """A frame with a trade."""

    stream: str
    data: Trade


class Depths(msgspec.Struct):
    """A frame with a change of a book."""

    stream: str
    data: Depth
