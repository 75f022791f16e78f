"""How long to wait before the next attempt."""

from random import Random
from typing import Final

import attrs

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0


@attrs.frozen(kw_only=True)
class Backoff:
    """Full jitter: a random part of a span that doubles with each failure.

    Many clients that lost the same server at once come back spread over the whole span.
    """

    random: Random
    first_s: float = _FIRST_S
    longest_s: float = _LONGEST_S

    def delay_s(self, failures: int) -> float:
        """Give the seconds to wait after so many failures in succession, >= 0."""
        span_s = min(self.longest_s, self.first_s * 2 ** min(failures, 16))
        return self.random.uniform(0, span_s)
