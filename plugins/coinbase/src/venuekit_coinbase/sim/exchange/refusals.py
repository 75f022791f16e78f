"""Answers that refuse a request: one shape, `{"message": "..."}`.

Source: Coinbase Exchange docs, "Errors", 2026-06, as the fact sheet has them: `invalid signature`,
`Invalid API Key`, `Invalid Passphrase`, `invalid timestamp`, `request timestamp expired`,
`Forbidden`, `Trading pair not available`, `Insufficient funds`, `size is too small`, `price too
small`, `price too precise`, `Product not found`, `Invalid order id`, `NotFound`, `order not found`,
`Order already done`, `under maintenance`, `Cancel only mode`, and the two rate texts. Every other
text is ours, and so is the HTTP status of the last two modes.
"""

from typing import Final

from venuekit_coinbase.sim.wire import dumps

JSON: Final = ("Content-Type", "application/json; charset=utf-8")


class Refusal(Exception):
    """A request that is not carried out, with the HTTP answer that says so."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"{status} {message}")

    @property
    def body(self) -> bytes:
        """What the answer says."""
        return dumps({"message": self.message})


def bad(message: str) -> Refusal:
    """Refuse what cannot be done (400)."""
    return Refusal(400, message)


def order_not_found() -> Refusal:
    """Refuse an order id that means nothing, or nothing any more."""
    return Refusal(404, "order not found")
