"""What the exchange remembers of an account: orders, trades, ledger entries, amendments.

An order of the exchange outlives the engine's: an amendment that moves it puts another order of
the engine in its place. Times are nanoseconds.
"""

import random
from decimal import Decimal
from typing import Final

import attrs

from venuekit_kraken.sim.drafts import Draft
from venuekit_kraken.sim.prices import PriceText
from venuekit_kraken.sim.world import PairSpec

_ZERO: Final = Decimal(0)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Ids:
    """Makes up the exchange's ids: `OUF4EM-FRGI2-MQMWZD`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new(self, letter: str) -> str:
        """Give an id that begins with a letter for its kind."""
        head, middle, tail = (
            "".join(self._rng.choice(_LETTERS) for _ in range(length)) for length in (5, 5, 6)
        )
        return f"{letter}{head}-{middle}-{tail}"


@attrs.frozen(kw_only=True)
class AmendRecord:
    """One version of an order."""

    id: str
    kind: str
    """`original`, `user` or `restated`."""
    volume: Decimal
    display: Decimal | None
    remaining: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    is_post_only: bool
    at_ns: int


@attrs.define(kw_only=True, eq=False)
class Ticket:
    """An order of an account."""

    id: str
    account: str
    draft: Draft
    created_ns: int
    volume: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    display: Decimal | None = None
    is_post_only: bool = False
    status: str = "pending"
    """`pending`, `open`, `closed`, `canceled`, `expired`."""
    reason: str | None = None
    executed: Decimal = _ZERO
    cost: Decimal = _ZERO
    fee: Decimal = _ZERO
    trades: list[str] = attrs.field(factory=list)
    misc: list[str] = attrs.field(factory=list)
    refid: str | None = None
    engine_id: int | None = None
    """Its order in the matching engine now."""
    executed_before: Decimal = _ZERO
    """By orders that the present one of the engine has replaced."""
    touched_ns: int = 0
    """When it was created or last amended."""
    closed_ns: int = 0
    is_triggered: bool = False
    triggered_ns: int = 0
    last_price: Decimal | None = None
    trail: PriceText | None = None
    extreme: Decimal | None = None
    """The best price for its owner since a trailing order began."""
    amends: list[AmendRecord] = attrs.field(factory=list)
    before_amend: "Ticket | None" = None
    """As it was, for queries that lag behind."""

    @property
    def pair(self) -> PairSpec:
        """What it trades."""
        return self.draft.pair

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.draft.side == "buy"

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in {"pending", "open"}

    @property
    def remaining(self) -> Decimal:
        """What may still trade, base asset."""
        return self.volume - self.executed

    @property
    def average(self) -> Decimal:
        """Average price of what traded; zero before."""
        return self.cost / self.executed if self.executed else _ZERO

    @property
    def lock_price(self) -> Decimal | None:
        """At which money is held for it."""
        return self.limit_price if self.limit_price is not None else self.trigger_price


@attrs.frozen(kw_only=True)
class TradeRecord:
    """One fill of an order."""

    id: str
    number: int
    """Of the public trade."""
    ticket: Ticket
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    is_maker: bool
    at_ns: int
    ledgers: tuple[str, ...]


@attrs.frozen(kw_only=True)
class LedgerRecord:
    """One movement of one asset."""

    id: str
    refid: str
    kind: str
    """`trade`, `deposit` or `withdrawal`."""
    asset: str
    """As the engine calls it."""
    amount: Decimal
    fee: Decimal
    balance: Decimal
    at_ns: int


class Owner:
    """An account's papers."""

    def __init__(self, name: str, *, maker_fee: Decimal, taker_fee: Decimal) -> None:
        self.name = name
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self.tickets: dict[str, Ticket] = {}
        """Oldest first."""
        self.open: dict[str, Ticket] = {}
        self.trades: dict[str, TradeRecord] = {}
        self.ledgers: dict[str, LedgerRecord] = {}
        self.totals: dict[str, Decimal] = {}
        self.earning: dict[str, Decimal] = {}
        """What stands beside an asset under another key: `USDT.F`."""
        self.volume = _ZERO
        self.trigger_ns: int | None = None
        """When the dead man's switch cancels everything."""

    def open_of(self, pair: PairSpec) -> list[Ticket]:
        """Give the open orders of a pair."""
        return [ticket for ticket in self.open.values() if ticket.pair is pair]
