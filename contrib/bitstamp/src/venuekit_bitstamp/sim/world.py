"""What there is behind the simulated Bitstamp: markets, strangers who trade, accounts, orders."""

import contextlib
import datetime as dt
import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import attrs

from venuekit.sim.engine import Engine
from venuekit.sim.events import LevelChanged, OrderTraded, TradePrinted
from venuekit.sim.market import SeededFlow
from venuekit.sim.orders import Market, Order, OrderRequest, Rejection, Side, Trade

SECOND_NS: Final = 1_000_000_000
_FIRST_ID: Final = 1_400_000_000_000_000
_PER_MARKET: Final = 10
_FEE: Final = {"maker": Decimal("0.30000"), "taker": Decimal("0.40000")}
"""In percent."""
_PAUSE_MS: Final = (100, 700)
_PAST: Final = 24
_FUNDS: Final = {"BTC": "5", "ETH": "50", "XRP": "100000", "USD": "250000", "EUR": "250000"}


@attrs.frozen(kw_only=True)
class Spec:
    """A market as the listing tells it."""

    base: str
    base_decimals: int
    counter: str
    counter_decimals: int
    minimum: str
    """Value of an order in the counter currency."""
    start_price: str
    typical: str
    """Quantity of an order of strangers."""

    @property
    def name(self) -> str:
        """As people write it: `BTC/USD`."""
        return f"{self.base}/{self.counter}"

    @property
    def symbol(self) -> str:
        """As paths and channels write it: `btcusd`."""
        return f"{self.base}{self.counter}".lower()

    def row(self) -> dict[str, Any]:
        """Give its row in the listing."""
        return {
            "name": self.name,
            "market_symbol": self.symbol,
            "base_currency": self.base,
            "base_decimals": self.base_decimals,
            "counter_currency": self.counter,
            "counter_decimals": self.counter_decimals,
            "minimum_order_value": self.minimum,
            "trading": "Enabled",
            "instant_order_counter_decimals": 2,
            "instant_and_market_orders": "Enabled",
            "description": f"{self.base} / {self.counter}",
            "market_type": "SPOT",
        }


SPECS: Final = {
    spec.symbol: spec
    for spec in (
        Spec(
            base="BTC",
            base_decimals=8,
            counter="USD",
            counter_decimals=0,
            minimum="10",
            start_price="67000",
            typical="0.05",
        ),
        Spec(
            base="ETH",
            base_decimals=8,
            counter="EUR",
            counter_decimals=1,
            minimum="10",
            start_price="2400",
            typical="0.8",
        ),
        Spec(
            base="XRP",
            base_decimals=8,
            counter="USD",
            counter_decimals=5,
            minimum="10",
            start_price="0.54000",
            typical="900",
        ),
    )
}


