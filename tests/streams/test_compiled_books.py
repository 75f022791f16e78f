"""Books that are kept in C are those that are kept in Python.

Not collected where `venuekit_fast` could not be compiled, see `conftest.py`.
"""

import copy
import json
import pickle
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venuekit_fast import books

from venuekit.model import BookChange, BookSnapshot, Side, Symbol, Trade
from venuekit.plugin import BookKeeping, BookRule
from venuekit.plugin.written import plain_sides
from venuekit.streams import Book
from venuekit.streams.book_side import BookSide

Pairs = Sequence[tuple[str, str]]
BTC = Symbol("BTC/USDT")
digits = st.text("0123456789", min_size=1, max_size=20)
numbers = st.tuples(digits, digits).map(".".join)
pairs = st.lists(st.tuples(numbers, numbers), max_size=5)
pieces = st.sampled_from(
    ["[", "]", '"', ",", ".", "0", "1", "00", '["1.0","2.0"]', "-", "e", "\\u0031", " ", "\0", "é"]
)


def dumped(levels: Pairs) -> bytes:
    return json.dumps(levels, separators=(",", ":")).encode()


def longest(*sides: bytes) -> int:
    """Count the digits of the longest number."""
    return max(
        (len(text) - 1 for side in sides for level in json.loads(side) for text in level), default=0
    )


def check_same(bids: bytes, asks: bytes) -> None:
    plain, compiled = plain_sides(bids, asks), books.json_sides(bids, asks)
    if plain is None:
        assert compiled is None
    elif compiled is None:
        assert longest(bids, asks) > 18
    else:
        assert compiled.texts == plain.texts
        assert [list(texts) for texts in compiled.texts] == [list(texts) for texts in plain.texts]
        assert str(compiled.levels()) == str(plain.levels())


@given(pairs, pairs)
def test_what_is_read_is_what_python_reads(bids: Pairs, asks: Pairs) -> None:
    check_same(dumped(bids), dumped(asks))


@given(st.lists(pieces, max_size=12).map("".join))
@settings(max_examples=400)
def test_what_is_nearly_right_is_left_alone_as_by_python(text: str) -> None:
    for side in (text, f"[{text}]", f'[["{text}","1.0"]]', f'[["1.0","{text}"]]'):
        check_same(side.encode(), b"[]")
        check_same(b"[]", side.encode())


@given(st.binary(max_size=40), st.integers(0, 60), st.integers(0, 255))
def test_a_broken_byte_anywhere_is_judged_as_by_python(junk: bytes, place: int, byte: int) -> None:
    check_same(junk, b"[]")
    right = bytearray(b'[["60000.01000000","1.50000000"],["0.10","0.00"]]')
    right[place % len(right)] = byte
    check_same(bytes(right), b"[]")
    check_same(bytes(right[:place]), b"[]")


@pytest.mark.parametrize("decimals", [1, 8, 16])
@pytest.mark.parametrize("is_bids", [True, False])
def test_thousands_of_changes_leave_what_a_dictionary_has(is_bids: bool, decimals: int) -> None:
    rng = random.Random(decimals)
    side, model = BookSide(is_bids=is_bids), dict[Decimal, Decimal]()
    side.replace([(Decimal(f"5.{'0' * decimals}"), Decimal("1.0"))])
    model[Decimal(5)] = Decimal("1.0")
    for turn in range(3000):
        changed = [
            (
                f"{rng.randrange(90)}.{rng.randrange(10):0<{decimals}}",
                f"{rng.randrange(4)}.{'0' * rng.randint(1, 9)}",
            )
            for _ in range(rng.randrange(6))
        ]
        both = (dumped(changed), b"[]")
        written = books.json_sides(*(both if is_bids else reversed(both)))
        assert written is not None
        assert side.apply_written(written, 0 if is_bids else 1)
        for price, quantity in changed:
            model.pop(Decimal(price), None)
            if Decimal(quantity):
                model[Decimal(price)] = Decimal(quantity)
        if turn % 500 == 250:
            side.cut(20)
            kept = sorted(model, reverse=is_bids)[:20]
            model = {price: model[price] for price in kept}
        ordered = sorted(model.items(), reverse=is_bids)
        assert side.best() == (ordered[0] if ordered else None)
        assert len(side) == len(model)
        if turn % 50 == 0:
            unit = Decimal(1).scaleb(-decimals)
            exact = [(price.quantize(unit), quantity) for price, quantity in ordered]
            assert str(list(side)) == str(exact)
            assert side.levels(3) == tuple(ordered[:3])
    assert side.compiled is not None


def test_every_digit_is_kept() -> None:
    side = BookSide(is_bids=True)
    written = books.json_sides(b'[["0.00000001","1.10"],["12345678.90000000","0.5000"]]', b"[]")
    assert written is not None
    assert side.apply_written(written, 0)
    assert str(side.levels()) == (
        "((Decimal('12345678.90000000'), Decimal('0.5000')), (Decimal('1E-8'), Decimal('1.10')))"
    )


def test_prices_with_other_decimals_turn_the_side_into_decimals_and_lose_nothing() -> None:
    side = BookSide(is_bids=False)
    first = books.json_sides(b"[]", b'[["9.50","1.0"],["9.70","2.0"]]')
    other = books.json_sides(b"[]", b'[["9.5","3.0"],["9.65","4.0"]]')
    assert first is not None
    assert other is not None
    assert side.apply_written(first, 1)
    assert not side.apply_written(other, 1)
    side.apply(other.levels()[1])
    assert side.compiled is None
    assert side.levels() == (
        (Decimal("9.5"), Decimal("3.0")),
        (Decimal("9.65"), Decimal("4.0")),
        (Decimal("9.7"), Decimal("2.0")),
    )


