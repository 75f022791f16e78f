"""Kraken's errors, by the beginning of their text, and what each says of a request's effect.

Errors are texts, `<severity><category>:<description>[:<detail>]`; the longest known beginning
counts. "Not executed" is documented for the limits, the nonce and the states of the market; where
it is not, a write's effect is unknown.
Source: Kraken API Center, "Spot Error Messages" and "Error messages"; krakenfx/kraken-cli.
"""

from collections.abc import Mapping
from typing import Final

import attrs

from venuekit.model import Advice, Outcome
from venuekit.plugin import DocumentedError, Row


@attrs.frozen
class Meaning:
    """What an error says."""

    reason: str
    advice: Advice = Advice.NEVER
    is_ambiguous: bool = False
    """Whether a write may have had its effect all the same."""
    retry_after_s: float | None = None
    is_ban: bool = False

    def outcome(self, *, is_write: bool) -> Outcome:
        """Say what is known of the effect."""
        if not self.is_ambiguous:
            return Outcome.REJECTED
        return Outcome.UNKNOWN if is_write else Outcome.REJECTED


_DELAY: Final = Advice.AFTER_DELAY
_AGAIN: Final = Advice.AGAIN
_KEY: Final = Meaning("key.rejected")
_PERMISSION: Final = Meaning("permission.denied")
_INVALID: Final = Meaning("request.invalid")
_FUNDS: Final = Meaning("balance.insufficient")
_UNKNOWN_ORDER: Final = Meaning("order.unknown")
_DUPLICATE: Final = Meaning("order.duplicate_id")
_SLOW: Final = Meaning("limit.exceeded", _DELAY, retry_after_s=5.0)
_HALTED: Final = Meaning("instrument.halted")
_LIMITS: Final = Meaning("order.too_many_open")

