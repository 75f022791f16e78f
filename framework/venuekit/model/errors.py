"""Every error that venuekit raises.

    VenuekitError
    ├── ConfigurationError      a setting is wrong: fix the file or the variable
    ├── PluginError             a plugin is missing, broken, too old, or claimed twice
    ├── NotSupported            this exchange or plugin lacks the capability: do without
    ├── InstrumentNotFound      the exchange does not list the symbol
    ├── OrderRefused            the order breaks a rule; refused here, nothing was sent
    ├── RequestError            a request did not simply succeed
    │   ├── NotSent             no effect; may be asked again
    │   │   └── BudgetExhausted     it would have had to wait too long
    │   ├── Rejected            the exchange refused, no effect
    │   │   ├── InsufficientBalance
    │   │   ├── OrderNotFound       unknown there under that name
    │   │   ├── RateLimited         wait `retry_after_s`
    │   │   └── AuthenticationFailed
    │   ├── OutcomeUnknown      it may have had an effect; being looked up
    │   └── Unavailable         a read that failed for now
    ├── BadAnswer               the exchange answered what its documents do not allow
    ├── StreamError
    │   ├── SubscriptionRefused
    │   ├── ConsumerTooSlow     events were lost because nobody read them in time
    │   └── BookNotLive         the book may not be what the market is
    ├── StoreError              journal or settings database cannot be used
    └── Closed                  the handle was closed before the call

A branch stands for a decision that a caller can take. What is merely not known yet is a value
(`Order.phase`, `Outcome.UNKNOWN`) wherever it can be one.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from venuekit.model.amounts import plain
from venuekit.model.outcome import Advice, Failure, Outcome

if TYPE_CHECKING:
    from venuekit.model.order import Order


class VenuekitError(Exception):
    """The root of all errors of venuekit."""


class ConfigurationError(VenuekitError):
    """Settings that cannot be used; names where, what was found and what is allowed."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Gather all faults of one input.

        Args:
            faults: One sentence each, beginning with the place.
        """
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class PluginError(VenuekitError):
    """A plugin that cannot be used, with its distribution, the reason and a remedy."""

    def __init__(self, exchange: str, reason: str, remedy: str) -> None:
        """Say which exchange, why, and what to do."""
        self.exchange = exchange
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{exchange}: {reason}; {remedy}")


class NotSupported(VenuekitError):
    """The exchange or its plugin cannot do what was asked."""

    def __init__(self, exchange: str, what: str, why: str = "") -> None:
        """Name the exchange and the capability, and why it is not there, where that is known."""
        self.exchange = exchange
        self.what = what
        self.why = why
        super().__init__(f"{exchange} does not offer {what}{why and f'; {why}'}")


class InstrumentNotFound(VenuekitError):
    """A symbol that the exchange does not list."""

    def __init__(self, exchange: str, symbol: str, suggestions: Sequence[str] = ()) -> None:
        """Name the symbol and the nearest listed ones."""
        self.exchange = exchange
        self.symbol = symbol
        self.suggestions = tuple(suggestions)
        hint = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        super().__init__(f"{exchange} lists no {symbol}{hint}")


@attrs.frozen(kw_only=True)
class Violation:
    """One rule that an order breaks."""

    reason: str
    """A stable code: `price.off_tick`, `quantity.below_minimum`, `notional.below_minimum`."""
    text: str
    field: str = ""
    value: Decimal | None = None
    nearest: tuple[Decimal, ...] = ()
    """The valid values next to the one given: below, above."""

    def __str__(self) -> str:
        """Say what is wrong and which values would do."""
        if not self.nearest:
            return self.text
        return f"{self.text}; nearest valid: {' or '.join(plain(v) for v in self.nearest)}"


class OrderRefused(VenuekitError):
    """An order that breaks the instrument's rules or a veto; nothing was sent."""

    def __init__(self, symbol: str, violations: Sequence[Violation]) -> None:
        """Gather every rule that it breaks."""
        self.symbol = symbol
        self.violations = tuple(violations)
        super().__init__(f"{symbol} order refused: " + "; ".join(map(str, self.violations)))


