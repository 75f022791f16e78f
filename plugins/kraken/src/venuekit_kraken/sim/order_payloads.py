"""Orders, trades and ledger entries as the exchange writes them.

Source: Kraken API Center, Get Open Orders, Get Trades History, Get Ledgers, executions, balances.
"""

from decimal import Decimal
from typing import Final

from venuekit_kraken.sim.drafts import TRIGGERED, WITH_LIMIT
from venuekit_kraken.sim.prices import PriceText
from venuekit_kraken.sim.records import AmendRecord, LedgerRecord, Ticket, TradeRecord
from venuekit_kraken.sim.wire import number, plain, rfc3339, seconds
from venuekit_kraken.sim.world import AssetSpec, PairSpec

Body = dict[str, object]
_ZERO: Final = Decimal(0)


# REST.


def description(ticket: Ticket) -> Body:
    """Describe an order in words, for `AddOrder`; with what each fill places, where it does."""
    body: Body = {"order": _sentence(ticket)}
    close = _close_sentence(ticket)
    return {**body, "close": close} if close else body


def _sentence(ticket: Ticket) -> str:
    pair, draft = ticket.pair, ticket.draft
    head = f"{draft.side} {pair.volume(ticket.volume)} {pair.altname} @"
    if draft.type == "market":
        return f"{head} market"
    return f"{head} {_price_words(draft.type, *_price_texts(ticket))}"


def _price_words(kind: str, price: str, price2: str) -> str:
    if kind not in TRIGGERED:
        return f"{'limit' if kind == 'iceberg' else kind} {price}"
    words = f"{kind.removesuffix('-limit').replace('-', ' ')} {price}"
    return f"{words} -> limit {price2}" if kind in WITH_LIMIT else words


def _close_sentence(ticket: Ticket) -> str:
    close = ticket.draft.close
    if close is None:
        return ""
    price, price2 = (_text(each, ticket.pair) for each in (close.price, close.price2))
    return f"close position @ {_price_words(close.type, price, price2)}"


def _text(price: PriceText | None, pair: PairSpec) -> str:
    if price is None:
        return "0"
    return price.text if price.is_relative else pair.price(price.value)


def _price_texts(ticket: Ticket) -> tuple[str, str]:
    """Give `price` and `price2` as the description of an order has them."""
    pair, draft = ticket.pair, ticket.draft
    if ticket.trail is not None:
        return _text(ticket.trail, pair), _text(draft.price2, pair)
    prices = (
        (ticket.trigger_price, ticket.limit_price)
        if draft.type in TRIGGERED
        else (ticket.limit_price, None)
    )
    first, second = ("0" if price is None else pair.price(price) for price in prices)
    return first, second


def rest_order(ticket: Ticket, *, with_trades: bool) -> Body:
    """Write an order as the queries do."""
    pair, draft = ticket.pair, ticket.draft
    price, price2 = _price_texts(ticket)
    body: Body = {
        "refid": ticket.refid,
        "userref": draft.userref,
        "cl_ord_id": draft.cl_ord_id,
        "status": ticket.status,
        "opentm": seconds(ticket.created_ns),
        "starttm": seconds(draft.starts_ns),
        "expiretm": seconds(draft.expires_ns),
        "descr": {
            "pair": pair.altname,
            "type": draft.side,
            "ordertype": draft.type,
            "price": price,
            "price2": price2,
            "leverage": "none",
            "order": _sentence(ticket),
            "close": _close_sentence(ticket),
        },
        "vol": pair.volume(ticket.volume),
        "vol_exec": pair.volume(ticket.executed),
        "cost": pair.cost(ticket.cost),
        "fee": pair.cost(ticket.fee),
        "price": pair.wide_price(ticket.average),
        "stopprice": pair.wide_price(_ZERO),
        "limitprice": pair.wide_price(_ZERO),
        "misc": ",".join(ticket.misc),
        "oflags": ",".join(_flags(ticket)),
    }
    if draft.type in TRIGGERED:
        body["trigger"] = draft.reference
        body["stopprice"] = pair.wide_price(ticket.trigger_price or _ZERO)
        if ticket.is_triggered:
            body["limitprice"] = pair.wide_price(ticket.limit_price or _ZERO)
    if draft.type == "iceberg":
        body["displayvol"] = pair.volume(ticket.display or _ZERO)
    if with_trades:
        body["trades"] = list(ticket.trades)
    if not ticket.is_open:
        body["closetm"] = seconds(ticket.closed_ns)
        body["reason"] = ticket.reason
    return body


