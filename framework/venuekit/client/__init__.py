"""The handle that an application holds, and how it is opened."""

from venuekit.client.exchange import Exchange
from venuekit.client.opening import Opening, open  # noqa: A004  # reads as `venuekit.open`

__all__ = ["Exchange", "Opening", "open"]
