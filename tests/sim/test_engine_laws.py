"""Laws that hold for every history, and a slow model that is obviously right for the small ones."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from venuekit.sim.accounts import FeeDiscount, FeeRates
from venuekit.sim.engine import Engine
from venuekit.sim.events import LevelChanged, OrderTraded
from venuekit.sim.orders import (
    ListKind,
    ListRequest,
    Market,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Rejection,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

D = Decimal
M = "BTC-USDT"
USERS = ("ann", "bob", "cat")
START = {"BTC": D(40), "USDT": D(400), "FEE": D("0.05")}


def exchange() -> Engine:
    engine = Engine()
    engine.add_market(Market(name=M, base="BTC", quote="USDT", quantity_step="0.1"))
    engine.add_market(Market(name="FEE-USDT", base="FEE", quote="USDT"))
    engine.print_trade("FEE-USDT", D("3.7"), D(1), Side.BUY, 0)
    for name in USERS:
        engine.open_account(name, fees=FeeRates(maker=D("0.0007"), taker=D("0.0013")))
        for asset, amount in START.items():
            engine.deposit(name, asset, amount, 0)
    engine.set_discount("ann", FeeDiscount(asset="FEE", multiplier="0.75"))
    engine.drain()
    return engine


# Any history.

prices = st.integers(8, 14).map(D)
quantities = st.integers(1, 60).map(lambda tenths: D(tenths) / 10)
sides = st.sampled_from(Side)
users = st.sampled_from(USERS)
modes = st.sampled_from(SelfTradePrevention)
Command = Callable[[Engine, int], object]


def send(**members: Any) -> Command:
    def command(engine: Engine, number: int) -> object:
        return engine.place(OrderRequest(market=M, client_order_id=f"o{number}", **members), number)

    return command


limits = st.builds(
    send,
    account=users,
    side=sides,
    type=st.just(OrderType.LIMIT),
    price=prices,
    quantity=quantities,
    time_in_force=st.sampled_from(TimeInForce),
    self_trade_prevention=modes,
)
passive = st.builds(
    send,
    account=users,
    side=sides,
    type=st.just(OrderType.LIMIT),
    price=prices,
    quantity=quantities,
    post_only=st.booleans(),
    display_quantity=st.none() | st.integers(1, 9).map(lambda tenths: D(tenths) / 10),
    self_trade_prevention=modes,
)
markets = st.builds(
    send,
    account=users,
    side=sides,
    type=st.just(OrderType.MARKET),
    quantity=quantities,
    self_trade_prevention=modes,
) | st.builds(
    send,
    account=users,
    side=sides,
    type=st.just(OrderType.MARKET),
    quote_quantity=st.integers(1, 90).map(D),
    self_trade_prevention=modes,
)
stops = st.builds(
    send,
    account=users,
    side=sides,
    type=st.sampled_from([OrderType.STOP_LOSS, OrderType.TAKE_PROFIT]),
    quantity=quantities,
    stop_price=prices,
    trailing_bps=st.none() | st.integers(100, 2000),
    self_trade_prevention=modes,
) | st.builds(
    send,
    account=users,
    side=sides,
    type=st.sampled_from([OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT]),
    quantity=quantities,
    stop_price=prices,
    price=prices,
    time_in_force=st.sampled_from(TimeInForce),
)


@st.composite
def lists(draw: st.DrawFn) -> Command:
    kind, account = draw(st.sampled_from(ListKind)), draw(users)
    side, quantity = draw(sides), draw(quantities)
    common: dict[str, Any] = {"account": account, "market": M, "side": side, "quantity": quantity}
    low, middle, high = sorted(draw(st.tuples(prices, prices, prices)))
    stop, target = (low, high) if side is Side.SELL else (high, low)
    legs: list[dict[str, Any]] = [
        common | {"type": OrderType.STOP_LOSS, "stop_price": stop},
        common | {"type": OrderType.LIMIT, "price": target},
    ]
    if draw(st.booleans()):
        legs[0] |= {"type": OrderType.STOP_LOSS_LIMIT, "price": stop}
    working = common | {"side": draw(sides), "type": OrderType.LIMIT, "price": middle}
    if kind is ListKind.OTO:
        legs = [working, draw(st.sampled_from(legs))]
    elif kind is ListKind.OTOCO:
        legs = [working, *legs]

    def command(engine: Engine, number: int) -> object:
        named = (
            OrderRequest(client_order_id=f"l{number}-{index}", **leg)
            for index, leg in enumerate(legs)
        )
        request = ListRequest(kind=kind, legs=tuple(named), list_client_id=f"l{number}")
        return engine.place_list(request, number)

    return command


@st.composite
def changes(draw: st.DrawFn) -> Command:
    account, pick = draw(users), draw(st.integers(0, 50))
    kind = draw(st.sampled_from(["cancel", "amend", "level", "cancel_all", "print"]))
    side, price, quantity = draw(sides), draw(prices), draw(st.integers(0, 20).map(D))

    def command(engine: Engine, number: int) -> object:
        match kind:
            case "level":
                engine.set_level(M, side, price, quantity, number)
                return None
            case "print":
                return engine.print_trade(M, price, D(1), side, number)
            case "cancel_all":
                return engine.cancel_all(account, M, number) if pick < 10 else None
        open_orders = engine.open_orders(account, M)
        if not open_orders:
            return None
        order = open_orders[pick % len(open_orders)]
        if kind == "cancel":
            return engine.cancel(account, M, number, order_id=order.order_id)
        smaller = order.quantity - D(1)
        if smaller <= 0:
            return None
        return engine.amend(account, M, smaller, number, order_id=order.order_id)

    return command


histories = st.lists(limits | passive | markets | stops | lists() | changes(), max_size=40)


def totals(engine: Engine) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for name in engine.accounts():
        for asset, balance in engine.balances(name).items():
            sums[asset] += balance.free + balance.locked
    return dict(sums)


def lockable(order: Order, engine: Engine) -> Decimal:
    if order.status is OrderStatus.PENDING_NEW:
        return D(0)
    if order.side is Side.SELL:
        return order.remaining
    price = order.price or order.request.stop_price
    assert price is not None
    return price * order.remaining


def locked(engine: Engine, name: str) -> dict[str, Decimal]:
    """What ought to be locked: the sum over open orders, where the legs of an OCO count once."""
    needs: defaultdict[tuple[str, object], Decimal] = defaultdict(Decimal)
    for order in engine.open_orders(name, M):
        asset = "USDT" if order.side is Side.BUY else "BTC"
        shared: object = order.order_id
        if order.list_id is not None:
            live = engine.order_list(name, list_id=order.list_id)
            is_working = live.request.kind is not ListKind.OCO and order == live.orders[0]
            shared = shared if is_working else ("list", order.list_id)
        needs[asset, shared] = max(needs[asset, shared], lockable(order, engine))
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (asset, _), need in needs.items():
        sums[asset] += need
    return sums


def refused(command: Command, engine: Engine, number: int) -> bool:
    try:
        command(engine, number)
    except Rejection:
        return True
    return False


@settings(max_examples=150, deadline=None)
@given(histories)
def test_money_is_conserved_and_what_is_locked_is_what_open_orders_need(
    history: list[Command],
) -> None:
    engine = exchange()
    before = totals(engine)
    for number, command in enumerate(history):
        refused(command, engine, number)
        assert {asset: sum_ for asset, sum_ in totals(engine).items() if sum_} == before
        for name in USERS:
            ought = locked(engine, name)
            for asset, balance in engine.balances(name).items():
                assert balance.free >= 0, asset
                assert balance.locked == ought[asset], asset


@settings(max_examples=100, deadline=None)
@given(histories)
def test_the_told_levels_are_the_book_and_a_refusal_tells_nothing(history: list[Command]) -> None:
    engine = exchange()
    told: dict[tuple[Side, Decimal], Decimal] = {}
    last_id = 0
    for number, command in enumerate(history):
        was_refused = refused(command, engine, number)
        events = engine.drain()
        assert not (was_refused and events)
        for event in events:
            if isinstance(event, LevelChanged):
                assert event.update_id == last_id + 1
                last_id = event.update_id
                told[event.side, event.price] = event.quantity
        depth = engine.depth(M)
        seen = {(Side.BUY, quote.price): quote.quantity for quote in depth.bids}
        seen |= {(Side.SELL, quote.price): quote.quantity for quote in depth.asks}
        assert {level: quantity for level, quantity in told.items() if quantity} == seen
        if depth.bids and depth.asks:
            assert depth.bids[0].price < depth.asks[0].price


@settings(max_examples=100, deadline=None)
@given(histories)
def test_orders_agree_with_their_fills_and_their_states(history: list[Command]) -> None:
    engine = exchange()
    for number, command in enumerate(history):
        refused(command, engine, number)
    for name in USERS:
        for order in engine.orders(name, M):
            fills = engine.fills(name, M, order_id=order.order_id)
            assert sum(fill.quantity for fill in fills) == order.executed
            assert sum(fill.quote_quantity for fill in fills) == order.cumulative_quote
            assert order.remaining >= 0
            assert (order.status is OrderStatus.FILLED) <= (order.remaining == 0)
            assert order.status.is_open <= (order.remaining > 0)
            if order.request.time_in_force is TimeInForce.FOK:
                assert order.executed in {D(0), order.quantity}
            if order.price is not None:
                is_buy = order.side is Side.BUY
                assert all(
                    fill.price <= order.price if is_buy else fill.price >= order.price
                    for fill in fills
                )
            if order.request.post_only:
                assert all(fill.is_maker for fill in fills)


# A model that sorts everything each time.


@attrs.define
class Resting:
    number: int
    side: Side
    price: int
    left: int


def naive(history: list[tuple[Side, int, int]]) -> list[tuple[object, ...]]:
    """Give (taker, maker, price, quantity) of each trade of limit orders, one after the other."""
    resting: list[Resting] = []
    trades: list[tuple[object, ...]] = []
    for number, (side, price, quantity) in enumerate(history, start=1):
        left = quantity
        sign = 1 if side is Side.BUY else -1
        for maker in sorted(resting, key=lambda order: (sign * order.price, order.number)):
            if left and maker.side is not side and sign * maker.price <= sign * price:
                part = min(left, maker.left)
                left -= part
                maker.left -= part
                trades.append((number, maker.number, maker.price, part))
        resting = [order for order in resting if order.left]
        if left:
            resting.append(Resting(number, side, price, left))
    return trades


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(sides, st.integers(8, 12), st.integers(1, 9)), max_size=40))
def test_price_and_time_priority_agree_with_a_model_that_sorts_everything(
    history: list[tuple[Side, int, int]],
) -> None:
    engine = exchange()
    engine.open_account("rich", is_synthetic=True)
    for side, price, quantity in history:
        engine.place(
            OrderRequest(
                account="rich",
                market=M,
                side=side,
                type=OrderType.LIMIT,
                client_order_id="",
                price=price,
                quantity=quantity,
            ),
            1,
        )
    assert [
        (trade.taker_order_id, trade.maker_order_id, trade.price, trade.quantity)
        for trade in engine.trades(M)
    ] == naive(history)
    assert not [event for event in engine.drain() if isinstance(event, OrderTraded)]