def _flags(ticket: Ticket) -> list[str]:
    flags = [flag for flag in ticket.draft.flags if flag != "post"]
    if "fcib" not in flags and "fciq" not in flags:
        flags.insert(0, "fciq")
    return ["post", *flags] if ticket.is_post_only else flags


def rest_trade(trade: TradeRecord, *, with_ledgers: bool = False) -> Body:
    """Write a fill as `TradesHistory` does."""
    pair, ticket = trade.ticket.pair, trade.ticket
    body: Body = {
        "ordertxid": ticket.id,
        "postxid": f"T{ticket.id[1:]}",
        "pair": pair.id,
        "time": seconds(trade.at_ns),
        "type": ticket.draft.side,
        "ordertype": ticket.draft.type,
        "price": pair.wide_price(trade.price),
        "cost": pair.cost(trade.cost),
        "fee": pair.cost(trade.fee),
        "vol": pair.volume(trade.volume),
        "margin": pair.cost(_ZERO),
        "leverage": "0",
        "misc": "",
        "trade_id": trade.number,
        "maker": trade.is_maker,
    }
    if with_ledgers:
        body["ledgers"] = list(trade.ledgers)
    return body


def rest_ledger(entry: LedgerRecord, asset: AssetSpec) -> Body:
    """Write an entry as `Ledgers` does."""
    return {
        "refid": entry.refid,
        "time": seconds(entry.at_ns),
        "type": entry.kind,
        "subtype": "tradespot" if entry.kind == "trade" else "",
        "aclass": "currency",
        "asset": asset.id,
        "amount": asset.amount(entry.amount),
        "fee": asset.amount(entry.fee),
        "balance": asset.amount(entry.balance),
    }


def rest_amend(amend: AmendRecord, pair: PairSpec) -> Body:
    """Write a version of an order as `OrderAmends` does."""
    body: Body = {
        "amend_id": amend.id,
        "amend_type": amend.kind,
        "order_qty": pair.volume(amend.volume),
        "remaining_qty": pair.volume(amend.remaining),
        "reason": "User requested" if amend.kind == "user" else "",
        "post_only": amend.is_post_only,
        "timestamp": rfc3339(amend.at_ns),
    }
    if amend.display is not None:
        body["display_qty"] = pair.volume(amend.display)
    if amend.limit_price is not None:
        body["limit_price"] = pair.price(amend.limit_price)
    if amend.trigger_price is not None:
        body["trigger_price"] = pair.price(amend.trigger_price)
    return body


# The channel `executions`.


def order_status(ticket: Ticket) -> str:
    """Give the status of an order in the words of the sockets."""
    if ticket.status == "closed":
        return "filled"
    if ticket.status == "pending":
        return "pending_new"
    if ticket.status == "open":
        return "partially_filled" if ticket.executed else "new"
    return ticket.status


def execution(ticket: Ticket, kind: str, at_ns: int, status: str | None = None) -> Body:
    """Begin an event: what even the sparsest one has."""
    body: Body = {
        "order_id": ticket.id,
        "exec_type": kind,
        "order_status": status or order_status(ticket),
        "timestamp": rfc3339(at_ns),
    }
    if ticket.draft.cl_ord_id is not None:
        body["cl_ord_id"] = ticket.draft.cl_ord_id
    if ticket.draft.userref is not None:
        body["order_userref"] = ticket.draft.userref
    return body


