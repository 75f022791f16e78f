"""Private calls that change nothing: balances, orders, trades, ledgers, fees, the key itself.

Source: Kraken API Center, Spot REST account data pages; live measurements named in the fact sheet.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from venuekit.sim.faults import FaultKind
from venuekit_kraken.sim import order_payloads as write
from venuekit_kraken.sim.arguments import decimal_from
from venuekit_kraken.sim.calls import Call
from venuekit_kraken.sim.records import LedgerRecord, Ticket
from venuekit_kraken.sim.refusals import UNKNOWN_QUERY, Refusal, invalid
from venuekit_kraken.sim.security import TOKEN_LIFE_S
from venuekit_kraken.sim.wire import SECOND_NS, plain
from venuekit_kraken.sim.world import AssetSpec

_PAGE: Final = 50
_ORDERS_MOST: Final = 50
_IDS_MOST: Final = 20
_TICK_NS: Final = 100_000  # order times are told to a tenth of a millisecond
_ZERO: Final = Decimal(0)
_Record = TypeVar("_Record")


# Money.


def balance(call: Call) -> object:
    """Give what there is of every asset, held or not."""
    amounts = _amounts(call)
    return {asset.id: asset.amount(total) for asset, total, _ in amounts} | _earning(call)


def balance_ex(call: Call) -> object:
    """Give balances with what open orders hold."""
    body: dict[str, object] = {
        asset.id: _extended(asset.amount(total), asset.amount(held))
        for asset, total, held in _amounts(call)
    }
    for name, amount in _earning(call).items():
        body[name] = _extended(amount, "0.0000")
    return body


def _extended(total: str, held: str) -> dict[str, object]:
    return {"balance": total, "credit": "0.0000", "credit_used": "0.0000", "hold_trade": held}


def _amounts(call: Call) -> list[tuple[AssetSpec, Decimal, Decimal]]:
    venue, account = call.venue, call.account
    return [
        (venue.names.asset_of_symbol(symbol), each.free + each.locked, venue.held(account, symbol))
        for symbol, each in venue.engine.balances(account).items()
    ]


def _earning(call: Call) -> dict[str, str]:
    return {name: plain(amount, 8) for name, amount in call.owner.earning.items()}


def trade_balance(call: Call) -> object:
    """Give the worth of everything in one asset; nothing is borrowed here."""
    venue = call.venue
    asset = venue.names.asset(call.arguments.text("asset") or "ZUSD")
    worth = _ZERO
    for held, total, _ in _amounts(call):
        price = _price(call, held.symbol, asset.symbol)
        worth += _ZERO if price is None else price * total
    text, nothing = plain(worth, 4), "0.0000"
    return {
        "eb": text,
        "tb": text,
        "m": nothing,
        "uv": nothing,
        "n": nothing,
        "c": nothing,
        "v": nothing,
        "e": text,
        "mf": text,
    }


def _price(call: Call, asset: str, other: str) -> Decimal | None:
    if asset == other:
        return Decimal(1)
    pairs = call.venue.names.pairs
    direct, inverse = pairs.get(f"{asset}/{other}"), pairs.get(f"{other}/{asset}")
    if direct is not None:
        return call.venue.last_price(direct)
    price = None if inverse is None else call.venue.last_price(inverse)
    return None if price is None else 1 / price


# Orders.


def open_orders(call: Call) -> object:
    """Give all open orders."""
    found = _filtered(call, [one for one in call.owner.tickets.values() if _is_open(call, one)])
    return {"open": _orders(call, reversed(found))}


def _is_open(call: Call, ticket: Ticket) -> bool:
    return ticket.is_open and not _is_too_young(call, ticket.created_ns)


def closed_orders(call: Call) -> object:
    """Give orders that are done, the newest first, fifty at a time."""
    sent = call.arguments
    by = sent.choice("closetime", ("open", "close", "both"), "both")
    start_ns, end_ns = _bound(call, "start", by), _bound(call, "end", by)

    def is_within(ticket: Ticket) -> bool:
        moments = {
            "open": (ticket.created_ns,),
            "close": (ticket.closed_ns,),
            "both": (ticket.created_ns, ticket.closed_ns),
        }[by]
        return any(_is_between(at_ns, start_ns, end_ns) for at_ns in moments)

    done = [one for one in call.owner.tickets.values() if not one.is_open]
    done = [one for one in done if not _is_too_young(call, one.created_ns) and is_within(one)]
    done.sort(key=lambda ticket: ticket.created_ns if by == "open" else ticket.closed_ns)
    found = _filtered(call, done)
    body: dict[str, object] = {"closed": _orders(call, _page(call, found))}
    return _counted(call, body, len(found))


def query_orders(call: Call) -> object:
    """Give orders by id; a client's name next to it is honoured, too."""
    asked = call.arguments.names("txid")
    if not asked or len(asked) > _ORDERS_MOST:
        raise invalid("txid")
    known = [call.owner.tickets[txid] for txid in asked if txid in call.owner.tickets]
    if not known:
        raise Refusal(UNKNOWN_QUERY)
    visible = [one for one in known if not _is_too_young(call, one.created_ns)]
    return _orders(call, _filtered(call, visible))


