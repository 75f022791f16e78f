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
    Tier,
    Timing,
)
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.engine_costs import ENGINE
from venuekit_kraken.error_table import documented
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
    interface=(1, 3),
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
            has_cancels=False,
        ),
        # Above stands the lowest tier; `tier` in the account's settings chooses another. The
        # counter is lowered every couple of seconds.
        BudgetSpec(
            name="calls",
            kind=BudgetKind.DECAYING_COUNTER,
            scope=BudgetScope.KEY,
            capacity=15,
            interval_s=46,
            step_s=2.0,
            tiers={
                "starter": Tier(capacity=15, interval_s=46),
                "intermediate": Tier(capacity=20, interval_s=40),
                "pro": Tier(capacity=20, interval_s=20),
            },
        ),
        # Each pair for itself, over REST and WebSocket together: 1, 2.34 or 3.75 a second.
        BudgetSpec(
            name=ENGINE,
            kind=BudgetKind.DECAYING_COUNTER,
            scope=BudgetScope.INSTRUMENT,
            capacity=60,
            interval_s=60,
            tiers={
                "starter": Tier(capacity=60, interval_s=60),
                "intermediate": Tier(capacity=125, interval_s=54),
                "pro": Tier(capacity=180, interval_s=48),
            },
        ),
        # Kraken publishes no number for messages; twenty a second have been lived with.
        BudgetSpec(
            name="messages",
            kind=BudgetKind.TOKEN_BUCKET,
            scope=BudgetScope.KEY,
            capacity=20,
            interval_s=1,
        ),
        BudgetSpec(
            name="connections",
            kind=BudgetKind.SLIDING_WINDOW,
            scope=BudgetScope.IP,
            capacity=150,
            interval_s=600,
            has_cancels=False,
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
    errors=documented(),
    simulator="venuekit_kraken.sim:create",
    links={"documentation": "https://docs.kraken.com/api"},
)
