"""What Bitstamp is: where it lives, what it counts, how long it takes."""

import venuekit.plugin as vk
from venuekit_bitstamp.errors import ERRORS
from venuekit_bitstamp.streams import Adapter
from venuekit_bitstamp.wire import VALIDITY_S

MANIFEST = vk.Manifest(
    id="bitstamp",
    title="Bitstamp",
    adapter=Adapter,
    interface=(1, 3),
    environments={
        "live": vk.Environment(
            hosts={"rest": "https://www.bitstamp.net", "stream": "wss://ws.bitstamp.net"}
        ),
        "sim": vk.Environment(hosts={"rest": "http://{address}", "stream": "ws://{address}/ws"}),
    },
    credentials=(vk.CredentialKind(algorithm="hmac-sha256", title="API key"),),
    budgets=tuple(  # "Request limits"; more by agreement
        vk.BudgetSpec(
            name=name,
            kind=vk.BudgetKind.SLIDING_WINDOW,
            scope=vk.BudgetScope.IP,
            capacity=capacity,
            interval_s=interval_s,
        )
        for name, capacity, interval_s in (("second", 400, 1), ("ten_minutes", 10_000, 600))
    ),
    client_order_id=vk.ClientOrderIdRule(
        pattern=r"[A-Za-z0-9_-]{1,180}",
        alphabet="abcdefghijklmnopqrstuvwxyz0123456789",
        max_length=32,
        dedupe=vk.Dedupe.NONE,  # since November 2023 a repeat is another order
    ),
    # The list of open orders is cached for ten seconds.
    timing=vk.Timing(request_validity_s=VALIDITY_S, engine_timeout_s=10.0, visibility_lag_s=10.0),
    nonce=vk.NonceRule(is_ordered=False),
    simulator="venuekit_bitstamp.sim:create",
    errors=ERRORS.documented(),
    links={"documentation": "https://www.bitstamp.net/api/"},
)
