"""The limits, and how they are read from the settings. Amounts are texts: no float holds them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import attrs

from venuekit.model import ConfigurationError

_LIMITS: Final = ("max_notional", "max_notional_per_day", "ledger", "orders_per_minute", "symbols")
_OF_SYMBOL: Final = ("max_notional", "max_notional_per_day", "max_quantity", "reference_price")


@attrs.frozen(kw_only=True)
class SymbolLimits:
    """Limits of one symbol, on top of those of its quote asset. None: no such limit."""

    max_notional: Decimal | None = None
    """Of one order, in the quote asset."""
    max_notional_per_day: Decimal | None = None
    max_quantity: Decimal | None = None
    """Of one order, in the base asset."""
    reference_price: Decimal | None = None
    """Takes the place of the price that an order does not name, in the quote asset."""


@attrs.frozen(kw_only=True)
class Limits:
    """What one gate lets through. None: no such limit."""

    max_notional: Mapping[str, Decimal] | None = None
    """Of one order, by quote asset; an asset that is not named is refused."""
    max_notional_per_day: Mapping[str, Decimal] | None = None
    """Of all orders of one account in a UTC day, by quote asset."""
    orders_per_minute: int | None = None
    """Of one account, in any 60 s."""
    symbols: Mapping[str, SymbolLimits] = attrs.field(factory=dict)
    ledger: Path | None = None
    """Where notionals by day are kept, so that a restart forgets nothing."""

    @property
    def is_set(self) -> bool:
        """Say whether anything is limited."""
        return (
            self.max_notional is not None
            or self.max_notional_per_day is not None
            or self.orders_per_minute is not None
            or bool(self.symbols)
        )

    @property
    def is_daily(self) -> bool:
        """Say whether anything is limited by day."""
        return self.max_notional_per_day is not None or any(
            each.max_notional_per_day is not None for each in self.symbols.values()
        )


def limits_from(settings: Mapping[str, Any]) -> Limits:
    """Read the table `[plugins.settings.risk-gate]`.

    Raises:
        ConfigurationError: All that is wrong, each with its key.
    """
    reader = _Reader()
    reader.known(settings, _LIMITS, "")
    symbols = reader.table(settings, "symbols")
    limits = Limits(
        max_notional=reader.amounts(settings, "max_notional"),
        max_notional_per_day=reader.amounts(settings, "max_notional_per_day"),
        orders_per_minute=reader.count(settings, "orders_per_minute"),
        symbols={name: reader.symbol(name, table) for name, table in symbols.items()},
        ledger=reader.file(settings, "ledger"),
    )
    if limits.is_daily and "ledger" not in settings:
        reader.faults.append(
            "ledger: missing; max_notional_per_day needs the absolute path of a file to keep what "
            "was spent"
        )
    if reader.faults:
        raise ConfigurationError(reader.faults)
    return limits


class _Reader:
    def __init__(self) -> None:
        self.faults: list[str] = []

    def known(self, table: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
        self.faults += [
            f"{where}{name}: unknown key; allowed: {', '.join(names)}"
            for name in table
            if name not in names
        ]

    def table(self, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = table.get(name, {})
        if isinstance(value, Mapping):
            return value
        self.faults.append(f"{name}: {value!r}; allowed: a table")
        return {}

    def amounts(self, table: Mapping[str, Any], name: str) -> Mapping[str, Decimal] | None:
        if name not in table:
            return None
        found = self.table(table, name)
        if not found:
            self.faults.append(f'{name}: no asset; allowed: such as {{ USDT = "1000" }}')
        read = {key: self.amount(found, key, f"{name}.") for key in found}
        return {key: value for key, value in read.items() if value is not None}

    def amount(self, table: Mapping[str, Any], name: str, where: str) -> Decimal | None:
        value = table.get(name)
        if value is None:
            return None
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            try:
                read = Decimal(value)
            except InvalidOperation:
                read = Decimal(0)
            if read.is_finite() and read > 0:
                return read
        hint = " in quotes, which keep its digits" if isinstance(value, float) else ""
        self.faults.append(f"{where}{name}: {value!r}; allowed: a number above zero{hint}")
        return None

    def count(self, table: Mapping[str, Any], name: str) -> int | None:
        value = table.get(name)
        if value is None or (type(value) is int and value > 0):
            return value
        self.faults.append(f"{name}: {value!r}; allowed: a whole number above zero")
        return None

    def file(self, table: Mapping[str, Any], name: str) -> Path | None:
        value = table.get(name)
        if value is None:
            return None
        path = Path(value).expanduser() if isinstance(value, str) else Path()
        if path.is_absolute():
            return path
        self.faults.append(f"{name}: {value!r}; allowed: an absolute path, or one from ~")
        return None

    def symbol(self, name: str, table: Any) -> SymbolLimits:
        where = f"symbols.{name}."
        if not isinstance(table, Mapping):
            self.faults.append(f"symbols.{name}: {table!r}; allowed: a table")
            return SymbolLimits()
        self.known(table, _OF_SYMBOL, where)
        return SymbolLimits(**{each: self.amount(table, each, where) for each in _OF_SYMBOL})
