"""Making a history short that breaks a promise, while it breaks the same one."""

from collections.abc import Callable, Iterator

import attrs

from tests.simulation.history import Goes, History, PlaceMany, Step

Breaks = Callable[[History], bool]
"""Whether a history breaks the promise that is looked into."""


def shrunk(history: History, breaks: Breaks, *, most: int = 600) -> History:
    """Give the shortest history that was found, after playing at most so many."""
    left = most
    is_shorter = True
    while is_shorter and left > 0:
        is_shorter = False
        for candidate in _shorter(history):
            left -= 1
            if breaks(candidate):
                history, is_shorter = candidate, True
                break
            if left <= 0:
                break
    return history


def _shorter(history: History) -> Iterator[History]:
    """Give histories that are a little simpler, the boldest first."""
    steps = history.steps
    size = len(steps) // 2
    while size >= 1:
        # From the end: what comes late is most often beside the point.
        for start in range(len(steps) - size, -1, -size):
            yield attrs.evolve(history, steps=steps[:start] + steps[start + size :])
        size //= 2
    for at, step in enumerate(steps):
        for simpler in _simpler(step):
            yield attrs.evolve(history, steps=(*steps[:at], simpler, *steps[at + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    if isinstance(step, PlaceMany) and len(step.numbers) > 1:
        yield attrs.evolve(step, numbers=step.numbers[:1])
        yield attrs.evolve(step, numbers=step.numbers[:-1])
    if isinstance(step, Goes) and (step.fault.count or 0) > 1:
        yield attrs.evolve(step, fault=attrs.evolve(step.fault, count=1))
    for field in attrs.fields(type(step)):
        held = getattr(step, field.name)
        if field.name == "key":
            continue  # one number without a key would be two intents
        if field.default is not attrs.NOTHING and held != field.default:
            yield attrs.evolve(step, **{field.name: field.default})
