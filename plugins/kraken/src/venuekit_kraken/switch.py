"""Canceling all orders of the account, now or when nothing is heard of us any more.

Source: Kraken API Center, "Cancel All Orders", "Cancel All Orders After X", June 2026.
"""

import functools
from typing import ClassVar, Final

import msgspec

from venuekit.plugin import Answer, Call, CallKind, CancelAllAfter, CancelEverything
from venuekit_kraken.calls import result_as, write
from venuekit_kraken.figures import moment_ns

_STOPPED: Final = (None, "", "0")
"""What stands for no time at all; no document says which of them Kraken writes."""


class _Count(msgspec.Struct):
    count: int


class _Switch(msgspec.Struct, rename="camel"):
    current_time: str
    trigger_time: str | None = None


class Switch(CancelEverything, CancelAllAfter):
    """Cancels all orders of the account, of all pairs and of all programs."""

    max_timeout_s: ClassVar[int] = 86_399

    def cancel_everything(self) -> Call[int | None]:
        """Cancel all open orders; reads how many that were.

        Each costs the engine's counter of its pair what a cancel of its age costs. Kraken takes
        the request also when that crosses the limit.
        """
        return write("cancel everything", CallKind.CANCEL, "CancelAll", (), _read_count)

    def cancel_all_after(self, timeout_s: int) -> Call[int | None]:
        """Start Kraken's clock anew, 1 to 86,399 seconds; 0 stops it.

        Kraken advises 60 seconds, told again every 15 to 30. A clock that runs out while the
        engine is down fires as soon as the engine is back: stop it before maintenance.

        Raises:
            ValueError: Kraken takes no such time.
        """
        if not 0 <= timeout_s <= self.max_timeout_s:
            msg = f"timeout_s={timeout_s}: 1 to {self.max_timeout_s}, or 0 to stop"
            raise ValueError(msg)
        return write(
            "cancel all after",
            CallKind.CANCEL,
            "CancelAllOrdersAfter",
            (("timeout", str(timeout_s)),),
            functools.partial(_read_trigger, timeout_s),
        )


def _read_count(answer: Answer) -> int:
    return result_as(answer, _Count).count


def _read_trigger(timeout_s: int, answer: Answer) -> int | None:
    said = result_as(answer, _Switch)
    now_ns = moment_ns(said.current_time)
    trigger_ns = None if said.trigger_time in _STOPPED else moment_ns(str(said.trigger_time))
    if trigger_ns is not None and trigger_ns <= now_ns:
        trigger_ns = None
    if (trigger_ns is not None) is not bool(timeout_s):
        is_said = f"{said.current_time[:30]} to {(said.trigger_time or 'none')[:30]}"
        msg = f"a clock of {timeout_s} s was asked for; told was {is_said}"
        raise ValueError(msg)
    return trigger_ns
