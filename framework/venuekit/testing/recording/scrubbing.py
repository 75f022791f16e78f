"""Taking secrets out of what is written down: by value, by name, and by a last look.

Three nets, because one always has a hole. By value: whatever was registered, in every form. By
name: members, parameters and headers that hold secrets or persons. The last look refuses to write.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from venuekit.auth import Redactor
from venuekit.testing.recording.provenance import RecordingError

CHANGING: Final = frozenset(
    {
        "signature",
        "timestamp",
        "nonce",
        "recvwindow",
        "otp",
        "apikey",
        "api_key",
        "token",
        "jwt",
        "listenkey",
        "deadline",
    }
)
"""Parameters that differ from one request to the next; neither kept nor compared."""
KEPT_HEADERS: Final = frozenset({"content-type", "retry-after", "date", "link"})
"""Others are dropped, but those that tell of limits and of further pages."""
_OF_LIMITS_AND_PAGES: Final = re.compile(
    r"(?i)x-.*(?:limit|used|remaining|reset|count|weight).*|[a-z]+-(?:after|before)"
)
_HEADERS_THAT_HIDE: Final = re.compile(r"(?i).*(?:key|sign|passphrase|auth|cookie|token|secret).*")
_HIDING: Final = (
    r"(?:[\w-]*[_-])?(?:signature|sign|token|jwt|listen_?key|api[_-]?key|key|passphrase|secret|otp)"
)
_PERSONAL_MEMBERS: Final = (
    "uid|user_id|userId|account_id|accountId|profile_id|portfolio_id|portfolio_uuid|"
    "retail_portfolio_id|email|address|tag|iiban"
)
_MEMBER: Final = re.compile(
    rf'(?i)("(?:{_HIDING}|{_PERSONAL_MEMBERS})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|(-?\d[\d.eE+-]*))'
)
# The same in JSON that stands as a text in JSON.
_ESCAPED_MEMBER: Final = re.compile(
    rf'(?i)(\\"(?:{_HIDING}|{_PERSONAL_MEMBERS})\\"\s*:\s*\\")[^"\\]*(?=\\")'
)
_PARAMETER: Final = re.compile(rf"(?i)([?&](?:{_HIDING})=)[^&#\s\"'\\]+")
_TOKENS: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
MARK: Final = "scrubbed"


class Scrubber:
    """Takes out what belongs to nobody else; made for one recording."""

    def __init__(self, redactor: Redactor) -> None:
        """Take out what `redactor` knows, and what has the name of a secret."""
        self._redactor = redactor

    def text(self, text: str) -> str:
        """Clean a frame or body; digits and everything else stay as they came."""
        cleaned = self._redactor.clean(text).replace("[redacted]", MARK)
        cleaned = _MEMBER.sub(lambda m: f"{m[1]}0" if m[2] else f'{m[1]}"{MARK}"', cleaned)
        cleaned = _ESCAPED_MEMBER.sub(rf"\g<1>{MARK}", cleaned)
        cleaned = _PARAMETER.sub(rf"\g<1>{MARK}", cleaned)
        return _TOKENS.sub(MARK, cleaned)

    def query(self, query: str) -> str:
        """Clean a query or form: what changes with each request is left out."""
        pairs = parse_qsl(query, keep_blank_values=True)
        return urlencode([(name, self.text(value)) for name, value in pairs if _stays(name)])

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Keep the headers that tell something of the exchange and nothing of the account."""
        return {
            name.lower(): self.text(value)
            for name, value in headers.items()
            if name.lower() in KEPT_HEADERS
            or (_OF_LIMITS_AND_PAGES.fullmatch(name) and not _HEADERS_THAT_HIDE.fullmatch(name))
        }

    def refuse_if_left(self, text: str, where: str) -> None:
        """Look a last time.

        Raises:
            RecordingError: Something known is left; the value is not told. Nothing was written.
        """
        for number, line in enumerate(text.splitlines(), 1):
            if self._redactor.finds(line) or _TOKENS.search(line):
                raise RecordingError(
                    f"{where}, line {number}: a secret is left in it, so nothing was written; "
                    "say which exchange and which call it was, this is a fault of venuekit"
                )


def _stays(name: str) -> bool:
    return name.lower().replace("-", "") not in CHANGING


def changing_left_out(body: str) -> str:
    """Give a body as it is compared: forms and JSON objects without what changes each time."""
    if body.lstrip().startswith("{"):
        names = "|".join(sorted(CHANGING))
        value = r'(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)'
        without = re.sub(rf'(?i)"(?:{names})"\s*:\s*{value}\s*,?\s*', "", body)
        return re.sub(r",\s*}", "}", without)
    if "=" in body and not body.lstrip().startswith("["):
        return urlencode([(n, v) for n, v in parse_qsl(body, keep_blank_values=True) if _stays(n)])
    return body
