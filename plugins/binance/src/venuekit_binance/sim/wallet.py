"""The few wallet calls that clients make while they start.

Source: Binance developer site, wallet section, 2026-08.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.payloads import eight

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue


def system_status(venue: "Venue", _call: Call) -> object:
    """Tell whether the exchange is under maintenance."""
    is_down = bool(venue.symbols) and all(venue.status(name) != "TRADING" for name in venue.symbols)
    return {"status": 1, "msg": "system_maintenance"} if is_down else {"status": 0, "msg": "normal"}


def api_restrictions(_venue: "Venue", call: Call) -> object:
    """Tell what the key may do."""
    return {
        "ipRestrict": False,
        "createTime": call.time(1_700_000_000_000_000_000),
        "enableReading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }


def coins(venue: "Venue", call: Call) -> object:
    """Describe every asset with one network."""
    balances = venue.balances(call.account)
    assets = sorted({asset for spec in venue.symbols.values() for asset in (spec.base, spec.quote)})
    zero = (Decimal(0), Decimal(0))
    return [
        {
            "coin": asset,
            "depositAllEnable": True,
            "withdrawAllEnable": True,
            "name": asset,
            "free": eight(balances.get(asset, zero)[0]),
            "locked": eight(balances.get(asset, zero)[1]),
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [_network(asset)],
        }
        for asset in assets
    ]


def _network(asset: str) -> dict[str, object]:
    return {
        "network": asset,
        "coin": asset,
        "withdrawIntegerMultiple": "0.00000001",
        "isDefault": True,
        "depositEnable": True,
        "withdrawEnable": True,
        "depositDesc": "",
        "withdrawDesc": "",
        "specialTips": "",
        "name": f"{asset} (simulated)",
        "resetAddressStatus": False,
        "addressRegex": "^[0-9A-Za-z]{20,100}$",
        "memoRegex": "",
        "withdrawFee": "0.0001",
        "withdrawMin": "0.001",
        "withdrawMax": "100000",
        "withdrawInternalMin": "0.00000001",
        "depositDust": "0.00001",
        "minConfirm": 1,
        "unLockConfirm": 2,
        "sameAddress": False,
        "withdrawTag": False,
        "estimatedArrivalTime": 5,
        "busy": False,
        "contractAddressUrl": "",
        "contractAddress": "",
    }
