"""The whole client against the simulated Coinbase: on virtual time, and once over real sockets.

Every simulator here refuses a token that it has seen before.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import venuekit
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    NotSent,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Rejected,
    RequestError,
    Side,
    Symbol,
    limit_buy,
    limit_sell,
    market_buy,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_coinbase.sim.settings import BehaviorSettings

ORDERS = "/api/v3/brokerage/orders"
Story = Callable[[Exchange, CoinbaseDialect], Awaitable[None]]
Play = Callable[..., None]
LOW = "50000"
"""Far below the market: an order to buy at this price rests."""


@contextlib.asynccontextmanager
async def _opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, behavior: dict[str, Any]
) -> AsyncIterator[tuple[Exchange, CoinbaseDialect]]:
    dialect = CoinbaseDialect(behavior=BehaviorSettings(refuses_replays=True, **behavior))
    key = dialect.credentials()
    monkeypatch.setenv("COINBASE_NAME", key.api_key)
    monkeypatch.setenv("COINBASE_SECRET", key.secret)
    text = (
        # Written on the loop: virtual time must not run on while a thread writes.
        f'[store]\nurl = "sqlite:{folder}/journal.db"\ndurability = "process"\n'
        "[exchanges.coinbase.accounts.main]\n"
        f'algorithm = "{key.algorithm}"\n'
        'api_key = "env:COINBASE_NAME"\nsecret = "env:COINBASE_SECRET"\n'
    )
    async with (
        SimulatedExchange(dialect, delays=lambda: 0.004) as world,
        venuekit.open(
            "coinbase",
            environment="sim",
            address="sim:1",
            config=configuration_from_text(text),
            transport=world.transport(),
            clock=world.clock,
            rng=random.Random(7),
        ) as exchange,
    ):
        yield exchange, dialect


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a story between a client and a simulated exchange, on virtual time."""

    def played(story: Story, **behavior: Any) -> None:
        async def whole() -> None:
            async with _opened(tmp_path, monkeypatch, behavior) as (exchange, dialect):
                await story(exchange, dialect)

        run_virtually(whole())

    return played


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # virtual time: waiting costs nothing
            await asyncio.sleep(0.05)


def _fault(kind: FaultKind, path: str = ORDERS, **members: Any) -> Fault:
    return Fault(kind=kind, method="POST", path=path, **members)


async def _at_exchange(exchange: Exchange, symbol: str = "BTC/USD") -> list[str]:
    """Give the client order ids of all orders that the exchange has."""
    return [str(order.client_order_id) for order in await exchange.fetch_orders(symbol)]


# The life of an order


async def test_over_real_sockets_an_order_is_placed_edited_and_canceled() -> None:
    async with venuekit.open("coinbase") as exchange:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW, post_only=True))
        amended = await exchange.amend(order, price=Decimal(50001))
        assert (amended.price, amended.quantity) == (Decimal(50001), Decimal("0.01"))
        amended = await exchange.amend(order, quantity=Decimal("0.02"))
        assert (amended.price, amended.quantity) == (Decimal(50001), Decimal("0.02"))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        assert exchange.orders() == []
        assert (await exchange.reconcile()).is_clean


