"""Books as tables for pandas, Polars and Arrow, where those are installed.

A row is a level: `side` (`bid` or `ask`), `level` (0 is the best of its side), `price`, `quantity`.
Prices and quantities stay exact: Decimals in pandas, decimal columns in Polars and Arrow.
"""

import importlib
from typing import Any

from venuekit.model import BookSnapshot


def to_pandas(book: BookSnapshot) -> Any:
    """Give a `pandas.DataFrame`; raises ModuleNotFoundError with what to install."""
    return _module("pandas").DataFrame(_columns(book))


def to_polars(book: BookSnapshot) -> Any:
    """Give a `polars.DataFrame`; raises ModuleNotFoundError with what to install."""
    polars = _module("polars")
    scales = {
        name: max((_scale(value) for value in values), default=0)
        for name, values in _columns(book).items()
        if name in {"price", "quantity"}
    }
    schema = {
        "side": polars.String,
        "level": polars.Int64,
        # As exact as the most exact of them; the width that Polars has.
        **{name: polars.Decimal(38, scale) for name, scale in scales.items()},
    }
    return polars.DataFrame(_columns(book), schema=schema)


def to_arrow(book: BookSnapshot) -> Any:
    """Give a `pyarrow.Table`; raises ModuleNotFoundError with what to install."""
    arrow = _module("pyarrow")
    columns = _columns(book)
    if not columns["side"]:  # of no value no type can be seen
        exact = arrow.decimal128(38, 8)
        fields = {"side": arrow.string(), "level": arrow.int64(), "price": exact, "quantity": exact}
        return arrow.schema(list(fields.items())).empty_table()
    return arrow.table(columns)


def _columns(book: BookSnapshot) -> dict[str, list[Any]]:
    sides = [("bid", level) for level in book.bids], [("ask", level) for level in book.asks]
    rows = [row for side in sides for row in side]
    numbers = [*range(len(book.bids)), *range(len(book.asks))]
    return {
        "side": [side for side, _ in rows],
        "level": numbers,
        "price": [price for _, (price, _) in rows],
        "quantity": [quantity for _, (_, quantity) in rows],
    }


def _scale(value: Any) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -int(exponent))


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        msg = f"{name} is not installed; pip install {name}"
        raise ModuleNotFoundError(msg, name=name) from None
