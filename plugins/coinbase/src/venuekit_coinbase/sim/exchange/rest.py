"""Every REST call that the simulated exchange answers.

Source: Coinbase Exchange docs, 2026-06. Not offered: ledgers, holds, transfers, withdrawals,
profiles, reports, loans.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from venuekit.sim.faults import FaultKind
from venuekit.sim.money import exact
from venuekit.sim.orders import Side
from venuekit.sim.queries import DAY_NS
from venuekit_coinbase.sim.exchange import payloads
from venuekit_coinbase.sim.exchange.drafts import draft_from
from venuekit_coinbase.sim.exchange.records import CLIENT, FillRecord, OrderRecord, Status
from venuekit_coinbase.sim.exchange.refusals import Refusal, bad, order_not_found
from venuekit_coinbase.sim.purse import RATES
from venuekit_coinbase.sim.wire import SECOND_NS, bare, digits, moment_from, rfc3339, uuid_of

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.venue import Venue

_Row = TypeVar("_Row")
_ZERO: Final = Decimal(0)
_MOST_ROWS: Final = 1_000
_MOST_CANDLES: Final = 300
_GRANULARITIES: Final = (60, 300, 900, 3_600, 21_600, 86_400)
_OPEN: Final = ("open", "pending", "active")
_STATUSES: Final = frozenset({*_OPEN, "received", "done", "rejected", "all"})


@attrs.define(kw_only=True)
class Call:
    """A request that has passed every gate before the business itself."""

    query: Mapping[str, list[str]]
    body: Mapping[str, Any]
    now_ns: int
    clock_ns: int
    account: str = ""
    """Whose key signed it; empty for public calls."""
    id: str = ""
    """What stands in the path where the endpoint has a variable."""
    headers: list[tuple[str, str]] = attrs.field(factory=list)
    """Of the answer."""

    def text(self, name: str, default: str = "") -> str:
        """Give the first value of a parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int | None) -> int | None:
        """Give a whole number, or refuse (400)."""
        text = self.text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdecimal():
            raise bad(f"Invalid {name}")
        return int(text)


@attrs.frozen(kw_only=True)
class Endpoint:
    """One call of the exchange."""

    method: str
    path: str
    """With `{id}` where a variable stands."""
    handler: Callable[["Venue", Call], object]
    permission: str = ""
    """`view` or `trade`; empty for public calls."""


def every_endpoint() -> list[Endpoint]:
    """Give all calls."""
    public = {
        "/time": _time,
        "/products": _products,
        "/products/{id}": _product,
        "/products/{id}/book": _book,
        "/products/{id}/ticker": _ticker,
        "/products/{id}/trades": _trades,
        "/products/{id}/candles": _candles,
        "/products/{id}/stats": _stats,
        "/currencies": _currencies,
        "/currencies/{id}": _currency,
    }
    private: list[tuple[str, str, Callable[[Venue, Call], object], str]] = [
        ("GET", "/accounts", _accounts, "view"),
        ("GET", "/accounts/{id}", _account, "view"),
        ("GET", "/fees", _fees, "view"),
        ("GET", "/fills", _fills, "view"),
        ("GET", "/orders", _orders, "view"),
        ("GET", "/orders/{id}", _order, "view"),
        ("POST", "/orders", _place, "trade"),
        ("DELETE", "/orders", _cancel_all, "trade"),
        ("DELETE", "/orders/{id}", _cancel, "trade"),
    ]
    return [
        *(Endpoint(method="GET", path=path, handler=each) for path, each in public.items()),
        *(
            Endpoint(method=method, path=path, handler=handler, permission=needed)
            for method, path, handler, needed in private
        ),
    ]


# Market data.


