"""What the account holds, pays and has used.

Source: Binance Spot `rest-api.md` "Account endpoints", `faqs/commission_faq.md`, 2026-07-21.
"""

import functools
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from venuekit.model import Balance, BudgetUsage, FeeRates, Instrument, decimal_from_text, exact_sum
from venuekit.plugin import Account, Answer, Call, OrderUsage
from venuekit_binance.calls import answer_as, private
from venuekit_binance.errors import budget_name, interval_s
from venuekit_binance.figures import amount, moment_ns


class _Balance(msgspec.Struct):
    asset: str
    free: str
    locked: str


class _Account(msgspec.Struct, rename="camel"):
    balances: list[_Balance]
    update_time: int


class _Rates(msgspec.Struct):
    maker: str
    taker: str
    buyer: str
    seller: str


class _Discount(msgspec.Struct, rename="camel"):
    enabled_for_account: bool
    enabled_for_symbol: bool
    discount_asset: str | None = None
    discount: str = "1"


class _Commission(msgspec.Struct, rename="camel"):
    symbol: str
    standard_commission: _Rates
    tax_commission: _Rates
    discount: _Discount
    special_commission: _Rates | None = None


class _OrderCount(msgspec.Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int


class AccountAnswers(Account, OrderUsage):
    """Answers for balances, fee rates and order counts."""

    def fetch_balances(self) -> Call[Sequence[Balance]]:
        """Ask for all balances that are not zero."""
        pairs = (("omitZeroBalances", "true"),)
        return private("fetch balances", "account", pairs, _read_balances, weight=20)

    def fetch_fees(self, instrument: Instrument) -> Call[FeeRates]:
        """Ask what the account pays on `instrument`: standard, special and tax rates together.

        Rates that differ for buyer and seller are given as the higher one. The discount holds
        for the standard part.
        """
        return private(
            "fetch fees",
            "account/commission",
            (("symbol", instrument.native),),
            functools.partial(_read_fees, instrument),
            weight=20,
        )

    def fetch_order_usage(self) -> Call[Sequence[BudgetUsage]]:
        """Ask for the account's counts of unfilled orders, by 10 seconds and by day."""
        return private("fetch order usage", "rateLimit/order", (), _read_order_usage, weight=40)


def _read_balances(answer: Answer) -> Sequence[Balance]:
    account = answer_as(answer, _Account)
    updated_ns = moment_ns(account.update_time)
    balances = [
        Balance(
            asset=row.asset,
            free=amount(row.free),
            locked=amount(row.locked),
            updated_ns=updated_ns,
        )
        for row in account.balances
    ]
    return [balance for balance in balances if balance.free or balance.locked]


def _read_fees(instrument: Instrument, answer: Answer) -> FeeRates:
    row = answer_as(answer, _Commission)
    if row.symbol != instrument.native:
        msg = f"fees of {row.symbol[:40]!r} where {instrument.native!r} was asked for"
        raise ValueError(msg)
    parts = [row.standard_commission, row.tax_commission]
    if row.special_commission is not None:
        parts.append(row.special_commission)
    by_side = max(_total(parts, "buyer"), _total(parts, "seller"))
    discount = row.discount
    is_on = discount.enabled_for_account and discount.enabled_for_symbol
    return FeeRates(
        symbol=instrument.symbol,
        maker=exact_sum((_total(parts, "maker"), by_side)),
        taker=exact_sum((_total(parts, "taker"), by_side)),
        discount_asset=discount.discount_asset if is_on else None,
        discount_factor=amount(discount.discount) if is_on else None,
    )


def _total(parts: Sequence[_Rates], name: str) -> Decimal:
    return exact_sum(decimal_from_text(getattr(part, name)) for part in parts)


def _read_order_usage(answer: Answer) -> Sequence[BudgetUsage]:
    found = []
    for row in answer_as(answer, list[_OrderCount]):
        unit = row.interval[:1].lower()
        name = budget_name(row.rate_limit_type, row.interval_num, unit)
        if name is None:
            msg = f"limiter {row.rate_limit_type[:40]!r} among the order counts"
            raise ValueError(msg)
        found.append(
            BudgetUsage(
                budget=name,
                used=row.count,
                capacity=row.limit,
                interval_s=interval_s(row.interval_num, unit),
            )
        )
    return found
