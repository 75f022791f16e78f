"""The quality scale: every rule, one line each. The page of the guide is made from this table.

A rule without a check is never passed: it says what its computation would take.
"""

# ruff: noqa: E501  # one line for each rule, so that it reads as a table

from typing import Final

from venuekit.testing.conformance import bronze, gold, recorded, silver, thorough
from venuekit.testing.conformance.broken_streams import gaps_visible_and_filled, private_stream
from venuekit.testing.conformance.fuzzing import fuzz_million
from venuekit.testing.conformance.kills import kills
from venuekit.testing.conformance.offering import everything_offered
from venuekit.testing.conformance.reading import reads_well
from venuekit.testing.conformance.unknowns import one_intent_one_order, unknown_resolved
from venuekit.testing.conformance.verdicts import Check, Rule


def _rule(id_: str, name: str, needs: str, check: Check | str, title: str) -> Rule:
    if isinstance(check, str):
        return Rule(id=id_, name=name, title=title, needs=needs, missing=check)
    return Rule(id=id_, name=name, title=title, needs=needs, check=check)


_LIVE: Final = "evidence from a live account or a testnet"

# fmt: off
RULES: Final = (
    # Bronze: it loads, reads and tells the truth.
    _rule("B1", "install-clean", "", bronze.install_clean, "Entry point, id and manifest agree; importing the package opens nothing"),
    _rule("B2", "interface-declared", "", bronze.interface_declared, "The metadata bounds venuekit's version below and above; the manifest names the interface"),
    _rule("B3", "imports-allowed", "", bronze.imports_allowed, "The adapter imports `venuekit.plugin`, `venuekit.model`, its own package and pure modules"),
    _rule("B4", "pure", "", bronze.pure, "No socket, clock, chance, file, thread or environment during any call"),
    _rule("B5", "deterministic", "", bronze.deterministic, "Twice, and under two hash seeds: the same requests and the same models"),
    _rule("B6", "capabilities-honest", "", bronze.capabilities_honest, "What is claimed is implemented, can be asked, and is answered"),
    _rule("B7", "hosts-exact", "", bronze.hosts_exact, "https and wss; live and testnet apart; a redirect is no success"),
    _rule("B8", "instruments-complete", "exchange info", bronze.instruments_complete, "Every instrument has tick, step, and bounds that fit together"),
    _rule("B9", "symbols-round-trip", "exchange info", bronze.symbols_round_trip, "Symbol and native name lead to each other over the whole listing, also on the wire"),
    _rule("B10", "recordings-scrubbed", "", recorded.recordings_scrubbed, "Recordings say where they come from and hold no secret"),
    _rule("B11", "typed", "", bronze.typed, "`py.typed`, every function annotated, and mypy --strict without a word"),
    _rule("B12", "readme", "", bronze.readme, "The README says how to install and configure it, its limits, differences, owner, licence"),
    # Silver: it trades without surprising.
    _rule("S1", "signatures-known", "authenticate", silver.signatures_known, "Three known answers, made by others, for each kind of key"),
    _rule("S2", "secrets-sealed", "authenticate", silver.secrets_sealed, "A canary secret shows up nowhere, in six encodings"),
    _rule("S3", "client-order-id", "place", silver.client_order_ids, "10,000 ids are unique and fit the rule; every order and leg carries its own"),
    _rule("S4", "rules-respected", "place", silver.rules_respected, "500 generated orders: no exponent, every digit unchanged, none refused for a filter"),
    _rule("S5", "errors-complete", "place", silver.errors_complete, "Every documented error has outcome and advice; an unknown one on a write stays unknown"),
    _rule("S6", "one-intent-one-order", "place", one_intent_one_order, "A fault at any step of placing: one intent is at most one order"),
    _rule("S7", "expiry-carried", "place", silver.expiry_carried, "A write that comes too late is refused and has no effect"),
    _rule("S8", "budgets-known", "", silver.budgets_known, 'Each call costs units of known budgets; "too fast" says how long to wait'),
    _rule("S9", "cancel-races-fill", "cancel", silver.cancel_races_fill, "A cancel that comes too late is told from one that canceled"),
    _rule("S10", "states-total", "query orders", silver.states_total, "Open, canceled and filled are read as such; fills add up and name their fee"),
    _rule("S11", "hostile-input", "", silver.hostile_input, "Broken, huge, deep and foreign answers end in ValueError or KeyError, at once"),
    _rule("S12", "clock-and-nonce", "authenticate", silver.clock_and_nonce, "A wrong clock and a used nonce are refused, and told from other refusals"),
    _rule("S13", "cassettes-cover", "", recorded.cassettes_cover, "Cassettes hold every call of the tour and five refusals, and are read as they were"),
    # Gold: it survives production.
    _rule("G1", "streams-supervised", "stream", gold.streams_supervised, "Channels have finite limits; what is subscribed to is acknowledged, and can be ended"),
    _rule("G2", "gaps-visible-and-filled", "stream", gaps_visible_and_filled, "Sockets break in four ways: it is said, and nothing is missed without a word"),
    _rule("G3", "books-checked", "stream", gold.books_checked, "Books are kept by ranges, by a checksum of every level, or by numbers"),
    _rule("G4", "private-stream", "stream", private_stream, "Frames come twice, late, or not at all, and tokens run out: every order and fill counts once"),
    _rule("G5", "reconciles", "query orders", gold.reconciles, "An order that never was is not found, and never taken for another one"),
    _rule("G6", "batch-per-leg", "place many", gold.batch_per_leg, "A batch answers for each leg, in order"),
    _rule("G7", "unknown-resolved", "place", unknown_resolved, "Ten kinds of fault leave no order in doubt"),
    _rule("G8", "simulator-dialect", "place", thorough.foreign_clients, "The simulator convinces another client library, in the plugin's own tests"),
    _rule("G9", "tapes", "stream", recorded.tapes, "Tapes of the public and the private side, a minute each, with one reconnect"),
    _rule("G10", "documented", "", gold.documented, "Settings, limits, errors and limitations are told; the manifest links to the exchange"),
    _rule("G11", "tested", "", thorough.tested, "The plugin's own tests take 95 % of lines and branches, and notice planted faults"),
    _rule("G12", "compatible", "", thorough.compatible, "Installed anew under the lowest and the highest Python, the tour says the same"),
    # Platinum: it is proved, and fast.
    _rule("P1", "live-evidence", "", _LIVE, "A tour from live or testnet, at most 90 days old"),
    _rule("P2", "kills", "place", kills, "10,000 crashes: no order twice, none lost"),
    _rule("P3", "speed", "place", "the benchmark's floors, measured on this machine", "An order at 1.2 times, a stream at 1.3 times the floor"),
    _rule("P4", "everything-offered", "", everything_offered, "Nothing that the exchange has is `not yet`"),
    _rule("P5", "second-judge", "authenticate", thorough.second_judges, "Signatures and models equal another client's"),
    _rule("P6", "drift-watch", "", _LIVE, "A scheduled tour compares models and opens an issue"),
    _rule("P7", "fuzz-million", "", fuzz_million, "A million broken answers, no surprise"),
    _rule("P8", "supply-chain", "", "the registry's attestation", "Trusted publishing, attestation, two owners, a release within 12 months"),
    _rule("P9", "reads-well", "", reads_well, "Public docstrings with units, errors and source; no suppression without reason"),
)
# fmt: on
"""In the order of the scale."""