def written(time_ns: int) -> str:
    """Write a moment as Bitstamp does in answers about orders and transactions."""
    moment = dt.datetime.fromtimestamp(time_ns // SECOND_NS, dt.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ns % SECOND_NS // 1000:06d}"


class World:
    """The exchange without its interface. Time is told to it."""

    def __init__(self, rng: random.Random) -> None:
        """Prepare it; `begin` opens it."""
        self.engine = Engine()
        self.rng = rng
        self._flows: dict[str, SeededFlow] = {}
        self._due_ns: dict[str, int] = {}
        self._names = itertools.count(1)
        self.client_ids: dict[tuple[str, str], tuple[str, int]] = {}
        """By account and client order id: market and engine's id of the newest such order."""
        for spec in SPECS.values():
            self.engine.add_market(
                Market(
                    name=spec.symbol,
                    base=spec.base,
                    quote=spec.counter,
                    price_step=Decimal(1).scaleb(-spec.counter_decimals),
                    quantity_step=Decimal(1).scaleb(-spec.base_decimals),
                )
            )

    def begin(self, now_ns: int) -> None:
        """Let strangers come, and make up what they traded before."""
        for symbol, spec in SPECS.items():
            price = Decimal(spec.start_price)
            for hour in range(_PAST, 0, -1):
                self.engine.print_trade(
                    symbol,
                    price,
                    Decimal(spec.typical),
                    self.rng.choice((Side.BUY, Side.SELL)),
                    now_ns - hour * 3600 * SECOND_NS // 2,
                )
            chance = random.Random(self.rng.getrandbits(64))  # noqa: S311  a simulation repeats itself
            flow = SeededFlow(self.engine, symbol, chance, price, typical_quantity=spec.typical)
            self._flows[symbol] = flow
            for _ in range(8):
                flow.step(now_ns)
            self._schedule(symbol, now_ns)

    def open_account(self, name: str, now_ns: int) -> None:
        """Open an account with funds; one that is there is left as it is."""
        if name not in self.engine.accounts():
            self.engine.open_account(name)
            for asset, amount in _FUNDS.items():
                self.engine.deposit(name, asset, amount, now_ns)

    def advance(self, now_ns: int) -> None:
        """Let those act whose moment has come."""
        for symbol, due_ns in self._due_ns.items():
            if due_ns <= now_ns:
                self._flows[symbol].step(now_ns)
                self._schedule(symbol, now_ns)

    def next_due_ns(self) -> int | None:
        """Give the moment of the next one to act."""
        return min(self._due_ns.values(), default=None)

    def happened(self) -> tuple[list[Trade], set[str]]:
        """Settle the fees of what traded; give the public trades and the books that changed."""
        trades, books = [], set()
        for event in self.engine.drain():
            match event:
                case OrderTraded(fill=fill) if fill.account in self.engine.accounts():
                    fee = fee_of(fill.price * fill.quantity, is_maker=fill.is_maker)
                    counter = SPECS[fill.market].counter
                    # A real account has it put aside; ours has enough of everything.
                    with contextlib.suppress(Rejection):
                        self.engine.withdraw(fill.account, counter, fee, fill.time_ns)
                case TradePrinted(trade=trade):
                    trades.append(trade)
                case LevelChanged(market=market):
                    books.add(market)
        self.engine.drain()
        return trades, books

    # Orders

    def place(self, request: OrderRequest, client_order_id: str, now_ns: int) -> Order:
        """Place an order. A client order id that was there before is no obstacle."""
        labels = {"client_order_id": client_order_id}
        named = attrs.evolve(request, client_order_id=f"n{next(self._names)}", labels=labels)
        order = self.engine.place(named, now_ns)
        if client_order_id:
            key = (request.account, client_order_id)
            self.client_ids[key] = (request.market, order.order_id)
        return order

    def order(self, account: str, id_: str, client_order_id: str) -> Order | None:
        """Find an order by Bitstamp's id or by the client's."""
        market, number = "", 0
        if id_.isdecimal():
            number, index = divmod(int(id_) - _FIRST_ID, _PER_MARKET)
            market = dict(enumerate(SPECS)).get(index, "")
        elif (account, client_order_id) in self.client_ids:
            market, number = self.client_ids[account, client_order_id]
        try:
            return self.engine.order(account, market, order_id=number)
        except Rejection:
            return None

    def orders(self, account: str) -> Iterator[Order]:
        """Give the open orders of an account."""
        return iter(self.engine.open_orders(account))

    def _schedule(self, symbol: str, now_ns: int) -> None:
        self._due_ns[symbol] = now_ns + self.rng.randint(*_PAUSE_MS) * 1_000_000


def id_of(market: str, order_id: int) -> int:
    """Give Bitstamp's id of an order: one for all markets."""
    return _FIRST_ID + order_id * _PER_MARKET + list(SPECS).index(market)


def fee_of(value: Decimal, *, is_maker: bool) -> Decimal:
    """Give the fee in the counter currency, to five decimals."""
    rate = _FEE["maker" if is_maker else "taker"]
    return (value * rate / 100).quantize(Decimal("0.00001"))


FEES: Final = {name: str(rate) for name, rate in _FEE.items()}
