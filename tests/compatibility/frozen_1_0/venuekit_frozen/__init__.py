"""The frozen exchange. Frozen: never changed again."""

import venuekit.plugin as vk
from venuekit_frozen.adapter import ERRORS, VALIDITY_S, Adapter


@vk.hookimpl
def venuekit_exchange() -> vk.Manifest:
    return vk.Manifest(
        id="frozen",
        title="Frozen",
        adapter=Adapter,
        interface=(1, 0),
        environments={
            "live": vk.Environment(hosts={"rest": "https://api.frozen.example"}),
            "sim": vk.Environment(hosts={"rest": "http://{address}"}),
        },
        credentials=(vk.CredentialKind(algorithm="hmac-sha256", title="API key"),),
        budgets=(
            vk.BudgetSpec(
                name="calls",
                kind=vk.BudgetKind.TOKEN_BUCKET,
                scope=vk.BudgetScope.KEY,
                capacity=100,
                interval_s=10,
            ),
        ),
        client_order_id=vk.ClientOrderIdRule(
            pattern="[a-z0-9]{1,32}",
            alphabet="abcdefghijklmnopqrstuvwxyz0123456789",
            max_length=32,
            dedupe=vk.Dedupe.FOREVER,
        ),
        timing=vk.Timing(request_validity_s=VALIDITY_S, engine_timeout_s=5.0, visibility_lag_s=1.0),
        errors=ERRORS.documented(),
        links={"documentation": "https://frozen.example/api"},
    )
