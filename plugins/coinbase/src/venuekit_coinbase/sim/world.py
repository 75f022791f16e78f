"""The products that a simulated Coinbase lists.

Source: Coinbase "List Products" and "FAQ" (USDC books), 2026-06; the recorded BTC-USD has the
values of April 2026, those of the others are our own.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

_NAMES: Final = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "XRP": "XRP",
    "DOGE": "Dogecoin",
    "USDC": "USDC",
    "USD": "US Dollar",
    "EUR": "Euro",
}
FIAT: Final = frozenset({"USD", "EUR", "GBP"})
IDLE_ASSETS: Final = tuple(
    """
    1INCH AAVE ADA AERO ALGO AMP ANKR APE API3 APT ARB ATOM AUDIO AVAX AXS BAL BAND BAT BCH
    BLUR CHZ COMP CRV CVX DAI DASH DOT EGLD ENJ ENS ETC FET FIL FLOW GRT HBAR ICP IMX INJ
    JASMY KNC KSM LINK LRC LTC MANA MASK MINA MKR NEAR OP POL QNT RENDER RPL SAND SHIB SKL
    SNX STX
    """.split()  # noqa: SIM905  sixty names in a list would fill a page
)
"""Assets of which nobody has anything; accounts for them are listed all the same."""
FLAGS: Final = (
    "is_disabled",
    "cancel_only",
    "limit_only",
    "post_only",
    "trading_disabled",
    "auction_mode",
    "view_only",
)


@attrs.define(kw_only=True)
class ProductSpec:
    """A book and the names under which orders reach it. Its flags may change."""

    base: str
    quote: str
    start_price: Decimal
    base_increment: Decimal
    price_increment: Decimal
    quote_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    quote_max_size: Decimal
    alias_quotes: tuple[str, ...] = ()
    """Quote assets of other names for the same book: `USDC` makes BTC-USDC of BTC-USD."""
    flags: set[str] = attrs.field(factory=set)
    """Those of `FLAGS` that are true."""
    status: str = "online"
    is_lively: bool = True
    """Whether strangers trade it when the world is alive."""

    @property
    def product_id(self) -> str:
        """The name of the book."""
        return f"{self.base}-{self.quote}"

    def listings(self) -> list["Listing"]:
        """Give all names of the book, its own first."""
        return [Listing(self, quote) for quote in (self.quote, *self.alias_quotes)]


@attrs.frozen
class Listing:
    """One name of a book: balances move in the quote asset of the name that was used."""

    spec: ProductSpec
    quote: str

    @property
    def product_id(self) -> str:
        """The name."""
        return f"{self.spec.base}-{self.quote}"

    @property
    def is_alias(self) -> bool:
        """Whether the book has another name of its own."""
        return self.quote != self.spec.quote


def make_product(
    base: str,
    quote: str,
    price: str,
    *,
    base_increment: str = "0.00000001",
    price_increment: str = "0.01",
    quote_increment: str | None = None,
    base_max: str = "3400",
    quote_min: str = "1",
    quote_max: str = "150000000",
    alias_quotes: Sequence[str] = (),
    is_lively: bool = True,
) -> ProductSpec:
    """Make a product.

    Args:
        base: What is traded.
        quote: What it is paid with.
        price: Where its market starts.
        base_increment: Distance between two base sizes, and the least one.
        price_increment: Distance between two prices.
        quote_increment: Distance between two quote sizes; that of prices when absent.
        base_max: Greatest base size.
        quote_min: Least notional.
        quote_max: Greatest notional.
        alias_quotes: Quote assets of other names of the book.
        is_lively: Whether strangers trade it when the world is alive.
    """
    return ProductSpec(
        base=base,
        quote=quote,
        start_price=Decimal(price),
        base_increment=Decimal(base_increment),
        price_increment=Decimal(price_increment),
        quote_increment=Decimal(quote_increment or price_increment),
        base_min_size=Decimal(base_increment),
        base_max_size=Decimal(base_max),
        quote_min_size=Decimal(quote_min),
        quote_max_size=Decimal(quote_max),
        alias_quotes=tuple(alias_quotes),
        is_lively=is_lively,
    )


def default_products() -> list[ProductSpec]:
    """Give the products that are listed unless others are asked for."""
    return [
        make_product("BTC", "USD", "64000", alias_quotes=["USDC"]),
        make_product("ETH", "USD", "3400", base_max="45000", alias_quotes=["USDC"]),
        make_product(
            "ETH",
            "BTC",
            "0.05312",
            price_increment="0.00001",
            quote_increment="0.00000001",
            base_max="45000",
            quote_min="0.000016",
            quote_max="2500",
        ),
        make_product("SOL", "USD", "150", base_max="500000", alias_quotes=["USDC"]),
        make_product(
            "XRP",
            "USD",
            "0.52",
            base_increment="0.000001",
            price_increment="0.0001",
            base_max="50000000",
            alias_quotes=["USDC"],
        ),
        make_product(
            "DOGE",
            "USD",
            "0.12345",
            base_increment="0.1",
            price_increment="0.00001",
            quote_increment="0.00001",
            base_max="100000000",
            alias_quotes=["USDC"],
        ),
        make_product("BTC", "EUR", "59000", base_max="1000"),
    ]


def synthetic_products(number: int) -> list[ProductSpec]:
    """Give many products that nobody trades, to measure against an exchange of full size."""
    return [
        make_product(f"S{index:04}", "USD", "1", price_increment="0.0001", is_lively=False)
        for index in range(number)
    ]


def product_payload(
    listing: Listing,
    prices: Mapping[str, str],
    flags: frozenset[str],
    status: str,
) -> dict[str, object]:
    """Describe a product.

    Args:
        listing: Under which name.
        prices: `price`, the changes and volumes of a day, and the best prices.
        flags: Those of `FLAGS` that are true now.
        status: `online`, `offline` or `delisted`.
    """
    spec = listing.spec
    aliases = [] if listing.is_alias else [each.product_id for each in spec.listings()[1:]]
    return {
        "product_id": listing.product_id,
        **prices,
        "base_increment": f"{spec.base_increment:f}",
        "quote_increment": f"{spec.quote_increment:f}",
        "quote_min_size": f"{spec.quote_min_size:f}",
        "quote_max_size": f"{spec.quote_max_size:f}",
        "base_min_size": f"{spec.base_min_size:f}",
        "base_max_size": f"{spec.base_max_size:f}",
        "base_name": name_of(spec.base),
        "quote_name": name_of(listing.quote),
        "watched": False,
        "new": False,
        "status": status,
        **{flag: flag in flags for flag in FLAGS},
        "product_type": "SPOT",
        "quote_currency_id": listing.quote,
        "base_currency_id": spec.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": spec.product_id if listing.is_alias else "",
        "alias_to": aliases,
        "base_display_symbol": spec.base,
        "quote_display_symbol": listing.quote,
        "price_increment": f"{spec.price_increment:f}",
        "display_name": listing.product_id,
        "product_venue": "CBE",
        "new_at": "2023-01-01T00:00:00Z",
        "market_cap": "",
        "future_product_details": None,
    }


def name_of(asset: str) -> str:
    """Give the name of an asset for people."""
    return _NAMES.get(asset, asset)
