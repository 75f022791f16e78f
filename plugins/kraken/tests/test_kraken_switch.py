"""Canceling everything, now or later: what goes out, and what is believed of the answer."""

from typing import TYPE_CHECKING

import pytest

from venuekit.plugin import CallKind
from venuekit_kraken.adapter import KrakenAdapter

if TYPE_CHECKING:
    from .conftest import Wire

NOW = "2023-03-24T17:41:56Z"


def test_everything_is_canceled_with_one_request_that_counts(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    call = adapter.cancel_everything()
    assert (call.request.path, call.request.body) == ("/0/private/CancelAll", b"")
    assert call.kind is CallKind.CANCEL
    assert call.read(wire.ok({"count": 4})) == 4
    assert call.read(wire.ok({"count": 0})) == 0


def test_the_switch_says_when_it_will_fall(adapter: KrakenAdapter, wire: "type[Wire]") -> None:
    call = adapter.cancel_all_after(60)
    assert call.request.path == "/0/private/CancelAllOrdersAfter"
    assert call.request.body == b"timeout=60"
    said = {"currentTime": NOW, "triggerTime": "2023-03-24T17:42:56Z"}
    assert call.read(wire.ok(said)) == 1_679_679_776 * 10**9


@pytest.mark.parametrize("trigger", ["0", "", None, NOW])
def test_a_stopped_switch_has_no_time(
    adapter: KrakenAdapter, wire: "type[Wire]", trigger: str | None
) -> None:
    call = adapter.cancel_all_after(0)
    assert call.request.body == b"timeout=0"
    assert call.read(wire.ok({"currentTime": NOW, "triggerTime": trigger})) is None


@pytest.mark.parametrize(
    ("timeout_s", "trigger"), [(60, "0"), (60, NOW), (0, "2023-03-24T17:42:56Z")]
)
def test_a_switch_is_not_believed_to_be_what_it_does_not_say(
    adapter: KrakenAdapter, wire: "type[Wire]", timeout_s: int, trigger: str
) -> None:
    call = adapter.cancel_all_after(timeout_s)
    with pytest.raises(ValueError, match="was asked for"):
        call.read(wire.ok({"currentTime": NOW, "triggerTime": trigger}))


@pytest.mark.parametrize("timeout_s", [-1, 86_400])
def test_a_time_that_kraken_does_not_take_is_refused(
    adapter: KrakenAdapter, timeout_s: int
) -> None:
    with pytest.raises(ValueError, match="1 to 86399"):
        adapter.cancel_all_after(timeout_s)
    assert adapter.cancel_all_after(86_399).request.body == b"timeout=86399"
