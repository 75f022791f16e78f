"""`venuekit demo`: the whole main job over real connections, each step checked.

Every step says what it saw; a step whose claim does not hold ends the story of that exchange, and
the exit code is 1. The simulator, its faults and the client speak HTTP and WebSocket over loopback,
nothing is mocked.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import attrs
from rich.console import Console

import venuekit
from venuekit.cli.demo_steps import (
    chosen_instrument,
    show_exchange,
    show_limit_order,
    show_lost_answer,
    show_reconciliation,
    show_rules,
    show_streams,
)
from venuekit.cli.demo_telling import StepFailed, Teller, Watch
from venuekit.cli.exits import sentences
from venuekit.client import Exchange
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.model import NotSupported

LONGEST_S: Final = 55.0
"""On one exchange."""


@attrs.frozen(kw_only=True)
class Outcome:
    """How the story of one exchange ended."""

    exchange: str
    failure: str | None
    """The claim that did not hold, or what went wrong; None: all of it happened."""
    took_s: float


@asynccontextmanager
async def watching(ex: Exchange) -> AsyncIterator[Watch]:
    """Follow account stream and journal while the context lasts."""
    try:
        stream = await ex.account_events()
    except NotSupported:
        stream = None
    watch = Watch(has_stream=stream is not None)
    journal = await ex.order_events("demo")
    tasks = [asyncio.create_task(watch.follow_journal(journal), name="demo: journal")]
    if stream is not None:
        following = watch.follow_stream(stream)
        tasks.append(asyncio.create_task(following, name="demo: account stream"))
    try:
        yield watch
    finally:
        if stream is not None:
            await stream.aclose()
        await journal.aclose()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def story(exchange: str, config: Configuration, tell: Teller) -> None:
    """Run all steps on one exchange."""
    async with venuekit.open(exchange, environment="sim", config=config) as ex:
        await show_exchange(ex, tell)
        instrument = chosen_instrument(ex)
        await show_rules(ex, instrument, tell)
        async with watching(ex) as watch:
            await show_limit_order(ex, instrument, watch, tell)
            await show_lost_answer(ex, instrument, watch, tell)
            await show_streams(ex, instrument, watch, tell)
            await show_reconciliation(ex, watch, tell)


def run(*, json: bool, exchanges: Sequence[str]) -> int:  # `json` is named like the option
    """Run the demo on one exchange after the other.

    Returns:
        The exit code: 0 only if everything that it shows really happened, on all of them.
    """
    tell = Teller(as_json=json, console=Console())
    begun = time.perf_counter()
    outcomes = [_told(exchange, tell, is_one_of_many=len(exchanges) > 1) for exchange in exchanges]
    if len(outcomes) > 1:
        _sum_up(outcomes, tell, took_s=time.perf_counter() - begun)
    return 0 if all(outcome.failure is None for outcome in outcomes) else 1


def _told(exchange: str, tell: Teller, *, is_one_of_many: bool) -> Outcome:
    """Tell the story of one exchange, to its end or to its failure."""
    tell.begin(exchange, with_heading=is_one_of_many)
    try:
        failure = asyncio.run(_failure_of(exchange, tell))
    except Exception as error:
        if not is_one_of_many:
            raise  # the command line says what to do, and has an exit code for it
        failure = "; ".join(sentences(error))
    outcome = Outcome(exchange=exchange, failure=failure, took_s=tell.took_s)
    took_s = round(outcome.took_s, 1)
    if failure is None:
        tell.step("Done")
        tell.say("done", f"all of it happened, in {took_s} s", ok=True, took_s=took_s)
    else:
        tell.say("failed", f"did not hold: {failure}", ok=False, claim=failure, took_s=took_s)
    return outcome


async def _failure_of(exchange: str, tell: Teller) -> str | None:
    """Tell the story; give the claim that did not hold, if any."""
    # A file of its own: what a demonstration leaves behind must not meet a real journal.
    with tempfile.TemporaryDirectory(prefix="venuekit-demo-") as folder:
        config = configuration_from_text(f'[store]\nurl = "sqlite:{folder}/journal.db"\n')
        try:
            async with asyncio.timeout(LONGEST_S) as limit:
                await story(exchange, config, tell)
        except StepFailed as failed:
            return str(failed)
        except TimeoutError:
            if not limit.expired():
                raise
            return f"the demo ends within {LONGEST_S:g} s"
    return None


def _sum_up(outcomes: Sequence[Outcome], tell: Teller, *, took_s: float) -> None:
    held = sum(outcome.failure is None for outcome in outcomes)
    tell.begin("", with_heading=False)
    tell.step(f"{held} of {len(outcomes)} exchanges did all of it, in {took_s:.1f} s")
    width = max(len(outcome.exchange) for outcome in outcomes)
    for outcome in outcomes:
        result = "ok" if outcome.failure is None else f"FAILED: {outcome.failure}"
        tell.say(
            "result",
            f"{outcome.exchange:<{width}}  {outcome.took_s:5.1f} s  {result}",
            exchange=outcome.exchange,
            ok=outcome.failure is None,
            claim=outcome.failure,
            took_s=round(outcome.took_s, 1),
        )
    tell.say("summary", "", ok=held == len(outcomes), took_s=round(took_s, 1))
