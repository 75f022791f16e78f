"""How often and how long a request is tried: the numbers, which anybody may replace.

What is safe to send again is not among them: that follows from what is known of a request's effect,
and nobody's number changes it.
"""

from typing import Final

import attrs

MOST_ATTEMPTS: Final = 20
LONGEST_S: Final = 3600.0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long one kind of request is tried."""

    attempts: int
    """At most, the first included, 1 to 20."""
    total_s: float
    """From when the first attempt left, in seconds; no attempt begins later."""
    wait_s: float
    """Longest wait for limits before the first attempt, unless the caller says another."""
    base_s: float
    """Ceiling of the first delay; it doubles with each further one."""
    throttled_base_s: float = 1.0
    """The same after the exchange has asked to slow down without naming a time."""
    cap_s: float = 10.0
    """No ceiling is higher. What the exchange names itself is not capped."""

    def faults(self) -> list[str]:
        """List what is wrong with the numbers, each by its name."""
        found = []
        if not 1 <= self.attempts <= MOST_ATTEMPTS:
            found.append(f"attempts: {self.attempts}; allowed: 1 to {MOST_ATTEMPTS}")
        found.extend(
            f"{name}: {value:g}; allowed: seconds, from 0 to {LONGEST_S:g}"
            for name, value in attrs.asdict(self).items()
            if name != "attempts" and not 0 <= value <= LONGEST_S
        )
        return found
