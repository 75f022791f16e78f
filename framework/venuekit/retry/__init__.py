"""Running calls: attempts, classification, retries."""

from venuekit.retry.attempt import Attempt, Observer, OnAnswer, OnAttempt, Time
from venuekit.retry.caller import Caller
from venuekit.retry.failure import error_from
from venuekit.retry.numbering import Nonces
from venuekit.retry.policy import POLICIES, GiveUp, Retry, RetryTokens, decide

__all__ = [
    "POLICIES",
    "Attempt",
    "Caller",
    "GiveUp",
    "Nonces",
    "Observer",
    "OnAnswer",
    "OnAttempt",
    "Retry",
    "RetryTokens",
    "Time",
    "decide",
    "error_from",
]
