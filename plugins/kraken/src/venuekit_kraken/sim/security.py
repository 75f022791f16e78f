"""API keys, signatures, nonces, lockouts, and the tokens of the sockets.

Source: Kraken API Center, Spot REST Authentication, Spot Websockets Authentication; Kraken
support, What is a nonce.
"""

import base64
import hashlib
import hmac
import random
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from venuekit.sim.dialect import SimCredentials
from venuekit_kraken.sim.limits import LimitSettings
from venuekit_kraken.sim.refusals import (
    DENIED,
    INVALID_KEY,
    INVALID_NONCE,
    INVALID_SESSION,
    INVALID_SIGNATURE,
    LOCKED_OUT,
    Refusal,
)
from venuekit_kraken.sim.wire import SECOND_NS

PERMISSIONS: Final = (
    "query-funds",
    "add-funds",
    "withdraw-funds",
    "earn-funds",
    "query-open-trades",
    "query-closed-trades",
    "modify-trades",
    "close-trades",
    "query-ledger",
    "export-data",
    "create-ws-token",
    "add-withdraw-address",
    "update-withdraw-address",
)
TOKEN_LIFE_S: Final = 900
_GREATEST_NONCE: Final = 2**64 - 1
_NONCE_SHAPE: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_PRUNED_EVERY: Final = 256
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@attrs.frozen
class Credentials(SimCredentials):
    """A key and its secret in base64."""

    @property
    def algorithm(self) -> str:
        """How it signs."""
        return "hmac-sha512"


@attrs.define(kw_only=True)
class ApiKey:
    """A key as the exchange knows it. A test may change it, as its owner would."""

    name: str
    account: str
    secret: bytes = attrs.field(repr=False)
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    nonce_window: int = 0
    valid_until_ns: int = 0
    """0: for ever."""
    created_ns: int = 0
    last_used_ns: int = 0
    nonce: int = 0
    """The greatest that was accepted."""
    _used: set[int] = attrs.field(factory=set, repr=False)

    def take_nonce(self, nonce: int) -> None:
        """Use a nonce up, or refuse it.

        It has to be greater than every one before; within the window below the greatest, one
        that was not used yet is good, too.
        """
        if nonce <= self.nonce:
            is_in_window = nonce > self.nonce - self.nonce_window
            if not is_in_window or nonce in self._used:
                raise Refusal(INVALID_NONCE)
        self.nonce = max(self.nonce, nonce)
        if self.nonce_window:
            self._used.add(nonce)
            if len(self._used) % _PRUNED_EVERY == 0:
                oldest = self.nonce - self.nonce_window
                self._used = {used for used in self._used if used > oldest}

    def check_permission(self, *alternatives: str) -> None:
        """Refuse a key that has none of these permissions; without any given, all may."""
        if alternatives and not self.permissions.intersection(alternatives):
            raise Refusal(DENIED)


@attrs.define
class _Conduct:
    """What is remembered of the use of a key's name."""

    bad_keys: int = 0
    bad_nonces: int = 0
    locked_until_ns: int = 0