class RequestError(VenuekitError):
    """A request that did not simply succeed."""

    def __init__(
        self, exchange: str, what: str, failure: Failure, *, client_order_id: str | None = None
    ) -> None:
        """Say what was asked, by which client order id, and what is known of it.

        Args:
            exchange: Its id.
            what: The request in words: `place order`.
            failure: Outcome, advice, code and text.
            client_order_id: Of the order concerned, if any.
        """
        self.exchange = exchange
        self.what = what
        self.failure = failure
        self.client_order_id = client_order_id
        super().__init__(exchange, what, failure)

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error travel between processes with all its data."""
        return (
            _remade,
            (type(self), self.exchange, self.what, self.failure, self.client_order_id),
        )

    @property
    def retry_after_s(self) -> float | None:
        """Seconds before which the exchange wants no other attempt."""
        return self.failure.retry_after_s

    @property
    def may_retry(self) -> bool:
        """Say whether the same request may succeed later, and does no harm if it is made again.

        What the framework may try again by itself it has tried already.
        """
        return self.failure.advice is not Advice.NEVER and self._is_known

    @property
    def _is_known(self) -> bool:
        """Whether it is sure that the request had no effect."""
        return self.failure.outcome in {Outcome.NOT_SENT, Outcome.REJECTED}

    def __str__(self) -> str:
        """Compose the sentence from the data."""
        failure = self.failure
        named = f" {self.client_order_id}" if self.client_order_id else ""
        said = f": {failure.text}" if failure.text else ""
        # Where the exchange has no codes, the text begins with what serves as one.
        is_said = not failure.code or failure.text.startswith(failure.code)
        code = "" if is_said else f" (code {failure.code})"
        words = f"{self.exchange}: {self.what}{named}: {failure.reason}{said}{code}"
        return "; ".join(filter(None, (words, self._effect(), self._again())))

    def _effect(self) -> str:
        return _EFFECTS.get(self.failure.outcome, "")

    def _again(self) -> str:
        failure = self.failure
        if not self.may_retry:
            return _NOT_AGAIN if self._is_known else _NOT_YET
        if failure.retry_after_s is not None:
            return f"try again after {failure.retry_after_s:g} s"
        return _AGAIN[failure.advice]


_EFFECTS: Final = {
    Outcome.NOT_SENT: "nothing was sent",
    Outcome.REJECTED: "refused, without effect",
    Outcome.UNKNOWN: "it may have had its effect",
}
_NOT_AGAIN: Final = "trying the same again changes nothing"
_NOT_YET: Final = "not to be repeated before that is known"
_AGAIN: Final = {
    Advice.AGAIN: "try again",
    Advice.AFTER_DELAY: "try again later",
    Advice.AFTER_CLOCK_SYNC: "try again with the right time",
    Advice.NEW_NONCE: "try again with a higher nonce",
}


def _remade(
    kind: type[RequestError],
    exchange: str,
    what: str,
    failure: Failure,
    client_order_id: str | None,
) -> RequestError:
    return kind(exchange, what, failure, client_order_id=client_order_id)


class NotSent(RequestError):
    """Nothing had an effect; the same may be asked again."""


class BudgetExhausted(NotSent):
    """Waiting for the exchange's limits would have taken longer than allowed; nothing was sent."""


class Rejected(RequestError):
    """The exchange refused; it had no effect."""


class InsufficientBalance(Rejected):
    """The account does not hold enough."""


class OrderNotFound(Rejected):
    """The exchange knows no such order under that name, or no longer."""


class RateLimited(Rejected):
    """One of the exchange's limits is used up."""


class AuthenticationFailed(Rejected):
    """Key, signature or permission were not accepted."""


class OutcomeUnknown(RequestError):
    """The request may have had its effect.

    Where it is being found out, the error can be awaited for the order as it turns out to be:

        try:
            order = await exchange.place(request, wait=False)
        except OutcomeUnknown as unknown:
            order = await unknown  # raises NotSent once it is proved that it was never placed
    """

    resolution: "Callable[[], Awaitable[Order]] | None" = None
    """Waits for the outcome; None where nobody is looking for it, or in another process."""

    def __await__(self) -> "Generator[Any, Any, Order]":
        """Wait for the order as it turned out.

        Raises:
            NotSent: It was never placed, by proof.
            OutcomeUnknown: It could not be found out in time; the search goes on.
        """
        if self.resolution is None:
            raise self
        return self.resolution().__await__()


class Unavailable(RequestError):
    """A read that failed for now; nothing depends on its outcome."""

    @property
    def _is_known(self) -> bool:
        return True

    def _effect(self) -> str:
        return ""


class BadAnswer(VenuekitError):
    """An answer or frame that the exchange's documents do not allow."""

    def __init__(self, exchange: str, what: str, problem: str) -> None:
        """Name the request and what is wrong with its answer."""
        self.exchange = exchange
        self.what = what
        self.problem = problem
        super().__init__(f"{exchange}: {what}: unreadable answer: {problem}")


class StreamError(VenuekitError):
    """Something about streams."""


class SubscriptionRefused(StreamError):
    """The exchange did not accept a subscription."""

    def __init__(self, exchange: str, subscription: str, text: str) -> None:
        """Name the subscription and the exchange's reason."""
        self.exchange = exchange
        self.subscription = subscription
        self.text = text
        super().__init__(f"{exchange}: {subscription}: {text}")


class ConsumerTooSlow(StreamError):
    """A subscriber did not read in time and asked to be told rather than waited for."""

    def __init__(self, subscription: str, lost: int) -> None:
        """Say how many events were lost, > 0."""
        self.subscription = subscription
        self.lost = lost
        super().__init__(f"{subscription}: {lost} events were not read in time and are lost")


class BookNotLive(StreamError):
    """A book that may not be what the market is."""

    def __init__(self, symbol: str, state: str) -> None:
        """Name the book and its state."""
        self.symbol = symbol
        self.state = state
        super().__init__(f"the book of {symbol} is {state}, not live")


class StoreError(VenuekitError):
    """The database of journal, nonces and limits cannot be used."""


class Closed(VenuekitError):
    """The handle was closed before or during the call."""
