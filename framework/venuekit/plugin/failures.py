"""A table from an exchange's error codes to failures."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin.call import Answer

_LONGEST_TEXT: Final = 200
_TOO_FAST: Final = 429
_DOWN: Final = 500
_DIGITS: Final = 5
"""Of `Retry-After` in seconds; whoever asks for longer is not believed."""


@attrs.frozen(kw_only=True)
class Row:
    """What one code means."""

    outcome: Outcome
    advice: Advice
    reason: str
    """A stable code of ours: `balance.insufficient`, `order.unknown`, `limit.exceeded`, …"""


@attrs.frozen
class DocumentedError:
    """One of an exchange's documented errors, for people and for the conformance kit."""

    code: str
    """Or the text, or the beginning of it, where the exchange has no codes."""
    row: Row
    """For a write; what is ambiguous for a write is a failure for now for a read."""
    text: str = ""
    """How its text begins, where texts tell apart what shares a code."""
    retry_after_s: float | None = None
    """How long to wait, where the plugin knows it without being told by the answer."""


@attrs.frozen(kw_only=True)
class ErrorTable:
    """Every documented code of an exchange; texts tell apart what shares a code."""

    rows: Mapping[str, Row]
    texts: Mapping[str, Sequence[tuple[str, Row]]] = {}  # attrs default, never mutated
    """For some codes: rows by the beginning of the text, tried in order before the code's row."""

    @classmethod
    def grouped(
        cls, groups: Mapping[Row, str], texts: Mapping[str, Sequence[tuple[str, Row]]] | None = None
    ) -> "ErrorTable":
        """Make a table of the codes that mean the same, with blanks between them.

        Raises:
            ValueError: A code stands in two groups.
        """
        rows: dict[str, Row] = {}
        for row, codes in groups.items():
            for code in codes.split():
                if code in rows:
                    raise ValueError(f"{code} is {rows[code].reason} and {row.reason}")
                rows[code] = row
        return cls(rows=rows, texts=texts or {})

    def failure(
        self,
        code: str,
        text: str,
        *,
        is_write: bool,
        retry_after_s: float | None = None,
        is_ban: bool = False,
    ) -> Failure:
        """Say what `code` means for a request.

        A code that is not listed is never retried, and leaves the effect of a write unknown.
        """
        row = self._row(code, text)
        if row is None:
            return Failure(
                outcome=Outcome.UNKNOWN if is_write else Outcome.REJECTED,
                advice=Advice.NEVER,
                reason="exchange.undocumented",
                code=clean(code),
                text=clean(text),
                retry_after_s=retry_after_s,
                is_documented=False,
            )
        return Failure(
            outcome=row.outcome,
            advice=row.advice,
            reason=row.reason,
            code=clean(code),
            text=clean(text),
            retry_after_s=retry_after_s,
            is_ban=is_ban,
        )

    def documented(self) -> tuple[DocumentedError, ...]:
        """Give every row, those of texts behind the code that they belong to."""
        found = []
        for code in dict.fromkeys([*self.rows, *self.texts]):
            # What has no code, or means nothing without its text, has texts alone.
            found += [DocumentedError(code, self.rows[code])] if code in self.rows else []
            found += [DocumentedError(code, each, text) for text, each in self.texts.get(code, ())]
        return tuple(found)

    def _row(self, code: str, text: str) -> Row | None:
        for beginning, row in self.texts.get(code, ()):
            if text.startswith(beginning):
                return row
        return self.rows.get(code)


def unreadable_answer(answer: Answer, *, is_write: bool, wait_s: float | None = None) -> Failure:
    """Judge what is not the exchange's own form: a proxy's page, half an answer, or none.

    The status tells what to do next, and nothing of what was done: who sent it is not known.

    Args:
        answer: As it came.
        is_write: Whether its request could have an effect, which is unknown then.
        wait_s: How long "too fast" (429) waits, in seconds, where `Retry-After` does not say.
    """
    advice, reason = Advice.NEVER, "answer.unreadable"
    if answer.status == _TOO_FAST:
        advice, reason = Advice.AFTER_DELAY, "limit.exceeded"
        wait_s = _seconds(answer.headers.get("retry-after", "")) or wait_s
    elif answer.status >= _DOWN:
        advice, reason, wait_s = Advice.AGAIN, "exchange.unavailable", None
    else:
        wait_s = None
    return Failure(
        outcome=Outcome.UNKNOWN if is_write or answer.status >= _DOWN else Outcome.REJECTED,
        advice=advice,
        reason=reason,
        code=f"HTTP {answer.status}",
        text=clean(answer.body[: 2 * _LONGEST_TEXT].decode("utf-8", "replace")),
        retry_after_s=wait_s,
        is_documented=advice is not Advice.NEVER,
    )


def _seconds(value: str) -> float | None:
    text = value.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def clean(text: str) -> str:
    """Make an exchange's words safe for terminals and logs: no control or format characters."""
    kept = "".join(
        c if unicodedata.category(c)[0] != "C" else " " for c in text[: 4 * _LONGEST_TEXT]
    )
    return kept.strip()[:_LONGEST_TEXT]
