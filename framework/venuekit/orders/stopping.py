"""What an orderly stop leaves behind, as a value."""

import attrs

from venuekit.model import Order


@attrs.frozen(kw_only=True)
class Stopped:
    """How an account's orders stood when placing them had ended."""

    canceled: tuple[Order, ...] = ()
    """Canceled by the stop, if it was asked to, as they ended; a fill may have been faster."""
    open: tuple[Order, ...] = ()
    """Orders of ours that the exchange goes on trading."""
    unknown: tuple[Order, ...] = ()
    """Orders whose outcome could not be found out in time; the next start goes on."""
    in_flight: int = 0
    """Calls that had not returned when the time was over."""
    failures: tuple[str, ...] = ()
    """Why orders could not be canceled, a sentence each."""

    @property
    def is_clean(self) -> bool:
        """Say whether nothing of ours is left at the exchange, as far as can be known."""
        return not (self.open or self.unknown or self.in_flight or self.failures)
