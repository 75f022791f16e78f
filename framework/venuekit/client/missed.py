"""The public trades that a stream missed, from the exchange's REST API."""

from collections.abc import Sequence
from typing import Final

from venuekit.model import Trade
from venuekit.plugin import Adapter, AggregateTrades, MarketData, Subscription, Topic, TradesAfter
from venuekit.retry import Caller
from venuekit.streams import TradesOutOfReach

_PAGE: Final = 1000
_WAIT_S: Final = 30.0
"""For the exchange's limits: what was missed may wait behind everything else, but not for ever."""


class MissedTrades:
    """Asks for the trades after one that a stream delivered."""

    def __init__(self, adapter: Adapter, caller: Caller) -> None:
        """Ask what `adapter` can."""
        self._adapter = adapter
        self._caller = caller

    def serves(self, subscription: Subscription) -> bool:
        """Say whether what that stream misses can be asked for."""
        match subscription.topic:
            case Topic.TRADES:
                return isinstance(self._adapter, TradesAfter | MarketData)
            case Topic.AGGREGATE_TRADES:
                return isinstance(self._adapter, TradesAfter) and isinstance(
                    self._adapter, AggregateTrades
                )
            case _:
                return False

    async def __call__(self, subscription: Subscription, last: Trade, /) -> Sequence[Trade]:
        """Give trades right after `last`, oldest first and without a hole; none if it is the last.

        Raises:
            TradesOutOfReach: The exchange does not tell trades that far back.
            RequestError: The exchange could not be asked.
            BadAnswer: What it answered cannot be read.
        """
        instrument = subscription.instrument
        if instrument is None:
            raise TradesOutOfReach(f"{subscription} names no instrument")
        if isinstance(self._adapter, TradesAfter):
            steps = self._adapter.fetch_trades_after(
                last,
                instrument,
                is_aggregate=subscription.topic is Topic.AGGREGATE_TRADES,
                limit=_PAGE,
            )
            return await self._caller.run(steps, wait_s=_WAIT_S)
        if not isinstance(self._adapter, MarketData):
            raise TradesOutOfReach("the exchange tells no trades by REST")
        newest = await self._caller.run(
            self._adapter.fetch_trades(instrument, limit=_PAGE), wait_s=_WAIT_S
        )
        ids = [trade.trade_id for trade in newest]
        if last.trade_id in ids:
            return newest[ids.index(last.trade_id) + 1 :]
        if newest and newest[-1].time_ns < last.time_ns:
            return ()  # an answer that is older than what the stream has told
        raise TradesOutOfReach(f"more happened than the newest {len(newest)} trades")
