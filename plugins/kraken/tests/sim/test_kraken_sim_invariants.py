"""Whatever is asked for: nothing breaks, no money is made, and every view tells the same story."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit_kraken.sim.limits import LimitSettings

_ENDED = {"closed": "filled", "canceled": "canceled", "expired": "expired"}


class Gambler:
    """Somebody who does anything that the exchange offers, sensible or not."""

    def __init__(self, world: Any, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.txids = ["OAAAAA-BBBBB-CCCCCC"]
        self.line = world.private_line("executions")
        self.outcomes: dict[str, int] = {}

    def act(self) -> None:
        action = self.rng.choice(
            [self.order, self.order, self.order, self.amend, self.edit, self.cancel, self.batch,
             self.over_a_socket, self.cancel_all]
        )  # fmt: skip
        outcome = action()
        key = outcome if isinstance(outcome, str) else action.__name__
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def _price(self, spread: int = 40) -> str:
        return str(64000 + self.rng.randint(-spread, spread) / 10)

    def _fields(self) -> dict[str, str]:
        rng = self.rng
        kind = rng.choice(
            ["limit", "limit", "market", "iceberg", "stop-loss", "take-profit", "stop-loss-limit",
             "take-profit-limit", "trailing-stop", "trailing-stop-limit"]
        )  # fmt: skip
        fields = {
            "type": rng.choice(["buy", "sell"]),
            "ordertype": kind,
            "volume": str(rng.randint(1, 60) / 100),
            "stptype": rng.choice(["cancel-newest", "cancel-oldest", "cancel-both"]),
        }
        if kind != "market":
            fields["price"] = self._price()
        if kind.startswith("trailing"):
            fields["price"] = rng.choice(["+0.01%", "+2", "+10"])
        if kind.endswith("-limit"):
            fields["price2"] = rng.choice(["+1", "-1"])
        if kind == "iceberg":
            fields["displayvol"] = str(Decimal(fields["volume"]) / 4)
        if kind in {"limit", "market"}:
            fields["timeinforce"] = rng.choice(["GTC", "GTC", "IOC", "FOK"])
        if kind == "limit" and rng.random() < 0.3:
            fields |= {"close[ordertype]": "limit", "close[price]": self._price(200)}
        if rng.random() < 0.3:
            fields["oflags"] = rng.choice(["post", "viqc", "fcib"])
        if rng.random() < 0.2:
            fields["cl_ord_id"] = f"name{rng.randint(1, 5)}"
        if rng.random() < 0.1:
            fields["starttm"] = f"+{rng.randint(1, 5)}"
        if rng.random() < 0.1:
            fields |= {"timeinforce": "GTD", "expiretm": f"+{rng.randint(5, 9)}"}
        return fields

    def order(self) -> Any:
        answer = self.world.private("AddOrder", pair="XBTUSD", **self._fields())
        if isinstance(answer, dict):
            self.txids += answer["txid"]
        return answer

    def batch(self) -> Any:
        legs = [self._fields() for _ in range(self.rng.randint(2, 4))]
        answer = self.world.private("AddOrderBatch", pair="XBTUSD", orders=legs)
        if isinstance(answer, dict):
            self.txids += [leg["txid"] for leg in answer["orders"] if "txid" in leg]
        return answer

    def _some(self) -> str:
        standing = list(self.world.dialect.venue.owners["first"].open)
        if standing and self.rng.random() < 0.9:
            return str(self.rng.choice(standing))
        return str(self.rng.choice(self.txids[-12:]))

    def amend(self) -> Any:
        rng = self.rng
        change: dict[str, str] = {}
        if rng.random() < 0.6:
            change["order_qty"] = str(rng.randint(1, 60) / 100)
        if rng.random() < 0.5:
            change["limit_price"] = self._price(200)
        if rng.random() < 0.15:
            change["trigger_price"] = self._price()
        if rng.random() < 0.2:
            change["post_only"] = "true"
        return self.world.private("AmendOrder", txid=self._some(), **change)

    def edit(self) -> Any:
        change = {"price": self._price(), "volume": str(self.rng.randint(1, 60) / 100)}
        answer = self.world.private("EditOrder", txid=self._some(), pair="XBTUSD", **change)
        if isinstance(answer, dict):
            self.txids.append(answer["txid"])
        return answer

    def cancel(self) -> Any:
        return self.world.private("CancelOrder", txid=self._some())

    def cancel_all(self) -> Any:
        return self.world.private("CancelAll") if self.rng.random() < 0.1 else "spared"

    def over_a_socket(self) -> Any:
        answer = self.line.ask(
            "add_order",
            order_type="limit",
            side=self.rng.choice(["buy", "sell"]),
            order_qty=self.rng.randint(1, 60) / 100,
            limit_price=float(self._price()),
            symbol="BTC/USD",
        )
        if answer["success"]:
            self.txids.append(answer["result"]["order_id"])
        return answer.get("error", answer)


def check(world: Any, gambler: Gambler) -> None:
    venue = world.dialect.venue
    engine, owner = venue.engine, venue.owners["first"]
    totals = {asset: venue.total("first", asset) for asset in engine.balances("first")}
    assert totals == owner.totals
    sums: dict[str, Decimal] = {}
    for name in engine.accounts():
        for asset, each in engine.balances(name).items():
            sums[asset] = sums.get(asset, Decimal(0)) + each.free + each.locked
            assert name != "first" or each.locked >= 0
    assert (sums["BTC"], sums["USD"]) == (Decimal(10), Decimal(1_000_000))
    standing = {order.order_id for order in engine.open_orders("first")}
    assert standing == {
        ticket.engine_id for ticket in owner.open.values() if ticket.status == "open"
    }
    for ticket in owner.tickets.values():
        trades = [owner.trades[trade_id] for trade_id in ticket.trades]
        assert ticket.executed == sum(trade.volume for trade in trades)
        assert ticket.fee == sum(trade.fee for trade in trades)
        assert ticket.executed <= ticket.volume
        assert (ticket.status == "closed") == (
            ticket.executed == ticket.volume and not ticket.is_open
        )
        assert ticket.is_open is (ticket.id in owner.open)
    _check_stream(owner, gambler)


def _check_stream(owner: Any, gambler: Gambler) -> None:
    """Check what a listener made of the events against the orders themselves."""
    listener = gambler.line
    seen = listener.__dict__.setdefault("seen", {})
    filled = listener.__dict__.setdefault("filled", {})
    listener.__dict__.setdefault("sequence", 1)
    for message in listener.on("executions"):
        assert message["sequence"] == listener.sequence + 1
        listener.sequence += 1
        for event in message["data"]:
            txid = event["order_id"]
            assert seen.get(txid) not in _ENDED.values()
            seen[txid] = event["order_status"]
            filled[txid] = filled.get(txid, Decimal(0)) + event.get("last_qty", Decimal(0))
    for ticket in owner.tickets.values():
        assert filled[ticket.id] == ticket.executed
        if not ticket.is_open:
            assert seen[ticket.id] == _ENDED[ticket.status]


@pytest.mark.parametrize("seed", range(4))
def test_a_gambler_breaks_nothing(make_world: Callable[..., Any], seed: int) -> None:
    world = make_world(is_quiet=False, seed=seed, limits=LimitSettings.off())
    gambler = Gambler(world, random.Random(seed))
    for _ in range(120):
        gambler.act()
        if gambler.rng.random() < 0.5:
            world.wait(0.5)
        check(world, gambler)
    assert len(world.dialect.venue.owners["first"].trades) > 20
    assert {"order", "amend", "edit", "cancel", "over_a_socket"} <= set(gambler.outcomes)
