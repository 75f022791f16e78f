"""What a call of REST is, and what its handler is given."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.records import Owner
from venuekit_kraken.sim.refusals import Refusal
from venuekit_kraken.sim.security import ApiKey

if TYPE_CHECKING:
    from venuekit_kraken.sim.desk import Desk
    from venuekit_kraken.sim.venue import Venue


@attrs.frozen(kw_only=True)
class Call:
    """A request that has passed every gate before the business itself."""

    venue: "Venue"
    desk: "Desk"
    arguments: Arguments
    now_ns: int
    """When it happens."""
    name: str = ""
    key: ApiKey | None = None
    """What signed it; none for public calls."""

    @property
    def owner(self) -> Owner:
        """Whose key signed it."""
        return self.venue.owners[self.account]

    @property
    def account(self) -> str:
        """Name of the account whose key signed it."""
        return self.sure_key.account

    @property
    def sure_key(self) -> ApiKey:
        """The key of a private call."""
        if self.key is None:
            raise Refusal("EAPI:Invalid key")
        return self.key

    @property
    def clock_ns(self) -> int:
        """What the exchange's clock shows, which a fault may have put wrong."""
        return self.venue.clock_ns(self.now_ns)


Handler = Callable[[Call], object]


@attrs.frozen
class Method:
    """One call of the exchange."""

    handler: Handler
    permissions: tuple[tuple[str, ...], ...] = ()
    """Of each group the key needs one; private calls only."""
    cost: int = 1
    """What it adds to the counter of the key; 0 for what the engine counts."""
    is_history: bool = False
    """Whether it costs what history costs."""
