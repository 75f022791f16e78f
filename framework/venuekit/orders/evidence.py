"""What the exchange said, as the journal keeps it beside what was made of it."""

from collections.abc import Callable
from typing import Final

from venuekit.plugin import Answer

_LONGEST: Final = 65_536
"""Characters: an error page may be long, and one order's answer never is."""


class Evidence:
    """Turns answers and frames into text without secrets, for the journal."""

    def __init__(self, redact: Callable[[str], str] | None) -> None:
        """Clean with `redact`; without it nothing is kept, as nobody could clean it."""
        self._redact = redact

    def of_answer(self, answer: Answer | None) -> str:
        """Give an answer's status and body."""
        if answer is None or self._redact is None:
            return ""
        return self.of_frame(f"{answer.status} {answer.body.decode(errors='replace')}")

    def of_frame(self, text: str) -> str:
        """Give a frame's text."""
        if not text or self._redact is None:
            return ""
        # Cleaned first: half a secret, where a long text is cut, is not recognized.
        text = self._redact(text)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}… ({len(text)} characters)"
        return text


class Heard:
    """Remembers the last answer of a call, to be handed to it as `on_answer`."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self.answer: Answer | None = None

    def __call__(self, answer: Answer) -> None:
        """Take an answer in."""
        self.answer = answer
