"""What an endpoint is, and what its handler is given."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from venuekit_coinbase.sim.refusals import invalid
from venuekit_coinbase.sim.wire import moment_from

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_Row = TypeVar("_Row")


@attrs.frozen(kw_only=True)
class Call:
    """A request that has passed every gate before the business itself."""

    query: Mapping[str, list[str]]
    body: Mapping[str, Any]
    now_ns: int
    """When it happens."""
    clock_ns: int
    """What the exchange's clock shows, which a fault may have put wrong."""
    account: str = ""
    """Whose key signed it; empty for public calls."""
    permissions: Mapping[str, bool] = attrs.field(factory=dict)
    """Of the key."""
    id: str = ""
    """What stands in the path where the endpoint has a variable."""

    def text(self, name: str, default: str = "") -> str:
        """Give the first value of a parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def several(self, name: str) -> list[str]:
        """Give all values of a parameter, repeated or with commas between them."""
        return [each for value in self.query.get(name, ()) for each in value.split(",") if each]

    def number(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """Give a whole number; one that is too large is cut, as it is for page sizes.

        Raises:
            Refusal: It is no number, or too small (400).
        """
        text = self.text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            raise invalid(f'parsing field "{name}": invalid value "{text}"')
        return int(text) if most is None else min(int(text), most)

    def moment(self, name: str) -> int | None:
        """Give an RFC 3339 time, or refuse (400)."""
        text = self.text(name)
        if not text:
            return None
        moment = moment_from(text)
        if moment is None:
            raise invalid(f'parsing field "{name}": invalid google.protobuf.Timestamp')
        return moment


Handler = Callable[["Venue", Call], object]


@attrs.frozen(kw_only=True)
class Endpoint:
    """One call of the exchange."""

    method: str
    path: str
    """With `{id}` where a variable stands."""
    handler: Handler
    permission: str = ""
    """`can_view` or `can_trade`; empty for public calls."""


def page(
    rows: Sequence[_Row], cursor: str, limit: int, position: Callable[[_Row], int]
) -> tuple[Sequence[_Row], str]:
    """Give the rows of one page, and the cursor of the next, empty at the end.

    Args:
        rows: In order.
        cursor: As the last page gave it, empty for the first.
        limit: How many rows at most.
        position: Gives a number that belongs to a row for ever.

    Raises:
        Refusal: The cursor is none (400).
    """
    start = 0
    if cursor:
        last = _position(cursor)
        start = next((index + 1 for index, row in enumerate(rows) if position(row) == last), 0)
        if not start:
            raise invalid("invalid cursor")
    chosen = rows[start : start + limit]
    if not chosen or start + limit >= len(rows):
        return chosen, ""
    return chosen, base64.urlsafe_b64encode(f"at {position(chosen[-1])}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
        return int(text.removeprefix("at "))
    except (ValueError, binascii.Error):
        raise invalid("invalid cursor") from None
