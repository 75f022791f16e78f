"""Streams: connections, subscriptions and live books."""

from venuekit.streams.book import (
    Applied,
    Book,
    ChecksumWrong,
    FillCost,
    GapFound,
    Old,
    Step,
)
from venuekit.streams.feed import Notice
from venuekit.streams.hub import ExchangeTime, StreamHub
from venuekit.streams.live_book import BookUpdate, LiveBook
from venuekit.streams.queue import Policy
from venuekit.streams.refill import TradesOutOfReach
from venuekit.streams.subscriber import EventStream
from venuekit.streams.tables import to_arrow, to_pandas, to_polars

__all__ = [
    "Applied",
    "Book",
    "BookUpdate",
    "ChecksumWrong",
    "EventStream",
    "ExchangeTime",
    "FillCost",
    "GapFound",
    "LiveBook",
    "Notice",
    "Old",
    "Policy",
    "Step",
    "StreamHub",
    "TradesOutOfReach",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
