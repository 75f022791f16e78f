"""Which orders are let through to be journalled and sent."""

import difflib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import attrs

from venuekit.model import (
    Instrument,
    InstrumentNotFound,
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
        for veto in self.vetoes:
            reason = veto(request, instrument)
            if reason is not None:
                found.append(Violation(reason="order.vetoed", text=reason))
        if found:
            raise OrderRefused(request.symbol, found)
        return request

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
