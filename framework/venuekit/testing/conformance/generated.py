"""Orders made by chance from one seed: each keeps its instrument's rules, at and off the bounds."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from venuekit.model import (
    Instrument,
    InstrumentStatus,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    limit_buy,
    on_grid,
)
from venuekit.orders.rules import violations
from venuekit.testing.conformance.tour import Tour

_TRIES: Final = 40


def generated_orders(tour: Tour, count: int) -> Iterator[tuple[OrderRequest, Instrument]]:
    """Give `count` valid orders over the whole listing; fewer where the rules leave no room."""
    rng = random.Random(20_260_101)  # noqa: S311  # the same orders in each run
    listed = [
        instrument
        for instrument in tour.bench.adapter.instruments.values()
        if instrument.status is InstrumentStatus.TRADING
    ]
    rule = tour.bench.manifest.client_order_id
    made = tries = 0
    while made < count and tries < count * _TRIES and listed:
        tries += 1
        instrument = listed[made % len(listed)]
        request = _one(rng, tour, instrument)
        if violations(request, instrument, id_rule=rule):
            continue
        made += 1
        yield request, instrument


def _one(rng: random.Random, tour: Tour, instrument: Instrument) -> OrderRequest:
    tick, step = instrument.price.step, instrument.quantity.step
    digits = rng.choice((0, 0, 1, 2, 3, 5, 7))
    price = on_grid(Decimal(rng.randint(1, 99_999)) * tick * 10**digits, tick, rounding="down")
    price = max(price, instrument.price.minimum, tick)
    least = max(instrument.quantity.minimum, step)
    by_value = on_grid(instrument.notional.minimum / price, step, rounding="ceiling")
    start = rng.choice((least, max(least, by_value), max(least, by_value) + step))
    quantity = start + step * rng.choice((0, 1, rng.randint(0, 10**6)))
    quantity = on_grid(quantity, step, rounding="ceiling")
    made = limit_buy(
        instrument.symbol,
        quantity,
        price,
        time_in_force=rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
        client_order_id=tour.ids.make(),
    )
    side = rng.choice((Side.BUY, Side.SELL))
    types = instrument.order_types
    kind = OrderType.LIMIT
    if OrderType.MARKET.value in types and rng.random() < 0.15:
        return OrderRequest(
            symbol=instrument.symbol,
            side=side,
            type=OrderType.MARKET,
            quantity=quantity,
            client_order_id=made.client_order_id,
        )
    return OrderRequest(
        symbol=instrument.symbol,
        side=side,
        type=kind,
        quantity=quantity,
        price=price,
        time_in_force=made.time_in_force,
        client_order_id=made.client_order_id,
    )
