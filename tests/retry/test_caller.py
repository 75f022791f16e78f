"""One request, well behaved: what leaves, in which order, how often, and what the caller learns."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import attrs
import pytest

from venuekit.limits import Grant, Lane, Limiter
from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BadAnswer,
    BudgetExhausted,
    BudgetUsage,
    ExchangeStatus,
    Failure,
    NotSent,
    OrderNotFound,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RequestError,
    StoreError,
    Unavailable,
)
from venuekit.plugin import (
    Answer,
    Authenticate,
    BudgetKind,
    BudgetScope,
    BudgetSpec,
    Call,
    CallKind,
    ExchangeInfo,
    Key,
    Listing,
    Request,
    RequestSeen,
    Stamp,
    Steps,
    Timing,
)
from venuekit.retry import POLICIES, Attempt, Caller, OnAttempt
from venuekit.transport.seam import AnswerLost, NothingSent, Socket, Timeouts

TIMING = Timing(request_validity_s=2.0, engine_timeout_s=10.0, visibility_lag_s=5.0)
NOON = 1_767_268_800
OK = Answer(status=200, body=b'{"ok": 7}')


def no(code: str, status: int = 400, **more: Any) -> Answer:
    return Answer(status=status, body=json.dumps({"code": code, **more}).encode())


FAILURES = {
    "bad_price": (Outcome.REJECTED, Advice.NEVER, "price.off_tick"),
    "no_order": (Outcome.REJECTED, Advice.NEVER, "order.unknown"),
    "too_fast": (Outcome.REJECTED, Advice.AFTER_DELAY, "limit.weight"),
    "too_many_orders": (Outcome.REJECTED, Advice.AFTER_DELAY, "limit.orders"),
    "ban": (Outcome.REJECTED, Advice.AFTER_DELAY, "limit.banned"),
    "clock": (Outcome.REJECTED, Advice.AFTER_CLOCK_SYNC, "clock.outside_window"),
    "nonce": (Outcome.REJECTED, Advice.NEW_NONCE, "nonce.invalid"),
    "broken": (Outcome.UNKNOWN, Advice.AGAIN, "exchange.error"),
}


class Adapter(Authenticate, ExchangeInfo):
    """An exchange that answers `{"ok": …}` or `{"code": …, "wait": …}`."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        body = json.loads(answer.body)
        if "code" not in body:
            return None
        code = body["code"]
        if code not in FAILURES:
            return Failure(
                outcome=Outcome.UNKNOWN if call.kind.is_write else Outcome.REJECTED,
                advice=Advice.AGAIN,
                reason="exchange.undocumented",
                code=code,
                is_documented=False,
            )
        outcome, advice, reason = FAILURES[code]
        return Failure(
            outcome=outcome,
            advice=advice,
            reason=reason,
            code=code,
            retry_after_s=body.get("wait"),
            is_ban=code == "ban",
        )

    def usage(self, answer: Answer) -> Sequence[BudgetUsage]:
        used = answer.headers.get("used")
        return [] if used is None else [BudgetUsage(budget="weight", used=int(used))]

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        signed = f"{stamp.time_ns}.{stamp.nonce}.{key.hmac_hex(b'x')}"
        return Request(method="POST", host="rest", path=request.path, query=signed)

    def fetch_time(self) -> Call[int]:
        return Call(
            what="ask the time",
            kind=CallKind.PUBLIC_READ,
            request=Request(method="GET", host="rest", path="/time"),
            read=lambda answer: int(json.loads(answer.body)["ok"]),
        )

    def fetch_status(self) -> Steps[ExchangeStatus]:
        raise NotImplementedError

    def fetch_listing(self) -> Steps[Listing]:
        raise NotImplementedError


class TheKey:
    api_key = "public"
    algorithm = "hmac-sha256"
    passphrase = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        return "SIGNATURE"

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def signature_base64(self, data: bytes) -> str:
        raise NotImplementedError

    def jwt(self, header: Any, claims: Any) -> str:
        raise NotImplementedError


class TheClock:
    """The exchange's clock, five seconds off until it is synchronized."""

    def __init__(self) -> None:
        self.synchronized = 0

    def now_ns(self) -> int:
        return round((NOON + asyncio.get_running_loop().time()) * 1e9)

    async def synchronize(self, ask: Callable[[], Awaitable[int]]) -> None:
        await ask()
        self.synchronized += 1


