"""Whatever is done, money is neither made nor lost, and what is on hold belongs to orders."""

import random
from decimal import Decimal
from typing import Any

import pytest

from venuekit_coinbase.sim.settings import UNLIMITED

ALL_STATUSES = {
    "PENDING", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED", "FILLED", "CANCELLED", "EXPIRED", "FAILED",
}  # fmt: skip


def totals(world: Any) -> dict[str, Decimal]:
    """Sum up what everybody has, with what is held for orders outside of the engine."""
    engine, sums = world.dialect.engine, dict[str, Decimal]()
    for account in engine.accounts():
        for asset, balance in engine.balances(account).items():
            sums[asset] = sums.get(asset, Decimal(0)) + balance.free + balance.locked
    for record in world.dialect.venue.desk.records.values():
        asset = record.draft.pays_with
        sums[asset] = sums.get(asset, Decimal(0)) + record.escrow
    sums["USD"] += sums.pop("USDC")
    return {asset: amount for asset, amount in sums.items() if amount}


def check_holds(world: Any, user: Any) -> None:
    rows = world.get("/accounts", user, limit=250)["accounts"]
    held = {row["currency"]: Decimal(row["hold"]["value"]) for row in rows}
    assert all(Decimal(row["available_balance"]["value"]) >= 0 for row in rows)
    wanted: dict[str, Decimal] = {}
    for order in world.get("/orders/historical/batch", user)["orders"]:
        assert order["status"] in ALL_STATUSES
        base, quote = order["product_id"].split("-")
        asset = quote if order["side"] == "BUY" else base
        amount = Decimal(order["outstanding_hold_amount"])
        wanted[asset] = wanted.get(asset, Decimal(0)) + amount
    for asset, amount in held.items():
        assert amount == wanted.get(asset, 0), asset


def act(world: Any, rng: random.Random, user: Any) -> None:
    product = rng.choice(["BTC-USD", "BTC-USDC", "BTC-USDC", "BTC-USD"])
    price = str(60_000 + rng.randint(-20, 20))
    size = str(Decimal(rng.randint(1, 200)) / 10_000)
    side = rng.choice(["BUY", "SELL"])
    orders = world.get("/orders/historical/batch", user, order_status="OPEN", limit=20)["orders"]
    match rng.randrange(9):
        case 0:
            kind = rng.choice(["sor_limit_ioc", "limit_limit_fok"])
            world.place(side, kind, product_id=product, user=user, base_size=size,
                        limit_price=price)  # fmt: skip
        case 1:
            fields = {"quote_size": "500"} if side == "BUY" else {"base_size": size}
            world.place(side, "market_market_ioc", product_id=product, user=user, **fields)
        case 2:
            world.place("BUY", "market_market_ioc", product_id=product, user=user, base_size=size)
        case 3 if orders:
            order = rng.choice(orders)
            edit = {"order_id": order["order_id"], "price": price, "size": size}
            world.post("/orders/edit", edit, user)
        case 4 if orders:
            world.cancel(rng.choice(orders)["order_id"], user=user)
        case 5:
            stop = int(price) - 3 if side == "BUY" else int(price) + 3
            direction = "UP" if side == "BUY" else "DOWN"
            world.place(
                side, "stop_limit_stop_limit_gtc", product_id=product, user=user,
                base_size=size, limit_price=price, stop_price=str(stop),
                stop_direction=f"STOP_DIRECTION_STOP_{direction}",
            )  # fmt: skip
        case 6:
            world.place(
                "SELL", "trigger_bracket_gtc", product_id=product, user=user, base_size=size,
                limit_price=str(int(price) + 10), stop_trigger_price=str(int(price) - 10),
            )  # fmt: skip
        case _:
            world.place(side, product_id=product, user=user, base_size=size, limit_price=price,
                        settles=rng.random() < 0.8)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_random_trading_keeps_the_books(make_world: Any, seed: int) -> None:
    world, rng = make_world(limits=UNLIMITED), random.Random(seed)
    poor = {"BTC": "0.05", "USD": "2000", "USDC": "2000"}
    users = [world.user, world.dialect.create_account("poor", poor)]
    world.place("BUY", base_size="0.001", limit_price="60000")
    world.place("SELL", base_size="0.001", limit_price="60000", user=users[1])
    before = totals(world)
    for _ in range(100):
        act(world, rng, rng.choice(users))
        world.wait(0.002, 0.001)
        assert totals(world) == before
        check_holds(world, rng.choice(users))
    statuses = {
        order["status"]
        for user in users
        for order in world.get("/orders/historical/batch", user)["orders"]
    }
    assert {"FILLED", "CANCELLED", "OPEN"} <= statuses
