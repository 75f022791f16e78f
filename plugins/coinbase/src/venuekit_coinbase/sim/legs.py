"""What the matching engine is asked for on behalf of an order."""

from decimal import Decimal
from typing import Final

from venuekit.sim.money import exact
from venuekit.sim.orders import OrderRequest, OrderType, Side, TimeInForce
from venuekit_coinbase.sim.records import OrderRecord

_FORCES: Final = {
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTC,
}


@exact
def leg_of(record: OrderRecord, name: str) -> OrderRequest:
    """Ask for what is not filled of an order that has one leg."""
    draft = record.draft
    kind = OrderType.LIMIT
    if draft.limit_price is None:
        kind = OrderType.MARKET
    elif draft.stop_price is not None:
        is_loss = draft.is_stop_up == (draft.side is Side.BUY)
        kind = OrderType.STOP_LOSS_LIMIT if is_loss else OrderType.TAKE_PROFIT_LIMIT
    return OrderRequest(
        account=record.account,
        market=draft.listing.spec.product_id,
        side=draft.side,
        type=kind,
        client_order_id=name,
        quantity=None if draft.base_size is None else draft.base_size - record.filled,
        quote_quantity=record.lodged if draft.base_size is None else None,
        price=draft.limit_price,
        stop_price=draft.stop_price,
        time_in_force=_FORCES[draft.form.time_in_force],
        post_only=draft.post_only,
    )


@exact
def bracket_of(record: OrderRecord, names: tuple[str, str]) -> tuple[OrderRequest, ...]:
    """Ask for the two legs of a bracket, of which one ends the other."""
    draft = record.draft
    assert draft.base_size is not None
    target: tuple[OrderType, Decimal | None, Decimal | None]
    target = (OrderType.LIMIT, draft.limit_price, None)
    stop = (OrderType.STOP_LOSS, None, draft.stop_price)
    return tuple(
        OrderRequest(
            account=record.account,
            market=draft.listing.spec.product_id,
            side=draft.side,
            type=kind,
            client_order_id=name,
            quantity=draft.base_size - record.filled,
            price=price,
            stop_price=stop_price,
        )
        for name, (kind, price, stop_price) in zip(names, (target, stop), strict=True)
    )
