"""What the user data stream tells: one message for each change of an order, list or balance.

Source: Binance "User Data Stream" docs, 2026-07.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.events import (
    BalanceAdjusted,
    BalancesChanged,
    Event,
    ListChanged,
    OrderAccepted,
    OrderActivated,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderPrevented,
    OrderTraded,
    OrderTriggered,
)
from venuekit.sim.orders import ListStatus, Order, OrderStatus
from venuekit_binance.sim.order_payloads import (
    CONTINGENCIES,
    REASONS,
    SIDES,
    STATUSES,
    TIMES_IN_FORCE,
    label,
    list_id,
    price_text,
)
from venuekit_binance.sim.payloads import eight

_ZERO: Final = Decimal(0)
_FEE_ASSET: Final = "BNB"
Balances = Mapping[str, tuple[Decimal, Decimal]]


@attrs.frozen
class EventTime:
    """A time inside of an event, written in the unit of each connection."""

    ns: int


@attrs.frozen
class UserEvent:
    """A message for the subscribers of one account."""

    account: str
    kind: str
    body: Mapping[str, object]


@attrs.define
class UserEvents:
    """Turns what the engine tells into messages for accounts."""

    next_execution_id: int = 1
    cancel_names: dict[tuple[str, int], str] = attrs.field(factory=dict)
    """Names of the cancels of whole lists, by symbol and order, until they were told."""

    def messages(
        self, events: Sequence[Event], balances: Mapping[str, Balances], now_ns: int
    ) -> Iterator[UserEvent]:
        """Give the messages of one command, in order: reports and lists first, balances last.

        Args:
            events: What the engine told.
            balances: Free and locked by account and asset, as they are now.
            now_ns: When the messages leave.
        """
        positions: dict[str, BalancesChanged] = {}
        ended = {
            (event.order.market, event.order.order_id): event.order
            for event in events
            if isinstance(event, OrderExpired)
            and event.order.status is OrderStatus.EXPIRED_IN_MATCH
        }
        told: set[tuple[str, int]] = set()
        for event in events:
            match event:
                case OrderPrevented(order=order):
                    key = (order.market, order.order_id)
                    # One message tells both: what was prevented, and that it ended the order.
                    final = ended.get(key, order)
                    told.add(key)
                    yield self._report(event, final, now_ns)
                case OrderExpired(order=order) if (order.market, order.order_id) in told & set(
                    ended
                ):
                    continue
                case (
                    OrderAccepted(order=order)
                    | OrderActivated(order=order)
                    | OrderTriggered(order=order)
                    | OrderTraded(order=order)
                    | OrderCanceled(order=order)
                    | OrderExpired(order=order)
                    | OrderAmended(order=order)
                ):
                    yield self._report(event, order, now_ns)
                case ListChanged():
                    yield _list_status(event, now_ns)
                case BalanceAdjusted():
                    yield _balance_update(event, now_ns)
                case BalancesChanged():
                    positions[event.account] = _merged(positions.get(event.account), event)
                case _:
                    pass
        for account, changed in positions.items():
            yield _position(changed, balances[account], now_ns)

    def _report(self, event: Event, order: Order, now_ns: int) -> UserEvent:
        request = order.request
        body: dict[str, object] = {
            "e": "executionReport",
            "E": EventTime(now_ns),
            "s": order.market,
            "c": order.client_order_id,
            "S": SIDES[order.side],
            "o": label(order, "type"),
            "f": TIMES_IN_FORCE[request.time_in_force],
            "q": eight(order.quantity),
            "p": price_text(order),
            "P": eight(request.stop_price or _ZERO),
            "F": eight(request.display_quantity or _ZERO),
            "g": list_id(order),
            "C": "",
            "x": _execution_type(event),
            "X": STATUSES[order.status],
            "r": "NONE",
            "i": order.order_id,
            "l": eight(_ZERO),
            "z": eight(order.executed),
            "L": eight(_ZERO),
            "n": "0",
            "N": None,
            "T": EventTime(order.updated_ns),
            "t": -1,
            "I": self.next_execution_id,
            "w": order.is_working,
            "m": False,
            "M": False,
            "O": EventTime(order.created_ns),
            "Z": eight(order.cumulative_quote),
            "Y": eight(_ZERO),
            "Q": eight(request.quote_quantity or _ZERO),
            "V": label(order, "stp"),
        }
        self.next_execution_id += 1
        _add_conditional(body, order)
        _add_particulars(body, event)
        if isinstance(event, OrderCanceled):
            key = (order.market, order.order_id)
            body["c"] = self.cancel_names.pop(key, order.client_order_id)
        return UserEvent(order.account, "executionReport", body)


def _execution_type(event: Event) -> str:
    match event:
        case OrderTraded():
            return "TRADE"
        case OrderPrevented():
            return "TRADE_PREVENTION"
        case OrderCanceled():
            return "CANCELED"
        case OrderExpired():
            return "EXPIRED"
        case OrderAmended():
            return "REPLACED"
        case _:
            return "NEW"


def _add_conditional(body: dict[str, object], order: Order) -> None:
    """Add the members that only some orders have."""
    request = order.request
    if order.working_ns is not None:
        body["W"] = EventTime(order.working_ns)
    if request.trailing_bps is not None:
        body["d"] = request.trailing_bps
        if order.trailing_ns is not None:
            body["D"] = EventTime(order.trailing_ns)
    for short, name in (
        ("j", "strategyId"),
        ("J", "strategyType"),
        ("gP", "pegPriceType"),
        ("gOT", "pegOffsetType"),
        ("gOV", "pegOffsetValue"),
    ):
        if label(order, name) is not None:
            body[short] = label(order, name)
    if "gP" in body:
        body["gp"] = eight(order.price or _ZERO)
    if order.prevented:
        body["A"] = eight(order.prevented)
    if order.prevented_match_id is not None:
        body["v"] = order.prevented_match_id
    if order.expiry_reason in REASONS:
        body["eR"] = REASONS[order.expiry_reason]


def _add_particulars(body: dict[str, object], event: Event) -> None:
    """Add what the change itself brings."""
    match event:
        case OrderAccepted(order=order) if order.status is OrderStatus.NEW:
            # It is told before it begins to match: orders without a condition work at once.
            if not order.type.is_conditional:
                body |= {"w": True, "W": EventTime(order.created_ns)}
        case OrderTraded(fill=fill):
            body |= {
                "l": eight(fill.quantity),
                "L": eight(fill.price),
                "Y": eight(fill.quote_quantity),
                "n": eight(fill.fee),
                "N": fill.fee_asset,
                "T": EventTime(fill.time_ns),
                "t": fill.trade_id,
                "m": fill.is_maker,
                "M": True,
            }
        case OrderCanceled(previous_client_order_id=previous):
            body["C"] = previous
        case OrderAmended(amendment=amendment):
            body["C"] = amendment.old_client_order_id
        case OrderPrevented(order=order, match=match, prevented=prevented):
            is_taker = match.taker_order_id == order.order_id
            body |= {
                "v": match.prevented_match_id,
                "B": eight(prevented),
                "U": match.maker_order_id if is_taker else match.taker_order_id,
                "Cs": match.market,
                "pl": eight(prevented),
                "pL": eight(match.price),
                "pY": eight(prevented * match.price),
            }
        case _:
            pass


def _list_status(event: ListChanged, now_ns: int) -> UserEvent:
    order_list = event.order_list
    is_done = order_list.status is ListStatus.ALL_DONE
    body = {
        "e": "listStatus",
        "E": EventTime(now_ns),
        "s": order_list.request.market,
        "g": order_list.list_id,
        "c": CONTINGENCIES[order_list.request.kind],
        "l": "ALL_DONE" if is_done else "EXEC_STARTED",
        "L": "ALL_DONE" if is_done else "EXECUTING",
        "r": "NONE",
        "C": order_list.list_client_id,
        "T": EventTime(event.time_ns),
        "O": [
            {"s": order.market, "i": order.order_id, "c": order.client_order_id}
            for order in order_list.orders
        ],
    }
    return UserEvent(order_list.request.account, "listStatus", body)


def _balance_update(event: BalanceAdjusted, now_ns: int) -> UserEvent:
    body = {
        "e": "balanceUpdate",
        "E": EventTime(now_ns),
        "a": event.asset,
        "d": eight(event.delta),
        "T": EventTime(event.time_ns),
    }
    return UserEvent(event.account, "balanceUpdate", body)


def _merged(earlier: BalancesChanged | None, event: BalancesChanged) -> BalancesChanged:
    """Join the changes of several commands, of which one message tells."""
    if earlier is None:
        return event
    assets = tuple(sorted({*earlier.assets, *event.assets}))
    return attrs.evolve(event, assets=assets)


def _position(event: BalancesChanged, balances: Balances, now_ns: int) -> UserEvent:
    """Write the touched assets, and the one that fees may be paid in."""
    assets = sorted({*event.assets, _FEE_ASSET})
    rows = []
    for asset in assets:
        free, locked = balances.get(asset, (_ZERO, _ZERO))
        rows.append({"a": asset, "f": eight(free), "l": eight(locked)})
    body = {
        "e": "outboundAccountPosition",
        "E": EventTime(now_ns),
        "u": EventTime(event.time_ns),
        "B": rows,
    }
    return UserEvent(event.account, "outboundAccountPosition", body)
