"""Every error of Bitstamp's documents that spot trading can meet, and what it says of the effect.

Source: HTTP API, "Response codes", "Possible authentication errors", and for answers without a
code the texts of "Possible errors", as of February 2026.
"""

from typing import Any

import venuekit.model as vm
import venuekit.plugin as vk


def _no(reason: str, advice: vm.Advice = vm.Advice.NEVER) -> vk.Row:
    return vk.Row(outcome=vm.Outcome.REJECTED, advice=advice, reason=reason)


_FAILED = vk.Row(outcome=vm.Outcome.UNKNOWN, advice=vm.Advice.AGAIN, reason="exchange.failed")
_LIMIT = _no("limit.exceeded", vm.Advice.AFTER_DELAY)
_WAIT_S = 1.0  # no answer says for how long; the shorter of the two windows
_INVALID, _FUNDS, _SMALL = map(
    _no, ("request.invalid", "balance.insufficient", "notional.below_minimum")
)
_BAND, _GONE, _THIN = map(_no, ("price.outside_band", "order.unknown", "book.too_thin"))
_LARGE = _no("quantity.above_maximum")

ERRORS = vk.ErrorTable.grouped(
    {
        _LIMIT: "400.002 400.067 400.068",
        _no("instrument.halted"): "400.003 500.010 500.011 500.012 500.014",
        _FUNDS: "400.009",
        _no("order.duplicate_id"): "400.019",
        _SMALL: "400.020",
        _BAND: "400.021 400.055 400.056",
        _LARGE: "400.037 400.038",
        _no("notional.above_maximum"): "400.039",
        _no("quantity.below_minimum"): "400.046",
        _INVALID: "400.001 400.004 400.005 400.006 400.007 400.008 400.010 400.011 400.012 "
        "400.013 400.014 400.015 400.016 400.017 400.018 400.022 400.023 400.024 400.025 400.026 "
        "400.027 400.028 400.029 400.030 400.031 400.032 400.033 400.034 400.035 400.036 400.041 "
        "400.061 404.001 405.001 410.001 API0010 API0018 API0019 API0020 API0021",
        _no("permission.denied"): "403.001 403.002 403.003 403.004 403.006 404.004 "
        "API0002 API0003 API0006 API0009",
        _GONE: "404.002",
        _no("instrument.unknown"): "404.003 404.005 404.006 404.007",
        _no("key.rejected"): "API0001 API0005 API0008 API0011 API0012 API0013 API0014 API0015 "
        "API0016",
        _no("nonce.rejected", vm.Advice.NEW_NONCE): "API0004",
        _no("clock.outside_window", vm.Advice.AFTER_CLOCK_SYNC): "API0017",
        _THIN: "500.004 500.005 500.015 500.018",
        _no("order.rejected"): "500.017",
        _FAILED: "500.001 500.002 500.003 500.007 500.009 500.013 500.016 500.019",
    },
    texts={
        "": (
            ("Order not found", _GONE),
            ("You can only", _FUNDS),
            ("You have only", _FUNDS),
            ("You need", _FUNDS),
            ("Minimum order size", _SMALL),
            ("Price is more than", _BAND),
            ("Maximum market", _LARGE),
            ("No buy orders", _THIN),
            ("No sell orders", _THIN),
            ("Ensure that there are no more than", _no("quantity.off_step")),
            ("Order could not be placed", _FAILED),  # "perhaps due to internal error"
        )
    },
)


def failure_of(call: vk.Call[Any], answer: vk.Answer) -> vm.Failure | None:
    """Say why an answer is not a success; None if it is one."""
    try:
        body = vk.read_json(answer.body)
    except ValueError:
        body = None
    if answer.status == 200 and isinstance(body, list):
        return None
    said = body if isinstance(body, dict) else {}
    code = said.get("response_code", said.get("code"))
    if answer.status == 200 and said and code is None and said.get("status") != "error":
        return None
    text = said.get("reason", said.get("error", said.get("response_explanation", "")))
    while isinstance(text, dict | list) and text:  # texts by the member that they concern
        text = next(iter(text.values() if isinstance(text, dict) else text))
    if not isinstance(code, str | None) or not isinstance(text, str) or not (code or text):
        return vk.unreadable_answer(answer, is_write=call.kind.is_write, wait_s=_WAIT_S)
    if code is None:
        code = "400.002" if answer.status == 429 else ""
    failure = ERRORS.failure(code, text, is_write=call.kind.is_write)
    if failure.reason != _LIMIT.reason:
        return failure
    return ERRORS.failure(code, text, is_write=call.kind.is_write, retry_after_s=_WAIT_S)
