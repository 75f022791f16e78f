"""The ledger: names, signs, pages."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from venuekit.plugin import Answer, Call
from venuekit_kraken.adapter import KrakenAdapter

if TYPE_CHECKING:
    from .conftest import Wire

SECOND = 10**9


def row(**more: Any) -> dict[str, Any]:
    return {
        "refid": "TWCIF3-BXPFQ-QWKIHO",
        "time": 1688464484.1787,
        "type": "trade",
        "subtype": "tradespot",
        "aclass": "currency",
        "asset": "XXBT",
        "amount": "-0.2000000000",
        "fee": "0.0004000000",
        "balance": "1.3000000000",
        **more,
    }


def page(numbers: Iterable[int], wire: "type[Wire]", count: int) -> Answer:
    """Give a page; higher numbers are older."""
    rows = {f"L{n:05d}": row(time=1688464484 - n) for n in numbers}
    return wire.ok({"ledger": rows, "count": count})


def sent(call: Call[Any]) -> Mapping[str, str]:
    return dict(parse_qsl(call.request.body.decode()))


def ask(adapter: KrakenAdapter, asset: str | None = None, **more: Any) -> Any:
    span: dict[str, Any] = {"since_ns": None, "until_ns": None, "limit": 500, **more}
    return adapter.fetch_ledger(asset, **span)


def test_an_entry_has_the_fields_names_and_all_its_digits(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    (entry,) = wire.run(
        ask(adapter), wire.ok({"ledger": {"LMKZCZ-Z3GVL-CXKK4H": row()}, "count": 1})
    )
    assert (entry.id, entry.reference) == ("LMKZCZ-Z3GVL-CXKK4H", "TWCIF3-BXPFQ-QWKIHO")
    assert (entry.kind, entry.asset, entry.time_ns) == ("trade", "BTC", 1_688_464_484_178_700_000)
    assert (str(entry.amount), str(entry.fee)) == ("-0.2000000000", "0.0004000000")
    assert entry.balance == Decimal("1.3")


def test_what_is_still_on_its_way_has_no_balance(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    rows = {"L1": row(type="deposit", balance="", refid=None, amount="5")}
    (entry,) = wire.run(ask(adapter), wire.ok({"ledger": rows, "count": 1}))
    assert (entry.balance, entry.reference, entry.kind) == (None, "", "deposit")


@pytest.mark.parametrize(
    ("asset", "native"),
    [("BTC", "XBT"), ("DOGE", "XDG"), ("USD", "USD"), ("USDT.F", "USDT.F"), ("LUNC", "LUNA")],
)
def test_an_asset_is_asked_for_by_krakens_name(
    adapter: KrakenAdapter, asset: str, native: str
) -> None:
    assert sent(next(ask(adapter, asset)))["asset"] == native


def test_all_assets_are_asked_for_without_a_name(adapter: KrakenAdapter) -> None:
    call = next(ask(adapter))
    assert sent(call) == {"ofs": "0"}
    assert call.costs == {"calls": 4}


def test_entries_of_one_asset_are_no_others(adapter: KrakenAdapter, wire: "type[Wire]") -> None:
    rows = {"L1": row(), "L2": row(asset="XBT.M"), "L3": row(asset="ZUSD")}
    (entry,) = wire.run(ask(adapter, "BTC"), wire.ok({"ledger": rows, "count": 3}))
    assert entry.id == "L1"


def test_pages_are_joined_oldest_first_and_what_comes_in_meanwhile_is_no_double(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    entries = wire.run(ask(adapter), page(range(50), wire, 70), page(range(45, 70), wire, 74))
    assert [entry.id for entry in entries] == [f"L{n:05d}" for n in reversed(range(70))]


def test_a_limit_gives_the_newest_and_ends_the_asking(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    for since_ns in (None, 1_688_000_000 * SECOND):
        entries = wire.run(ask(adapter, limit=2, since_ns=since_ns), page(range(50), wire, 10_000))
        assert [entry.id for entry in entries] == ["L00001", "L00000"]


def test_bounds_are_kept_on_both_sides(adapter: KrakenAdapter, wire: "type[Wire]") -> None:
    newest = 1_688_464_484 * SECOND
    steps = ask(adapter, since_ns=newest - 2 * SECOND, until_ns=newest - SECOND)
    entries = wire.run(steps, page(range(5), wire, 5))
    assert [entry.id for entry in entries] == ["L00002", "L00001"]
    call = next(ask(adapter, since_ns=newest - 2 * SECOND, until_ns=newest - SECOND))
    assert (sent(call)["start"], sent(call)["end"]) == ("1688464481", "1688464483")


def test_both_halves_of_one_moment_keep_krakens_order(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    rows = {"LZ": row(), "LA": row(asset="ZUSD")}  # newest first
    entries = wire.run(ask(adapter), wire.ok({"ledger": rows, "count": 2}))
    assert [entry.id for entry in entries] == ["LA", "LZ"]


@pytest.mark.parametrize("more", [{"limit": 0}, {"since_ns": 2, "until_ns": 1}])
def test_a_span_that_holds_nothing_is_refused(
    adapter: KrakenAdapter, more: Mapping[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"at least 1|is after"):
        next(ask(adapter, **more))
