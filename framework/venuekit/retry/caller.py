"""One request, well behaved: budget, time, signature, transport, classification, retry."""

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import attrs
from tenacity import AsyncRetrying, retry_if_exception

from venuekit.limits import Grant, Lane, Limiter, TooLate
from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BadAnswer,
    BudgetExhausted,
    Failure,
    InsufficientBalance,
    NotSent,
    OrderNotFound,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RequestError,
    Unavailable,
)
from venuekit.plugin import (
    Adapter,
    Answer,
    Authenticate,
    Call,
    CallKind,
    ExchangeInfo,
    Key,
    RequestSeen,
    Stamp,
    Steps,
    Timing,
)
from venuekit.retry.policy import (
    POLICIES,
    EnoughTries,
    FailedAttempt,
    JitteredWait,
    LoopTime,
    Policy,
    RetryTokens,
    may_try_again,
)
from venuekit.transport.seam import AnswerLost, NothingSent, Timeouts, Transport

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.retry")

_LANES: Final[Mapping[CallKind, Lane]] = {
    CallKind.CANCEL: Lane.CANCEL,
    CallKind.PLACE: Lane.PLACE,
    CallKind.AMEND: Lane.PLACE,
    CallKind.WITHDRAW: Lane.PLACE,
    CallKind.PRIVATE_READ: Lane.QUERY,
    CallKind.PUBLIC_READ: Lane.MARKET_DATA,
}


class Time(Protocol):
    """The exchange's clock."""

    def now_ns(self) -> int:
        """Give the exchange's time in nanoseconds since the epoch."""
        ...

    async def synchronize(self, ask: Callable[[], Awaitable[int]]) -> object:
        """Measure it again."""
        ...


@attrs.frozen(kw_only=True)
class Attempt:
    """One attempt that is about to be sent."""

    number: int
    """From 1."""
    sent_at_ns: int
    """By the exchange's clock."""
    expires_at_ns: int
    """From then on the exchange refuses it."""


OnAttempt = Callable[[Attempt], Awaitable[None] | None]
"""Called when budget, time and nonce are held and the request is signed, before a byte leaves.
What it raises stops the request."""


