"""The values that a price or a quantity may take, all rules taken together."""

import math
from decimal import Context, Decimal
from typing import Final

import attrs

from venuekit.model import Grid, is_on_grid, on_grid

_EXACT: Final = Context(prec=100)
_ZERO: Final = Decimal(0)
# Where an instrument states no step, bounds that come out of a division are cut to this.
_FINEST: Final = Decimal("1E-18")


@attrs.frozen
class Range:
    """Whole multiples of `step` from `low` to `high`; a `high` of None is no bound."""

    low: Decimal = _ZERO
    high: Decimal | None = None
    step: Decimal = _ZERO

    def nearest(self, value: Decimal) -> tuple[Decimal, ...]:
        """Give the valid values next to `value`: below, above; fewer where there is none."""
        step = self.step or _FINEST
        top = value if self.high is None else min(value, self.high)
        below = on_grid(top, step, rounding="floor")
        above = on_grid(max(value, self.low), step, rounding="ceiling")
        found = []
        if below >= self.low and below > 0:
            found.append(below)
        if (self.high is None or above <= self.high) and above > 0 and above not in found:
            found.append(above)
        return tuple(found)

    def within(self, low: Decimal, high: Decimal) -> "Range":
        """Narrow it by two more bounds; one that is zero is no bound."""
        highs = [bound for bound in (self.high, high or None) if bound is not None]
        return attrs.evolve(self, low=max(self.low, low), high=min(highs, default=None))


def range_of(*grids: Grid) -> Range:
    """Give the values that are valid on all grids."""
    found = Range(step=common_step(*(grid.step for grid in grids)))
    for grid in grids:
        found = found.within(grid.minimum, grid.maximum)
    return found


def common_step(*steps: Decimal) -> Decimal:
    """Give the smallest step whose multiples are multiples of all; zeros do not count."""
    common = _ZERO
    for step in steps:
        if common == 0 or (step and is_on_grid(step, common)):
            common = step or common
        elif step and not is_on_grid(common, step):
            common = _common_multiple(common, step)
    return common


def quotient(amount: Decimal, price: Decimal) -> Decimal:
    """Divide to 100 digits: exact wherever the result has so few, else off by the last one."""
    return _EXACT.divide(amount, price)


def parts(whole: Decimal, part: Decimal) -> int:
    """Count the slices of size `part` that `whole` is cut into, the last one perhaps smaller."""
    return math.ceil(_EXACT.divide(whole, part))


def _common_multiple(left: Decimal, right: Decimal) -> Decimal:
    exponents = [int(step.normalize(_EXACT).as_tuple().exponent) for step in (left, right)]
    scale = min(exponents)
    whole = (int(_EXACT.scaleb(left, -scale)), int(_EXACT.scaleb(right, -scale)))
    return _EXACT.scaleb(Decimal(math.lcm(*whole)), scale)
