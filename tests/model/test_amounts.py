"""Amounts keep their digits, refuse what is no number, and find the grid exactly."""

from decimal import ROUND_DOWN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import decimal_from_text, exact_product, exact_sum, is_on_grid, on_grid, plain

DIGITS = st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True)
STEPS = st.sampled_from(["1", "0.1", "0.01", "0.00000100", "0.5", "0.25", "10", "0.00000001"])


@given(DIGITS)
def test_digits_are_the_same_on_the_way_there_and_back(text: str) -> None:
    assert plain(decimal_from_text(text)) == str(Decimal(text).__format__("f"))
    assert decimal_from_text(plain(decimal_from_text(text))) == Decimal(text)


def test_trailing_zeros_of_the_wire_are_kept() -> None:
    assert plain(decimal_from_text("64000.02000000")) == "64000.02000000"


def test_a_tiny_amount_is_written_without_an_exponent() -> None:
    assert plain(Decimal("1E-8")) == "0.00000001"
    assert plain(Decimal("1E+3")) == "1000"


NO_NUMBERS = (
    *("", " 1", "1 ", "NaN", "Infinity", "-inf", "1_000", "\uff11\uff12", "0x10", ".5", "5."),
    *("+1", "1,5", "--1", "1e999", "1e99", "1e-41", "9" * 31),
)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_no_exchange_sends_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal_from_text(text)


@given(DIGITS, STEPS, st.sampled_from(["down", "floor", "ceiling", "nearest"]))
def test_rounding_lands_on_the_grid_and_less_than_a_step_away(
    text: str, step: str, rounding: str
) -> None:
    value, grid = Decimal(text), Decimal(step)
    moved = on_grid(value, grid, rounding=rounding)
    assert is_on_grid(moved, grid)
    assert abs(moved - value) < grid
    if rounding in {"down", "floor"}:
        assert moved <= value
    if rounding == "ceiling":
        assert moved >= value
    if rounding == "nearest":
        assert abs(moved - value) * 2 <= grid


def test_the_threads_decimal_context_changes_no_result() -> None:
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_DOWN
        assert on_grid(Decimal("123456.789"), Decimal("0.01"), rounding="down") == Decimal(
            "123456.78"
        )
        assert exact_sum([Decimal("123456.789"), Decimal("0.001")]) == Decimal("123456.790")
        assert exact_product(Decimal("12345.6789"), Decimal("9.87654321")) == Decimal(
            "121932.631112635269"
        )
        assert not is_on_grid(Decimal("123456.785"), Decimal("0.01"))


def test_an_unknown_way_to_round_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="down, floor, ceiling, nearest"):
        on_grid(Decimal(1), Decimal(1), rounding="upwards")


def test_a_step_of_zero_is_no_grid() -> None:
    assert is_on_grid(Decimal("0.123"), Decimal(0))
    assert on_grid(Decimal("0.123"), Decimal(0), rounding="down") == Decimal("0.123")
