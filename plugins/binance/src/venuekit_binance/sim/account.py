"""What an account asks about itself.

Source: Binance spot REST docs, "Account endpoints", and FAQ "Commission Rates", 2026-07.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.payloads import eight

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_ZERO: Final = "0.00000000"
_BASIS: Final = 10_000


def account(venue: "Venue", call: Call) -> object:
    """Give balances, rates and permissions."""
    rates = venue.rates(call.account)
    omits = call.arguments.flag("omitZeroBalances")
    return {
        "makerCommission": int(rates.maker * _BASIS),
        "takerCommission": int(rates.taker * _BASIS),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": eight(rates.maker),
            "taker": eight(rates.taker),
            "buyer": _ZERO,
            "seller": _ZERO,
        },
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.time(venue.updated_ns(call.account)),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": eight(free), "locked": eight(locked)}
            for asset, (free, locked) in _balances(venue, call).items()
            if not omits or free or locked
        ],
        "permissions": ["SPOT"],
        "uid": venue.user_id(call.account),
    }


def _balances(venue: "Venue", call: Call) -> dict[str, tuple[Decimal, Decimal]]:
    """Give every asset of the exchange, the account's own among them."""
    zero = (Decimal(0), Decimal(0))
    listed = {asset for spec in venue.symbols.values() for asset in (spec.base, spec.quote)}
    return dict.fromkeys(sorted(listed), zero) | venue.balances(call.account)


def commission(venue: "Venue", call: Call) -> object:
    """Give the rates on a symbol."""
    symbol = call.arguments.sure_text("symbol")
    rates = venue.rates(call.account, symbol)
    none = {"maker": _ZERO, "taker": _ZERO, "buyer": _ZERO, "seller": _ZERO}
    return {
        "symbol": symbol,
        "standardCommission": {**none, "maker": eight(rates.maker), "taker": eight(rates.taker)},
        "specialCommission": none,
        "taxCommission": none,
        "discount": venue.discount_payload(call.account),
    }


def order_limits(venue: "Venue", call: Call) -> object:
    """Give the unfilled order counts."""
    return venue.limits.orders_payload(call.account, call.now_ns)


def my_filters(venue: "Venue", call: Call) -> object:
    """Give the filters that hold for the account on a symbol."""
    spec = venue.symbol(call.arguments.sure_text("symbol"))
    return {"exchangeFilters": [], "symbolFilters": list(spec.filters), "assetFilters": []}
