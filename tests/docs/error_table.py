"""The page of errors: what venuekit raises, and what each exchange's own errors mean.

To write it anew: `python -m tests.docs.error_table`.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.docs.exchange_table import manifests
from venuekit import model
from venuekit.model import Advice, Outcome, VenuekitError
from venuekit.plugin import Manifest, Row

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"

NOTHING: Final = "no effect"
MAYBE: Final = "it may have had its effect"
WHAT_TO_DO: Final[dict[str, tuple[str, str]]] = {
    "VenuekitError": ("", "catch it to catch all of them"),
    "ConfigurationError": (NOTHING, "mend the settings that `faults` names, all at once"),
    "PluginError": (NOTHING, "do what `remedy` says; `venuekit plugins` shows the rest"),
    "NotSupported": (NOTHING, "do without, or choose another exchange"),
    "InstrumentNotFound": (NOTHING, "use one of `suggestions`"),
    "OrderRefused": (NOTHING, "take one of the nearest valid values in `violations`"),
    "RequestError": ("`failure.outcome`", "decide by the kind below; `may_retry`, `retry_after_s`"),
    "NotSent": (NOTHING, "ask again when you still want it: nothing was sent"),
    "BudgetExhausted": (NOTHING, "wait `retry_after_s`, ask for less, or be more patient"),
    "Rejected": (NOTHING, "read `failure.reason`; the same request is refused again"),
    "InsufficientBalance": (NOTHING, "ask for less; `fetch_balances()`"),
    "OrderNotFound": (NOTHING, "the order may be long done: `fetch_order`, `fetch_fills`"),
    "RateLimited": (NOTHING, "wait `retry_after_s`; other requests wait by themselves"),
    "AuthenticationFailed": (NOTHING, "stop; check key, permissions, address list and clock"),
    "OutcomeUnknown": (MAYBE, "await the error, or look it up by `client_order_id`; never resend"),
    "Unavailable": (NOTHING, "ask again later; it was a read"),
    "BadAnswer": ("of a read: none", "report it: the exchange or the plugin has changed"),
    "StreamError": ("", "see the kind below"),
    "SubscriptionRefused": (NOTHING, "read the exchange's reason in `text`"),
    "ConsumerTooSlow": ("`lost` events are gone", "read faster, or choose another policy"),
    "BookNotLive": (NOTHING, "wait for `ready()`, or do without the book"),
    "StoreError": (
        NOTHING,
        "mend the disk or file that it names; meanwhile no order is sent",
    ),
    "Closed": (NOTHING, "open the exchange again"),
}
"""For each class: what is known of the effect, and what to do."""

_OUTCOMES: Final = {
    Outcome.NOT_SENT: "not processed",
    Outcome.REJECTED: "none",
    Outcome.UNKNOWN: "**unknown**",
    Outcome.DONE: "done",
}
_ADVICE: Final = {
    Advice.AGAIN: "again",
    Advice.AFTER_DELAY: "later",
    Advice.AFTER_CLOCK_SYNC: "once, after asking for the time",
    Advice.NEW_NONCE: "once, with a higher nonce",
    Advice.NEVER: "",
}
_HEAD = """\
# Errors

Written by `python -m tests.docs.error_table` from the code itself; a test compares.

Every error that venuekit raises is a `VenuekitError`. One that stands deeper is one of those above
it, so that a program catches as much as it can deal with. A `RequestError` says what was asked
(`what`), for which order (`client_order_id`), what the exchange said (`failure.code`,
`failure.text`, without control characters), what is known of the effect (`failure.outcome`),
whether the same may be asked again (`may_retry`) and when (`retry_after_s`). What the framework may
try again by itself it has tried before you see the error: see
[Limits and retries](../explanation/retries.md).

"""
_EXCHANGES = """
## What the exchanges say

For each error that an exchange documents: our stable `failure.reason`, what is known of the effect
of an order, amendment or cancel that was answered so, and whether the same request may be sent
again. For a read, "unknown" means that it failed for now. An error that is not in the table is
never retried, leaves the effect of a write unknown, and is logged as `error_undocumented`.

A page in HTML, half an answer, an empty one, or one of wrong types says nothing of what was done:
whatever its status, the effect of a write is unknown. The status still says when to come back.
"""


def classes() -> list[type[VenuekitError]]:
    """Give every error class of the model, each behind its base and before its neighbours."""
    found = [
        member
        for _, member in inspect.getmembers(model, inspect.isclass)
        if issubclass(member, VenuekitError)
    ]

    def below(base: type[VenuekitError]) -> Iterator[type[VenuekitError]]:
        yield base
        for each in sorted(found, key=lambda cls: list(WHAT_TO_DO).index(cls.__name__)):
            if base in each.__bases__:
                yield from below(each)

    return list(below(VenuekitError))


def page() -> str:
    """Write the page."""
    rows = [_row("error", "when", "effect", "what to do"), _row(*["---"] * 4)]
    for cls in classes():
        depth = len(cls.__mro__) - len(VenuekitError.__mro__)
        effect, what_to_do = WHAT_TO_DO[cls.__name__]
        first = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
        rows.append(_row(f"{'&emsp;' * depth}`{cls.__name__}`", first, effect, what_to_do))
    tables = [_exchange(manifest) for manifest in manifests() if manifest.errors]
    return _HEAD + "\n".join(rows) + "\n" + _EXCHANGES + "".join(tables)


def _exchange(manifest: Manifest) -> str:
    # Codes that mean the same share a line.
    meanings: dict[tuple[Row, str, float | None], list[str]] = {}
    for error in manifest.errors:
        meaning = (error.row, error.text, error.retry_after_s)
        meanings.setdefault(meaning, []).append(error.code)
    rows = [_row("its error", "reason", "effect of a write", "again"), _row(*["---"] * 4)]
    rows += [
        _row(
            " ".join([*(f"`{code}`" for code in codes if code), *([f'"{text}…"'] if text else [])]),
            f"`{row.reason}`",
            _OUTCOMES[row.outcome],
            _ADVICE[row.advice] + (f", after {wait_s:g} s" if wait_s else ""),
        )
        for (row, text, wait_s), codes in meanings.items()
    ]
    return f"\n### {manifest.title}\n\n" + "\n".join(rows) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE)
