"""Order lists: which legs stand, begin and fall when another one does. Decisions only."""

from venuekit.sim.book import LiveOrder
from venuekit.sim.orders import (
    ExpiryReason,
    ListKind,
    ListRequest,
    ListStatus,
    OrderList,
    OrderStatus,
)


class LiveList:
    """An order list as the engine changes it."""

    def __init__(self, list_id: int, request: ListRequest, now_ns: int) -> None:
        self.list_id = list_id
        self.request = request
        self.list_client_id = request.list_client_id
        self.status = ListStatus.EXECUTING
        self.legs: list[LiveOrder] = []
        self.created_ns = now_ns
        self.updated_ns = now_ns

    def join(self, leg: LiveOrder) -> None:
        """Add a leg, in the order of the request."""
        self.legs.append(leg)
        leg.live_list = self

    @property
    def is_done(self) -> bool:
        """Whether no leg is open."""
        return not any(leg.status.is_open for leg in self.legs)

    def rivals(self, order: LiveOrder) -> list[LiveOrder]:
        """Give the open legs that end when this one trades, is triggered or ends."""
        pair = self._oco()
        if order not in pair:
            return []
        return [leg for leg in pair if leg is not order and leg.status.is_open]

    def pending_on(self, order: LiveOrder) -> list[LiveOrder]:
        """Give the legs that begin when this one has filled."""
        if self.request.kind is ListKind.OCO or order is not self.legs[0]:
            return []
        return [leg for leg in self.legs[1:] if leg.status is OrderStatus.PENDING_NEW]

    def falls_with(self, order: LiveOrder) -> tuple[list[LiveOrder], ExpiryReason]:
        """Give the legs that expire because this one has expired, and why."""
        pending = self.pending_on(order)
        if pending:
            return pending, ExpiryReason.OTO_PHASE_ONE_EXPIRED
        if order.expiry_reason is ExpiryReason.OCO_TRIGGER:  # the other leg is why it expired
            return [], ExpiryReason.OCO_TRIGGER
        if order.expiry_reason is ExpiryReason.REJECTED:  # neither leg could begin
            return self.rivals(order), ExpiryReason.REJECTED
        return self.rivals(order), ExpiryReason.OCO_TRIGGER

    def _oco(self) -> list[LiveOrder]:
        match self.request.kind:
            case ListKind.OCO:
                return self.legs
            case ListKind.OTOCO:
                return self.legs[1:]
            case ListKind.OTO:
                return []

    def view(self) -> OrderList:
        """Give the list as it stands."""
        return OrderList(
            request=self.request,
            list_id=self.list_id,
            list_client_id=self.list_client_id,
            status=self.status,
            orders=tuple(leg.view() for leg in self.legs),
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
        )
