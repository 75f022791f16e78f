"""Client order ids: unique for every intent, and recognised as ours when found elsewhere."""

import math
import random
import re
from typing import Final

from venuekit.model import ClientOrderId, ConfigurationError
from venuekit.plugin import ClientOrderIdRule

_WANTED_BITS: Final = 128
_FEWEST_BITS: Final = 64
_MARK_LENGTH: Final = 5
"""With 62 letters: somebody else's id begins so by chance once in 900 million."""
_MARK_BITS: Final = 29
"""Of ids that have a form, whose alphabet may be small."""


class ClientOrderIds:
    """Makes client order ids: the mark of this installation, then randomness.

    Never the time: two processes, or a clock that was set back, would make one id twice.
    """

    def __init__(self, rule: ClientOrderIdRule, *, mark: int, rng: random.Random) -> None:
        """Make ids by the exchange's rule.

        Args:
            rule: Of the exchange's manifest.
            mark: Of this installation, from `Journal.installation_mark`.
            rng: `random.SystemRandom()`, or a seeded one in simulations.

        Raises:
            ConfigurationError: The rule leaves too little room, or its pattern does not take ids
                made of its alphabet.
        """
        # Two letters at a time: half the divisions of a large number.
        self._pairs = [low + high for high in rule.alphabet for low in rule.alphabet]
        base = len(rule.alphabet)
        bits_each = math.log2(base)
        self._rng = rng
        self._template = rule.template
        if rule.template is None:
            mark_length, room = _MARK_LENGTH, rule.max_length
            self._length = min(room - mark_length, math.ceil(_WANTED_BITS / bits_each))
        else:
            mark_length, room = math.ceil(_MARK_BITS / bits_each), rule.template.count("x")
            self._length = room - mark_length
        self._bits = math.floor(self._length * bits_each)
        if self._bits < _FEWEST_BITS:
            msg = (
                f"client_order_id: {room} characters of {base} kinds hold "
                f"{max(self._bits, 0)} bits of chance beside a mark; {_FEWEST_BITS} are needed"
            )
            raise ConfigurationError([msg])
        self.mark = self._text(mark % base**mark_length, mark_length)
        if re.fullmatch(rule.pattern, self.make()) is None:
            msg = f"client_order_id: pattern {rule.pattern} takes no id of its own alphabet"
            raise ConfigurationError([msg])

    def make(self) -> ClientOrderId:
        """Give an id that was never given before."""
        text = self.mark + self._text(self._rng.getrandbits(self._bits), self._length)
        return ClientOrderId(text if self._template is None else _filled(self._template, text))

    def is_ours(self, client_order_id: str | None) -> bool:
        """Say whether this installation made the id, in this run or an earlier one."""
        if client_order_id is None:
            return False
        text = client_order_id
        if self._template is not None:
            if len(text) != len(self._template):
                return False
            text = "".join(c for c, form in zip(text, self._template, strict=True) if form == "x")
            if _filled(self._template, text) != client_order_id:
                return False
        return len(text) == len(self.mark) + self._length and text.startswith(self.mark)

    def _text(self, number: int, length: int) -> str:
        letters = []
        for _ in range((length + 1) // 2):
            number, pair = divmod(number, len(self._pairs))
            letters.append(self._pairs[pair])
        return "".join(letters)[:length]


def _filled(template: str, text: str) -> str:
    """Put the characters of `text` where the template has an `x`."""
    letters = iter(text)
    return "".join(next(letters) if form == "x" else form for form in template)
