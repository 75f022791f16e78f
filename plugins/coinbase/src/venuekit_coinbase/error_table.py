"""Coinbase's errors and reasons, and what each says of a request's effect.

Reasons stand in answers with status 200 and `success: false`, which by itself says that nothing
was placed, canceled or changed; what is ambiguous all the same is marked.
Source: Coinbase Advanced Trade API reference, "Create Order", "Cancel Orders", "Edit Order";
Coinbase App error messages; the classes are those of the public clients, June 2026.
"""

from collections.abc import Mapping
from typing import Final

from venuekit.model import Advice, Outcome
from venuekit.plugin import DocumentedError, Row


def _row(reason: str, advice: Advice = Advice.NEVER, outcome: Outcome = Outcome.REJECTED) -> Row:
    return Row(outcome=outcome, advice=advice, reason=reason)


_INVALID: Final = _row("request.invalid")
_FUNDS: Final = _row("balance.insufficient")
_PERMISSION: Final = _row("permission.denied")
_HALTED: Final = _row("instrument.halted")
_UNKNOWN_ORDER: Final = _row("order.unknown")
_AMEND_REFUSED: Final = _row("order.amend_refused")
_UNSUPPORTED: Final = _row("order.not_supported")
_LATER: Final = _row("order.refused_for_now", Advice.AFTER_DELAY)
KEY: Final = _row("key.rejected", Advice.AFTER_CLOCK_SYNC)
"""Valid tokens are refused at times: once more with a fresh one, and the clock looked at."""
CLOCK: Final = _row("clock.outside_window", Advice.AFTER_CLOCK_SYNC)
LIMIT: Final = _row("limit.exceeded", Advice.AFTER_DELAY)
FAILED: Final = _row("exchange.failed", Advice.AGAIN, Outcome.UNKNOWN)
_PENDING: Final = _row("order.change_pending", Advice.NEVER, Outcome.UNKNOWN)

