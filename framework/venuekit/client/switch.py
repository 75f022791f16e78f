"""The dead man's switch, kept from falling as long as this program lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

from venuekit.model import VenuekitError

_log: Final = logging.getLogger("venuekit.client")
_TIMES: Final = 4
"""How often the exchange is told within one time-out: three of them may get lost."""


class DeadManSwitch:
    """Has the exchange cancel all orders of the account when it hears nothing more; `async with`.

    While the block runs the exchange is told again in time. When it ends the switch is stopped.
    When the program dies, or cannot reach the exchange for the whole time, the orders go.
    """

    def __init__(self, tell: Callable[[int], Awaitable[int | None]], timeout_s: int) -> None:
        """Have `tell` start the exchange's clock anew at `timeout_s` seconds; 0 stops it."""
        self._tell = tell
        self._timeout_s = timeout_s
        self._keeper: asyncio.Task[None] | None = None
        self.falls_at_ns: int | None = None
        """When it falls if nothing more is said, in nanoseconds since the epoch; as last told."""

    async def __aenter__(self) -> Self:
        """Start it; raises what `Exchange.cancel_all_after` does."""
        self.falls_at_ns = await self._tell(self._timeout_s)
        self._keeper = asyncio.create_task(self._keep(), name="dead man's switch")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; raises a RequestError if the exchange could not be told, and will cancel all."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        self.falls_at_ns = await self._tell(0)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._timeout_s / _TIMES)
            try:
                self.falls_at_ns = await self._tell(self._timeout_s)
            except VenuekitError as error:
                # The next one may get through; if none does, the switch falls, as it should.
                _log.warning("dead_man_switch_not_told", extra={"reason": str(error)})
