"""Limits by the account's tier; how often requests are tried, by extensions and by the user."""

from types import SimpleNamespace

import attrs
import pytest

from tests.limits.exchanges import spec
from venuekit.client.allowances import budgets_of, policies_of
from venuekit.configuration import configuration_from_text
from venuekit.model import ConfigurationError
from venuekit.plugin import CallKind, RetryPolicy, Tier, hookimpl
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.retry import POLICIES

MANIFEST = attrs.evolve(
    Plugins().open_plugin("binance"),
    budgets=(
        attrs.evolve(spec("calls"), tiers={"pro": Tier(capacity=40, interval_s=5)}),
        spec("other"),
    ),
)


def account(*lines: str) -> str:
    keys = ("api_key = 'env:K'", "secret = 'env:S'")
    return "\n".join(["[exchanges.binance.accounts.main]", *keys, *lines])


def test_the_tier_of_the_account_decides_the_numbers() -> None:
    selection = configuration_from_text(account("tier = 'pro'")).select("binance")
    calls, other = budgets_of(MANIFEST, selection, "venuekit.toml")
    assert (calls.capacity, calls.interval_s) == (40, 5)
    assert other == MANIFEST.budgets[1]


def test_without_a_tier_the_lowest_holds() -> None:
    selection = configuration_from_text(account()).select("binance")
    assert budgets_of(MANIFEST, selection, "venuekit.toml") == MANIFEST.budgets


def test_a_tier_that_the_exchange_does_not_have_is_refused_with_those_that_it_has() -> None:
    selection = configuration_from_text(account("tier = 'gold'")).select("binance")
    with pytest.raises(ConfigurationError, match=r"accounts.main.tier: 'gold'; allowed: pro"):
        budgets_of(MANIFEST, selection, "venuekit.toml")


def test_the_users_word_on_retries_comes_after_that_of_extensions() -> None:
    @hookimpl
    def venuekit_retry_policy(kind: str, policy: RetryPolicy) -> RetryPolicy | None:
        return attrs.evolve(policy, attempts=7, total_s=99.0) if kind == "cancel" else None

    extension = SimpleNamespace(venuekit_retry_policy=venuekit_retry_policy)
    hooks = Hooks(modules={"mine": extension}, find=list)
    text = "[exchanges.binance.retries]\ncancel.attempts = 9\nplace.wait_s = 1"
    settings = configuration_from_text(text).select("binance").retries
    found = policies_of(MANIFEST, hooks, settings)

    assert (found[CallKind.CANCEL].attempts, found[CallKind.CANCEL].total_s) == (9, 99.0)
    assert found[CallKind.PLACE] == attrs.evolve(POLICIES[CallKind.PLACE], wait_s=1.0)
    assert found[CallKind.PUBLIC_READ] == POLICIES[CallKind.PUBLIC_READ]
