"""The guard sees what reaches out, however it was imported, and lets arithmetic pass."""

import datetime as dt
import gc
import hashlib
import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from time import time_ns as kept_name
from typing import Any

import pytest

from venuekit.testing.conformance.guard import Guard, Impure


def seen_in(action: Callable[[], Any]) -> str:
    guard = Guard()
    with guard.up():
        try:
            action()
        except Impure:
            guard.seen.setdefault("refused", "")
    return " ".join(guard.seen)


def hidden() -> None:
    try:
        socket.socket()
    except PermissionError:
        return


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (time.time, "clock"),
        (kept_name, "clock"),
        (lambda: dt.datetime.now(dt.UTC), "clock"),
        (dt.date.today, "clock"),
        (random.random, "chance"),
        (lambda: random.Random(1).randint(1, 6), "chance"),
        (uuid.uuid4, "chance"),
        (lambda: os.urandom(8), "chance"),
        (lambda: os.environ.get("HOME"), "environment"),
        (lambda: os.getenv("HOME"), "environment"),
        (lambda: Path(__file__).read_text(), "file"),
        (lambda: Path(__file__).exists(), "system"),
        (print, "file"),
        (lambda: threading.Thread(target=hidden).start(), "thread"),
        (hidden, "socket"),
    ],
)
def test_what_reaches_out_is_noted(action: Callable[[], Any], word: str) -> None:
    assert word in seen_in(action)


@pytest.mark.parametrize(
    "action",
    [
        lambda: json.loads('{"a": 1.5}', parse_float=Decimal),
        lambda: hashlib.sha256(b"x").hexdigest(),
        lambda: dt.datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp(),
        lambda: time.strftime("%Y", time.gmtime(0)),
        lambda: sorted(f"{n:x}" for n in range(100)),
    ],
)
def test_arithmetic_on_its_arguments_is_not(action: Callable[[], Any]) -> None:
    assert seen_in(action) == ""


def test_outside_of_the_guard_nothing_is_watched() -> None:
    guard = Guard()
    with guard.up():
        pass
    time.time()

    assert guard.seen == {}


def test_what_a_plugin_swallows_is_noted_all_the_same_and_names_its_line() -> None:
    guard = Guard()
    with guard.up():
        hidden()

    (where,) = {place for what, place in guard.seen.items() if what.startswith("socket")}
    assert where.startswith("test_guard.py:")
    assert where.endswith(" hidden")


def test_garbage_of_others_is_not_collected_inside_and_taken_for_the_plugins_doing() -> None:
    def measure(phase: str, info: dict[str, int]) -> None:
        time.perf_counter()

    def litter() -> None:
        for _ in range(10 * gc.get_threshold()[0]):
            ring: list[Any] = []
            ring.append(ring)

    gc.callbacks.append(measure)
    try:
        assert seen_in(litter) == ""
    finally:
        gc.callbacks.remove(measure)
    assert gc.isenabled()
