"""The rules of instruments: symbols and all their filters, as `exchangeInfo` writes them.

Source: Binance Spot `rest-api.md` "Exchange information", `filters.md`, 2026-07-21; the forms of
2021 (`permissions`, `PERCENT_PRICE`, `MIN_NOTIONAL`) are read as well.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import msgspec

from venuekit.model import (
    Grid,
    Instrument,
    InstrumentStatus,
    NotionalRule,
    PriceBand,
    Symbol,
)
from venuekit.plugin import (
    read_typed,
)
from venuekit_binance.figures import amount

_STATUS: Final = {
    "TRADING": InstrumentStatus.TRADING,
    "END_OF_DAY": InstrumentStatus.HALTED,
    "HALT": InstrumentStatus.HALTED,
    "BREAK": InstrumentStatus.UNAVAILABLE,
    "CANCEL_ONLY": InstrumentStatus.CANCEL_ONLY,
}
_ORDER_TYPES: Final = {
    "LIMIT": "limit",
    "MARKET": "market",
    "STOP_LOSS": "stop",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT": "take_profit",
    "TAKE_PROFIT_LIMIT": "take_profit_limit",
}


_EMPTY: Final = msgspec.Raw(b"[]")

_SetMaker = Callable[[tuple[str, ...]], frozenset[str]]


class _Filter(msgspec.Struct, rename="camel", gc=False):
    """The members of all filters together; each filter has a few of them."""

    filter_type: str
    min_price: str = "0"
    max_price: str = "0"
    tick_size: str = "0"
    min_qty: str = "0"
    max_qty: str = "0"
    step_size: str = "0"
    multiplier_up: str = ""
    multiplier_down: str = ""
    bid_multiplier_up: str = ""
    bid_multiplier_down: str = ""
    ask_multiplier_up: str = ""
    ask_multiplier_down: str = ""
    avg_price_mins: int = 0
    min_notional: str = "0"
    max_notional: str = "0"
    apply_to_market: bool = False
    apply_min_to_market: bool = False
    apply_max_to_market: bool = False
    limit: int | str | None = None
    max_num_orders: int | None = None
    max_num_algo_orders: int | None = None
    max_num_iceberg_orders: int | None = None
    max_num_order_lists: int | None = None
    max_num_order_amends: int | None = None
    max_position: str | None = None
    min_trailing_above_delta: int | None = None
    max_trailing_above_delta: int | None = None
    min_trailing_below_delta: int | None = None
    max_trailing_below_delta: int | None = None


class _FilterKind(msgspec.Struct, rename="camel"):
    filter_type: str


class SymbolRow(msgspec.Struct, rename="camel"):
    """A symbol; its filters are read one by one, as most are written alike."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    order_types: msgspec.Raw = _EMPTY
    filters: list[msgspec.Raw] = []
    iceberg_allowed: bool = False
    oco_allowed: bool = False
    oto_allowed: bool = False
    opo_allowed: bool = False
    quote_order_qty_market_allowed: bool = False
    allow_trailing_stop: bool = False
    cancel_replace_allowed: bool = False
    amend_allowed: bool = False
    peg_instructions_allowed: bool = False
    is_spot_trading_allowed: bool = True
    default_self_trade_prevention_mode: str = ""
    allowed_self_trade_prevention_modes: msgspec.Raw = _EMPTY


_KIND: Final = msgspec.json.Decoder(_FilterKind)
_FILTER: Final = msgspec.json.Decoder(_Filter)
_NAMES: Final = msgspec.json.Decoder(tuple[str, ...])