Reply = Answer | Exception | Callable[[], Awaitable[Answer]]


class Wire:
    """A transport that gives one reply after the other, the last one for ever."""

    def __init__(self, *replies: Reply, log: list[str]) -> None:
        self.replies = list(replies)
        self.log = log
        self.sent: list[tuple[float, Request, Timeouts]] = []

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        self.log.append("send")
        self.sent.append((asyncio.get_running_loop().time(), request, timeouts))
        if request.path == "/time":
            return Answer(status=200, body=b'{"ok": 1}')
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Answer) else await reply()

    async def connect(self, host: str, path: str, *, headers: Any, connect_s: float) -> Socket:
        raise NotImplementedError

    async def close(self) -> None:
        pass

    @property
    def moments(self) -> list[float]:
        return [moment for moment, _, _ in self.sent]


class LoggingLimiter(Limiter):
    """Writes down when a grant was given."""

    log: list[str]

    def try_take(self, costs: Any, lane: Lane, forced: Any = ()) -> Grant | None:
        grant = super().try_take(costs, lane, forced)
        if grant is not None:
            self.log.append("pay")
        return grant


def spec(name: str, capacity: int, *, places_only: bool = False) -> BudgetSpec:
    return BudgetSpec(
        name=name,
        kind=BudgetKind.FIXED_WINDOW,
        scope=BudgetScope.IP,
        capacity=capacity,
        interval_s=60,
        places_only=places_only,
    )


class Numbers:
    """Nonces from one number on, always ready; stops at the refusal after `recoveries`."""

    is_serial = True

    def __init__(
        self, first: int = 0, *, recoveries: int = 1, log: list[str] | None = None
    ) -> None:
        self.next = first
        self.recoveries = recoveries
        self.under_way: set[int] = set()
        self.log = [] if log is None else log

    def take(self) -> int | None:
        self.log.append("nonce")
        self.next += 1
        self.under_way.add(self.next - 1)
        return self.next - 1

    async def ready(self) -> None:
        raise NotImplementedError

    def done(self, nonce: int) -> None:
        self.under_way.discard(nonce)

    def refused(self, nonce: int) -> StoreError | None:
        self.log.append(f"refused {nonce}")
        self.recoveries -= 1
        return StoreError("used elsewhere") if self.recoveries < 0 else None


class Desk:
    """A caller with all that it needs."""

    def __init__(self, *replies: Reply, key: Key | None = None, **more: Any) -> None:
        self.log: list[str] = []
        self.clock = TheClock()
        self.adapter = more.pop("adapter", None) or Adapter("sim")
        self.wire = Wire(*replies, log=self.log)
        self.limiter = LoggingLimiter(
            [spec("weight", 100), spec("orders", 10, places_only=True)],
            time=lambda: self.clock.now_ns() / 1e9,
        )
        self.limiter.log = self.log
        self.caller = Caller(
            exchange="acme",
            account="main",
            adapter=self.adapter,
            transport=self.wire,
            key=more.pop("the_key", TheKey()),
            clock=self.clock,
            limiter=self.limiter,
            timing=more.pop("timing", TIMING),
            rng=random.Random(7),
            **more,
        )

    def used(self, name: str = "weight") -> int:
        (state,) = (state for state in self.limiter.snapshot() if state.name == name)
        return state.used

    def use(self, weight: int) -> None:
        grant = self.limiter.try_take({"weight": weight}, Lane.QUERY)
        assert grant is not None
        grant.end()

    async def run(self, kind: CallKind, on_attempt: OnAttempt | None = None, **more: Any) -> Any:
        return await self.caller.run(call(kind, **more), on_attempt=on_attempt)


def call(kind: CallKind, **more: Any) -> Call[Any]:
    usual: dict[str, Any] = {
        "what": "ask",
        "kind": kind,
        "request": Request(method="GET", host="rest", path="/it"),
        "read": lambda answer: json.loads(answer.body)["ok"],
        "costs": {"weight": 10, **({"orders": 1} if kind is CallKind.PLACE else {})},
        "client_order_id": "vk1",
    }
    return Call(**{**usual, **more})


READ, PRIVATE = CallKind.PUBLIC_READ, CallKind.PRIVATE_READ
PLACE, CANCEL, AMEND = CallKind.PLACE, CallKind.CANCEL, CallKind.AMEND
WRITES = [PLACE, CANCEL, AMEND, CallKind.WITHDRAW]


