"""Faults are data, handed out in order to what they fit."""

import random

import cattrs
import pytest

from venuekit.sim.faults import Fault, FaultKind, FaultPlan, fault_from_json, fault_to_json

DROP = (FaultKind.DROP_BEFORE,)


def plan() -> FaultPlan:
    return FaultPlan(random.Random(1))


def test_a_fault_happens_as_often_as_it_says_and_is_remembered() -> None:
    faults = plan()
    faults.add(Fault(kind=FaultKind.DROP_BEFORE, count=2))
    taken = [faults.take(DROP, method="GET", path="/a") for _ in range(3)]
    assert [fault is not None for fault in taken] == [True, True, False]
    assert [fired.subject for fired in faults.fired] == ["GET /a", "GET /a"]
    assert not faults.planned


def test_a_fault_fits_by_method_path_and_topic() -> None:
    faults = plan()
    faults.add(Fault(kind=FaultKind.DROP_BEFORE, method="POST", path="/api/*", count=None))
    assert faults.take(DROP, method="GET", path="/api/v3/order") is None
    assert faults.take(DROP, method="POST", path="/other") is None
    assert faults.take(DROP, method="POST", path="/api/v3/order") is not None
    assert faults.take((FaultKind.DROP_AFTER,), method="POST", path="/api/v3/order") is None


def test_skipped_occasions_pass_unharmed() -> None:
    faults = plan()
    faults.add(Fault(kind=FaultKind.MESSAGE_DROP, topic="btc*", skip=2))
    kinds = (FaultKind.MESSAGE_DROP,)
    assert faults.take(kinds, topic="ethusdt@trade") is None
    taken = [faults.take(kinds, topic="btcusdt@trade") for _ in range(4)]
    assert [fault is not None for fault in taken] == [False, False, True, False]


def test_chance_comes_from_the_seed_alone() -> None:
    def run() -> list[bool]:
        faults = plan()
        faults.add(Fault(kind=FaultKind.DROP_BEFORE, probability=0.5, count=None))
        return [faults.take(DROP) is not None for _ in range(50)]

    assert run() == run()
    assert 10 < sum(run()) < 40


def test_a_state_of_the_world_lasts_until_it_is_removed() -> None:
    faults = plan()
    (number,) = faults.add(Fault(kind=FaultKind.HALT, topic="BTC*", text="HALT"))
    assert faults.lasting(FaultKind.HALT, topic="BTCUSDT") is not None
    assert faults.lasting(FaultKind.HALT, topic="ETHUSDT") is None
    assert faults.remove(number)
    assert not faults.remove(number)
    assert faults.lasting(FaultKind.HALT, topic="BTCUSDT") is None


def test_faults_travel_as_json() -> None:
    fault = Fault(kind=FaultKind.ANSWER_AFTER, path="/api/v3/order", answer="timeout", count=None)
    data = fault_to_json(fault)
    assert data == {
        "kind": "answer_after",
        "path": "/api/v3/order",
        "answer": "timeout",
        "count": None,
    }
    assert fault_from_json(data) == fault


def test_bad_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="probability"):
        Fault(kind=FaultKind.CLOSE, probability=2)
    with pytest.raises(ValueError, match="count"):
        Fault(kind=FaultKind.CLOSE, count=0)
    with pytest.raises(ValueError, match="negative"):
        Fault(kind=FaultKind.CLOSE, delay_s=-1)
    with pytest.raises(cattrs.BaseValidationError):
        fault_from_json({"kind": "close", "cuont": 1})
