"""Products, books, candles, trades and the time.

Source: Coinbase "List Products", "Get Product Book", "Get Product Candles", "Get Market Trades",
"Get Best Bid/Ask", "Get Server Time", 2026-06.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.money import ROUNDED, exact
from venuekit.sim.orders import Side, Trade
from venuekit.sim.prints import Candle
from venuekit.sim.queries import Depth, Quote
from venuekit_coinbase.sim.calls import Call
from venuekit_coinbase.sim.refusals import invalid, not_found
from venuekit_coinbase.sim.wire import SECOND_NS, digits, number_from, quotient, rfc3339
from venuekit_coinbase.sim.world import FIAT, Listing, name_of, product_payload

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_ZERO: Final = Decimal(0)
_BPS: Final = Decimal(10_000)
MOST_CANDLES: Final = 350
GRANULARITIES: Final = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1_800,
    "ONE_HOUR": 3_600,
    "TWO_HOUR": 7_200,
    "FOUR_HOUR": 14_400,
    "SIX_HOUR": 21_600,
    "ONE_DAY": 86_400,
}


def server_time(_venue: "Venue", call: Call) -> object:
    """Give the clock, as text in three forms."""
    return {
        "iso": rfc3339(call.clock_ns, places=0),
        "epochSeconds": str(call.clock_ns // SECOND_NS),
        "epochMillis": str(call.clock_ns // 1_000_000),
    }


# Products.


def product(venue: "Venue", listing: Listing, now_ns: int) -> dict[str, object]:
    """Describe a product as it stands."""
    book = listing.spec.product_id
    day = venue.day(book, now_ns)
    volume = _ZERO if day is None else day.volume
    quote_volume = _ZERO if day is None else day.quote_volume
    change = _ZERO if day is None else quotient((day.close - day.open) * 100, day.open)
    prices = {
        "price": "" if day is None else digits(day.close),
        "price_percentage_change_24h": digits(change),
        "volume_24h": digits(volume),
        "volume_percentage_change_24h": "0",
        "best_bid_price": "",
        "best_ask_price": "",
        "approximate_quote_24h_volume": digits(quote_volume),
    }
    return product_payload(listing, prices, venue.flags(book), venue.status(book))


def list_products(venue: "Venue", call: Call) -> object:
    """Give products."""
    wanted = call.several("product_ids")
    kind = call.text("product_type")
    chosen = [
        listing
        for listing in venue.listings.values()
        if (not wanted or listing.product_id in wanted) and kind in {"", "SPOT"}
    ]
    limit = call.number("limit", len(chosen))
    offset = call.number("offset", 0)
    rows = chosen[offset : offset + limit] if limit else chosen[offset:]
    return {
        "products": [product(venue, listing, call.now_ns) for listing in rows],
        "num_products": len(chosen),
        "pagination": None,
    }


def _listing(venue: "Venue", product_id: str) -> Listing:
    listing = venue.listing(product_id)
    if listing is None:
        raise not_found(f"product {product_id} not found")
    return listing


def get_product(venue: "Venue", call: Call) -> object:
    """Give one product."""
    return product(venue, _listing(venue, call.id), call.now_ns)


# Books.


def product_book(venue: "Venue", call: Call) -> object:
    """Give a book."""
    product_id = call.text("product_id")
    if not product_id:
        raise invalid("product_id is required")
    listing = _listing(venue, product_id)
    depth = venue.snapshot(listing.spec.product_id, call.now_ns)
    step = call.text("aggregation_price_increment")
    bids, asks = depth.bids, depth.asks
    if step:
        bids, asks = _grouped(bids, step, ROUND_FLOOR), _grouped(asks, step, ROUND_CEILING)
    limit = call.number("limit", 0)
    last = venue.last_price(listing.spec.product_id)
    return {
        "pricebook": _pricebook(listing.product_id, Depth(0, bids, asks), limit, call.now_ns),
        "last": "" if last is None else digits(last),
        **_spread(depth),
    }


@exact
def _grouped(rows: Sequence[Quote], step: str, rounding: str) -> tuple[Quote, ...]:
    increment = number_from(step)
    if increment is None or increment <= 0:
        raise invalid("invalid aggregation_price_increment")
    sums: dict[Decimal, Decimal] = {}
    for row in rows:
        steps = ROUNDED.divide(row.price, increment).to_integral_value(rounding=rounding)
        price = steps * increment
        sums[price] = sums.get(price, _ZERO) + row.quantity
    return tuple(Quote(price, size) for price, size in sums.items())


def _pricebook(product_id: str, depth: Depth, limit: int, now_ns: int) -> dict[str, object]:
    return {
        "product_id": product_id,
        "bids": _rows(depth.bids[: limit or None]),
        "asks": _rows(depth.asks[: limit or None]),
        "time": rfc3339(now_ns),
    }


def _rows(rows: Sequence[Quote]) -> list[dict[str, str]]:
    return [{"price": digits(row.price), "size": digits(row.quantity)} for row in rows]


@exact
def _spread(depth: Depth) -> dict[str, str]:
    if not depth.bids or not depth.asks:
        return {"mid_market": "", "spread_bps": "", "spread_absolute": ""}
    bid, ask = depth.bids[0].price, depth.asks[0].price
    middle = (bid + ask) / 2
    return {
        "mid_market": digits(middle),
        "spread_bps": digits(quotient((ask - bid) * _BPS, middle)),
        "spread_absolute": digits(ask - bid),
    }


def best_bid_ask(venue: "Venue", call: Call) -> object:
    """Give the best prices of some products, or of all."""
    wanted = call.several("product_ids") or list(venue.listings)
    listings = [_listing(venue, name) for name in wanted]
    return {
        "pricebooks": [
            _pricebook(each.product_id, venue.engine.depth(each.spec.product_id, 1), 1, call.now_ns)
            for each in listings
        ]
    }


# What was traded.


def candles(venue: "Venue", call: Call) -> object:
    """Give candles, newest first, those without trades left out."""
    listing = _listing(venue, call.id)
    seconds = GRANULARITIES.get(call.text("granularity"))
    if seconds is None:
        raise invalid(f'invalid value for enum field granularity: "{call.text("granularity")}"')
    if not call.text("start") or not call.text("end"):
        raise invalid("start and end are required")
    start, end = call.number("start", 0), call.number("end", 0)
    if start >= end:
        raise invalid("start must be before end")
    if (end - start) // seconds > MOST_CANDLES:
        raise invalid(f"number of candles requested should be less than {MOST_CANDLES}")
    limit = call.number("limit", MOST_CANDLES, least=1, most=MOST_CANDLES)
    last_ns = min(end * SECOND_NS, call.now_ns) + 1
    made = venue.engine.candles(
        listing.spec.product_id, seconds * SECOND_NS, start * SECOND_NS, last_ns
    )
    traded = [candle for candle in made if candle.trades]
    return {"candles": [candle_payload(each) for each in reversed(traded)][:limit]}


def candle_payload(candle: Candle) -> dict[str, str]:
    """Write a candle."""
    return {
        "start": str(candle.open_ns // SECOND_NS),
        "low": digits(candle.low),
        "high": digits(candle.high),
        "open": digits(candle.open),
        "close": digits(candle.close),
        "volume": digits(candle.volume),
    }


def ticker(venue: "Venue", call: Call) -> object:
    """Give the last trades and the best prices."""
    listing = _listing(venue, call.id)
    if not call.text("limit"):
        raise invalid("limit is required")
    limit = call.number("limit", 0, least=1, most=1_000)
    start, end = call.number("start", 0), call.number("end", 2**40)
    book = listing.spec.product_id
    rows = [trade for trade in venue.trades(book) if start <= trade.time_ns // SECOND_NS <= end]
    bid, ask = venue.top(book)
    return {
        "trades": [
            {
                **trade_payload(trade, listing.product_id),
                "bid": "",
                "ask": "",
                "exchange": "",
            }
            for trade in rows[: -limit - 1 : -1]
        ],
        "best_bid": digits(bid),
        "best_ask": digits(ask),
    }


def trade_payload(trade: Trade, product_id: str) -> dict[str, str]:
    """Write a public trade; its side is the maker's."""
    return {
        "trade_id": str(trade.trade_id),
        "product_id": product_id,
        "price": digits(trade.price),
        "size": digits(trade.quantity),
        "time": rfc3339(trade.time_ns),
        "side": "SELL" if trade.taker_side is Side.BUY else "BUY",
    }


