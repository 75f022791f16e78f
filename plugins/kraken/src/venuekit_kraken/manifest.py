"""What Kraken Spot is: hosts, keys, nonces, budgets, client order ids, timing.

Source: Kraken API Center, "Spot REST Rate Limits", "Spot Trading Limits", "Spot Client Order
Identifiers", May and June 2026.
"""

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
    NonceRule,
    Timing,
)
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.order_fields import CLIENT_ID
from venuekit_kraken.signing import VALIDITY_S

_LIVE: Final = Environment(
    hosts={
        "rest": "https://api.kraken.com",
        "ws": "wss://ws.kraken.com",
        "ws-auth": "wss://ws-auth.kraken.com",
    }
)
_SIM: Final = Environment(
    hosts={"rest": "http://{address}", "ws": "ws://{address}", "ws-auth": "ws://{address}"}
)

MANIFEST: Final = Manifest(
    id="kraken",
    title="Kraken Spot",
    adapter=KrakenAdapter,
    interface=(1, 0),
    # Spot has no public sandbox, and the beta sockets reach the real engine: neither is offered.
    environments={"live": _LIVE, "sim": _SIM},
    credentials=(CredentialKind(algorithm="hmac-sha512", title="API key with private key"),),
    budgets=(
        # One a second is safe; a handful at once, such as when opening, is too.
        BudgetSpec(
            name="public",
            kind=BudgetKind.TOKEN_BUCKET,
            scope=BudgetScope.IP,
            capacity=15,
            interval_s=15,
        ),
        # Of the lowest tier; higher ones allow more.
        BudgetSpec(
            name="calls",
            kind=BudgetKind.DECAYING_COUNTER,
            scope=BudgetScope.KEY,
            capacity=15,
            interval_s=45,
        ),
        # Kraken counts by pair, and this by account: never too fast.
        BudgetSpec(
            name="engine",
            kind=BudgetKind.DECAYING_COUNTER,
            scope=BudgetScope.ACCOUNT,
            capacity=60,
            interval_s=60,
            places_only=True,
        ),
        BudgetSpec(
            name="connections",
            kind=BudgetKind.SLIDING_WINDOW,
            scope=BudgetScope.IP,
            capacity=150,
            interval_s=600,
        ),
    ),
    client_order_id=ClientOrderIdRule(
        pattern=CLIENT_ID,
        alphabet="0123456789abcdef",
        max_length=32,
        # Once an order has closed, its id makes a new one.
        dedupe=Dedupe.OPEN_ONLY,
    ),
    # No document says how long the engine may work on an order whose deadline it kept, nor how
    # much queries lag; both are set with room.
    timing=Timing(request_validity_s=VALIDITY_S, engine_timeout_s=10.0, visibility_lag_s=5.0),
    nonce=NonceRule(),
    simulator="venuekit_kraken.sim:create",
    links={"documentation": "https://docs.kraken.com/api"},
)
