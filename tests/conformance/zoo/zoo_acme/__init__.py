"""An exchange that nobody trades on."""

import venuekit.plugin as vk
from zoo_acme.adapter import ERRORS, VALIDITY_S, Adapter


@vk.hookimpl
def venuekit_exchange() -> vk.Manifest:
    """Give the manifest."""
    return vk.Manifest(
        id="acme",
        title="Acme",
        adapter=Adapter,
        interface=(1, 0),
        environments={
            "live": vk.Environment(hosts={"rest": "https://api.acme.example"}),
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
        simulator="zoo_acme.sim.dialect:create",
        links={"documentation": "https://acme.example/api"},
    )