# The older public API, of which clients ask names and rates.


def old_time(_venue: "Venue", call: Call) -> object:
    """Give the clock."""
    seconds = call.clock_ns // SECOND_NS
    return {"data": {"iso": rfc3339(call.clock_ns, places=0), "epoch": seconds}}


def old_currencies(_venue: "Venue", _call: Call) -> object:
    """Give currencies of states."""
    return {
        "data": [
            {"id": asset, "name": name_of(asset), "min_size": "0.01"} for asset in sorted(FIAT)
        ]
    }


def old_crypto(venue: "Venue", _call: Call) -> object:
    """Give the other assets."""
    assets = {listing.spec.base for listing in venue.listings.values()}
    assets |= {listing.quote for listing in venue.listings.values()}
    return {
        "data": [
            {
                "asset_id": venue.wallet_id("", asset),
                "code": asset,
                "name": name_of(asset),
                "color": "#0433FF",
                "sort_index": index,
                "exponent": 8,
                "type": "crypto",
                "address_regex": "^.*$",
            }
            for index, asset in enumerate(sorted(assets - FIAT))
        ]
    }


def old_rates(venue: "Venue", call: Call) -> object:
    """Give what a dollar buys of each asset."""
    rates = {"USD": "1", "USDC": "1"}
    for book, spec in venue.books.items():
        last = venue.last_price(book)
        if spec.quote == "USD" and last is not None:
            rates[spec.base] = digits(quotient(Decimal(1), last))
    return {"data": {"currency": call.text("currency") or "USD", "rates": rates}}
