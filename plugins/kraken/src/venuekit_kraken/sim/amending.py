"""Changing an order: in place, or by canceling it for another one.

Source: Kraken API Center, Amend Order, Edit Order, Spot Atomic Amends, Spot Trading Limits.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.desk import Desk
from venuekit_kraken.sim.drafts import (
    LIMITED,
    TRIGGERED,
    WITH_LIMIT,
    Draft,
    check_price,
    check_volume,
)
from venuekit_kraken.sim.limits import (
    AMEND_PENALTIES,
    CANCEL_PENALTIES,
    EDIT_PENALTIES,
    penalty,
)
from venuekit_kraken.sim.prices import PriceText
from venuekit_kraken.sim.records import AmendRecord, Ticket
from venuekit_kraken.sim.refusals import (
    INVALID_LIMIT_PRICE,
    INVALID_ORDER,
    NOT_EDITABLE,
    Refusal,
    invalid,
)

if TYPE_CHECKING:
    from venuekit_kraken.sim.venue import Venue

_ICEBERG_PARTS: Final = 15


@attrs.frozen(kw_only=True)
class Change:
    """What shall be new about an order; what is absent stays."""

    volume: Decimal | None = None
    display: Decimal | None = None
    limit: PriceText | None = None
    trigger: PriceText | None = None
    is_post_only: bool | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all stays as it is."""
        return self == Change()


def amend(venue: "Venue", desk: Desk, ticket: Ticket, change: Change, now_ns: int) -> str:
    """Change an order in place and give the id of the amendment.

    It keeps its ids and fills. A smaller quantity keeps its place, everything else that counts
    for the queue moves it to the back. A quantity below what was filled cancels the rest.
    """
    if change.is_nothing:
        raise invalid()
    _check_amendable(ticket, change)
    age_ns = now_ns - ticket.touched_ns
    if change.volume is not None and change.volume <= ticket.executed:
        desk.charge(ticket.account, ticket.pair, penalty(CANCEL_PENALTIES, age_ns), now_ns)
        desk.cancel(ticket, now_ns)
        return venue.ids.new("T")
    desk.charge(ticket.account, ticket.pair, 1 + penalty(AMEND_PENALTIES, age_ns), now_ns)
    venue.check_mode(ticket.pair, is_post_only=ticket.is_post_only, is_market=False)
    changed = _changed(venue, ticket, change)
    _check(changed)
    before = attrs.evolve(ticket)
    if not ticket.amends:
        ticket.amends.append(_record(ticket, venue.ids.new("T"), "original", ticket.created_ns))
    if _keeps_its_place(ticket, changed):
        if changed.volume < ticket.volume:
            desk.shrink(ticket, changed.volume, now_ns)
        ticket.is_post_only = changed.is_post_only
    else:
        desk.put_again(ticket, changed, now_ns)
    ticket.before_amend = before
    ticket.touched_ns = now_ns
    if "amended" not in ticket.misc:
        ticket.misc.append("amended")
    amend_id = venue.ids.new("T")
    ticket.amends.append(_record(ticket, amend_id, "user", now_ns))
    venue.tell_amended(ticket, now_ns)
    venue.absorb(now_ns)
    return amend_id


def _check_amendable(ticket: Ticket, change: Change) -> None:
    if ticket.draft.close is not None or ticket.engine_id is None or ticket.trail is not None:
        raise Refusal(NOT_EDITABLE)
    if change.limit is not None and ticket.limit_price is None:
        raise Refusal(INVALID_LIMIT_PRICE)
    if change.trigger is not None and (ticket.trigger_price is None or ticket.is_triggered):
        raise invalid("trigger_price")
    if change.display is not None and ticket.draft.type != "iceberg":
        raise invalid("display_qty")
    if change.is_post_only and ticket.draft.type not in LIMITED:
        raise invalid("post_only")


