"""Running calls: attempts, and what follows from the ones that fail."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState, stop_never

from venuekit.limits import Lane, Limiter
from venuekit.model import Advice, BadAnswer, Failure, RequestError, VenuekitError
from venuekit.plugin import Adapter, Call, CallKind, ExchangeInfo, Key, RetryPolicy, Steps, Timing
from venuekit.retry.attempt import Attempts, Messages, Observer, OnAnswer, OnAttempt, Time
from venuekit.retry.failure import FailedAttempt, error_from, merged, problem_from, unreadable
from venuekit.retry.numbering import Nonces
from venuekit.retry.policy import POLICIES, GiveUp, RetryTokens, decide
from venuekit.transport.seam import Transport

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.retry")

_LANES: Final[Mapping[CallKind, Lane]] = MappingProxyType(
    {
        CallKind.CANCEL: Lane.CANCEL,
        CallKind.PLACE: Lane.PLACE,
        CallKind.AMEND: Lane.PLACE,
        CallKind.WITHDRAW: Lane.PLACE,
        CallKind.PRIVATE_READ: Lane.QUERY,
        CallKind.PUBLIC_READ: Lane.MARKET_DATA,
    }
)


class Caller:
    """Runs calls for one exchange and one account, with the retries that are safe and of use.

    Which those are is decided in `venuekit.retry.policy.decide` alone. Every attempt is paid for
    and signed anew. A canceled caller gets its CancelledError; if the request was on its way then,
    `on_attempt` had been told of it before.
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
        observers: Sequence[Observer] = (),
        nonces: Nonces | None = None,
        redact: Callable[[str], str] = str,
        policies: Mapping[CallKind, RetryPolicy] = POLICIES,
        tokens: RetryTokens | None = None,
        is_deduped: bool = False,
        messages: Messages | None = None,
    ) -> None:
        """Bind everything once.

        Args:
            exchange: Its id, for errors and observers.
            account: Its name, for errors and observers.
            adapter: Signs, classifies.
            transport: The network.
            key: None: only public calls can be made.
            clock: The exchange's clock.
            limiter: Its budgets.
            timing: The manifest's.
            rng: For jitter.
            observers: Watch every attempt after its end; what they raise is logged, no more.
            nonces: Those of the key, where the exchange wants them.
            redact: Takes secrets out of the exchange's words, which errors quote.
            policies: By the kind of call.
            tokens: The exchange's retry budget, if several callers share one.
            is_deduped: The exchange refuses a client order id that it has seen, for ever.
            messages: Sends some calls over a socket; `transport` has to know how.
        """
        self._is_deduped = is_deduped
        self._exchange = exchange
        self._adapter = adapter
        self._clock = clock
        self._rng = rng
        self._policies = policies
        self._tokens = RetryTokens() if tokens is None else tokens
        self._attempts = Attempts(
            exchange=exchange,
            account=account,
            adapter=adapter,
            transport=transport,
            key=key,
            clock=clock,
            limiter=limiter,
            timing=timing,
            observers=observers,
            nonces=nonces,
            redact=redact,
            messages=messages,
        )

    async def run(
        self,
        steps: Steps[T],
        *,
        lane: Lane | None = None,
        wait_s: float | None = None,
        on_attempt: OnAttempt | None = None,
        on_answer: OnAnswer | None = None,
    ) -> T:
        """Run one call, or a generator of calls, and give what it reads.

        Args:
            steps: From a capability of the adapter. A generator is closed whatever happens.
            lane: None: by the kind of the call.
            wait_s: Longest wait for the exchange's limits, in seconds, for each call; None: as
                the policy of its kind says. Infinite is allowed.
            on_attempt: Told of each attempt before it is sent.
            on_answer: Told of each answer as it came, before it is read.

        Raises:
            RequestError: One of its children says what is known of the effect.
            BadAnswer: A read was answered with what the documents do not allow.
            ValueError: A generator refuses its arguments. Nothing was sent.
        """
        if isinstance(steps, Call):
            return await self._call(steps, lane, wait_s, on_attempt, on_answer)
        return await self._generator(steps, lane, wait_s, on_attempt, on_answer)

    async def _generator(
        self,
        steps: Generator[Call[Any], Any, T],
        lane: Lane | None,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
        on_answer: OnAnswer | None,
    ) -> T:
        answer: Any = None
        last: Call[Any] | None = None
        try:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    result: T = end.value
                    return result
                except Exception as error:  # the border round a plugin: it cannot go on
                    if last is None:
                        raise
                    problem = problem_from(error)
                    break
                answer = await self._call(call, lane, wait_s, on_attempt, on_answer)
                if last is None or call.kind.is_write or not last.kind.is_write:
                    last = call  # what was written counts for more than what was read after it
        finally:
            self._close(steps)
        if last.kind.is_write:
            raise self._error(last, unreadable(problem))
        raise BadAnswer(self._exchange, last.what, problem)

    def _close(self, steps: Generator[Call[Any], Any, Any]) -> None:
        try:
            steps.close()
        except Exception as error:  # noqa: BLE001  # the border round a plugin: it must not hide what is known of the effect
            problem = problem_from(error)
            _log.error("steps_unclosed", extra={"exchange": self._exchange, "problem": problem})

    async def _call(
        self,
        call: Call[T],
        lane: Lane | None,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
        on_answer: OnAnswer | None,
    ) -> T:
        kind = call.kind
        if lane is None:
            lane = _LANES[kind]
        if wait_s is None:
            wait_s = self._policies[kind].wait_s
        try:
            result = await self._attempts.make(call, lane, wait_s, on_attempt, on_answer, 1)
        except FailedAttempt as failed:
            first = failed
        else:
            self._tokens.earn(kind, is_urgent=lane < _LANES[kind])
            return result
        # The policy is made only now: nearly every first attempt succeeds.
        return await self._again(call, lane, wait_s, on_attempt, on_answer, first)

    async def _again(
        self,
        call: Call[T],
        lane: Lane,
        wait_s: float,
        on_attempt: OnAttempt | None,
        on_answer: OnAnswer | None,
        first: FailedAttempt,
    ) -> T:
        async def make(number: int, failure: Failure, left_s: float) -> T:
            begun_at = asyncio.get_running_loop().time()
            await self._put_right(call, failure, left_s)
            left_s -= asyncio.get_running_loop().time() - begun_at
            return await self._attempts.make(
                call, lane, max(0.0, min(wait_s, left_s)), on_attempt, on_answer, number
            )

        retries = _Retries(
            call,
            first,
            policy=self._policies[call.kind],
            tokens=self._tokens,
            rng=self._rng,
            is_deduped=self._is_deduped,
            is_urgent=lane < _LANES[call.kind],
            make=make,
        )
        try:
            return await retries.run()
        except FailedAttempt as failed:
            failure = failed.failure
        raise self._error(call, failure)

    async def _put_right(self, call: Call[Any], failure: Failure, left_s: float) -> None:
        """Do what the exchange's refusal asks for, so that another attempt can help."""
        if failure.advice is not Advice.AFTER_CLOCK_SYNC or not isinstance(
            self._adapter, ExchangeInfo
        ):
            return
        ask = self._adapter.fetch_time()
        if call.what == ask.what:
            return
        details = {"exchange": self._exchange, "reason": "it took too long"}
        try:
            # In the lane of the call that waits for it.
            async with asyncio.timeout(left_s):
                await self._clock.synchronize(
                    lambda: self._call(ask, _LANES[call.kind], left_s, None, None)
                )
        except VenuekitError as error:
            details["reason"] = str(error)
        except TimeoutError:
            pass
        else:
            return
        # The attempt is made all the same: somebody else may have put the clock right.
        _log.warning("clock_sync_failed", extra=details)

    def _error(self, call: Call[Any], failure: Failure) -> RequestError:
        return error_from(
            self._exchange,
            call.what,
            call.kind,
            failure,
            client_order_id=call.client_order_id,
        )


