"""The whole client against the simulated Coinbase Exchange: on virtual time, and over sockets."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import venuekit
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    AuthenticationFailed,
    ClientOrderId,
    NotSent,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OrderRequest,
    OrderType,
    Rejected,
    Side,
    Symbol,
    TimeInForce,
    limit_buy,
    limit_sell,
    market_buy,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit_coinbase.sim.exchange import create

Story = Callable[[Exchange, Any], Awaitable[None]]
Play = Callable[..., None]
LOW = "50000"
"""Far below the market: an order to buy at this price rests."""
OTHER = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"


@contextlib.asynccontextmanager
async def _opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> AsyncIterator[tuple[Exchange, Any]]:
    dialect = create(seed=1)
    key = dialect.credentials()
    monkeypatch.setenv("CBX_KEY", key.api_key)
    monkeypatch.setenv("CBX_SECRET", key.secret)
    monkeypatch.setenv("CBX_PASSPHRASE", passphrase or key.passphrase)
    text = (
        # Written on the loop: virtual time must not run on while a thread writes.
        f'[store]\nurl = "sqlite:{folder}/journal.db"\ndurability = "process"\n'
        "[exchanges.coinbase-exchange.accounts.main]\n"
        'api_key = "env:CBX_KEY"\nsecret = "env:CBX_SECRET"\n'
        'passphrase = "env:CBX_PASSPHRASE"\n'
    )
    async with (
        SimulatedExchange(dialect, delays=lambda: 0.004) as world,
        venuekit.open(
            "coinbase-exchange",
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

    def played(story: Story, *, passphrase: str | None = None) -> None:
        async def whole() -> None:
            async with _opened(tmp_path, monkeypatch, passphrase) as (exchange, dialect):
                await story(exchange, dialect)

        run_virtually(whole())

    return played


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # virtual time: waiting costs nothing
            await asyncio.sleep(0.05)


def _fault(kind: FaultKind, method: str = "POST", path: str = "/orders", **more: Any) -> Fault:
    return Fault(kind=kind, method=method, path=path, **more)


def _known(exchange: Exchange, ref: OrderRef) -> Any:
    return next(o for o in exchange.orders(open_only=False) if o.ref == ref)


# The life of an order


async def test_over_real_sockets_an_order_is_placed_and_canceled() -> None:
    async with venuekit.open("coinbase-exchange") as exchange:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW, post_only=True))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        assert exchange.orders() == []
        assert (await exchange.reconcile()).is_clean


def test_a_fill_is_streamed_and_is_the_one_that_is_reconciled(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        order = await exchange.place(market_buy("BTC/USD", quote_quantity="100"))
        ref = order.ref
        await _until(lambda: _known(exchange, ref).phase is OrderPhase.FILLED)
        await exchange.reconcile()
        fills = _known(exchange, ref).fills
        assert fills
        assert not any(fill.is_inferred for fill in fills)
        assert _known(exchange, ref).filled == sum(fill.quantity for fill in fills)
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_what_a_streamed_fill_cost_comes_with_the_reconciliation(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        ref = (await exchange.place(market_buy("BTC/USD", quote_quantity="100"))).ref
        await _until(lambda: _known(exchange, ref).phase is OrderPhase.FILLED)
        await exchange.reconcile()
        assert {fill.fee and fill.fee.asset for fill in _known(exchange, ref).fills} == {"USD"}

    play(story)


def test_stops_wait_on_either_side_of_the_market(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
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


def test_an_order_that_does_not_wait_and_finds_nothing_ends_without_a_trace(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        request = limit_buy("BTC/USD", "0.01", LOW, time_in_force=TimeInForce.IOC)
        order = await exchange.place(request)
        await _until(lambda: _known(exchange, order.ref).phase is OrderPhase.CANCELED)
        assert await exchange.fetch_orders("BTC/USD") == []
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_a_refusal_is_known_by_its_reason(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        with pytest.raises(Rejected) as poor:
            await exchange.place(limit_buy("BTC/USD", "3000", LOW))
        assert poor.value.failure.reason == "balance.insufficient"
        assert await exchange.fetch_open_orders("BTC/USD") == []

    play(story)


def test_an_id_that_coinbase_would_drop_is_refused_before_anything_is_sent(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        with pytest.raises(OrderRefused):
            await exchange.place(limit_buy("BTC/USD", "0.01", LOW, client_order_id="mine"))
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW, client_order_id=OTHER))
        told = await exchange.fetch_order(
            OrderRef(symbol=order.symbol, client_order_id=ClientOrderId(OTHER))
        )
        assert told.exchange_order_id == order.exchange_order_id

    play(story)


def test_all_orders_of_a_product_are_canceled_and_those_of_others_stay(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        for n in range(10):
            await exchange.place(limit_buy("BTC/USD", "0.0001", str(50000 - n)))
        other = await exchange.place(limit_sell("ETH/USD", "0.01", "9000"))
        ended = await exchange.cancel_all("BTC/USD")
        assert len(ended) == 10
        assert {order.phase for order in ended} == {OrderPhase.CANCELED}
        assert [order.ref for order in exchange.orders()] == [other.ref]
        batch = await exchange.cancel_everything()
        assert batch.requests == 1
        assert exchange.orders() == []
        assert (await exchange.reconcile()).is_clean

    play(story)


# Lost answers


def test_an_order_whose_answer_is_lost_is_looked_up_and_never_sent_again(play: Play) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        dialect.faults.add(_fault(FaultKind.DROP_AFTER))
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert order.exchange_order_id is not None
        listed = await exchange.fetch_open_orders("BTC/USD")
        assert [each.client_order_id for each in listed] == [order.client_order_id]
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_an_order_that_never_arrived_is_proved_so_once_its_timestamp_is_too_old(
    play: Play,
) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        begun = asyncio.get_running_loop().time()
        dialect.faults.add(_fault(FaultKind.DROP_BEFORE, count=None))
        with pytest.raises(NotSent):
            await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert 50 < asyncio.get_running_loop().time() - begun < 120
        assert await exchange.fetch_open_orders("BTC/USD") == []

    play(story)


def test_a_cancel_whose_answer_is_lost_is_found_out(play: Play) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        dialect.faults.add(_fault(FaultKind.DROP_AFTER, "DELETE", "/orders/*"))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED
        assert (await exchange.reconcile()).is_clean

    play(story)


def test_a_cancel_without_the_stream_s_word_is_found_out_by_the_order_s_absence(
    play: Play,
) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        await _until(lambda: _known(exchange, order.ref).phase is OrderPhase.OPEN)
        dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="user*", count=None))
        assert (await exchange.cancel(order)).phase is OrderPhase.CANCELED

    play(story)


def test_an_order_that_somebody_else_canceled_is_no_alarm(play: Play) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        await _until(lambda: _known(exchange, order.ref).phase is OrderPhase.OPEN)
        dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="user*", count=None))
        await _canceled_by_hand(dialect, order)
        for _ in range(3):
            await exchange.reconcile()
            await asyncio.sleep(6)
        assert _known(exchange, order.ref).phase is OrderPhase.CANCELED
        assert (await exchange.reconcile()).is_clean

    play(story)


async def _canceled_by_hand(dialect: Any, order: Any) -> None:
    """Cancel as the web page does: behind the back of this program."""
    desk = dialect.venue.desk
    record = desk.find(dialect.credentials().account, order.exchange_order_id)
    dialect.later(0, lambda at_ns: desk.cancel(record, at_ns))
    await _until(lambda: record.status.is_terminal)


# Keys


def test_a_wrong_passphrase_is_said_to_be_one_and_shown_nowhere(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        with pytest.raises(AuthenticationFailed) as refused:
            await exchange.fetch_balances()
        assert refused.value.failure.reason == "key.rejected"
        assert "c4n4ry" not in str(refused.value)

    play(story, passphrase="c4n4ry-passphrase")
    assert "c4n4ry" not in caplog.text


def test_the_passphrase_stays_out_of_logs_errors_and_the_journal(
    play: Play, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    seen: list[str] = []

    async def story(exchange: Exchange, dialect: Any) -> None:
        passphrase = dialect.credentials().passphrase
        seen.append(passphrase)
        echo = f'{{"message":"Insufficient funds, passphrase {passphrase}"}}'
        dialect.faults.add(_fault(FaultKind.ANSWER_BEFORE, status=400, body=echo))
        with pytest.raises(Rejected) as refused:
            await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        assert "[redacted]" in str(refused.value)
        seen.append(f"{refused.value} {refused.value!r}")
        order = await exchange.place(limit_buy("BTC/USD", "0.01", LOW))
        await exchange.cancel(order)

    play(story)
    passphrase, shown = seen
    assert passphrase not in shown + caplog.text
    for file in tmp_path.iterdir():
        assert passphrase.encode() not in file.read_bytes()


# Streams


def test_a_book_is_live_and_follows_the_exchange_s(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        async with exchange.book("BTC/USD") as live, asyncio.timeout(60):
            book = await live.ready()
            assert book.bids(1)[0][0] < book.asks(1)[0][0]
            await asyncio.sleep(10)
            fresh = await exchange.fetch_book("BTC/USD", depth=5)
            assert {price for price, _ in book.bids(5)} & {price for price, _ in fresh.bids}

    play(story)


def test_trades_that_are_missing_are_told_of(play: Play) -> None:
    async def story(exchange: Exchange, dialect: Any) -> None:
        heard: list[object] = []
        exchange.on_stream_event(heard.append)
        async with exchange.trades("BTC/USD", gaps=False) as trades, asyncio.timeout(120):
            assert (await anext(aiter(trades))).symbol == "BTC/USD"
            dialect.faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="match*", count=2))
            await _until(lambda: any("missing" in str(event) for event in heard))

    play(story)


def test_tickers_and_the_listing_are_streamed(play: Play) -> None:
    async def story(exchange: Exchange, _: Any) -> None:
        async with (
            exchange.ticker("BTC/USD", gaps=False) as tickers,
            exchange.instrument_changes(gaps=False) as listing,
            asyncio.timeout(120),
        ):
            assert (await anext(aiter(tickers))).symbol == "BTC/USD"
            assert (await anext(aiter(listing))).is_snapshot

    play(story)