def test_numbers_that_are_too_long_turn_the_side_into_texts_and_lose_nothing() -> None:
    side = BookSide(is_bids=True)
    short = books.json_sides(b'[["0.10","1.0"]]', b"[]")
    long = plain_sides(b'[["0.20","123456789012345678901.00"]]', b"[]")
    assert short is not None
    assert long is not None
    assert books.json_sides(b'[["0.20","123456789012345678901.00"]]', b"[]") is None
    assert side.apply_written(short, 0)
    assert side.apply_written(long, 0)
    assert side.apply_written(short, 0)
    assert side.compiled is None
    assert side.levels() == (
        (Decimal("0.20"), Decimal("123456789012345678901.00")),
        (Decimal("0.10"), Decimal("1.0")),
    )
    side.replace([(Decimal("0.30"), Decimal("1.0"))])
    assert side.apply_written(short, 0)
    assert side.compiled is not None


def test_a_change_that_does_not_fit_has_set_nothing() -> None:
    levels = books.Levels(is_bids=True)
    assert levels.fill([("1.00", "1.0")])
    mixed = books.json_sides(b'[["2.00","1.0"],["3.0","1.0"]]', b"[]")
    assert mixed is not None
    assert not levels.apply(mixed, 0)
    assert list(levels) == [(Decimal("1.00"), Decimal("1.0"))]


@pytest.mark.parametrize("side", [-1, 2, 2**40])
def test_there_are_two_sides(side: int) -> None:
    written = books.json_sides(b"[]", b"[]")
    assert written is not None
    with pytest.raises((ValueError, OverflowError)):
        books.Levels(is_bids=True).apply(written, side)


def test_what_is_no_text_is_refused_without_harm() -> None:
    levels: Any = books.Levels(is_bids=True)
    with pytest.raises(TypeError):
        levels.fill([(b"1.0", "1.0")])
    with pytest.raises(TypeError):
        levels.apply(None, 0)
    with pytest.raises(TypeError):
        books.json_sides("[]", b"[]")
    assert not levels.fill([("1.0", "x")])


def test_a_change_during_reading_is_told() -> None:
    levels = books.Levels(is_bids=True)
    assert levels.fill([("1.0", "1.0"), ("2.0", "1.0"), ("3.0", "1.0")])
    reading = iter(levels)
    next(reading)
    levels.cut(0)
    with pytest.raises(RuntimeError, match="changed"):
        next(reading)


def test_it_can_be_copied_and_sent_to_another_process() -> None:
    written = books.json_sides(b'[["1.00","1.0"],["1.00","0.0"]]', b'[["2.00","3.0"]]')
    assert written is not None
    for twin in (copy.copy(written), copy.deepcopy(written), pickle.loads(pickle.dumps(written))):
        assert str(twin.levels()) == str(written.levels())


def test_a_book_keeps_what_it_is_told_in_c_and_tells_it_as_decimals() -> None:
    book = Book(BTC, BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=10))
    level = (Decimal("10.00"), Decimal("1.0"))
    book.apply_snapshot(BookSnapshot(symbol=BTC, bids=(level,), asks=(), update_id=1))
    written = books.json_sides(b'[["10.10","2.0"]]', b'[["11.00","5.00"]]')
    assert written is not None
    for number in (2, 3):
        book.apply_change(
            BookChange.of_written(BTC, written, first_update_id=number, last_update_id=number)
        )
    assert book.bids() == ((Decimal("10.10"), Decimal("2.0")), level)
    assert book.best_ask() == (Decimal("11.00"), Decimal("5.00"))
    assert book.cost(Side.BUY, Decimal(6)).missing == 1
    assert book.bids_to(Decimal("10.05")) == ((Decimal("10.10"), Decimal("2.0")),)


def test_a_trade_that_is_made_quickly_is_the_same() -> None:
    values = (BTC, "1", Decimal("1.0"), Decimal(2), Side.BUY, 3)
    names = ("symbol", "trade_id", "price", "quantity", "side", "time_ns")
    quick, slow = Trade.of(*values), Trade(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]  # of several types
    assert quick == slow
    assert (hash(quick), repr(quick)) == (hash(slow), repr(slow))


@pytest.mark.parametrize("odd", [0, 1])
def test_a_side_that_cannot_take_a_change_as_written_takes_its_levels(odd: int) -> None:
    book = Book(BTC, BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=10))
    book.apply_snapshot(BookSnapshot(symbol=BTC, bids=(), asks=()))
    alike = (b'[["1.00","1.0"]]', b'[["2.00","1.0"]]')
    other = [b'[["1.10","2.0"]]', b'[["1.90","2.0"]]']
    other[odd] = other[odd].replace(b"0", b"", 1)
    for bids, asks in (alike, other, alike):
        written = books.json_sides(bids, asks)
        assert written is not None
        book.apply_change(BookChange.of_written(BTC, written))
    assert book.bids() == ((Decimal("1.1"), Decimal("2.0")), (Decimal(1), Decimal("1.0")))
    assert book.asks() == ((Decimal("1.9"), Decimal("2.0")), (Decimal(2), Decimal("1.0")))
