"""Limits that were ignored and clocks that were wrong: cases 25 to 27 of the incidents."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import venuekit
from venuekit import limit_buy
from venuekit.model import ConfigurationError, NotSent, OrderPhase, RequestError, VenuekitError
from venuekit.sim.faults import FaultKind

if TYPE_CHECKING:
    from tests.incidents.conftest import Town

BTC = "BTC/USDT"
BUY = limit_buy(BTC, quantity="0.01", price="60000")
MINUTE_NS = 60_000_000_000
MINUTE_S = 60.0
_WEIGHT = "x-mbx-used-weight-1m"


def others_use(town: "Town", weight: int) -> None:
    """Let another program behind the same address use up weight."""
    town.dialect.venue.limits.weight.add(town.address, weight, town.now_ns())


async def polled(exchange: Any, count: int, *, depth: int = 100) -> list[Any]:
    """Ask for the book again and again, all at once; gives answers and errors."""
    asking = (exchange.fetch_book(BTC, depth=depth) for _ in range(count))
    return await asyncio.gather(*asking, return_exceptions=True)


def failed(answer: Any) -> bool:
    """Say whether it is an error."""
    return isinstance(answer, BaseException)


def sent_within(town: "Town", begin_s: float, end_s: float) -> list[Any]:
    """Give what left the client between two moments, connections too."""
    return [each for each in town.sent if begin_s < each.at_s < end_s]


# 429 and 418


async def test_case_25_nothing_leaves_while_the_exchange_said_to_wait(binance: "Town") -> None:
    """GuntharDeNiro/BTCT#427, mehtadone/PTFeeder#56: 429s were answered with more requests, until
    the address was banned.

    Given an address whose weight others have used up, and an application that goes on polling,
    placing and canceling; then after the first 429 nothing leaves until its Retry-After is over,
    the ban never comes, and everything works again after it.
    """
    await asyncio.sleep(10)
    async with binance.open() as ex:
        order = await ex.place(BUY)
        others_use(binance, 6000)
        refused = asyncio.create_task(polled(ex, 1))
        await asyncio.sleep(0.1)
        (first,) = [each for each in binance.dialect.reached if each.answer.status == 429]
        wait_s = int(first.answer.header("retry-after") or 0)
        assert 30 < wait_s < 60
        told_s = binance.time()
        polling = asyncio.create_task(polled(ex, 20))
        canceling = asyncio.create_task(ex.cancel(order))
        with pytest.raises(RequestError):
            await ex.place(BUY)  # an order that late would be another order
        answers = await polling
        assert (await canceling).phase is OrderPhase.CANCELED
        await refused
        assert (await ex.place(BUY)).phase is OrderPhase.OPEN

    assert sent_within(binance, told_s, told_s - 0.1 + wait_s) == []
    assert 418 not in binance.dialect.statuses()
    assert not any(failed(answer) for answer in answers)


async def test_case_25_a_ban_is_sat_out_without_a_single_probe(binance: "Town") -> None:
    """The same, once the ban is there: each probe makes it longer, up to three days.

    Given a ban of 120 s; then for 120 s and a tenth nothing leaves, not even an attempt to
    connect, whatever the application asks for; afterwards it works.
    """
    async with binance.open() as ex:
        await ex.place(BUY)
        binance.fault(FaultKind.ANSWER_BEFORE, method="GET", answer="banned")
        with pytest.raises(RequestError):
            await ex.fetch_book(BTC)
        banned_s = binance.time()
        for _ in range(10):
            await asyncio.sleep(5)
            for ask in (lambda: ex.fetch_book(BTC), lambda: ex.place(BUY), ex.fetch_balances):
                if binance.time() < banned_s + 100:
                    with pytest.raises(VenuekitError):
                        await ask()
        await asyncio.sleep(banned_s + 135 - binance.time())
        assert (await ex.place(BUY)).phase is OrderPhase.OPEN

    assert sent_within(binance, banned_s, banned_s + 131.9) == []


async def test_case_25_a_weight_that_was_raised_overnight_is_learned_from_the_headers(
    binance: "Town",
) -> None:
    """The same, at its root: the exchange raised the weight of a request, the table in the program
    did not, and the address was banned in the morning.

    Given requests that cost 20 more than documented, and 1 000 of them at once; then the headers
    are believed: nothing is ever refused.
    """
    async with binance.open() as ex:
        await polled(ex, 1)
        binance.dialect.surcharge = 20
        answers: list[Any] = []
        for _ in range(100):
            answers += await polled(ex, 10)

    assert not any(failed(answer) for answer in answers)
    assert binance.dialect.statuses() == {200}
    assert binance.time() > 180  # 25 000 of weight took as long as it must


# Whose limit it is


@pytest.mark.parametrize("name", ["weight", "raw", "orders-10s"])
async def test_case_26_no_setting_raises_a_limit_of_the_exchange(
    binance: "Town", name: str
) -> None:
    """freqtrade/freqtrade#7187: an override of `rateLimit` in the configuration sent requests
    faster than the exchange allows; the address was banned.

    Given a limit above the exchange's own; then opening is refused, before anything is sent.
    """
    config = binance.configuration(more=f'[exchanges.binance.limits]\n"{name}" = 1000000')
    with pytest.raises(ConfigurationError, match="above the exchange's own limit"):
        await venuekit.open("binance", config=config, transport=binance.line()).__aenter__()
    assert binance.sent == []


async def test_case_26_a_limit_that_was_lowered_is_kept_in_every_minute(binance: "Town") -> None:
    """The other direction, for those who share an address: what was set holds."""
    config = binance.configuration(more="[exchanges.binance.limits]\nweight = 300")
    opening = venuekit.open(
        "binance", config=config, transport=binance.line(), clock=binance.machine
    )
    async with opening as ex:
        answers = [await polled(ex, 10, depth=500) for _ in range(8)]  # 25 each

    assert not any(failed(answer) for some in answers for answer in some)
    used: Counter[int] = Counter()
    for each in binance.dialect.reached:
        window = each.at_ns // MINUTE_NS
        used[window] = max(used[window], int(each.answer.header(_WEIGHT) or 0))
    assert len(used) > 5
    assert max(used.values()) <= 300


async def test_case_26_programs_that_share_an_address_share_its_limits(binance: "Town") -> None:
    """Drakkar-Software/OctoBot#2108: several bots at one address, each sure to be alone, and more
    than a hundred symbols to ask for.

    Given three programs with the whole limit each, which ask for far more than that, all at the
    same moments; then not one request is refused, for they share it through the store.
    """

    async def program(number: int) -> None:
        opening = venuekit.open(
            "binance",
            config=binance.configuration(f"journal{number}.db", more='[limits]\nshare = "machine"'),
            transport=binance.line(),
            clock=binance.machine,
        )
        async with opening as ex:
            for _ in range(6):
                await polled(ex, 8, depth=5000)  # 250 each

    async with asyncio.TaskGroup() as programs:
        for number in range(3):
            programs.create_task(program(number))

    assert binance.dialect.statuses() == {200}
    assert len(binance.dialect.asked("GET", "/api/v3/depth")) > 24


async def test_case_26_what_others_at_the_address_use_is_learned_from_the_headers(
    binance: "Town",
) -> None:
    """The same, with one that is alone at the moment: what others have used shows in its answers,
    and it asks for no more than is left in the minute.
    """
    async with binance.open() as ex:
        for _ in range(4):
            # A minute of its own for each: what is asked of an exchange that is used up is refused.
            await asyncio.sleep(MINUTE_S - binance.now_ns() / 1e9 % MINUTE_S)
            others_use(binance, 4000)
            answers = [await polled(ex, 1, depth=5000), await polled(ex, 15, depth=5000)]
            assert not [each for some in answers for each in some if failed(each)]

    assert binance.dialect.statuses() == {200}
    assert binance.time() > 180


# Clocks


@pytest.mark.parametrize("ahead_s", [1.0, 1.5, -8.0])
async def test_case_27_a_machine_whose_clock_is_wrong_trades(
    binance: "Town", ahead_s: float
) -> None:
    """ccxt/binance-trade-bot#215, ccxt/ccxt#6832: the machine's clock was a second ahead, or eight
    behind, and every signed request was refused with -1021.

    Given such a clock from the start; then no request is refused.
    """
    binance.machine.ahead_s = ahead_s
    async with binance.open() as ex:
        assert (await ex.place(BUY)).phase is OrderPhase.OPEN
        assert abs(ex.clock_offset_ns / 1e9 + ahead_s) < 0.05
    assert binance.dialect.statuses() == {200}


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
async def test_case_27_a_clock_that_is_set_meanwhile_changes_nothing(
    binance: "Town", step_s: float
) -> None:
    """The same, when NTP sets the clock by an hour in the middle of the run.

    Given a lost order that is being looked for when it happens; then the search takes the time
    that the proof takes, no more and no less, and the next order is not refused.
    """
    async with binance.open() as ex:
        await ex.place(BUY)
        binance.lose_messages()
        binance.fault(FaultKind.DROP_BEFORE, method="POST")
        begun_s = binance.time()
        placing = asyncio.create_task(ex.place(BUY))
        await asyncio.sleep(4)
        binance.machine.ahead_s = step_s
        with pytest.raises(NotSent):
            await placing
        assert 17 <= binance.time() - begun_s < 25
        assert (await ex.place(BUY)).phase is OrderPhase.OPEN
    assert binance.dialect.statuses() <= {200, 400}
    assert _codes(binance) == Counter({-2013: _codes(binance)[-2013]})


@pytest.mark.parametrize("skew_ms", [8000, -1500])
async def test_case_27_an_order_refused_for_its_time_goes_out_once_the_clocks_agree(
    binance: "Town", skew_ms: int
) -> None:
    """The same, when it is the exchange's clock that moves.

    Given an exchange that is suddenly ahead, or behind; then the refusal (-1021: not processed) is
    answered by measuring the clock, the same order goes out again, and exists once.
    """
    async with binance.open() as ex:
        await ex.place(BUY)
        await asyncio.sleep(5)
        binance.fault(FaultKind.CLOCK_SKEW, value=skew_ms)
        order = await ex.place(BUY)
        assert order.phase is OrderPhase.OPEN
        assert abs(ex.clock_offset_ns / 1e6 - skew_ms) < 50

    assert _codes(binance) == Counter({-1021: 1})
    names = [params["newClientOrderId"] for params in binance.dialect.asked("POST")]
    assert names[1] == names[2] == order.client_order_id
    assert len(binance.dialect.orders()) == 2


def _codes(town: "Town") -> Counter[int]:
    """Count the exchange's error codes."""
    bodies = [each.answer.body for each in town.dialect.reached if each.answer.status >= 400]
    return Counter(int(body.split(b'"code":')[1].split(b",")[0]) for body in bodies)
