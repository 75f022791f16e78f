"""What is traded, and the rules that an order for it has to keep."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NewType

import attrs

Symbol = NewType("Symbol", str)
"""`BASE/QUOTE` for spot, as the field writes it: `BTC/USDT`."""

_ZERO: Final = Decimal(0)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class InstrumentStatus(enum.Enum):
    """Whether orders are taken now."""

    TRADING = "trading"
    HALTED = "halted"
    """No trading; cancels may work."""
    CANCEL_ONLY = "cancel_only"
    UNAVAILABLE = "unavailable"
    """Neither trading nor market data."""


@attrs.frozen
class Grid:
    """The values that a price or a quantity may take. A member that is zero is switched off."""

    step: Decimal = _ZERO
    """Distance between two valid values, counted from zero."""
    minimum: Decimal = _ZERO
    maximum: Decimal = _ZERO


@attrs.frozen
class NotionalRule:
    """Bounds of price times quantity, in the quote asset. A zero is switched off."""

    minimum: Decimal = _ZERO
    maximum: Decimal = _ZERO
    minimum_for_market: bool = False
    """Whether the minimum also binds market orders (at the exchange's average price)."""
    maximum_for_market: bool = False


@attrs.frozen
class PriceBand:
    """How far a limit price may stand from the market's price, as factors of that price."""

    buy_low: Decimal
    buy_high: Decimal
    sell_low: Decimal
    sell_high: Decimal
    average_minutes: int = 0
    """Span of the volume-weighted average it is measured against; 0: the last trade."""


@attrs.frozen(kw_only=True)
class Instrument:
    """A tradable pair with its rules, exactly as the exchange states them."""

    symbol: Symbol
    native: str
    """The exchange's own name, as requests carry it."""
    base: str
    quote: str
    status: InstrumentStatus
    price: Grid
    quantity: Grid
    market_quantity: Grid = Grid()
    """Bounds on top of `quantity` for market orders."""
    notional: NotionalRule = NotionalRule()
    band: PriceBand | None = None
    order_types: frozenset[str] = frozenset()
    """Values of `OrderType` that the exchange takes here; empty: not stated."""
    features: frozenset[str] = frozenset()
    """Switches that hold here, by name: `iceberg`, `quote_quantity`, `amend`, `replace`, `oco`,
    `oto`, `trailing_stop`, `pegged`."""
    self_trade_preventions: frozenset[str] = frozenset()
    """Modes that may be asked for; empty: not stated."""
    limits: Mapping[str, str] = _NOTHING
    """Further limits that only the exchange can judge, in its own words."""
    max_open_orders: int | None = None
    iceberg_parts: int | None = None
    """Most slices that an iceberg order may be cut into."""


class Instruments(Mapping[str, Instrument]):
    """The listing of one exchange: by symbol, and by the exchange's own name."""

    __slots__ = ("_by_native", "_by_symbol")

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        """Index the listing.

        Raises:
            ValueError: Two instruments claim one symbol or one native name.
        """
        self._by_symbol: dict[str, Instrument] = {}
        self._by_native: dict[str, Instrument] = {}
        for instrument in instruments:
            for index, name in (
                (self._by_symbol, instrument.symbol),
                (self._by_native, instrument.native),
            ):
                if name in index:
                    msg = f"two instruments are named {name!r}"
                    raise ValueError(msg)
                index[name] = instrument

    def __getitem__(self, symbol: str) -> Instrument:
        """Give the instrument of `symbol`; KeyError when the exchange does not list it."""
        return self._by_symbol[symbol]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the symbols, in the exchange's order."""
        return iter(self._by_symbol)

    def __len__(self) -> int:
        """Count the instruments."""
        return len(self._by_symbol)

    def native(self, name: str) -> Instrument:
        """Give the instrument that the exchange calls `name`.

        Raises:
            KeyError: It lists none of that name.
        """
        return self._by_native[name]

    def knows_native(self, name: str) -> bool:
        """Say whether the exchange lists an instrument under its own `name`."""
        return name in self._by_native
