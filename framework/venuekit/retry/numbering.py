"""Nonces for attempts, so that they arrive in the order in which they were taken."""

from typing import Final, Protocol

import attrs

from venuekit.limits import Grant, Lane, Limiter, TooLate
from venuekit.model import Advice, Failure, StoreError
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec
from venuekit.retry.failure import FailedAttempt, no_nonce, no_room

_TURN: Final = BudgetSpec(
    name="turn", kind=BudgetKind.CONCURRENT, scope=BudgetScope.KEY, capacity=1, interval_s=1
)


class Nonces(Protocol):
    """Gives the nonces of one key."""

    @property
    def is_serial(self) -> bool:
        """Whether one request at a time may be on its way."""
        ...

    def take(self) -> int | None:
        """Give the next one; None if there is none right now."""
        ...

    async def ready(self) -> None:
        """Wait until there is one; raises StoreError if there will be none."""
        ...

    def done(self, nonce: int) -> None:
        """Hear that a nonce is not on its way any more."""
        ...

    def refused(self, nonce: int) -> StoreError | None:
        """Hear that the exchange refused a nonce; gives why there are no more, if so."""
        ...


class Numbering:
    """Gives each signed request its nonce, in its turn.

    The turn is taken in lanes like everything else, so that a cancel waits for one request at most.
    Where requests may not overlap it is kept until the answer has come or cannot come any more;
    otherwise only until the nonce is taken.
    """

    def __init__(self, nonces: Nonces) -> None:
        """Take them from `nonces`."""
        self._nonces = nonces
        self._turns = Limiter([_TURN], time=lambda: 0.0)

    async def take(self, lane: Lane, wait_s: float | None) -> "Numbered":
        """Give the next nonce, waiting for the turn. Canceled, nothing is held.

        Raises:
            FailedAttempt: The turn would not come within `wait_s`, or there are no nonces.
        """
        turn = await self._turn(lane, wait_s)
        try:
            while (nonce := self._nonces.take()) is None:
                await self._more()
        except BaseException:
            turn.end()
            raise
        if not self._nonces.is_serial:
            turn.end()
        return Numbered(nonce, self._nonces, turn)

    async def _turn(self, lane: Lane, wait_s: float | None) -> Grant:
        try:
            return await self._turns.take({_TURN.name: 1}, lane, wait_s=wait_s)
        except TooLate as late:
            failure = no_room(late)
        raise FailedAttempt(failure)

    async def _more(self) -> None:
        try:
            await self._nonces.ready()
        except StoreError as error:
            failure = no_nonce(str(error))
        else:
            return
        raise FailedAttempt(failure)


@attrs.frozen
class Numbered:
    """A nonce and the turn that goes with it; ended when the request is not under way any more."""

    nonce: int
    _nonces: Nonces
    _turn: Grant

    def end(self) -> None:
        """Let the next one go. Safe to repeat."""
        self._nonces.done(self.nonce)
        self._turn.end()

    def judged(self, failure: Failure) -> Failure:
        """Pass the exchange's refusal of a nonce on; gives what the caller is told.

        Once there are no more nonces that is said too, and trying again cannot help.
        """
        if failure.advice is not Advice.NEW_NONCE:
            return failure
        error = self._nonces.refused(self.nonce)
        if error is None:
            return failure
        text = "; ".join(part for part in (failure.text, str(error)) if part)
        return attrs.evolve(failure, advice=Advice.NEVER, text=text)
