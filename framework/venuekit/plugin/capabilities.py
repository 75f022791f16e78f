"""What an exchange can do, as abstract classes. An adapter inherits those that it has.

Everything here is pure: methods turn intentions into calls and answers into models. An adapter
opens no socket, reads no clock, draws no random number, never sleeps, writes no file and never
holds a secret.
"""

import abc
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, TypeVar

import attrs

from venuekit.model import (
    Balance,
    BookSnapshot,
    BudgetUsage,
    Candle,
    ExchangeStatus,
    Failure,
    FeeRates,
    Fill,
    Instrument,
    Instruments,
    KeyPermissions,
    LedgerEntry,
    Order,
    OrderList,
    OrderListRequest,
    OrderRef,
    OrderRequest,
    Replacement,
    ServiceState,
    Ticker,
    Trade,
)
from venuekit.plugin.call import Answer, Call, Request, Steps
from venuekit.plugin.lacks import PART, Lack, Support
from venuekit.plugin.manifest import BudgetSpec
from venuekit.plugin.reading import Members
from venuekit.plugin.signing import Key, Stamp
from venuekit.plugin.stream import Access, BookKeeping, Channel, FrameEvent, Subscription

T = TypeVar("T")

_LONGEST_NAME: Final = 40


class Adapter(abc.ABC):
    """Speaks for one exchange. Its only state is the listing, which the framework hands in."""

    lacks: ClassVar[Mapping[str, Lack]] = {}
    """Why it does not do what it does not do, by capability; `capability: part` for a part of one
    that it claims. What is neither claimed nor here is unknown to everybody."""

    def __init__(self, environment: str) -> None:
        """Speak for `environment`: `live`, `testnet` or `sim`."""
        self.environment = environment
        self.instruments = Instruments()
        """The listing as last fetched; the framework replaces it whole."""

    @abc.abstractmethod
    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one.

        Called for every answer before `call.read`. For a body that cannot be understood it gives
        `Outcome.UNKNOWN` for a write, whatever the status.
        """

    def usage(self, answer: Answer) -> Sequence[BudgetUsage]:
        """Read from an answer's headers how much of the budgets is used; by default nothing."""
        del answer
        return ()


