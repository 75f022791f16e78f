"""Coinbase's documented reasons, retyped from its reference by class: each has the row it needs."""

import json
from typing import Any

import pytest

from venuekit.model import Advice, Outcome
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.error_table import BEGINNINGS, ROWS
from venuekit_coinbase.errors import meant

FUNDS = [
    *("INSUFFICIENT_FUND", "INSUFFICIENT_FUNDS", "INVALID_LEDGER_BALANCE", "HOLD_FAILURE"),
    *("PREVIEW_INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_LEDGER_BALANCE"),
]
CREATE = [
    *("UNSUPPORTED_ORDER_CONFIGURATION", "INVALID_SIDE", "INVALID_PRODUCT_ID"),
    *("INVALID_SIZE_PRECISION", "INVALID_PRICE_PRECISION", "ORDER_ENTRY_DISABLED"),
    *("INELIGIBLE_PAIR", "INVALID_LIMIT_PRICE_POST_ONLY", "INVALID_LIMIT_PRICE"),
    *("INVALID_REQUEST", "IN_LIQUIDATION", "INVALID_MARGIN_TYPE", "INVALID_LEVERAGE"),
    *("UNTRADABLE_PRODUCT", "INVALID_FCM_TRADING_SESSION", "GEOFENCING_RESTRICTION"),
    *("QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET", "INVALID_BRACKET_PRICES"),
    *("BRACKET_ORDER_NOT_SUPPORTED", "FOK_DISABLED", "FOK_ONLY_ALLOWED_ON_LIMIT_ORDERS"),
    *("POST_ONLY_NOT_ALLOWED_WITH_FOK", "END_TIME_TOO_FAR_IN_FUTURE", "END_TIME_IS_IN_THE_PAST"),
    *("GTD_ORDERS_MUST_HAVE_END_TIME", "LIMIT_PRICE_TOO_FAR_FROM_MARKET"),
    *("LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY", "STOP_ALREADY_TRIGGERED"),
    *("LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL", "REPLACE_NOT_SUPPORTED"),
    *("PRODUCT_TRADING_HALTED", "TRADING_DISABLED", "BREACHED_RISK_LIMIT"),
    *("REDUCE_ONLY_NOT_ALLOWED", "DUPLICATE_CLIENT_ORDER_ID", "RFQ_NOT_ALLOWED"),
    *("TOO_MANY_OPEN_ORDERS", "MODIFY_POSITION_WORKFLOW_ALREADY_RUNNING"),
]
PREVIEW = [
    *("PREVIEW_INVALID_SIDE", "PREVIEW_INVALID_ORDER_CONFIG", "PREVIEW_INVALID_PRODUCT_ID"),
    *("PREVIEW_INVALID_SIZE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
    *("PREVIEW_INVALID_QUOTE_SIZE_PRECISION", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    *("PREVIEW_INVALID_BASE_SIZE_TOO_LARGE", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    *("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE", "PREVIEW_INVALID_PRICE_TOO_LARGE"),
    *("PREVIEW_INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    *("PREVIEW_INVALID_STOP_PRICE", "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE"),
    *("PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE", "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"),
    *("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE", "PREVIEW_MISSING_PRODUCT_PRICE_BOOK"),
    *("PREVIEW_NOT_ALLOWED_BY_MARKET_STATE", "PREVIEW_UNTRADABLE_PRODUCT"),
    *("PREVIEW_GEOFENCING_RESTRICTION", "PREVIEW_INVALID_END_TIME", "PREVIEW_CLOSE_ONLY_FAILURE"),
    *("PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET", "PREVIEW_COMPLIANCE_PURCHASE_LIMIT_EXCEEDED"),
    *("PREVIEW_NON_NUMERIC_ORDER_SIZE", "PREVIEW_TRADING_DISABLED"),
]
EDIT = [
    *("ORDER_NOT_FOUND", "ONLY_OPEN_ORDERS_CAN_BE_EDITED", "COMMANDER_REJECTED_EDIT_ORDER"),
    *("CANNOT_EDIT_TO_BELOW_FILLED_SIZE", "CALLER_ID_MISMATCH"),
    *("ONLY_LIMIT_ORDER_EDITS_SUPPORTED", "INVALID_EDITED_SIZE", "INVALID_EDITED_PRICE"),
    *("INVALID_ORIGINAL_SIZE", "INVALID_ORIGINAL_PRICE"),
    *("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST", "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED"),
]
CANCEL = [
    *("UNKNOWN_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED", "INVALID_CANCEL_REQUEST"),
    "NOT_ALLOWED_TO_CANCEL",
]
FOR_NOW = [
    *("INVALID_NO_LIQUIDITY", "COMMANDER_REJECTED_NEW_ORDER", "PREVIEW_INVALID_NO_LIQUIDITY"),
    *("PREVIEW_RISK_PROXY_FAILURE", "COMMANDER_REJECTED_CANCEL_ORDER", "UNKNOWN_FAILURE_REASON"),
    *("TOO_MANY_PENDING_REPLACES", "MISSING_MARKET_TRADE_DATA"),
]
PENDING = [
    *("DUPLICATE_CANCEL_REQUEST", "ORDER_IS_PENDING_CANCEL", "ORDER_IS_BEING_REPLACED"),
    "ORDER_IS_ALREADY_BEING_REPLACED",
]
FAILED = ["UNKNOWN_CANCEL_FAILURE_REASON", "UNKNOWN_EDIT_ORDER_FAILURE_REASON"]
HTTP = {
    400: [
        *("INVALID_ARGUMENT", "invalid_request", "param_required", "validation_error"),
        *("personal_details_required", "identity_verification_required", "jumio_face_match"),
        *("unverified_email", "two_factor_required"),
    ],
    402: ["two_factor_required"],
    403: ["PERMISSION_DENIED", "invalid_scope"],
    404: ["NOT_FOUND", "not_found"],
}


@pytest.mark.parametrize("reason", [*FUNDS, *CREATE, *PREVIEW, *EDIT, *CANCEL])
def test_a_reason_is_a_refusal_for_good(reason: str) -> None:
    row = meant((reason,), is_write=True)
    assert row.is_documented
    assert (row.outcome, row.advice) == (Outcome.REJECTED, Advice.NEVER)
    assert (row.reason == "balance.insufficient") is (reason in FUNDS)


@pytest.mark.parametrize("reason", FOR_NOW)
def test_a_reason_that_passes_is_a_refusal_for_now(reason: str) -> None:
    row = meant((reason,), is_write=True)
    assert row.is_documented
    assert (row.outcome, row.advice) == (Outcome.REJECTED, Advice.AFTER_DELAY)


@pytest.mark.parametrize("reason", [*PENDING, *FAILED])
def test_a_reason_that_proves_nothing_leaves_the_effect_unknown(reason: str) -> None:
    row = meant((reason,), is_write=True)
    assert row.is_documented
    assert row.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "name"), [(status, name) for status, names in HTTP.items() for name in names]
)
@pytest.mark.parametrize("shape", ["error", "errors"])
def test_an_error_of_http_is_known_in_both_shapes(status: int, name: str, shape: str) -> None:
    body: Any = {"error": name} if shape == "error" else {"errors": [{"id": name}]}
    request = Request(method="POST", host="rest", path="/api/v3/brokerage/orders")
    call: Call[Any] = Call(what="t", kind=CallKind.PLACE, request=request, read=lambda _: None)
    failure = CoinbaseAdapter("sim").failure(
        call, Answer(status=status, body=json.dumps(body).encode())
    )
    assert failure is not None
    assert failure.is_documented
    assert (failure.outcome, failure.advice) == (Outcome.REJECTED, Advice.NEVER)


def test_the_table_has_no_reason_that_nobody_documents() -> None:
    listed = {*FUNDS, *CREATE, *PREVIEW, *EDIT, *CANCEL, *FOR_NOW, *PENDING, *FAILED}
    of_http = {name.upper() for names in HTTP.values() for name in names}
    # Tested with their statuses in test_coinbase_errors.py.
    of_keys = {"UNAUTHORIZED", "UNAUTHENTICATED", "AUTHENTICATION_ERROR", "INVALID_TOKEN"}
    of_keys |= {"EXPIRED_TOKEN", "REVOKED_TOKEN"}
    of_servers = {"RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL_SERVER_ERROR", "INTERNAL"}
    assert set(ROWS) <= listed | of_http | of_keys | of_servers
    beginnings = [beginning for beginning, _ in BEGINNINGS]
    assert all(any(name.startswith(each) for name in listed | of_http) for each in beginnings)
