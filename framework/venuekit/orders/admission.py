"""Which orders are let through to be journalled and sent."""

import difflib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import attrs

from venuekit.model import (
    Instrument,
    InstrumentNotFound,
    Order,
    OrderRefused,
    OrderRequest,
    Symbol,
    Violation,
)
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.rules import violations
from venuekit.plugin import Adapter, ClientOrderIdRule

T = TypeVar("T")

Veto = Callable[[OrderRequest, Instrument], str | None]
"""Gives the reason of a refusal, or None."""
ReferencePrice = Callable[[Symbol], Decimal | None]
"""Gives the market's price of an instrument, None where it is not known."""


@attrs.frozen(kw_only=True)
class Admission:
    """Checks requests against rules and vetoes, and gives them their client order ids."""

    exchange: str
    adapter: Adapter
    id_rule: ClientOrderIdRule
    ids: ClientOrderIds
    vetoes: Sequence[Veto]
    reference_price: ReferencePrice

    def instrument(self, symbol: str) -> Instrument:
        """Give the instrument of `symbol`; raises InstrumentNotFound."""
        found = self.adapter.instruments.get(symbol)
        if found is None:
            near = difflib.get_close_matches(symbol.upper(), list(self.adapter.instruments), n=3)
            raise InstrumentNotFound(self.exchange, symbol, near)
        return found

    def checked(self, request: OrderRequest, instrument: Instrument) -> OrderRequest:
        """Give the request as it may be sent.

        Raises:
            OrderRefused: It breaks a rule or a veto.
        """
        found = violations(
            request,
            instrument,
            reference_price=self.reference_price(request.symbol),
            id_rule=self.id_rule,
        )
        if request.client_order_id is None:
            request = attrs.evolve(request, client_order_id=self.ids.make())
        found += self._vetoed(request, instrument)
        if found:
            raise OrderRefused(request.symbol, found)
        return request

    def allow_change(
        self,
        order: Order | None,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> None:
        """Ask the vetoes about an order as it would be after an amendment.

        Raises:
            OrderRefused: A veto, or there are vetoes and the order is not known here.
        """
        if not self.vetoes:
            return
        if order is None:
            text = "what is not known of an order, no guard can judge; fetch it before amending it"
            raise OrderRefused(instrument.symbol, [Violation(reason="order.vetoed", text=text)])
        request = OrderRequest(
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            quantity=order.quantity if quantity is None else quantity,
            quote_quantity=None if quantity is not None else order.quote_quantity,
            price=order.price if price is None else price,
            stop_price=order.stop_price,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            client_order_id=order.client_order_id,
        )
        found = self._vetoed(request, instrument)
        if found:
            raise OrderRefused(order.symbol, found)

    def _vetoed(self, request: OrderRequest, instrument: Instrument) -> list[Violation]:
        reasons = (veto(request, instrument) for veto in self.vetoes)
        return [Violation(reason="order.vetoed", text=text) for text in reasons if text is not None]

    def built(self, symbol: str, build: Callable[[], T]) -> T:
        """Have the adapter make a call; what it cannot express is refused like a broken rule.

        Raises:
            OrderRefused: The adapter raised a ValueError; nothing was sent.
        """
        try:
            return build()
        except ValueError as error:
            text = str(error)
        raise OrderRefused(symbol, [Violation(reason="request.unsupported", text=text)])
