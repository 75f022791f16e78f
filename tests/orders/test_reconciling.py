"""Journal and exchange compared: every kind of difference is named, repaired, and gone after."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from venuekit.limits import Lane
from venuekit.model import (
    Balance,
    ClientOrderId,
    OrderPhase,
    OutcomeUnknown,
    Unavailable,
    limit_buy,
)
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab, World
    from venuekit.orders import Reconciliation

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def kinds(report: "Reconciliation") -> list[str]:
    return [difference.kind.value for difference in report.differences]


async def repaired(w: "World", expected: list[str]) -> "Reconciliation":
    """Reconcile twice: the first finds `expected`, the second nothing."""
    report = await w.desk.reconcile()
    assert kinds(report) == expected, [str(d) for d in report.differences]
    assert report.is_repaired
    again = await w.desk.reconcile()
    assert again.is_clean, [str(d) for d in again.differences]
    return report


def test_nothing_differs_after_ordinary_trading(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            first = await w.desk.place(REQUEST)
            second = await w.desk.place(REQUEST)
            w.venue.trade(first, "0.04")
            w.venue.trade(first, "0.01")
            await w.desk.cancel(second.ref)
            report = await w.desk.reconcile()

            assert report.is_clean
            assert (report.orders, report.fills) == (1, 2)
            (total,) = report.sums
            assert total.filled == total.traded == Decimal("0.05")

    run_virtually(story())


def test_what_happened_while_nobody_listened_is_found(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            report = await repaired(w, ["status", "quantity", "fill_missing"])

            assert w.kept(order).phase is OrderPhase.FILLED
            assert report.sums[0].agrees
            assert len(await w.journal.fills(w.scope)) == 1

    run_virtually(story())


def test_a_partial_fill_that_was_missed_is_booked(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.03")
            await repaired(w, ["status", "quantity", "fill_missing"])

            after = w.kept(order)
            assert (after.phase, after.filled) == (OrderPhase.PARTIALLY_FILLED, Decimal("0.03"))

    run_virtually(story())


def test_a_late_fill_that_only_the_trades_show_is_booked(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            await w.desk.cancel(order.ref)
            w.venue.trade(w.venue.told("1"), "0.02", is_told=False)
            await repaired(w, ["fill_missing"])

            after = w.kept(order)
            assert (after.phase, after.filled) == (OrderPhase.CANCELED, Decimal("0.02"))

    run_virtually(story())


def test_a_cancel_by_others_is_a_difference_in_status(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.cancel(order.ref)
            await repaired(w, ["status"])

            assert w.kept(order).phase is OrderPhase.CANCELED

    run_virtually(story())


def test_quantity_and_price_are_taken_from_the_exchange(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.orders["1"] = attrs.evolve(
                w.venue.orders["1"],
                quantity=Decimal("0.08"),
                price=Decimal(29999),
                updated_ns=w.venue.time.now_ns() + 1,
            )
            await repaired(w, ["quantity", "price"])

            after = w.kept(order)
            assert (after.quantity, after.price) == (Decimal("0.08"), Decimal(29999))

    run_virtually(story())


def test_an_order_of_somebody_else_is_told_and_kept_apart(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            theirs = w.venue.place(limit_buy("BTC/USDT", "1", "20000", client_order_id="web_1"))
            report = await repaired(w, ["foreign"])

            assert report.differences[0].ref == theirs.ref
            # The same words for their next order are another order.
            w.venue.cancel(theirs.ref)
            w.venue.place(limit_buy("BTC/USDT", "2", "20000", client_order_id="web_1"))
            await repaired(w, ["foreign", "status"])
            assert w.desk.divergences() == []

    run_virtually(story())


def test_an_order_of_ours_without_an_intent_is_adopted(world: "Lab", tmp_path: Path) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            mark = (await w.desk.place(REQUEST)).client_order_id or ""
            lost = ClientOrderId(mark[:5] + "x" * (len(mark) - 5))
            w.venue.place(limit_buy("BTC/USDT", "1", "20000", client_order_id=lost))
            report = await repaired(w, ["missing_here"])

            assert report.differences[0].is_repaired
            adopted = await w.journal.order(w.scope, report.differences[0].ref or w.changes[0].ref)
            assert adopted is not None
            assert adopted.client_order_id == lost

    run_virtually(story())


def test_an_open_order_that_the_exchange_denies_is_told_and_not_ended(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            del w.venue.orders["1"]
            report = await w.desk.reconcile()

            assert kinds(report) == ["missing_there"]
            assert not report.is_repaired
            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_fills_while_the_program_was_down_are_fetched_at_the_next_start(
    world: "Lab", tmp_path: Path
) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.02")
            venue = w.venue
        venue.trade(order, "0.03")
        venue.trade(order, "0.05")
        async with world(venue, url=url) as again:
            kept = await again.journal.order(again.scope, order.ref)
            assert kept is not None
            assert (kept.phase, kept.filled) == (OrderPhase.FILLED, Decimal("0.10"))
            assert [str(fill.quantity) for fill in kept.fills] == ["0.02", "0.03", "0.05"]
            assert (await again.desk.reconcile()).is_clean

    run_virtually(story())


def test_a_trade_whose_record_died_with_the_process_is_found_at_the_next_start(
    world: "Lab", tmp_path: Path
) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url) as w:
            order = await w.desk.place(REQUEST)
            await w.desk.cancel(order.ref)
            await asyncio.sleep(1)
            await w.desk.reconcile()
            venue = w.venue
            # A late fill of an order that had ended, on an instrument that is quiet since.
            venue.trade(venue.told("1"), "0.02", is_told=False)
        async with world(venue, url=url) as again:
            (fill,) = await again.journal.fills(again.scope)
            assert fill.quantity == Decimal("0.02")

    run_virtually(story())


def test_restarts_replay_nothing(world: "Lab", tmp_path: Path) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.02")
            venue = w.venue
        for _ in range(3):
            async with world(venue, url=url) as again:
                assert again.changes == []
                assert (await again.desk.reconcile()).is_clean
                assert again.kept(order).filled == Decimal("0.02")

    run_virtually(story())


def test_a_trade_that_shows_late_is_found_by_the_overlap(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            await w.desk.place(REQUEST)  # somebody trades this instrument
            await asyncio.sleep(100)
            theirs = w.venue.place(attrs.evolve(REQUEST, client_order_id=None))
            fill = w.venue.trade(theirs, "0.1")
            w.venue.fills.remove(fill)
            await asyncio.sleep(30)
            await w.desk.reconcile()
            assert await w.journal.fills(w.scope) == [fill]  # told by the stream

            unheard = attrs.evolve(fill, trade_id="99")
            w.venue.fills += [fill, unheard]
            report = await w.desk.reconcile()
            assert kinds(report)[:1] == ["fill_missing"]
            assert unheard in await w.journal.fills(w.scope)

    run_virtually(story())


def test_an_old_list_does_not_overwrite_a_newer_event(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            stale = list(w.venue.open())
            w.venue.trade(order, "0.1")
            w.venue.open = lambda: stale  # type: ignore[method-assign]  # a list from before
            report = await w.desk.reconcile()

            assert w.kept(order).phase is OrderPhase.FILLED
            assert report.is_clean

    run_virtually(story())


def test_an_order_that_the_exchange_denies_again_and_again_is_lost_and_watched(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            hidden = w.venue.orders.pop(str(order.exchange_order_id))
            for _ in range(2):
                assert kinds(await w.desk.reconcile()) == ["missing_there"]
                assert w.kept(order).phase is OrderPhase.OPEN
                await w.desk.reconcile()  # at once: the same answer, and no further evidence
                await asyncio.sleep(6)
            await w.desk.reconcile()
            assert w.kept(order).phase is OrderPhase.LOST
            assert [d.kind.value for d in w.desk.divergences()] == ["lost"]
            assert w.kept(order).is_open
            assert (await w.desk.reconcile()).differences == ()

            w.venue.orders[str(order.exchange_order_id)] = hidden
            await repaired(w, ["status"])
            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_one_answer_that_has_the_order_makes_up_for_those_that_had_not(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            for _ in range(5):
                hidden = w.venue.orders.pop(str(order.exchange_order_id))
                await w.desk.reconcile()
                w.venue.orders[str(order.exchange_order_id)] = hidden
                await w.desk.reconcile()
                await asyncio.sleep(6)
            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_a_trade_that_the_exchange_does_not_tell_is_inferred_once_and_replaced_by_the_real_one(
    world: "Lab", tmp_path: Path
) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url, stream=False) as w:
            order = await w.desk.place(REQUEST)
            real = w.venue.trade(order, "0.04")
            w.venue.fills.clear()  # the totals tell of it, the list of trades does not yet
            await repaired(w, ["status", "quantity", "quantity"])
            (inferred,) = w.kept(order).fills
            assert inferred.is_inferred
            assert (inferred.quantity, inferred.price) == (real.quantity, real.price)
            venue = w.venue
        async with world(venue, url=url, stream=False) as again:
            assert again.kept(order).fills == (inferred,)
            assert (await again.desk.reconcile()).is_clean

            venue.fills.append(real)
            await repaired(again, ["fill_missing"])
            assert [f.trade_id for f in again.kept(order).fills] == [real.trade_id]
            assert [f.trade_id for f in await again.journal.fills(again.scope)] == [real.trade_id]
            assert again.kept(order).filled == Decimal("0.04")

    run_virtually(story())


def test_two_orders_under_one_id_are_told_and_nothing_is_overwritten(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.orders.pop(str(order.exchange_order_id))
            w.venue.place(attrs.evolve(REQUEST, client_order_id=order.client_order_id))
            report = await w.desk.reconcile()

            assert "identity" in kinds(report)
            assert not report.is_repaired
            assert w.kept(order).exchange_order_id == order.exchange_order_id

    run_virtually(story())


def test_the_exchange_is_asked_again_and_again_behind_everything_else(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.desk.keep_reconciled(lambda: 60.0)
            w.desk.keep_reconciled(lambda: 60.0)  # once is enough
            w.venue.trade(order, "0.1")
            w.caller.fault("fetch open", "unavailable")  # one that fails ends nothing
            w.caller.lanes.clear()
            await asyncio.sleep(140)

            assert w.kept(order).phase is OrderPhase.FILLED
            assert w.caller.ran.count("fetch open") in {2, 3}
            assert {lane for _, lane in w.caller.lanes} == {Lane.MARKET_DATA}
            assert w.desk.last_reconciliation is not None

    run_virtually(story())


def test_balances_of_the_stream_are_compared(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.balances["BTC"] = Balance(asset="BTC", free=Decimal("1.0"), locked=Decimal(0))
            w.balances["XRP"] = Balance(asset="XRP", free=Decimal(0), locked=Decimal(0))
            w.venue.balances["BTC"] = Balance(asset="BTC", free=Decimal(1), locked=Decimal(0))
            assert (await w.desk.reconcile()).is_clean

            w.venue.balances["BTC"] = Balance(asset="BTC", free=Decimal(2), locked=Decimal(0))
            report = await w.desk.reconcile()
            assert kinds(report) == ["balance"]
            assert report.balances == 2
            assert str(report.differences[0]) == (
                "balance: BTC: here 1.0 free, 0 locked, there 2 free, 0 locked; not repaired"
            )

    run_virtually(story())


def test_a_balance_that_the_stream_has_lost_is_taken_over(world: "Lab") -> None:
    async def story() -> None:
        kept: dict[str, Balance] = {}
        old, new = (Balance(asset="BTC", free=Decimal(n), locked=Decimal(0)) for n in (1, 2))

        def keep(balance: Balance) -> None:
            kept[balance.asset] = balance

        async with world(keep_balance=keep, balances=lambda: dict(kept)) as w:
            kept["BTC"], w.venue.balances["BTC"] = old, new
            await repaired(w, ["balance"])
            assert kept["BTC"] == new
            del w.venue.balances["BTC"]
            await repaired(w, ["balance"])
            assert kept["BTC"].total == 0

    run_virtually(story())


def test_a_balance_that_the_stream_has_just_told_is_not_overwritten(world: "Lab") -> None:
    async def story() -> None:
        kept: dict[str, Balance] = {}
        one, two, three = (
            Balance(asset="BTC", free=Decimal(n), locked=Decimal(0)) for n in (1, 2, 3)
        )

        def keep(balance: Balance) -> None:
            kept[balance.asset] = balance

        async with world(keep_balance=keep, balances=lambda: dict(kept)) as w:
            kept["BTC"], w.venue.balances["BTC"] = one, two  # an answer that lags behind

            def told() -> None:
                if w.caller.ran.count("fetch balances") == 2:
                    kept["BTC"] = three

            w.caller.before_answer = told
            await w.desk.reconcile()
            assert kept["BTC"] == three

    run_virtually(story())


def test_an_answer_that_is_older_than_the_streams_balance_is_no_difference(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            newer = Balance(asset="BTC", free=Decimal(3), locked=Decimal(0), updated_ns=9)
            w.balances["BTC"] = newer
            w.venue.balances["BTC"] = attrs.evolve(newer, free=Decimal(1), updated_ns=8)
            assert (await w.desk.reconcile()).is_clean
            w.venue.balances["BTC"] = attrs.evolve(newer, free=Decimal(1), updated_ns=9)
            assert kinds(await w.desk.reconcile()) == ["balance"]

    run_virtually(story())


@pytest.mark.parametrize("what", ["fetch open", "fetch fills"])
def test_an_exchange_that_cannot_be_asked_proves_nothing(world: "Lab", what: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            w.caller.fault(what, "unavailable")
            with pytest.raises(Unavailable):
                await w.desk.reconcile()

            report = await w.desk.reconcile()
            assert report.is_repaired
            assert w.kept(order).filled == Decimal("0.1")
            assert len(w.kept(order).fills) == 1

    run_virtually(story())


def test_a_comparison_that_failed_is_made_up_for_by_the_next(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            await w.desk.reconcile()
            await asyncio.sleep(1)
            await w.desk.cancel(order.ref)
            w.venue.trade(w.venue.told("1"), "0.02", is_told=False)
            w.caller.fault("fetch fills", "unavailable")
            with pytest.raises(Unavailable):
                await w.desk.reconcile()

            await repaired(w, ["fill_missing"])

    run_virtually(story())


def test_an_order_that_cannot_be_found_out_is_a_line_of_the_report(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_before")
            w.caller.always["fetch past"] = world.fault("unavailable")
            with pytest.raises(OutcomeUnknown):
                await w.desk.place(REQUEST, wait=False)
            report = await w.desk.reconcile()

            assert kinds(report) == ["status"]
            assert "not found out yet" in str(report.differences[0])

    run_virtually(story())
