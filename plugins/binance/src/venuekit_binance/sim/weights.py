"""What the exchange counts: request weight, raw requests, unfilled orders, connections, and bans.

Windows are fixed and aligned to the clock. Source: Binance spot REST docs, "LIMITS", and FAQ
"Spot Unfilled Order Count Rules", 2026-07.
"""

import enum
from typing import Final

import attrs

from venuekit_binance.sim.refusals import Refusal

_SECOND_NS: Final = 1_000_000_000
_SPAN_S: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_FIRST_BAN_NS: Final = 120 * _SECOND_NS
_LONGEST_BAN_NS: Final = 3 * 86_400 * _SECOND_NS


class Counted(enum.Enum):
    """What a limit counts."""

    WEIGHT = "REQUEST_WEIGHT"
    RAW = "RAW_REQUESTS"
    ORDERS = "ORDERS"
    CONNECTIONS = "CONNECTIONS"


@attrs.frozen
class Limit:
    """So many of something for each fixed window."""

    counted: Counted
    interval: str
    number: int
    limit: int

    @property
    def span_ns(self) -> int:
        """Length of the window."""
        return _SPAN_S[self.interval] * self.number * _SECOND_NS

    @property
    def letters(self) -> str:
        """The window as headers name it: `1M`, `10S`."""
        return f"{self.number}{self.interval[0]}"

    def payload(self, count: int | None = None) -> dict[str, object]:
        """Describe it as `exchangeInfo` does, or with its count as answers do."""
        body: dict[str, object] = {
            "rateLimitType": self.counted.value,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.limit,
        }
        if count is not None:
            body["count"] = count
        return body


class Meter:
    """Counts one limit for many payers."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self, payer: str, now_ns: int) -> int:
        """Give what `payer` has used in the present window."""
        window, count = self._counts.get(payer, (0, 0))
        return count if window == now_ns // self.limit.span_ns else 0

    def add(self, payer: str, amount: int, now_ns: int) -> int:
        """Count `amount`, which may be negative, never below zero; give the new count."""
        count = max(0, self.count(payer, now_ns) + amount)
        self._counts[payer] = (now_ns // self.limit.span_ns, count)
        return count

    def resets_at_ns(self, now_ns: int) -> int:
        """Give the end of the present window."""
        return (now_ns // self.limit.span_ns + 1) * self.limit.span_ns


@attrs.frozen(kw_only=True)
class LimitSettings:
    """The numbers, in production's values of 2026-07."""

    weight: int = 6_000
    raw: int = 300_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    connections: int = 300
    requests_until_ban: int = 10
    """Requests that may be refused with 429 in one window before the address is banned."""


@attrs.define
class _Conduct:
    """What is remembered of an address that went over its limit."""

    window_end_ns: int = 0
    refused: int = 0
    bans: int = 0
    banned_until_ns: int = 0


