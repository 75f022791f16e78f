"""What Binance Spot is: hosts, keys, budgets, client order ids, timing.

Source: Binance Spot API documentation of 2026-07-21 (`rest-api.md`, "General API information",
"LIMITS"; `web-socket-api.md`; `web-socket-streams.md`; `testnet/general-info.md`).
"""

import string
from typing import Final

from venuekit.plugin import (
    BudgetKind,
    BudgetScope,
    BudgetSpec,
    ClientOrderIdRule,
    CredentialKind,
    Dedupe,
    Environment,
    Manifest,
    Timing,
)
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.error_table import TABLE

_LIVE: Final = Environment(
    hosts={
        "rest": "https://api.binance.com",
        "stream": "wss://stream.binance.com:9443",
        "ws-api": "wss://ws-api.binance.com:443",
    }
)
_TESTNET: Final = Environment(
    hosts={
        "rest": "https://testnet.binance.vision",
        "stream": "wss://stream.testnet.binance.vision",
        "ws-api": "wss://ws-api.testnet.binance.vision",
    }
)
_SIM: Final = Environment(
    hosts={
        "rest": "http://{address}",
        "stream": "ws://{address}",
        "ws-api": "ws://{address}",
    }
)


def _window(
    name: str, scope: BudgetScope, capacity: int, interval_s: int, *, places_only: bool = False
) -> BudgetSpec:
    return BudgetSpec(
        name=name,
        kind=BudgetKind.FIXED_WINDOW,
        scope=scope,
        capacity=capacity,
        interval_s=interval_s,
        places_only=places_only,
    )


MANIFEST: Final = Manifest(
    id="binance",
    title="Binance Spot",
    adapter=BinanceAdapter,
    interface=(1, 3),
    environments={"live": _LIVE, "testnet": _TESTNET, "sim": _SIM},
    credentials=(
        CredentialKind(algorithm="ed25519", title="Ed25519 key (recommended by Binance)"),
        CredentialKind(algorithm="rsa", title="RSA key, 2048 to 4096 bit"),
        CredentialKind(algorithm="hmac-sha256", title="HMAC secret (deprecated by Binance)"),
    ),
    budgets=(
        _window("weight", BudgetScope.IP, 6000, 60),
        _window("raw", BudgetScope.IP, 300_000, 300),
        _window("orders-10s", BudgetScope.ACCOUNT, 100, 10, places_only=True),
        _window("orders-1d", BudgetScope.ACCOUNT, 200_000, 86_400, places_only=True),
        _window("connections", BudgetScope.IP, 300, 300),
    ),
    client_order_id=ClientOrderIdRule(
        pattern=r"^[a-zA-Z0-9-_]{1,36}$",
        alphabet=string.ascii_letters + string.digits,
        max_length=36,
        # Once an order is filled, canceled or expired, its id makes a new order.
        dedupe=Dedupe.OPEN_ONLY,
    ),
    # recvWindow is checked three times, the last time just before the matching engine; the API
    # gives up on the engine after 10 s (-1007); queries are served from memory that lags a little.
    timing=Timing(request_validity_s=2.0, engine_timeout_s=10.0, visibility_lag_s=5.0),
    errors=TABLE.documented(),
    simulator="venuekit_binance.sim:create",
    links={
        "documentation": "https://developers.binance.com/docs/binance-spot-api-docs",
        "testnet": "https://testnet.binance.vision",
    },
)