_COUNTS_OF: Final = {
    "MAX_NUM_ALGO_ORDERS": ("max_num_algo_orders",),
    "MAX_NUM_ICEBERG_ORDERS": ("max_num_iceberg_orders",),
    "MAX_NUM_ORDER_LISTS": ("max_num_order_lists",),
    "MAX_NUM_ORDER_AMENDS": ("max_num_order_amends",),
    "MAX_POSITION": ("max_position",),
    "TRAILING_DELTA": (
        "min_trailing_above_delta",
        "max_trailing_above_delta",
        "min_trailing_below_delta",
        "max_trailing_below_delta",
    ),
}
_KNOWN: Final = frozenset(_COUNTS_OF) | {
    "PRICE_FILTER",
    "LOT_SIZE",
    "MARKET_LOT_SIZE",
    "NOTIONAL",
    "MIN_NOTIONAL",
    "PERCENT_PRICE_BY_SIDE",
    "PERCENT_PRICE",
    "MAX_NUM_ORDERS",
    "ICEBERG_PARTS",
}
_FEATURES: Final = {
    "iceberg": "iceberg_allowed",
    "oco": "oco_allowed",
    "oto": "oto_allowed",
    "opo": "opo_allowed",
    "quote_quantity": "quote_order_qty_market_allowed",
    "trailing_stop": "allow_trailing_stop",
    "replace": "cancel_replace_allowed",
    "amend": "amend_allowed",
    "pegged": "peg_instructions_allowed",
}
_SWITCHES: Final[Callable[[SymbolRow], tuple[bool, ...]]] = operator.attrgetter(*_FEATURES.values())


