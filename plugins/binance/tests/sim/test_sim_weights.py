"""Limits count in windows that are aligned to the clock."""

import pytest

from venuekit_binance.sim.refusals import Refusal
from venuekit_binance.sim.weights import Limits, LimitSettings

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 20_000 * 86_400 * SECOND + 43_200 * SECOND
IP = "10.0.0.1"


def refused(limits: Limits, now_ns: int, weight: int = 1) -> Refusal:
    with pytest.raises(Refusal) as caught:
        limits.charge(IP, weight, now_ns, is_rest=True)
    return caught.value


def test_weight_is_counted_to_the_limit_and_reset_on_the_minute() -> None:
    limits = Limits(LimitSettings(weight=10))
    limits.charge(IP, 10, NOON + 59 * SECOND, is_rest=True)
    refusal = refused(limits, NOON + 59 * SECOND)
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (429, -1003, 1)
    assert "10 request weight per 1 MINUTE" in refusal.message
    limits.charge(IP, 10, NOON + MINUTE, is_rest=True)
    assert ("x-mbx-used-weight-1m", "10") in limits.weight_headers(IP, NOON + MINUTE)


def test_weight_belongs_to_an_address_and_can_be_refunded() -> None:
    limits = Limits(LimitSettings(weight=10))
    limits.charge(IP, 9, NOON, is_rest=True)
    limits.charge("10.0.0.2", 9, NOON, is_rest=True)
    limits.refund(IP, 5, NOON)
    limits.charge(IP, 6, NOON, is_rest=True)
    limits.refund(IP, 100, NOON)
    assert limits.weight.count(IP, NOON) == 0


def test_raw_requests_are_counted_for_rest_alone() -> None:
    limits = Limits(LimitSettings(raw=2))
    for _ in range(5):
        limits.charge(IP, 0, NOON, is_rest=False)
    limits.charge(IP, 0, NOON, is_rest=True)
    limits.charge(IP, 0, NOON, is_rest=True)
    assert "2 raw requests per 5 MINUTE" in refused(limits, NOON).message


def test_going_on_in_spite_of_429_earns_bans_that_grow() -> None:
    limits = Limits(LimitSettings(weight=1, requests_until_ban=2))
    limits.charge(IP, 1, NOON, is_rest=True)
    assert [refused(limits, NOON).status for _ in range(3)] == [429, 429, 418]
    with pytest.raises(Refusal) as caught:
        limits.check_ban(IP, NOON + 119 * SECOND)
    assert caught.value.retry_after_s == 1
    assert str((NOON + 120 * SECOND) // 1_000_000) in caught.value.message
    later = NOON + 120 * SECOND
    limits.check_ban(IP, later)
    assert not limits.is_banned(IP, later)
    limits.charge(IP, 1, later, is_rest=True)
    assert [refused(limits, later).status for _ in range(3)] == [429, 429, 418]
    assert limits.is_banned(IP, later + 239 * SECOND)
    assert not limits.is_banned(IP, later + 240 * SECOND)


def test_order_counts_have_two_windows_and_fall_with_first_fills() -> None:
    limits = Limits(LimitSettings(orders_10s=2, orders_1d=3))
    limits.check_orders("a", 2, NOON)
    limits.count_orders("a", 2, NOON)
    with pytest.raises(Refusal, match="2 orders per 10 SECOND") as caught:
        limits.check_orders("a", 1, NOON + SECOND)
    assert (caught.value.status, caught.value.code, caught.value.retry_after_s) == (429, -1015, 9)
    limits.check_orders("b", 2, NOON)
    limits.check_orders("a", 1, NOON + 10 * SECOND)
    with pytest.raises(Refusal, match="3 orders per 1 DAY"):
        limits.check_orders("a", 2, NOON + 10 * SECOND)
    limits.count_orders("a", -1, NOON + 10 * SECOND)
    limits.check_orders("a", 2, NOON + 10 * SECOND)
    assert limits.order_headers("a", NOON + 10 * SECOND) == [
        ("x-mbx-order-count-10s", "0"),
        ("x-mbx-order-count-1d", "1"),
    ]


def test_the_short_count_rests_while_the_day_is_used_up() -> None:
    limits = Limits(LimitSettings(orders_10s=10, orders_1d=2))
    limits.count_orders("a", 2, NOON)
    limits.count_orders("a", 1, NOON)
    counts = [meter["count"] for meter in limits.orders_payload("a", NOON)]
    assert counts == [2, 3]


def test_connections_are_counted() -> None:
    limits = Limits(LimitSettings(connections=1))
    limits.connect(IP, NOON)
    with pytest.raises(Refusal, match="1 connections per 5 MINUTE"):
        limits.connect(IP, NOON)


def test_information_lists_raw_requests_for_rest_and_connections_for_sockets() -> None:
    limits = Limits(LimitSettings())
    kinds = [row["rateLimitType"] for row in limits.info_payload(is_rest=True)]
    assert kinds == ["REQUEST_WEIGHT", "ORDERS", "ORDERS", "RAW_REQUESTS"]
    assert limits.info_payload(is_rest=False)[-1] == {
        "rateLimitType": "CONNECTIONS",
        "interval": "MINUTE",
        "intervalNum": 5,
        "limit": 300,
    }