def now() -> float:
    return asyncio.get_running_loop().time()


# One attempt


async def test_an_attempt_goes_strictly_in_order() -> None:
    desk = Desk(OK)
    log = desk.log

    class Logging(Adapter):
        def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
            log.append("sign")
            return super().sign(request, key, stamp)

        def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
            log.append("classify")
            return super().failure(call, answer)

        def usage(self, answer: Answer) -> Sequence[BudgetUsage]:
            log.append("correct")
            return super().usage(answer)

    def read(answer: Answer) -> int:
        log.append("read")
        return 7

    desk = Desk(OK, adapter=Logging("sim"), nonces=Numbers(log=log))
    desk.limiter.log = desk.wire.log = log
    done = await desk.run(PLACE, lambda _: log.append("journal"), read=read)

    assert done == 7
    assert log.index("classify") < log.index("read")
    assert [step for step in log if step != "classify"] == [
        "pay", "nonce", "sign", "journal", "send", "correct", "read",
    ]  # fmt: skip


async def test_what_waited_for_its_budget_is_signed_with_the_time_after_the_wait() -> None:
    desk = Desk(OK)
    desk.use(95)

    await desk.run(PRIVATE)

    ((moment, request, _),) = desk.wire.sent
    assert moment >= 60
    assert request.query.startswith(f"{round((NOON + moment) * 1e9)}.")


async def test_the_journal_is_told_number_time_and_expiry_before_a_byte_leaves() -> None:
    desk = Desk(OK)
    told: list[Attempt] = []

    async def journal(attempt: Attempt) -> None:
        assert desk.wire.sent == []
        await asyncio.sleep(0.5)
        told.append(attempt)

    await desk.run(PLACE, journal)

    sent_at_ns = NOON * 10**9
    assert told == [
        Attempt(number=1, sent_at_ns=sent_at_ns, expires_at_ns=sent_at_ns + 2_000_000_000)
    ]


async def test_a_journal_that_cannot_write_stops_the_request_and_costs_nothing() -> None:
    desk = Desk(OK)

    def journal(_: Attempt) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await desk.run(PLACE, journal)

    assert desk.wire.sent == []
    assert (desk.used("weight"), desk.used("orders")) == (0, 0)


async def test_a_public_read_is_sent_unsigned_and_without_a_key() -> None:
    desk = Desk(OK, the_key=None)

    assert await desk.run(READ) == 7
    assert desk.wire.sent[0][1].query == ""


async def test_without_a_key_what_needs_one_is_refused_here() -> None:
    desk = Desk(OK, the_key=None)

    with pytest.raises(AuthenticationFailed, match="'main'"):
        await desk.run(PLACE)

    assert desk.wire.sent == []
    assert desk.used() == 0


@pytest.mark.parametrize(("kind", "answer_s"), [*((k, 12.0) for k in WRITES), (READ, 10.0)])
async def test_a_write_waits_longer_than_the_exchange_itself(
    kind: CallKind, answer_s: float
) -> None:
    desk = Desk(OK)

    await desk.run(kind)

    assert desk.wire.sent[0][2].answer_s == answer_s


@pytest.mark.parametrize(("engine_s", "answer_s"), [(30.0, 32.0), (3.0, 12.0)])
async def test_a_write_outwaits_the_exchange_and_is_never_hasty(
    engine_s: float, answer_s: float
) -> None:
    timing = Timing(request_validity_s=2.0, engine_timeout_s=engine_s, visibility_lag_s=5.0)
    desk = Desk(OK, timing=timing)

    await desk.run(PLACE)

    assert desk.wire.sent[0][2].answer_s == answer_s


async def test_what_the_exchange_says_of_its_limits_is_believed() -> None:
    desk = Desk(Answer(status=200, headers={"used": "42"}, body=OK.body))

    await desk.run(READ)

    assert desk.used() == 42


async def test_what_succeeds_at_no_cost_is_given_back_and_what_fails_is_not() -> None:
    desk = Desk(OK, no("bad_price"))

    await desk.run(PLACE, refunds={"weight": 10})
    assert (desk.used("weight"), desk.used("orders")) == (0, 1)

    with pytest.raises(Rejected):
        await desk.run(PLACE, refunds={"weight": 10})
    assert (desk.used("weight"), desk.used("orders")) == (10, 2)


