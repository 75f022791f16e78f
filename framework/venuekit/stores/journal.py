"""The journal: what it promises, and the values that go in and come out."""

import enum
import json
import random
from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

from venuekit.model import (
    ClientOrderId,
    Fill,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    StoreError,
    Symbol,
)


@attrs.frozen
class Scope:
    """Whose orders: one account of one exchange, in one environment."""

    exchange: str
    account: str
    environment: str


@attrs.frozen(kw_only=True)
class Intent:
    """What the application asked for, written down before a byte leaves."""

    scope: Scope
    client_order_id: ClientOrderId
    request: OrderRequest
    """As it will be sent: with its client order id, on the grid."""
    intent_key: str | None = None
    """The application's own key; the same key is the same intent, for ever."""
    created_ns: int


@attrs.frozen(kw_only=True)
class OpenIntent:
    """An intent whose outcome the journal does not know."""

    intent: Intent
    attempt: int = 0
    """The last attempt that was written down. Zero proves nothing: after a loss of power the
    last records of attempts may be missing, so the request may have been sent all the same."""
    attempted_ns: int | None = None
    """When that attempt was made, by the exchange's clock."""


class Origin(enum.Enum):
    """How an order came into the journal."""

    INTENT = "intent"
    """Asked for here, before it was sent."""
    ADOPTED = "adopted"
    """Found on the exchange with the mark of this installation, its intent missing here."""
    FOREIGN = "foreign"
    """Somebody else's on the same account: another program, or a person."""


class RecordKind(enum.Enum):
    """What a line of an order's history tells."""

    INTENT = "intent"
    ATTEMPT = "attempt"
    ORDER = "order"
    FILL = "fill"
    COMMAND = "command"
    """A cancel or a change of an order that exists: sent, and what came of it."""
    NOTE = "note"


class CommandState(enum.Enum):
    """How far a command to an existing order has come."""

    SENT = "sent"
    """It may be on the wire."""
    DONE = "done"
    REFUSED = "refused"
    """It had no effect."""
    UNKNOWN = "unknown"
    """Its effect is not known; what the order is will tell."""


@attrs.frozen(kw_only=True)
class JournalEvent:
    """One change of an order, read from the transaction that made it.

    It is handed out at least once; whoever needs exactly once remembers the number.
    """

    number: int
    """Grows with every event of the journal; the same event has the same number for ever."""
    time_ns: int
    """When it was learned, by the exchange's clock."""
    order: Order
    """As it was known from then on, without its fills."""
    fill: Fill | None = None
    """The fill that came with it, if this event tells of one."""


@attrs.frozen(kw_only=True)
class HistoryEntry:
    """One line of an order's history."""

    number: int
    """Grows with every record of the journal; zero for the intent, which comes first."""
    time_ns: int
    kind: RecordKind
    body: str
    """What was recorded: JSON with amounts as text; for a note, a sentence."""
    raw: str = ""
    """The exchange's answer, redacted, where it was handed in."""

    @property
    def phase(self) -> OrderPhase | None:
        """The order's phase from this line on; None for lines that do not state one."""
        if self.kind is not RecordKind.ORDER:
            return None
        return OrderPhase(json.loads(self.body)["phase"])


@attrs.frozen(kw_only=True)
class Cursor:
    """Up to where an instrument's fills are known to be complete."""

    time_ns: int
    trade_id: str | None = None


def name_of(order: Order | OrderRef, origin: Origin = Origin.ADOPTED) -> str:
    """Give the name that an order has in the journal.

    It is the client order id. Orders of others go by the exchange's id: others may use one client
    order id again and again. `#` stands in no exchange's ids, so none is mistaken for the other.
    """
    if order.client_order_id is not None and origin is not Origin.FOREIGN:
        return order.client_order_id
    return f"#{order.symbol}/{order.exchange_order_id}"


class IntentExists(StoreError):
    """A client order id or an intent key that the journal already has; nothing was written."""


