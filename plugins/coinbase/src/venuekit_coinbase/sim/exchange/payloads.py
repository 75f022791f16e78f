"""How the exchange writes products, orders, fills and accounts.

Source: Coinbase Exchange docs, 2026-06. Members of currencies, and the last two of products, are
not on the fact sheet: they are there because clients read them.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.money import exact
from venuekit.sim.orders import Side, Trade
from venuekit_coinbase.sim.exchange.purse import net_of_fees
from venuekit_coinbase.sim.exchange.records import FillRecord, OrderRecord, Status
from venuekit_coinbase.sim.wire import digits, rfc3339
from venuekit_coinbase.sim.world import FIAT, name_of

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.venue import Venue

Payload = dict[str, object]
PRODUCT_FLAGS: Final = (
    "post_only",
    "limit_only",
    "cancel_only",
    "trading_disabled",
    "auction_mode",
)


def product(venue: "Venue", book: str) -> Payload:
    """Describe a product; its sizes have no limits of their own since 2022."""
    spec, flags = venue.books[book], venue.flags(book)
    return {
        "id": book,
        "base_currency": spec.base,
        "quote_currency": spec.quote,
        "quote_increment": digits(spec.price_increment),
        "base_increment": digits(spec.base_increment),
        "display_name": f"{spec.base}-{spec.quote}",
        "min_market_funds": digits(spec.quote_min_size),
        "margin_enabled": False,
        **{flag: flag in flags for flag in PRODUCT_FLAGS},
        "status": venue.status(book),
        "status_message": "",
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "high_bid_limit_percentage": "",
    }


def currency(asset: str, places: Decimal, *, is_fiat: bool) -> Payload:
    """Describe an asset."""
    return {
        "id": asset,
        "name": name_of(asset),
        "min_size": digits(places),
        "status": "online",
        "message": "",
        "max_precision": digits(places),
        "convertible_to": [],
        "details": {"type": "fiat" if is_fiat else "crypto"},
        "default_network": "",
        "supported_networks": [],
    }


def order(venue: "Venue", record: OrderRecord) -> Payload:
    """Describe an order."""
    draft = record.draft
    made: Payload = {
        "id": record.id,
        "client_oid": draft.client_oid,
        "product_id": record.product_id,
        "profile_id": venue.users[record.account].profile_id,
        "side": draft.side.value,
        "type": draft.kind,
        "post_only": draft.post_only,
        "created_at": rfc3339(record.created_ns),
        "fill_fees": digits(record.fees),
        "filled_size": digits(record.filled),
        "executed_value": digits(record.value),
        "status": record.status.value,
        "settled": record.status is Status.DONE,
    }
    numbers = {
        "price": draft.price,
        "size": draft.size,
        "stop_price": draft.stop_price,
        "max_floor": draft.max_floor,
        "specified_funds": draft.funds,
        "funds": _funds(record),
    }
    made |= {name: digits(number) for name, number in numbers.items() if number is not None}
    texts = {
        "time_in_force": draft.time_in_force,
        "stp": draft.stp,
        "stop": draft.stop,
        "cancel_after": draft.cancel_after,
        "done_reason": record.done_reason,
        "reject_reason": record.reject_reason,
    }
    made |= {name: text for name, text in texts.items() if text}
    if record.done_ns is not None:
        made["done_at"] = rfc3339(record.done_ns)
    return made


def _funds(record: OrderRecord) -> Decimal | None:
    funds = record.draft.funds
    return net_of_fees(funds) if funds and record.draft.side is Side.BUY else funds


def fill(venue: "Venue", record: OrderRecord, row: FillRecord) -> Payload:
    """Describe a fill."""
    user = venue.users[record.account]
    return {
        "trade_id": row.trade_id,
        "product_id": record.product_id,
        "order_id": record.id,
        "user_id": user.user_id,
        "profile_id": user.profile_id,
        "liquidity": "M" if row.is_maker else "T",
        "price": digits(row.price),
        "size": digits(row.size),
        "fee": digits(row.fee),
        "created_at": rfc3339(row.at_ns),
        "side": record.draft.side.value,
        "settled": True,
        "usd_volume": digits(row.value) if record.draft.spec.quote == "USD" else None,
    }


@exact
def account(venue: "Venue", name: str, asset: str) -> Payload:
    """Describe what an account has of an asset; the balance includes what is on hold."""
    available, hold = venue.balances(name)[asset]
    return {
        "id": venue.wallet_id(name, asset),
        "currency": asset,
        "balance": digits(available + hold),
        "hold": digits(hold),
        "available": digits(available),
        "profile_id": venue.users[name].profile_id,
        "trading_enabled": True,
    }


def trade(row: Trade) -> Payload:
    """Describe a public trade: the side is the maker's."""
    return {
        "trade_id": row.trade_id,
        "side": row.taker_side.opposite.value,
        "size": digits(row.quantity),
        "price": digits(row.price),
        "time": rfc3339(row.time_ns),
    }


def currencies(venue: "Venue") -> list[Payload]:
    """Describe every asset that products are made of."""
    assets: dict[str, Decimal] = {}
    for spec in venue.books.values():
        assets.setdefault(spec.base, spec.base_increment)
        assets.setdefault(spec.quote, spec.price_increment)
    return [currency(asset, step, is_fiat=asset in FIAT) for asset, step in assets.items()]
