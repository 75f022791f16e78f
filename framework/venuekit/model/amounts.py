"""Decimal amounts: from the wire's digits, to the wire's digits, and onto a grid."""

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

# At most 30 digits on either side and a two-digit exponent: `Decimal("1e999999")` is a valid
# number whose `int()` takes half a minute, and `Decimal` also reads full-width digits and
# underscores, which no exchange sends.
_WIRE_NUMBER: Final = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?([eE][+-]?\d{1,2})?", re.ASCII)
_EXACT: Final = Context(prec=100)
_ZERO: Final = Decimal(0)


def decimal_from_text(text: str) -> Decimal:
    """Read a number as an exchange writes it, every digit kept.

    Raises:
        ValueError: `text` is not a plain decimal number of sane size. NaN, infinities,
            underscores, blanks and exponents beyond 40 are refused.
    """
    match = _WIRE_NUMBER.fullmatch(text)
    if match is None:
        msg = f"not a decimal number: {text[:60]!r}"
        raise ValueError(msg)
    value = Decimal(text)
    # Without an exponent, 30 digits on either side reach no further than 30.
    if match.lastindex is not None and abs(value.adjusted()) > 40:
        msg = f"number out of range: {text[:60]!r}"
        raise ValueError(msg)
    return value


def plain(value: Decimal) -> str:
    """Write `value` with all its digits and never with an exponent."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def is_on_grid(value: Decimal, step: Decimal) -> bool:
    """Say whether `value` is a whole multiple of `step`; a step of zero is no grid at all."""
    return step == 0 or _EXACT.remainder(value, step) == 0


def on_grid(value: Decimal, step: Decimal, *, rounding: str) -> Decimal:
    """Give the multiple of `step` next to `value`, written with the digits of the step.

    Args:
        value: Any finite number.
        step: Distance between two valid values, > 0 (zero gives `value` back).
        rounding: `"down"` toward zero, `"floor"`, `"ceiling"`, or `"nearest"` (ties to even).

    Raises:
        ValueError: `rounding` is none of the four.
    """
    modes = {
        "down": ROUND_DOWN,
        "floor": ROUND_FLOOR,
        "ceiling": ROUND_CEILING,
        "nearest": ROUND_HALF_EVEN,
    }
    if rounding not in modes:
        msg = f"rounding={rounding!r}; allowed: {', '.join(modes)}"
        raise ValueError(msg)
    if step == 0:
        return value
    count = _EXACT.divide(value, step).quantize(Decimal(1), modes[rounding], _EXACT)
    return _EXACT.multiply(count, step)


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """Add amounts without losing a digit to the thread's decimal context."""
    total = _ZERO
    for value in values:
        total = _EXACT.add(total, value)
    return total


def exact_product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply two amounts without losing a digit to the thread's decimal context."""
    return _EXACT.multiply(left, right)
