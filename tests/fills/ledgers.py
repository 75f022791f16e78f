"""The exchanges as fills are made on them, and the ledger of trades that each keeps."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

import attrs

from tests.weather.exchanges import ACCOUNT, VENUES
from venuekit.sim.dialect import Dialect, SimAnswer, SimRequest
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings


@attrs.frozen
class Entry:
    """A trade of ours in an exchange's ledger."""

    trade_id: str
    name: str
    """The client order id of its order."""
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at_ns: int


@attrs.frozen(kw_only=True)
class Floor:
    """One exchange, and how it is traded on."""

    id: str
    market: str
    """As the matching engine calls it."""
    symbol: str
    make: Callable[[int], Dialect]
    ledger: Callable[[Any], list[Entry]]
    trades_path: str
    """Of the question after trades."""
    younger: Callable[[dict[str, Any] | list[Any], int], object]
    """Takes trades after that moment, ns, out of the answer to it."""
    writes: Sequence[tuple[str, str]]
    reads: Sequence[tuple[str, str]]
    account: str = ""
    settings: str = ""
    tells_trades: bool = True
    """Whether the account's stream tells of each trade; else they are asked for."""


def _at_binance(dialect: BinanceDialect) -> list[Entry]:
    engine = dialect.engine
    names = {
        order.order_id: order.request.client_order_id for order in engine.orders(ACCOUNT, "BTCUSDT")
    }
    return [
        Entry(
            str(fill.trade_id),
            names[fill.order_id],
            fill.quantity,
            fill.price,
            fill.fee,
            fill.time_ns,
        )
        for fill in engine.fills(ACCOUNT, "BTCUSDT")
    ]


def _at_kraken(dialect: KrakenDialect) -> list[Entry]:
    return [
        Entry(
            trade.id,
            str(trade.ticket.draft.cl_ord_id),
            trade.volume,
            trade.price,
            trade.fee,
            trade.at_ns,
        )
        for trade in dialect.venue.owners[ACCOUNT].trades.values()
    ]


def _at_coinbase(dialect: CoinbaseDialect) -> list[Entry]:
    return [
        Entry(
            fill.entry_id,
            record.client_order_id,
            fill.size,
            fill.price,
            fill.commission,
            fill.at_ns,
        )
        for record in dialect.venue.desk.of(ACCOUNT)
        for fill in record.fills
    ]


def _younger_at_binance(answer: Any, newest_ns: int) -> object:
    return [trade for trade in answer if trade["time"] * 1_000_000 <= newest_ns]


def _younger_at_kraken(answer: Any, newest_ns: int) -> object:
    result = answer.get("result") or {}
    if "trades" in result:
        told = {
            name: trade
            for name, trade in result["trades"].items()
            if trade["time"] * 1e9 <= newest_ns
        }
        result["count"] -= len(result["trades"]) - len(told)
        result["trades"] = told
    return answer


def _younger_at_coinbase(answer: Any, newest_ns: int) -> object:
    if "fills" in answer:
        answer["fills"] = [
            fill
            for fill in answer["fills"]
            if datetime.fromisoformat(fill["trade_time"]).timestamp() * 1e9 <= newest_ns
        ]
    return answer


def lagging(floor: Floor, dialect: Any, lag_s: float) -> None:
    """Let queries show a trade so many seconds after it happened."""
    handle = dialect.handle
    lag_ns = round(lag_s * 1e9)

    def late(request: SimRequest, now_ns: int) -> SimAnswer:
        answer: SimAnswer = handle(request, now_ns)
        if not request.path.endswith(floor.trades_path) or answer.status != 200:
            return answer
        told = json.loads(answer.body, parse_float=_Digits)
        shown = floor.younger(told, now_ns - lag_ns)
        return attrs.evolve(answer, body=json.dumps(shown).encode())

    dialect.handle = late


class _Digits(float):
    """A number that is written again as it was read."""

    def __new__(cls, text: str) -> Self:
        """Keep the text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        """Give the digits."""
        return self.text


_KRAKEN: Final = VENUES["kraken"]
_SOCKET: Final = VENUES["kraken over a socket"]


def _kraken(seed: int) -> Dialect:
    return KrakenDialect(seed=seed, is_quiet=True, limits=LimitSettings.off())


FLOORS: Final = {
    "binance": Floor(
        id="binance",
        market="BTCUSDT",
        symbol="BTC/USDT",
        make=lambda seed: BinanceDialect(seed=seed, is_quiet=True),
        ledger=_at_binance,
        trades_path="/myTrades",
        younger=_younger_at_binance,
        writes=VENUES["binance"].writes,
        reads=VENUES["binance"].reads,
    ),
    "kraken": Floor(
        id="kraken",
        market="BTC/USD",
        symbol="BTC/USD",
        make=_kraken,
        ledger=_at_kraken,
        trades_path="/TradesHistory",
        younger=_younger_at_kraken,
        writes=_KRAKEN.writes,
        reads=_KRAKEN.reads,
        account=_KRAKEN.account,
    ),
    "kraken-socket": Floor(
        id="kraken",
        market="BTC/USD",
        symbol="BTC/USD",
        make=_kraken,
        ledger=_at_kraken,
        trades_path="/TradesHistory",
        younger=_younger_at_kraken,
        writes=_SOCKET.writes,
        reads=_SOCKET.reads,
        account=_SOCKET.account,
        settings=_SOCKET.settings,
    ),
    "coinbase": Floor(
        id="coinbase",
        market="BTC-USD",
        symbol="BTC/USD",
        make=lambda seed: CoinbaseDialect(seed=seed, is_quiet=True),
        ledger=_at_coinbase,
        trades_path="/orders/historical/fills",
        younger=_younger_at_coinbase,
        writes=VENUES["coinbase"].writes,
        reads=VENUES["coinbase"].reads,
        tells_trades=False,
    ),
}
