"""Running the rules over a plugin, one by one; whatever a check does, there is a result."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator

from venuekit.plugin import CAPABILITIES, capabilities_of, why_not
from venuekit.plugin.installed import core_version
from venuekit.testing.conformance.rules import RULES
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import (
    Certificate,
    Exempt,
    NotComputed,
    NotYet,
    Result,
    Rule,
    Status,
    Tally,
    cut,
)


def judge(rule: Rule, specimen: Specimen) -> Result:
    """Check one rule. A check that breaks, or that examined nothing, has not passed."""
    if rule.needs and rule.needs not in capabilities_of(specimen.manifest.adapter):
        why = why_not(specimen.manifest.adapter, CAPABILITIES[rule.needs]) or "nobody says why"
        reason = f"{specimen.manifest.title} does not claim {rule.needs}; {why}"
        return Result(rule=rule, status=Status.EXEMPT, reason=reason)
    if rule.check is None:
        return Result(rule=rule, status=Status.NOT_COMPUTED, reason=f"needs {rule.missing}")
    tally = Tally()
    # All but the reason is what the tally has by then: a rule that found a fault has failed.
    made = functools.partial(_result, rule, tally)
    try:
        rule.check(specimen, tally)
    except NotComputed as missing:
        return made(Status.NOT_COMPUTED, str(missing))
    except NotYet as coming:
        return made(Status.NOT_YET, str(coming))
    except Exempt as exempt:
        return made(Status.EXEMPT, str(exempt))
    except Exception as error:  # noqa: BLE001  # the border round a plugin and its simulator
        return made(Status.UNKNOWN, cut(f"the check broke: {type(error).__name__}: {error}"))
    if not tally.examined:
        return made(Status.UNKNOWN, "the check found nothing to examine")
    return made(Status.PASSED, "")


def _result(rule: Rule, tally: Tally, status: Status, reason: str) -> Result:
    return Result(
        rule=rule,
        status=Status.FAILED if tally.wrong else status,
        examined=tally.examined,
        wrong=tally.wrong,
        reason=reason,
        faults=tuple(tally.faults),
    )


def results(specimen: Specimen, rules: Iterable[Rule] = RULES) -> Iterator[Result]:
    """Check rules one after the other."""
    for rule in rules:
        yield judge(rule, specimen)


def certify(
    specimen: Specimen,
    *,
    rules: Iterable[Rule] = RULES,
    told: Callable[[Result], None] = lambda _: None,
    now_ns: Callable[[], int] = time.time_ns,
) -> Certificate:
    """Check all rules and give the certificate; `told` hears of each result as it comes."""
    found = []
    for result in results(specimen, rules):
        found.append(result)
        told(result)
    claim = specimen.claim
    return Certificate(
        exchange=specimen.manifest.id,
        title=specimen.manifest.title,
        distribution="" if claim is None else claim.distribution,
        version="" if claim is None else claim.version,
        build=specimen.build,
        kit=core_version(),
        interface=specimen.manifest.interface,
        time_ns=now_ns(),
        results=tuple(found),
    )
