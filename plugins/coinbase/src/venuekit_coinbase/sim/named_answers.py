"""Answers that faults ask for by name.

Source: Coinbase error pages and clients' recordings, 2026-06.
"""

from typing import TYPE_CHECKING, Final

from venuekit.sim.dialect import SimAnswer
from venuekit_coinbase.sim.orders import refused_body
from venuekit_coinbase.sim.refusals import (
    HTML,
    JSON,
    OrderRefused,
    list_refusal,
    missing_scopes,
    not_found,
    object_refusal,
    rate_limited,
    too_many_errors,
    unauthorized,
)
from venuekit_coinbase.sim.wire import SECOND_NS, dumps

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_BLOCK_NS: Final = 30 * SECOND_NS
_PAGE: Final = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
)
_PAGES: Final = {
    "timeout": "504 Gateway Time-out",
    "bad_gateway": "502 Bad Gateway",
    "unavailable": "503 Service Temporarily Unavailable",
}
_NAMED: Final = {
    "unexpected": object_refusal(500, "INTERNAL", "Internal server error"),
    "internal": list_refusal(500, "internal_server_error", "Internal server error"),
    "overloaded": list_refusal(429, "resource_exhausted", "Resource exhausted"),
    "rate_limited": rate_limited(),
    "banned": too_many_errors(),
    "unauthorized": unauthorized(),
    "expired_token": list_refusal(401, "expired_token", "The access token expired"),
    "forbidden": missing_scopes(),
    "not_found": not_found("not found"),
}


def named_answer(venue: "Venue", name: str, peer: str, now_ns: int) -> SimAnswer:
    """Give an answer that faults ask for by name.

    `timeout` (504, HTML), `unexpected` (500, object), `internal` (500, list), `bad_gateway`
    (502, HTML), `unavailable` (503, HTML), `overloaded` (429, `resource_exhausted`),
    `rate_limited` (429), `banned` (403, plain, and the address is blocked for 30 s),
    `unauthorized` (401, plain), `expired_token` (401, list), `forbidden` (403), `not_found`
    (404), `proof_token` (200, an empty list that asks for a proof), `refused:<REASON>` (200,
    an order refused for a reason, as COMMANDER_REJECTED_NEW_ORDER).
    """
    if name in _PAGES:
        page = _PAGE.format(_PAGES[name]).encode()
        return SimAnswer(int(_PAGES[name][:3]), (HTML,), page)
    if name == "proof_token":
        lists = {"orders": [], "has_next": False, "cursor": "", "proof_token_required": True}
        return SimAnswer(200, (JSON,), dumps(lists))
    if name.startswith("refused:"):
        reason = OrderRefused(name.removeprefix("refused:"))
        return SimAnswer(200, (JSON,), dumps(refused_body(venue, reason, None)))
    if name == "banned":
        venue.limits.block(peer, now_ns + _BLOCK_NS)
    refusal = _NAMED[name]
    headers = [refusal.kind]
    if refusal.status == 429:
        headers += [
            ("x-ratelimit-limit", "30"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1"),
        ]
    return SimAnswer(refusal.status, tuple(headers), refusal.body)
