"""Refuses orders that are too large or too many, before venuekit journals them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import venuekit.plugin as vk
from venuekit.model import ConfigurationError
from venuekit_risk_gate.gate import RiskGate
from venuekit_risk_gate.ledger import Ledger
from venuekit_risk_gate.limits import Limits, limits_from
from venuekit_risk_gate.refusals import Refusal, RefusalKind

__all__ = ["Ledger", "Limits", "Refusal", "RefusalKind", "RiskGate", "limits_from"]


@vk.hookimpl
def venuekit_extension(settings: Mapping[str, Any]) -> RiskGate:
    """Make the gate of `[plugins.settings.risk-gate]`; raises ConfigurationError."""
    limits = limits_from(settings)
    ledger = None
    if limits.ledger is not None:
        try:
            ledger = Ledger(limits.ledger)
        except OSError as error:
            raise ConfigurationError([f"ledger: {limits.ledger}: {error}"]) from error
    return RiskGate(limits, ledger=ledger, time_s=time.monotonic, day=_utc_day)


def _utc_day() -> str:
    return datetime.now(UTC).date().isoformat()
