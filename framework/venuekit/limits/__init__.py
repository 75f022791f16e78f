"""Budgets that are paid before a request leaves."""

from venuekit.limits.budget import Budget, Moment, budget_from
from venuekit.limits.grant import Grant, TooLate
from venuekit.limits.limiter import BudgetState, Limiter
from venuekit.limits.line import Lane

__all__ = [
    "Budget",
    "BudgetState",
    "Grant",
    "Lane",
    "Limiter",
    "Moment",
    "TooLate",
    "budget_from",
]
