"""The checksum of a book.

Source: Kraken API Center, Spot Websockets (v2) Book Checksum; that numbers are padded to the
pair's decimals was found by recomputing the documented answers.
"""

import zlib
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain, islice

_LEVELS = 10
Row = tuple[Decimal, Decimal]


def checksum_text(
    asks: Iterable[Row], bids: Iterable[Row], price_decimals: int, volume_decimals: int
) -> str:
    """Give what is summed: ten asks from low to high, then ten bids from high to low."""
    return "".join(
        _digits(price, price_decimals) + _digits(volume, volume_decimals)
        for price, volume in chain(islice(asks, _LEVELS), islice(bids, _LEVELS))
    )


def book_checksum(
    asks: Iterable[Row], bids: Iterable[Row], price_decimals: int, volume_decimals: int
) -> int:
    """Give the CRC-32 of a book, best levels first, whatever its depth."""
    return zlib.crc32(checksum_text(asks, bids, price_decimals, volume_decimals).encode())


def _digits(value: Decimal, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace(".", "").lstrip("0")
