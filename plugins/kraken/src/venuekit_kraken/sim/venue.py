"""The exchange behind the protocol: pairs, accounts, money, orders, and the matching engine.

Everything that a request does goes through here. What came of it is told in two steps: `absorb`
takes in what the engine says at once, so that the next command sees it; `news` is what channels
are told when the request has been answered.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.engine import Engine
from venuekit.sim.events import (
    Event,
    LevelChanged,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderTraded,
    OrderTriggered,
    TradePrinted,
)
from venuekit.sim.faults import FaultKind, FaultPlan
from venuekit.sim.orders import ExpiryReason, Market, Order, OrderStatus, Trade
from venuekit_kraken.sim import order_payloads as write
from venuekit_kraken.sim.crowd import Crowd
from venuekit_kraken.sim.drafts import LIMITED
from venuekit_kraken.sim.limits import Limits, LimitSettings
from venuekit_kraken.sim.records import Ids, LedgerRecord, Owner, Ticket, TradeRecord
from venuekit_kraken.sim.refusals import UNAVAILABLE, Refusal, market_mode
from venuekit_kraken.sim.security import KeyRing, Tokens
from venuekit_kraken.sim.wire import SECOND_NS, number, rounded
from venuekit_kraken.sim.world import Names, PairSpec

_ZERO: Final = Decimal(0)
_MAKER_FEE: Final = Decimal("0.0025")
_TAKER_FEE: Final = Decimal("0.004")
_SPREADS: Final = 200
_FEES: Final = "fees"
Row = tuple[Decimal, Decimal]


@attrs.frozen
class ExecutionNews:
    """An event of an order, for its owner."""

    account: str
    pair: PairSpec
    body: dict[str, object]
    is_main: bool
    """Whether it begins or ends the order, or fills it."""


@attrs.define
class News:
    """What channels have to tell."""

    trades: list[Trade] = attrs.field(factory=list)
    books: dict[str, None] = attrs.field(factory=dict)
    """Symbols of books that changed."""
    tops: dict[str, None] = attrs.field(factory=dict)
    """Symbols of which the best prices or their quantities changed."""
    executions: list[ExecutionNews] = attrs.field(factory=list)
    ledgers: list[tuple[str, LedgerRecord]] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.trades or self.books or self.executions or self.ledgers)


class Venue:
    """One simulated exchange."""

    def __init__(
        self,
        pairs: Sequence[PairSpec],
        *,
        rng: random.Random,
        faults: FaultPlan,
        limits: LimitSettings,
        is_quiet: bool,
    ) -> None:
        """List pairs.

        Args:
            pairs: What is traded.
            rng: For ids, keys and strangers.
            faults: What shall go wrong.
            limits: Numbers of the counters.
            is_quiet: Whether there are no strangers.
        """
        self.names = Names(pairs)
        self.engine = Engine(fee_account=_FEES)
        self.faults = faults
        self.limits = Limits(limits)
        self.keys = KeyRing(rng, limits)
        self.tokens = Tokens(rng)
        self.ids = Ids(rng)
        self.owners: dict[str, Owner] = {}
        self.spreads: dict[str, deque[tuple[int, Decimal, Decimal]]] = {
            symbol: deque(maxlen=_SPREADS) for symbol in self.names.pairs
        }
        self.news = News()
        self.takers: dict[tuple[str, int], Ticket] = {}
        """Users' orders that took, by their numbers in the engine."""
        self.silenced: set[tuple[str, int]] = set()
        """Orders of the engine that end because others take their place."""
        self.filled: list[tuple[Ticket, TradeRecord]] = []
        """Fills whose conditional closes have not been placed yet."""
        self.after_trades: Callable[[int], bool] = lambda _now_ns: False
        """What the order desk does when something has traded."""
        self._rng = rng
        self._is_quiet = is_quiet
        self._crowd: Crowd | None = None
        self._deposits: list[tuple[str, str, Decimal]] = []
        self._tops: dict[str, tuple[Row | None, Row | None]] = {}
        self._has_begun = False
        self._now_ns = 0
        for pair in pairs:
            self.engine.add_market(
                Market(
                    name=pair.symbol,
                    base=pair.base.symbol,
                    quote=pair.quote.symbol,
                    price_step=pair.tick,
                    quantity_step=pair.lot,
                    base_decimals=pair.base.decimals,
                    quote_decimals=pair.quote.decimals,
                )
            )

    # Time.

    def begin(self, now_ns: int) -> None:
        """Let the world come into being at its first moment; later calls do nothing."""
        self._now_ns = max(now_ns, self._now_ns)
        if self._has_begun:
            return
        self._has_begun = True
        for account, asset, amount in self._deposits:
            self.deposit(account, asset, amount)
        if not self._is_quiet:
            lively = [pair for pair in self.names.pairs.values() if pair.is_lively]
            self._crowd = Crowd(self.engine, lively, self._rng, now_ns)
        self.absorb(now_ns)
        # What there is at the beginning is no news.
        self.news = News()

    def advance(self, now_ns: int) -> None:
        """Let strangers trade where trading is allowed."""
        if self._crowd is not None and self._crowd.advance(
            now_ns, lambda symbol: self.status(symbol) == "online"
        ):
            self.absorb(now_ns)

    def next_due_ns(self) -> int | None:
        """Give the time at which strangers do something."""
        return None if self._crowd is None else self._crowd.next_due_ns()

    def clock_ns(self, now_ns: int) -> int:
        """Give what the exchange's clock shows."""
        fault = self.faults.lasting(FaultKind.CLOCK_SKEW)
        return now_ns if fault is None else now_ns + fault.value * 1_000_000

    def take_news(self) -> News:
        """Give what channels have to tell and forget it."""
        news, self.news = self.news, News()
        return news

    # What is open.

    def system_status(self) -> str:
        """Give the status of the exchange: `online` unless a fault on `system` says otherwise."""
        fault = self.faults.lasting(FaultKind.HALT, topic="system")
        return "online" if fault is None else fault.text or "maintenance"

    def status(self, symbol: str) -> str:
        """Give the status of a pair."""
        fault = self.faults.lasting(FaultKind.HALT, topic=symbol)
        return "online" if fault is None else fault.text or "cancel_only"

    def check_mode(self, pair: PairSpec, *, is_post_only: bool, is_market: bool) -> None:
        """Refuse an order that the present mode does not allow."""
        for mode in (self.system_status(), self.status(pair.symbol)):
            match mode:
                case "online":
                    pass
                case "post_only" if is_post_only:
                    pass
                case "limit_only" if not is_market:
                    pass
                case "cancel_only" | "post_only" | "limit_only" | "reduce_only":
                    raise market_mode(mode)
                case _:
                    raise Refusal(UNAVAILABLE)

    def check_awake(self) -> None:
        """Refuse whatever needs the engine while there is none."""
        if self.system_status() not in {"online", "cancel_only", "post_only", "limit_only"}:
            raise Refusal(UNAVAILABLE)

    # Books.

    def book(self, symbol: str, levels: int | None) -> tuple[list[Row], list[Row]]:
        """Give asks and bids, best first."""
        depth = self.engine.depth(symbol, levels)
        return (
            [(row.price, row.quantity) for row in depth.asks],
            [(row.price, row.quantity) for row in depth.bids],
        )

    def top(self, symbol: str) -> tuple[Row | None, Row | None]:
        """Give the best ask and the best bid."""
        ask, bid = self.engine.best_ask(symbol), self.engine.best_bid(symbol)
        return (
            None if ask is None else (ask.price, ask.quantity),
            None if bid is None else (bid.price, bid.quantity),
        )

    def last_price(self, pair: PairSpec) -> Decimal | None:
        """Give the price of the last trade."""
        trade = self.engine.last_trade(pair.symbol)
        return None if trade is None else trade.price

    def taker_type(self, trade: Trade) -> str:
        """Say whether a trade's taker was a `market` or a `limit` order."""
        ticket = self.takers.get((trade.market, trade.taker_order_id or 0))
        return "limit" if ticket is not None and ticket.draft.type in LIMITED else "market"

    # Accounts and money.

    def open_account(
        self,
        name: str,
        funds: Mapping[str, Decimal],
        *,
        maker_fee: Decimal | None = None,
        taker_fee: Decimal | None = None,
    ) -> Owner:
        """Open an account; names of funds with a point are what stands beside an asset."""
        owner = Owner(
            name,
            maker_fee=_MAKER_FEE if maker_fee is None else maker_fee,
            taker_fee=_TAKER_FEE if taker_fee is None else taker_fee,
        )
        self.owners[name] = owner
        # The engine takes no fees: they are paid in the quote asset, which it does not know.
        self.engine.open_account(name)
        for asset, amount in funds.items():
            if "." in asset:
                owner.earning[asset] = amount
            else:
                self.deposit(name, asset, amount)
        return owner

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Pay in, or with a negative amount out."""
        if not self._has_begun:
            self._deposits.append((account, asset, amount))
            return
        self.engine.deposit(account, asset, amount, self._now_ns)
        kind = "deposit" if amount >= 0 else "withdrawal"
        refid = self.ids.new("F")
        self._enter(self.owners[account], refid, kind, asset, amount, _ZERO, self._now_ns)

    def total(self, account: str, asset: str) -> Decimal:
        """Give what an account has of an asset, held or not."""
        balance = self.engine.balances(account).get(asset)
        return _ZERO if balance is None else balance.free + balance.locked

    def held(self, account: str, asset: str) -> Decimal:
        """Give what orders hold of an asset, fees that may come included."""
        balance = self.engine.balances(account).get(asset)
        locked = _ZERO if balance is None else balance.locked
        return locked + self._held_for_fees(self.owners[account], asset)

    def spendable(self, account: str, asset: str) -> Decimal:
        """Give what a new order may use of an asset."""
        balance = self.engine.balances(account).get(asset)
        free = _ZERO if balance is None else balance.free
        return free - self._held_for_fees(self.owners[account], asset)

    def _held_for_fees(self, owner: Owner, asset: str) -> Decimal:
        return sum(
            (
                ticket.lock_price * ticket.remaining * owner.taker_fee
                for ticket in owner.open.values()
                if ticket.is_buy
                and ticket.engine_id is not None
                and ticket.lock_price is not None
                and ticket.pair.quote.symbol == asset
            ),
            _ZERO,
        )

    def _enter(
        self,
        owner: Owner,
        refid: str,
        kind: str,
        asset: str,
        amount: Decimal,
        fee: Decimal,
        now_ns: int,
    ) -> LedgerRecord:
        balance = owner.totals[asset] = owner.totals.get(asset, _ZERO) + amount - fee
        entry = LedgerRecord(
            id=self.ids.new("L"),
            refid=refid,
            kind=kind,
            asset=asset,
            amount=amount,
            fee=fee,
            balance=balance,
            at_ns=now_ns,
        )
        owner.ledgers[entry.id] = entry
        self.news.ledgers.append((owner.name, entry))
        return entry

    # What the engine tells.

    def absorb(self, now_ns: int) -> None:
        """Take in what the engine told, and what that leads to, until nothing more happens."""
        while True:
            has_traded = False
            for event in self.engine.drain():
                has_traded |= isinstance(event, TradePrinted)
                self._take(event, now_ns)
            if not (has_traded and self.after_trades(now_ns)):
                break
        for symbol in self.news.books:
            self._note_spread(symbol, now_ns)

    def _take(self, event: Event, now_ns: int) -> None:
        match event:
            case OrderAccepted(order, _):
                self._accepted(order, now_ns)
            case OrderTraded(order, _, _):
                self._traded(event, self.ticket(order), now_ns)
            case OrderTriggered(order, at_ns):
                ticket = self.ticket(order)
                ticket.is_triggered, ticket.triggered_ns = True, at_ns
                ticket.misc.append("stopped" if "stop" in ticket.draft.type else "touched")
                self.tell_triggers(ticket, now_ns)
            case OrderCanceled(order, _, _):
                if (order.market, order.order_id) in self.silenced:
                    self.silenced.discard((order.market, order.order_id))
                else:
                    self.end(self.ticket(order), "canceled", "User requested", now_ns)
            case OrderExpired(order, _):
                self._expired(order, now_ns)
            case TradePrinted(trade):
                self.news.trades.append(trade)
            case LevelChanged():
                self.news.books[event.market] = None
            case _:
                pass  # lists are not used, and money is entered where it moves

    def ticket(self, order: Order) -> Ticket:
        """Give the order of the exchange that an order of the engine stands for."""
        return self.owners[order.account].tickets[str(order.request.labels["txid"])]

    def _accepted(self, order: Order, now_ns: int) -> None:
        if "again" in order.request.labels:
            return
        ticket = self.ticket(order)
        ticket.volume = order.quantity if ticket.draft.is_in_quote else ticket.volume
        self.announce(ticket, now_ns)

    def announce(self, ticket: Ticket, now_ns: int) -> None:
        """Tell that an order exists, and then that it lives."""
        if ticket.status == "pending" and not ticket.draft.starts_ns:
            self._tell(ticket, write.full_execution(ticket, "pending_new", now_ns), is_main=False)
        ticket.status = "open"
        self._tell(ticket, write.execution(ticket, "new", now_ns), is_main=True)

    def _traded(self, event: OrderTraded, ticket: Ticket, now_ns: int) -> None:
        fill, owner, pair = event.fill, self.owners[ticket.account], ticket.pair
        rate = owner.maker_fee if fill.is_maker else owner.taker_fee
        fee = rounded(fill.quote_quantity * rate, pair.cost_decimals)
        trade_id = self.ids.new("T")
        sign = 1 if ticket.is_buy else -1
        if fee:
            # Unchecked: what may be taken as a fee was not spendable by orders.
            self.engine.deposit(owner.name, pair.quote.symbol, -fee, now_ns)
            self.engine.deposit(_FEES, pair.quote.symbol, fee, now_ns)
        rows = (
            (pair.base.symbol, sign * fill.quantity, _ZERO),
            (pair.quote.symbol, -sign * fill.quote_quantity, fee),
        )
        entries = [
            self._enter(owner, trade_id, "trade", asset, amount, charged, now_ns)
            for asset, amount, charged in rows
        ]
        trade = TradeRecord(
            id=trade_id,
            number=fill.trade_id,
            ticket=ticket,
            price=fill.price,
            volume=fill.quantity,
            cost=fill.quote_quantity,
            fee=fee,
            is_maker=fill.is_maker,
            at_ns=fill.time_ns,
            ledgers=tuple(entry.id for entry in entries),
        )
        owner.trades[trade_id] = trade
        if not fill.is_maker:
            self.takers[fill.market, fill.order_id] = ticket
        owner.volume += fill.quote_quantity
        ticket.trades.append(trade_id)
        ticket.executed += fill.quantity
        ticket.cost += fill.quote_quantity
        ticket.fee += fee
        # Live fills carry the order's totals, those of a snapshot do not: so in the documents.
        body = write.trade_execution(trade) | write.totals(ticket)
        self._tell(ticket, body, is_main=True)
        if event.order.status is OrderStatus.FILLED:
            self.end(ticket, "closed", None, now_ns)
        if ticket.draft.close is not None:
            self.filled.append((ticket, trade))

    def _expired(self, order: Order, now_ns: int) -> None:
        ticket = self.ticket(order)
        match order.expiry_reason:
            case ExpiryReason.UNFILLED_IOC | ExpiryReason.UNFILLED_FOK:
                self.end(ticket, "expired", None, now_ns)
            case ExpiryReason.SELF_TRADE:
                self.end(ticket, "canceled", "Self trade prevention", now_ns)
            case ExpiryReason.NO_LIQUIDITY:
                self.end(ticket, "canceled", "Insufficient liquidity", now_ns)
            case ExpiryReason.REJECTED:
                self.end(ticket, "canceled", "Insufficient funds", now_ns)
            case _:
                self.end(ticket, "canceled", "Canceled by the exchange", now_ns)

    def end(self, ticket: Ticket, status: str, reason: str | None, now_ns: int) -> None:
        """Close an order and tell it."""
        ticket.status, ticket.reason, ticket.closed_ns = status, reason, now_ns
        if ticket.executed and status != "closed":
            ticket.misc.append("partial")
        self.owners[ticket.account].open.pop(ticket.id, None)
        kind = "filled" if status == "closed" else status
        body = write.execution(ticket, kind, now_ns) | write.totals(ticket)
        body["fee_usd_equiv"] = number(ticket.fee)
        if reason is not None:
            body |= {"cancel_reason": reason, "reason": reason}
        self._tell(ticket, body, is_main=True)

    def tell_scheduled(self, ticket: Ticket, now_ns: int) -> None:
        """Tell that an order waits for its time."""
        self._tell(ticket, write.full_execution(ticket, "pending_new", now_ns), is_main=False)

    def tell_triggers(self, ticket: Ticket, now_ns: int) -> None:
        """Tell that what an order waits for has moved or happened."""
        body = write.execution(ticket, "status", now_ns) | {"triggers": write.triggers(ticket)}
        self._tell(ticket, body, is_main=False)

    def tell_amended(self, ticket: Ticket, now_ns: int) -> None:
        """Tell that its owner changed an order."""
        body = write.full_execution(ticket, "amended", now_ns)
        self._tell(ticket, body, is_main=False)

    def _tell(self, ticket: Ticket, body: dict[str, object], *, is_main: bool) -> None:
        self.news.executions.append(ExecutionNews(ticket.account, ticket.pair, body, is_main))

    def _note_spread(self, symbol: str, now_ns: int) -> None:
        ask, bid = top = self.top(symbol)
        if top == self._tops.get(symbol):
            return
        self._tops[symbol] = top
        self.news.tops[symbol] = None
        if ask is not None and bid is not None:
            self.spreads[symbol].append((now_ns // SECOND_NS, bid[0], ask[0]))

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {
            "pairs": len(self.names.pairs),
            "status": self.system_status(),
            "accounts": {
                name: {
                    asset: {
                        "total": f"{balance.free + balance.locked:f}",
                        "held": f"{self.held(name, asset):f}",
                    }
                    for asset, balance in self.engine.balances(name).items()
                }
                for name in self.owners
            },
            "open_orders": {name: len(owner.open) for name, owner in self.owners.items()},
        }