class _Retries(Generic[T]):
    """What follows a failed first attempt. tenacity drives; `decide` decides."""

    def __init__(
        self,
        call: Call[T],
        first: FailedAttempt,
        *,
        policy: RetryPolicy,
        tokens: RetryTokens,
        rng: random.Random,
        is_deduped: bool,
        is_urgent: bool,
        make: Callable[[int, Failure, float], Awaitable[T]],
    ) -> None:
        # By the id of one order: a batch has several, a replacement does more than place.
        self._is_deduped = (
            is_deduped and call.kind is CallKind.PLACE and call.client_order_id is not None
        )
        # A read that goes before others of its kind finds out what became of an order.
        self._is_urgent = is_urgent
        self._call = call
        self._policy = policy
        self._tokens = tokens
        self._rng = rng
        self._make = make
        self._time = asyncio.get_running_loop().time
        self._begun_at = first.begun_at
        self._failures = [first.failure]
        self._number = 0
        self._after_s = 0.0
        self._cost = 0

    async def run(self) -> T:
        """Give the result of the attempt that succeeds.

        Raises:
            FailedAttempt: With what is known of the whole call.
        """
        retrying = AsyncRetrying(
            retry=self._goes_on, wait=self._wait, stop=stop_never, sleep=asyncio.sleep
        )
        try:
            result: T = await retrying(self._attempt)
        except FailedAttempt:
            pass
        else:
            self._tokens.give_back(self._call.kind, self._cost, is_urgent=self._is_urgent)
            return result
        raise FailedAttempt(merged(self._call, self._failures))

    async def _attempt(self) -> T:
        self._number += 1
        if self._number == 1:  # it has been made already; tenacity is told of its failure
            raise FailedAttempt(self._failures[0])
        try:
            return await self._make(self._number, self._failures[-1], self._left_s())
        except FailedAttempt as failed:
            self._failures.append(failed.failure)
            raise

    def _goes_on(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        if not isinstance(error, FailedAttempt):
            return False  # a result, or what no retry is for: a cancellation, an observer's error
        *earlier, failure = self._failures
        kind = self._call.kind
        cost = self._tokens.cost(failure)
        decision = decide(
            kind,
            failure,
            policy=self._policy,
            attempt=self._number,
            elapsed_s=self._time() - self._begun_at,
            jitter=self._rng.random(),
            is_repeated=any(before.advice is failure.advice for before in earlier),
            may_spend=self._tokens.may_spend(kind, cost, is_urgent=self._is_urgent),
            is_deduped=self._is_deduped
            and kind is CallKind.PLACE
            and bool(self._call.client_order_id),
        )
        if isinstance(decision, GiveUp):
            _log.debug("gives_up", extra={"what": self._call.what, "why": decision.why})
            return False
        self._tokens.spend(kind, cost, is_urgent=self._is_urgent)
        self._cost, self._after_s = cost, decision.after_s
        return True

    def _wait(self, _: RetryCallState) -> float:
        return self._after_s

    def _left_s(self) -> float:
        return max(0.0, self._policy.total_s - (self._time() - self._begun_at))