async def test_what_was_never_sent_costs_nothing() -> None:
    desk = Desk(NothingSent("no route"))

    with pytest.raises(NotSent):
        await desk.run(PLACE)

    assert (desk.used("weight"), desk.used("orders")) == (0, 0)


# What is not known


@pytest.mark.parametrize("kind", [PLACE, AMEND, CallKind.WITHDRAW])
@pytest.mark.parametrize("reply", [AnswerLost("reset"), no("broken", 500), no("what?")])
async def test_an_order_whose_outcome_is_unknown_is_sent_once_and_said_to_be_unknown(
    kind: CallKind, reply: Reply
) -> None:
    desk = Desk(reply, OK)

    with pytest.raises(OutcomeUnknown) as caught:
        await desk.run(kind)

    assert len(desk.wire.sent) == 1
    assert caught.value.client_order_id == "vk1"
    assert caught.value.failure.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b"<html>", b'{"ok"', b'["ok"]', b'{"no": 1}'])
@pytest.mark.parametrize("kind", WRITES)
async def test_an_unreadable_answer_leaves_the_effect_of_a_write_unknown(
    kind: CallKind, body: bytes
) -> None:
    desk = Desk(Answer(status=200, body=body))

    with pytest.raises(OutcomeUnknown):
        await desk.run(kind)

    assert len(desk.wire.sent) == 1
    assert desk.used() == 10


@pytest.mark.parametrize("body", [b"<html>", b'{"ok"', b'["ok"]', b'{"no": 1}'])
async def test_an_unreadable_answer_to_a_read_is_a_bad_answer(body: bytes) -> None:
    desk = Desk(Answer(status=200, body=body))

    with pytest.raises(BadAnswer) as caught:
        await desk.run(READ)

    assert len(desk.wire.sent) == 1
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "error", [ValueError, KeyError, TypeError, RecursionError, ZeroDivisionError]
)
async def test_whatever_a_plugins_reading_raises_stays_behind_the_fence(
    error: type[Exception],
) -> None:
    def read(_: Answer) -> None:
        raise error("words")

    with pytest.raises(BadAnswer, match=rf"{error.__name__} at test_caller.py:\d+: '?words"):
        await Desk(OK).run(READ, read=read)
    with pytest.raises(OutcomeUnknown, match=error.__name__):
        await Desk(OK).run(PLACE, read=read)


async def test_a_plugin_that_cannot_sign_sends_nothing_and_its_words_are_not_repeated() -> None:
    class Broken(Adapter):
        def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
            raise ValueError(f"cannot sign with {key.hmac_hex(b'')}")

    desk = Desk(OK, adapter=Broken("sim"))

    with pytest.raises(NotSent) as caught:
        await desk.run(PLACE)

    assert "SIGNATURE" not in str(caught.value)
    assert caught.value.__context__ is None
    assert desk.wire.sent == []


async def test_a_header_that_cannot_be_read_fails_no_answered_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(Answer(status=200, headers={"used": "many"}, body=OK.body))

    assert await desk.run(PLACE) == 7
    assert [record.message for record in caplog.records] == ["usage_unreadable"]


async def test_a_code_that_nobody_documents_is_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(no("new"), no("new"), no("newer"), no("bad_price"))
    for _ in range(4):
        with pytest.raises(RequestError):
            await desk.run(PLACE)

    reports = [(record.message, record.__dict__["code"]) for record in caplog.records]
    assert reports == [("error_undocumented", "new"), ("error_undocumented", "newer")]


@pytest.mark.parametrize("kind", [READ, *WRITES])
@pytest.mark.parametrize("reply", [AnswerLost("x"), NothingSent("x"), no("bad_price")])
async def test_no_error_drags_the_networks_or_the_policys_along(
    kind: CallKind, reply: Reply
) -> None:
    with pytest.raises(RequestError) as caught:
        await Desk(reply).run(kind)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


# Retries


@pytest.mark.parametrize("kind", [READ, PRIVATE])
async def test_a_read_is_tried_three_times_and_then_unavailable(kind: CallKind) -> None:
    desk = Desk(AnswerLost("reset"))

    with pytest.raises(Unavailable):
        await desk.run(kind)

    assert len(desk.wire.sent) == 3
    assert now() <= 0.3


