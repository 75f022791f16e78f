"""The assets and pairs that a simulated Kraken lists, and everything that they are called.

Source: Kraken API Center, Get Asset Info, Get Tradable Asset Pairs; the numbers of BTC/USDT, XBT
and USD are recorded ones, the others our own.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import attrs

from venuekit_kraken.sim.refusals import Refusal
from venuekit_kraken.sim.wire import Plain, number, plain

_TAKER_FEES: Final = ((0, "0.4"), (10_000, "0.35"), (50_000, "0.24"), (100_000, "0.22"))
_MAKER_FEES: Final = ((0, "0.25"), (10_000, "0.2"), (50_000, "0.14"), (100_000, "0.12"))
_SLASH: Final = "/"


@attrs.frozen(kw_only=True)
class AssetSpec:
    """An asset and its three names."""

    id: str
    """`XXBT`: key of `Assets` and `Balance`."""
    altname: str
    """`XBT`."""
    symbol: str
    """`BTC`, as the second version of the sockets calls it."""
    decimals: int = 10
    display_decimals: int = 5

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a request may use."""
        return (self.id, self.altname, self.symbol)

    def amount(self, value: Decimal) -> str:
        """Write an amount with the asset's decimals, as REST does."""
        return plain(value, self.decimals)

    def rest_payload(self) -> dict[str, object]:
        """Describe it as `Assets` does."""
        return {
            "aclass": "currency",
            "altname": self.altname,
            "decimals": self.decimals,
            "display_decimals": self.display_decimals,
            "collateral_value": Plain("1.0"),
            "status": "enabled",
            "margin_rate": "0.020000",
        }

    def socket_payload(self) -> dict[str, object]:
        """Describe it as the channel `instrument` does."""
        return {
            "id": self.symbol,
            "status": "enabled",
            "precision": self.decimals,
            "precision_display": self.display_decimals,
            "borrowable": True,
            "collateral_value": Plain("1.0"),
            "margin_rate": Plain("0.02"),
            "multiplier": Plain("1.0"),
        }


@attrs.frozen(kw_only=True)
class PairSpec:
    """A pair as `AssetPairs` describes it."""

    id: str
    """`XXBTZUSD`: key of public answers."""
    base: AssetSpec
    quote: AssetSpec
    price_decimals: int
    start_price: Decimal
    order_minimum: Decimal
    """Of the base asset."""
    cost_minimum: Decimal = Decimal("0.5")
    tick: Decimal
    """Distance between two prices; may be coarser than the decimals."""
    lot_decimals: int = 8
    cost_decimals: int = 5
    is_lively: bool = True
    """Whether strangers trade it when the world is alive."""

    @property
    def altname(self) -> str:
        """`XBTUSD`."""
        return self.base.altname + self.quote.altname

    @property
    def wsname(self) -> str:
        """`XBT/USD`."""
        return self.base.altname + _SLASH + self.quote.altname

    @property
    def symbol(self) -> str:
        """`BTC/USD`; the name of its market in the matching engine, too."""
        return self.base.symbol + _SLASH + self.quote.symbol

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a REST request may use."""
        return (self.id, self.altname, self.wsname, self.symbol)

    @property
    def lot(self) -> Decimal:
        """Distance between two quantities."""
        return Decimal(1).scaleb(-self.lot_decimals)

    def price(self, value: Decimal) -> str:
        """Write a price as orders, candles and metadata have it."""
        return plain(value, self.price_decimals)

    def wide_price(self, value: Decimal) -> str:
        """Write a price as `Ticker`, `Depth` and `Trades` do: with five decimals at least."""
        return plain(value, max(5, self.price_decimals))

    def volume(self, value: Decimal) -> str:
        """Write a quantity."""
        return plain(value, self.lot_decimals)

    def cost(self, value: Decimal) -> str:
        """Write a quantity of the quote asset."""
        return plain(value, self.cost_decimals)

    def rest_payload(self, status: str, info: str = "info") -> dict[str, object]:
        """Describe it as `AssetPairs` does: all of it, or the part that `info` names."""
        leverage: dict[str, object] = {"leverage_buy": [2, 3], "leverage_sell": [2, 3]}
        fees: dict[str, object] = {
            "fees": [[volume, Plain(fee)] for volume, fee in _TAKER_FEES],
            "fees_maker": [[volume, Plain(fee)] for volume, fee in _MAKER_FEES],
            "fee_volume_currency": "ZUSD",
        }
        margin: dict[str, object] = {"margin_call": 80, "margin_stop": 40}
        match info:
            case "leverage":
                return leverage
            case "fees":
                return fees
            case "margin":
                return margin
            case _:
                pass
        return {
            "altname": self.altname,
            "wsname": self.wsname,
            "aclass_base": "currency",
            "base": self.base.id,
            "aclass_quote": "currency",
            "quote": self.quote.id,
            "lot": "unit",
            "cost_decimals": self.cost_decimals,
            "pair_decimals": self.price_decimals,
            "lot_decimals": self.lot_decimals,
            "lot_multiplier": 1,
            **leverage,
            **fees,
            **margin,
            "ordermin": short(self.order_minimum),
            "costmin": short(self.cost_minimum),
            "tick_size": short(self.tick),
            "status": status,
            "long_position_limit": 250,
            "short_position_limit": 200,
            "execution_venue": "international",
        }

    def socket_payload(self, status: str) -> dict[str, object]:
        """Describe it as the channel `instrument` does."""
        return {
            "symbol": self.symbol,
            "base": self.base.symbol,
            "quote": self.quote.symbol,
            "status": status,
            "qty_precision": self.lot_decimals,
            "qty_increment": number(self.lot),
            "price_precision": self.price_decimals,
            "price_increment": number(self.tick),
            "cost_precision": self.cost_decimals,
            "cost_min": number(self.cost_minimum),
            "qty_min": number(self.order_minimum),
            "marginable": True,
            "has_index": True,
            "margin_initial": Plain("0.33"),
            "position_limit_long": 250,
            "position_limit_short": 200,
            "tick_size": number(self.tick),
        }


def short(value: Decimal) -> str:
    """Write a number without exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Names:
    """Finds assets and pairs by any of their names."""

    def __init__(self, pairs: Sequence[PairSpec]) -> None:
        self.pairs = {pair.symbol: pair for pair in pairs}
        """By v2 symbol, in the order of listing."""
        self.assets = {asset.id: asset for pair in pairs for asset in (pair.base, pair.quote)}
        """By id."""
        self._pairs = {name: pair for pair in pairs for name in pair.names}
        self._assets = {name: asset for asset in self.assets.values() for name in asset.names}

    def pair(self, name: str) -> PairSpec:
        """Give a pair by id, altname or a form with a slash, or refuse."""
        found = self._pairs.get(name)
        if found is None:
            raise Refusal("EQuery:Unknown asset pair")
        return found

    def asset(self, name: str) -> AssetSpec:
        """Give an asset by id, altname or symbol, or refuse."""
        found = self._assets.get(name)
        if found is None:
            raise Refusal("EQuery:Unknown asset")
        return found

    def asset_of_symbol(self, symbol: str) -> AssetSpec:
        """Give an asset by what the engine calls it, one without a pair too."""
        return self._assets.get(symbol) or AssetSpec(
            id=symbol, altname=symbol, symbol=symbol, decimals=8, display_decimals=4
        )