class Journal(Protocol):
    """Keeps every order, so that neither a crash nor a restart loses one.

    `record_intent` returns when the intent is as durable as the journal's durability says: only
    then may a byte leave. The other records are taken in order and need not be waited for: one
    that a loss of power takes away leaves an intent without outcome, which is looked up again.

    Any failing write raises `StoreError`, now or at the next record, and from then on the journal
    takes no more: after a failed commit nobody knows what is on the disk before it is opened
    again (measured: a commit reported as failed came back after a crash).
    """

    @property
    def failure(self) -> StoreError | None:
        """Why the journal takes no more records; None as long as it does."""
        ...

    async def record_intent(self, *intents: Intent) -> None:
        """Write intents down, all or none, durably.

        Raises:
            IntentExists: Its client order id or its key is taken; nothing was written.
            StoreError: It is not certain that they were written. Nothing may be sent.
        """
        ...

    def record_attempt(
        self, scope: Scope, client_order_id: ClientOrderId, attempt: int, *, time_ns: int
    ) -> None:
        """Write down that a request may be on the wire from now on; raises StoreError."""
        ...

    def record_order(
        self,
        scope: Scope,
        order: Order,
        *,
        time_ns: int,
        fills: Sequence[Fill] = (),
        replaced: Sequence[Fill] = (),
        origin: Origin = Origin.ADOPTED,
        raw: str = "",
    ) -> None:
        """Write down what is known of an order, with its new fills, in one transaction.

        Args:
            scope: Whose order.
            order: The whole of what is known.
            time_ns: When it was learned.
            fills: New ones; one that is already there, by trade and order, changes nothing.
            replaced: Inferred ones that have given way to real ones.
            origin: For an order that the journal does not have yet.
            raw: The exchange's answer, redacted.

        Raises:
            StoreError: It could not be written.
        """
        ...

    def record_command(
        self,
        scope: Scope,
        refs: Sequence[OrderRef],
        command: str,
        state: CommandState,
        *,
        time_ns: int,
        reason: str = "",
        raw: str = "",
    ) -> None:
        """Write down a command to existing orders, and what came of it; raises StoreError.

        Args:
            scope: Whose orders.
            refs: Which ones.
            command: `cancel`, `amend` or `replace`.
            state: How far it has come.
            time_ns: When.
            reason: Why it was refused, or is not known.
            raw: The exchange's answer, redacted.
        """
        ...

    def record_note(self, scope: Scope, ref: OrderRef, text: str, *, time_ns: int) -> None:
        """Write a remark into an order's history; raises StoreError."""
        ...

    def move_cursor(self, scope: Scope, symbol: Symbol, cursor: Cursor) -> None:
        """Remember that all fills up to `cursor` are known; raises StoreError."""
        ...

    async def open_intents(self, scope: Scope) -> Sequence[OpenIntent]:
        """Give all intents without a known outcome, oldest first."""
        ...

    async def intent(self, scope: Scope, client_order_id: ClientOrderId) -> Intent | None:
        """Give the intent of an order; None for one that was not asked for here."""
        ...

    async def intent_of_key(self, scope: Scope, intent_key: str) -> Intent | None:
        """Give the intent that an application named `intent_key`."""
        ...

    async def order(self, scope: Scope, ref: OrderRef) -> Order | None:
        """Give what is known of an order, all its fills included; None if it is not known.

        An intent without any outcome is an order in the phase `unknown`.
        """
        ...

    async def orders(
        self,
        scope: Scope,
        *,
        open_only: bool = False,
        symbol: Symbol | None = None,
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[Order]:
        """Give the newest orders, oldest first, all their fills included.

        Args:
            scope: Whose.
            open_only: Without those that are final; `limit` does not count then.
            symbol: Of one instrument only.
            since_ns: Only those created since then.
            limit: How many at most, > 0.
        """
        ...

    async def origins(self, scope: Scope, orders: Sequence[Order]) -> Sequence[Origin]:
        """Give the origin of each order, `FOREIGN` for one that the journal does not have."""
        ...

    async def fills(
        self,
        scope: Scope,
        *,
        symbol: Symbol | None = None,
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[Fill]:
        """Give the newest fills, oldest first."""
        ...

    async def history(self, scope: Scope, client_order_id: ClientOrderId) -> Sequence[HistoryEntry]:
        """Give everything that was recorded of an order, in order."""
        ...

    async def cursors(self, scope: Scope) -> Mapping[Symbol, Cursor]:
        """Give up to where fills are known to be complete, by symbol."""
        ...

    async def first_orders(self, scope: Scope) -> Mapping[Symbol, int]:
        """Give the symbols that ever had an order, with the time of the first, in ns."""
        ...

    async def events(
        self, scope: Scope, *, after: int, limit: int = 1000
    ) -> Sequence[JournalEvent]:
        """Give the changes of orders with a number above `after`, oldest first.

        Only what is committed, as durably as the journal's durability says.
        """
        ...

    async def last_event(self, scope: Scope) -> int:
        """Give the number of the newest change; zero before the first."""
        ...

    async def position(self, scope: Scope, consumer: str) -> int | None:
        """Give the number of the last event that a consumer has done with; None if it is new."""
        ...

    def move_position(self, scope: Scope, consumer: str, number: int) -> None:
        """Remember that a consumer has done with all events up to `number`; raises StoreError."""
        ...

    async def installation_mark(self, rng: random.Random) -> int:
        """Give the number (40 bits) that marks this installation's orders; made once, kept."""
        ...

    async def flush(self) -> None:
        """Wait until all records are written; raises StoreError if one was not."""
        ...

    async def close(self) -> None:
        """Write what is queued and close. Safe to repeat."""
        ...