def _changed(venue: "Venue", ticket: Ticket, change: Change) -> Ticket:
    def moved(price: PriceText | None, old: Decimal | None) -> Decimal | None:
        if price is None:
            return old
        reference = venue.last_price(ticket.pair)
        return price.resolved(reference or price.value, ticket.pair.tick)

    return attrs.evolve(
        ticket,
        volume=ticket.volume if change.volume is None else change.volume,
        display=ticket.display if change.display is None else change.display,
        limit_price=moved(change.limit, ticket.limit_price),
        trigger_price=moved(change.trigger, ticket.trigger_price),
        is_post_only=ticket.is_post_only if change.is_post_only is None else change.is_post_only,
    )


def _check(changed: Ticket) -> None:
    check_volume(changed.pair, changed.volume)
    for price in (changed.limit_price, changed.trigger_price):
        if price is not None:
            check_price(changed.pair, price)
    if changed.display is not None and (
        changed.display > changed.volume or changed.display * _ICEBERG_PARTS < changed.volume
    ):
        raise invalid("display_qty")


def _keeps_its_place(old: Ticket, new: Ticket) -> bool:
    return (
        new.volume <= old.volume
        and new.limit_price == old.limit_price
        and new.trigger_price == old.trigger_price
        and new.display == old.display
    )


def _record(ticket: Ticket, amend_id: str, kind: str, at_ns: int) -> AmendRecord:
    return AmendRecord(
        id=amend_id,
        kind=kind,
        volume=ticket.volume,
        display=ticket.display,
        remaining=ticket.remaining,
        limit_price=ticket.limit_price,
        trigger_price=ticket.trigger_price,
        is_post_only=ticket.is_post_only,
        at_ns=at_ns,
    )


def edit(
    desk: Desk,
    ticket: Ticket,
    change: Change,
    userref: int | None,
    now_ns: int,
    *,
    is_check_only: bool = False,
) -> Ticket:
    """Cancel an order for a new one, and give that.

    Fills stay with the old order; neither its reference nor its place is inherited.
    """
    draft = ticket.draft
    if (
        draft.cl_ord_id is not None
        or draft.close is not None
        or ticket.is_triggered
        or ticket.engine_id is None
        or draft.type == "market"
    ):
        raise Refusal(NOT_EDITABLE)
    age_ns = now_ns - ticket.touched_ns
    desk.charge(ticket.account, ticket.pair, 1 + penalty(EDIT_PENALTIES, age_ns), now_ns)
    volume = ticket.volume if change.volume is None else change.volume
    if volume <= ticket.executed:
        raise Refusal(INVALID_ORDER)
    new = desk.judged(
        ticket.account,
        _edited(draft, ticket, change, volume - ticket.executed, userref),
        now_ns,
    )
    new.refid = ticket.id
    if not is_check_only:
        desk.replace(ticket, new, now_ns)
    return new


def _edited(
    draft: Draft, ticket: Ticket, change: Change, volume: Decimal, userref: int | None
) -> Draft:
    flags = tuple(flag for flag in draft.flags if flag != "post")
    is_post_only = ticket.is_post_only if change.is_post_only is None else change.is_post_only
    price = change.trigger if draft.type in TRIGGERED else change.limit
    price2 = change.limit if draft.type in TRIGGERED & WITH_LIMIT else None
    return attrs.evolve(
        draft,
        volume=volume,
        display=draft.display if change.display is None else change.display,
        price=price or _still(ticket, is_trigger=draft.type in TRIGGERED) or draft.price,
        price2=price2 or draft.price2,
        flags=("post", *flags) if is_post_only else flags,
        userref=userref,
    )


def _still(ticket: Ticket, *, is_trigger: bool) -> PriceText | None:
    """Give the price that an order has, unless it trails."""
    price = ticket.trigger_price if is_trigger else ticket.limit_price
    return None if price is None or ticket.trail is not None else PriceText(price)


def post_flag(sent: Arguments) -> bool | None:
    """Give whether an edited order is post-only; absent means as it was."""
    flags = sent.names("oflags")
    if any(flag not in {"post", "none"} for flag in flags):
        raise invalid("oflags")
    return "post" in flags if flags else None
