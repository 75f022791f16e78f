"""What holds exactly at its edge: errors of writes, pages, limits, parts of an iceberg."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    Failure,
    Instrument,
    Order,
    OrderChange,
    OrderEvent,
    OrderPhase,
    OrderRequest,
    Outcome,
    limit_buy,
)
from venuekit.plugin import Published
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.manifest import MANIFEST

if TYPE_CHECKING:
    from .conftest import Wire

IDS = [ClientOrderId(letter * 32) for letter in "ab"]


def limit(**more: Any) -> OrderRequest:
    return limit_buy("BTC/USD", "1.5", "37500", **{"client_order_id": IDS[0], **more})


def account(adapter: KrakenAdapter, row: dict[str, Any]) -> Any:
    """Read one order's line of the channel `executions`."""
    line = {
        "exec_type": "new",
        "order_id": "OA3QFX-BZGVB-BK55RB",
        "order_status": "new",
        "timestamp": "2026-04-01T12:00:00.5Z",
        **row,
    }
    text = json.dumps({"channel": "executions", "type": "update", "data": [line], "sequence": 1})
    published = [e for e in adapter.read_frame("account", text) if isinstance(e, Published)]
    (found,) = [e.event for e in published if isinstance(e.event, OrderEvent | OrderChange)]
    return found


WHOLE = {
    "symbol": "BTC/USD",
    "side": "buy",
    "order_type": "limit",
    "order_qty": 1.5,
    "limit_price": 37500.0,
    "cl_ord_id": "a" * 32,
}


def test_what_is_ambiguous_is_documented_as_a_write_has_it() -> None:
    documented = {error.code: error.row.outcome for error in MANIFEST.errors}
    ambiguous = {code for code, outcome in documented.items() if outcome is Outcome.UNKNOWN}
    assert ambiguous >= {
        "EService:Unavailable",
        "EService:Timeout",
        "EDatabase:Internal error",
        "EOrder:Cancel pending",
    }
    assert documented["EOrder:Insufficient funds"] is Outcome.REJECTED


def test_only_the_accounts_channel_is_private(adapter: KrakenAdapter) -> None:
    private = {channel.name for channel in adapter.channels() if channel.is_private}
    assert private == {"account"}


def test_a_span_of_one_moment_is_a_span_and_one_that_ends_before_it_begins_is_none(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    moment = 1616667796 * 10**9
    rows = wire.ok({"trades": {"T1": wire.trade(time=1616667796)}, "count": 1})
    same = adapter.fetch_fills(btc, order=None, since_ns=moment, until_ns=moment, limit=5)
    assert [fill.trade_id for fill in wire.run(same, rows)] == ["T1"]
    steps = adapter.fetch_fills(btc, order=None, since_ns=moment, until_ns=moment - 1, limit=5)
    with pytest.raises(ValueError, match="is after"):
        wire.run(steps, rows)


def test_a_leg_whose_error_is_ambiguous_may_have_been_placed(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    call = adapter.place_many([limit(), limit(client_order_id=IDS[1])], btc)
    legs = [{"error": "EService:Unavailable"}, {"error": "EOrder:Insufficient funds"}]
    first, second = call.read(wire.ok({"orders": legs}))
    assert isinstance(first, Failure)
    assert isinstance(second, Failure)
    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.REJECTED)


def test_a_leg_with_neither_id_nor_error_may_have_been_placed(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    call = adapter.place_many([limit(), limit(client_order_id=IDS[1])], btc)
    legs = [{"descr": {"order": ""}}, {"txid": ["O65KZW-J4AW3-VFS74A"]}]
    first, second = call.read(wire.ok({"orders": legs}))
    assert isinstance(first, Failure)
    assert first.outcome is Outcome.UNKNOWN
    assert isinstance(second, Order)
    assert second.exchange_order_id == "O65KZW-J4AW3-VFS74A"


def test_a_page_of_one_row_that_is_not_the_last_would_be_followed_by_itself(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    page = wire.ok({"trades": {"T00000": wire.trade()}, "count": 2})
    with pytest.raises(ValueError, match="may be missing"):
        wire.run(steps, page)


def test_a_page_of_two_rows_is_followed(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    rows = {name: wire.trade(time=1616667796 - n) for n, name in enumerate(["T1", "T2", "T3"])}
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    first = wire.ok({"trades": {name: rows[name] for name in ("T1", "T2")}, "count": 3})
    second = wire.ok({"trades": {name: rows[name] for name in ("T2", "T3")}, "count": 3})
    assert [f.trade_id for f in wire.run(steps, first, second)] == ["T3", "T2", "T1"]


@pytest.mark.parametrize(("limit", "pages"), [(49, 1), (50, 1), (51, 2)])
def test_the_ledger_is_asked_for_no_further_than_the_limit(
    adapter: KrakenAdapter, wire: "type[Wire]", limit: int, pages: int
) -> None:
    def page(first: int, last: int) -> Any:
        rows = {
            f"L{n:05d}": {
                "refid": "R", "time": 1688464484 - n, "type": "trade", "subtype": "",
                "aclass": "currency", "asset": "XXBT", "amount": "1", "fee": "0", "balance": "1",
            }
            for n in range(first, last)
        }  # fmt: skip
        return wire.ok({"ledger": rows, "count": 900})

    steps = adapter.fetch_ledger(None, since_ns=None, until_ns=None, limit=limit)
    entries = wire.run(steps, *[page(0, 50), page(49, 99)][:pages])
    assert len(entries) == limit


@pytest.mark.parametrize(("shown", "is_taken"), [("0.1", True), ("0.09", False)])
def test_an_iceberg_shows_a_fifteenth_at_least(
    adapter: KrakenAdapter, btc: Instrument, shown: str, is_taken: bool
) -> None:
    request = attrs.evolve(limit(), display_quantity=Decimal(shown))
    if is_taken:
        assert f"displayvol={shown}" in adapter.place(request, btc).request.body.decode()
    else:
        with pytest.raises(ValueError, match="15th"):
            adapter.place(request, btc)


@pytest.mark.parametrize(
    ("told", "filled"), [({}, "0"), ({"cum_qty": 0.25, "cum_cost": 9375.0}, "0.25")]
)
def test_an_order_of_which_no_execution_is_told_has_none(
    adapter: KrakenAdapter, told: dict[str, float], filled: str
) -> None:
    event = account(adapter, {**WHOLE, **told})
    assert isinstance(event, OrderEvent)
    assert event.order.filled == Decimal(filled)
    assert event.order.phase is OrderPhase.OPEN
