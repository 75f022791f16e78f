"""A manifest is checked whole, and every fault is named with its place."""

from typing import Any

import attrs

from venuekit.plugin import (
    INTERFACE,
    Adapter,
    BudgetKind,
    BudgetScope,
    BudgetSpec,
    ClientOrderIdRule,
    Dedupe,
    Environment,
    Manifest,
    NonceRule,
    NonceUnit,
    Timing,
)

RULE = ClientOrderIdRule(
    pattern="[a-z]{1,36}", alphabet="abc", max_length=36, dedupe=Dedupe.OPEN_ONLY
)
BUDGET = BudgetSpec(
    name="weight",
    kind=BudgetKind.FIXED_WINDOW,
    scope=BudgetScope.IP,
    capacity=10,
    interval_s=60,
)
GOOD = Manifest(
    id="acme",
    title="Acme",
    adapter=Adapter,
    interface=INTERFACE,
    environments={
        "live": Environment(hosts={"rest": "https://api.acme.example"}),
        "sim": Environment(hosts={"rest": "http://{address}"}),
    },
    credentials=(),
    budgets=(BUDGET,),
    client_order_id=RULE,
    timing=Timing(request_validity_s=2, engine_timeout_s=10, visibility_lag_s=5),
)


def faults(**changes: Any) -> str:
    return "\n".join(attrs.evolve(GOOD, **changes).faults())


def test_a_good_manifest_has_no_fault() -> None:
    assert GOOD.faults() == []


def test_each_fault_is_named_with_its_place() -> None:
    assert "$.id" in faults(id="Acme Corp")
    assert "$.interface" in faults(interface=(INTERFACE[0] + 1, 0))
    assert "$.interface" in faults(interface=(INTERFACE[0], INTERFACE[1] + 1))
    assert "$.environments.live.hosts.rest" in faults(
        environments={"live": Environment(hosts={"rest": "http://api.acme.example"})}
    )
    assert "$.environments.sim.hosts.rest" in faults(
        environments={"sim": Environment(hosts={"rest": "https://elsewhere.example"})}
    )
    assert "'prod'; allowed: live, testnet, sim" in faults(
        environments={"prod": Environment(hosts={})}
    )
    assert "$.budgets[1].name: 'weight' stands twice" in faults(budgets=(BUDGET, BUDGET))
    assert "above zero" in faults(budgets=(attrs.evolve(BUDGET, capacity=0),))
    assert "$.nonce.highest: 0; allowed" in faults(nonce=NonceRule(highest=0))
    assert "1 to 2**64 - 1" in faults(nonce=NonceRule(highest=2**64))
    assert faults(nonce=NonceRule(highest=2**64 - 1, unit=NonceUnit.NANOSECONDS)) == ""
    assert "$.client_order_id" in faults(client_order_id=attrs.evolve(RULE, alphabet="XYZ"))


def test_all_faults_are_reported_at_once() -> None:
    assert len(attrs.evolve(GOOD, id="!", interface=(9, 9)).faults()) == 2
