"""The refusals of Binance: codes, texts and statuses.

Source: Binance spot REST docs, `errors.md`, 2026-07; statuses that the docs leave open are those
that traffic showed, or else sensible ones.
"""

from typing import Final

from venuekit.sim.orders import Rejection, RejectReason

_STATUS: Final = {
    -1000: 500,
    -1001: 500,
    -1002: 401,
    -1003: 429,
    -1004: 503,
    -1006: 500,
    -1007: 504,
    -1008: 503,
    -1015: 429,
    -1016: 503,
    -1099: 401,
    -2014: 401,
    -2015: 401,
    -2021: 409,
}


class Refusal(Exception):
    """A request that is answered with an error.

    `status` is the HTTP status, also told in answers over the WebSocket API.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int | None = None,
        data: object = None,
        retry_at_ms: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.status = _STATUS.get(code, 400) if status is None else status
        self.data = data
        self.retry_at_ms = retry_at_ms
        self.retry_after_s = retry_after_s
        super().__init__(f"{code} {message}")

    def body(self) -> dict[str, object]:
        """Give the error object of the answer."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def illegal_characters(name: str, legal: str) -> Refusal:
    """Refuse characters outside of a parameter's pattern."""
    return Refusal(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def missing(name: str) -> Refusal:
    """Refuse a request without a mandatory parameter."""
    return Refusal(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def not_required(name: str) -> Refusal:
    """Refuse a parameter that this kind of request does not take."""
    return Refusal(-1106, f"Parameter '{name}' sent when not required.")


def bad_combination(text: str = "") -> Refusal:
    """Refuse optional parameters that do not go together."""
    return Refusal(-1128, text or "Combination of optional parameters invalid.")


def rejected(message: str) -> Refusal:
    """Refuse a new order on behalf of the matching engine."""
    return Refusal(-2010, message)


def filter_failure(name: str, *, in_engine: bool = False) -> Refusal:
    """Refuse an order that breaks a filter.

    Static filters are judged before the matching engine (-1013), those about the account's state
    in it (-2010).
    """
    return Refusal(-2010 if in_engine else -1013, f"Filter failure: {name}")


def unknown_symbol() -> Refusal:
    """Refuse a symbol that is not listed."""
    return Refusal(-1121, "Invalid symbol.")


def unknown_order_sent() -> Refusal:
    """Refuse the cancellation of an order that is not open."""
    return Refusal(-2011, "Unknown order sent.")


def no_such_order() -> Refusal:
    """Tell that a query found no order."""
    return Refusal(-2013, "Order does not exist.")


def bad_key_format() -> Refusal:
    """Refuse a request whose key is absent or cannot be a key."""
    return Refusal(-2014, "API-key format invalid.")


def bad_key() -> Refusal:
    """Refuse an unknown key, a foreign address or a missing permission, indistinguishably."""
    return Refusal(-2015, "Invalid API-key, IP, or permissions for action.")


def bad_signature() -> Refusal:
    """Refuse a signature that is not that of the received bytes."""
    return Refusal(-1022, "Signature for this request is not valid.")


UNKNOWN_OUTCOME: Final = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)
UNEXPECTED_RESPONSE: Final = (
    "An unexpected response was received from the message bus. Execution status unknown."
)
OVERLOADED: Final = (
    "Server is currently overloaded with other requests. Please try again in a few minutes."
)
UNKNOWN_ERROR: Final = "Unknown error, please check your request or try again later."
INSUFFICIENT_BALANCE: Final = "Account has insufficient balance for requested action."
DUPLICATE_ORDER: Final = "Duplicate order sent."
MARKET_CLOSED: Final = "Market is closed."


_BY_REASON: Final = {
    RejectReason.INSUFFICIENT_BALANCE: (-2010, INSUFFICIENT_BALANCE),
    RejectReason.WOULD_MATCH: (-2010, "Order would immediately match and take."),
    RejectReason.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    RejectReason.NO_LIQUIDITY: (
        -2010,
        "Order book liquidity is less than LOT_SIZE filter minimum quantity.",
    ),
    RejectReason.QUANTITY_TOO_SMALL: (-1013, "Filter failure: LOT_SIZE"),
    RejectReason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    RejectReason.UNKNOWN_LIST: (-2011, "Unknown order sent."),
    RejectReason.DUPLICATE_CLIENT_ID: (-2010, DUPLICATE_ORDER),
    RejectReason.DUPLICATE_LIST_CLIENT_ID: (-2010, DUPLICATE_ORDER),
    RejectReason.MARKET_CLOSED: (-1013, MARKET_CLOSED),
    RejectReason.UNKNOWN_MARKET: (-1121, "Invalid symbol."),
    RejectReason.UNKNOWN_ACCOUNT: (-2015, "Invalid API-key, IP, or permissions for action."),
    RejectReason.BAD_LIST_PRICES: (
        -2010,
        "The relationship of the prices for the orders is not correct.",
    ),
    RejectReason.AMEND_INCREASES: (
        -2038,
        "Order amend (quantity increase) is not supported.",
    ),
    RejectReason.AMEND_CHANGES_NOTHING: (
        -2038,
        "The requested action would change no state; rejecting.",
    ),
    RejectReason.AMEND_BELOW_EXECUTED: (
        -2038,
        "The requested action would change no state; rejecting.",
    ),
}


def refusal_from_rejection(rejection: Rejection) -> Refusal:
    """Say in the exchange's words what the matching engine refused."""
    return Refusal(*_BY_REASON[rejection.reason])
