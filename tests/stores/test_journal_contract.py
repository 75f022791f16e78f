"""What every journal promises: in memory, safe against a crash, safe against a loss of power."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Liquidity,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    SelfTradePrevention,
    Side,
    StoreError,
    Symbol,
    TimeInForce,
    limit_buy,
)
from venuekit.stores import (
    CommandState,
    Cursor,
    Intent,
    IntentExists,
    Journal,
    Origin,
    RecordKind,
    Scope,
    open_journal,
)

SCOPE = Scope("venue", "main", "sim")
SYMBOL = Symbol("BTC/USDT")


@pytest.fixture(params=["memory", "process", "power"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    is_memory = request.param == "memory"
    url = "memory:" if is_memory else f"sqlite:{tmp_path}/journal.db"
    opened = await open_journal(url, durability="process" if is_memory else request.param)
    yield opened
    await opened.close()


def intent(name: str = "a1", *, scope: Scope = SCOPE, key: str | None = None) -> Intent:
    request = limit_buy("BTC/USDT", "0.10", "30000.00", client_order_id=name)
    return Intent(
        scope=scope,
        client_order_id=ClientOrderId(name),
        request=request,
        intent_key=key,
        created_ns=1_000 + len(name),
    )


def order(name: str | None = "a1", phase: OrderPhase = OrderPhase.OPEN, number: str = "7") -> Order:
    return Order(
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        phase=phase,
        client_order_id=None if name is None else ClientOrderId(name),
        exchange_order_id=ExchangeOrderId(number),
        quantity=Decimal("0.10"),
        price=Decimal("30000.00"),
        created_ns=1_002,
        updated_ns=2_000,
    )


def fill(number: int, number_of_order: str = "7") -> Fill:
    return Fill(
        symbol=SYMBOL,
        trade_id=str(number),
        exchange_order_id=ExchangeOrderId(number_of_order),
        side=Side.BUY,
        price=Decimal("30000.00"),
        quantity=Decimal("0.0500"),
        fee=Fee(Decimal("0.0000750"), "BNB"),
        liquidity=Liquidity.MAKER,
        time_ns=3_000 + number,
    )


def ref(name: str | None = "a1", number: str | None = None) -> OrderRef:
    return OrderRef(
        symbol=SYMBOL,
        client_order_id=None if name is None else ClientOrderId(name),
        exchange_order_id=None if number is None else ExchangeOrderId(number),
    )


async def test_an_intent_comes_back_digit_by_digit(journal: Journal) -> None:
    request = OrderRequest(
        symbol=SYMBOL,
        side=Side.SELL,
        type=OrderType.STOP_LIMIT,
        quantity=Decimal("0.10000000"),
        price=Decimal("1E+3"),
        stop_price=Decimal("999.90"),
        trailing_delta=Decimal(100),
        time_in_force=TimeInForce.GTC,
        display_quantity=Decimal("0.01"),
        self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER,
        client_order_id=ClientOrderId("a1"),
        options={"strategyId": "7"},
    )
    given = attrs.evolve(intent(key="signal"), request=request)
    await journal.record_intent(given)
    found = await journal.intent(SCOPE, ClientOrderId("a1"))

    assert found == given
    assert found is not None
    assert str(found.request.quantity) == "0.10000000"
    assert await journal.intent_of_key(SCOPE, "signal") == given
    assert await journal.intent_of_key(SCOPE, "other") is None


async def test_an_id_or_key_is_taken_once_and_the_journal_goes_on(journal: Journal) -> None:
    await journal.record_intent(intent("a1", key="k"))
    with pytest.raises(IntentExists, match="a1"):
        await journal.record_intent(intent("a1"))
    with pytest.raises(IntentExists, match="a2"):
        await journal.record_intent(intent("a2", key="k"))

    assert journal.failure is None
    assert await journal.intent(SCOPE, ClientOrderId("a2")) is None
    await journal.record_intent(intent("a3"))
    assert len(await journal.open_intents(SCOPE)) == 2


async def test_several_intents_are_written_all_or_none(journal: Journal) -> None:
    await journal.record_intent(intent("a2"))
    with pytest.raises(IntentExists):
        await journal.record_intent(intent("a1"), intent("a2"), intent("a3"))

    names = [each.intent.client_order_id for each in await journal.open_intents(SCOPE)]
    assert names == ["a2"]


async def test_an_intent_is_open_until_an_outcome_is_written(journal: Journal) -> None:
    await journal.record_intent(intent("a1"))
    (one,) = await journal.open_intents(SCOPE)
    assert (one.attempt, one.attempted_ns) == (0, None)

    journal.record_attempt(SCOPE, ClientOrderId("a1"), 1, time_ns=5)
    journal.record_attempt(SCOPE, ClientOrderId("a1"), 2, time_ns=6)
    journal.record_order(SCOPE, order("a1", OrderPhase.UNKNOWN), time_ns=7)
    journal.record_note(SCOPE, ref("a1"), "looked for", time_ns=8)
    (one,) = await journal.open_intents(SCOPE)
    assert (one.attempt, one.attempted_ns) == (2, 6)

    journal.record_order(SCOPE, order("a1"), time_ns=9)
    assert await journal.open_intents(SCOPE) == []


async def test_an_intent_without_outcome_reads_as_an_unknown_order(journal: Journal) -> None:
    await journal.record_intent(intent("a1"))
    known = await journal.order(SCOPE, ref("a1"))

    assert known is not None
    assert (known.phase, known.quantity) == (OrderPhase.UNKNOWN, Decimal("0.10"))
    assert await journal.orders(SCOPE, open_only=True) == [known]


async def test_an_order_comes_back_with_all_its_fills_by_either_id(journal: Journal) -> None:
    await journal.record_intent(intent("a1"))
    partly = attrs.evolve(order(), filled=Decimal("0.0500"), fills=(fill(1),))
    whole = attrs.evolve(
        order(phase=OrderPhase.FILLED), filled=Decimal("0.1000"), fills=(fill(1), fill(2))
    )
    journal.record_order(SCOPE, partly, time_ns=1, fills=[fill(1)])
    journal.record_order(SCOPE, whole, time_ns=2, fills=[fill(2), fill(1)])

    assert await journal.order(SCOPE, ref("a1")) == whole
    assert await journal.order(SCOPE, ref(None, "7")) == whole
    assert await journal.order(SCOPE, ref("renamed", "7")) == whole
    assert await journal.order(SCOPE, ref("nobody")) is None
    assert await journal.fills(SCOPE) == [fill(1), fill(2)]
    assert await journal.orders(SCOPE, open_only=True) == []


async def test_a_fill_is_written_once_however_often_it_is_told(journal: Journal) -> None:
    told = attrs.evolve(order(), filled=Decimal("0.05"), fills=(fill(1),))
    for _ in range(3):
        journal.record_order(SCOPE, told, time_ns=1, fills=[fill(1)])

    assert await journal.fills(SCOPE) == [fill(1)]
    history = await journal.history(SCOPE, ClientOrderId("a1"))
    assert [entry.kind for entry in history].count(RecordKind.FILL) == 1


async def test_a_trade_with_oneself_has_two_fills(journal: Journal) -> None:
    journal.record_order(SCOPE, order("a1"), time_ns=1, fills=[fill(1)])
    journal.record_order(SCOPE, order("a2", number="8"), time_ns=1, fills=[fill(1, "8")])

    assert len(await journal.fills(SCOPE)) == 2


async def test_the_history_tells_everything_in_order(journal: Journal) -> None:
    await journal.record_intent(intent("a1"))
    journal.record_attempt(SCOPE, ClientOrderId("a1"), 1, time_ns=1)
    journal.record_order(SCOPE, order(), time_ns=2, fills=[fill(1)], raw="{}")
    journal.record_note(SCOPE, ref(), "canceled by hand", time_ns=3)
    history = await journal.history(SCOPE, ClientOrderId("a1"))

    assert [(entry.kind.value, entry.time_ns) for entry in history] == [
        ("intent", 1_002),
        ("attempt", 1),
        ("order", 2),
        ("fill", 2),
        ("note", 3),
    ]
    assert history[2].raw == "{}"
    assert '"price":"30000.00"' in history[2].body
    numbers = [entry.number for entry in history]
    assert numbers == sorted(set(numbers))


async def test_accounts_do_not_see_each_other(journal: Journal) -> None:
    other = Scope("venue", "other", "sim")
    await journal.record_intent(intent("a1", key="k"))
    await journal.record_intent(intent("a1", key="k", scope=other))
    journal.record_order(other, order("a1"), time_ns=1, fills=[fill(1)])

    assert len(await journal.open_intents(SCOPE)) == 1
    assert await journal.fills(SCOPE) == []
    assert len(await journal.fills(other)) == 1


async def test_orders_of_others_go_by_the_exchanges_id(journal: Journal) -> None:
    first, second = order("web_1", number="1"), order("web_1", number="2")
    for each in (first, second):
        journal.record_order(SCOPE, each, time_ns=1, origin=Origin.FOREIGN)
    await journal.record_intent(intent("a1"))
    journal.record_order(SCOPE, order("adopted", number="3"), time_ns=1)
    orders = await journal.orders(SCOPE, open_only=True)

    assert orders[:2] == [first, second]
    assert await journal.origins(SCOPE, orders) == [
        Origin.FOREIGN,
        Origin.FOREIGN,
        Origin.INTENT,
        Origin.ADOPTED,
    ]
    assert await journal.order(SCOPE, ref("web_1", "2")) == second


async def test_the_newest_orders_and_fills_come_oldest_first(journal: Journal) -> None:
    for number in range(5):
        one = attrs.evolve(order(f"a{number}", number=str(number)), created_ns=number + 1)
        journal.record_order(SCOPE, one, time_ns=1, fills=[fill(number, str(number))])

    orders = await journal.orders(SCOPE, limit=2)
    assert [each.client_order_id for each in orders] == ["a3", "a4"]
    assert len(await journal.orders(SCOPE, since_ns=3)) == 3
    assert await journal.orders(SCOPE, symbol=Symbol("ETH/USDT")) == []
    assert [each.trade_id for each in await journal.fills(SCOPE, limit=2)] == ["3", "4"]
    assert [each.trade_id for each in await journal.fills(SCOPE, since_ns=3_003)] == ["3", "4"]
    assert await journal.first_orders(SCOPE) == {SYMBOL: 1}


async def test_cursors_move(journal: Journal) -> None:
    journal.move_cursor(SCOPE, SYMBOL, Cursor(time_ns=1, trade_id="1"))
    journal.move_cursor(SCOPE, SYMBOL, Cursor(time_ns=2))

    assert await journal.cursors(SCOPE) == {SYMBOL: Cursor(time_ns=2)}


async def test_the_mark_of_an_installation_is_made_once(journal: Journal) -> None:
    chance = random.Random(1)
    first = await journal.installation_mark(chance)

    assert await journal.installation_mark(chance) == first
    assert 0 <= first < 2**40


async def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    await journal.close()
    await journal.close()
    with pytest.raises(StoreError, match="closed"):
        await journal.record_intent(intent())
    with pytest.raises(StoreError, match="closed"):
        journal.record_attempt(SCOPE, ClientOrderId("a1"), 1, time_ns=1)


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    for durability, name in (("process", "a1"), ("power", "a2")):
        opened = await open_journal(f"sqlite:{tmp_path}/j.db", durability=durability)
        await opened.record_intent(intent(name))
        journal_mark = await opened.installation_mark(random.Random())
        await opened.close()

    again = await open_journal(f"sqlite:{tmp_path}/j.db")
    assert len(await again.open_intents(SCOPE)) == 2
    assert await again.installation_mark(random.Random()) == journal_mark
    await again.close()


# Events and those who read them


async def test_events_are_the_changes_in_order_with_numbers_that_stay(journal: Journal) -> None:
    assert await journal.last_event(SCOPE) == 0
    await journal.record_intent(intent("a1"))
    journal.record_attempt(SCOPE, ClientOrderId("a1"), 1, time_ns=2)
    journal.record_order(SCOPE, order("a1"), time_ns=3)
    journal.record_order(SCOPE, order("a1"), time_ns=4, fills=[fill(1)])

    events = await journal.events(SCOPE, after=0)
    assert [(event.time_ns, event.fill is None) for event in events] == [
        (3, True),
        (4, True),
        (4, False),
    ]
    assert all(event.order.client_order_id == "a1" for event in events)
    assert await journal.events(SCOPE, after=events[1].number) == [events[2]]
    assert await journal.events(SCOPE, after=0, limit=2) == events[:2]
    assert await journal.last_event(SCOPE) == events[-1].number
    assert await journal.events(Scope("venue", "other", "sim"), after=0) == []


async def test_a_position_only_moves_forward(journal: Journal) -> None:
    assert await journal.position(SCOPE, "bot") is None
    for number in (3, 7, 5):
        journal.move_position(SCOPE, "bot", number)

    assert await journal.position(SCOPE, "bot") == 7
    assert await journal.position(SCOPE, "other") is None


async def test_an_inferred_fill_gives_way_to_the_real_one(journal: Journal) -> None:
    inferred = attrs.evolve(fill(1), trade_id="inferred-7-1", is_inferred=True)
    journal.record_order(SCOPE, order("a1"), time_ns=1, fills=[inferred])
    assert await journal.fills(SCOPE) == [inferred]
    journal.record_order(SCOPE, order("a1"), time_ns=2, fills=[fill(9)], replaced=[inferred])

    assert [each.trade_id for each in await journal.fills(SCOPE)] == ["9"]


async def test_a_trade_that_was_known_without_its_fee_gets_it_and_is_not_told_twice(
    journal: Journal,
) -> None:
    feeless = attrs.evolve(fill(1), fee=None)
    priced = attrs.evolve(feeless, fee=Fee(Decimal("0.1"), "USDT"))
    journal.record_order(SCOPE, order("a1"), time_ns=1, fills=[feeless])
    journal.record_order(SCOPE, order("a1"), time_ns=2, fills=[priced], replaced=[feeless])

    assert await journal.fills(SCOPE) == [priced]
    events = await journal.events(SCOPE, after=0, limit=10)
    assert [event.fill for event in events if event.fill is not None] == [feeless]


async def test_commands_stand_in_the_history(journal: Journal) -> None:
    await journal.record_intent(intent("a1"))
    journal.record_command(
        SCOPE,
        [ref("a1")],
        "cancel",
        CommandState.REFUSED,
        time_ns=5,
        reason="order.unknown",
        raw="400 {}",
    )

    entry = (await journal.history(SCOPE, ClientOrderId("a1")))[-1]
    assert (entry.kind, entry.raw) == (RecordKind.COMMAND, "400 {}")
    assert "order.unknown" in entry.body
