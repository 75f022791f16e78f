"""Exact decimal arithmetic, for amounts that are made from digits."""

from collections.abc import Callable
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import wraps
from typing import Final, ParamSpec, TypeVar

ZERO: Final = Decimal(0)
EXACT: Final = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of money; anything that cannot be exact raises `decimal.Inexact`."""
ROUNDED: Final = Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Quotients, of which the caller keeps as many digits as the asset has."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def exact(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function with exact decimal arithmetic, whatever the caller's context is."""

    @wraps(function)
    def exactly(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return exactly


def money(value: Decimal | str | int) -> Decimal:
    """Make a finite decimal of digits.

    Raises:
        TypeError: For a float, whose digits are not what was written.
        ValueError: For what is not a finite number.
    """
    if isinstance(value, float):
        raise TypeError(f"money is made from digits, not from the float {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"not a number: {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"not a finite number: {value!r}")
    return number


def optional_money(value: Decimal | str | int | None) -> Decimal | None:
    """Make a finite decimal of digits, or leave absent what is absent."""
    return None if value is None else money(value)
