"""How the demo tells what happens, and how it waits for what it wants to have seen."""

import asyncio
import json
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Final, TypeVar

import attrs
from rich.console import Console

from venuekit.model import (
    Balance,
    BalancesEvent,
    Fill,
    Order,
    OrderChange,
    OrderEvent,
    OrderPhase,
    StreamEvent,
    StreamReport,
    plain,
)
from venuekit.orders.happenings import OrderEvents
from venuekit.stores import JournalEvent

PATIENCE_S: Final = 25.0
_NARROWEST: Final = 40
_WIDEST: Final = 100

T = TypeVar("T")


class StepFailed(Exception):
    """Something that the demo claims did not happen."""


def expect(holds: bool, claim: str) -> None:  # noqa: FBT001  # reads as a sentence at its calls
    """End the demo unless `claim` holds."""
    if not holds:
        raise StepFailed(claim)


def short(amount: Decimal) -> str:
    """Write an amount for people, without the zeros that a wire carries at its end."""
    return plain(amount.normalize())


@attrs.define
class Teller:
    """Tells what happens: lines for people, or one JSON object a line for programs."""

    as_json: bool
    console: Console
    exchange: str = ""
    """Named in each JSON object."""
    started: float = attrs.field(factory=time.perf_counter)
    number: int = 0

    def begin(self, exchange: str, *, with_heading: bool) -> None:
        """Begin with an exchange; the steps are counted from one again."""
        self.exchange, self.number, self.started = exchange, 0, time.perf_counter()
        if with_heading and not self.as_json:
            self.console.print(f"\n[bold]== {exchange}[/]", highlight=False)

    @property
    def took_s(self) -> float:
        """How long ago the exchange was begun with, in seconds."""
        return time.perf_counter() - self.started

    def step(self, title: str) -> None:
        """Begin a step."""
        self.number += 1
        if self.as_json:
            self._write({"event": "step", "number": self.number, "title": title})
        else:
            self.console.print(f"\n[bold]{self.number:>2}  {title}[/]")

    def say(self, event: str, text: str, /, **data: object) -> None:
        """Report one thing: `text` to people, `event` with `data` to programs."""
        if self.as_json:
            self._write({"event": event, "step": self.number, **data})
            return
        width = max(_NARROWEST, min(self.console.width, _WIDEST)) - 4
        for part in textwrap.wrap(text, width):
            # No markup: what went wrong may quote anything.
            self.console.print(f"    {part}", highlight=False, markup=False)

    def _write(self, record: dict[str, object]) -> None:
        record["exchange"] = record.get("exchange") or self.exchange
        record["at_s"] = round(self.took_s, 3)
        sys.stdout.write(json.dumps(record, default=str) + "\n")
        sys.stdout.flush()


@attrs.frozen(kw_only=True)
class Told:
    """What the account stream told of an order: all of it, or only what changed."""

    client_order_id: str | None
    exchange_order_id: str | None
    phase: OrderPhase | None
    filled: Decimal | None
    fill: Fill | None

    @classmethod
    def of(cls, event: OrderEvent | OrderChange) -> "Told":
        """Take what both kinds of events say."""
        said = event.order if isinstance(event, OrderEvent) else event
        return cls(
            client_order_id=said.client_order_id,
            exchange_order_id=said.exchange_order_id,
            phase=said.phase,
            filled=said.filled,
            fill=event.fill,
        )

    def is_of(self, order: Order) -> bool:
        """Say whether it is about `order`: an exchange may name it in either way."""
        if self.client_order_id is not None:
            return self.client_order_id == order.client_order_id
        return self.exchange_order_id == order.exchange_order_id


class Watch:
    """Collects what account stream and journal say, for steps that wait for it to be seen."""

    def __init__(self, *, has_stream: bool = True) -> None:
        """Begin with nothing seen.

        Args:
            has_stream: The exchange streams what happens to orders; else venuekit asks, and the
                journal tells.
        """
        self.has_stream = has_stream
        self.where = "on the account stream" if has_stream else "by asking every ten seconds"
        self.told: list[Told] = []
        self.journal: list[JournalEvent] = []
        self.balances: dict[str, Balance] = {}
        self.balance_events = 0
        self._news = asyncio.Event()

    async def follow_stream(self, events: AsyncIterator[StreamEvent | StreamReport]) -> None:
        """Read the account stream until it ends."""
        async for event in events:
            if isinstance(event, (OrderEvent, OrderChange)):
                self.told.append(Told.of(event))
            elif isinstance(event, BalancesEvent):
                self.balance_events += 1
                self.balances |= {balance.asset: balance for balance in event.balances}
            self._news.set()

    async def follow_journal(self, events: OrderEvents) -> None:
        """Read the journal's events until they end."""
        async for event in events:
            self.journal.append(event)
            if not self.has_stream:
                self.told.append(Told.of(OrderEvent(order=event.order, fill=event.fill)))
            self._news.set()

    def fills_of(self, order: Order) -> list[Fill]:
        """Give the trades of `order` that the journal has told of."""
        told = (e for e in self.journal if e.order.client_order_id == order.client_order_id)
        return [event.fill for event in told if event.fill is not None]

    async def until(self, look: Callable[[], T | None], claim: str) -> T:
        """Wait until `look` finds something and give it; StepFailed after PATIENCE_S."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._news.clear()
                    found = look()
                    if found is not None:
                        return found
                    await self._news.wait()
        except TimeoutError:
            raise StepFailed(claim) from None

    async def until_told(self, order: Order, fits: Callable[[Told], bool], claim: str) -> Told:
        """Wait until the account stream has told something of `order` that fits."""
        return await self.until(
            lambda: next((t for t in self.told if t.is_of(order) and fits(t)), None), claim
        )
