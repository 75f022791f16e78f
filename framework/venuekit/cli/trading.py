"""Commands that need a key: `balances`, `place`, `cancel`, `fills`."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Literal

import attrs
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from venuekit.cli.exits import ExitCode, UsageError
from venuekit.cli.market import moment
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.screen import Cell, Grid, amount
from venuekit.cli.session import MakeSession, Session
from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
    exact_product,
    plain,
)

_FLAG = Parameter(negative=(), show_default=False)
_NOT_KNOWN = frozenset({OrderPhase.SUBMITTING, OrderPhase.UNKNOWN})
_NOT_PLACED = frozenset({OrderPhase.REJECTED, OrderPhase.DENIED, OrderPhase.NEVER_PLACED})

Confirm = Callable[[str], bool | None]
"""Asks a person; None when there is nobody to ask."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class OrderOptions:
    """The terms of an order."""

    price: str | None = None
    """Limit price; without it say --market."""

    market: Annotated[bool, _FLAG] = False
    """Trade at whatever the market gives."""

    stop_price: str | None = None
    """Wait until the market has moved to this price."""

    take_profit: Annotated[bool, _FLAG] = False
    """With --stop-price: the move that is waited for is a gain."""

    spend: Annotated[bool, _FLAG] = False
    """QUANTITY counts the quote asset; with --market."""

    time_in_force: Literal["GTC", "IOC", "FOK"] | None = None
    """How long it stands."""

    post_only: Annotated[bool, _FLAG] = False
    """Refuse it rather than take from the book."""

    client_order_id: str | None = None
    """Its name; one is made if you give none."""


