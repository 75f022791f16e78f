"""Prices as they are asked for: fixed, or so far from another price.

Source: Kraken API Center, Add Order, "price" and "price2".
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

import attrs

from venuekit_kraken.sim.arguments import decimal_from

_SHAPE: Final = re.compile(r"([+\-#]?)([0-9.]+)(%?)", re.ASCII)
_WIDE: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_HUNDRED: Final = Decimal(100)


@attrs.frozen
class PriceText:
    """A price, or a distance with its sign."""

    value: Decimal
    sign: str = ""
    """`+`, `-`, `#` for the sign that side and type suggest, or nothing for a fixed price."""
    is_percent: bool = False

    @property
    def is_relative(self) -> bool:
        """Whether it depends on another price."""
        return bool(self.sign) or self.is_percent

    @property
    def text(self) -> str:
        """As it was asked for."""
        return f"{self.sign}{self.value:f}{'%' if self.is_percent else ''}"

    def distance(self, reference: Decimal) -> Decimal:
        """Give how far it is from a price."""
        return reference * self.value / _HUNDRED if self.is_percent else self.value

    def resolved(self, reference: Decimal, tick: Decimal, sign: str = "") -> Decimal:
        """Give the price that it comes to, on the grid of prices where it is relative.

        Args:
            reference: From which it is measured.
            tick: Distance between two prices.
            sign: What `#` stands for.
        """
        if not self.is_relative:
            return self.value
        is_below = (sign if self.sign == "#" else self.sign) == "-"
        distance = self.distance(reference)
        return on_grid(reference - distance if is_below else reference + distance, tick)


def price_text(text: str) -> PriceText | None:
    """Read a price of REST; `None` where it is none."""
    match = _SHAPE.fullmatch(text)
    value = None if match is None else decimal_from(match[2])
    if match is None or value is None:
        return None
    return PriceText(value, match[1], bool(match[3]))


def on_grid(price: Decimal, tick: Decimal) -> Decimal:
    """Give the nearest price that there is."""
    steps = (_WIDE.divide(price, tick)).quantize(Decimal(1), context=_WIDE)
    return _WIDE.multiply(steps, tick)
