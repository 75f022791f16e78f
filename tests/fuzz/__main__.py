"""Bent frames and answers for a while, and what the worst of them cost.

`python -m tests.fuzz --exchange binance --seconds 600 [--seed 1] [--atheris]`; without an exchange
all of them take turns. Prints every fault with its bytes, and ends with 1 if there was any.
`--sizes` measures instead how CPU time grows with the size of a frame.
"""

import argparse
import os
import random
import resource
import sys
import time
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from tests.fuzz.frames import FRAMES
from venuekit.testing.conformance.bending import Pick, hostile

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

BOUND_S: Final = 0.05
_LOOK_EVERY: Final = 500
"""Memory is traced for one text among so many: tracing makes everything slow."""


@attrs.define
class Findings:
    """What came of it."""

    tried: int = 0
    refused: int = 0
    longest_s: float = 0.0
    longest: str = ""
    dearest: float = 0.0
    """The most memory taken at once, in sizes of the text; small texts count as 10 kB."""
    faults: dict[str, str] = attrs.field(factory=dict)
    """By place and kind, the first text that found it."""

    def __str__(self) -> str:
        """Tell it in a line."""
        return (
            f"{self.tried:,} texts, {self.refused:,} refused, {len(self.faults)} faults; "
            f"longest {self.longest_s * 1000:.1f} ms of CPU ({self.longest}), "
            f"memory up to {self.dearest:.0f} times the text"
        )


def tried(target: "Target", body: bytes, findings: Findings) -> None:
    """Read once, and take note."""
    findings.tried += 1
    begun_s = time.process_time()
    try:
        target.read(body)
    except ValueError as error:
        findings.refused += 1
        if isinstance(error, UnicodeEncodeError):
            _noted(target, body, findings)
    except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
        _noted(target, body, findings)
    spent_s = time.process_time() - begun_s
    if spent_s > findings.longest_s:
        # Once more: a search for garbage may have fallen into it.
        begun_s = time.process_time()
        _quietly(target, body)
        spent_s = min(spent_s, time.process_time() - begun_s)
    if spent_s > findings.longest_s:
        findings.longest_s = spent_s
        findings.longest = f"{target.name}, {len(body):,} bytes"
    if findings.tried % _LOOK_EVERY == 0:
        tracemalloc.start()
        _quietly(target, body)
        findings.dearest = max(
            findings.dearest, tracemalloc.get_traced_memory()[1] / max(len(body), 10_000)
        )
        tracemalloc.stop()


def _quietly(target: "Target", body: bytes) -> None:
    try:
        target.read(body)
    except Exception:  # noqa: BLE001  # counted before
        return


def _noted(target: "Target", body: bytes, findings: Findings) -> None:
    kind, error, trace = sys.exc_info()
    assert kind is not None
    last = traceback.extract_tb(trace)[-1]
    place = f"{target.name}: {kind.__name__} at {Path(last.filename).name}:{last.lineno}"
    if place not in findings.faults:
        findings.faults[place] = repr(body[:600])
        print(f"FAULT {place}: {str(error)[:200]!a}\n  {body[:600]!r}", flush=True)


def by_chance(exchange: str, seconds: float, seed: int) -> Findings:
    """Bend texts by chance for so long."""
    from tests.fuzz.targets import targets

    chance = random.Random(seed)
    findings, found = Findings(), targets(exchange)
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for _ in range(100):
            target = chance.choice(found)
            tried(target, hostile(target.texts, chance.randrange), findings)
    return findings


def by_coverage(exchange: str, seconds: float, seed: int) -> Findings:
    """Let atheris look for texts that reach new branches; it ends the process itself."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # optional group

    findings = Findings()
    # Only what is imported in here is watched, so nothing of it may be imported before.
    with atheris.instrument_imports(include=[f"venuekit_{exchange.partition('-')[0]}", "venuekit"]):
        from tests.fuzz.targets import targets

        found = targets(exchange)

    ends_at = time.monotonic() + seconds

    def one(data: bytes) -> None:
        if time.monotonic() > ends_at:
            # libFuzzer ends the process without a word to Python; so do we, after one.
            print(f"{exchange}, atheris: {findings}", flush=True)
            os._exit(int(is_bad(findings)))
        source = atheris.FuzzedDataProvider(data)
        pick: Pick = lambda n: source.ConsumeIntInRange(0, n - 1)  # noqa: E731  # names its type
        target = found[pick(len(found))]
        is_raw = pick(4) == 0
        body = source.ConsumeBytes(4096) if is_raw else hostile(target.texts, pick)
        tried(target, body, findings)

    atheris.Setup([sys.argv[0], f"-seed={seed}", "-max_len=512", "-verbosity=0"], one)
    atheris.Fuzz()
    return findings


def is_bad(findings: Findings) -> bool:
    """Say whether any text did what none may do."""
    return bool(findings.faults) or findings.longest_s > BOUND_S


def sizes(exchange: str) -> None:
    """Say what texts of each shape cost, by their size."""
    from tests.fuzz.targets import SHAPES, first_of_each, targets

    for name, shape in SHAPES.items():
        row = []
        for size in (2**16, 2**18, 2**20):
            body = shape(size)
            longest = max(_spent_s(target, body) for target in first_of_each(targets(exchange)))
            row.append(f"{longest * 1000:8.1f}")
        print(f"{exchange:18} {name:16} {' '.join(row)} ms for 64 kB, 256 kB, 1 MB", flush=True)


def _spent_s(target: "Target", body: bytes) -> float:
    begun_s = time.process_time()
    _quietly(target, body)
    return time.process_time() - begun_s


def main(arguments: list[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--exchange", choices=list(FRAMES))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--sizes", action="store_true")
    asked: Any = parser.parse_args(arguments)
    chosen = [asked.exchange] if asked.exchange else list(FRAMES)
    if asked.sizes:
        for exchange in chosen:
            sizes(exchange)
        return 0
    if asked.atheris and len(chosen) > 1:
        parser.error("--atheris ends the process: name one --exchange")
    run: Callable[[str, float, int], Findings] = by_coverage if asked.atheris else by_chance
    found = []
    for exchange in chosen:
        found.append(run(exchange, asked.seconds / len(chosen), asked.seed))
        print(f"{exchange}: {found[-1]}", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime:.0f} s of CPU, {used.ru_maxrss // 1024} MB at most")
    return int(any(map(is_bad, found)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
