"""Asking for what a stream of trades missed, within bounds of time and number."""

import asyncio
import contextlib
from random import Random
from typing import Final

from venuekit.model import VenuekitError
from venuekit.streams.backoff import Backoff
from venuekit.streams.feed import Feed
from venuekit.streams.refill import MOST_TRADES, Missed, Refill, TradesOutOfReach

_QUIET_S: Final = 5.0
"""A stream that says nothing for so long is quiet; answers to queries are no older than that."""
_LONGEST_S: Final = 60.0
"""Who waits longer for what was missed would rather go on."""
_FIRST_RETRY_S: Final = 0.5
_LONGEST_RETRY_S: Final = 8.0


async def refilled(feed: Feed, missed: Missed, random: Random) -> None:
    """Fill the gap of `feed`, or say why not; the feed is live after it.

    Canceled, it has changed nothing that the next attempt does not find again.
    """
    refill = feed.refill
    if refill is None:
        return
    why: str | None = f"no complete answer within {_LONGEST_S:g} s"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_S):
            why = await _filled(feed, refill, missed, random)
    feed.refilled(why)


async def _filled(feed: Feed, refill: Refill, missed: Missed, random: Random) -> str | None:
    """Ask until the gap is filled; give None, or why it cannot be."""
    await _first_word(feed, refill)
    backoff = Backoff(random=random, first_s=_FIRST_RETRY_S, longest_s=_LONGEST_RETRY_S)
    failures = 0
    while not refill.is_full:
        try:
            trades = await missed(feed.subscription, refill.last)
        except TradesOutOfReach as error:
            return str(error)
        except VenuekitError as error:
            feed.resyncing(f"missed trades could not be asked for: {error}")
            trades = ()
        else:
            refill.add(trades)
            if refill.is_reached or not (trades or refill.is_heard):
                return None
        if not trades:  # a failure, or an answer older than what the stream has told
            failures += 1
            await asyncio.sleep(backoff.delay_s(failures))
    return f"more than {MOST_TRADES} are missing"


async def _first_word(feed: Feed, refill: Refill) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_QUIET_S):
            while not refill.is_heard:
                await feed.changed()
