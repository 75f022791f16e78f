"""Budgets that are paid before a request leaves."""

from venuekit.limits.budget import Budget, Moment, budget_from
from venuekit.limits.limiter import BudgetState, Grant, Limiter, TooLate
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
