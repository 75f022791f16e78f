"""Budgets that are paid before a request leaves."""

from venuekit.limits.budget import Budget, Moment, budget_from
from venuekit.limits.grant import Grant, TooLate
from venuekit.limits.limiter import BudgetState, Limiter, LimitFigures
from venuekit.limits.line import Lane

__all__ = [
    "Budget",
    "BudgetState",
    "Grant",
    "Lane",
    "LimitFigures",
    "Limiter",
    "Moment",
    "TooLate",
    "budget_from",
]
