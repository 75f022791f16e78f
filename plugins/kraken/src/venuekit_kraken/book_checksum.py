"""The checksum of a book: CRC-32 over its ten best levels.

Source: Kraken API Center, "Spot Websockets (v2) Book Checksum". The guide speaks of the wire's
digits; the wire drops zeros at the end, so that each figure is padded to the pair's decimals first.
"""

import zlib
from decimal import Decimal
from typing import Final

from venuekit.model import BookSnapshot, Level

LEVELS: Final = 10


def checksum(book: BookSnapshot, *, price_decimals: int, quantity_decimals: int) -> int:
    """Give the checksum of a book, as an unsigned 32-bit number."""
    price_step = Decimal(1).scaleb(-price_decimals)
    quantity_step = Decimal(1).scaleb(-quantity_decimals)

    def text(level: Level) -> str:
        price, quantity = level
        return _digits(price, price_step) + _digits(quantity, quantity_step)

    levels = (*book.asks[:LEVELS], *book.bids[:LEVELS])
    return zlib.crc32("".join(map(text, levels)).encode("ascii"))


def _digits(value: Decimal, step: Decimal) -> str:
    return f"{value.quantize(step):f}".replace(".", "").lstrip("0")
