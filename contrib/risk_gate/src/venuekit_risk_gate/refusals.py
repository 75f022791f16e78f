"""Why an order is refused, by kind and in words."""

import enum

import attrs


class RefusalKind(enum.Enum):
    """Which limit an order breaks."""

    UNLIMITED = "risk.unlimited"
    """No limit is set at all: a gate that nobody set lets nothing through."""
    NO_LIMIT = "risk.no_limit"
    """Notionals are limited, and none is set for this quote asset."""
    NO_PRICE = "risk.no_price"
    """The notional cannot be told without a price."""
    NO_QUANTITY = "risk.no_quantity"
    QUANTITY = "risk.quantity"
    NOTIONAL = "risk.notional"
    DAY = "risk.day"
    RATE = "risk.rate"
    LEDGER = "risk.ledger"
    """What was spent today cannot be read or kept."""


@attrs.frozen
class Refusal:
    """Why one order is refused."""

    kind: RefusalKind
    text: str

    def __str__(self) -> str:
        """Write it as the caller of `place` reads it."""
        return f"{self.kind.value}: {self.text}"
