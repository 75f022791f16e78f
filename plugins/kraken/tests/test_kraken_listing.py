"""Names and rules: what Kraken lists, as the field calls it."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from venuekit.model import InstrumentStatus, ServiceState
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.naming import asset_name

if TYPE_CHECKING:
    from .conftest import Wire


def test_pairs_go_by_the_fields_names_and_kraken_s_own_stay_available(
    adapter: KrakenAdapter,
) -> None:
    assert set(adapter.instruments) == {"BTC/USD", "BTC/USDT", "DOGE/USD"}
    btc = adapter.instruments["BTC/USD"]
    assert (btc.base, btc.quote, btc.native) == ("BTC", "USD", "XBTUSD")
    assert btc.limits["pair_id"] == "XXBTZUSD"


def test_a_pairs_rules_are_those_that_kraken_states(adapter: KrakenAdapter) -> None:
    btc = adapter.instruments["BTC/USD"]
    assert btc.price.step == Decimal("0.1")
    assert btc.quantity.step == Decimal("1E-8")
    assert btc.quantity.minimum == Decimal("0.00005")
    assert btc.notional.minimum == Decimal("0.5")
    assert btc.status is InstrumentStatus.TRADING


@pytest.mark.parametrize(
    ("native", "name"),
    [
        ("XXBT", "BTC"),
        ("ZUSD", "USD"),
        ("XXDG", "DOGE"),
        ("XETH", "ETH"),
        ("USDT", "USDT"),
        ("XTZ", "XTZ"),
        ("ZRX", "ZRX"),
        ("XBT.M", "BTC.M"),
        ("USDT.F", "USDT.F"),
        ("LUNA2", "LUNA"),
    ],
)
def test_letters_are_never_stripped_blindly(native: str, name: str) -> None:
    assert asset_name(native) == name


def test_a_pair_that_cannot_be_understood_is_left_out_and_told(wire: "type[Wire]") -> None:
    pairs = {**wire.pairs, "BROKEN": {"altname": "X"}, "TWIN": wire.pairs["XXBTZUSD"]}
    listing = wire.run(KrakenAdapter("sim").fetch_listing(), wire.ok(wire.assets), wire.ok(pairs))

    assert set(listing.skipped) == {"BROKEN", "TWIN"}
    assert len(listing.instruments) == 3


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("online", InstrumentStatus.TRADING),
        ("post_only", InstrumentStatus.TRADING),
        ("cancel_only", InstrumentStatus.CANCEL_ONLY),
        ("new_word", InstrumentStatus.UNAVAILABLE),
    ],
)
def test_the_status_of_a_pair(wire: "type[Wire]", status: str, expected: InstrumentStatus) -> None:
    pairs = {"XXBTZUSD": {**wire.pairs["XXBTZUSD"], "status": status}}
    listing = wire.run(KrakenAdapter("sim").fetch_listing(), wire.ok(wire.assets), wire.ok(pairs))

    assert listing.instruments["BTC/USD"].status is expected


def test_clock_and_state(wire: "type[Wire]") -> None:
    made = KrakenAdapter("sim")
    time = wire.ok({"unixtime": 1616336594, "rfc1123": "Sun, 21 Mar 21 14:23:14 +0000"})
    assert made.fetch_time().read(time) == 1_616_336_594_500_000_000
    said = made.fetch_status().read(wire.ok({"status": "cancel_only", "timestamp": "2026"}))
    assert (said.state, said.text) == (ServiceState.MAINTENANCE, "cancel_only")