def test_a_fill_is_streamed_and_what_it_cost_is_reconciled(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        order = await exchange.place(market_buy("BTC/USD", quote_quantity="100"))
        assert order.phase in {OrderPhase.PENDING, OrderPhase.FILLED}
        ref = order.ref

        def known() -> Any:
            return next(o for o in exchange.orders(open_only=False) if o.ref == ref)

        await _until(lambda: known().phase is OrderPhase.FILLED)
        await exchange.reconcile()
        (fill,) = [fill for fill in known().fills if not fill.is_inferred]
        assert fill.fee is not None
        assert fill.fee.asset == "USD"
        assert known().filled == fill.quantity
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_stops_rest_on_either_side_of_the_market(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        for kind, price, stop in (
            (OrderType.STOP_LIMIT, "49900", "50000"),
            (OrderType.TAKE_PROFIT_LIMIT, "79900", "80000"),
        ):
            order = await exchange.place(
                OrderRequest(
                    symbol=Symbol("BTC/USD"),
                    side=Side.SELL,
                    type=kind,
                    quantity=Decimal("0.01"),
                    price=Decimal(price),
                    stop_price=Decimal(stop),
                )
            )
            told = await exchange.fetch_order(order)
            assert (told.type, told.stop_price) == (kind, Decimal(stop))
            assert told.is_open
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_a_refusal_is_known_by_its_reason(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        with pytest.raises(Rejected) as poor:
            await exchange.place(limit_buy("BTC/USD", "3000", LOW))
        assert poor.value.failure.reason == "balance.insufficient"
        with pytest.raises(Rejected):
            await exchange.validate(limit_buy("BTC/USD", "3000", LOW))
        await exchange.validate(limit_buy("BTC/USD", "0.01", LOW))
        assert await _at_exchange(exchange) == []

    play(story)


def test_fifty_orders_are_canceled_with_one_request(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        orders = [
            (await exchange.place(limit_buy("BTC/USD", "0.0001", str(50000 - n)))).ref
            for n in range(49)
        ]
        orders.append((await exchange.place(limit_sell("ETH/USD", "0.01", "9000"))).ref)
        batch = await exchange.cancel_many(orders)
        assert batch.requests == 1
        assert {leg.order and leg.order.phase for leg in batch.legs} == {OrderPhase.CANCELED}
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_an_order_in_usdc_stays_one_in_usdc(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        order = await exchange.place(limit_buy("BTC/USDC", "0.01", LOW))
        await _until(lambda: exchange.orders()[0].phase is OrderPhase.OPEN)
        assert [o.ref for o in await exchange.fetch_open_orders("BTC/USDC")] == [order.ref]
        assert await exchange.fetch_open_orders("BTC/USD") == []
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED

    play(story)


# Lost answers


@pytest.mark.parametrize("refuses_duplicates", [False, True])
@pytest.mark.parametrize("count", [1, 8])
def test_an_order_whose_answer_is_lost_is_found_and_there_is_one(
    play: Play, *, count: int, refuses_duplicates: bool
) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        dialect.faults.add(_fault(FaultKind.DROP_AFTER, count=count))
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert order.exchange_order_id is not None
        assert await _at_exchange(exchange) == [order.client_order_id]
        assert (await exchange.reconcile()).is_clean

    play(story, refuses_duplicates=refuses_duplicates)


def test_an_order_that_never_arrived_is_proved_so_once_its_token_cannot_be_taken_any_more(
    play: Play,
) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        begun = asyncio.get_running_loop().time()
        dialect.faults.add(_fault(FaultKind.DROP_BEFORE, count=None))
        with pytest.raises(NotSent):
            await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert 60 < asyncio.get_running_loop().time() - begun < 120
        assert await _at_exchange(exchange) == []

    play(story)


def test_an_order_of_which_queries_do_not_know_yet_is_not_given_up(play: Play) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        dialect.faults.add(Fault(kind=FaultKind.MEMORY_LAG, value=5000))
        dialect.faults.add(_fault(FaultKind.DROP_AFTER, count=8))
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert order.is_open
        await asyncio.sleep(6)
        assert await _at_exchange(exchange) == [order.client_order_id]

    play(story)


def test_a_cancel_whose_answer_is_lost_is_found_out(play: Play) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        dialect.faults.add(_fault(FaultKind.DROP_AFTER, f"{ORDERS}/batch_cancel"))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED

    play(story)


def test_an_edit_whose_answer_is_lost_is_found_out(play: Play) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        dialect.faults.add(_fault(FaultKind.DROP_AFTER, f"{ORDERS}/edit"))
        assert (await exchange.amend(order, price=Decimal(49000))).price == Decimal(49000)

    play(story)


def test_an_order_placed_by_another_program_is_canceled_by_its_client_order_id(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        ref = OrderRef(symbol=order.symbol, client_order_id=order.client_order_id)
        assert (await exchange.cancel(ref)).phase is OrderPhase.CANCELED

    play(story)


# Keys and refusals of valid requests


def test_a_key_says_that_it_may_trade_before_it_has_to(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        permissions = await exchange.fetch_key_permissions()
        assert permissions.can_read
        assert permissions.can_trade

    play(story)


def test_a_valid_token_that_is_refused_once_does_no_harm(play: Play) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        refusal = Fault(
            kind=FaultKind.ANSWER_BEFORE, path="*/accounts", status=401, body="Unauthorized"
        )
        dialect.faults.add(refusal)
        assert await exchange.fetch_balances()
        dialect.faults.add(attrs.evolve(refusal, path=ORDERS))
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert await _at_exchange(exchange) == [order.client_order_id]

    play(story)


def test_an_account_that_needs_a_proof_of_its_owner_has_no_empty_list(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        with pytest.raises(RequestError) as refused:
            await exchange.fetch_open_orders("BTC/USD")
        assert refused.value.failure.reason == "permission.proof_required"

    play(story, needs_proof_token=True)


# Streams


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTC/USDC"])
def test_a_book_is_live_and_is_repaired_after_a_hole(play: Play, symbol: str) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        async with exchange.book(symbol) as live, asyncio.timeout(60):
            book = await live.ready()
            assert book.bids(1)[0][0] < book.asks(1)[0][0]
            dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, count=3))
            heard: list[object] = []
            exchange.on_stream_event(heard.append)
            await _until(lambda: any("missing" in str(event) for event in heard))
            book = await live.ready()
            await asyncio.sleep(2)
            fresh = await exchange.fetch_book(symbol, depth=5)
            assert {price for price, _ in book.bids(5)} & {price for price, _ in fresh.bids}

    play(story)


def test_what_the_account_s_stream_missed_is_restored(play: Play) -> None:
    async def story(exchange: Exchange, dialect: CoinbaseDialect) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        await _until(lambda: exchange.orders()[0].phase is OrderPhase.OPEN)
        heard: list[object] = []
        exchange.on_stream_event(heard.append)
        dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="user*", count=2))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        await _until(lambda: any("are missing" in str(event) for event in heard))
        await _until(lambda: "LIVE" in str(heard[-1]))
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_trades_tickers_and_candles_are_streamed(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        async with (
            exchange.trades("BTC/USD", gaps=False) as trades,
            exchange.ticker("BTC/USDC", gaps=False) as tickers,
            exchange.candles("BTC/USD", "5m", gaps=False) as candles,
            asyncio.timeout(120),
        ):
            assert (await anext(aiter(trades))).symbol == "BTC/USD"
            assert (await anext(aiter(tickers))).symbol == "BTC/USDC"
            assert (await anext(aiter(candles))).interval == "5m"

    play(story)


def test_the_state_of_products_is_streamed(play: Play) -> None:
    async def story(exchange: Exchange, _: CoinbaseDialect) -> None:
        async with (
            exchange.instrument_changes(gaps=False) as everything,
            exchange.instrument_changes("BTC/USD", gaps=False) as one,
            asyncio.timeout(120),
        ):
            told = await anext(aiter(everything))
            assert {"BTC/USD", "ETH/USD"} <= {each.symbol for each in told.instruments}
            (btc,) = (await anext(aiter(one))).instruments
            assert btc == exchange.instrument("BTC/USD")

    play(story)