class Limits:
    """All limits of the exchange, for all addresses and accounts."""

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self.weight = Meter(Limit(Counted.WEIGHT, "MINUTE", 1, settings.weight))
        self.raw = Meter(Limit(Counted.RAW, "MINUTE", 5, settings.raw))
        self.connections = Meter(Limit(Counted.CONNECTIONS, "MINUTE", 5, settings.connections))
        self.orders = (
            Meter(Limit(Counted.ORDERS, "SECOND", 10, settings.orders_10s)),
            Meter(Limit(Counted.ORDERS, "DAY", 1, settings.orders_1d)),
        )
        self._conduct: dict[str, _Conduct] = {}

    # Addresses.

    def check_ban(self, address: str, now_ns: int) -> None:
        """Refuse everything from a banned address."""
        conduct = self._conduct.get(address)
        if conduct is not None and conduct.banned_until_ns > now_ns:
            raise _banned(conduct.banned_until_ns, now_ns)

    def is_banned(self, address: str, now_ns: int) -> bool:
        """Say whether the address is banned."""
        conduct = self._conduct.get(address)
        return conduct is not None and conduct.banned_until_ns > now_ns

    def ban(self, address: str, until_ns: int) -> None:
        """Ban an address whatever it did."""
        self._conduct.setdefault(address, _Conduct()).banned_until_ns = until_ns

    def charge(self, address: str, weight: int, now_ns: int, *, is_rest: bool) -> None:
        """Count a request and refuse it when its address is over a limit.

        Refused requests count too, and too many of them earn a ban: two minutes, then doubling.
        """
        if is_rest and self.raw.add(address, 1, now_ns) > self.raw.limit.limit:
            self._refuse(address, self.raw, "raw requests", now_ns)
        if self.weight.add(address, weight, now_ns) > self.weight.limit.limit:
            self._refuse(address, self.weight, "request weight", now_ns)

    def refund(self, address: str, weight: int, now_ns: int) -> None:
        """Take back the weight of an order action that succeeded."""
        self.weight.add(address, -weight, now_ns)

    def connect(self, address: str, now_ns: int) -> None:
        """Count a WebSocket connection and refuse one too many."""
        self.check_ban(address, now_ns)
        if self.connections.add(address, 1, now_ns) > self.connections.limit.limit:
            self._refuse(address, self.connections, "connections", now_ns)

    def _refuse(self, address: str, meter: Meter, noun: str, now_ns: int) -> None:
        conduct = self._conduct.setdefault(address, _Conduct())
        end_ns = meter.resets_at_ns(now_ns)
        if conduct.window_end_ns != end_ns:
            conduct.window_end_ns, conduct.refused = end_ns, 0
        conduct.refused += 1
        if conduct.refused > self.settings.requests_until_ban:
            length_ns = min(_FIRST_BAN_NS * 2**conduct.bans, _LONGEST_BAN_NS)
            conduct.bans += 1
            conduct.refused = 0
            conduct.banned_until_ns = now_ns + length_ns
            raise _banned(conduct.banned_until_ns, now_ns)
        limit = meter.limit
        raise Refusal(
            -1003,
            f"Too much request weight used; current limit is {limit.limit} {noun} per "
            f"{limit.number} {limit.interval}. Please use WebSocket Streams for live updates "
            "to avoid polling the API.",
            retry_at_ms=end_ns // 1_000_000,
            retry_after_s=_whole_seconds(end_ns - now_ns),
        )

    # Accounts.

    def check_orders(self, account: str, number: int, now_ns: int) -> None:
        """Refuse orders that would go over the unfilled order count."""
        for meter in self.orders:
            if meter.count(account, now_ns) + number > meter.limit.limit:
                limit, end_ns = meter.limit, meter.resets_at_ns(now_ns)
                raise Refusal(
                    -1015,
                    f"Too many new orders; current limit is {limit.limit} orders per "
                    f"{limit.number} {limit.interval}.",
                    retry_at_ms=end_ns // 1_000_000,
                    retry_after_s=_whole_seconds(end_ns - now_ns),
                )

    def count_orders(self, account: str, number: int, now_ns: int) -> None:
        """Count accepted orders, or with a negative number their first fills."""
        short, day = self.orders
        is_day_over = day.count(account, now_ns) >= day.limit.limit
        day.add(account, number, now_ns)
        if number < 0 or not is_day_over:
            short.add(account, number, now_ns)

    # Reports.

    def weight_headers(self, address: str, now_ns: int) -> list[tuple[str, str]]:
        """Give the headers that every answer has."""
        used = str(self.weight.count(address, now_ns))
        return [
            ("x-mbx-used-weight", used),
            (f"x-mbx-used-weight-{self.weight.limit.letters.lower()}", used),
        ]

    def order_headers(self, account: str, now_ns: int) -> list[tuple[str, str]]:
        """Give the headers of an answer to a placement."""
        return [
            (f"x-mbx-order-count-{meter.limit.letters.lower()}", str(meter.count(account, now_ns)))
            for meter in self.orders
        ]

    def weight_payload(self, address: str, now_ns: int) -> list[dict[str, object]]:
        """Give what answers over the WebSocket API report of the address."""
        return [self.weight.limit.payload(self.weight.count(address, now_ns))]

    def orders_payload(self, account: str, now_ns: int) -> list[dict[str, object]]:
        """Give the unfilled order counts of an account."""
        return [meter.limit.payload(meter.count(account, now_ns)) for meter in self.orders]

    def info_payload(self, *, is_rest: bool) -> list[dict[str, object]]:
        """Give the limits as `exchangeInfo` lists them."""
        last = self.raw if is_rest else self.connections
        return [meter.limit.payload() for meter in (self.weight, *self.orders, last)]


def _banned(until_ns: int, now_ns: int) -> Refusal:
    return Refusal(
        -1003,
        f"Way too much request weight used; IP banned until {until_ns // 1_000_000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        retry_at_ms=until_ns // 1_000_000,
        retry_after_s=_whole_seconds(until_ns - now_ns),
    )


def _whole_seconds(span_ns: int) -> int:
    return -(-span_ns // _SECOND_NS)