async def test_a_read_gives_the_answer_of_the_attempt_that_succeeds() -> None:
    desk = Desk(AnswerLost("reset"), no("broken", 500), OK)

    assert await desk.run(READ) == 7
    assert len(desk.wire.sent) == 3


async def test_every_attempt_is_paid_and_signed_anew() -> None:
    desk = Desk(AnswerLost("reset"), OK, nonces=Numbers())
    numbers: list[int] = []

    await desk.run(PRIVATE, lambda attempt: numbers.append(attempt.number))

    assert numbers == [1, 2]
    assert desk.used() == 20
    queries = [request.query for _, request, _ in desk.wire.sent]
    assert [query.split(".")[1] for query in queries] == ["0", "1"]
    assert queries[0].split(".")[0] < queries[1].split(".")[0]


async def test_a_slow_failure_uses_up_the_whole_calls_time() -> None:
    async def slow() -> Answer:
        await asyncio.sleep(10)
        raise AnswerLost("nothing came")

    desk = Desk(slow)

    with pytest.raises(Unavailable):
        await desk.run(READ)

    assert len(desk.wire.sent) == 2
    assert now() < 21


async def test_an_order_that_was_never_sent_is_sent_again_within_two_seconds() -> None:
    desk = Desk(NothingSent("no route"))

    with pytest.raises(NotSent):
        await desk.run(PLACE)

    assert len(desk.wire.sent) == 3
    assert now() <= 2


async def test_an_order_that_was_never_sent_and_then_is_counts_once() -> None:
    desk = Desk(NothingSent("no route"), OK)

    assert await desk.run(PLACE) == 7
    assert desk.used("orders") == 1


async def test_a_refused_order_is_not_sent_again() -> None:
    desk = Desk(no("bad_price"))

    with pytest.raises(Rejected):
        await desk.run(PLACE)

    assert len(desk.wire.sent) == 1


async def test_a_cancel_is_tried_five_times() -> None:
    desk = Desk(AnswerLost("reset"))

    with pytest.raises(OutcomeUnknown):
        await desk.run(CANCEL)

    assert len(desk.wire.sent) == 5
    assert now() <= 10


async def test_a_cancel_that_may_have_worked_stays_unknown_when_the_network_then_fails() -> None:
    desk = Desk(AnswerLost("reset"), NothingSent("no route"))

    with pytest.raises(OutcomeUnknown) as caught:
        await desk.run(CANCEL)

    assert caught.value.failure.reason == "network.answer_lost"


async def test_a_repeated_cancel_that_finds_no_order_says_so() -> None:
    desk = Desk(AnswerLost("reset"), no("no_order"))

    with pytest.raises(OrderNotFound):
        await desk.run(CANCEL)

    assert len(desk.wire.sent) == 2


@pytest.mark.parametrize("kind", [PRIVATE, PLACE, CANCEL])
async def test_a_wrong_clock_is_measured_again_and_the_request_sent_once_more(
    kind: CallKind,
) -> None:
    desk = Desk(no("clock"), OK)

    assert await desk.run(kind) == 7

    assert desk.clock.synchronized == 1
    assert [request.path for _, request, _ in desk.wire.sent] == ["/it", "/time", "/it"]


async def test_a_clock_that_stays_wrong_is_not_measured_for_ever() -> None:
    desk = Desk(no("clock"))

    with pytest.raises(Rejected):
        await desk.run(PLACE)

    assert desk.clock.synchronized == 1
    assert [request.path for _, request, _ in desk.wire.sent] == ["/it", "/time", "/it"]


async def test_an_order_waits_no_longer_for_the_clock_than_for_anything_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(no("clock"))

    async def never(ask: Callable[[], Awaitable[int]]) -> None:
        await asyncio.sleep(3600)

    desk.clock.synchronize = never  # type: ignore[method-assign]  # a clock that hangs
    with pytest.raises(RequestError):
        await desk.run(PLACE)

    assert now() <= 2.1
    assert "clock_sync_failed" in caplog.text


async def test_a_wrong_nonce_is_replaced_once() -> None:
    desk = Desk(no("nonce"), nonces=Numbers())

    with pytest.raises(Rejected, match="used elsewhere"):
        await desk.run(PLACE)

    assert [request.query.split(".")[1] for _, request, _ in desk.wire.sent] == ["0", "1"]


