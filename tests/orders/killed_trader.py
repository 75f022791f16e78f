"""A program that trades until it is killed: `killed_trader.py DATABASE VENUE POINT DURABILITY`.

The venue is a file: an order has been placed once its name stands there.
"""

import asyncio
import os
import random
import signal
import string
import sys
from typing import Any

from venuekit.model import (
    ExchangeOrderId,
    Failure,
    Grid,
    Instrument,
    Instruments,
    InstrumentStatus,
    Order,
    OrderPhase,
    OrderRequest,
    Symbol,
    limit_buy,
)
from venuekit.orders import ClientOrderIds, OrderDesk
from venuekit.plugin import (
    INTERFACE,
    Answer,
    Call,
    CallKind,
    ClientOrderIdRule,
    Dedupe,
    Manifest,
    Place,
    Request,
    Timing,
)
from venuekit.retry import Attempt
from venuekit.stores import open_journal
from venuekit.stores.records import order_from_request

DATABASE, VENUE, POINT, DURABILITY = sys.argv[1:]
ORDERS_BEFORE = 3
placed = 0


def reached(point: str) -> None:
    """Die here, if this is where and when to die."""
    if point == POINT and placed >= ORDERS_BEFORE:
        os.kill(os.getpid(), signal.SIGKILL)


class Clock:
    def now_ns(self) -> int:
        return 1_767_225_600_000_000_000


class Adapter(Place):
    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        return None

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        def effect(_: Answer) -> Order:
            assert request.client_order_id is not None
            line = f"{request.client_order_id}\n".encode()
            venue = os.open(VENUE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(venue, line)
            os.close(venue)
            order = order_from_request(request, request.client_order_id, 1)
            import attrs

            return attrs.evolve(
                order,
                phase=OrderPhase.OPEN,
                exchange_order_id=ExchangeOrderId(request.client_order_id),
                updated_ns=1,
            )

        return Call(
            what="place",
            kind=CallKind.PLACE,
            request=Request(method="POST", host="rest", path="/"),
            read=effect,
        )


class Caller:
    async def run(self, steps: Any, *, on_attempt: Any = None, **_: object) -> Any:
        reached("after intent")
        on_attempt(Attempt(number=1, sent_at_ns=1, expires_at_ns=2))
        reached("after attempt")
        await asyncio.sleep(0)
        result = steps.read(Answer(status=200))
        reached("after effect")
        await asyncio.sleep(0)
        return result


async def main() -> None:
    global placed  # noqa: PLW0603  # a script's own count
    rule = ClientOrderIdRule(
        pattern=r"[a-zA-Z0-9]{1,36}",
        alphabet=string.ascii_letters + string.digits,
        max_length=36,
        dedupe=Dedupe.OPEN_ONLY,
    )
    manifest = Manifest(
        id="venue",
        title="Venue",
        adapter=Adapter,
        interface=INTERFACE,
        environments={},
        credentials=(),
        budgets=(),
        client_order_id=rule,
        timing=Timing(request_validity_s=2, engine_timeout_s=10, visibility_lag_s=5),
    )
    adapter = Adapter("sim")
    adapter.instruments = Instruments(
        [
            Instrument(
                symbol=Symbol("BTC/USDT"),
                native="BTCUSDT",
                base="BTC",
                quote="USDT",
                status=InstrumentStatus.TRADING,
                price=Grid(),
                quantity=Grid(),
            )
        ]
    )
    journal = await open_journal(f"sqlite:{DATABASE}", durability=DURABILITY)
    rng = random.SystemRandom()
    mark = await journal.installation_mark(rng)
    async with OrderDesk(
        exchange="venue",
        account="main",
        environment="sim",
        adapter=adapter,
        caller=Caller(),
        journal=journal,
        clock=Clock(),
        manifest=manifest,
        ids=ClientOrderIds(rule, mark=mark, rng=rng),
        rng=rng,
    ) as desk:
        await desk.start()
        print("trading", flush=True)
        while True:
            reached("before intent")
            await desk.place(limit_buy("BTC/USDT", "0.1", "30000"))
            placed += 1
            reached("after outcome")


asyncio.run(main())
