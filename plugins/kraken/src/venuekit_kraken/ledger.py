"""What moved the account's balances.

Source: Kraken API Center, "Get Ledgers Info", June 2026.
"""

from collections.abc import Generator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from venuekit.model import LedgerEntry
from venuekit.plugin import Answer, Call, Ledger
from venuekit_kraken.calls import result_as
from venuekit_kraken.figures import amount, seconds_ns, signed
from venuekit_kraken.naming import altname, asset_name
from venuekit_kraken.order_reports import exchange_id
from venuekit_kraken.pages import Page, check_span, is_inside, paged, span


class _Row(msgspec.Struct, kw_only=True):
    refid: str | None = None
    time: Decimal | int
    type: str
    asset: str
    amount: str
    fee: str = "0"
    balance: str = ""


class _Ledger(msgspec.Struct):
    ledger: dict[str, _Row]
    count: int | None = None


class LedgerPages(Ledger):
    """Answers for the account's ledger."""

    def fetch_ledger(
        self, asset: str | None, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[LedgerEntry]]:
        """Ask for entries, oldest first; the newest `limit` of the span, 50 for a cost of 4.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 19,600 entries.
        """
        check_span(limit, since_ns, until_ns)
        named = () if asset is None else (("asset", altname(asset)),)

        def wanted(rows: Mapping[str, LedgerEntry]) -> list[LedgerEntry]:
            return [
                entry
                for entry in rows.values()
                if is_inside(entry.time_ns, since_ns, until_ns)
                and (asset is None or entry.asset == asset)
            ]

        rows = yield from paged(
            "fetch ledger",
            "Ledgers",
            (*named, *span(since_ns, until_ns)),
            _read,
            lambda found, _: len(wanted(found)) >= limit,
        )
        # Among entries of one moment Kraken's order counts: newest first, as all of them came.
        oldest_first = wanted(rows)
        oldest_first.reverse()
        oldest_first.sort(key=lambda entry: entry.time_ns)
        return oldest_first[-limit:]


def _read(answer: Answer) -> Page[LedgerEntry]:
    said = result_as(answer, _Ledger)
    return Page({name: _entry(name, row) for name, row in said.ledger.items()}, said.count)


def _entry(name: str, row: _Row) -> LedgerEntry:
    return LedgerEntry(
        id=str(exchange_id(name)),
        reference=row.refid or "",
        time_ns=seconds_ns(row.time),
        kind=row.type,
        asset=asset_name(row.asset),
        amount=signed(row.amount),
        fee=amount(row.fee),
        # Of what is still on its way nothing is said.
        balance=signed(row.balance) if row.balance else None,
    )
