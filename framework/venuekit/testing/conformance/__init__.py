"""The conformance kit: what a plugin promises, checked; and the level that follows from it.

`venuekit certify EXCHANGE` and `pytest --pyargs venuekit.testing --exchange EXCHANGE` run the same
rules. They can be called too:

    certificate = certify(find_specimen("acme"))
    assert certificate.level >= Level.SILVER
"""

from venuekit.testing.conformance.certifying import certify, judge
from venuekit.testing.conformance.reports import badge, html, json_text, table
from venuekit.testing.conformance.rules import RULES
from venuekit.testing.conformance.specimen import Specimen, find_specimen
from venuekit.testing.conformance.verdicts import Certificate, Fault, Level, Result, Rule, Status

__all__ = [
    "RULES",
    "Certificate",
    "Fault",
    "Level",
    "Result",
    "Rule",
    "Specimen",
    "Status",
    "badge",
    "certify",
    "find_specimen",
    "html",
    "json_text",
    "judge",
    "table",
]
