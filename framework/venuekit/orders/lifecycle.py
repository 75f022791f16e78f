"""An order's life as a table: pure. What is known and what is heard give what is known next.

A report is an order as the exchange describes it, in an answer, a stream event or a query; reports
arrive late, twice and out of order. Four rules make that harmless:

- Executed quantity only grows, and fills count once for each trade.
- A report that is older than what is known, by the exchange's clock, adds its fills and nothing
  else.
- A final phase stays. What contradicts it is a divergence, told and not obeyed; but a fill that
  really happened is booked, and a final phase that only *we* had concluded (never placed, denied,
  rejected) gives way to the exchange's own word that it has the order.
- One client order id names one order: a second exchange order id is a divergence, as it may mean
  that an order was made twice.
"""

import enum
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import attrs

from venuekit.model import Fill, Order, OrderPhase, exact_product, exact_sum, plain

T = TypeVar("T")

_P = OrderPhase
_ZERO: Final = Decimal(0)
_LIVE: Final = frozenset({_P.PENDING, _P.OPEN, _P.PARTIALLY_FILLED})
_ENDED: Final = frozenset({_P.FILLED, _P.CANCELED, _P.EXPIRED})
_EXCHANGE: Final = _LIVE | _ENDED
"""Phases in which the exchange has, or had, the order."""

MOVES: Final[Mapping[OrderPhase | None, frozenset[OrderPhase]]] = {
    None: frozenset(_P),
    _P.PREPARED: frozenset({_P.SUBMITTING, _P.UNKNOWN, _P.DENIED, _P.NEVER_PLACED, _P.REJECTED})
    | _EXCHANGE,
    # Back to prepared by proof that nothing was sent.
    _P.SUBMITTING: frozenset({_P.PREPARED, _P.UNKNOWN, _P.NEVER_PLACED, _P.DENIED, _P.REJECTED})
    | _EXCHANGE,
    _P.UNKNOWN: frozenset({_P.NEVER_PLACED, _P.REJECTED}) | _EXCHANGE,
    _P.PENDING: frozenset({_P.OPEN, _P.PARTIALLY_FILLED, _P.LOST, _P.REJECTED}) | _ENDED,
    _P.OPEN: frozenset({_P.PARTIALLY_FILLED, _P.LOST}) | _ENDED,
    # Back to open where an exchange calls an amended order so; the filled quantity stays.
    _P.PARTIALLY_FILLED: frozenset({_P.OPEN, _P.LOST}) | _ENDED,
    # Any evidence brings it back.
    _P.LOST: _LIVE | _ENDED,
    _P.FILLED: frozenset(),
    # A late fill may turn out to be the last of them.
    _P.CANCELED: frozenset({_P.FILLED}),
    _P.EXPIRED: frozenset({_P.FILLED}),
    # Our conclusions, or one answer's: the exchange's having the order is better evidence.
    _P.REJECTED: _EXCHANGE,
    _P.DENIED: _EXCHANGE,
    _P.NEVER_PLACED: _EXCHANGE,
}
"""Where an order may go from each phase; staying is always allowed."""


class DivergenceKind(enum.Enum):
    """What a report contradicts."""

    MOVE = "move"
    """A move that the table does not have."""
    REVIVED = "revived"
    """An order that was taken for never placed, or rejected, exists."""
    LATE_FILL = "late_fill"
    """A fill of an order that had ended; it is booked."""
    SHRUNK = "shrunk"
    """Less executed than was known before."""
    OVERFILLED = "overfilled"
    """More executed than was asked for."""
    OTHER_ORDER = "other_order"
    """Another order under the same client order id."""
    LOST = "lost"
    """An open order that the exchange, asked several times, denies knowing."""


@attrs.frozen(kw_only=True)
class Divergence:
    """A report that does not fit what is known. `order` is what stands all the same."""

    kind: DivergenceKind
    text: str
    order: Order
    report: Order

    def __str__(self) -> str:
        """Say what does not fit, and for which order."""
        return f"{self.order.ref}: {self.text}"


def advance(known: Order | None, report: Order, fills: Sequence[Fill] = ()) -> Order | Divergence:
    """Give what is known of an order once `report` and `fills` are taken in.

    Args:
        known: What was known; None for an order never heard of.
        report: The exchange's description.
        fills: Fills that came beside the report's own.
    """
    arrived = (*report.fills, *fills) if fills else report.fills
    if known is None:
        return _unless_overfilled(None, _booked(_bare(report), arrived), report)
    if _is_other(known, report):
        return Divergence(
            kind=DivergenceKind.OTHER_ORDER,
            text=f"the exchange has {report.exchange_order_id} under the name of "
            f"{known.exchange_order_id}; there may be two orders",
            order=known,
            report=report,
        )
    step = _late if _comes_late(known, report) else _ended if known.phase.is_final else _living
    return step(known, report, arrived)


