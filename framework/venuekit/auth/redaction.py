"""Takes secrets out of text, by value: keys, signatures and tokens, in every form they may take.

A rule by name (`signature=…`) misses what it does not know. A `Redactor` knows the values
themselves: what was registered is found in plain, hex, base64, percent-encoded and JSON-escaped
form, wherever it stands. It is handed to whoever writes text that leaves the process.

Its limit: a secret that was cut in two, or changed in a way not listed here, is not found.
"""

import base64
import binascii
import json
import logging
import re
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NoReturn, Self
from urllib.parse import quote, quote_plus, unquote

MARK: Final = "[redacted]"
SHORTEST_SECRET: Final = 4
_SHORTEST_PEM_LINE: Final = 8
_NOTED: Final = 1024
# Signatures and tokens are long and unbroken: a text without such a run holds none of them, and
# most log lines and answers are such texts.
_SHORTEST_RUN: Final = 32
_TOKEN_RUN: Final = re.compile(rf"[\w+/=%.~\\-]{{{_SHORTEST_RUN},}}")
# The same in bytes, for a look at every answer that takes 1 µs and not 30: what may stand in a run
# becomes `x`, all that is not ASCII included.
_RUN_BYTES: Final = bytes(
    ord("x") if code > 127 or re.match(r"[\w+/=%.~\\-]", chr(code)) else ord(" ")
    for code in range(256)
)
_RUN: Final = b"x" * _SHORTEST_RUN
# What is left of a signature without these tells, ten times faster than the pattern, whether it is
# one run. What is not ASCII counts as no run here: it is then looked for in the whole text.
_RUN_CHARACTERS: Final = bytes(code for code in range(128) if re.match(r"[\w+/=%.~\\-]", chr(code)))
_UNTOUCHABLE: Final = "a redactor holds secrets: it cannot be pickled or copied; hand it on instead"


class Redactor:
    """Knows live secrets and recent signatures, and takes them out of text.

    Secrets are kept for as long as the redactor lives; of signatures and tokens the latest 1024.
    It is not a vault: it has to hold what it looks for, and code in the same process that wants
    to dig that out can.
    """

    __slots__ = ("__forms", "__noted")

    def __init__(self) -> None:
        """Begin with nothing to hide."""
        self.__forms: tuple[str, ...] = ()
        self.__noted: deque[tuple[str, bool]] = deque(maxlen=_NOTED)  # and whether it is one run

    def add(self, secret: str) -> None:
        """Register a secret for good, with all its forms.

        Of a secret of several lines, such as a PEM file, each line is one too.

        Raises:
            ValueError: It is shorter than 4 characters, and would blank innocent text.
        """
        if len(secret.strip()) < SHORTEST_SECRET:
            raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
        forms = {*self.__forms, *_forms(secret.strip())}
        # Longest first: a form that contains another one is replaced whole.
        self.__forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def note(self, signature: str) -> None:
        """Remember a signature or token that was just made; the oldest one noted is forgotten."""
        is_run = len(signature) >= _SHORTEST_RUN and not signature.encode(
            errors="surrogatepass"
        ).translate(None, _RUN_CHARACTERS)
        self.__noted.append((signature, is_run))

    def clean(self, text: str) -> str:
        """Give `text` with every known secret and signature replaced by `[redacted]`."""
        for form in self.__forms:
            if form in text:
                text = text.replace(form, MARK)
        if self.__noted and _has_run(text):
            return self._without_noted(text)
        return text

    def finds(self, text: str) -> bool:
        """Say whether anything known stands in `text`; for writers that must refuse then."""
        return self.clean(text) != text

    def _without_noted(self, text: str) -> str:
        plain = _undone(text)
        # What is one run stands, in whatever spelling, within one: less to look through.
        runs = _undone("\n".join(_TOKEN_RUN.findall(text)))
        # The tuple: another thread may note one meanwhile.
        for signature, is_run in tuple(self.__noted):
            if signature in (runs if is_run else plain):
                for form in _signature_forms(signature):
                    text = text.replace(form, MARK)
        return text

    def __repr__(self) -> str:
        return "<Redactor>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(_UNTOUCHABLE)

    def __getstate__(self) -> NoReturn:
        raise TypeError(_UNTOUCHABLE)

    def __copy__(self) -> Self:
        raise TypeError(_UNTOUCHABLE)

    def __deepcopy__(self, memo: object) -> Self:
        raise TypeError(_UNTOUCHABLE)