def _filtered(call: Call, tickets: Iterable[Ticket]) -> list[Ticket]:
    userref, name = call.arguments.int32("userref"), call.arguments.text("cl_ord_id")
    return [
        ticket
        for ticket in tickets
        if (userref is None or ticket.draft.userref == userref)
        and (name is None or ticket.draft.cl_ord_id == name)
    ]


def _orders(call: Call, tickets: Iterable[Ticket]) -> dict[str, object]:
    with_trades = call.arguments.flag("trades")
    return {
        ticket.id: write.rest_order(_as_seen(call, ticket), with_trades=with_trades)
        for ticket in tickets
    }


def _is_too_young(call: Call, created_ns: int) -> bool:
    """Say whether a fault hides what is so new from this query."""
    fault = call.venue.faults.lasting(FaultKind.MEMORY_LAG, topic=call.name)
    return fault is not None and call.now_ns - created_ns < fault.value * 1_000_000


def _as_seen(call: Call, ticket: Ticket) -> Ticket:
    """Give an order as it was before an amendment that queries do not know of yet."""
    fault = call.venue.faults.lasting(FaultKind.MEMORY_LAG, topic="AmendOrder")
    is_lagging = fault is not None and call.now_ns - ticket.touched_ns < fault.value * 1_000_000
    return ticket.before_amend if is_lagging and ticket.before_amend is not None else ticket


def order_amends(call: Call) -> object:
    """Give the versions of an order, oldest first."""
    ticket = call.owner.tickets.get(call.arguments.sure_text("order_id"))
    if ticket is None:
        raise Refusal(UNKNOWN_QUERY)
    rows = [write.rest_amend(amend, ticket.pair) for amend in ticket.amends]
    return {"count": len(rows), "amends": rows}


# Trades and ledgers.

_POSITIONS: Final = (
    "all",
    "any position",
    "closed position",
    "closing position",
    "no position",
)


def trades_history(call: Call) -> object:
    """Give fills, the newest first, fifty at a time."""
    kind = call.arguments.choice("type", _POSITIONS, "all")
    start_ns, end_ns = _bound(call, "start"), _bound(call, "end")
    found = [
        trade
        for trade in call.owner.trades.values()
        if _is_between(trade.at_ns, start_ns, end_ns) and not _is_too_young(call, trade.at_ns)
    ]
    if kind not in {"all", "no position"}:
        found = []
    with_ledgers = call.arguments.flag("ledgers")
    rows = {
        trade.id: write.rest_trade(trade, with_ledgers=with_ledgers) for trade in _page(call, found)
    }
    return _counted(call, {"trades": rows}, len(found))


def query_trades(call: Call) -> object:
    """Give fills by id."""
    return {
        trade.id: write.rest_trade(trade, with_ledgers=True)
        for trade in _by_id(call, "txid", call.owner.trades)
    }