def moved(known: Order, phase: OrderPhase, *, reason: str | None = None) -> Order | Divergence:
    """Give an order in the phase that *we* conclude; what the exchange has said stands."""
    if known.phase in _EXCHANGE or (phase is not known.phase and phase not in MOVES[known.phase]):
        return Divergence(
            kind=DivergenceKind.MOVE,
            text=f"concluded {phase.value} of what is {known.phase.value}",
            order=known,
            report=known,
        )
    return attrs.evolve(known, phase=phase, reason=reason)


def lost(known: Order) -> Divergence:
    """Give an order that the exchange once had and now denies knowing: an alarm, and no end."""
    return Divergence(
        kind=DivergenceKind.LOST,
        text=f"was {known.phase.value}; the exchange denies knowing it",
        order=attrs.evolve(known, phase=_P.LOST, reason="order.lost")
        if known.phase in _LIVE
        else known,
        report=known,
    )


def inferred_fill(order: Order) -> Fill | None:
    """Give a fill for what an order's totals say beyond its trades; None if there is no such part.

    Its id follows from the order and its executed quantity, so that inferring twice gives one
    fill. Also None where nothing tells a price, or the exchange's id is missing.
    """
    real = [fill for fill in order.fills if not fill.is_inferred]
    quantity = order.filled - exact_sum(fill.quantity for fill in real)
    price = order.price
    if order.filled_quote is not None and quantity > 0:
        rest = order.filled_quote - exact_sum(exact_product(f.price, f.quantity) for f in real)
        price = rest / quantity if rest > 0 else price
    if quantity <= 0 or price is None or order.exchange_order_id is None:
        return None
    return Fill(
        symbol=order.symbol,
        trade_id=f"inferred-{order.exchange_order_id}-{plain(order.filled.normalize())}",
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        price=price,
        quantity=quantity,
        time_ns=order.updated_ns or order.created_ns or 1,
        is_inferred=True,
    )


def _late(known: Order, report: Order, arrived: Sequence[Fill]) -> Order | Divergence:
    """Take from a report that has been overtaken what stays true: ids and executions."""
    return _unless_late_fill(known, _booked(_named(known, report), arrived, report.filled), report)


def _living(known: Order, report: Order, arrived: Sequence[Fill]) -> Order | Divergence:
    if report.filled < known.filled:
        return _shrunk(known, report, arrived)
    if report.phase is not known.phase and report.phase not in MOVES[known.phase]:
        return _not_allowed(known, report, arrived)
    return _unless_overfilled(known, _booked(_merged(known, report), arrived), report)


def _ended(known: Order, report: Order, arrived: Sequence[Fill]) -> Order | Divergence:
    if report.filled < known.filled:
        return _shrunk(known, report, arrived)
    if report.phase is known.phase:
        return _unless_late_fill(known, _booked(_merged(known, report), arrived), report)
    if known.phase not in _ENDED and report.phase in _EXCHANGE:
        return Divergence(
            kind=DivergenceKind.REVIVED,
            text=f"was {known.phase.value}; the exchange has it, {report.phase.value}",
            order=_booked(_merged(known, report), arrived),
            report=report,
        )
    if report.phase in MOVES[known.phase] and report.filled > known.filled:
        return _unless_late_fill(known, _booked(_merged(known, report), arrived), report)
    if report.filled > known.filled or any(f.trade_id not in _ids(known) for f in arrived):
        return _late(known, report, arrived)
    return _not_allowed(known, report, arrived)


def _is_other(known: Order, report: Order) -> bool:
    ids = known.exchange_order_id, report.exchange_order_id
    return None not in ids and ids[0] != ids[1]


def _comes_late(known: Order, report: Order) -> bool:
    """Say whether more is known than `report` could know.

    Moments are milliseconds on many exchanges: of two reports of one moment, the one that goes
    further counts. Queries may cut moments more than streams do, so that an end seems to lie before
    what it ended: that an order has ended is never too old, unless less was executed than is known.
    """
    if report.updated_ns is None or known.updated_ns is None:
        goes_back = (
            known.updated_ns is not None or known.phase in _EXCHANGE or known.phase is _P.LOST
        )
        return goes_back and _falls_behind(known, report)
    if report.updated_ns == known.updated_ns:
        return _falls_behind(known, report)
    if report.updated_ns > known.updated_ns:
        return False
    is_end = report.phase in _ENDED and known.phase in _LIVE
    return not is_end or report.filled < known.filled


def _falls_behind(known: Order, report: Order) -> bool:
    if report.filled != known.filled:
        return report.filled < known.filled
    return report.phase is not known.phase and report.phase not in MOVES[known.phase]


def _bare(order: Order) -> Order:
    return attrs.evolve(order, fills=()) if order.fills else order


def _named(known: Order, report: Order) -> Order:
    if known.exchange_order_id is not None or report.exchange_order_id is None:
        return known
    return attrs.evolve(known, exchange_order_id=report.exchange_order_id)