@pytest.mark.parametrize("kind", [PRIVATE, *WRITES])
async def test_a_wrong_nonce_is_not_replaced_once_there_are_no_more(kind: CallKind) -> None:
    desk = Desk(no("nonce"), nonces=Numbers(recoveries=0))

    with pytest.raises(Rejected, match="used elsewhere") as caught:
        await desk.run(kind)

    assert caught.value.failure.advice is Advice.NEVER
    assert len(desk.wire.sent) == 1


@pytest.mark.parametrize("kind", [READ, *WRITES])
async def test_a_code_that_nobody_documents_is_never_tried_again(kind: CallKind) -> None:
    desk = Desk(no("what?"))

    with pytest.raises(RequestError):
        await desk.run(kind)

    assert len(desk.wire.sent) == 1


async def test_an_exchange_that_is_down_costs_at_most_a_tenth_more() -> None:
    desk = Desk(NothingSent("down"))

    for _ in range(200):
        with pytest.raises(NotSent):
            await desk.run(READ)

    assert len(desk.wire.sent) == 210


async def test_an_exchange_that_is_back_earns_one_retry_with_ten_successes() -> None:
    desk = Desk(NothingSent("down"))
    for _ in range(20):
        with pytest.raises(NotSent):
            await desk.run(READ)

    desk.wire.replies = [OK]
    for _ in range(10):
        await desk.run(READ)
    desk.wire.replies = [NothingSent("down")]
    before = len(desk.wire.sent)
    with pytest.raises(NotSent):
        await desk.run(READ)

    assert len(desk.wire.sent) - before == 2


async def test_a_flaky_exchange_whose_retries_succeed_is_retried_for_ever() -> None:
    desk = Desk(OK)

    for _ in range(50):
        desk.wire.replies = [NothingSent("flaky"), OK]
        assert await desk.run(READ, costs={}) == 7


# Limits


async def test_another_attempt_waits_for_the_limits_no_longer_than_the_call_may_take() -> None:
    desk = Desk(AnswerLost("reset"), OK)

    with pytest.raises(OutcomeUnknown):
        await desk.run(CANCEL, costs={"weight": 60})

    assert now() < 11
    assert len(desk.wire.sent) == 1


async def test_the_exchanges_waiting_time_stops_everything_until_it_has_passed() -> None:
    desk = Desk(no("too_fast", 429, wait=5), OK)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.run(READ))
        await asyncio.sleep(0.1)
        for kind in (READ, PRIVATE, PLACE, CANCEL):
            tasks.create_task(desk.run(kind))

    assert desk.wire.moments[0] == 0
    assert len(desk.wire.moments) == 6
    assert min(desk.wire.moments[1:]) >= 5


async def test_an_order_that_would_wait_longer_than_its_time_is_given_back() -> None:
    desk = Desk(no("too_fast", 429, wait=5), OK)

    with pytest.raises(RateLimited) as caught:
        await desk.run(PLACE)

    assert caught.value.retry_after_s == 5
    assert len(desk.wire.sent) == 1


async def test_refusals_that_name_no_time_pause_twice_as_long_each_time() -> None:
    one_attempt = {kind: attrs.evolve(policy, attempts=1) for kind, policy in POLICIES.items()}
    desk = Desk(no("too_fast", 429), policies=one_attempt)
    pauses = []
    for _ in range(9):
        with pytest.raises(RateLimited):
            await desk.run(READ)
        pauses.append(desk.limiter.paused_s())
        await asyncio.sleep(pauses[-1])

    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 64, 64, 64])


async def test_a_crowd_that_is_refused_together_pauses_once() -> None:
    async def refused() -> Answer:
        await asyncio.sleep(0.5)
        return no("too_fast", 429)

    desk = Desk(*[refused] * 5, OK)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(desk.run(READ, costs={"weight": 1}))

    assert desk.wire.moments[:5] == [0.0] * 5
    assert 1.5 <= desk.wire.moments[5] < 3


async def test_after_a_success_the_pause_begins_at_one_second_again() -> None:
    desk = Desk(*[no("too_fast", 429)] * 2, OK, no("too_fast", 429), OK)
    await desk.run(READ)
    done_at = now()
    await desk.run(READ)

    assert 1 <= now() - done_at < 2.1