def _assets() -> dict[str, AssetSpec]:
    rows = (
        AssetSpec(id="XXBT", altname="XBT", symbol="BTC"),
        AssetSpec(id="XETH", altname="ETH", symbol="ETH"),
        AssetSpec(id="XXRP", altname="XRP", symbol="XRP", decimals=8),
        AssetSpec(id="XXDG", altname="XDG", symbol="DOGE", decimals=8, display_decimals=2),
        AssetSpec(id="SOL", altname="SOL", symbol="SOL"),
        AssetSpec(id="USDT", altname="USDT", symbol="USDT", decimals=8, display_decimals=4),
        AssetSpec(id="ZUSD", altname="USD", symbol="USD", decimals=4, display_decimals=2),
    )
    return {asset.symbol: asset for asset in rows}


def make_pair(
    symbol: str,
    price: str,
    decimals: int,
    *,
    id: str | None = None,  # noqa: A002  the exchange's word
    order_minimum: str = "0.0001",
    tick: str | None = None,
    is_lively: bool = True,
    assets: Iterable[AssetSpec] = (),
) -> PairSpec:
    """Make a pair of well-known assets, or of given ones.

    Args:
        symbol: `BTC/USD`.
        price: Where its market starts.
        decimals: Of prices.
        id: The exchange's name, made of the assets' ids when absent.
        order_minimum: Of the base asset.
        tick: Where it is coarser than the decimals.
        is_lively: Whether strangers trade it when the world is alive.
        assets: Assets that are not well known.
    """
    known = _assets() | {asset.symbol: asset for asset in assets}
    names = symbol.split(_SLASH)
    base, quote = (
        known.get(name) or AssetSpec(id=name, altname=name, symbol=name, decimals=8)
        for name in names
    )
    return PairSpec(
        id=id or base.id + quote.id,
        base=base,
        quote=quote,
        price_decimals=decimals,
        start_price=Decimal(price),
        order_minimum=Decimal(order_minimum),
        is_lively=is_lively,
        tick=Decimal(tick) if tick is not None else Decimal(1).scaleb(-decimals),
    )


def default_pairs() -> list[PairSpec]:
    """Give the pairs that are listed unless others are asked for."""
    return [
        make_pair("BTC/USD", "64000", 1, order_minimum="0.00005"),
        make_pair("ETH/USD", "3400", 2, order_minimum="0.002"),
        make_pair("BTC/USDT", "64010", 1, id="XBTUSDT", order_minimum="0.00005"),
        make_pair("ETH/BTC", "0.05312", 5, order_minimum="0.002"),
        make_pair("XRP/USD", "0.52", 5, order_minimum="5"),
        # Its base has a prefix, its name has none.
        make_pair("DOGE/USD", "0.1234567", 7, id="XDGUSD", order_minimum="20"),
        make_pair("SOL/USD", "150", 2, id="SOLUSD", order_minimum="0.02"),
    ]


def synthetic_pairs(count: int) -> list[PairSpec]:
    """Give many pairs that nobody trades, to measure against an exchange of full size."""
    return [
        make_pair(f"S{index:04}/USD", "1", 4, id=f"S{index:04}USD", is_lively=False)
        for index in range(count)
    ]