def _time(_venue: "Venue", call: Call) -> object:
    seconds, rest = divmod(call.clock_ns // 1_000_000, 1_000)
    return {
        "iso": rfc3339(call.clock_ns, places=3),
        "epoch": bare(Decimal(f"{seconds}.{rest:03}")),
    }


def _products(venue: "Venue", _call: Call) -> object:
    return [payloads.product(venue, book) for book in venue.books]


def _listed(venue: "Venue", call: Call) -> str:
    if call.id not in venue.books:
        raise Refusal(404, "NotFound")
    return call.id


def _product(venue: "Venue", call: Call) -> object:
    return payloads.product(venue, _listed(venue, call))


def _book(venue: "Venue", call: Call) -> object:
    """Give a book; level 3 has strangers' orders of a price as one."""
    book, level = _listed(venue, call), call.text("level", "1")
    if level not in {"1", "2", "3"}:
        raise bad("Invalid level")
    depth = venue.snapshot(book, call.now_ns)
    sides: dict[str, object] = {}
    for name, side, rows in (("bids", Side.BUY, depth.bids), ("asks", Side.SELL, depth.asks)):
        if level == "3":
            sides[name] = [
                entry
                for row in rows
                for entry in _entries(venue, book, side, row.price, row.quantity)
            ]
        else:
            shown = rows[:1] if level == "1" else rows
            sides[name] = [[digits(row.price), digits(row.quantity), 1] for row in shown]
    return {
        "sequence": venue.feed.sequence(book),
        **sides,
        "auction_mode": "auction_mode" in venue.flags(book),
        "auction": None,
        "time": rfc3339(call.clock_ns),
    }


@exact
def _entries(
    venue: "Venue", book: str, side: Side, price: Decimal, total: Decimal
) -> list[list[object]]:
    """Give the orders of one level: those of accounts, and what strangers have as one order."""
    made: list[list[object]] = []
    for record in venue.desk.records.values():
        draft = record.draft
        if record.status is not Status.OPEN or (record.product_id, draft.side) != (book, side):
            continue
        if draft.price == price:
            size = min(record.remaining, draft.max_floor or record.remaining, total)
            total -= size
            made.append([digits(price), digits(size), record.id])
    if total:
        made.append([digits(price), digits(total), uuid_of("strangers", book, side.value, price)])
    return made


def _ticker(venue: "Venue", call: Call) -> object:
    book = _listed(venue, call)
    message = venue.feed.ticker(book, call.now_ns)
    if message is None:
        raise Refusal(404, "NotFound")
    return {
        "trade_id": message["trade_id"],
        "price": message["price"],
        "size": message["last_size"],
        "time": message["time"],
        "bid": message["best_bid"],
        "ask": message["best_ask"],
        "volume": message["volume_24h"],
    }


def _trades(venue: "Venue", call: Call) -> object:
    rows = list(reversed(venue.engine.trades(_listed(venue, call))))
    return [payloads.trade(row) for row in _page(rows, call, lambda row: row.trade_id, 1_000)]


def _candles(venue: "Venue", call: Call) -> object:
    """Give candles as numbers, newest first, those without trades left out."""
    book = _listed(venue, call)
    seconds = call.number("granularity", 60)
    if seconds not in _GRANULARITIES:
        raise bad("Unsupported granularity")
    end_s = _moment_s(call, "end", call.now_ns // SECOND_NS)
    start_s = _moment_s(call, "start", end_s - seconds * (_MOST_CANDLES - 1))
    if (end_s - start_s) // seconds > _MOST_CANDLES:
        raise bad(
            "granularity too small for the requested time range. "
            f"Count of aggregations requested exceeds {_MOST_CANDLES}"
        )
    last_ns = min(end_s * SECOND_NS, call.now_ns) + 1
    made = venue.engine.candles(book, seconds * SECOND_NS, start_s * SECOND_NS, last_ns)
    return [
        [
            each.open_ns // SECOND_NS,
            *(bare(number) for number in (each.low, each.high, each.open, each.close)),
            bare(each.volume),
        ]
        for each in reversed(made)
        if each.trades
    ][:_MOST_CANDLES]


def _moment_s(call: Call, name: str, default: int) -> int:
    """Read a time, in seconds since the epoch or RFC 3339."""
    text = call.text(name)
    if not text:
        return default
    if text.isascii() and text.isdecimal():
        return int(text)
    moment_ns = moment_from(text)
    if moment_ns is None:
        try:
            moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        except ValueError:
            raise bad(f"Invalid {name}") from None
        return int(moment.timestamp())
    return moment_ns // SECOND_NS


def _stats(venue: "Venue", call: Call) -> object:
    book = _listed(venue, call)
    day = venue.engine.statistics(book, call.now_ns)
    month = venue.engine.statistics(book, call.now_ns, 30 * DAY_NS)
    if day is None or month is None:
        raise Refusal(404, "NotFound")
    return {
        "open": digits(day.open),
        "high": digits(day.high),
        "low": digits(day.low),
        "last": digits(day.close),
        "volume": digits(day.volume),
        "volume_30day": digits(month.volume),
    }


def _currencies(venue: "Venue", _call: Call) -> object:
    return payloads.currencies(venue)


def _currency(venue: "Venue", call: Call) -> object:
    for each in payloads.currencies(venue):
        if each["id"] == call.id:
            return each
    raise Refusal(404, "NotFound")


# Accounts.


def _accounts(venue: "Venue", call: Call) -> object:
    return [payloads.account(venue, call.account, asset) for asset in venue.balances(call.account)]


def _account(venue: "Venue", call: Call) -> object:
    for asset in venue.balances(call.account):
        if venue.wallet_id(call.account, asset) == call.id:
            return payloads.account(venue, call.account, asset)
    raise Refusal(404, "NotFound")


@exact
def _fees(venue: "Venue", call: Call) -> object:
    volume = sum(
        (each.value for each in venue.desk.of(call.account) if each.draft.spec.quote == "USD"),
        _ZERO,
    )
    return {
        "maker_fee_rate": f"{RATES.maker:f}",
        "taker_fee_rate": f"{RATES.taker:f}",
        "usd_volume": digits(volume),
    }


def _fills(venue: "Venue", call: Call) -> object:
    """Give fills, newest first."""
    order_id, product_id = call.text("order_id"), call.text("product_id")
    if not order_id and not product_id:
        raise bad("either order_id or product_id is required")  # the text is ours
    rows: list[tuple[OrderRecord, FillRecord]] = [
        (record, row)
        for record in _visible(venue, call)
        for row in record.fills
        if order_id in {"", record.id} and product_id in {"", record.product_id}
    ]
    rows.sort(key=lambda row: -row[1].number)
    chosen = _page(rows, call, lambda row: row[1].number, 100)
    return [payloads.fill(venue, record, row) for record, row in chosen]


# Orders.


def _orders(venue: "Venue", call: Call) -> object:
    """Give orders, newest first; those that ended without a fill are forgotten."""
    wanted = set(call.query.get("status", _OPEN))
    if unknown := wanted - _STATUSES:
        raise bad(f"{min(unknown)} is not a valid status")
    product_id = call.text("product_id")
    rows = [
        record
        for record in reversed(_visible(venue, call))
        if not record.is_forgotten
        and product_id in {"", record.product_id}
        and ("all" in wanted or record.status.value in wanted)
    ]
    chosen = _page(rows, call, lambda record: record.number, 100)
    return [payloads.order(venue, record) for record in chosen]


def _order(venue: "Venue", call: Call) -> object:
    _check_id(call.id)
    record = venue.desk.find(call.account, call.id)
    if record not in _visible(venue, call):
        raise order_not_found()
    return payloads.order(venue, record)


def _visible(venue: "Venue", call: Call) -> list[OrderRecord]:
    """Give an account's orders that queries know, oldest first."""
    fault = venue.faults.lasting(FaultKind.MEMORY_LAG)
    lag_ns = 0 if fault is None else fault.value * 1_000_000
    return [
        record
        for record in venue.desk.of(call.account)
        if not lag_ns or record.created_ns <= call.now_ns - lag_ns
    ]


def _place(venue: "Venue", call: Call) -> object:
    draft = draft_from(call.body, venue.product)
    book = draft.spec.product_id
    flags = venue.flags(book)
    if venue.status(book) != "online":
        raise Refusal(503, "under maintenance")
    if "cancel_only" in flags:
        raise bad("Cancel only mode")
    if flags & {"trading_disabled", "auction_mode"}:
        raise Refusal(403, "Trading pair not available")
    if "limit_only" in flags and draft.kind == "market":
        raise bad("Limit only mode")  # ours, as the next one
    if "post_only" in flags and not draft.post_only:
        raise bad("Post only mode")
    return payloads.order(venue, venue.desk.create(call.account, draft, call.now_ns))


def _cancel(venue: "Venue", call: Call) -> object:
    """Cancel an order, and give its id."""
    _check_id(call.id)
    record = venue.desk.find(call.account, call.id)
    if call.text("product_id", record.product_id) != record.product_id:
        raise order_not_found()
    venue.desk.cancel(record, call.now_ns)
    return record.id


def _cancel_all(venue: "Venue", call: Call) -> object:
    """Cancel orders as far as that goes at once, and give the ids of those."""
    product_id = call.text("product_id")
    if product_id and product_id not in venue.books:
        raise bad("Product not found")
    records = [
        record
        for record in venue.desk.of(call.account)
        if not record.status.is_terminal and product_id in {"", record.product_id}
    ][: venue.behavior.most_canceled]
    for record in records:
        venue.desk.cancel(record, call.now_ns)
    return [record.id for record in records]


def _check_id(name: str) -> None:
    """Refuse what cannot be an order's id (400)."""
    text = name.removeprefix(CLIENT)
    groups = [len(each) for each in text.split("-")]
    if groups != [8, 4, 4, 4, 12]:
        raise bad("Invalid order id")


# Pages.


def _page(
    rows: Sequence[_Row], call: Call, position: Callable[[_Row], int], usual: int
) -> list[_Row]:
    """Give the page that was asked for, and name its ends in headers.

    Args:
        rows: Newest first.
        call: Has `before` (newer than that), `after` (older than that) and `limit`.
        position: Gives a number that grows with time.
        usual: Rows of a page unless the call says otherwise.

    Of the rows that are newer than `before` the newest ones are given, as many as `limit`: which
    ones is not documented.
    """
    before, after = call.number("before", None), call.number("after", None)
    limit = call.number("limit", usual)
    assert limit is not None
    chosen = [
        row
        for row in rows
        if (before is None or position(row) > before) and (after is None or position(row) < after)
    ][: min(max(limit, 1), _MOST_ROWS)]
    if chosen:
        call.headers.append(("CB-BEFORE", str(position(chosen[0]))))
        call.headers.append(("CB-AFTER", str(position(chosen[-1]))))
    return chosen
