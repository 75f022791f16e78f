"""A table from an exchange's error codes to failures."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from venuekit.model import Advice, Failure, Outcome

_LONGEST_TEXT: Final = 200


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
        for code, row in self.rows.items():
            found.append(DocumentedError(code, row))
            found += [DocumentedError(code, each, text) for text, each in self.texts.get(code, ())]
        return tuple(found)

    def _row(self, code: str, text: str) -> Row | None:
        for beginning, row in self.texts.get(code, ()):
            if text.startswith(beginning):
                return row
        return self.rows.get(code)


def clean(text: str) -> str:
    """Make an exchange's words safe for terminals and logs: no control or format characters."""
    kept = "".join(
        c if unicodedata.category(c)[0] != "C" else " " for c in text[: 4 * _LONGEST_TEXT]
    )
    return kept.strip()[:_LONGEST_TEXT]