class Caller:
    """Runs calls for one exchange and one account.

    Every attempt goes strictly in this order: budget, time and nonce, signature, `on_attempt`,
    transport, correction of the budgets, classification, reading. A request that waits for its
    budget is not signed yet, so it cannot go stale in a queue.
    """

    def __init__(
        self,
        *,
        exchange: str,
        account: str,
        adapter: Adapter,
        transport: Transport,
        key: Key | None,
        clock: Time,
        limiter: Limiter,
        timing: Timing,
        rng: random.Random,
        observers: Sequence[Callable[[RequestSeen], None]] = (),
        nonce: Callable[[], int] | None = None,
        policies: Mapping[CallKind, Policy] = POLICIES,
    ) -> None:
        """Bind everything once.

        Args:
            exchange: Its id, for errors and observers.
            account: Its name, for observers.
            adapter: Signs, classifies.
            transport: The network.
            key: None: only public calls can be made.
            clock: The exchange's clock.
            limiter: Its budgets.
            timing: The manifest's.
            rng: For jitter.
            observers: Watch every attempt; they never raise.
            nonce: Gives the next nonce, where the exchange wants one.
            policies: By the kind of call.
        """
        self._exchange = exchange
        self._account = account
        self._adapter = adapter
        self._transport = transport
        self._key = key
        self._clock = clock
        self._limiter = limiter
        self._validity_ns = round(timing.request_validity_s * 1e9)
        self._rng = rng
        self._observers = tuple(observers)
        self._nonce = nonce
        self._policies = policies
        self._tokens = RetryTokens()
        # A shorter wait than the exchange's own would make unknown outcomes of slow ones.
        write = Timeouts(answer_s=max(12.0, timing.engine_timeout_s + 2.0))
        read = Timeouts(answer_s=10.0)
        self._timeouts = {kind: write if kind.is_write else read for kind in CallKind}

    async def run(
        self,
        steps: Steps[T],
        *,
        lane: Lane | None = None,
        wait_s: float | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> T:
        """Run one call, or a generator of calls, and give what it reads.

        Args:
            steps: From a capability of the adapter.
            lane: None: by the kind of the call.
            wait_s: Longest wait for budgets, in seconds, for each call; None for any.
            on_attempt: Told of each attempt before it is sent.

        Raises:
            RequestError: One of its children says what is known of the effect.
            BadAnswer: A read was answered with what the documents do not allow.
        """
        if isinstance(steps, Call):
            return await self._call(steps, lane, wait_s, on_attempt)
        return await self._generator(steps, lane, wait_s, on_attempt)

    async def _generator(
        self,
        steps: Generator[Call[Any], Any, T],
        lane: Lane | None,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
    ) -> T:
        answer: Any = None
        try:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    result: T = end.value
                    return result
                answer = await self._call(call, lane, wait_s, on_attempt)
        finally:
            steps.close()

    async def _call(
        self,
        call: Call[T],
        lane: Lane | None,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
    ) -> T:
        lane = _LANES[call.kind] if lane is None else lane
        begun_at = asyncio.get_running_loop().time()
        try:
            result = await self._attempt(call, lane, wait_s, on_attempt, 1)
        except FailedAttempt as failed:
            failure = failed.failure
        else:
            self._tokens.earn()
            return result
        # The policy is made only now: nearly every first attempt succeeds.
        return await self._again(call, lane, wait_s, on_attempt, failure, begun_at)

    async def _again(
        self,
        call: Call[T],
        lane: Lane,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
        first: Failure,
        begun_at: float,
    ) -> T:
        policy = self._policies[call.kind]
        number = 0

        async def attempt() -> T:
            nonlocal number
            number += 1
            if number == 1:  # it has been made already; tenacity is told of its failure
                await self._prepare(call, first)
                raise FailedAttempt(first)
            try:
                return await self._attempt(call, lane, wait_s, on_attempt, number)
            except FailedAttempt as failed:
                await self._prepare(call, failed.failure)
                raise

        retrying = AsyncRetrying(
            retry=retry_if_exception(
                lambda error: (
                    isinstance(error, FailedAttempt) and may_try_again(call.kind, error.failure)
                )
            ),
            stop=EnoughTries(policy, call.kind, self._tokens, begun_at, LoopTime()),
            wait=JitteredWait(policy, self._rng),
            sleep=asyncio.sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except FailedAttempt as failed:
            failure = failed.failure
        raise self._error(call, failure)

    async def _prepare(self, call: Call[Any], failure: Failure) -> None:
        """Do what the exchange's refusal asks for before another attempt could help."""
        if failure.advice is Advice.AFTER_CLOCK_SYNC and isinstance(self._adapter, ExchangeInfo):
            ask = self._adapter.fetch_time()
            if call.what == ask.what:
                return
            try:
                await self._clock.synchronize(lambda: self._call(ask, Lane.PLACE, None, None))
            except RequestError as error:
                details = {"exchange": self._exchange, "reason": error.failure.reason}
                _log.warning("clock_sync_failed", extra=details)

    async def _attempt(
        self,
        call: Call[T],
        lane: Lane,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
        number: int,
    ) -> T:
        grant = self._limiter.try_take(call.costs, lane)
        if grant is None:
            grant = await self._waited(call, lane, wait_s)
        refunds: Mapping[str, int] | None = None
        begun = asyncio.get_running_loop().time()
        status: int | None = None
        outcome = Outcome.UNKNOWN
        try:
            request = call.request
            sent_at_ns = self._clock.now_ns()
            if call.is_signed:
                request = self._signed(call, sent_at_ns)
            if on_attempt is not None:
                told = on_attempt(
                    Attempt(
                        number=number,
                        sent_at_ns=sent_at_ns,
                        expires_at_ns=sent_at_ns + self._validity_ns,
                    )
                )
                if inspect.isawaitable(told):
                    await told
            try:
                answer = await self._transport.send(request, timeouts=self._timeouts[call.kind])
            except NothingSent as error:
                outcome = Outcome.NOT_SENT
                refunds = call.costs
                raise FailedAttempt(_not_sent(str(error))) from None
            except AnswerLost as error:
                raise FailedAttempt(_lost(str(error))) from None
            status = answer.status
            # Ended before the correction: the exchange's number has this request in it.
            failure = self._classified(call, answer)
            grant.end(call.refunds if failure is None else None)
            self._correct(answer)
            if failure is not None:
                outcome = failure.outcome
                self._slow_down(failure)
                raise FailedAttempt(failure)
            result = self._read(call, answer)
            outcome = Outcome.DONE
            return result
        finally:
            grant.end(refunds)
            if self._observers:
                self._tell(call, number, status, outcome, begun)

    async def _waited(self, call: Call[Any], lane: Lane, wait_s: float | None) -> Grant:
        try:
            return await self._limiter.take(call.costs, lane, wait_s=wait_s)
        except TooLate as late:
            failure = Failure(
                outcome=Outcome.NOT_SENT,
                advice=Advice.AFTER_DELAY,
                reason="limit.exhausted",
                text=str(late),
                retry_after_s=late.wait_s,
            )
        raise BudgetExhausted(
            self._exchange, call.what, failure, client_order_id=call.client_order_id
        )

    def _signed(self, call: Call[Any], now_ns: int) -> Any:
        if self._key is None or not isinstance(self._adapter, Authenticate):
            raise AuthenticationFailed(
                self._exchange,
                call.what,
                Failure(
                    outcome=Outcome.NOT_SENT,
                    advice=Advice.NEVER,
                    reason="key.missing",
                    text=f"this needs a key; none is configured for the account {self._account!r}",
                ),
                client_order_id=call.client_order_id,
            )
        nonce = None if self._nonce is None else self._nonce()
        return self._adapter.sign(call.request, self._key, Stamp(time_ns=now_ns, nonce=nonce))

    def _classified(self, call: Call[Any], answer: Answer) -> Failure | None:
        try:
            return self._adapter.failure(call, answer)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: what it cannot classify is not known
            _log.exception("classification_failed", extra={"exchange": self._exchange})
            return _unreadable(call, f"the plugin failed on it: {type(error).__name__}")

    def _correct(self, answer: Answer) -> None:
        try:
            usages = self._adapter.usage(answer)
        except Exception:  # noqa: BLE001  # the border round a plugin: a header must not fail an answered request
            _log.exception("usage_unreadable", extra={"exchange": self._exchange})
            return
        if usages:
            self._limiter.correct(usages)

    def _read(self, call: Call[T], answer: Answer) -> T:
        try:
            return call.read(answer)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: an answer that it cannot read
            problem = f"{type(error).__name__}: {error}"
        if call.kind.is_write:
            raise FailedAttempt(_unreadable(call, problem))
        raise BadAnswer(self._exchange, call.what, problem)

    def _slow_down(self, failure: Failure) -> None:
        """Obey a refusal for going too fast: everything stops, or placements alone."""
        if failure.is_ban:
            # A ban that is probed grows; a tenth more than it says is cheaper.
            self._limiter.pause((failure.retry_after_s or 120.0) * 1.1)
        elif failure.advice is Advice.AFTER_DELAY and failure.reason.startswith("limit."):
            if failure.reason == "limit.orders":
                return
            self._limiter.pause(failure.retry_after_s or 1.0)

    def _tell(
        self, call: Call[Any], number: int, status: int | None, outcome: Outcome, begun: float
    ) -> None:
        seen = RequestSeen(
            exchange=self._exchange,
            account=self._account,
            what=call.what,
            kind=call.kind.value,
            attempt=number,
            status=status,
            outcome=outcome.value,
            duration_s=asyncio.get_running_loop().time() - begun,
        )
        for observe in self._observers:
            observe(seen)

    def _error(self, call: Call[Any], failure: Failure) -> RequestError:
        return error_from(
            self._exchange,
            call.what,
            call.kind,
            failure,
            client_order_id=call.client_order_id,
        )


def error_from(
    exchange: str,
    what: str,
    kind: CallKind,
    failure: Failure,
    *,
    client_order_id: str | None = None,
) -> RequestError:
    """Make the error that a caller gets of a failure."""
    return _error_type(kind, failure)(exchange, what, failure, client_order_id=client_order_id)


def _error_type(kind: CallKind, failure: Failure) -> type[RequestError]:
    if failure.outcome is Outcome.NOT_SENT:
        return NotSent if kind.is_write else Unavailable
    if failure.outcome is Outcome.UNKNOWN:
        return OutcomeUnknown if kind.is_write else Unavailable
    prefix = failure.reason.partition(".")[0]
    if failure.reason == "balance.insufficient":
        return InsufficientBalance
    if failure.reason == "order.unknown":
        return OrderNotFound
    if prefix == "limit":
        return RateLimited
    if prefix in {"key", "signature", "permission"}:
        return AuthenticationFailed
    return Rejected


def _not_sent(text: str) -> Failure:
    return Failure(
        outcome=Outcome.NOT_SENT, advice=Advice.AGAIN, reason="network.not_sent", text=text
    )


def _lost(text: str) -> Failure:
    return Failure(
        outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="network.answer_lost", text=text
    )


def _unreadable(call: Call[Any], problem: str) -> Failure:
    return Failure(
        outcome=Outcome.UNKNOWN if call.kind.is_write else Outcome.REJECTED,
        advice=Advice.NEVER,
        reason="answer.unreadable",
        text=problem[:200],
    )
