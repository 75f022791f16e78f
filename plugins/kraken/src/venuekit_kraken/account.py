"""What the account holds and pays.

Source: Kraken API Center, "Get Extended Balance", "Get Trade Volume", June 2026.
"""

import functools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from venuekit.model import Balance, FeeRates, Instrument, exact_sum
from venuekit.plugin import Account, Answer, Call
from venuekit_kraken.calls import private, result_as
from venuekit_kraken.figures import amount, signed
from venuekit_kraken.naming import asset_name

_PERCENT: Final = Decimal("0.01")


class _Balance(msgspec.Struct):
    balance: str
    hold_trade: str = "0"
    credit: str = "0"
    credit_used: str = "0"


class _Rate(msgspec.Struct):
    fee: str


class _Volume(msgspec.Struct):
    fees: dict[str, _Rate]
    fees_maker: dict[str, _Rate] = {}


class AccountAnswers(Account):
    """Answers for balances and fee rates."""

    def fetch_balances(self) -> Call[Sequence[Balance]]:
        """Ask for all balances that are not zero.

        Views of staked or lent amounts keep their suffix (`USDT.F`): they are not for orders.
        """
        return private("fetch balances", "BalanceEx", (), _read_balances)

    def fetch_fees(self, instrument: Instrument) -> Call[FeeRates]:
        """Ask what the account pays on `instrument`, which is more than the public list says."""
        return private(
            "fetch fees",
            "TradeVolume",
            (("pair", instrument.native),),
            functools.partial(_read_fees, instrument),
        )


def _read_balances(answer: Answer) -> Sequence[Balance]:
    rows = result_as(answer, dict[str, _Balance])
    found = []
    for name, row in rows.items():
        locked = amount(row.hold_trade)
        parts = (signed(row.balance), signed(row.credit), -signed(row.credit_used), -locked)
        free = exact_sum(parts)
        if free or locked:
            found.append(Balance(asset=asset_name(name), free=free, locked=locked))
    return found


def _read_fees(instrument: Instrument, answer: Answer) -> FeeRates:
    volume = result_as(answer, _Volume)
    taker = _only(volume.fees)
    return FeeRates(
        symbol=instrument.symbol,
        # Pairs without a schedule for makers charge them as takers.
        maker=_only(volume.fees_maker) if volume.fees_maker else taker,
        taker=taker,
    )


def _only(rates: Mapping[str, _Rate]) -> Decimal:
    if len(rates) != 1:
        msg = f"fees of {len(rates)} pairs, one was asked for"
        raise ValueError(msg)
    (rate,) = rates.values()
    return amount(rate.fee) * _PERCENT