class KeyRing:
    """All keys of the simulated exchange."""

    def __init__(self, rng: random.Random, settings: LimitSettings) -> None:
        """Begin empty; generated keys come from `rng`, the same for the same seed."""
        self._rng = rng
        self._settings = settings
        self._keys: dict[str, ApiKey] = {}
        self._conduct: dict[str, _Conduct] = {}

    def __getitem__(self, name: str) -> ApiKey:
        return self._keys[name]

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def issue(
        self,
        account: str,
        *,
        api_key: str | None = None,
        secret: str | None = None,
        permissions: Iterable[str] = PERMISSIONS,
        nonce_window: int = 0,
    ) -> Credentials:
        """Register a key, a given or a new one, and give it with its secret.

        Raises:
            ValueError: A permission is unknown, or the secret is no base64.
        """
        granted = frozenset(permissions)
        if granted - set(PERMISSIONS):
            raise ValueError(f"unknown permissions: {sorted(granted - set(PERMISSIONS))}")
        name = api_key or "".join(self._rng.choice(_LETTERS) for _ in range(56))
        text = secret or base64.b64encode(self._rng.randbytes(64)).decode()
        self._keys[name] = ApiKey(
            name=name,
            account=account,
            secret=base64.b64decode(text, validate=True),
            permissions=granted,
            nonce_window=nonce_window,
        )
        return Credentials(account, name, text)

    def revoke(self, name: str) -> None:
        """Make a key unknown."""
        self._keys.pop(name, None)

    def lock(self, name: str, now_ns: int) -> None:
        """Shut a key out, as after too many errors."""
        conduct = self._conduct.setdefault(name, _Conduct())
        conduct.locked_until_ns = now_ns + round(self._settings.lockout_s * SECOND_NS)

    def admit(
        self, name: str, path: str, nonce: object, body: bytes, signature: str, now_ns: int
    ) -> ApiKey:
        """Give the key that signed exactly this, using its nonce up, or refuse.

        An accepted signature uses the nonce up, whatever becomes of the call.
        """
        conduct = self._conduct.setdefault(name, _Conduct())
        if now_ns < conduct.locked_until_ns:
            self.lock(name, now_ns)  # each attempt lets the wait begin again
            raise Refusal(LOCKED_OUT)
        try:
            key = self._signer(name, path, nonce, body, signature, now_ns)
        except Refusal as refusal:
            self._count_error(name, conduct, refusal, now_ns)
            raise
        conduct.bad_keys = conduct.bad_nonces = 0
        key.last_used_ns = now_ns
        return key

    def _signer(
        self, name: str, path: str, nonce: object, body: bytes, signature: str, now_ns: int
    ) -> ApiKey:
        key = self._keys.get(name)
        if key is None or 0 < key.valid_until_ns <= now_ns:
            raise Refusal(INVALID_KEY)
        text = nonce_text(nonce)
        expected = sign(key.secret, path, text, body)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise Refusal(INVALID_SIGNATURE)
        key.take_nonce(int(text))
        return key

    def _count_error(self, name: str, conduct: _Conduct, refusal: Refusal, now_ns: int) -> None:
        settings = self._settings
        if refusal.text == INVALID_NONCE:
            conduct.bad_nonces += 1
        else:
            conduct.bad_keys += 1
        if (settings.key_errors and conduct.bad_keys >= settings.key_errors) or (
            settings.nonce_errors and conduct.bad_nonces >= settings.nonce_errors
        ):
            self.lock(name, now_ns)
            conduct.bad_keys = conduct.bad_nonces = 0


def nonce_text(nonce: object) -> str:
    """Give the digits of a nonce, sent as text or as a whole number; refuse what is none."""
    text = str(nonce) if isinstance(nonce, (int, str)) and not isinstance(nonce, bool) else ""
    if not _NONCE_SHAPE.fullmatch(text) or int(text) > _GREATEST_NONCE:
        raise Refusal(INVALID_NONCE)
    return text


def sign(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """Give the signature of a private request."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    digest = hmac.new(secret, path.encode() + inner, hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


@attrs.define
class Token:
    """What opens private channels, for a while or as long as it is in use."""

    text: str = attrs.field(repr=False)
    key: ApiKey
    issued_ns: int

    def is_fresh(self, now_ns: int) -> bool:
        """Say whether it may be used for the first time."""
        return now_ns <= self.issued_ns + TOKEN_LIFE_S * SECOND_NS


class Tokens:
    """All tokens that were given out."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._tokens: dict[str, Token] = {}

    def issue(self, key: ApiKey, now_ns: int) -> Token:
        """Make a token for a key."""
        text = base64.b64encode(self._rng.randbytes(32)).decode().rstrip("=")
        token = self._tokens[text] = Token(text, key, now_ns)
        return token

    def revoke(self, text: object) -> None:
        """Make a token worthless."""
        if isinstance(text, str):
            self._tokens.pop(text, None)

    def find(self, params: Mapping[str, object], held: Token | None, now_ns: int) -> Token:
        """Give the token of a socket request, or refuse.

        Args:
            params: Of the request.
            held: What a private subscription of the connection keeps alive, however old.
            now_ns: The time.
        """
        text = params.get("token")
        token = self._tokens.get(text) if isinstance(text, str) else None
        if token is None or (token is not held and not token.is_fresh(now_ns)):
            raise Refusal(INVALID_SESSION)
        return token
