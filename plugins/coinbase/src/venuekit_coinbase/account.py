"""What the account holds, pays and may do.

Source: Coinbase Advanced Trade API reference, "List Accounts", "Get Transaction Summary",
"Get API Key Permissions", June 2026.
"""

import functools
from collections.abc import Generator, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import Balance, FeeRates, Instrument, KeyPermissions, exact_sum
from venuekit.plugin import Account, Answer, Call, InspectKey, clean
from venuekit_coinbase.calls import answer_as, private
from venuekit_coinbase.figures import amount, some_moment_ns

_PAGE: Final = 250
_MOST_PAGES: Final = 40


class _Money(msgspec.Struct):
    value: str = "0"


class _Account(msgspec.Struct, kw_only=True):
    currency: str
    available_balance: _Money
    hold: _Money = msgspec.field(default_factory=_Money)
    updated_at: str | None = None


class _AccountPage(msgspec.Struct):
    accounts: list[_Account]
    has_next: bool = False
    cursor: str | None = None


class _Tier(msgspec.Struct):
    maker_fee_rate: str
    taker_fee_rate: str


class _Summary(msgspec.Struct):
    fee_tier: _Tier


class _Permissions(msgspec.Struct):
    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str = ""
    portfolio_type: str = ""


class AccountAnswers(Account, InspectKey):
    """Answers for balances, fee rates and the key's permissions."""

    def fetch_balances(self) -> Generator[Call[Any], Any, Sequence[Balance]]:
        """Ask for all balances that are not zero; those of one asset are added up.

        Raises:
            ValueError: The list of accounts does not end.
        """
        rows: list[_Account] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            start = (("cursor", cursor),) if cursor else ()
            page: _AccountPage = yield private(
                "fetch balances", "/accounts", (("limit", str(_PAGE)), *start), _read_accounts
            )
            rows += page.accounts
            cursor = (page.cursor or "") if page.has_next else ""
            if not cursor:
                return _balances(rows)
        msg = f"more than {_MOST_PAGES} pages of accounts"
        raise ValueError(msg)

    def fetch_fees(self, instrument: Instrument) -> Call[FeeRates]:
        """Ask what the account pays for spot orders: one rate for all products."""
        return private(
            "fetch fees",
            "/transaction_summary",
            (("product_type", "SPOT"),),
            functools.partial(_read_fees, instrument),
        )

    def fetch_key_permissions(self) -> Call[KeyPermissions]:
        """Ask what the key may do; its scope is the portfolio that it acts on."""
        return private("fetch key permissions", "/key_permissions", (), _read_permissions)


def _read_accounts(answer: Answer) -> _AccountPage:
    return answer_as(answer, _AccountPage)


def _balances(rows: Sequence[_Account]) -> Sequence[Balance]:
    by_asset: dict[str, list[_Account]] = {}
    for row in rows:
        by_asset.setdefault(row.currency, []).append(row)
    found = []
    for asset, accounts in by_asset.items():
        free = exact_sum(amount(row.available_balance.value) for row in accounts)
        locked = exact_sum(amount(row.hold.value) for row in accounts)
        if free or locked:
            moments = [some_moment_ns(row.updated_at) for row in accounts]
            newest = max((moment for moment in moments if moment is not None), default=None)
            found.append(Balance(asset=asset, free=free, locked=locked, updated_ns=newest))
    return found


def _read_fees(instrument: Instrument, answer: Answer) -> FeeRates:
    tier = answer_as(answer, _Summary).fee_tier
    return FeeRates(
        symbol=instrument.symbol,
        maker=amount(tier.maker_fee_rate),
        taker=amount(tier.taker_fee_rate),
    )


def _read_permissions(answer: Answer) -> KeyPermissions:
    said = answer_as(answer, _Permissions)
    return KeyPermissions(
        can_read=said.can_view,
        can_trade=said.can_trade,
        can_withdraw=said.can_transfer,
        scope=clean(" ".join(text for text in (said.portfolio_type, said.portfolio_uuid) if text)),
    )