def _merged(known: Order, report: Order) -> Order:
    """Take the report's word for everything that it says; what it leaves out stays."""

    def said(new: T | None, old: T | None) -> T | None:
        return old if new is None else new

    if report.filled > known.filled:
        filled, filled_quote = report.filled, report.filled_quote
    else:
        filled, filled_quote = known.filled, said(report.filled_quote, known.filled_quote)
    phase = report.phase
    if phase is _P.OPEN and filled:
        phase = _P.PARTIALLY_FILLED
    stays = phase is known.phase
    # Every field is named: `evolve` would look up each of them again, for every message.
    return Order(
        symbol=known.symbol,
        side=known.side,
        type=known.type,
        phase=phase,
        client_order_id=said(known.client_order_id, report.client_order_id),
        exchange_order_id=said(known.exchange_order_id, report.exchange_order_id),
        quantity=said(report.quantity, known.quantity),
        quote_quantity=said(report.quote_quantity, known.quote_quantity),
        price=said(report.price, known.price),
        stop_price=said(report.stop_price, known.stop_price),
        time_in_force=said(report.time_in_force, known.time_in_force),
        post_only=report.post_only or known.post_only,
        filled=filled,
        filled_quote=filled_quote,
        fills=known.fills,
        list_id=said(report.list_id, known.list_id),
        created_ns=said(report.created_ns, known.created_ns),
        updated_ns=_later(report.updated_ns, known.updated_ns),
        reason=said(report.reason, known.reason if stays else None),
    )


def _later(new: int | None, old: int | None) -> int | None:
    return new if old is None or (new is not None and new > old) else old


def _ids(order: Order) -> set[str]:
    return {fill.trade_id for fill in order.fills}


def _booked(order: Order, arrived: Sequence[Fill], at_least: Decimal = _ZERO) -> Order:
    """Add fills, each trade once, and let the executed quantity grow to what they prove."""
    fills = order.fills
    if arrived:
        by_id = {fill.trade_id: fill for fill in fills}
        for fill in arrived:
            by_id[fill.trade_id] = _completed(by_id.get(fill.trade_id), fill)
        fills = tuple(by_id.values())
    if any(fill.is_inferred for fill in fills):
        fills = _with_less_inferred(fills, max(order.filled, at_least))
    total = exact_sum(fill.quantity for fill in fills) if arrived else _ZERO
    filled = max(order.filled, total, at_least)
    if filled == order.filled and fills == order.fills:
        return order
    quote = order.filled_quote
    if filled > order.filled:
        quote = (
            exact_sum(exact_product(f.price, f.quantity) for f in fills)
            if total == filled
            else None
        )
    phase = order.phase
    if (phase in _LIVE and filled) or (phase is _P.LOST and filled > order.filled):
        phase = _P.FILLED if filled == order.quantity else _P.PARTIALLY_FILLED
    return attrs.evolve(order, phase=phase, fills=fills, filled=filled, filled_quote=quote)


def _with_less_inferred(fills: Sequence[Fill], filled: Decimal) -> tuple[Fill, ...]:
    """Let real trades take the place of what was inferred; of that, the newest word counts."""
    real = [fill for fill in fills if not fill.is_inferred]
    newest = [fill for fill in fills if fill.is_inferred][-1]
    left = min(newest.quantity, filled - exact_sum(fill.quantity for fill in real))
    return (*real, attrs.evolve(newest, quantity=left)) if left > 0 else tuple(real)


def is_completed(known: Order, fill: Fill) -> bool:
    """Say whether `fill` tells what it cost, of a trade that is known without."""
    return fill.fee is not None and any(
        each.fee is None and each.trade_id == fill.trade_id for each in known.fills
    )


def _completed(first: Fill | None, second: Fill) -> Fill:
    """Keep the first account of a trade, and add what only the second one tells."""
    if first is None:
        return second
    return attrs.evolve(
        first,
        client_order_id=first.client_order_id or second.client_order_id,
        fee=first.fee or second.fee,
        liquidity=first.liquidity or second.liquidity,
    )


def _shrunk(known: Order, report: Order, arrived: Sequence[Fill]) -> Divergence:
    return Divergence(
        kind=DivergenceKind.SHRUNK,
        text=f"filled is {report.filled} where {known.filled} was known",
        order=_booked(_named(known, report), arrived),
        report=report,
    )


def _not_allowed(known: Order, report: Order, arrived: Sequence[Fill]) -> Divergence:
    return Divergence(
        kind=DivergenceKind.MOVE,
        text=f"reported {report.phase.value} after {known.phase.value}",
        order=_booked(_named(known, report), arrived),
        report=report,
    )


def _unless_late_fill(known: Order, order: Order, report: Order) -> Order | Divergence:
    if known.phase.is_final and order.filled > known.filled:
        return Divergence(
            kind=DivergenceKind.LATE_FILL,
            text=f"{order.filled - known.filled} more executed after it was {known.phase.value}",
            order=order,
            report=report,
        )
    return _unless_overfilled(known, order, report)


def _unless_overfilled(known: Order | None, order: Order, report: Order) -> Order | Divergence:
    quantity = order.quantity
    if quantity is None or order.filled <= quantity or (known and known.filled > quantity):
        return order
    return Divergence(
        kind=DivergenceKind.OVERFILLED,
        text=f"{order.filled} executed of {quantity}",
        order=order,
        report=report,
    )
