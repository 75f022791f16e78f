"""What Coinbase Exchange is: hosts, keys, budgets, client order ids, timing.

Source: Coinbase Exchange "REST API rate limits", "WebSocket rate limits", "Sandbox", "Create a new
order", 2026.
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
    Timing,
)
from venuekit_coinbase.exchange.adapter import ExchangeAdapter
from venuekit_coinbase.exchange.error_table import documented
from venuekit_coinbase.exchange.order_fields import CLIENT_OID

_VALIDITY_S: Final = 30.0
"""A request is taken while its timestamp is within so much of the exchange's time."""


def _bucket(name: str, scope: BudgetScope, *, rate: int, seconds: int = 1) -> BudgetSpec:
    """Declare a bucket that fills by `rate` a second, and holds what comes in `seconds`."""
    return BudgetSpec(
        name=name,
        kind=BudgetKind.TOKEN_BUCKET,
        scope=scope,
        capacity=rate * seconds,
        interval_s=seconds,
    )


MANIFEST: Final = Manifest(
    id="coinbase-exchange",
    title="Coinbase Exchange",
    adapter=ExchangeAdapter,
    interface=(1, 3),
    environments={
        "live": Environment(
            hosts={
                "rest": "https://api.exchange.coinbase.com",
                "ws": "wss://ws-feed.exchange.coinbase.com",
            }
        ),
        # The sandbox: it really matches, with keys and play balances of its own.
        "testnet": Environment(
            hosts={
                "rest": "https://api-public.sandbox.exchange.coinbase.com",
                "ws": "wss://ws-feed-public.sandbox.exchange.coinbase.com",
            }
        ),
        "sim": Environment(hosts={"rest": "http://{address}", "ws": "ws://{address}"}),
    },
    credentials=(CredentialKind(algorithm="hmac-sha256", title="API key with passphrase"),),
    budgets=(
        # The buckets hold 15, 30, 20 and 20; what does not fill in whole seconds is cut.
        _bucket("public", BudgetScope.IP, rate=10),
        _bucket("private", BudgetScope.ACCOUNT, rate=15, seconds=2),
        _bucket("fills", BudgetScope.ACCOUNT, rate=10, seconds=2),
        _bucket("connections", BudgetScope.IP, rate=8, seconds=2),
    ),
    client_order_id=ClientOrderIdRule(
        # Any other text is taken and silently dropped: the order could never be found again.
        pattern=CLIENT_OID,
        alphabet="0123456789abcdef",
        max_length=36,
        template="xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx",
        # The same once more makes a second order.
        dedupe=Dedupe.NONE,
    ),
    # No document says how long the engine may work on an order, nor how much queries lag; an
    # answer may come before the order is matched. Both are set with room.
    timing=Timing(request_validity_s=_VALIDITY_S, engine_timeout_s=10.0, visibility_lag_s=10.0),
    errors=documented(),
    simulator="venuekit_coinbase.sim.exchange:create",
    links={"documentation": "https://docs.cdp.coinbase.com/exchange"},
)
