"""Streams that hide what they missed are seen; `tests/template` shows that healthy ones pass."""

from collections.abc import Iterable
from typing import Final

import attrs

from venuekit.model import OrderChange, OrderEvent, Trade
from venuekit.plugin import FrameEvent, Manifest, Published
from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import RULES, Result, Status, judge
from venuekit.testing.conformance.specimen import Specimen
from venuekit_coinbase.adapter import CoinbaseAdapter

BY_ID: Final = {rule.id: rule for rule in RULES}


class HidesTrades(CoinbaseAdapter):
    """Leaves out every fifth trade."""

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        return tuple(event for event in super().read_frame(channel, frame) if not _is_fifth(event))


class HidesOrders(CoinbaseAdapter):
    """Says nothing of the account's orders."""

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        return tuple(event for event in super().read_frame(channel, frame) if not _is_order(event))


def _is_fifth(event: FrameEvent) -> bool:
    if isinstance(event, Published) and isinstance(event.event, Trade):
        return int(event.event.trade_id) % 5 == 0
    return False


def _is_order(event: FrameEvent) -> bool:
    return isinstance(event, Published) and isinstance(event.event, OrderEvent | OrderChange)


def judged(rule: str, adapter: type[CoinbaseAdapter]) -> Result:
    manifest: Manifest = Plugins().open_plugin("coinbase")
    specimen = Specimen(attrs.evolve(manifest, adapter=adapter), package="venuekit_coinbase")
    return judge(BY_ID[rule], specimen)


def test_a_stream_that_leaves_trades_out_is_seen_by_g2() -> None:
    result = judged("G2", HidesTrades)
    assert result.status is Status.FAILED
    assert any("every trade, or a Gap" in fault.expected for fault in result.faults)


def test_an_account_stream_that_says_nothing_is_seen_by_g4() -> None:
    result = judged("G4", HidesOrders)
    assert result.status is Status.FAILED
    assert any("account" in fault.expected for fault in result.faults)
