"""What the account holds and pays.

Source: Coinbase Exchange API reference, "Get all accounts for a profile", "Get fees", 2026.
"""

import functools
from collections.abc import Sequence

import msgspec

from venuekit.model import Balance, FeeRates, Instrument, exact_sum
from venuekit.plugin import Account, Answer, Call
from venuekit_coinbase.calls import answer_as
from venuekit_coinbase.exchange.calls import private
from venuekit_coinbase.figures import amount


class _Account(msgspec.Struct, kw_only=True):
    currency: str
    available: str
    hold: str = "0"


class _Fees(msgspec.Struct):
    maker_fee_rate: str
    taker_fee_rate: str


class AccountAnswers(Account):
    """Answers for balances and fee rates."""

    def fetch_balances(self) -> Call[Sequence[Balance]]:
        """Ask for all balances that are not zero, of the profile that the key belongs to."""
        return private("fetch balances", "/accounts", (), _read_balances)

    def fetch_fees(self, instrument: Instrument) -> Call[FeeRates]:
        """Ask what the account pays: one rate for all products."""
        return private("fetch fees", "/fees", (), functools.partial(_read_fees, instrument))


def _read_balances(answer: Answer) -> Sequence[Balance]:
    by_asset: dict[str, list[_Account]] = {}
    for row in answer_as(answer, list[_Account]):
        by_asset.setdefault(row.currency, []).append(row)
    found = []
    for asset, rows in by_asset.items():
        free = exact_sum(amount(row.available) for row in rows)
        locked = exact_sum(amount(row.hold) for row in rows)
        if free or locked:
            found.append(Balance(asset=asset, free=free, locked=locked))
    return found


def _read_fees(instrument: Instrument, answer: Answer) -> FeeRates:
    fees = answer_as(answer, _Fees)
    return FeeRates(
        symbol=instrument.symbol,
        maker=amount(fees.maker_fee_rate),
        taker=amount(fees.taker_fee_rate),
    )
