"""Exchanges that say little: taken cancels, changes in part, empty answers, safe repeats."""

from collections.abc import Generator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import (
    ExchangeOrderId,
    Order,
    OrderChange,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    limit_buy,
)
from venuekit.plugin import Call, Dedupe
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

P = OrderPhase
REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


@pytest.mark.parametrize("stream", [True, False])
def test_a_cancel_that_is_only_said_to_be_taken_ends_with_the_orders_own_end(
    world: "Lab", stream: bool
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.terse, stream=stream) as w:
            order = await w.desk.place(REQUEST)
            assert (await w.desk.cancel(order.ref)).phase is P.CANCELED
            assert w.caller.ran.count("cancel") == 1

    run_virtually(story())


def test_an_amendment_that_is_only_said_to_be_taken_ends_with_the_order_as_it_is(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.terse, stream=False) as w:
            order = await w.desk.place(REQUEST)
            after = await w.desk.amend(order.ref, quantity=Decimal("0.05"))
            assert after.quantity == Decimal("0.05")

    run_virtually(story())


def test_an_empty_answer_is_a_clean_not_found(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.terse, stream=False) as w:
            w.caller.fault("place", "lost_before")
            with pytest.raises(Exception, match="knows no such order"):
                await w.desk.place(REQUEST)
            w.caller.fault("cancel", "not_found")
            with pytest.raises(OrderNotFound):
                await w.desk.cancel(
                    OrderRef(symbol=world.symbol, exchange_order_id=ExchangeOrderId("77"))
                )

    run_virtually(story())


def test_a_change_in_part_is_joined_to_what_is_known(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            assert order.exchange_order_id is not None
            w.desk.on_order_event(
                OrderChange(
                    exchange_order_id=order.exchange_order_id,
                    phase=P.CANCELED,
                    filled=Decimal("0.04"),
                    reason="User requested",
                    updated_ns=2**62,
                )
            )
            after = w.kept(order)
            assert (after.phase, after.filled) == (P.CANCELED, Decimal("0.04"))
            assert (after.price, after.quantity) == (order.price, order.quantity)
            assert after.reason == "User requested"

    run_virtually(story())


def test_a_change_of_an_order_that_is_not_known_yet_waits_for_it(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            number = ExchangeOrderId("1")
            w.desk.on_order_event(
                OrderChange(exchange_order_id=number, phase=P.CANCELED, updated_ns=2**62)
            )
            assert w.desk.orders(open_only=False) == []
            order = await w.desk.place(REQUEST)
            assert order.exchange_order_id == number
            assert w.kept(order).phase is P.CANCELED

    run_virtually(story())


def test_where_repeats_are_refused_for_ever_an_order_that_does_not_show_is_sent_again(
    world: "Lab",
) -> None:
    async def story() -> None:
        rule = attrs.evolve(world.manifest.client_order_id, dedupe=Dedupe.FOREVER)
        manifest = attrs.evolve(world.manifest, client_order_id=rule)
        async with world(stream=False, manifest=manifest) as w:
            w.caller.fault("place", "lost_before")
            order = await w.desk.place(REQUEST)

            assert order.phase is P.OPEN
            assert w.caller.ran.count("place") == 2
            assert [o.client_order_id for o in w.venue.open()] == [order.client_order_id]

    run_virtually(story())


def test_everywhere_else_nothing_is_sent_twice(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_before")
            with pytest.raises(Exception, match="knows no such order"):
                await w.desk.place(REQUEST)
            assert w.caller.ran.count("place") == 1

    run_virtually(story())


def test_what_a_command_cannot_express_is_refused_and_nothing_is_sent(world: "Lab") -> None:
    class Picky(world.terse):  # type: ignore[name-defined,misc]  # a fixture's class
        def amend(self, *_: object, **__: object) -> Generator[Call[Any], Any, Order]:
            yield from ()
            raise ValueError("sized in quote")

    async def story() -> None:
        async with world(adapter_class=Picky) as w:
            order = await w.desk.place(REQUEST)
            with pytest.raises(OrderRefused, match="sized in quote"):
                await w.desk.amend(order.ref, quantity=Decimal("0.05"))
            assert w.desk.pending(order.ref) == frozenset()

    run_virtually(story())
