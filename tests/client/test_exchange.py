"""The handle end to end: the real client, real HTTP and WebSockets, the embedded simulator."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest

import venuekit
from venuekit import limit_buy, limit_sell, market_buy
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    AuthenticationFailed,
    BudgetExhausted,
    ConfigurationError,
    InstrumentNotFound,
    InsufficientBalance,
    ListKind,
    NotSent,
    NotSupported,
    OrderEvent,
    OrderListRequest,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OrderRequest,
    OrderType,
    Outcome,
    OutcomeUnknown,
    PluginError,
    Side,
    Symbol,
    TimeInForce,
)
from venuekit.plugin import LimitEvent, LimitEventKind, hookimpl
from venuekit.plugin.hooks import Hooks
from venuekit.sim.faults import Fault, FaultKind
from venuekit.streams import Policy

BTC = "BTC/USDT"


def open_sim() -> venuekit.client.Opening:
    return venuekit.open("binance", environment="sim", config=configuration_from_text(""))


async def far_below(ex: Exchange) -> Decimal:
    """A price at which a buy rests."""
    bid, _ = (await ex.fetch_book(BTC, depth=1)).bids[0]
    return bid - 1000


async def test_three_lines_place_an_order_on_a_fresh_machine() -> None:
    async with open_sim() as ex:
        order = await ex.place(limit_buy(BTC, quantity="0.001", price=await far_below(ex)))
        assert order.phase is OrderPhase.OPEN
        (open_order,) = await ex.fetch_open_orders(BTC)
        assert open_order.client_order_id == order.client_order_id


async def test_an_order_off_the_tick_is_refused_with_its_neighbours_and_nothing_is_sent() -> None:
    async with open_sim() as ex:
        with pytest.raises(OrderRefused) as refused:
            await ex.place(limit_buy(BTC, quantity="0.001", price="30000.001"))
        (violation,) = [v for v in refused.value.violations if v.reason == "price.off_tick"]
        assert violation.nearest == (Decimal("30000.00"), Decimal("30000.01"))
        assert await ex.fetch_orders(BTC) == []


async def test_rounding_is_done_on_request_only() -> None:
    async with open_sim() as ex:
        price = await far_below(ex) + Decimal("0.001")
        order = await ex.place(limit_buy(BTC, quantity="0.0012345678", price=price), round="down")
        assert order.quantity == Decimal("0.00123")
        assert order.price == price - Decimal("0.001")


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.RESET_AFTER])
async def test_an_order_whose_answer_is_lost_is_found_and_exists_once(kind: FaultKind) -> None:
    async with open_sim() as ex:
        assert ex.simulator is not None
        ex.simulator.dialect.faults.add(Fault(kind=kind, method="POST"))
        order = await ex.place(market_buy(BTC, "0.001"))
        assert order.phase is OrderPhase.FILLED
        assert order.filled == Decimal("0.001")
        assert len(await ex.fetch_orders(BTC)) == 1


async def test_a_server_error_in_html_after_acceptance_is_no_second_order() -> None:
    async with open_sim() as ex:
        assert ex.simulator is not None
        ex.simulator.dialect.faults.add(
            Fault(
                kind=FaultKind.ANSWER_AFTER,
                method="POST",
                status=502,
                body="<html>Bad Gateway</html>",
            )
        )
        order = await ex.place(limit_buy(BTC, "0.001", await far_below(ex)))
        assert order.phase is OrderPhase.OPEN
        assert len(await ex.fetch_open_orders(BTC)) == 1


async def test_without_waiting_an_unknown_outcome_is_raised_at_once_and_resolved_later() -> None:
    async with open_sim() as ex:
        assert ex.simulator is not None
        ex.simulator.dialect.faults.add(
            Fault(kind=FaultKind.DROP_AFTER, method="POST"),
            Fault(kind=FaultKind.MESSAGE_DELAY, topic="user/*", delay_s=1.0, count=3),
        )
        with pytest.raises(OutcomeUnknown) as caught:
            await ex.place(market_buy(BTC, "0.001"), wait=False)
        (order,) = ex.orders()
        assert order.phase is OrderPhase.UNKNOWN
        assert order.client_order_id == caught.value.client_order_id
        async with asyncio.timeout(10), await ex.account_events() as events:
            async for event in events:
                if isinstance(event, OrderEvent) and event.order.phase is OrderPhase.FILLED:
                    break
        assert (await caught.value).phase is OrderPhase.FILLED
        assert OrderPhase.FILLED in {entry.phase for entry in await ex.history(order)}
        assert len(await ex.fetch_orders(BTC)) == 1


async def test_the_same_intent_key_is_the_same_order() -> None:
    async with open_sim() as ex:
        request = limit_buy(BTC, "0.001", await far_below(ex))
        first = await ex.place(request, intent_key="rebalance-7")
        second = await ex.place(request, intent_key="rebalance-7")
        assert first.client_order_id == second.client_order_id
        assert len(await ex.fetch_open_orders(BTC)) == 1


async def test_a_cancel_of_a_filled_order_reports_the_fill() -> None:
    async with open_sim() as ex:
        order = await ex.place(market_buy(BTC, "0.001"))
        assert (await ex.cancel(order)).phase is OrderPhase.FILLED


async def test_a_cancel_of_an_order_that_never_was_says_so() -> None:
    async with open_sim() as ex:
        ref = OrderRef(symbol=Symbol(BTC), client_order_id=venuekit.model.ClientOrderId("nobody"))
        with pytest.raises(OrderNotFound):
            await ex.cancel(ref)


async def test_cancel_all_amend_and_replace() -> None:
    async with open_sim() as ex:
        price = await far_below(ex)
        first = await ex.place(limit_buy(BTC, "0.002", price))
        amended = await ex.amend(first, quantity="0.0015")
        assert amended.quantity == Decimal("0.0015")
        assert amended.client_order_id == first.client_order_id
        replaced = await ex.replace(amended, limit_buy(BTC, "0.001", price - 1))
        assert replaced.canceled is not None
        assert replaced.placed is not None
        assert replaced.canceled.phase is OrderPhase.CANCELED
        canceled = await ex.cancel_all(BTC)
        assert [o.exchange_order_id for o in canceled] == [replaced.placed.exchange_order_id]
        assert await ex.cancel_all(BTC) == []


async def test_a_bracket_of_two_legs_is_placed_and_canceled_as_one() -> None:
    async with open_sim() as ex:
        bid, _ = (await ex.fetch_book(BTC, depth=1)).bids[0]
        legs = (
            limit_sell(BTC, "0.001", bid + 2000, post_only=True),
            OrderRequest(
                symbol=Symbol(BTC),
                side=Side.SELL,
                type=OrderType.STOP_LIMIT,
                quantity=Decimal("0.001"),
                price=bid - 2100,
                stop_price=bid - 2000,
                time_in_force=TimeInForce.GTC,
            ),
        )
        placed = await ex.place_list(OrderListRequest(kind=ListKind.OCO, legs=legs))
        assert placed.is_open
        assert len(await ex.fetch_open_orders(BTC)) == 2
        assert placed.client_list_id is not None
        ended = await ex.cancel_list(placed.client_list_id, BTC)
        assert not ended.is_open
        assert await ex.fetch_open_orders(BTC) == []


async def test_an_exchanges_refusal_is_typed() -> None:
    async with open_sim() as ex:
        ask, _ = (await ex.fetch_book(BTC, depth=1)).asks[0]
        with pytest.raises(InsufficientBalance):
            await ex.place(limit_buy(BTC, "100", ask - 1000))
        with pytest.raises(Exception, match=r"order\.would_match"):
            await ex.place(limit_buy(BTC, "0.001", ask + 100, post_only=True))


async def test_the_account_stream_tells_of_orders_fills_and_balances() -> None:
    async with open_sim() as ex:
        events = await ex.account_events()
        order = await ex.place(market_buy(BTC, "0.001"))
        seen, balances = [], 0
        async with asyncio.timeout(10), events:
            async for event in events:
                if isinstance(event, OrderEvent):
                    seen.append(event)
                elif seen and any(e.order.phase is OrderPhase.FILLED for e in seen):
                    balances += 1
                    break
        assert {e.order.client_order_id for e in seen} == {order.client_order_id}
        assert sum(e.fill.quantity for e in seen if e.fill) == Decimal("0.001")
        assert balances == 1


async def test_market_data_over_rest_and_streams() -> None:
    async with open_sim() as ex:
        assert (await ex.fetch_trades(BTC, limit=5))[-1].symbol == BTC
        assert (await ex.fetch_ticker(BTC)).last is not None
        assert {t.symbol for t in await ex.fetch_tickers([BTC, "ETH/USDT"])} == {BTC, "ETH/USDT"}
        candles = await ex.fetch_candles(BTC, "1m", limit=5)
        assert [c.open_time_ns for c in candles] == sorted(c.open_time_ns for c in candles)
        assert not candles[-1].is_closed
        async with asyncio.timeout(15):
            async with ex.trades(BTC, gaps=False) as trades:
                assert (await anext(trades)).quantity > 0
            async with ex.best_price(BTC, gaps=False) as prices:
                best = await anext(prices)
                assert best.bid < best.ask


async def test_a_live_book_agrees_with_a_fetched_one() -> None:
    async with open_sim() as ex, asyncio.timeout(15):
        async with ex.book(BTC) as live:
            book = await live.ready()
            compared = 0
            async for _ in live:
                fetched = await ex.fetch_book(BTC, depth=5000)
                mine = book.snapshot()
                if mine.update_id == fetched.update_id:
                    assert (mine.bids, mine.asks) == (fetched.bids, fetched.asks)
                    compared += 1
                if compared == 3:
                    break
        assert compared == 3


async def test_reconciling_twice_finds_nothing_the_second_time() -> None:
    async with open_sim() as ex:
        await ex.place(limit_buy(BTC, "0.001", await far_below(ex)))
        await ex.place(market_buy(BTC, "0.001"))
        await ex.reconcile()
        again = await ex.reconcile()
        assert again.differences == ()


async def test_an_unknown_symbol_suggests_listed_ones() -> None:
    async with open_sim() as ex:
        with pytest.raises(InstrumentNotFound, match="did you mean BTC/USDT"):
            ex.instrument("BTC/USDTT")


async def test_an_unknown_exchange_says_what_to_install() -> None:
    with pytest.raises(PluginError, match="binance"):
        await venuekit.open("binanse", config=configuration_from_text("")).__aenter__()


async def test_live_without_a_key_is_public_only_and_says_what_to_set() -> None:
    async with open_sim() as sim:
        config = configuration_from_text(
            f'[exchanges.binance]\nenvironment = "sim"\naddress = "{sim.address}"\n'
        )
        async with venuekit.open("binance", config=config) as ex:
            assert (await ex.fetch_book(BTC, depth=1)).bids
            with pytest.raises(NotSupported, match="set api_key and secret"):
                await ex.place(limit_buy(BTC, "0.001", "30000"))
            with pytest.raises(AuthenticationFailed, match="needs a key"):
                await ex.fetch_balances()


async def test_what_an_exchange_cannot_do_is_said_with_the_reason() -> None:
    async with open_sim() as ex:
        assert ex.lacks["ledger"].startswith("the plugin does not yet: ")
        with pytest.raises(NotSupported, match="ledgers; the plugin does not yet: the wallet"):
            await ex.fetch_ledger()
        with pytest.raises(NotSupported, match="the exchange has none: the timer is of futures"):
            await ex.cancel_all_after(60)


async def test_an_exchange_that_is_not_there_is_one_plain_error() -> None:
    config = configuration_from_text('[exchanges.binance]\naddress = "127.0.0.1:9"\n')
    with pytest.raises(NotSent, match="Connection refused"):
        await venuekit.open("binance", config=config).__aenter__()


async def test_a_limit_may_be_lowered_not_raised() -> None:
    config = configuration_from_text("[exchanges.binance.limits]\nweight = 7000\n")
    with pytest.raises(ConfigurationError, match="above the exchange's own limit"):
        await venuekit.open("binance", environment="sim", config=config).__aenter__()
    config = configuration_from_text("[exchanges.binance.limits]\nweight = 3000\n")
    async with venuekit.open("binance", environment="sim", config=config) as ex:
        (weight,) = [b for b in ex.limits() if b.name == "weight"]
        assert weight.capacity == 3000
        assert 0 < weight.used < 200


async def test_who_does_not_want_to_wait_for_limits_is_told_how_long_it_would_be() -> None:
    config = configuration_from_text("[exchanges.binance]\nlimits = {weight = 600}")
    async with venuekit.open("binance", environment="sim", config=config) as ex:
        price = await far_below(ex)
        await ex.place(limit_buy(BTC, quantity="0.001", price=price))

        async def ask_on() -> None:
            while True:
                await ex.within(0.01).fetch_book(BTC, depth=5000)

        async def place_on() -> None:
            while True:
                await ex.within(0).place(limit_buy(BTC, quantity="0.001", price=price))

        with pytest.raises(BudgetExhausted) as late:
            await ask_on()
        assert 0 < (late.value.retry_after_s or 0) <= 60
        with pytest.raises(BudgetExhausted) as refused:
            await place_on()
        assert refused.value.failure.outcome is Outcome.NOT_SENT
        assert ex.orders(open_only=False)[-1].phase is OrderPhase.NEVER_PLACED


async def test_an_extension_watches_what_limits_do() -> None:
    seen: list[tuple[str, str, LimitEvent]] = []

    def venuekit_limit_event(exchange: str, account: str, event: LimitEvent) -> None:
        seen.append((exchange, account, event))

    extension = SimpleNamespace(venuekit_limit_event=hookimpl(venuekit_limit_event))
    async with venuekit.open(
        "binance",
        environment="sim",
        config=configuration_from_text("[exchanges.binance]\nlimits = {weight = 600}"),
        hooks=Hooks(modules={"mine": extension}, find=list),
    ) as ex:
        await ex.within(0).fetch_book(BTC, depth=5000)
        await ex.within(0).fetch_book(BTC, depth=5000)
        with pytest.raises(BudgetExhausted):
            await ex.within(0).fetch_book(BTC, depth=5000)
        assert ex.limit_figures().too_late == 1
    ((exchange, account, event),) = seen
    assert (exchange, account) == ("binance", "default")
    assert (event.kind, event.budgets) == (LimitEventKind.TOO_LATE, ("raw", "weight"))


async def test_a_canceled_place_is_still_tracked() -> None:
    async with open_sim() as ex:
        assert ex.simulator is not None
        price = await far_below(ex)
        ex.simulator.dialect.faults.add(
            Fault(kind=FaultKind.DELAY_ANSWER, method="POST", delay_s=0.5)
        )
        task = asyncio.create_task(ex.place(limit_buy(BTC, "0.001", price), intent_key="k"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        order = await ex.place(limit_buy(BTC, "0.001", price), intent_key="k")
        assert order.phase is OrderPhase.OPEN
        assert len(await ex.fetch_open_orders(BTC)) == 1


async def test_what_the_application_raises_leaves_the_block_as_it_is() -> None:
    async def application() -> None:
        async with open_sim() as ex:
            await ex.place(limit_buy(BTC, "0.001", await far_below(ex)))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await application()


async def test_canceling_the_application_closes_everything_and_is_a_cancelation() -> None:
    started = asyncio.Event()

    async def application() -> None:
        async with open_sim() as ex, ex.trades(BTC, gaps=False) as trades:
            started.set()
            async for _ in trades:
                pass

    task = asyncio.create_task(application())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []


async def test_a_consumer_chooses_what_happens_when_it_does_not_read_in_time() -> None:
    async with open_sim() as ex:
        with pytest.raises(ValueError, match="every event counts"):
            ex.trades(BTC, policy=Policy.NEWEST)
        async with ex.best_price(BTC, policy=Policy.NEWEST) as newest:
            await anext(newest)
            await asyncio.sleep(0.5)
            # However many came meanwhile, one waits: the newest.
            assert newest.waiting <= 1
