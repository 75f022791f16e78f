"""What an endpoint is, and what its handler is given.

REST and the WebSocket API share one implementation of each call; only the wire around differs.
"""

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from venuekit_binance.sim.parameters import Arguments, Parameter
from venuekit_binance.sim.security import Security

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue


class TimeUnit(enum.Enum):
    """Unit of the times in an answer."""

    MILLISECOND = 1_000_000
    MICROSECOND = 1_000

    def of(self, at_ns: int) -> int:
        """Give a time in this unit."""
        return at_ns // self.value


@attrs.frozen(kw_only=True)
class Call:
    """A request that has passed every gate before the business itself."""

    arguments: Arguments
    now_ns: int
    """When it happens."""
    clock_ns: int
    """What the exchange's clock shows, which a fault may have put wrong."""
    address: str
    account: str = ""
    """Whose key signed it; empty for public calls."""
    unit: TimeUnit = TimeUnit.MILLISECOND
    is_rest: bool = True

    def time(self, at_ns: int) -> int:
        """Give a time in the unit that the client wants."""
        return self.unit.of(at_ns)


@attrs.frozen
class Reply:
    """An answer that differs from plain success in what it costs."""

    body: object
    is_free: bool


Handler = Callable[["Venue", Call], object]
Weigh = Callable[[Arguments], int]
Check = Callable[[Arguments], None]


@attrs.frozen(kw_only=True)
class Endpoint:
    """One call of the exchange."""

    handler: Handler
    method: str = "GET"
    path: str = ""
    """REST path; empty where only the WebSocket API has the call."""
    name: str = ""
    """WebSocket API method; empty where only REST has the call."""
    security: Security = Security.NONE
    weight: int | Weigh = 1
    parameters: tuple[Parameter, ...] = ()
    check: Check | None = None
    """Rules between parameters, judged with the parameters themselves."""
    is_free_on_success: bool = False
    counts_orders: bool = False
    """Whether answers report the unfilled order counts."""

    def cost(self, arguments: Arguments) -> int:
        """Give the weight of a request."""
        return self.weight if isinstance(self.weight, int) else self.weight(arguments)
