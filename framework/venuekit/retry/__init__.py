"""Running calls: attempts, classification, retries."""

from venuekit.retry.caller import Attempt, Caller, OnAttempt, Time, error_from
from venuekit.retry.policy import POLICIES, Policy, may_try_again

__all__ = [
    "POLICIES",
    "Attempt",
    "Caller",
    "OnAttempt",
    "Policy",
    "Time",
    "error_from",
    "may_try_again",
]