class RuleReader:
    """Reads one listing. What is written alike is read once: 3000 symbols share most filters."""

    def __init__(self) -> None:
        self._amounts: dict[str, Decimal] = {}
        self._assets: dict[str, str] = {}
        self._filters: dict[bytes, Mapping[str, Any]] = {}
        self._sets: dict[tuple[_SetMaker, bytes], frozenset[str]] = {}
        self._features: dict[tuple[frozenset[str], tuple[bool, ...]], frozenset[str]] = {}
        self._limits: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def instrument(self, row: SymbolRow) -> Instrument:
        """Make one instrument; raises ValueError for a rule that cannot be understood."""
        base, quote = self._asset(row.base_asset), self._asset(row.quote_asset)
        if not row.symbol or not row.symbol.isprintable():
            msg = f"unusable name {row.symbol!r}"
            raise ValueError(msg)
        # Each filter is optional: a grid without one is switched off.
        rules: dict[str, Any] = {"price": Grid(), "quantity": Grid()}
        limits: list[tuple[str, str]] = []
        for raw in row.filters:
            parts = self._filter(raw)
            if "limits" in parts:
                limits.extend(parts["limits"])
            else:
                rules.update(parts)
        limits.extend(_notes(row))
        types = bytes(row.order_types)
        return Instrument(
            symbol=Symbol(f"{base}/{quote}"),
            native=row.symbol,
            base=base,
            quote=quote,
            status=_status(row),
            order_types=self._set(types, _types),
            features=self._shared_features(row, self._set(types, _type_features)),
            self_trade_preventions=self._set(
                bytes(row.allowed_self_trade_prevention_modes), _lowered
            ),
            limits=self._shared_limits(tuple(limits)),
            **rules,
        )

    def _asset(self, name: str) -> str:
        known = self._assets.get(name)
        if known is None:
            if not name or "/" in name or not name.isprintable():
                msg = f"unusable asset name {name!r}"
                raise ValueError(msg)
            known = self._assets[name] = name
        return known

    def _amount(self, text: str) -> Decimal:
        value = self._amounts.get(text)
        if value is None:
            value = self._amounts[text] = amount(text)
        return value

    def _filter(self, raw: msgspec.Raw) -> Mapping[str, Any]:
        """Give the members of an instrument that a filter sets."""
        key = bytes(raw)
        known = self._filters.get(key)
        if known is None:
            known = self._filters[key] = self._read_filter(raw)
        return known

    def _read_filter(self, raw: msgspec.Raw) -> Mapping[str, Any]:
        # Filters that are not known are ignored, as Binance asks: it adds some without notice.
        kind, figure = read_typed(raw, _KIND).filter_type, self._amount
        if kind not in _KNOWN:
            return {}
        rule = read_typed(raw, _FILTER)
        if kind == "PRICE_FILTER":
            grid = Grid(figure(rule.tick_size), figure(rule.min_price), figure(rule.max_price))
            return {"price": grid}
        if kind in {"LOT_SIZE", "MARKET_LOT_SIZE"}:
            grid = Grid(figure(rule.step_size), figure(rule.min_qty), figure(rule.max_qty))
            return {"quantity" if kind == "LOT_SIZE" else "market_quantity": grid}
        if kind in {"NOTIONAL", "MIN_NOTIONAL"}:
            notional = NotionalRule(
                figure(rule.min_notional),
                figure(rule.max_notional),
                minimum_for_market=rule.apply_to_market or rule.apply_min_to_market,
                maximum_for_market=rule.apply_max_to_market,
            )
            return {"notional": notional}
        if kind in {"PERCENT_PRICE_BY_SIDE", "PERCENT_PRICE"}:
            band = PriceBand(
                buy_low=figure(rule.bid_multiplier_down or rule.multiplier_down),
                buy_high=figure(rule.bid_multiplier_up or rule.multiplier_up),
                sell_low=figure(rule.ask_multiplier_down or rule.multiplier_down),
                sell_high=figure(rule.ask_multiplier_up or rule.multiplier_up),
                average_minutes=rule.avg_price_mins,
            )
            return {"band": band}
        if kind == "MAX_NUM_ORDERS":
            return {"max_open_orders": rule.max_num_orders}
        if kind == "ICEBERG_PARTS":
            return {"iceberg_parts": _whole(rule.limit)}
        return {"limits": _counts(rule)}

    def _set(self, names: bytes, make: _SetMaker) -> frozenset[str]:
        key = (make, names)
        known = self._sets.get(key)
        if known is None:
            known = self._sets[key] = make(read_typed(names, _NAMES))
        return known

    def _shared_features(self, row: SymbolRow, by_type: frozenset[str]) -> frozenset[str]:
        switches = _SWITCHES(row)
        key = (by_type, switches)
        known = self._features.get(key)
        if known is None:
            on = (name for name, is_on in zip(_FEATURES, switches, strict=True) if is_on)
            known = self._features[key] = by_type | frozenset(on)
        return known

    def _shared_limits(self, items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
        known = self._limits.get(items)
        if known is None:
            known = self._limits[items] = MappingProxyType(dict(items))
        return known


def _lowered(modes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(mode.lower() for mode in modes)


def _types(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_ORDER_TYPES[name] for name in names if name in _ORDER_TYPES)


def _type_features(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(["post_only"]) if "LIMIT_MAKER" in names else frozenset()


def _notes(row: SymbolRow) -> Iterable[tuple[str, str]]:
    """Say in words what the instrument's members cannot hold."""
    if row.status not in _STATUS:
        yield "status", row.status
    if not row.is_spot_trading_allowed:
        yield "spot_trading", "not allowed"
    if row.default_self_trade_prevention_mode:
        yield "default_self_trade_prevention", row.default_self_trade_prevention_mode.lower()


def _status(row: SymbolRow) -> InstrumentStatus:
    """Give the status; one that Binance has added since is taken as no trading."""
    status = _STATUS.get(row.status, InstrumentStatus.HALTED)
    if status is InstrumentStatus.TRADING and not row.is_spot_trading_allowed:
        return InstrumentStatus.HALTED
    return status


def _whole(value: int | str | None) -> int | None:
    if isinstance(value, str):
        msg = f"ICEBERG_PARTS: limit is text: {value[:40]!r}"
        raise ValueError(msg)  # noqa: TRY004  # bad data of the exchange, not of a caller
    return value


def _counts(rule: _Filter) -> tuple[tuple[str, str], ...]:
    values = ((name, getattr(rule, name)) for name in _COUNTS_OF[rule.filter_type])
    return tuple((name.replace("_num_", "_"), str(v)) for name, v in values if v is not None)