class RedactingFilter(logging.Filter):
    """Cleans log records: message, arguments, extra fields, traceback and stack.

    Add it to handlers, not to loggers: a logger's filters do not see its children's records. A
    record that held nothing secret passes unchanged; of one that did, the arguments or the live
    exception are dropped and only the cleaned text remains.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Clean with what `redactor` knows, now and later."""
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean `record` in place and let it pass; never raises."""
        self._clean_message(record)
        self._clean_exception(record)
        if record.stack_info:
            record.stack_info = self._redactor.clean(record.stack_info)
        self._clean_fields(record)
        return True

    def _clean_message(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # arguments' own __str__ runs here, and logging would print them raw
            record.msg, record.args = self._redactor.clean(f"{record.msg} {_shown(record)}"), None
            return
        cleaned = self._redactor.clean(message)
        if cleaned != message or self._redactor.finds(_shown(record)):
            record.msg, record.args = cleaned, None

    def _clean_exception(self, record: logging.LogRecord) -> None:
        if record.exc_text is None and record.exc_info and record.exc_info[0] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            cleaned = self._redactor.clean(text)
            if cleaned != text:
                record.exc_text, record.exc_info = cleaned, None
        elif record.exc_text is not None and self._redactor.finds(record.exc_text):
            record.exc_text, record.exc_info = self._redactor.clean(record.exc_text), None

    def _clean_fields(self, record: logging.LogRecord) -> None:
        fields = record.__dict__
        for name, value in fields.items():
            if name not in _OWN_FIELDS and value is not None:
                fields[name] = self._cleaned_field(value)

    def _cleaned_field(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._redactor.clean(value)
        if isinstance(value, (int, float)):
            return value
        try:
            shown = repr(value)
        except Exception:  # noqa: BLE001  # a foreign __repr__; without it, nothing is known of the value
            return MARK
        return self._redactor.clean(shown) if self._redactor.finds(shown) else value


_OWN_FIELDS: Final = frozenset(logging.makeLogRecord({}).__dict__)


def _shown(record: logging.LogRecord) -> str:
    try:
        return repr(record.args)
    except Exception:  # noqa: BLE001  # a foreign __repr__; its text cannot be judged, so it is left out
        return MARK


def _forms(secret: str) -> Iterator[str]:
    """Give every spelling in which `secret` may appear."""
    yield from _text_forms(secret)
    yield from _byte_forms(secret.encode())
    decoded = _bytes_from_base64(secret)
    if decoded is not None:
        yield from _hex_forms(decoded)
    if "\n" in secret or "\\n" in secret:
        lines = [line.strip() for line in secret.replace("\\n", "\n").splitlines()]
        kept = [n for n in lines if len(n) >= _SHORTEST_PEM_LINE and not n.startswith("-----")]
        for line in (*kept, "".join(kept)):
            yield from _text_forms(line)


def _text_forms(text: str) -> Iterator[str]:
    quoted = {quote(text, safe=""), quote(text), quote(text, safe="-_.~"), quote_plus(text)}
    yield text
    yield from quoted
    yield from (_lower_escapes(form) for form in quoted)
    for in_ascii in (True, False):
        escaped = json.dumps(text, ensure_ascii=in_ascii)[1:-1]
        for form in (escaped, escaped.replace("/", "\\/")):
            yield form
            # Escaped text inside of JSON, and in the repr of a container.
            yield json.dumps(form, ensure_ascii=False)[1:-1]
            yield form.replace("\\", "\\\\")
    yield repr(text)[1:-1]


def _byte_forms(raw: bytes) -> Iterator[str]:
    yield from _hex_forms(raw)
    # Base64 of a text that contains the secret depends on where in a group of three bytes it
    # begins; the characters that its neighbours take part in are left off.
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + raw).decode()
        first = -(-lead * 8 // 6)
        last = (lead + len(raw)) * 8 // 6
        middle = encoded[first:last]
        if len(middle) >= SHORTEST_SECRET:
            yield middle
            yield middle.translate(_URL_SAFE)
            yield quote(middle, safe="")
    # The whole of it too, so that no padding is left behind.
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    yield quote(base64.b64encode(raw).decode(), safe="")


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _hex_forms(raw: bytes) -> Iterator[str]:
    yield raw.hex()
    yield raw.hex().upper()


def _signature_forms(signature: str) -> list[str]:
    forms = {*_text_forms(signature), signature.upper(), signature.translate(_URL_SAFE)}
    return sorted(forms, key=len, reverse=True)


def _has_run(text: str) -> bool:
    """Say whether a signature may stand in `text`; True now and then where none can."""
    return _RUN in text.encode(errors="surrogatepass").translate(_RUN_BYTES)


def _undone(text: str) -> str:
    """Undo escapes, alphabets and case, so that one look finds all forms of a signature."""
    undone = unquote(text) if "%" in text else text
    undone = undone.replace("\\/", "/") if "\\" in undone else undone
    standard = undone.replace("-", "+").replace("_", "/")
    return f"{text}\n{undone}\n{standard}\n{text.lower()}"


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), text)


def _bytes_from_base64(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) >= SHORTEST_SECRET else None