async def test_too_many_orders_stop_placing_alone() -> None:
    desk = Desk(no("too_many_orders", 429, wait=9), OK)
    with pytest.raises(RateLimited):
        await desk.run(PLACE)

    await desk.run(CANCEL)
    await desk.run(READ)
    assert now() == 0

    await desk.run(PLACE)
    assert now() >= 9


async def test_nothing_leaves_during_a_ban_and_a_tenth_longer() -> None:
    desk = Desk(no("ban", 418, wait=100), OK)
    with pytest.raises(RateLimited):
        await desk.run(READ)

    for moment in (0.0, 50.0, 109.9):
        await asyncio.sleep(moment - now())
        for kind in (READ, PLACE, CANCEL):
            with pytest.raises(BudgetExhausted) as caught:
                await desk.run(kind)
            assert caught.value.retry_after_s == pytest.approx(110 - moment)
            assert caught.value.failure.reason == "limit.banned"
    assert len(desk.wire.sent) == 1

    await asyncio.sleep(0.2)
    assert await desk.run(READ) == 7


async def test_a_ban_reaches_those_who_wait_and_those_who_are_being_journalled() -> None:
    async def banned() -> Answer:
        await asyncio.sleep(1)
        return no("ban", 418, wait=100)

    desk = Desk(banned)
    failures: list[RequestError] = []

    async def fails(kind: CallKind, on_attempt: OnAttempt | None = None, **more: Any) -> None:
        with pytest.raises(RequestError) as caught:
            await desk.run(kind, on_attempt, **more)
        failures.append(caught.value)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fails(READ))
        tasks.create_task(fails(PLACE, lambda _: asyncio.sleep(1.5)))
        tasks.create_task(fails(PRIVATE, costs={"weight": 90}))

    assert len(desk.wire.sent) == 1
    assert {type(failure) for failure in failures} == {RateLimited, BudgetExhausted}
    assert now() < 3


async def test_a_budget_that_takes_too_long_is_said_with_its_time_and_nothing_is_sent() -> None:
    desk = Desk(OK)
    desk.use(90)

    with pytest.raises(BudgetExhausted, match="weight") as caught:
        await desk.caller.run(call(READ, costs={"weight": 20}), wait_s=5)

    assert caught.value.retry_after_s == pytest.approx(60)
    assert (now(), desk.wire.sent) == (0, [])


async def test_whoever_has_all_the_time_in_the_world_may_say_so() -> None:
    desk = Desk(OK)
    desk.limiter.pause(86_400)

    assert await desk.caller.run(call(READ), wait_s=float("inf")) == 7
    assert now() >= 86_400


async def test_a_read_waits_for_a_window_of_a_minute_and_not_for_an_hour() -> None:
    desk = Desk(OK)
    desk.limiter.pause(60)
    assert await desk.run(READ) == 7

    desk.limiter.pause(3600)
    with pytest.raises(BudgetExhausted):
        await desk.run(READ)
    assert 60 <= now() < 61


async def test_a_lane_can_be_chosen() -> None:
    desk = Desk(OK)
    desk.use(90)

    await desk.caller.run(call(PRIVATE), lane=Lane.CANCEL)

    assert now() == 0


# Cancelation


@pytest.mark.parametrize("kind", [READ, PLACE, CANCEL])
async def test_a_caller_canceled_on_the_way_gets_its_cancelation_and_the_journal_knows(
    kind: CallKind,
) -> None:
    async def hangs() -> Answer:
        await asyncio.sleep(3600)
        raise AssertionError

    desk = Desk(hangs)
    told: list[int] = []
    task = asyncio.create_task(desk.run(kind, lambda attempt: told.append(attempt.number)))
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == [1]
    assert desk.used() == 10
    assert len(desk.wire.sent) == 1


async def test_a_caller_canceled_before_the_first_byte_has_paid_nothing() -> None:
    desk = Desk(OK)
    task = asyncio.create_task(desk.run(PLACE, lambda _: asyncio.sleep(3600)))
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert (desk.used("weight"), desk.used("orders"), desk.wire.sent) == (0, 0, [])


async def test_a_caller_canceled_between_two_attempts_makes_no_more() -> None:
    desk = Desk(no("too_fast", 429, wait=5), OK)
    task = asyncio.create_task(desk.run(READ))
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(60)
    assert len(desk.wire.sent) == 1


