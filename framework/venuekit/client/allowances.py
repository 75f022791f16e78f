"""What one opening is allowed: the limits of the account's tier, and how often it may try."""

from collections.abc import Mapping, Sequence

from venuekit.configuration import RetrySettings, Selection
from venuekit.model import ConfigurationError
from venuekit.plugin import BudgetSpec, CallKind, Manifest, RetryPolicy
from venuekit.plugin.hooks import Hooks
from venuekit.retry import POLICIES


def budgets_of(manifest: Manifest, selection: Selection, source: str) -> Sequence[BudgetSpec]:
    """Give the exchange's budgets with the numbers of the account's tier.

    Raises:
        ConfigurationError: The exchange has no such tier.
    """
    tier = None if selection.credentials is None else selection.credentials.tier
    known = sorted({name for budget in manifest.budgets for name in budget.tiers})
    if tier is not None and tier not in known:
        place = f"{source}: exchanges.{manifest.id}.accounts.{selection.account}.tier"
        allowed = ", ".join(known) or f"none, the limits of {manifest.title} go by no tier"
        raise ConfigurationError([f"{place}: {tier!r}; allowed: {allowed}"])
    return tuple(budget.for_tier(tier) for budget in manifest.budgets)


def policies_of(
    manifest: Manifest, hooks: Hooks, settings: Mapping[str, RetrySettings]
) -> Mapping[CallKind, RetryPolicy]:
    """Give how often each kind of request is tried: ours, then extensions', then the user's."""
    found: dict[CallKind, RetryPolicy] = {}
    for kind, policy in POLICIES.items():
        offered = hooks.retry_policy(manifest.id, kind.value, policy)
        found[kind] = settings.get(kind.value, RetrySettings()).applied(offered)
    return found