ROWS: Final[Mapping[str, Row]] = {
    # HTTP errors; ids of the second shape are compared in upper case too.
    "INVALID_ARGUMENT": _INVALID,
    "INVALID_REQUEST": _INVALID,
    "PARAM_REQUIRED": _INVALID,
    "VALIDATION_ERROR": _INVALID,
    "PERSONAL_DETAILS_REQUIRED": _PERMISSION,
    "IDENTITY_VERIFICATION_REQUIRED": _PERMISSION,
    "UNVERIFIED_EMAIL": _PERMISSION,
    "UNAUTHORIZED": KEY,
    "UNAUTHENTICATED": KEY,
    "AUTHENTICATION_ERROR": KEY,
    "INVALID_TOKEN": KEY,
    "EXPIRED_TOKEN": KEY,
    "REVOKED_TOKEN": _row("key.rejected"),
    "TWO_FACTOR_REQUIRED": _row("permission.second_factor"),
    "PERMISSION_DENIED": _PERMISSION,
    "INVALID_SCOPE": _PERMISSION,
    "NOT_FOUND": _UNKNOWN_ORDER,
    "RATE_LIMIT_EXCEEDED": LIMIT,
    "RESOURCE_EXHAUSTED": LIMIT,
    "INTERNAL_SERVER_ERROR": FAILED,
    "INTERNAL": FAILED,
    # Placing and previewing.
    "INSUFFICIENT_FUND": _FUNDS,
    "INSUFFICIENT_FUNDS": _FUNDS,
    "INVALID_LEDGER_BALANCE": _FUNDS,
    "HOLD_FAILURE": _FUNDS,
    "PREVIEW_INSUFFICIENT_FUND": _FUNDS,
    "PREVIEW_INSUFFICIENT_LEDGER_BALANCE": _FUNDS,
    "PREVIEW_COMPLIANCE_PURCHASE_LIMIT_EXCEEDED": _PERMISSION,
    "PREVIEW_GEOFENCING_RESTRICTION": _PERMISSION,
    "GEOFENCING_RESTRICTION": _PERMISSION,
    "DUPLICATE_CLIENT_ORDER_ID": _row("order.duplicate_id"),
    "ORDER_ENTRY_DISABLED": _HALTED,
    "PRODUCT_TRADING_HALTED": _HALTED,
    "TRADING_DISABLED": _HALTED,
    "PREVIEW_TRADING_DISABLED": _HALTED,
    "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE": _HALTED,
    "COMMANDER_REJECTED_NEW_ORDER": _LATER,
    "INVALID_NO_LIQUIDITY": _LATER,
    "PREVIEW_INVALID_NO_LIQUIDITY": _LATER,
    "PREVIEW_RISK_PROXY_FAILURE": _LATER,
    "UNKNOWN_FAILURE_REASON": _LATER,
    "INVALID_LIMIT_PRICE_POST_ONLY": _row("order.would_match"),
    "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY": _row("order.would_match"),
    "STOP_ALREADY_TRIGGERED": _row("order.would_trigger"),
    "INVALID_PRODUCT_ID": _row("instrument.unknown"),
    "PREVIEW_INVALID_PRODUCT_ID": _row("instrument.unknown"),
    "INELIGIBLE_PAIR": _row("instrument.not_tradable"),
    "UNTRADABLE_PRODUCT": _row("instrument.not_tradable"),
    "PREVIEW_UNTRADABLE_PRODUCT": _row("instrument.not_tradable"),
    "INVALID_SIZE_PRECISION": _row("quantity.off_step"),
    "PREVIEW_INVALID_SIZE_PRECISION": _row("quantity.off_step"),
    "PREVIEW_INVALID_QUOTE_SIZE_PRECISION": _row("quantity.off_step"),
    "INVALID_PRICE_PRECISION": _row("price.off_tick"),
    "PREVIEW_INVALID_PRICE_PRECISION": _row("price.off_tick"),
    "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL": _row("quantity.below_minimum"),
    "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE": _row("quantity.above_maximum"),
    "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL": _row("notional.below_minimum"),
    "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE": _row("notional.above_maximum"),
    "UNSUPPORTED_ORDER_CONFIGURATION": _UNSUPPORTED,
    "TOO_MANY_OPEN_ORDERS": _row("order.too_many_open"),
    "FOK_DISABLED": _UNSUPPORTED,
    "FOK_ONLY_ALLOWED_ON_LIMIT_ORDERS": _UNSUPPORTED,
    "POST_ONLY_NOT_ALLOWED_WITH_FOK": _UNSUPPORTED,
    "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET": _UNSUPPORTED,
    "GTD_ORDERS_MUST_HAVE_END_TIME": _INVALID,
    "IN_LIQUIDATION": _PERMISSION,
    "BREACHED_RISK_LIMIT": _row("order.risk_limit"),
    "MISSING_MARKET_TRADE_DATA": _LATER,
    # Canceling.
    "UNKNOWN_CANCEL_ORDER": _UNKNOWN_ORDER,
    "ORDER_IS_FULLY_FILLED": _UNKNOWN_ORDER,
    "DUPLICATE_CANCEL_REQUEST": _PENDING,
    "ORDER_IS_PENDING_CANCEL": _PENDING,
    "ORDER_IS_BEING_REPLACED": _PENDING,
    "COMMANDER_REJECTED_CANCEL_ORDER": _row("order.cancel_rejected", Advice.AFTER_DELAY),
    "UNKNOWN_CANCEL_FAILURE_REASON": FAILED,
    "INVALID_CANCEL_REQUEST": _INVALID,
    "NOT_ALLOWED_TO_CANCEL": _row("order.cancel_rejected"),
    # Editing.
    "ORDER_NOT_FOUND": _UNKNOWN_ORDER,
    "ONLY_OPEN_ORDERS_CAN_BE_EDITED": _UNKNOWN_ORDER,
    "ORDER_IS_ALREADY_BEING_REPLACED": _PENDING,
    "TOO_MANY_PENDING_REPLACES": _row("order.amend_refused", Advice.AFTER_DELAY),
    "COMMANDER_REJECTED_EDIT_ORDER": _AMEND_REFUSED,
    "CANNOT_EDIT_TO_BELOW_FILLED_SIZE": _AMEND_REFUSED,
    "CALLER_ID_MISMATCH": _AMEND_REFUSED,
    "ONLY_LIMIT_ORDER_EDITS_SUPPORTED": _AMEND_REFUSED,
    "INVALID_EDITED_SIZE": _AMEND_REFUSED,
    "INVALID_EDITED_PRICE": _AMEND_REFUSED,
    "INVALID_ORIGINAL_SIZE": _AMEND_REFUSED,
    "INVALID_ORIGINAL_PRICE": _AMEND_REFUSED,
    "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST": _AMEND_REFUSED,
    "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED": _AMEND_REFUSED,
    "REPLACE_NOT_SUPPORTED": _AMEND_REFUSED,
    "UNKNOWN_EDIT_ORDER_FAILURE_REASON": FAILED,
}
"""By code, reason or id, in upper case."""

BEGINNINGS: Final[tuple[tuple[str, Row], ...]] = (
    ("JUMIO_", _PERMISSION),
    ("PREVIEW_", _INVALID),
    ("INVALID_", _INVALID),
    ("UNSUPPORTED_", _UNSUPPORTED),
    ("BRACKET_", _INVALID),
    ("REDUCE_ONLY_", _row("order.reduce_only")),
    ("END_TIME_", _INVALID),
    ("LIMIT_PRICE_TOO_FAR_", _row("price.outside_band")),
    ("LIMIT_ORDER_PRICE_EXCEEDS_", _row("price.outside_band")),
    ("RFQ_", _UNSUPPORTED),
    ("MODIFY_POSITION_", _UNSUPPORTED),
)
"""Of reasons that are not listed one by one."""

TEXTS: Final[tuple[tuple[str, Row], ...]] = (
    ("request timestamp expired", CLOCK),
    ("too many errors", _row("limit.too_many_errors", Advice.AFTER_DELAY)),
    ("order with this orderid was not found", _UNKNOWN_ORDER),
    ("missing required scopes", _PERMISSION),
    ("target account not tradable", _PERMISSION),
    ("source account not tradeable", _PERMISSION),
    ("account is not available", _PERMISSION),
    ("insufficient balance in source account", _FUNDS),
    ("unsupported account in this conversion", _UNSUPPORTED),
)
"""By words that an error's text has, in lower case; they come before the code."""


def documented() -> tuple[DocumentedError, ...]:
    """Give all of them: codes, beginnings of reasons, and words."""
    codes = [DocumentedError(code, row) for code, row in ROWS.items()]
    beginnings = [DocumentedError(f"{beginning}…", row) for beginning, row in BEGINNINGS]
    return (*codes, *beginnings, *(DocumentedError("", row, text) for text, row in TEXTS))
