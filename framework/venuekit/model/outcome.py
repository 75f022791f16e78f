"""What is known of a request's effect, and what to do about it."""

import enum
from typing import Final

import attrs


class Outcome(enum.Enum):
    """What is known of a request's effect on the exchange."""

    NOT_SENT = "not_sent"
    """No byte of it left, or the exchange documents that it was not processed."""
    REJECTED = "rejected"
    """Refused by a documented code; it had no effect."""
    DONE = "done"
    UNKNOWN = "unknown"
    """It may have had its effect."""


class Advice(enum.Enum):
    """What would have to change for the same request to succeed."""

    AGAIN = "again"
    AFTER_DELAY = "after_delay"
    AFTER_CLOCK_SYNC = "after_clock_sync"
    NEW_NONCE = "new_nonce"
    NEVER = "never"


@attrs.frozen(kw_only=True)
class Failure:
    """Why a request did not simply succeed."""

    outcome: Outcome
    advice: Advice
    reason: str
    """A stable code of ours: `balance.insufficient`, `order.unknown`, `clock.outside_window`."""
    code: str = ""
    """The exchange's own code."""
    text: str = ""
    """The exchange's own words, control characters removed, at most 200 characters."""
    retry_after_s: float | None = None
    """The exchange's own waiting time, a floor."""
    is_ban: bool = False
    """The exchange refuses everything from here until `retry_after_s` has passed."""
    is_documented: bool = True
    """False for a code that the plugin's table does not list."""


UNKNOWN_ORDER: Final = Failure(
    outcome=Outcome.REJECTED,
    advice=Advice.NEVER,
    reason="order.unknown",
    text="the exchange knows no such order",
)
"""For a query that is answered by showing nothing."""
