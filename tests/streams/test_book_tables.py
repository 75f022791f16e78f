"""Books as tables: every level, every digit."""

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit.model import BookSnapshot, Symbol
from venuekit.streams import to_arrow, to_pandas, to_polars

D = Decimal
BOOK = BookSnapshot(
    symbol=Symbol("BTC/USDT"),
    bids=((D("29999.90"), D("1.50000000")), (D("29999.80"), D("0.00000001"))),
    asks=((D("30000.00"), D("123456789012345678.123")),),
)
EMPTY = BookSnapshot(symbol=Symbol("BTC/USDT"), bids=(), asks=())
ROWS = [
    ("bid", 0, D("29999.90"), D("1.5")),
    ("bid", 1, D("29999.80"), D("0.00000001")),
    ("ask", 0, D("30000.00"), D("123456789012345678.123")),
]
COLUMNS = ["side", "level", "price", "quantity"]


def test_pandas_has_every_level_with_its_digits() -> None:
    frame = to_pandas(BOOK)
    assert list(frame.columns) == COLUMNS
    assert [tuple(row) for row in frame.itertuples(index=False)] == ROWS
    assert str(frame["price"][0]) == "29999.90"


def test_polars_has_exact_columns() -> None:
    frame = to_polars(BOOK)
    assert frame.columns == COLUMNS
    assert frame.rows() == ROWS
    assert frame.schema["price"].scale == 2
    assert frame.schema["quantity"].scale == 8


def test_arrow_has_exact_columns() -> None:
    table = to_arrow(BOOK)
    assert table.column_names == COLUMNS
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS
    assert str(table.schema.field("price").type).startswith("decimal128")


@pytest.mark.parametrize("export", [to_pandas, to_polars, to_arrow])
def test_an_empty_book_is_an_empty_table(export: Callable[[BookSnapshot], Any]) -> None:
    table = export(EMPTY)
    assert len(table) == 0
    assert list(getattr(table, "column_names", None) or table.columns) == COLUMNS


@pytest.mark.parametrize(
    ("export", "name"), [(to_pandas, "pandas"), (to_polars, "polars"), (to_arrow, "pyarrow")]
)
def test_what_is_not_installed_is_named(
    export: Callable[[BookSnapshot], Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=f"{name} is not installed; pip install {name}"):
        export(BOOK)
