"""Orders: what may be sent, what became of it, and that journal and exchange agree."""

from venuekit.orders.admission import ReferencePrice, Veto
from venuekit.orders.batches import Batch, Leg
from venuekit.orders.changes import Changes
from venuekit.orders.desk import OrderDesk
from venuekit.orders.happenings import OrderEvents
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.lifecycle import (
    MOVES,
    Divergence,
    DivergenceKind,
    advance,
    inferred_fill,
    lost,
    moved,
)
from venuekit.orders.reconciliation import (
    Difference,
    DifferenceKind,
    FillSum,
    Reconciliation,
)
from venuekit.orders.register import OrderClock
from venuekit.orders.resolving import Asker, proof_window_s
from venuekit.orders.rules import REASONS, rounded, violations
from venuekit.orders.stopping import Stopped

__all__ = [
    "MOVES",
    "REASONS",
    "Asker",
    "Batch",
    "Changes",
    "ClientOrderIds",
    "Difference",
    "DifferenceKind",
    "Divergence",
    "DivergenceKind",
    "FillSum",
    "Leg",
    "OrderClock",
    "OrderDesk",
    "OrderEvents",
    "Reconciliation",
    "ReferencePrice",
    "Stopped",
    "Veto",
    "advance",
    "inferred_fill",
    "lost",
    "moved",
    "proof_window_s",
    "rounded",
    "violations",
]