def ledgers(call: Call) -> object:
    """Give movements of money, the newest first, fifty at a time."""
    sent, names = call.arguments, call.venue.names
    asked = sent.names("asset")
    symbols = {names.asset(name).symbol for name in asked if name != "all"}
    kind = sent.text("type") or "all"
    start_ns, end_ns = _bound(call, "start"), _bound(call, "end")
    found = [
        entry
        for entry in call.owner.ledgers.values()
        if _is_between(entry.at_ns, start_ns, end_ns)
        and (not symbols or entry.asset in symbols)
        and kind in {"all", entry.kind}
    ]
    rows = {entry.id: _entry(call, entry) for entry in _page(call, found)}
    return _counted(call, {"ledger": rows}, len(found))


def query_ledgers(call: Call) -> object:
    """Give movements of money by id."""
    return {entry.id: _entry(call, entry) for entry in _by_id(call, "id", call.owner.ledgers)}


def _entry(call: Call, entry: LedgerRecord) -> dict[str, object]:
    return write.rest_ledger(entry, call.venue.names.asset_of_symbol(entry.asset))


def _by_id(call: Call, name: str, records: dict[str, _Record]) -> list[_Record]:
    asked = call.arguments.names(name)
    if not asked or len(asked) > _IDS_MOST:
        raise invalid(name)
    return [records[each] for each in asked if each in records]


# Pages.


def _bound(call: Call, name: str, by: str = "close") -> int | None:
    """Give the moment that a time or the id of a record stands for."""
    text = call.arguments.text(name)
    if text is None:
        return None
    owner = call.owner
    ticket, trade, entry = owner.tickets.get(text), owner.trades.get(text), owner.ledgers.get(text)
    if ticket is not None:
        return ticket.created_ns if by == "open" else ticket.closed_ns
    for record in (trade, entry):
        if record is not None:
            return record.at_ns
    value = decimal_from(text)
    if value is None:
        raise invalid(name)
    return int(value * SECOND_NS)


def _is_between(at_ns: int, start_ns: int | None, end_ns: int | None) -> bool:
    """Say whether a time as it is told lies after the start and not after the end."""
    at_ns = at_ns // _TICK_NS
    return (start_ns is None or at_ns > start_ns // _TICK_NS) and (
        end_ns is None or at_ns <= end_ns // _TICK_NS
    )


def _page(call: Call, oldest_first: Sequence[_Record]) -> list[_Record]:
    offset = call.arguments.integer("ofs") or 0
    if offset < 0:
        raise invalid("ofs")
    return list(reversed(oldest_first))[offset : offset + _PAGE]


def _counted(call: Call, body: dict[str, object], count: int) -> dict[str, object]:
    return body if call.arguments.flag("without_count") else {**body, "count": count}


# Fees and keys.


def trade_volume(call: Call) -> object:
    """Give the fees of pairs, in percent."""
    names, owner = call.venue.names, call.owner
    pairs = [names.pair(name) for name in call.arguments.names("pair")]

    def fees(rate: Decimal) -> dict[str, object]:
        percent = plain(rate * 100, 4)
        row = {
            "fee": percent,
            "min_fee": "0.0000",
            "max_fee": percent,
            "next_fee": None,
            "tier_volume": "0.0000",
            "next_volume": None,
        }
        return {pair.id: row for pair in pairs}

    body: dict[str, object] = {"currency": "ZUSD", "volume": plain(owner.volume, 4)}
    if not pairs:
        return body
    return {**body, "fees": fees(owner.taker_fee), "fees_maker": fees(owner.maker_fee)}


def websockets_token(call: Call) -> object:
    """Give a token for private channels."""
    token = call.venue.tokens.issue(call.sure_key, call.now_ns)
    return {"token": token.text, "expires": TOKEN_LIFE_S}


def api_key_info(call: Call) -> object:
    """Tell what is known of the key, its nonce included."""
    key = call.sure_key
    return {
        "apiKeyName": key.account,
        "apiKey": key.name,
        "nonce": str(key.nonce),
        "nonceWindow": key.nonce_window,
        "permissions": sorted(key.permissions),
        "iban": "",
        "validUntil": str(key.valid_until_ns // SECOND_NS),
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": str(key.created_ns // SECOND_NS),
        "modifiedTime": str(key.created_ns // SECOND_NS),
        "ipAllowlist": [],
        "lastUsed": str(key.last_used_ns // SECOND_NS),
    }
