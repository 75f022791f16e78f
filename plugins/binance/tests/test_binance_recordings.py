"""What Binance really sent on 2021-10-12, recorded by bmoscon/cryptofeed, is understood."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from venuekit.model import BookChange, InstrumentStatus, Level, plain
from venuekit.plugin import Answer, Listing, Published
from venuekit_binance.adapter import BinanceAdapter

_FOLDER = Path(__file__).parents[4] / "shared" / "recordings" / "binance"
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not _FOLDER.is_dir(), reason="the recordings are in the workshop only"),
]


def _read_listing() -> Listing:
    body = (_FOLDER / "exchange-info.json").read_bytes()
    return BinanceAdapter("live").fetch_listing().read(Answer(status=200, body=body))


@pytest.fixture
def recorded() -> BinanceAdapter:
    adapter = BinanceAdapter("live")
    adapter.instruments = _read_listing().instruments
    return adapter


def test_the_whole_listing_is_read_and_nothing_is_skipped() -> None:
    listing = _read_listing()
    symbols = json.loads((_FOLDER / "exchange-info.json").read_bytes())["symbols"]
    assert listing.skipped == {}
    assert len(listing.instruments) == len(symbols) == 1695
    for row in symbols:
        instrument = listing.instruments.native(row["symbol"])
        assert instrument.symbol == f"{row['baseAsset']}/{row['quoteAsset']}"
        rules = {rule["filterType"]: rule for rule in row["filters"]}
        assert plain(instrument.price.step) == rules["PRICE_FILTER"]["tickSize"]
        assert plain(instrument.quantity.minimum) == rules["LOT_SIZE"]["minQty"]
        assert plain(instrument.notional.minimum) == rules["MIN_NOTIONAL"]["minNotional"]
        is_open = row["status"] == "TRADING" and row["isSpotTradingAllowed"]
        assert (instrument.status is InstrumentStatus.TRADING) == is_open


def test_every_recorded_frame_is_understood(recorded: BinanceAdapter) -> None:
    kinds: dict[str, int] = {}
    for line in (_FOLDER / "stream.jsonl").read_text().splitlines()[1:]:
        frame = json.dumps(json.loads(line)["body"])
        (event,) = recorded.read_frame("market", frame)
        assert isinstance(event, Published)
        name = type(event.event).__name__
        kinds[name] = kinds.get(name, 0) + 1
    assert kinds == {"BookChange": 177, "BestPrice": 84, "Candle": 2, "Trade": 2}


def test_the_recorded_changes_join_the_recorded_snapshots(recorded: BinanceAdapter) -> None:
    books: dict[str, tuple[int, dict[Decimal, Decimal]]] = {}
    for line in (_FOLDER / "depth-snapshots.jsonl").read_text().splitlines():
        row = json.loads(line)
        native = row["url"].split("symbol=")[1].split("&")[0]
        instrument = recorded.instruments.native(native)
        call = recorded.fetch_book(instrument, depth=1000)
        assert f"{call.request.path}?{call.request.query}" == row["url"]
        book = call.read(Answer(status=200, body=json.dumps(row["body"]).encode()))
        assert book.update_id == row["body"]["lastUpdateId"]
        levels: list[Level] = [*book.bids, *book.asks]
        assert [[plain(p), plain(q)] for p, q in levels] == [
            *row["body"]["bids"],
            *row["body"]["asks"],
        ]
        books[instrument.symbol] = (book.update_id or 0, dict(levels))
    joined = 0
    for line in (_FOLDER / "stream.jsonl").read_text().splitlines()[1:]:
        (event,) = recorded.read_frame("market", json.dumps(json.loads(line)["body"]))
        assert isinstance(event, Published)
        change = event.event
        if not isinstance(change, BookChange):
            continue
        last, _ = books[change.symbol]
        assert change.first_update_id is not None
        assert change.last_update_id is not None
        if change.last_update_id <= last:
            continue
        assert change.first_update_id <= last + 1
        books[change.symbol] = (change.last_update_id, {})
        joined += 1
    assert joined > 100
