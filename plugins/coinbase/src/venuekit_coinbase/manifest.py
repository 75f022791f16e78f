"""What Coinbase Advanced Trade is: hosts, keys, nonces, budgets, client order ids, timing.

Source: Coinbase "REST API rate limits", "WebSocket Rate Limits", "CDP API key authentication",
June 2026.
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
    NonceRule,
    Timing,
)
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.error_table import documented
from venuekit_coinbase.order_fields import CLIENT_ID
from venuekit_coinbase.signing import HOST, VALIDITY_S

_LATE_S: Final = 30.0
"""How long after its end a token may still be taken: not documented; as much as Coinbase's older
signatures were allowed."""
_LIVE: Final = Environment(
    hosts={
        "rest": f"https://{HOST}",
        "ws": "wss://advanced-trade-ws.coinbase.com",
        "ws-user": "wss://advanced-trade-ws-user.coinbase.com",
    }
)
_SIM: Final = Environment(
    hosts={"rest": "http://{address}", "ws": "ws://{address}", "ws-user": "ws://{address}"}
)


def _each_second(name: str, scope: BudgetScope, capacity: int) -> BudgetSpec:
    # How Coinbase counts is not documented; so many in any second is allowed by every way.
    return BudgetSpec(
        name=name,
        kind=BudgetKind.SLIDING_WINDOW,
        scope=scope,
        capacity=capacity,
        interval_s=1,
        has_cancels=name == "private",
    )


MANIFEST: Final = Manifest(
    id="coinbase",
    title="Coinbase Advanced Trade",
    adapter=CoinbaseAdapter,
    interface=(1, 3),
    # The sandbox answers with fixed bodies and trades nothing: it is not offered.
    environments={"live": _LIVE, "sim": _SIM},
    credentials=(
        CredentialKind(algorithm="ed25519", title="CDP API key, Ed25519 (recommended)"),
        CredentialKind(algorithm="es256", title="CDP API key, ECDSA"),
    ),
    budgets=(
        _each_second("public", BudgetScope.IP, 10),
        _each_second("private", BudgetScope.ACCOUNT, 30),
        # 750 in older pages.
        _each_second("connections", BudgetScope.IP, 8),
    ),
    client_order_id=ClientOrderIdRule(
        pattern=CLIENT_ID,
        alphabet=string.ascii_letters + string.digits,
        max_length=36,
        # The same once more gives the first order, or is refused; no horizon is documented.
        dedupe=Dedupe.FOREVER,
    ),
    # No document says how long the engine may work on an order, nor how much queries lag; a new
    # order may be unknown to them at first. Both are set with room.
    timing=Timing(
        request_validity_s=VALIDITY_S + _LATE_S, engine_timeout_s=10.0, visibility_lag_s=10.0
    ),
    # Tokens only have to differ; they may arrive in any order.
    nonce=NonceRule(is_ordered=False),
    errors=documented(),
    simulator="venuekit_coinbase.sim:create",
    links={"documentation": "https://docs.cdp.coinbase.com/advanced-trade"},
)
