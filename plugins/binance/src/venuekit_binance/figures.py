"""Figures as Binance writes them: amounts in strings, moments in milliseconds."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from venuekit.model import decimal_from_text

# The same bounds as `decimal_from_text`, for many amounts at once and without exponents, which
# Binance never writes. Possessive, so that a long hostile text costs one pass.
_AMOUNT: Final = r"\d{1,30}+(?:\.\d{1,30}+)?+"
_ONE_AMOUNT: Final = re.compile(_AMOUNT, re.ASCII)
_TWO_AMOUNTS: Final = re.compile(rf"{_AMOUNT},{_AMOUNT}", re.ASCII)
_AMOUNTS: Final = re.compile(rf"{_AMOUNT}(?:,{_AMOUNT})*+", re.ASCII)
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""An id or a number of things on the wire: a hostile one may have any number of digits."""
_NONE: Final = ("0.00000000", "0")
"""How Binance writes zero; other ways to write it are read as numbers."""
_LATEST_MS: Final = 10**14
"""Year 5138: beyond it a time is not in milliseconds, or not a time."""


def amounts(texts: Sequence[str]) -> list[Decimal]:
    """Read amounts that are never negative, every digit kept; fast for many at once.

    Raises:
        ValueError: One of them is not a plain decimal number of sane size, or below zero.
    """
    if not texts:
        return []
    if _AMOUNTS.fullmatch(",".join(texts)) is None:
        return [amount(text) for text in texts]
    try:
        return list(map(Decimal, texts))
    except ArithmeticError:  # a text that held a comma
        msg = f"not a decimal number among {str(texts)[:80]}"
        raise ValueError(msg) from None


def two_amounts(first: str, second: str) -> tuple[Decimal, Decimal]:
    """Read two amounts as `amounts` does; a third faster for the most frequent case.

    Raises:
        ValueError: One of them is not a plain decimal number of sane size, or below zero.
    """
    if _TWO_AMOUNTS.fullmatch(f"{first},{second}") is None:
        return amount(first), amount(second)
    return Decimal(first), Decimal(second)


def amount(text: str) -> Decimal:
    """Read one amount that is never negative.

    Raises:
        ValueError: It is not a plain decimal number of sane size, or below zero.
    """
    if _ONE_AMOUNT.fullmatch(text) is not None:
        return Decimal(text)
    value = decimal_from_text(text)
    if value < 0:
        msg = f"an amount below zero: {text!r}"
        raise ValueError(msg)
    return value


def positive(text: str) -> Decimal | None:
    """Read an amount for which Binance writes zero when there is none."""
    return None if text in _NONE else amount(text) or None


def moment_ns(milliseconds: int) -> int:
    """Turn milliseconds since the epoch into nanoseconds.

    Raises:
        ValueError: The number is no time of our era in milliseconds.
    """
    if not 0 <= milliseconds < _LATEST_MS:
        msg = f"not a time in milliseconds: {milliseconds}"
        raise ValueError(msg)
    return milliseconds * 1_000_000