class TradingCommands:
    """Ask and act for one account."""

    def __init__(self, begin: MakeSession, confirm: Confirm) -> None:
        """Work through the sessions that `begin` makes; ask people through `confirm`."""
        self._begin = begin
        self._confirm = confirm

    async def balances(
        self, exchange: str | None = None, /, *, options: Options = NO_OPTIONS
    ) -> None:
        """Show what the account holds.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
        """
        session = self._begin(options)
        async with session.opened(session.chosen(exchange)) as ex:
            balances = await session.asked("asking for balances", ex.fetch_balances())
        rows: list[list[Cell]] = [[b.asset, b.free, b.locked, b.total] for b in balances]
        columns = ["asset", ">free", ">locked", ">total"]
        session.screen.show(balances, Grid(columns=columns, rows=rows, empty="no balances"))

    async def place(
        self,
        exchange: str,
        side: Literal["buy", "sell"],
        symbol: str,
        quantity: str,
        /,
        *,
        terms: OrderOptions = OrderOptions(),
        rounding: Annotated[
            Literal["down", "nearest", "passive"] | None, Parameter(name="--round")
        ] = None,
        check: Annotated[bool, _FLAG] = False,
        wait: Annotated[bool, Parameter(negative="--no-wait", show_default=False)] = True,
        intent_key: str | None = None,
        yes: Annotated[bool, Parameter(name=["-y", "--yes"], negative=(), show_default=False)] = (
            False
        ),
        options: Options = NO_OPTIONS,
    ) -> ExitCode:
        """Place an order: at most one, whatever happens on the way.

        The plan is printed first; in the environment live it has to be confirmed.

        Args:
            exchange: Id of the exchange.
            side: buy or sell.
            symbol: Instrument, such as BTC/USDT.
            quantity: How much of the base asset.
            terms: Price and terms.
            rounding: Move price and quantity onto the grid instead of refusing; passive rounds
                the price away from the market.
            check: Have it checked by the exchange and place nothing.
            wait: Wait for the truth when an answer is lost; --no-wait ends with exit code 3.
            intent_key: Your own name for this intent: the same twice is the same order.
            yes: Do not ask for confirmation.
        """
        session = self._begin(options)
        request = _request(Side(side), symbol, quantity, terms)
        environment = self._agreed(session, exchange, request, is_agreed=yes or check)
        async with session.opened(exchange) as ex:
            if ex.environment != environment:
                raise UsageError(
                    f"the plan was for {environment}, but {exchange} opened in {ex.environment}"
                )
            if check:
                await session.asked("having the order checked", ex.validate(request))
                session.screen.show({"valid": True}, _words("the order is valid; nothing placed"))
                return ExitCode.OK
            asked = ex.place(request, round=rounding, wait=wait, intent_key=intent_key)
            try:
                order = await session.asked("placing the order", asked)
            except asyncio.CancelledError:
                session.screen.complain(f"it may have been placed; {_look(exchange, symbol)}")
                raise
        session.screen.show(order, _order(order))
        return _verdict(session, exchange, order)

    async def cancel(
        self,
        exchange: str,
        symbol: str,
        ids: tuple[str, ...] = (),
        /,
        *,
        exchange_order_id: str | None = None,
        everything: Annotated[bool, Parameter(name="--all", negative=(), show_default=False)] = (
            False
        ),
        options: Options = NO_OPTIONS,
    ) -> None:
        """Cancel orders and show their last state, which may be filled.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
            ids: Client order ids.
            exchange_order_id: The exchange's own id instead.
            everything: Cancel everything that is open on SYMBOL.
        """
        session = self._begin(options)
        named = bool(ids) + (exchange_order_id is not None) + everything
        if named != 1:
            raise UsageError("give client order ids, or --exchange-order-id, or --all; one of them")
        async with session.opened(exchange) as ex:
            if everything:
                asked = ex.cancel_all(symbol)
                orders = list(await session.asked("canceling all orders", asked))
            else:
                orders = []
                try:
                    for ref in _refs(symbol, ids, exchange_order_id):
                        orders.append(await session.asked(f"canceling {ref}", ex.cancel(ref)))
                except BaseException:
                    if orders:  # those before the one that failed are canceled all the same
                        session.screen.show(orders, orders_grid(orders, empty=""))
                    raise
        session.screen.show(orders, orders_grid(orders, empty="nothing was open"))

    async def fills(
        self,
        exchange: str,
        symbol: str,
        /,
        *,
        limit: PositiveInt = 20,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show the account's newest trades, oldest first.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
            limit: How many.
        """
        session = self._begin(options)
        async with session.opened(exchange) as ex:
            fills = await session.asked("asking for fills", ex.fetch_fills(symbol, limit=limit))
        rows: list[list[Cell]] = [
            [
                moment(f.time_ns),
                f.side.value,
                f.price,
                f.quantity,
                f"{plain(f.fee.amount)} {f.fee.asset}" if f.fee else None,
            ]
            for f in fills
        ]
        columns = ["time (UTC)", "side", ">price", ">quantity", ">fee"]
        session.screen.show(fills, Grid(columns=columns, rows=rows, empty="no fills"))

    def _agreed(
        self, session: Session, exchange: str, request: OrderRequest, *, is_agreed: bool
    ) -> str:
        """Print the plan and have it confirmed where money is at stake; gives the environment.

        It happens before the exchange is opened: a person may think for as long as they like
        without a connection going stale.
        """
        chosen = session.configuration.select(
            exchange,
            account=session.options.account,
            environment=session.options.environment,
            address=session.options.address,
        )
        plan = f"{in_words(request)} on {exchange} {chosen.environment}, account {chosen.account}"
        session.screen.note(plan)
        if chosen.environment == "live" and not is_agreed:
            answer = self._confirm("Place this order with real money? [y/N] ")
            if answer is None:
                raise UsageError("an order in live has to be confirmed; say --yes")
            if not answer:
                raise UsageError("not confirmed; nothing was sent")
        return chosen.environment


def in_words(request: OrderRequest) -> str:
    """Say what a request asks for, every digit of it."""
    base, _, quote = request.symbol.partition("/")
    if request.quote_quantity is not None:
        verb = "buy with" if request.side is Side.BUY else "sell for"
        words = [f"{verb} {plain(request.quote_quantity)} {quote} of {base}"]
    else:
        words = [f"{request.side.value} {amount(request.quantity)} {base}"]
    if request.price is not None:
        words.append(f"at {plain(request.price)} {quote}")
        if request.quantity is not None:
            words.append(f"({plain(exact_product(request.price, request.quantity))} {quote})")
    else:
        words.append("at the market")
    if request.stop_price is not None:
        words.append(f"once the price is {plain(request.stop_price)}")
    if request.time_in_force is not None:
        words.append(request.time_in_force.value)
    if request.post_only:
        words.append("post-only")
    return " ".join(words)


def orders_grid(orders: Sequence[Order], *, empty: str, title: str = "") -> Grid:
    """Draw orders, one a row."""
    rows: list[list[Cell]] = [
        [
            f"{order.symbol} {order.side.value} {order.type.value}",
            order.quantity if order.quantity is not None else order.quote_quantity,
            order.price,
            order.filled,
            order.phase.value.replace("_", " "),
            order.client_order_id or order.exchange_order_id,
        ]
        for order in orders
    ]
    columns = ["~order", ">quantity", ">price", ">filled", "~state", "id"]
    return Grid(columns=columns, rows=rows, empty=empty, title=title)


def _request(side: Side, symbol: str, quantity: str, terms: OrderOptions) -> OrderRequest:
    if terms.market == (terms.price is not None):
        raise UsageError("give a price with --price, or say --market; one of the two")
    if terms.spend and not terms.market:
        raise UsageError("--spend goes with --market: a limit order counts the base asset")
    if terms.take_profit and terms.stop_price is None:
        raise UsageError("--take-profit goes with --stop-price")
    size = _number("QUANTITY", quantity)
    return OrderRequest(
        symbol=Symbol(symbol),
        side=side,
        type=_type(terms),
        quantity=None if terms.spend else size,
        quote_quantity=size if terms.spend else None,
        price=None if terms.price is None else _number("--price", terms.price),
        stop_price=None if terms.stop_price is None else _number("--stop-price", terms.stop_price),
        time_in_force=None if terms.time_in_force is None else TimeInForce(terms.time_in_force),
        post_only=terms.post_only,
        client_order_id=(
            None if terms.client_order_id is None else ClientOrderId(terms.client_order_id)
        ),
    )


def _type(terms: OrderOptions) -> OrderType:
    if terms.stop_price is None:
        return OrderType.MARKET if terms.market else OrderType.LIMIT
    if terms.take_profit:
        return OrderType.TAKE_PROFIT if terms.market else OrderType.TAKE_PROFIT_LIMIT
    return OrderType.STOP if terms.market else OrderType.STOP_LIMIT


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise UsageError(f"{name}: {text!r} is not a decimal number, such as 0.1") from None
    if not value.is_finite() or value <= 0:
        raise UsageError(f"{name}: {text!r}; allowed: a number above zero")
    return value


def _refs(symbol: str, ids: Sequence[str], exchange_order_id: str | None) -> list[OrderRef]:
    if exchange_order_id is not None:
        native = ExchangeOrderId(exchange_order_id)
        return [OrderRef(symbol=Symbol(symbol), exchange_order_id=native)]
    return [OrderRef(symbol=Symbol(symbol), client_order_id=ClientOrderId(id_)) for id_ in ids]


def _order(order: Order) -> Grid:
    rows: list[tuple[str, Cell]] = [
        ("symbol", order.symbol),
        ("order", f"{order.side.value} {order.type.value}"),
        ("state", order.phase.value),
        ("quantity", amount(order.quantity)),
        ("price", amount(order.price)),
        ("filled", amount(order.filled)),
        ("average price", amount(order.average_price)),
        ("client order id", order.client_order_id),
        ("exchange order id", order.exchange_order_id),
    ]
    if order.reason:
        rows.append(("reason", order.reason))
    return Grid(columns=["order", "~"], rows=rows)


def _words(text: str) -> Grid:
    return Grid(columns=[], rows=[], empty=text)


def _look(exchange: str, symbol: str) -> str:
    return f'look with "venuekit orders {exchange} {symbol} --all" before you try again'


def _verdict(session: Session, exchange: str, order: Order) -> ExitCode:
    if order.phase in _NOT_KNOWN:
        look = _look(exchange, order.symbol)
        session.screen.complain(f"it is not known yet whether the order was placed; {look}")
        return ExitCode.UNKNOWN
    return ExitCode.FAILED if order.phase in _NOT_PLACED else ExitCode.OK
