"""What the exchange says instead of doing something.

Every refusal is a text `<severity><category>:<description>[:<detail>]` and comes with HTTP 200.
Source: Kraken API Center, Spot Error Messages; Kraken support, API error messages.
"""

from typing import Final

from venuekit.sim.orders import Rejection, RejectReason

INVALID_KEY: Final = "EAPI:Invalid key"
INVALID_SIGNATURE: Final = "EAPI:Invalid signature"
INVALID_NONCE: Final = "EAPI:Invalid nonce"
BAD_REQUEST: Final = "EAPI:Bad request"
RATE_LIMITED: Final = "EAPI:Rate limit exceeded"
TOO_MANY: Final = "EGeneral:Too many requests"
LOCKED_OUT: Final = "EGeneral:Temporary lockout"
DENIED: Final = "EGeneral:Permission denied"
UNKNOWN_METHOD: Final = "EGeneral:Unknown method"
INTERNAL: Final = "EGeneral:Internal error"
INVALID_SESSION: Final = "ESession:Invalid session"
UNAVAILABLE: Final = "EService:Unavailable"
BUSY: Final = "EService:Busy"
TIMEOUT: Final = "EService:Timeout"
DEADLINE_ELAPSED: Final = "EService:Deadline elapsed"
ORDER_RATE_LIMITED: Final = "EOrder:Rate limit exceeded"
TOO_MANY_ORDERS: Final = "EOrder:Orders limit exceeded"
UNKNOWN_ORDER: Final = "EOrder:Unknown order"
INVALID_ORDER: Final = "EOrder:Invalid order"
UNKNOWN_QUERY: Final = "EQuery:Unknown order"
NOT_EDITABLE: Final = "EOrder:Order not editable"
NO_FUNDS: Final = "EOrder:Insufficient funds"
ORDER_MINIMUM: Final = "EOrder:Order minimum not met"
COST_MINIMUM: Final = "EOrder:Cost minimum not met"
TICK_SIZE: Final = "EOrder:Tick size check failed"
INVALID_PRICE: Final = "EOrder:Invalid price"
INVALID_LIMIT_PRICE: Final = "EOrder:Invalid limit price"
POST_ONLY: Final = "EOrder:Post only order"
NO_MARGIN: Final = "EOrder:Cannot open position"
NO_POSITION: Final = "EOrder:Unknown position"
REDUCE_ONLY: Final = "EOrder:Reduce only:Position is closed"
NO_INDEX: Final = "EGeneral:Invalid arguments:Index unavailable"
NOT_UNIQUE: Final = "EGeneral:Invalid arguments:cl_ord_id not unique"
_INVALID: Final = "EGeneral:Invalid arguments"


class Refusal(Exception):
    """A request that was not carried out, and what is said about it."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


def invalid(field: str = "") -> Refusal:
    """Refuse a field that is missing, malformed, or does not go with the others."""
    return Refusal(f"{_INVALID}:{field}" if field else _INVALID)


def market_mode(mode: str) -> Refusal:
    """Refuse what the present mode of a market does not allow."""
    return Refusal(f"EService:Market in {mode} mode")


_TEXTS: Final = {
    RejectReason.INSUFFICIENT_BALANCE: NO_FUNDS,
    RejectReason.QUANTITY_TOO_SMALL: ORDER_MINIMUM,
    RejectReason.WOULD_TRIGGER: INVALID_PRICE,
    RejectReason.WOULD_MATCH: POST_ONLY,
    RejectReason.UNKNOWN_ORDER: UNKNOWN_ORDER,
    RejectReason.MARKET_CLOSED: "EService:Market in cancel_only mode",
    RejectReason.UNKNOWN_MARKET: "EQuery:Unknown asset pair",
}


def refusal_from_rejection(rejection: Rejection) -> Refusal:
    """Say what the matching engine refused in the exchange's words."""
    return Refusal(_TEXTS[rejection.reason])
