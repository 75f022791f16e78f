"""The listing as a stream: one subscription of Kraken's, told for all and for each."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import Instrument, InstrumentsEvent, InstrumentStatus
from venuekit.plugin import Published, Subscription, Topic
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.naming import stream_name

if TYPE_CHECKING:
    from .conftest import Wire


def pair(symbol: str, **more: Any) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    return {
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "status": "online",
        "qty_precision": 8,
        "qty_increment": 1e-08,
        "price_precision": 1,
        "price_increment": 0.5,
        "cost_precision": 5,
        "cost_min": 0.5,
        "qty_min": 0.0001,
        "marginable": True,
        "has_index": True,
        "tick_size": 0.5,
        **more,
    }


ALL = [pair("BTC/USD"), pair("BTC/USDT"), pair("DOGE/USD")]


def told(adapter: KrakenAdapter, kind: str, pairs: list[Any]) -> dict[str, InstrumentsEvent]:
    frame = {"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": pairs}}
    found: dict[str, InstrumentsEvent] = {}
    for event in adapter.read_frame("listing", json.dumps(frame)):
        assert isinstance(event, Published)
        assert isinstance(event.event, InstrumentsEvent)
        assert event.key not in found
        found[event.key] = event.event
    return found


def test_all_instruments_and_one_have_keys_of_their_own(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    everything, one = Subscription(Topic.INSTRUMENTS), Subscription(Topic.INSTRUMENTS, btc)
    assert adapter.key_of(everything) == "instrument"
    assert adapter.key_of(one) == "instrument BTC/USD"
    assert adapter.channel_of(everything) == adapter.channel_of(one) == "listing"
    # Kraken has one such subscription on a connection: it is not shared, and ends alone.
    (channel,) = (each for each in adapter.channels() if each.name == "listing")
    assert channel.max_subscriptions == 1
    (text,) = adapter.subscribe([one], 7, None)
    assert json.loads(text) == {
        "method": "subscribe",
        "params": {"channel": "instrument"},
        "req_id": 7,
    }


def test_a_snapshot_is_all_that_there_is_and_keeps_the_names_that_rest_needs(
    adapter: KrakenAdapter,
) -> None:
    events = told(adapter, "snapshot", ALL)
    whole = events["instrument"]
    assert whole.is_snapshot
    assert {each.symbol for each in whole.instruments} == {"BTC/USD", "BTC/USDT", "DOGE/USD"}
    (btc,) = events["instrument BTC/USD"].instruments
    assert (btc.native, btc.limits["pair_id"]) == ("XBTUSD", "XXBTZUSD")
    assert (btc.price.step, btc.quantity.step) == (Decimal("0.5"), Decimal("1E-8"))
    assert (btc.quantity.minimum, btc.notional.minimum) == (Decimal("0.0001"), Decimal("0.5"))


def test_what_a_snapshot_lacks_is_listed_no_more(adapter: KrakenAdapter) -> None:
    events = told(adapter, "snapshot", ALL[:2])
    gone = events["instrument DOGE/USD"]
    assert (gone.instruments, gone.is_snapshot) == ((), True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("online", InstrumentStatus.TRADING),
        ("post_only", InstrumentStatus.TRADING),
        ("limit_only", InstrumentStatus.TRADING),
        ("cancel_only", InstrumentStatus.CANCEL_ONLY),
        ("reduce_only", InstrumentStatus.CANCEL_ONLY),
        ("maintenance", InstrumentStatus.HALTED),
        ("delisted", InstrumentStatus.UNAVAILABLE),
        ("work_in_progress", InstrumentStatus.UNAVAILABLE),
        ("new_word", InstrumentStatus.UNAVAILABLE),
    ],
)
def test_an_update_tells_what_changed_and_nothing_else(
    adapter: KrakenAdapter, status: str, expected: InstrumentStatus
) -> None:
    events = told(adapter, "update", [pair("BTC/USD", status=status)])
    assert set(events) == {"instrument", "instrument BTC/USD"}
    assert not events["instrument"].is_snapshot
    assert [each.status for each in events["instrument"].instruments] == [expected]


def test_assets_alone_are_no_change_of_instruments(adapter: KrakenAdapter) -> None:
    assert told(adapter, "update", []) == {}


def test_a_pair_that_is_newer_than_the_listing_goes_by_its_symbol(adapter: KrakenAdapter) -> None:
    (new,) = told(adapter, "update", [pair("SOL/USD")])["instrument SOL/USD"].instruments
    assert (new.native, new.base, new.quote) == ("SOL/USD", "SOL", "USD")
    assert new.status is InstrumentStatus.TRADING


def test_a_listed_pair_that_cannot_be_understood_is_no_silent_loss(
    adapter: KrakenAdapter,
) -> None:
    with pytest.raises(ValueError, match="BTC/USD"):
        told(adapter, "update", [pair("BTC/USD", price_increment="much")])
    strange = [*ALL, pair("NEW/USD", price_increment="much"), "nonsense"]
    assert len(told(adapter, "snapshot", strange)["instrument"].instruments) == 3


def test_names_of_the_socket_are_krakens_but_for_two(wire: "type[Wire]") -> None:
    """Kraken's LUNA is LUNC, and its LUNA2 is LUNA: neither is taken for the other."""
    coins = {"LUNA": "LUNA", "LUNA2": "LUNA2"}
    assets = wire.assets | {name: {"altname": altname} for name, altname in coins.items()}
    like = wire.pairs["XXBTZUSD"]
    pairs = {
        f"{name}USD": {**like, "altname": f"{name}USD", "wsname": f"{name}/USD", "base": name}
        for name in ("LUNA2", "LUNA")
    }
    adapter = KrakenAdapter("sim")
    listing = wire.run(adapter.fetch_listing(), wire.ok(assets), wire.ok(wire.pairs | pairs))
    adapter.instruments = listing.instruments
    names = {symbol: stream_name(each) for symbol, each in adapter.instruments.items()}
    assert names["BTC/USD"] == "BTC/USD"
    assert names["DOGE/USD"] == "DOGE/USD"
    assert (names["LUNC/USD"], names["LUNA/USD"]) == ("LUNA/USD", "LUNA2/USD")
    assert set(told(adapter, "update", [pair("LUNA/USD")])) == {"instrument", "instrument LUNC/USD"}
    (text,) = adapter.subscribe(
        [Subscription(Topic.TICKER, adapter.instruments["LUNC/USD"])], 1, None
    )
    assert json.loads(text)["params"]["symbol"] == ["LUNA/USD"]
