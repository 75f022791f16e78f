"""Budgets that are paid before a request leaves."""

from venuekit.limits.budget import Budget, budget_from
from venuekit.limits.limiter import BudgetState, Grant, Lane, Limiter, TooLate

__all__ = ["Budget", "BudgetState", "Grant", "Lane", "Limiter", "TooLate", "budget_from"]
