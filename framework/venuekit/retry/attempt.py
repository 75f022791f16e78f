"""One attempt at one request: budget, time, signature, transport, classification."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import attrs

from venuekit.limits import Grant, Lane, Limiter, TooLate
from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BadAnswer,
    Failure,
    Outcome,
)
from venuekit.plugin import (
    Adapter,
    Answer,
    Authenticate,
    Call,
    CallKind,
    Cost,
    Key,
    Request,
    RequestSeen,
    Stamp,
    Timing,
    clean,
)
from venuekit.retry.failure import (
    UNREADABLE,
    FailedAttempt,
    answer_lost,
    key_missing,
    no_room,
    not_sent,
    problem_from,
    signing_failed,
    stopped,
    unreadable,
)
from venuekit.retry.numbering import Nonces, Numbered, Numbering
from venuekit.transport.seam import AnswerLost, NothingSent, Timeouts, Transport

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.retry")

# A ban that is probed grows; a tenth more than it says is cheaper (reliability rule R8).
_BAN_MARGIN: Final = 1.1
_UNNAMED_BAN_S: Final = 120.0
_UNNAMED_PAUSE_S: Final = 1.0
_LONGEST_UNNAMED_PAUSE_S: Final = 64.0
_MOST_REPORTS: Final = 100
"""Of undocumented codes, by one handle: an exchange that invents them does not fill the disk."""


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


class Messages(Protocol):
    """Another way for some calls: as messages over a socket. The transport sends them."""

    async def routed(self, call: Call[T]) -> Call[T]:
        """Give the call as it is to be sent this time."""
        ...

    def addressed(self, request: Request) -> tuple[Request, str | None]:
        """Give a message with its number, and its token; raises NothingSent."""
        ...

    def refused(self, failure: Failure) -> None:
        """Learn why a message failed."""
        ...


OnAttempt = Callable[[Attempt], Awaitable[None] | None]
"""Called when budget, time and nonce are held and the request is signed, before a byte leaves.
What it raises stops the request."""
OnAnswer = Callable[[Answer], None]
"""Told of each answer as it came, before it is read; must not raise."""
Observer = Callable[[RequestSeen], None]


class Attempts:
    """Makes single attempts for one exchange and one account.

    Every attempt goes strictly in this order: budget, time and nonce, signature, `on_attempt`,
    transport, correction of the budgets, classification, reading. A request that waits for its
    budget is not signed yet, so it cannot go stale in a queue.

    From the moment at which the transport has the request until its answer is classified, the
    outcome is unknown, also for one that is canceled there; its grant then stays paid. Before
    that everything paid is given back.
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
        observers: Sequence[Observer] = (),
        nonces: Nonces | None = None,
        redact: Callable[[str], str] = str,
        messages: Messages | None = None,
    ) -> None:
        """Bind everything once; the arguments are those of `Caller`."""
        self._exchange = exchange
        self._account = account
        self._adapter = adapter
        self._signer = adapter if isinstance(adapter, Authenticate) else None
        self._transport = transport
        self._messages = messages
        self._key = key
        self._clock = clock
        self._limiter = limiter
        self._refusals = 0  # for going too fast, in succession, without a time named
        self._paused_until = 0.0
        self._validity_ns = round(timing.request_validity_s * 1e9)
        self._observers = tuple(observers)
        self._redact = redact
        self._reported: set[str] = set()
        self._numbering = None if nonces is None else Numbering(nonces)
        # A shorter wait than the exchange's own would make unknown outcomes of slow ones.
        write = Timeouts(answer_s=max(12.0, timing.engine_timeout_s + 2.0))
        read = Timeouts(answer_s=10.0)
        self._timeouts = {kind: write if kind.is_write else read for kind in CallKind}

    async def make(
        self,
        call: Call[T],
        lane: Lane,
        wait_s: float | None,
        on_attempt: OnAttempt | None,
        on_answer: OnAnswer | None,
        number: int,
    ) -> T:
        """Make one attempt and give what it reads.

        Raises:
            FailedAttempt: With what is known of the effect.
            AuthenticationFailed: There is no key for it. Nothing was sent.
            BadAnswer: A read was answered with what the documents do not allow.
        """
        time = asyncio.get_running_loop().time
        asked_at = time()
        if self._messages is not None:
            call = await self._messages.routed(call)
        costs, forced = priced(call, self._clock.now_ns())
        grant = self._limiter.try_take(costs, lane, forced) or await _waited(
            self._limiter, costs, lane, wait_s, forced
        )
        begun_at = time()
        status: int | None = None
        outcome = Outcome.NOT_SENT
        numbered: Numbered | None = None
        try:
            if self._numbering is not None and call.is_signed and not call.request.is_message:
                left_s = None if wait_s is None else max(0.0, wait_s - (begun_at - asked_at))
                numbered = await self._numbering.take(lane, left_s)
                begun_at = time()
            nonce = None if numbered is None else numbered.nonce
            request = await self._prepared(call, on_attempt, number, nonce)
            outcome = Outcome.UNKNOWN
            answer = await self._sent(call, request)
            status = answer.status
            if on_answer is not None:
                on_answer(answer)
            failure = self._classified(call, answer)
            if failure is not None and numbered is not None:
                failure = numbered.judged(failure)
            if failure is not None and self._messages is not None and call.request.is_message:
                self._messages.refused(failure)
            if failure is not None:  # first of all, so that nobody who waits slips through
                self._slow_down(call, failure)
            # Ended before the correction: the exchange's number has this request in it.
            grant.end(call.refunds if failure is None else None)
            self._correct(answer, grant)
            if failure is not None:
                raise FailedAttempt(failure)  # noqa: TRY301  # the one exit for all failures
            result = self._read(call, answer)
            outcome = Outcome.DONE
            if self._refusals and begun_at >= self._paused_until:
                self._refusals = 0
        except FailedAttempt as failed:
            failed.begun_at = begun_at
            outcome = failed.failure.outcome
            raise
        else:
            return result
        finally:
            if numbered is not None:
                numbered.end()
            grant.end(costs if outcome is Outcome.NOT_SENT else None)
            if self._observers:
                self._tell(call, number, status, outcome, begun_at)

    async def _prepared(
        self, call: Call[Any], on_attempt: OnAttempt | None, number: int, nonce: int | None
    ) -> Request:
        """Give the request as it goes out, after the journal has it."""
        sent_at_ns = self._clock.now_ns()
        request = self._signed(call, sent_at_ns, nonce) if call.is_signed else call.request
        if on_attempt is not None:
            told = on_attempt(
                Attempt(
                    number=number,
                    sent_at_ns=sent_at_ns,
                    expires_at_ns=sent_at_ns + self._validity_ns,
                )
            )
            if told is not None:
                await told
        # A refusal that another request has met since the grant holds for this one too.
        silence_s = self._limiter.paused_s()
        if silence_s > 0:
            raise FailedAttempt(stopped(silence_s))
        return request

    def _signed(self, call: Call[Any], now_ns: int, nonce: int | None) -> Request:
        if self._key is None or self._signer is None:
            raise AuthenticationFailed(
                self._exchange,
                call.what,
                key_missing(self._account),
                client_order_id=call.client_order_id,
            )
        request, token = call.request, None
        if request.is_message:
            request, token = self._addressed(request)
        try:
            stamp = Stamp(time_ns=now_ns, nonce=nonce, token=token)
            return self._signer.sign(request, self._key, stamp)
        except Exception as error:  # noqa: BLE001  # the border round a plugin; nothing was sent
            # Its words are not repeated: they may hold what was to be signed.
            problem = type(error).__name__
        raise FailedAttempt(signing_failed(problem))

    def _addressed(self, request: Request) -> tuple[Request, str | None]:
        try:
            if self._messages is not None:
                return self._messages.addressed(request)
            problem = "messages are not sent here"
        except NothingSent as error:
            problem = str(error)
        raise FailedAttempt(not_sent(problem))

    async def _sent(self, call: Call[Any], request: Request) -> Answer:
        try:
            return await self._transport.send(request, timeouts=self._timeouts[call.kind])
        except NothingSent as error:
            failure = not_sent(str(error))
        except AnswerLost as error:
            failure = answer_lost(str(error))
        # Outside of the handlers: no frame of the network's keeps the request alive in a context.
        raise FailedAttempt(failure)

    def _classified(self, call: Call[Any], answer: Answer) -> Failure | None:
        if 300 <= answer.status < 400:
            # Never followed; who sent it is not known to be the exchange, whatever a plugin says.
            return self._not_understood(call, f"redirected with status {answer.status}")
        if answer.status >= 400:
            # An error page may quote the URL that was asked for, with its signature. Cleaned
            # before anybody shortens it: half a signature is not recognized.
            text = self._redact(answer.body.decode(errors="surrogateescape"))
            answer = attrs.evolve(answer, body=text.encode(errors="surrogateescape"))
        try:
            failure = self._adapter.failure(call, answer)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: what it cannot classify is not known
            problem = problem_from(error)
        else:
            if failure is None:
                return None
            if failure.reason != UNREADABLE:
                code, text = clean(failure.code), clean(self._redact(failure.text))
                failure = attrs.evolve(failure, code=code, text=text)
                if not failure.is_documented:
                    self._report(call, failure)
                return failure
            problem = f"{failure.code} {failure.text}".strip()
        return self._not_understood(call, problem)

    def _report(self, call: Call[Any], failure: Failure) -> None:
        """Tell of an error that no table lists, each code once: somebody has to add its row."""
        if failure.code in self._reported or len(self._reported) >= _MOST_REPORTS:
            return
        self._reported.add(failure.code)
        _log.warning(
            "error_undocumented",
            extra={
                "exchange": self._exchange,
                "what": call.what,
                "code": failure.code,
                "text": failure.text,
            },
        )

    def _read(self, call: Call[T], answer: Answer) -> T:
        try:
            return call.read(answer)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: an answer that it cannot read
            problem = problem_from(error)
        raise FailedAttempt(self._not_understood(call, problem))

    def _not_understood(self, call: Call[Any], problem: str) -> Failure:
        problem = self._redact(problem)
        _log.error(
            "answer_unreadable",
            extra={"exchange": self._exchange, "what": call.what, "problem": problem},
        )
        if call.kind.is_write:
            return unreadable(problem)
        raise BadAnswer(self._exchange, call.what, problem)

    def _correct(self, answer: Answer, grant: Grant) -> None:
        try:
            usages = self._adapter.usage(answer)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: a header must not fail an answered request
            # No traceback: it would show words of the answer unwashed.
            _log.error(
                "usage_unreadable",
                extra={"exchange": self._exchange, "problem": problem_from(error)},
            )
            return
        if usages:
            self._limiter.correct(usages, grant=grant)

    def _slow_down(self, call: Call[Any], failure: Failure) -> None:
        """Obey a refusal for going too fast: everything stops, or what it was about alone."""
        if failure.is_ban:
            self._limiter.ban((failure.retry_after_s or _UNNAMED_BAN_S) * _BAN_MARGIN)
        elif failure.advice is Advice.AFTER_DELAY and failure.reason.startswith("limit."):
            seconds = failure.retry_after_s or self._unnamed_pause_s()
            if failure.reason == "limit.orders":
                # Canceling and asking stay allowed when only placing is not.
                places = self._limiter.of_orders(call.costs)
                self._limiter.pause(seconds, budgets=places or None)
            elif failure.reason == "limit.connections":
                self._limiter.pause(seconds, budgets=["connections"])
            else:
                self._limiter.pause(seconds)

    def _unnamed_pause_s(self) -> float:
        """Give how long to be silent where the exchange does not say: 1 s, then 2, 4, … 64.

        It doubles with each refusal after a pause; those that come within one are of the same
        crowd.
        """
        now = asyncio.get_running_loop().time()
        if now < self._paused_until:
            return self._paused_until - now
        pause_s = min(_UNNAMED_PAUSE_S * 2.0**self._refusals, _LONGEST_UNNAMED_PAUSE_S)
        self._refusals += 1
        self._paused_until = now + pause_s
        return pause_s

    def _tell(
        self, call: Call[Any], number: int, status: int | None, outcome: Outcome, begun_at: float
    ) -> None:
        seen = RequestSeen(
            exchange=self._exchange,
            account=self._account,
            what=call.what,
            kind=call.kind.value,
            attempt=number,
            status=status,
            outcome=outcome.value,
            duration_s=asyncio.get_running_loop().time() - begun_at,
        )
        for observe in self._observers:
            try:
                observe(seen)
            except Exception as error:  # noqa: BLE001  # the border round an observer: it hurts itself alone
                problem = problem_from(error)
                _log.error(
                    "observer_failed", extra={"exchange": self._exchange, "problem": problem}
                )


def priced(call: Call[Any], now_ns: int) -> tuple[Mapping[str, int], Collection[str]]:
    """Give what a call costs now, by budget, and the budgets that it does not wait for."""
    if not any(isinstance(cost, Cost) for cost in call.costs.values()):
        return call.costs, ()  # type: ignore[return-value]  # checked just now
    units = {
        name: cost.at(now_ns) if isinstance(cost, Cost) else cost
        for name, cost in call.costs.items()
    }
    forced = [
        name for name, cost in call.costs.items() if isinstance(cost, Cost) and not cost.waits
    ]
    return units, forced


async def _waited(
    limiter: Limiter,
    costs: Mapping[str, int],
    lane: Lane,
    wait_s: float | None,
    forced: Collection[str],
) -> Grant:
    try:
        return await limiter.take(costs, lane, wait_s=wait_s, forced=forced)
    except TooLate as late:
        failure = no_room(late)
    raise FailedAttempt(failure)
