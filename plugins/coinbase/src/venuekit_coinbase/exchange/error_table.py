"""The messages of Coinbase Exchange, and what each says of a request's effect.

There are no codes: an error is a status and a sentence. Sentences are compared by what stands in
them, whatever the case; the first that fits counts.
Source: Coinbase Exchange API reference, "Errors" of its pages, and the public clients, 2026.
"""

from typing import Final

from venuekit.model import Advice, Outcome
from venuekit.plugin import DocumentedError, Row


def _row(reason: str, advice: Advice = Advice.NEVER, outcome: Outcome = Outcome.REJECTED) -> Row:
    return Row(outcome=outcome, advice=advice, reason=reason)


LIMIT: Final = _row("limit.exceeded", Advice.AFTER_DELAY)
FAILED: Final = _row("exchange.failed", Advice.AGAIN, Outcome.UNKNOWN)
KEY: Final = _row("key.rejected")
PERMISSION: Final = _row("permission.denied")
UNKNOWN_ORDER: Final = _row("order.unknown")
NOT_FOUND: Final = _row("request.not_found")
_CLOCK: Final = _row("clock.outside_window", Advice.AFTER_CLOCK_SYNC)
_INVALID: Final = _row("request.invalid")

TEXTS: Final[tuple[tuple[str, Row], ...]] = (
    ("rate limit exceeded", LIMIT),
    ("slow rate limit", LIMIT),
    # Keys and clock.
    ("request timestamp expired", _CLOCK),
    ("invalid timestamp", _CLOCK),
    ("timestamp header is required", KEY),
    ("invalid signature", KEY),
    ("invalid api key", KEY),
    ("invalid passphrase", KEY),
    ("trading pair not available", _row("instrument.not_tradable")),
    ("forbidden", PERMISSION),
    ("insufficient permission", PERMISSION),
    # The market.
    ("under maintenance", _row("instrument.halted")),
    ("cancel only mode", _row("instrument.halted")),
    ("cancel-only mode", _row("instrument.halted")),
    ("trading disabled", _row("instrument.halted")),
    ("trading is disabled", _row("instrument.halted")),
    ("limit only mode", _row("order.not_supported")),
    ("post only mode", _row("order.not_supported")),
    ("product not found", _row("instrument.unknown")),
    # Orders.
    ("insufficient funds", _row("balance.insufficient")),
    ("order not found", UNKNOWN_ORDER),
    ("order already done", UNKNOWN_ORDER),
    ("already done", UNKNOWN_ORDER),
    ("invalid order id", _INVALID),
    ("post only", _row("order.would_match")),
    ("post-only", _row("order.would_match")),
    ("size is too small", _row("quantity.below_minimum")),
    ("size too small", _row("quantity.below_minimum")),
    ("size is too large", _row("quantity.above_maximum")),
    ("size is too accurate", _row("quantity.off_step")),
    ("size too precise", _row("quantity.off_step")),
    ("funds is too small", _row("notional.below_minimum")),
    ("funds too small", _row("notional.below_minimum")),
    ("funds is too large", _row("notional.above_maximum")),
    ("funds is too accurate", _row("quantity.off_step")),
    ("price too small", _row("price.below_minimum")),
    ("price is too small", _row("price.below_minimum")),
    ("price too precise", _row("price.off_tick")),
    ("price is too accurate", _row("price.off_tick")),
    ("open orders", _row("order.too_many_open")),
    # The endpoint's word for whatever is not there.
    ("notfound", UNKNOWN_ORDER),
)
"""What stands in a message, in lower case, and what it means."""


def documented() -> tuple[DocumentedError, ...]:
    """Give all of them."""
    return tuple(DocumentedError("", row, text) for text, row in TEXTS)
