"""Answers that refuse a request, in the four shapes that the exchange has for them.

Source: Coinbase Advanced Trade docs and clients' recordings, 2026-06.
"""

from typing import Final

from venuekit_coinbase.sim.wire import dumps

JSON: Final = ("Content-Type", "application/json; charset=utf-8")
TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")
HTML: Final = ("Content-Type", "text/html")
UNKNOWN: Final = "UNKNOWN_FAILURE_REASON"
UNKNOWN_PREVIEW: Final = "UNKNOWN_PREVIEW_FAILURE_REASON"


class Refusal(Exception):
    """A request that is not carried out, with the HTTP answer that says so."""

    def __init__(self, status: int, kind: tuple[str, str], body: bytes) -> None:
        self.status = status
        self.kind = kind
        self.body = body
        super().__init__(f"{status} {body.decode(errors='replace')}")


class OrderRefused(Exception):
    """An order that is not accepted; the answer to it has the HTTP status 200 all the same."""

    def __init__(self, reason: str, preview: str = UNKNOWN_PREVIEW, message: str = "") -> None:
        """Say why.

        Args:
            reason: The `new_order_failure_reason`.
            preview: The `preview_failure_reason`.
            message: For people.
        """
        self.reason = reason
        self.preview = preview
        self.message = message
        super().__init__(f"{reason} {preview}")

    def body(self) -> dict[str, object]:
        """Write the `error_response`."""
        return {
            "error": self.reason,
            "message": self.message,
            "error_details": self.message,
            "preview_failure_reason": self.preview,
            "new_order_failure_reason": self.reason,
        }


def object_refusal(status: int, error: str, details: str) -> Refusal:
    """Refuse with the object that v3 calls write."""
    body = {"error": error, "error_details": details, "message": details}
    return Refusal(status, JSON, dumps(body))


def list_refusal(status: int, id_: str, message: str) -> Refusal:
    """Refuse with the list that v2 calls write, and v3 calls for rate limits."""
    return Refusal(status, JSON, dumps({"errors": [{"id": id_, "message": message}]}))


def unauthorized() -> Refusal:
    """Refuse a token, without a word about what is wrong with it."""
    return Refusal(401, TEXT, b"Unauthorized\n")


def too_many_errors() -> Refusal:
    """Refuse an address for a while."""
    return Refusal(403, TEXT, b"Too many errors")


def rate_limited() -> Refusal:
    """Refuse one request too many."""
    return list_refusal(429, "rate_limit_exceeded", "Too many requests")


def invalid(details: str) -> Refusal:
    """Refuse a malformed request."""
    return object_refusal(400, "INVALID_ARGUMENT", details)


def not_found(details: str) -> Refusal:
    """Refuse a name that means nothing."""
    return object_refusal(404, "NOT_FOUND", details)


def unknown_order() -> Refusal:
    """Refuse an order id that means nothing, or nothing yet."""
    return not_found("order with this orderID was not found")


def missing_scopes() -> Refusal:
    """Refuse a key that may not do this."""
    return object_refusal(403, "PERMISSION_DENIED", "Missing required scopes")