async def test_a_caller_canceled_in_a_second_attempt_gets_its_cancelation() -> None:
    async def hangs() -> Answer:
        await asyncio.sleep(3600)
        raise AssertionError

    desk = Desk(AnswerLost("reset"), hangs)
    task = asyncio.create_task(desk.run(CANCEL))
    await asyncio.sleep(5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(desk.wire.sent) == 2


# Several calls


async def test_a_generator_is_sent_what_each_call_read_and_its_result_is_given() -> None:
    desk = Desk(
        Answer(status=200, body=b'{"ok": 1}'), AnswerLost(""), Answer(status=200, body=b'{"ok": 2}')
    )

    def steps() -> Generator[Call[Any], Any, list[int]]:
        first = yield call(PRIVATE)
        second = yield call(PRIVATE)
        return [first, second]

    assert await desk.caller.run(steps()) == [1, 2]


@pytest.mark.parametrize("reply", [no("bad_price"), Answer(status=200, body=b"<html>")])
async def test_a_generator_is_closed_when_a_call_of_it_fails(reply: Answer) -> None:
    ends: list[str] = []

    def steps() -> Generator[Call[Any], Any, None]:
        try:
            yield call(PRIVATE)
        finally:
            ends.append("closed")

    running = steps()
    with pytest.raises((Rejected, BadAnswer)):
        await Desk(reply).caller.run(running)

    assert ends == ["closed"]


async def test_a_canceled_generator_is_closed() -> None:
    ends: list[str] = []

    def steps() -> Generator[Call[Any], Any, None]:
        try:
            yield call(PRIVATE)
        finally:
            ends.append("closed")

    desk = Desk(lambda: asyncio.sleep(3600, OK))
    running = steps()
    task = asyncio.create_task(desk.caller.run(running))
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ends == ["closed"]


async def test_a_generator_that_refuses_its_arguments_says_so_itself() -> None:
    def steps(limit: int) -> Generator[Call[Any], Any, None]:
        if limit > 1000:
            raise ValueError("limit above 1000")
        yield call(PRIVATE)

    with pytest.raises(ValueError, match="above 1000"):
        await Desk(OK).caller.run(steps(1001))


@pytest.mark.parametrize(("kind", "expected"), [(PRIVATE, BadAnswer), (PLACE, OutcomeUnknown)])
async def test_a_generator_that_stumbles_over_an_answer_is_a_plugins_failure(
    kind: CallKind, expected: type[Exception]
) -> None:
    def steps() -> Generator[Call[Any], Any, None]:
        answer = yield call(kind)
        raise KeyError(answer)

    with pytest.raises(expected, match="KeyError"):
        await Desk(OK).caller.run(steps())


# Observers


def outcomes(seen: list[RequestSeen]) -> list[tuple[int, int | None, str]]:
    return [(one.attempt, one.status, one.outcome) for one in seen]


async def test_observers_see_every_attempt_with_its_end() -> None:
    seen: list[RequestSeen] = []
    desk = Desk(NothingSent("x"), AnswerLost("x"), no("broken", 500), OK, observers=[seen.append])

    await desk.run(CANCEL)

    assert outcomes(seen) == [
        (1, None, "not_sent"), (2, None, "unknown"), (3, 500, "unknown"), (4, 200, "done"),
    ]  # fmt: skip
    assert {(one.exchange, one.account, one.what, one.kind) for one in seen} == {
        ("acme", "main", "ask", "cancel")
    }


async def test_observers_see_what_a_canceled_request_may_have_done() -> None:
    seen: list[RequestSeen] = []
    desk = Desk(lambda: asyncio.sleep(3600, OK), observers=[seen.append])
    task = asyncio.create_task(desk.run(PLACE))
    await asyncio.sleep(2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes(seen) == [(1, None, "unknown")]
    assert seen[0].duration_s == 2


async def test_an_observer_that_raises_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[RequestSeen] = []

    def broken(_: RequestSeen) -> None:
        raise ZeroDivisionError("mine")

    desk = Desk(OK, observers=[broken, seen.append])

    assert await desk.run(PLACE) == 7
    assert outcomes(seen) == [(1, 200, "done")]
    (record,) = caplog.records
    assert (record.message, record.levelno) == ("observer_failed", logging.ERROR)
    assert record.exc_info is None