MEANINGS: Final[Mapping[str, Meaning]] = {
    "EAPI:Invalid key": _KEY,
    "EAPI:Invalid signature": Meaning("key.bad_signature"),
    "EAPI:Invalid nonce": Meaning("nonce.invalid", Advice.NEW_NONCE),
    "EGeneral:Permission denied": _PERMISSION,
    "EAccount:Invalid permissions": _PERMISSION,
    "EAuth:Account temporary disabled": _PERMISSION,
    "EAuth:Account unconfirmed": _PERMISSION,
    "EAuth:Failed": _KEY,
    "ETrade:User Locked": _PERMISSION,
    "ETrade:Locked": _PERMISSION,
    "ESession:Invalid session": Meaning("key.token_expired", _AGAIN),
    # Each further attempt begins the waiting anew.
    "EGeneral:Temporary lockout": Meaning("limit.banned", _DELAY, retry_after_s=900.0, is_ban=True),
    "EAuth:Rate limit exceeded": Meaning("limit.exceeded", _DELAY, retry_after_s=30.0),
    "EAuth:Too many requests": Meaning("limit.exceeded", _DELAY, retry_after_s=30.0),
    "EAPI:Rate limit exceeded": _SLOW,
    "EGeneral:Too many requests": _SLOW,
    "EService:Throttled": _SLOW,
    # Of messages over a socket, without Kraken's usual beginning.
    "Exceeded msg rate": _SLOW,
    "Currency pair not supported": Meaning("instrument.unknown"),
    "Unsupported field": _INVALID,
    "EOrder:Rate limit exceeded": Meaning("limit.orders", _DELAY, retry_after_s=5.0),
    "EOrder:Domain rate limit exceeded": Meaning("limit.orders", _DELAY, retry_after_s=5.0),
    "EOrder:Orders limit exceeded": _LIMITS,
    "EOrder:Positions limit exceeded": _LIMITS,
    "EOrder:Scheduled orders limit exceeded": _LIMITS,
    "EOrder:Insufficient funds": _FUNDS,
    "EFunding:Insufficient funds": _FUNDS,
    "EFunding:Invalid amount": _FUNDS,
    "EOrder:Insufficient margin": _FUNDS,
    "EOrder:Insufficient initial margin": _FUNDS,
    "EOrder:Margin allowance exceeded": _FUNDS,
    "EOrder:Margin level too low": _FUNDS,
    "EOrder:Margin position size exceeded": _FUNDS,
    "EOrder:Unknown order": _UNKNOWN_ORDER,
    # Of a cancel: an id that Kraken never gave.
    "EOrder:Invalid order": _UNKNOWN_ORDER,
    "EQuery:Unknown order": _UNKNOWN_ORDER,
    "EFunding:Unknown reference id": _UNKNOWN_ORDER,
    "EGeneral:Invalid arguments:cl_ord_id not unique": _DUPLICATE,
    "EOrder:Duplicate order": _DUPLICATE,
    "EGeneral:Invalid arguments": _INVALID,
    "EGeneral:Unknown method": _INVALID,
    "EAPI:Bad request": _INVALID,
    "EAPI:Feature disabled": Meaning("order.not_supported"),
    "EQuery:Unknown asset pair": Meaning("instrument.unknown"),
    "EQuery:Invalid asset pair": Meaning("instrument.unknown"),
    "EQuery:Unknown asset": Meaning("instrument.unknown"),
    "EOrder:Order minimum not met": Meaning("quantity.below_minimum"),
    "EOrder:Cost minimum not met": Meaning("notional.below_minimum"),
    "EOrder:Tick size check failed": Meaning("price.off_tick"),
    "EOrder:Invalid price": Meaning("price.invalid"),
    "EOrder:Invalid limit price": Meaning("price.invalid"),
    "EOrder:Post only order": Meaning("order.would_match"),
    "EOrder:Cannot open position": Meaning("order.not_supported"),
    "EOrder:Cannot open opposing position": Meaning("order.not_supported"),
    "EOrder:Unknown position": _INVALID,
    "EOrder:Reduce only": Meaning("order.reduce_only"),
    "EOrder:Trading agreement required": _PERMISSION,
    "EBM:limit exceeded:CAL": _LIMITS,
    "ETrade:Invalid request": _INVALID,
    "EOrder:Order not editable": Meaning("order.amend_refused"),
    "EOrder:Not enough leaves qty": Meaning("order.amend_refused"),
    "EOrder:Cancel pending": Meaning("order.cancel_pending", _AGAIN, is_ambiguous=True),
    "EFunding:Max fee exceeded": _INVALID,
    "EFunding:Unknown withdraw key": _INVALID,
    "EFunding:Unknown asset": _INVALID,
    "EFunding:No funding method": _INVALID,
    "EFunding:Too many addresses": _INVALID,
    "EFunding:Invalid reference id": _INVALID,
    "Invalid withdrawal address": _INVALID,
    "EService:Market in cancel_only mode": _HALTED,
    "EService:Market in post_only mode": _HALTED,
    "EService:Market in limit_only mode": _HALTED,
    "EService:Unavailable": Meaning("exchange.unavailable", _AGAIN, is_ambiguous=True),
    "EService:Busy": Meaning("exchange.overloaded", _DELAY, is_ambiguous=True),
    "EService:Deadline elapsed": Meaning("request.expired", _AGAIN, is_ambiguous=True),
    "EService:Timeout": Meaning("exchange.timeout", _AGAIN, is_ambiguous=True),
    "EGeneral:Internal error": Meaning("exchange.failed", _AGAIN, is_ambiguous=True),
    "EDatabase:Internal error": Meaning("exchange.failed", _AGAIN, is_ambiguous=True),
}
"""By beginning."""


def documented() -> tuple[DocumentedError, ...]:
    """Give all of them as they are for a write."""
    return tuple(
        DocumentedError(
            beginning,
            Row(
                outcome=meaning.outcome(is_write=True),
                advice=meaning.advice,
                reason=meaning.reason,
            ),
            retry_after_s=meaning.retry_after_s,
        )
        for beginning, meaning in MEANINGS.items()
    )


LONGEST_FIRST: Final = tuple(sorted(MEANINGS, key=len, reverse=True))
