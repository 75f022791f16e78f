"""The gate refuses what is too large or too often, and counts exactly what it lets through."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import venuekit_risk_gate
from venuekit.model import (
    ConfigurationError,
    Grid,
    Instrument,
    InstrumentStatus,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
    limit_buy,
)
from venuekit.plugin.hooks import Hooks
from venuekit_risk_gate import Ledger, RefusalKind, RiskGate, limits_from

BTC = Instrument(
    symbol=Symbol("BTC/USDT"),
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(),
    quantity=Grid(),
)
SETTINGS = {"max_notional": {"USDT": "1000"}}


@attrs.define
class Bench:
    """A gate whose clock stands until it is moved."""

    settings: dict[str, Any]
    now_s: float = 0.0
    day: str = "2026-01-01"
    gate: RiskGate = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        limits = limits_from(self.settings)
        ledger = None if limits.ledger is None else Ledger(limits.ledger)
        self.gate = RiskGate(limits, ledger=ledger, time_s=lambda: self.now_s, day=lambda: self.day)

    def kind(self, request: OrderRequest, account: str = "acme/main") -> RefusalKind | None:
        refusal = self.gate.judge(account, request, BTC)
        return None if refusal is None else refusal.kind


def order(**changes: Any) -> OrderRequest:
    return attrs.evolve(limit_buy("BTC/USDT", quantity="1", price="1000"), **changes)


def market(side: Side = Side.BUY, **changes: Any) -> OrderRequest:
    facts: dict[str, Any] = {"quantity": Decimal(1), **changes}
    return OrderRequest(symbol=Symbol("BTC/USDT"), side=side, type=OrderType.MARKET, **facts)


def test_a_notional_of_the_limit_passes_and_the_smallest_digit_more_does_not() -> None:
    bench = Bench(SETTINGS)

    assert bench.kind(order()) is None
    tiny = Decimal("1000." + "0" * 40 + "1")
    assert bench.kind(order(price=tiny)) is RefusalKind.NOTIONAL


def test_a_symbol_has_limits_of_its_own() -> None:
    own = {"max_notional": "500", "max_quantity": "0.5"}
    bench = Bench({**SETTINGS, "symbols": {"BTC/USDT": own}})

    assert bench.kind(order()) is RefusalKind.QUANTITY
    assert bench.kind(order(quantity=Decimal("0.5"), price=Decimal(1001))) is RefusalKind.NOTIONAL
    assert bench.kind(order(quantity=Decimal("0.5"))) is None


def test_a_quote_asset_without_a_limit_is_refused() -> None:
    assert Bench({"max_notional": {"EUR": "1000"}}).kind(order()) is RefusalKind.NO_LIMIT


def test_a_market_order_needs_a_reference_price() -> None:
    assert Bench(SETTINGS).kind(market()) is RefusalKind.NO_PRICE
    priced = {**SETTINGS, "symbols": {"BTC/USDT": {"reference_price": "1001"}}}
    assert Bench(priced).kind(market()) is RefusalKind.NOTIONAL
    assert Bench(priced).kind(market(quantity=Decimal("0.9"))) is None
    by_quote = market(quantity=None, quote_quantity=Decimal(1000))
    assert Bench(SETTINGS).kind(by_quote) is None


def test_a_sell_far_below_the_market_is_counted_at_the_reference() -> None:
    priced = {**SETTINGS, "symbols": {"BTC/USDT": {"reference_price": "5000"}}}

    assert Bench(priced).kind(order(side=Side.SELL, price=Decimal(1))) is RefusalKind.NOTIONAL
    assert Bench(priced).kind(order(price=Decimal(1))) is None


def test_orders_a_minute_are_counted_by_account() -> None:
    bench = Bench({"orders_per_minute": 2})

    assert [bench.kind(order()) for _ in range(3)] == [None, None, RefusalKind.RATE]
    assert bench.kind(order(), "acme/other") is None
    bench.now_s = 59.9
    assert bench.kind(order()) is RefusalKind.RATE
    bench.now_s = 60.0
    assert bench.kind(order()) is None


def test_what_is_refused_does_not_count_for_the_rate() -> None:
    bench = Bench({**SETTINGS, "orders_per_minute": 1})

    assert bench.kind(order(price=Decimal(2000))) is RefusalKind.NOTIONAL
    assert bench.kind(order()) is None


def test_a_day_is_remembered_by_the_next_program_and_ends_at_its_end(tmp_path: Path) -> None:
    settings = {"max_notional_per_day": {"USDT": "1500"}, "ledger": str(tmp_path / "spent")}
    assert Bench(settings).kind(order()) is None

    later = Bench(settings)
    assert later.kind(order()) is RefusalKind.DAY
    assert later.kind(order(quantity=Decimal("0.5"))) is None
    assert later.kind(order(quantity=Decimal("0.0001"))) is RefusalKind.DAY
    assert later.kind(order(), "acme/other") is None
    later.day = "2026-01-02"
    assert later.kind(order()) is None


def test_a_refused_order_spends_nothing_of_any_limit(tmp_path: Path) -> None:
    settings = {
        "max_notional_per_day": {"USDT": "5000"},
        "symbols": {"BTC/USDT": {"max_notional_per_day": "900"}},
        "ledger": str(tmp_path / "spent"),
    }
    bench = Bench(settings)
    refusal = bench.gate.judge("acme/main", order(), BTC)

    assert refusal is not None
    assert str(refusal) == "risk.day: 1000 USDT; 900 of the day's 900 for BTC/USDT is left"
    assert Bench({**settings, "symbols": {}}).kind(order(quantity=Decimal(5))) is None


def test_a_ledger_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    settings = {"max_notional_per_day": {"USDT": "1500"}, "ledger": str(tmp_path / "spent")}
    bench = Bench(settings)
    (tmp_path / "spent").write_bytes(b"no database" * 100)

    assert bench.kind(order()) is RefusalKind.LEDGER


def test_a_gate_that_nobody_set_lets_nothing_through() -> None:
    assert Bench({}).kind(order()) is RefusalKind.UNLIMITED


def test_all_faults_of_the_settings_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        limits_from(
            {
                "max_notional": {"USDT": 1000.5},
                "max_notional_per_day": {"USDT": "nan"},
                "orders_per_minute": True,
                "ledger": "spent",
                "maximum": 1,
                "symbols": {"BTC/USDT": {"max_quantity": "-1"}, "X": 3},
            }
        )

    faults = caught.value.faults
    assert [fault.partition(":")[0] for fault in faults] == [
        "maximum",
        "max_notional.USDT",
        "max_notional_per_day.USDT",
        "orders_per_minute",
        "symbols.BTC/USDT.max_quantity",
        "symbols.X",
        "ledger",
    ]
    assert "in quotes" in faults[1]


def test_a_limit_by_day_without_a_ledger_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ledger: missing"):
        limits_from({"max_notional_per_day": {"USDT": "1"}})


def test_it_is_made_of_its_settings_and_found_by_its_hook() -> None:
    hooks = Hooks(
        find=list,
        modules={"risk-gate": venuekit_risk_gate},
        settings={"risk-gate": SETTINGS},
    )
    vetoes = hooks.bind()

    assert vetoes.refusals("acme", "main", order(), BTC) == []
    assert vetoes.refusals("acme", "main", order(price=Decimal(1001)), BTC) == [
        "risk-gate: risk.notional: 1001 USDT; at most 1000 in one order"
    ]