def full_execution(ticket: Ticket, kind: str, at_ns: int, status: str | None = None) -> Body:
    """Write an event with everything about its order, as the first one and snapshots are."""
    draft = ticket.draft
    body = execution(ticket, kind, at_ns, status)
    body |= {
        "symbol": ticket.pair.symbol,
        "side": draft.side,
        "order_type": draft.type,
        "time_in_force": draft.time_in_force,
        "post_only": ticket.is_post_only,
        "reduce_only": False,
        "fee_usd_equiv": number(ticket.fee),
        "fee_ccy_pref": "fcib" if "fcib" in draft.flags else "fciq",
    }
    body["cash_order_qty" if draft.is_in_quote else "order_qty"] = number(
        draft.volume if draft.is_in_quote else ticket.volume
    )
    body |= totals(ticket)
    if ticket.limit_price is not None:
        body |= {"limit_price": number(ticket.limit_price), "limit_price_type": "static"}
    if ticket.display is not None:
        body["display_qty"] = number(ticket.display)
    if draft.type in TRIGGERED:
        body["triggers"] = triggers(ticket)
    if draft.starts_ns:
        body["effective_time"] = rfc3339(draft.starts_ns)
    if draft.expires_ns:
        body["expire_time"] = rfc3339(draft.expires_ns)
    if "amended" in ticket.misc:
        body["amended"] = True
    if draft.close is not None:
        close = draft.close
        contingent: Body = {"order_type": close.type}
        prices = (close.price, close.price2) if close.type in TRIGGERED else (None, close.price)
        for name, price in zip(("trigger_price", "limit_price"), prices, strict=True):
            if price is not None:
                contingent[name] = number(price.value)
                contingent[f"{name}_type"] = _price_type(price)
        body["contingent"] = contingent
    return body


def _price_type(price: PriceText) -> str:
    if not price.is_relative:
        return "static"
    return "pct" if price.is_percent else "quote"


def triggers(ticket: Ticket) -> Body:
    """Describe what an order waits for."""
    draft = ticket.draft
    shown = ticket.trail if ticket.trail is not None else draft.price
    price = ticket.trigger_price or _ZERO
    if ticket.trail is not None:
        price = ticket.trail.value
    body: Body = {
        "reference": draft.reference,
        "price": number(price),
        "price_type": "static" if ticket.trail is None or shown is None else _price_type(shown),
        "status": "triggered" if ticket.is_triggered else "untriggered",
    }
    if ticket.trigger_price is not None:
        body["actual_price"] = number(ticket.trigger_price)
    if ticket.extreme is not None:
        body["peak_price"] = number(ticket.extreme)
    if ticket.last_price is not None:
        body["last_price"] = number(ticket.last_price)
    if ticket.triggered_ns:
        body["timestamp"] = rfc3339(ticket.triggered_ns)
    return body


def totals(ticket: Ticket) -> Body:
    """Give what of an order has been filled."""
    average = plain(ticket.average, max(5, ticket.pair.price_decimals))
    return {
        "cum_qty": number(ticket.executed),
        "cum_cost": number(ticket.cost),
        "avg_price": number(Decimal(average)),
    }


def trade_execution(trade: TradeRecord) -> Body:
    """Write a fill; of the one that completes an order, the event after it says so."""
    ticket = trade.ticket
    body = execution(ticket, "trade", trade.at_ns)
    return {
        **body,
        "symbol": ticket.pair.symbol,
        "side": ticket.draft.side,
        "order_type": ticket.draft.type,
        "exec_id": trade.id,
        "trade_id": trade.number,
        "last_qty": number(trade.volume),
        "last_price": number(trade.price),
        "cost": number(trade.cost),
        "liquidity_ind": "m" if trade.is_maker else "t",
        "fees": [{"asset": ticket.pair.quote.symbol, "qty": number(trade.fee)}],
        "fee_usd_equiv": number(trade.fee),
    }


# The channel `balances`.


def socket_ledger(entry: LedgerRecord) -> Body:
    """Write an entry as the channel `balances` does."""
    return {
        "ledger_id": entry.id,
        "ref_id": entry.refid,
        "timestamp": rfc3339(entry.at_ns),
        "type": entry.kind,
        "subtype": "tradespot" if entry.kind == "trade" else "",
        "category": "trade" if entry.kind == "trade" else entry.kind,
        "asset": entry.asset,
        "asset_class": "currency",
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": number(entry.amount),
        "fee": number(entry.fee),
        "balance": number(entry.balance),
    }
