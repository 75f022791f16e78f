"""What a user asks about accounts, fees and the key itself.

Source: Coinbase "List Accounts", "Get Transaction Summary", "Get API Key Permissions",
"List Portfolios", 2026-06; the wire's `ACCOUNT_TYPE_…` from recordings.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.money import exact
from venuekit_coinbase.sim.calls import Call, page
from venuekit_coinbase.sim.purse import RATES
from venuekit_coinbase.sim.refusals import not_found
from venuekit_coinbase.sim.wire import bare, digits
from venuekit_coinbase.sim.world import FIAT, name_of

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_USUAL: Final = 49
_MOST: Final = 250
_BORN: Final = "2024-01-02T03:04:05.678Z"
_ZERO: Final = Decimal(0)


def _payload(
    venue: "Venue", account: str, asset: str, amounts: tuple[Decimal, Decimal]
) -> dict[str, object]:
    available, hold = amounts
    kind = "FIAT" if asset in FIAT else "CRYPTO"
    return {
        "uuid": venue.wallet_id(account, asset),
        "name": f"{name_of(asset)} Wallet" if kind == "CRYPTO" else f"Cash ({asset})",
        "currency": asset,
        "available_balance": {"value": digits(available), "currency": asset},
        "default": asset == "USD",
        "active": True,
        "created_at": _BORN,
        "updated_at": _BORN,
        "deleted_at": None,
        "type": f"ACCOUNT_TYPE_{kind}",
        "ready": True,
        "hold": {"value": digits(hold), "currency": asset},
        "retail_portfolio_id": venue.users[account].portfolio_id,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def list_accounts(venue: "Venue", call: Call) -> object:
    """Give all accounts of a user, those without balance too, by the name of their asset."""
    rows = list(enumerate(venue.balances(call.account).items()))
    limit = call.number("limit", _USUAL, least=1, most=_MOST)
    chosen, cursor = page(rows, call.text("cursor"), limit, lambda row: row[0])
    return {
        "accounts": [
            _payload(venue, call.account, asset, amounts) for _, (asset, amounts) in chosen
        ],
        "has_next": bool(cursor),
        "cursor": cursor,
        "size": len(chosen),
    }


def get_account(venue: "Venue", call: Call) -> object:
    """Give one account."""
    for asset, amounts in venue.balances(call.account).items():
        if venue.wallet_id(call.account, asset) == call.id:
            return {"account": _payload(venue, call.account, asset, amounts)}
    raise not_found("account not found")


@exact
def transaction_summary(venue: "Venue", call: Call) -> object:
    """Give the fee tier; totals are JSON numbers here."""
    records = venue.desk.of(call.account)
    volume = sum((record.value for record in records), _ZERO)
    fees = sum((record.fees for record in records), _ZERO)
    return {
        "total_volume": bare(volume),
        "total_fees": bare(fees),
        "fee_tier": {
            "pricing_tier": "Advanced 1",
            "usd_from": "0",
            "usd_to": "10000",
            "taker_fee_rate": f"{RATES.taker:f}",
            "maker_fee_rate": f"{RATES.maker:f}",
            "aop_from": "",
            "aop_to": "",
        },
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": bare(volume),
        "advanced_trade_only_fees": bare(fees),
        "coinbase_pro_volume": bare(_ZERO),
        "coinbase_pro_fees": bare(_ZERO),
        "total_balance": "",
        "has_promo_fee": False,
    }


def key_permissions(venue: "Venue", call: Call) -> object:
    """Say what the key may do."""
    return {
        **call.permissions,
        "can_receive": False,
        "portfolio_uuid": venue.users[call.account].portfolio_id,
        "portfolio_type": "DEFAULT",
    }


def portfolios(venue: "Venue", call: Call) -> object:
    """Give the only portfolio."""
    return {
        "portfolios": [
            {
                "name": "Default",
                "uuid": venue.users[call.account].portfolio_id,
                "type": "DEFAULT",
                "deleted": False,
            }
        ]
    }


def payment_methods(_venue: "Venue", _call: Call) -> object:
    """Give no payment methods."""
    return {"payment_methods": []}
