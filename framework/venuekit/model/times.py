"""Times: integer nanoseconds since the Unix epoch, and what people read."""

import datetime as dt


def ns_from_ms(milliseconds: int) -> int:
    """Turn an exchange's milliseconds since the epoch into nanoseconds."""
    return milliseconds * 1_000_000


def ns_from_s(seconds: float) -> int:
    """Turn seconds since the epoch (or a duration) into nanoseconds, rounded to the nearest."""
    return round(seconds * 1_000_000_000)


def datetime_from_ns(time_ns: int) -> dt.datetime:
    """Give an aware UTC datetime; below a microsecond is cut off."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=rest // 1000)
