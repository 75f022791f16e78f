"""What an order would become by an edit, or why it cannot.

Source: Coinbase "Edit Order", 2026-06.
"""

from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.money import exact
from venuekit_coinbase.sim.configurations import EDITABLE, Draft, check_sizes
from venuekit_coinbase.sim.records import OrderRecord, Status
from venuekit_coinbase.sim.refusals import UNKNOWN_PREVIEW, OrderRefused
from venuekit_coinbase.sim.wire import number_from

_ZERO: Final = Decimal(0)


class EditRefused(Exception):
    """A change of an order that is not accepted."""

    def __init__(self, reason: str, preview: str = UNKNOWN_PREVIEW) -> None:
        """Say why.

        Args:
            reason: The `edit_failure_reason`.
            preview: The `preview_failure_reason`.
        """
        self.reason = reason
        self.preview = preview
        super().__init__(reason)


@exact
def edited(record: OrderRecord, price: object, size: object, stop: object) -> Draft:
    """Give what an order would become; a price or a size that is left out is read as zero.

    Raises:
        EditRefused: It cannot become that.
    """
    if record.status is Status.EDIT_QUEUED:
        raise EditRefused("ORDER_IS_ALREADY_BEING_REPLACED")
    if record.status is not Status.OPEN:
        raise EditRefused("ONLY_OPEN_ORDERS_CAN_BE_EDITED")
    draft = record.draft
    if draft.kind not in EDITABLE or record.is_triggered:
        raise EditRefused("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
    if draft.is_sized_in_quote:
        raise EditRefused("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED")
    wanted = _changed(draft, price, size, stop)
    assert wanted.base_size is not None
    if wanted.base_size <= record.filled:
        raise EditRefused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
    if _terms(wanted) == _terms(draft):
        raise EditRefused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST")
    return wanted


def _terms(draft: Draft) -> tuple[Decimal | None, ...]:
    return draft.limit_price, draft.stop_price, draft.base_size


def only_shrinks(before: Draft, wanted: Draft) -> bool:
    """Say whether an order keeps its place: it gets smaller, and nothing else."""
    assert before.base_size is not None
    assert wanted.base_size is not None
    is_smaller = wanted.base_size < before.base_size
    return is_smaller and not before.is_bracket and _terms(wanted)[:2] == _terms(before)[:2]


def _changed(draft: Draft, price: object, size: object, stop: object) -> Draft:
    spec = draft.listing.spec
    new_size = _number(size)
    if new_size is None or new_size <= 0 or new_size % spec.base_increment:
        raise EditRefused("INVALID_EDITED_SIZE")
    new_price = _number(price)
    if new_price is None or new_price <= 0 or new_price % spec.price_increment:
        raise EditRefused("INVALID_EDITED_PRICE")
    fields = {**draft.configuration[draft.kind], "base_size": size, "limit_price": price}
    new_stop = draft.stop_price
    if not _is_absent(stop):
        new_stop = number_from(stop)
        fields["stop_trigger_price" if draft.is_bracket else "stop_price"] = stop
        if new_stop is None or draft.stop_price is None or new_stop % spec.price_increment:
            raise EditRefused("INVALID_EDITED_PRICE")
    wanted = attrs.evolve(
        draft,
        base_size=new_size,
        limit_price=new_price,
        stop_price=new_stop,
        configuration={draft.kind: fields},
    )
    try:
        check_sizes(wanted)
    except OrderRefused as refused:
        raise EditRefused("INVALID_EDITED_SIZE", refused.preview) from None
    return wanted


def _number(value: object) -> Decimal | None:
    return _ZERO if _is_absent(value) else number_from(value)


def _is_absent(value: object) -> bool:
    return value is None or value == ""
