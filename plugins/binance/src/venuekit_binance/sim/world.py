"""The symbols that a simulated Binance lists, with their filters.

Source: Binance spot REST docs, "Exchange information", and `filters.md`, 2026-07; the values of
the default symbols are our own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

EVERY_TYPE: Final = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_MODES: Final = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
_FLAGS: Final = (
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "opoAllowed",
    "quoteOrderQtyMarketAllowed",
    "allowTrailingStop",
    "cancelReplaceAllowed",
    "amendAllowed",
    "pegInstructionsAllowed",
    "isSpotTradingAllowed",
    "isMarginTradingAllowed",
)
Filter = Mapping[str, Any]


@attrs.define(kw_only=True)
class SymbolSpec:
    """A symbol as `exchangeInfo` describes it. Its status may change."""

    symbol: str
    base: str
    quote: str
    filters: tuple[Filter, ...]
    start_price: Decimal
    status: str = "TRADING"
    base_precision: int = 8
    quote_precision: int = 8
    order_types: tuple[str, ...] = EVERY_TYPE
    flags: dict[str, bool] = attrs.field(factory=lambda: dict.fromkeys(_FLAGS, True))
    permission_sets: tuple[tuple[str, ...], ...] = (("SPOT", "MARGIN"),)
    default_stp: str = "EXPIRE_MAKER"
    allowed_stp: tuple[str, ...] = _MODES
    reference_price: Decimal | None = None
    is_lively: bool = True
    """Whether strangers trade it when the world is alive."""
    _by_type: dict[str, Filter] = attrs.field(init=False, repr=False, eq=False)
    _numbers: dict[tuple[str, str], Decimal] = attrs.field(
        init=False, repr=False, eq=False, factory=dict
    )

    def __attrs_post_init__(self) -> None:
        self._by_type = {each["filterType"]: each for each in self.filters}

    def has(self, filter_type: str) -> bool:
        """Say whether the symbol has such a filter."""
        return filter_type in self._by_type

    def number(self, filter_type: str, field: str) -> Decimal:
        """Give a field of a filter as a number; zero, which means off, when there is none."""
        key = (filter_type, field)
        known = self._numbers.get(key)
        if known is None:
            known = Decimal(str(self._by_type.get(filter_type, {}).get(field, 0)))
            self._numbers[key] = known
        return known

    def is_set(self, filter_type: str, field: str) -> bool:
        """Give a switch of a filter."""
        return bool(self._by_type.get(filter_type, {}).get(field, False))

    @property
    def tick(self) -> Decimal:
        """Distance between two prices."""
        return self.number("PRICE_FILTER", "tickSize")

    @property
    def step(self) -> Decimal:
        """Distance between two quantities."""
        return self.number("LOT_SIZE", "stepSize")

    def payload(self, status: str, *, with_sets: bool = True) -> dict[str, object]:
        """Describe the symbol as `exchangeInfo` does, with the status it has now."""
        return {
            "symbol": self.symbol,
            "status": status,
            "baseAsset": self.base,
            "baseAssetPrecision": self.base_precision,
            "quoteAsset": self.quote,
            "quotePrecision": self.quote_precision,
            "quoteAssetPrecision": self.quote_precision,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(self.order_types),
            **self.flags,
            "filters": list(self.filters),
            "permissions": [],
            "permissionSets": [list(each) for each in self.permission_sets] if with_sets else [],
            "defaultSelfTradePreventionMode": self.default_stp,
            "allowedSelfTradePreventionModes": list(self.allowed_stp),
        }


def make_symbol(
    base: str,
    quote: str,
    price: str,
    tick: str,
    step: str,
    *,
    min_notional: str = "5",
    max_quantity: str = "9000000",
    is_lively: bool = True,
) -> SymbolSpec:
    """Make a symbol with every filter that symbols of production have.

    Args:
        price: Where its market starts.
        tick: Distance between two prices.
        step: Distance between two quantities, and the least one.
        min_notional: Least price times quantity.
        max_quantity: Greatest quantity of an order.
        is_lively: Whether strangers trade it when the world is alive.
    """
    top = Decimal(tick) * 100_000_000
    return SymbolSpec(
        symbol=base + quote,
        base=base,
        quote=quote,
        start_price=Decimal(price),
        is_lively=is_lively,
        filters=(
            {
                "filterType": "PRICE_FILTER",
                "minPrice": _eight(tick),
                "maxPrice": _eight(str(top)),
                "tickSize": _eight(tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": _eight(step),
                "maxQty": _eight(max_quantity),
                "stepSize": _eight(step),
            },
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": "0.00000000",
                "maxQty": _eight(str(Decimal(max_quantity) / 80)),
                "stepSize": "0.00000000",
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": _eight(min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        ),
    )


def default_symbols() -> list[SymbolSpec]:
    """Give the symbols that are listed unless others are asked for."""
    return [
        make_symbol("BTC", "USDT", "64000", "0.01", "0.00001", max_quantity="9000"),
        make_symbol("ETH", "USDT", "3400", "0.01", "0.0001", max_quantity="9000"),
        make_symbol("ETH", "BTC", "0.05312", "0.00001", "0.0001", min_notional="0.0001"),
        make_symbol("BNB", "USDT", "580", "0.01", "0.001", max_quantity="900000"),
        make_symbol("BNB", "BTC", "0.009063", "0.000001", "0.001", min_notional="0.0001"),
        make_symbol("SOL", "USDT", "150", "0.01", "0.001"),
        make_symbol("XRP", "USDT", "0.52", "0.0001", "0.1"),
        make_symbol("DOGE", "USDT", "0.12345", "0.00001", "1", max_quantity="90000000"),
        make_symbol("BTC", "USDC", "64010", "0.01", "0.00001", max_quantity="9000"),
        # Symbols outside of ASCII exist: the testnet lists this one.
        make_symbol("这是测试币", "456", "1", "0.01", "0.01", is_lively=False),
    ]


def synthetic_symbols(number: int) -> list[SymbolSpec]:
    """Give many symbols that nobody trades, to measure against an exchange of full size."""
    return [
        make_symbol(f"S{index:04}", "USDT", "1", "0.0001", "0.1", is_lively=False)
        for index in range(number)
    ]


def recorded_symbols(path: Path, wanted: Iterable[str] | None = None) -> list[SymbolSpec]:
    """Read symbols from a recorded `exchangeInfo`, brought to the form of today.

    Args:
        path: The recorded answer.
        wanted: Only these; all when absent.
    """
    names = None if wanted is None else set(wanted)
    data = json.loads(path.read_bytes())
    return [_adapted(each) for each in data["symbols"] if names is None or each["symbol"] in names]


def _adapted(data: Mapping[str, Any]) -> SymbolSpec:
    """Fill in what the exchange has added since the recording was made."""
    sets: Sequence[Sequence[str]] = data.get("permissionSets") or [
        [each for each in data.get("permissions", ()) if each in {"SPOT", "MARGIN"}] or ["SPOT"]
    ]
    filters = list(data["filters"])
    present = {each["filterType"] for each in filters}
    filters += [
        extra
        for extra in (
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        )
        if extra["filterType"] not in present
    ]
    return SymbolSpec(
        symbol=data["symbol"],
        base=data["baseAsset"],
        quote=data["quoteAsset"],
        status=data["status"],
        filters=tuple(filters),
        start_price=Decimal(0),
        base_precision=data["baseAssetPrecision"],
        quote_precision=data["quoteAssetPrecision"],
        order_types=tuple(data["orderTypes"]),
        flags={name: bool(data.get(name, True)) for name in _FLAGS},
        permission_sets=tuple(tuple(each) for each in sets),
        default_stp=data.get("defaultSelfTradePreventionMode", "EXPIRE_MAKER"),
        allowed_stp=tuple(data.get("allowedSelfTradePreventionModes", _MODES)),
        is_lively=False,
    )


def _eight(text: str) -> str:
    return f"{Decimal(text):.8f}"
