"""New orders as they were asked for, alone or as legs of a list, and the rules of their types.

Source: Binance spot REST docs, "New order" and "Conditional fields in Order Responses", 2026-07.
"""

from decimal import Decimal
from typing import Final

import attrs

from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.refusals import Refusal, missing, not_required

STOPS: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_WITH_PRICE: Final = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_WITH_TIME: Final = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_COMPOSITION: Final = "Unsupported order combination"


@attrs.frozen(kw_only=True)
class Draft:
    """A new order before it was judged."""

    prefix: str = ""
    """What the names of its parameters begin with: `above`, `pendingBelow`, or nothing."""
    symbol: str
    side: str
    type: str
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg: Decimal | None = None
    time_in_force: str | None = None
    client_id: str | None = None
    stp: str | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    peg_price: str | None = None
    peg_offset_type: str | None = None
    peg_offset: int | None = None

    def name(self, word: str) -> str:
        """Give the parameter's name as the client wrote it."""
        return self.prefix + word if self.prefix else word[0].lower() + word[1:]

    @property
    def is_algo(self) -> bool:
        """Whether it waits for a price."""
        return self.type in STOPS

    @property
    def is_market(self) -> bool:
        """Whether it trades at any price, at once or when triggered."""
        return self.type not in _WITH_PRICE


def draft_from(
    sent: Arguments,
    *,
    prefix: str = "",
    side: str | None = None,
    quantity: Decimal | None = None,
) -> Draft:
    """Read an order, or a leg of a list.

    Args:
        sent: The parameters.
        prefix: Of the leg's names.
        side: Given where legs share it.
        quantity: Given where legs share it.
    """

    def name(word: str) -> str:
        return prefix + word if prefix else word[0].lower() + word[1:]

    return Draft(
        prefix=prefix,
        symbol=sent.sure_text("symbol"),
        side=side or sent.sure_text(name("Side")),
        type=sent.sure_text(name("Type")),
        quantity=quantity if quantity is not None else sent.decimal(name("Quantity")),
        quote_quantity=None if prefix else sent.decimal("quoteOrderQty"),
        price=sent.decimal(name("Price")),
        stop_price=sent.decimal(name("StopPrice")),
        trailing_delta=sent.integer(name("TrailingDelta")),
        iceberg=sent.decimal(name("IcebergQty")),
        time_in_force=sent.text(name("TimeInForce")),
        client_id=sent.text(f"{prefix}ClientOrderId" if prefix else "newClientOrderId"),
        stp=sent.text("selfTradePreventionMode"),
        strategy_id=sent.integer(name("StrategyId")),
        strategy_type=sent.integer(name("StrategyType")),
        peg_price=sent.text(name("PegPriceType")),
        peg_offset_type=sent.text(name("PegOffsetType")),
        peg_offset=sent.integer(name("PegOffsetValue")),
    )


def check_shape(draft: Draft, *, is_funded_by_fill: bool = False) -> None:
    """Refuse what its type lacks (-1102) or does not take (-1106).

    Args:
        draft: The order.
        is_funded_by_fill: Whether its quantity is what another order will have bought.
    """
    name = draft.name
    is_pegged = draft.peg_price is not None
    if draft.type == "MARKET":
        if draft.quantity is None and draft.quote_quantity is None and not is_funded_by_fill:
            raise missing(name("Quantity"))
        if draft.quantity is not None and draft.quote_quantity is not None:
            raise not_required("quoteOrderQty")
    else:
        if draft.quote_quantity is not None:
            raise not_required("quoteOrderQty")
        if draft.quantity is None and not is_funded_by_fill:
            raise missing(name("Quantity"))
    if draft.type in _WITH_TIME and draft.time_in_force is None:
        raise missing(name("TimeInForce"))
    if draft.type in _WITH_PRICE and draft.price is None and not is_pegged:
        raise missing(name("Price"))
    if draft.is_algo and draft.stop_price is None and draft.trailing_delta is None:
        raise missing(name("StopPrice"))
    for word, value, is_taken in (
        ("TimeInForce", draft.time_in_force, draft.type in _WITH_TIME),
        ("Price", draft.price, draft.type in _WITH_PRICE),
        ("IcebergQty", draft.iceberg, draft.type in _WITH_PRICE),
        ("PegPriceType", draft.peg_price, draft.type in _WITH_PRICE),
        ("StopPrice", draft.stop_price, draft.is_algo),
        ("TrailingDelta", draft.trailing_delta, draft.is_algo),
    ):
        if value is not None and not is_taken:
            raise not_required(name(word))
    if draft.iceberg and draft.time_in_force not in {None, "GTC"}:
        raise Refusal(-1014, _COMPOSITION)
    _check_peg(draft)


def _check_peg(draft: Draft) -> None:
    if (draft.peg_offset_type is None) != (draft.peg_offset is None):
        raise missing(
            draft.name("PegOffsetType" if draft.peg_offset_type is None else "PegOffsetValue")
        )
    if draft.peg_price is None:
        if draft.peg_offset is not None:
            raise missing(draft.name("PegPriceType"))
        return
    if draft.peg_offset is not None and not 1 <= draft.peg_offset <= 100:
        raise Refusal(
            -1130, f"Data sent for parameter '{draft.name('PegOffsetValue')}' is not valid."
        )
    is_primary = draft.peg_price == "PRIMARY_PEG"
    if draft.type == "LIMIT_MAKER" and not is_primary:
        raise Refusal(-1210, "Invalid pegPriceType.")
    if draft.type == "LIMIT" and is_primary and draft.time_in_force != "GTC":
        raise Refusal(-1014, _COMPOSITION)