class Authenticate(Adapter):
    """Signs requests."""

    @abc.abstractmethod
    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` with key, time and signature, as it goes on the wire."""


@attrs.frozen(kw_only=True)
class Listing:
    """What an exchange says of its instruments and limits."""

    instruments: Instruments
    budgets: Sequence[BudgetSpec] = ()
    """The limits in force; they replace the manifest's of the same name."""
    skipped: Mapping[str, str] = {}  # attrs default, never mutated
    """Native names that could not be understood, each with its reason; nothing is silent."""

    @classmethod
    def read(
        cls, rows: Iterable[Members], name: str, make: Callable[[Members], Instrument]
    ) -> "Listing":
        """Read each row for itself: one that cannot be understood must not hide the others.

        Args:
            rows: One for each instrument.
            name: Member of a row with the exchange's name for it.
            make: Reads a row; a ValueError of it is the reason why the row is skipped.

        Raises:
            ValueError: A row has no name.
        """
        found: dict[str, Instrument] = {}
        skipped: dict[str, str] = {}
        for row in rows:
            native = row.text(name)
            try:
                instrument = make(row)
            except ValueError as fault:
                skipped[native[:_LONGEST_NAME]] = str(fault)
                continue
            if instrument.symbol in found:
                skipped[native[:_LONGEST_NAME]] = f"another one is {instrument.symbol} already"
            else:
                found[instrument.symbol] = instrument
        return cls(instruments=Instruments(found.values()), skipped=skipped)


class ExchangeInfo(Adapter):
    """Knows clock, state and listing of the exchange."""

    @abc.abstractmethod
    def fetch_time(self) -> Call[int]:
        """Ask for the exchange's clock, in nanoseconds since the epoch."""

    def fetch_status(self) -> Steps[ExchangeStatus]:
        """Ask whether the exchange takes requests; by default, whether it tells the time."""
        return _status_by_time(self.fetch_time())

    @abc.abstractmethod
    def fetch_listing(self) -> Steps[Listing]:
        """Ask for all instruments and limits."""


class Place(Adapter):
    """Places orders."""

    @abc.abstractmethod
    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        """Place an order. `request` keeps the instrument's rules and has its client order id.

        Raises:
            ValueError: It asks for something that this exchange does not have, such as an
                unknown name in `options`; nothing is sent then.
        """


class Validate(Adapter):
    """Has orders checked by the exchange without placing them."""

    @abc.abstractmethod
    def validate(self, request: OrderRequest, instrument: Instrument) -> Call[None]:
        """Have the exchange check an order that is then not placed."""


class Cancel(Adapter):
    """Cancels orders one by one."""

    @abc.abstractmethod
    def cancel(self, ref: OrderRef, instrument: Instrument) -> Steps[Order | None]:
        """Cancel one order; reads its last state.

        None where the answer only says that the cancel was taken: the framework finds out what
        became of the order, which may have been filled meanwhile.
        """


class CancelAll(Adapter):
    """Cancels all orders on an instrument with one request, repeated where it does not get all."""

    @abc.abstractmethod
    def cancel_all(self, instrument: Instrument) -> Steps[Sequence[Order | OrderRef]]:
        """Cancel everything open on `instrument`; reads the canceled orders, none if none was.

        A reference where the answer only says that the cancel of that order was taken.
        """


class CancelEverything(Adapter):
    """Cancels all orders of the account, on whatever instrument, with one request."""

    @abc.abstractmethod
    def cancel_everything(self) -> Steps[int | None]:
        """Cancel all open orders; reads how many that were, None where it is not said."""


class CancelAllAfter(Adapter):
    """Has the exchange cancel all orders of the account unless it is told again in time."""

    min_timeout_s: ClassVar[int] = 1
    max_timeout_s: ClassVar[int]
    """Longest time that may be asked for, in seconds."""

    @abc.abstractmethod
    def cancel_all_after(self, timeout_s: int) -> Call[int | None]:
        """Start the exchange's clock anew, `min_timeout_s` to `max_timeout_s`; 0 stops it.

        Reads when it will run out, in nanoseconds since the epoch; None when it is stopped.
        """


class PlaceMany(Adapter):
    """Places several orders on one instrument with one request; answers for each of them."""

    max_places: ClassVar[int]
    """Orders in one request at most, >= 2; longer lists are cut by the framework."""

    @abc.abstractmethod
    def place_many(
        self, requests: Sequence[OrderRequest], instrument: Instrument
    ) -> Call[Sequence[Order | Failure]]:
        """Place 2 to `max_places` orders; every one has its client order id.

        Reads an order or a failure for each request, in their order. A refusal of the whole
        request is a failure of the call.
        """


class CancelMany(Adapter):
    """Cancels several orders with one request; answers for each of them."""

    max_cancels: ClassVar[int]
    """Orders in one request at most, >= 2; longer lists are cut by the framework."""

    @abc.abstractmethod
    def cancel_many(self, refs: Sequence[OrderRef]) -> Call[Sequence[Order | Failure | None]]:
        """Cancel 2 to `max_cancels` orders, on any instruments.

        Reads for each of them, in their order: its last state; a failure; or None where the
        answer only says that the cancel was taken.

        Raises:
            ValueError: A reference lacks the id that the exchange needs.
        """


class Amend(Adapter):
    """Changes an open order that keeps its place in the queue."""

    @abc.abstractmethod
    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Steps[Order | None]:
        """Change quantity or price; the client order id stays.

        Reads the order as it is then; None where the answer only says that it was changed.

        Raises:
            ValueError: This exchange cannot make that change.
        """


class Replace(Adapter):
    """Cancels an order and places another with one request."""

    @abc.abstractmethod
    def replace(
        self,
        ref: OrderRef,
        request: OrderRequest,
        instrument: Instrument,
        *,
        place_even_if_not_canceled: bool,
    ) -> Call[Replacement]:
        """Cancel `ref`, then place `request`; both halves are answered for."""


class OrderLists(Adapter):
    """Places orders that the exchange governs together: OCO, OTO, OTOCO."""

    @abc.abstractmethod
    def place_list(self, request: OrderListRequest, instrument: Instrument) -> Call[OrderList]:
        """Place a list; every leg has its client order id."""

    @abc.abstractmethod
    def cancel_list(self, client_list_id: str, instrument: Instrument) -> Call[OrderList]:
        """Cancel all legs of a list."""

    @abc.abstractmethod
    def fetch_list(self, client_list_id: str) -> Call[OrderList]:
        """Ask for a list by our id."""

    @abc.abstractmethod
    def fetch_open_lists(self) -> Call[Sequence[OrderList]]:
        """Ask for all open lists."""


class QueryOrders(Adapter):
    """Answers for orders and fills."""

    forgets_unfilled: ClassVar[bool] = False
    """Whether an order that ended without a fill is not known to it from then on. "Not found" of
    an order that it had then says that it ended so."""

    @abc.abstractmethod
    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Steps[Order | None]:
        """Ask for one order, open or past, by either id.

        None, and a failure with the reason `order.unknown`, say that the exchange does not know
        it. Where the exchange has no such query, the adapter looks it up in what it has; if that
        is cut off before the order could stand in it, it raises a ValueError.
        """

    @abc.abstractmethod
    def fetch_open_orders(self, instrument: Instrument | None) -> Steps[Sequence[Order]]:
        """Ask for open orders, on all instruments if None."""

    @abc.abstractmethod
    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[Order]]:
        """Ask for orders in any state, oldest first; the newest `limit` without bounds."""

    @abc.abstractmethod
    def fetch_fills(
        self,
        instrument: Instrument,
        *,
        order: OrderRef | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Steps[Sequence[Fill]]:
        """Ask for fills, oldest first; of one order if given (by its exchange order id)."""


class MarketData(Adapter):
    """Answers for public data."""

    intervals: ClassVar[Sequence[str]] = ()
    """Candle intervals that exist."""

    @abc.abstractmethod
    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Steps[Sequence[Trade]]:
        """Ask for the newest trades, oldest first."""

    @abc.abstractmethod
    def fetch_candles(
        self,
        instrument: Instrument,
        interval: str,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        now_ns: int,
    ) -> Steps[Sequence[Candle]]:
        """Ask for candles, oldest first; `now_ns`, the exchange's time, tells the open one."""

    @abc.abstractmethod
    def fetch_book(self, instrument: Instrument, *, depth: int) -> Call[BookSnapshot]:
        """Ask for the best `depth` levels of each side."""

    @abc.abstractmethod
    def fetch_tickers(self, instruments: Sequence[Instrument] | None) -> Steps[Sequence[Ticker]]:
        """Ask for 24-hour figures, of all instruments if None."""


class AggregateTrades(Adapter):
    """Answers for trades in which one taker at one price is one row."""

    @abc.abstractmethod
    def fetch_aggregate_trades(
        self,
        instrument: Instrument,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Steps[Sequence[Trade]]:
        """Ask for aggregated trades, oldest first."""


class TradesAfter(Adapter):
    """Answers for public trades from a known one on: what a stream missed.

    Without this capability the newest trades are asked for, and believed to be all where the last
    known one is among them.
    """

    @abc.abstractmethod
    def fetch_trades_after(
        self, trade: Trade, instrument: Instrument, *, is_aggregate: bool, limit: int
    ) -> Steps[Sequence[Trade]]:
        """Ask for the trades right after `trade`, oldest first, without a hole; none if it is last.

        Args:
            trade: As the stream or an earlier answer gave it; not part of the answer.
            instrument: Whose trades.
            is_aggregate: It is one of those of `AggregateTrades`, and so is what follows.
            limit: At most so many, >= 1; there may be more.
        """


class Account(Adapter):
    """Answers for the account."""

    @abc.abstractmethod
    def fetch_balances(self) -> Steps[Sequence[Balance]]:
        """Ask for all balances that are not zero."""

    @abc.abstractmethod
    def fetch_fees(self, instrument: Instrument) -> Steps[FeeRates]:
        """Ask what the account pays on `instrument`."""


class InspectKey(Adapter):
    """Says what the key may do."""

    @abc.abstractmethod
    def fetch_key_permissions(self) -> Call[KeyPermissions]:
        """Ask what the key may do, without doing any of it."""


class Ledger(Adapter):
    """Answers for what moved the account's balances."""

    @abc.abstractmethod
    def fetch_ledger(
        self, asset: str | None, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[LedgerEntry]]:
        """Ask for entries, oldest first, of all assets if None; the newest `limit` of them."""


class OrderUsage(Adapter):
    """Answers how many orders the account has used of its limits."""

    @abc.abstractmethod
    def fetch_order_usage(self) -> Call[Sequence[BudgetUsage]]:
        """Ask for the account's order counts."""


class Custody(Adapter):
    """Deposits and withdrawals."""

    @abc.abstractmethod
    def fetch_deposit_address(self, asset: str, network: str | None) -> Call[Mapping[str, str]]:
        """Ask where to send `asset`: `address`, `tag`, `network`."""


@attrs.frozen(kw_only=True)
class StreamToken:
    """What a private stream is opened with, fetched over REST."""

    value: str = attrs.field(repr=False)
    valid_s: float
    """For how long it can be used to subscribe, from when it was asked for."""


class SocketOrders(Adapter):
    """Takes calls as messages over one WebSocket too, for whoever prefers that to REST.

    A message is a `Request` with the method `WS`. `Authenticate.sign` writes its `number`, the
    stamp's token and whatever ages, such as a deadline, into its body: it is signed right before
    it leaves. `failure` and `Call.read` get the frame that answers it as an `Answer`.
    """

    @abc.abstractmethod
    def socket_channel(self) -> Channel:
        """Say where the socket is, and its limits."""

    def fetch_socket_token(self) -> Call[StreamToken] | None:
        """Ask for the token that messages carry; None where there is none.

        The framework asks before each new connection, and opens one when a failure says
        `key.token_expired`.
        """
        return None

    def socket_greeting(self) -> Call[Any] | None:
        """Give the message that a new connection begins with, None where there is none.

        It logs in, or asks for what keeps the connection alive. A connection on which it fails
        is not used.
        """
        return None

    @abc.abstractmethod
    def over_socket(self, call: Call[T]) -> Call[T] | None:
        """Give a call of another capability as a message; None where it has to go by REST.

        What it does, what it costs and what it reads stay the same. One message has one answer.
        """

    @abc.abstractmethod
    def answered(self, frame: str | bytes) -> int | None:
        """Name the message that a frame answers; None for a frame that answers none.

        Raises ValueError for one that cannot be understood; it is passed over then.
        """


class Stream(Adapter):
    """Streams, market data or private. Pure: messages out, meanings in."""

    def fetch_stream_token(self) -> Call[StreamToken] | None:
        """Ask for the token that private subscriptions carry; None where there is none.

        The framework asks before the first private subscription of each connection, and again
        when the token has become too old; `subscribe` finds it in `Access.token`.
        """
        return None

    @abc.abstractmethod
    def channels(self) -> Sequence[Channel]:
        """List the kinds of connection that the exchange offers."""

    @abc.abstractmethod
    def channel_of(self, subscription: Subscription) -> str:
        """Name the channel that carries `subscription`.

        Raises:
            ValueError: The exchange does not stream that.
        """

    @abc.abstractmethod
    def key_of(self, subscription: Subscription) -> str:
        """Name `subscription` as `Published.key` will."""

    @abc.abstractmethod
    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str | Sequence[str]:
        """Write the message that subscribes to all of them, on one channel.

        Where it takes several messages, each of them is answered for under the same number.
        """

    @abc.abstractmethod
    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str | Sequence[str]:
        """Write the message, or the messages, that end them."""

    @abc.abstractmethod
    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        """Say what a text frame means. Raises ValueError for one that cannot be understood."""

    @abc.abstractmethod
    def book_keeping(self) -> BookKeeping:
        """Say how books are kept in step."""


def _status_by_time(call: Call[int]) -> Generator[Call[Any], Any, ExchangeStatus]:
    yield call
    return ExchangeStatus(state=ServiceState.ONLINE)


CAPABILITIES: Mapping[str, type[Adapter]] = {
    "authenticate": Authenticate,
    "exchange info": ExchangeInfo,
    "place": Place,
    "validate": Validate,
    "cancel": Cancel,
    "cancel all": CancelAll,
    "cancel everything": CancelEverything,
    "cancel all after": CancelAllAfter,
    "place many": PlaceMany,
    "cancel many": CancelMany,
    "amend": Amend,
    "replace": Replace,
    "order lists": OrderLists,
    "query orders": QueryOrders,
    "market data": MarketData,
    "aggregate trades": AggregateTrades,
    "trades after": TradesAfter,
    "account": Account,
    "key permissions": InspectKey,
    "ledger": Ledger,
    "order usage": OrderUsage,
    "custody": Custody,
    "orders over a socket": SocketOrders,
    "stream": Stream,
}
"""All capabilities by the name that people see."""


def capabilities_of(adapter: type[Adapter]) -> list[str]:
    """Name the capabilities that an adapter class has, in a fixed order."""
    return [name for name, capability in CAPABILITIES.items() if issubclass(adapter, capability)]


def support_of(adapter: type[Adapter]) -> dict[str, Support]:
    """Say how far each capability goes, in a fixed order."""
    parts = {name.partition(PART)[0] for name in adapter.lacks}
    found = {}
    for name, capability in CAPABILITIES.items():
        if issubclass(adapter, capability):
            found[name] = Support.PARTLY if name in parts else Support.OFFERED
        else:
            lack = adapter.lacks.get(name)
            found[name] = Support.UNKNOWN if lack is None else lack.support
    return found


def why_not(adapter: type[Adapter], capability: type[Adapter]) -> str:
    """Say why an adapter does not have a capability; empty where its author did not."""
    names = [name for name, each in CAPABILITIES.items() if each is capability]
    return next((str(adapter.lacks[name]) for name in names if name in adapter.lacks), "")


def lack_faults(adapter: type[Adapter]) -> list[str]:
    """List what in an adapter's `lacks` is not so, each with its path."""
    return [
        f"$.adapter.lacks[{key!r}]: {fault}"
        for key, lack in adapter.lacks.items()
        if (fault := _fault_of(adapter, key, lack))
    ]


def _fault_of(adapter: type[Adapter], key: str, lack: object) -> str:
    if not isinstance(lack, Lack):
        return f"{lack!r}; allowed: not_offered(…), not_yet(…), partly(…)"
    name, is_part, part = key.partition(PART)
    if name not in CAPABILITIES:
        return f"no capability is named {name!r}"
    is_claimed = issubclass(adapter, CAPABILITIES[name])
    if lack.support in {Support.OFFERED, Support.UNKNOWN}:
        return f"{lack.support.value!r} is no lack"
    if not lack.text.strip() or (is_part and not part.strip()):
        return "says nothing"
    if lack.link and not lack.link.startswith("https://"):
        return f"the link {lack.link!r} must begin with https://"
    if is_claimed and not is_part and lack.support is not Support.PARTLY:
        return f"{lack.support.value!r}, and yet the adapter has it"
    if not is_claimed and (is_part or lack.support is Support.PARTLY):
        return f"a part, and the adapter has no {name!r} at all"
    return ""
