"""The listing: `exchangeInfo`, clock and status.

Source: Binance Spot `rest-api.md` "General endpoints", 2026-07-21.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from venuekit.model import ExchangeStatus, Instrument, Instruments, ServiceState
from venuekit.plugin import (
    Answer,
    BudgetKind,
    BudgetScope,
    BudgetSpec,
    Call,
    CallKind,
    ExchangeInfo,
    Listing,
    read_typed,
)
from venuekit_binance.calls import answer_as, public, request
from venuekit_binance.errors import budget_name, interval_s
from venuekit_binance.figures import moment_ns
from venuekit_binance.rules import RuleReader, SymbolRow

_PAID_BUDGETS: Final = frozenset({"weight", "raw", "orders-10s", "orders-1d", "connections"})
_SCOPES: Final = {"ORDERS": BudgetScope.ACCOUNT}


class _Name(msgspec.Struct):
    symbol: str


class _Limiter(msgspec.Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _Info(msgspec.Struct, rename="camel"):
    symbols: list[msgspec.Raw]
    rate_limits: list[_Limiter] = []


class _Time(msgspec.Struct, rename="camel"):
    server_time: int


class _SystemStatus(msgspec.Struct):
    status: int
    msg: str = ""


_INFO: Final = msgspec.json.Decoder(_Info)
_SYMBOL: Final = msgspec.json.Decoder(SymbolRow)
_NAME: Final = msgspec.json.Decoder(_Name)


def _read_listing(answer: Answer) -> Listing:
    info = read_typed(answer.body, _INFO)
    reader = RuleReader()
    found: list[Instrument] = []
    skipped: dict[str, str] = {}
    taken: set[str] = set()
    for position, raw in enumerate(info.symbols):
        try:
            # Symbol by symbol: one that is broken costs only itself, and memory stays low.
            instrument = reader.instrument(read_typed(raw, _SYMBOL))
            _claim(instrument, taken)
        except ValueError as error:
            skipped[_name_of(raw, position)] = str(error)
        else:
            found.append(instrument)
    budgets = _budgets(info.rate_limits, skipped)
    return Listing(instruments=Instruments(found), budgets=budgets, skipped=skipped)


def _claim(instrument: Instrument, taken: set[str]) -> None:
    """Refuse a second instrument of a name; native names hold no slash, symbols do."""
    for name in (instrument.symbol, instrument.native):
        if name in taken:
            msg = f"another instrument is named {name} already"
            raise ValueError(msg)
    taken.update((instrument.symbol, instrument.native))


def _name_of(raw: msgspec.Raw, position: int) -> str:
    try:
        return read_typed(raw, _NAME).symbol or f"symbols[{position}]"
    except ValueError:
        return f"symbols[{position}]"


def _budgets(limiters: Iterable[_Limiter], skipped: dict[str, str]) -> list[BudgetSpec]:
    found: list[BudgetSpec] = []
    for limiter in limiters:
        where = f"rateLimits {limiter.rate_limit_type} {limiter.interval_num} {limiter.interval}"
        unit = limiter.interval[:1].lower()
        name = budget_name(limiter.rate_limit_type, limiter.interval_num, unit)
        try:
            seconds = interval_s(limiter.interval_num, unit)
        except ValueError as error:
            skipped[where] = str(error)
            continue
        if name not in _PAID_BUDGETS or limiter.limit <= 0:
            skipped[where] = f"limit {limiter.limit}: a limiter that no call of this plugin pays"
            continue
        found.append(
            BudgetSpec(
                name=name,
                kind=BudgetKind.FIXED_WINDOW,
                scope=_SCOPES.get(limiter.rate_limit_type, BudgetScope.IP),
                capacity=limiter.limit,
                interval_s=seconds,
                places_only=limiter.rate_limit_type == "ORDERS",
            )
        )
    return found


def _read_time(answer: Answer) -> int:
    return moment_ns(answer_as(answer, _Time).server_time)


def _read_ping(answer: Answer) -> ExchangeStatus:
    answer_as(answer, dict)
    return ExchangeStatus(state=ServiceState.ONLINE)


def _read_system_status(answer: Answer) -> ExchangeStatus:
    said = answer_as(answer, _SystemStatus)
    state = ServiceState.ONLINE if said.status == 0 else ServiceState.MAINTENANCE
    return ExchangeStatus(state=state, text=said.msg)


class Listings(ExchangeInfo):
    """Knows clock, status and listing of Binance Spot."""

    def fetch_time(self) -> Call[int]:
        """Ask for the exchange's clock, in nanoseconds since the epoch (exact to 1 ms)."""
        return public("fetch time", "time", (), _read_time, weight=1)

    def fetch_status(self) -> Call[ExchangeStatus]:
        """Ask whether the exchange takes requests.

        The system status is a service of the production host only; elsewhere an answer to `ping`
        is the proof of life.
        """
        if self.environment == "live":
            return Call(
                what="fetch status",
                kind=CallKind.PUBLIC_READ,
                request=request("GET", "/sapi/v1/system/status", ()),
                read=_read_system_status,
                costs={"raw": 1},
            )
        return public("fetch status", "ping", (), _read_ping, weight=1)

    def fetch_listing(self) -> Call[Listing]:
        """Ask for all instruments and limits; what cannot be understood stands in `skipped`."""
        pairs = (("showPermissionSets", "false"),)
        return public("fetch instruments", "exchangeInfo", pairs, _read_listing, weight=20)
