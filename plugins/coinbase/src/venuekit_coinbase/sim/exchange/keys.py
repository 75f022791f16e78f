"""API keys: their secrets, passphrases, and the signatures made with them.

Source: Coinbase Exchange docs, "REST authentication" and "WebSocket authentication", 2026-06;
the query string belongs to the signed path (published vector of a public client).
"""

import base64
import hashlib
import hmac
import random
import re
from typing import Final

import attrs

from venuekit.sim.dialect import SimCredentials
from venuekit_coinbase.sim.exchange.refusals import Refusal
from venuekit_coinbase.sim.wire import SECOND_NS

_SECONDS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
VERIFY: Final = "/users/self/verify"
"""The path that a WebSocket message signs, with GET and without a body."""


@attrs.frozen
class Credentials(SimCredentials):
    """A key, the base64 text of its secret, and the passphrase that goes with them."""

    phrase: str = attrs.field(repr=False, kw_only=True)

    @property
    def passphrase(self) -> str:
        """What is sent in clear beside a signature."""
        return self.phrase


@attrs.frozen(kw_only=True)
class Claim:
    """What a request says about who made it."""

    key: str
    signature: str = attrs.field(repr=False)
    timestamp: str
    passphrase: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key and what it may do."""

    credentials: Credentials
    can_view: bool = True
    can_trade: bool = True


class KeyRing:
    """All keys of the exchange."""

    def __init__(self, rng: random.Random, *, tolerance_s: float) -> None:
        self._rng = rng
        self._tolerance_ns = round(tolerance_s * SECOND_NS)
        self._keys: dict[str, ApiKey] = {}

    def issue(
        self,
        account: str,
        *,
        api_key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        can_view: bool = True,
        can_trade: bool = True,
    ) -> Credentials:
        """Make a key; what is not given is made up."""
        made = Credentials(
            account,
            api_key or f"{self._rng.getrandbits(128):032x}",
            secret or base64.b64encode(self._rng.randbytes(64)).decode(),
            phrase=passphrase or f"{self._rng.getrandbits(40):010x}",
        )
        self._keys[made.api_key] = ApiKey(credentials=made, can_view=can_view, can_trade=can_trade)
        return made

    def revoke(self, api_key: str) -> None:
        """Forget a key."""
        del self._keys[api_key]

    def check(self, claim: Claim, signed: bytes, clock_ns: int) -> ApiKey:
        """Give the key that signed something, or refuse.

        Args:
            claim: Key, signature, timestamp, passphrase.
            signed: Method, path with query, and body; the timestamp goes before it.
            clock_ns: What the exchange's clock shows.

        Raises:
            Refusal: 401 for the key, the passphrase and the timestamp, 400 for the signature.
                In which order they are looked at is our own choice.
        """
        key = self._keys.get(claim.key)
        if key is None:
            raise Refusal(401, "Invalid API Key")
        self._check_timestamp(claim.timestamp, clock_ns)
        wanted = key.credentials
        if not hmac.compare_digest(wanted.passphrase.encode(), claim.passphrase.encode()):
            raise Refusal(401, "Invalid Passphrase")
        made = signature(wanted.secret, claim.timestamp.encode() + signed)
        if not hmac.compare_digest(made.encode(), claim.signature.encode()):
            raise Refusal(400, "invalid signature")
        return key

    def _check_timestamp(self, text: str, clock_ns: int) -> None:
        if not _SECONDS.fullmatch(text):
            raise Refusal(401, "invalid timestamp")
        seconds, _, rest = text.partition(".")
        at_ns = int(seconds) * SECOND_NS + int(rest.ljust(9, "0"))
        if abs(at_ns - clock_ns) > self._tolerance_ns:
            raise Refusal(401, "request timestamp expired")


def signature(secret: str, message: bytes) -> str:
    """Sign as the exchange does."""
    made = hmac.new(base64.b64decode(secret), message, hashlib.sha256)
    return base64.b64encode(made.digest()).decode()
