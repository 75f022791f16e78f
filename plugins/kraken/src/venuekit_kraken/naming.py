"""Kraken's names and the field's: XBT is BTC, XXBTZUSD is BTC/USD.

Letters are never stripped blindly: what an asset id stands for comes from the exchange's own list,
where its `altname` is the ticker, but for the few that Kraken calls otherwise than everybody else.
Source: Kraken `Assets`, `AssetPairs`; the exceptions as ccxt 4.5.90 lists them.
"""

from collections.abc import Mapping
from typing import Final

from venuekit.model import Instrument, Instruments

OTHER_NAMES: Final[Mapping[str, str]] = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "FEE": "KFEE",
    "LUNA": "LUNC",
    "LUNA2": "LUNA",
    "UST": "USTC",
    "REP": "REPV1",
    "REPV2": "REP",
}
# Where the list of assets is not at hand: the old assets, the only ones with a letter before them.
_OLD: Final[Mapping[str, str]] = {
    **{f"X{name}": name for name in ("XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC")},
    **{f"X{name}": name for name in ("REP", "MLN", "XDG")},
    **{f"Z{name}": name for name in ("USD", "EUR", "GBP", "CAD", "JPY", "AUD")},
}
_KRAKENS_NAMES: Final = {common: altname for altname, common in OTHER_NAMES.items()}
# WebSocket v2 calls these two as everybody does, and all others as Kraken does.
_STREAM_NAMES: Final[Mapping[str, str]] = {"XBT": "BTC", "XDG": "DOGE"}
PAIR_ID: Final = "pair_id"
WEBSOCKET_NAME: Final = "websocket_name"
PRICE_DECIMALS: Final = "price_decimals"
QUANTITY_DECIMALS: Final = "quantity_decimals"
"""Names in `Instrument.limits` of what only Kraken's wire needs."""


def common_name(altname: str) -> str:
    """Give the field's name of an asset from Kraken's own `altname`."""
    return OTHER_NAMES.get(altname, altname)


def asset_name(native: str) -> str:
    """Give the field's name of an asset id as balances and fees carry it.

    A suffix (`.S` staked, `.F` rewards, …) stays: such a balance cannot be traded.
    """
    stem, dot, suffix = native.partition(".")
    return common_name(_OLD.get(stem, stem)) + dot + suffix


def altname(asset: str) -> str:
    """Give Kraken's `altname` of an asset from the field's name; a suffix stays."""
    stem, dot, suffix = asset.partition(".")
    return _KRAKENS_NAMES.get(stem, stem) + dot + suffix


def stream_name(instrument: Instrument) -> str:
    """Give the name of an instrument on WebSocket v2; the symbol where the listing has none."""
    name = instrument.limits.get(WEBSOCKET_NAME)
    if not name:
        return instrument.symbol
    return "/".join(_STREAM_NAMES.get(asset, asset) for asset in name.split("/"))


class PairNames:
    """Finds instruments by any name that Kraken uses for a pair.

    Kraken's own names go before the field's: its `LUNA/USD` is `LUNC/USD`.
    """

    def __init__(self, instruments: Instruments) -> None:
        """Index a listing."""
        self.instruments: Final = instruments
        self._found: dict[str, Instrument] = {}
        for instrument in instruments.values():
            for name in (
                instrument.native,
                instrument.limits.get(PAIR_ID),
                instrument.limits.get(WEBSOCKET_NAME),
                stream_name(instrument),
            ):
                if name:
                    self._found.setdefault(name, instrument)
        for instrument in instruments.values():
            self._found.setdefault(instrument.symbol, instrument)

    def of(self, name: str) -> Instrument:
        """Give the instrument of a name; raises ValueError if the listing lacks it."""
        found = self._found.get(name)
        if found is None:
            msg = f"{name[:40]!r} is not in the listing; fetch the listing again"
            raise ValueError(msg)
        return found

    def knows(self, name: str) -> bool:
        """Say whether the listing has an instrument of that name."""
        return name in self._found
