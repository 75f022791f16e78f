"""What Coinbase says of its limits in the headers of an answer.

Source: coinbase-advanced-py 1.8.4, constants; which of the limits they are about, and over what
time, is not documented.
"""

import re
from collections.abc import Sequence
from typing import Final

from venuekit.model import BudgetUsage
from venuekit.plugin import Adapter, Answer

_LIMIT: Final = "x-ratelimit-limit"
_REMAINING: Final = "x-ratelimit-remaining"
_BUDGETS: Final = {"10": "public", "30": "private"}
"""By the number that the limit has in the documents: one that is none of them is another limit."""
_COUNT: Final = re.compile(r"[0-9]{1,9}")


class Usage(Adapter):
    """Reads how much of the limits is used."""

    def usage(self, answer: Answer) -> Sequence[BudgetUsage]:
        """Give what is used of the limit that the headers name, if they name one of ours."""
        limit, left = (answer.headers.get(name, "") for name in (_LIMIT, _REMAINING))
        budget = _BUDGETS.get(limit)
        if budget is None or _COUNT.fullmatch(left) is None:
            return ()
        return (BudgetUsage(budget=budget, used=max(0, int(limit) - int(left))),)
