"""API keys, signatures and time windows.

Source: Binance spot REST docs, "Request Security", and FAQ "API key types", 2026-07.
"""

import base64
import binascii
import enum
import hashlib
import hmac
import random
import re
import string
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from venuekit.sim.dialect import SimCredentials
from venuekit_binance.sim.refusals import (
    Refusal,
    bad_key,
    bad_key_format,
    bad_signature,
    illegal_characters,
    missing,
)

_KEY_SHAPE: Final = re.compile(r"[A-Za-z0-9]{64}", re.ASCII)
_BASE64_SHAPE: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_HEX_SHAPE: Final = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_TIME_SHAPE: Final = "^[0-9]{1,20}$"
_WINDOW_SHAPE: Final = r"^[0-9]{1,20}(\.[0-9]{1,3})?$"
_FIRST_MICROSECONDS: Final = 10**15  # smaller values are milliseconds
_LONGEST_WINDOW_MS: Final = 60_000
_DEFAULT_WINDOW_MS: Final = 5_000
_AHEAD_US: Final = 1_000_000
_LETTERS: Final = string.ascii_letters + string.digits


class Security(enum.Enum):
    """What a request needs."""

    NONE = "NONE"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"
    USER_STREAM = "USER_STREAM"

    @property
    def is_signed(self) -> bool:
        """Whether a key, a timestamp and a signature are needed."""
        return self is not Security.NONE


class KeyType(enum.Enum):
    """How a key signs."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "ED25519"


@attrs.frozen
class ApiKey:
    """A key as the exchange knows it."""

    name: str
    account: str
    type: KeyType
    secret: bytes | rsa.RSAPublicKey | ed25519.Ed25519PublicKey = attrs.field(repr=False)
    can_trade: bool = True
    addresses: frozenset[str] = frozenset()
    """Addresses it may be used from; none: from everywhere."""


@attrs.frozen
class Credentials(SimCredentials):
    """A key, with an HMAC secret or a private key in PEM."""

    type: KeyType = KeyType.HMAC

    @property
    def algorithm(self) -> str:
        """How it signs."""
        return "hmac-sha256" if self.type is KeyType.HMAC else self.type.value.lower()


class KeyRing:
    """All keys of the simulated exchange."""

    def __init__(self, rng: random.Random) -> None:
        """Begin empty; generated keys come from `rng`, the same for the same seed."""
        self._rng = rng
        self._keys: dict[str, ApiKey] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def issue(
        self,
        account: str,
        type_: KeyType = KeyType.HMAC,
        *,
        api_key: str | None = None,
        secret: str | None = None,
        can_trade: bool = True,
        addresses: frozenset[str] = frozenset(),
    ) -> Credentials:
        """Register a key, a given or a new one, and give it with its secret.

        Args:
            account: For whom the key acts.
            type_: How it signs.
            api_key: 64 letters and digits; generated when absent.
            secret: An HMAC secret, or a private or public key in PEM; generated when absent.
                RSA keys must be given.
            can_trade: Whether it may place and cancel.
            addresses: The only addresses that may use it, if any.

        Raises:
            ValueError: `secret` does not fit `type_`.
        """
        name = api_key or self._text()
        secret = secret or self._new_secret(type_)
        known = ApiKey(name, account, type_, _verifier(type_, secret), can_trade, addresses)
        self._keys[name] = known
        return Credentials(account, name, secret, type_)

    def revoke(self, name: str) -> None:
        """Make a key unknown."""
        self._keys.pop(name, None)

    def check_shape(self, name: str | None) -> str:
        """Refuse what cannot be a key."""
        if not name or (name not in self._keys and not _KEY_SHAPE.fullmatch(name)):
            raise bad_key_format()
        return name

    def find(self, name: str, security: Security, address: str) -> ApiKey:
        """Give the key if it is known and allowed to do this from there."""
        key = self._keys.get(name)
        if key is None or (key.addresses and address not in key.addresses):
            raise bad_key()
        if security is Security.TRADE and not key.can_trade:
            raise bad_key()
        return key

    def _text(self) -> str:
        return "".join(self._rng.choice(_LETTERS) for _ in range(64))

    def _new_secret(self, type_: KeyType) -> str:
        match type_:
            case KeyType.HMAC:
                return self._text()
            case KeyType.ED25519:
                private = ed25519.Ed25519PrivateKey.from_private_bytes(self._rng.randbytes(32))
                return private.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode()
            case KeyType.RSA:
                raise ValueError("an RSA key must be given: it cannot be derived from a seed")


def _verifier(type_: KeyType, secret: str) -> bytes | rsa.RSAPublicKey | ed25519.Ed25519PublicKey:
    if type_ is KeyType.HMAC:
        return secret.encode()
    pem = secret.encode()
    public = (
        serialization.load_pem_private_key(pem, password=None).public_key()
        if "PRIVATE" in secret
        else serialization.load_pem_public_key(pem)
    )
    if type_ is KeyType.RSA and isinstance(public, rsa.RSAPublicKey):
        return public
    if type_ is KeyType.ED25519 and isinstance(public, ed25519.Ed25519PublicKey):
        return public
    raise ValueError(f"the PEM holds no {type_.value} key")


def check_signature(key: ApiKey, payload: bytes, signature: str) -> None:
    """Refuse a signature that `key` did not make over exactly these bytes.

    HMAC signatures are hex in any case; the others are base64 and case-sensitive. RSA is
    PKCS#1 v1.5 with SHA-256: PSS is refused.
    """
    if isinstance(key.secret, bytes):
        expected = hmac.new(key.secret, payload, hashlib.sha256).hexdigest()
        if not _HEX_SHAPE.fullmatch(signature):
            raise bad_signature()
        if not hmac.compare_digest(expected, signature.lower()):
            raise bad_signature()
        return
    if not _BASE64_SHAPE.fullmatch(signature):
        raise bad_signature()
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key.secret, rsa.RSAPublicKey):
            key.secret.verify(raw, payload, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.secret.verify(raw, payload)
    except (InvalidSignature, binascii.Error, ValueError):
        raise bad_signature() from None


def rest_payload(query: bytes, body: bytes) -> bytes:
    """Give the bytes that a REST signature covers: query and body, glued with nothing."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(pairs: bytes) -> bytes:
    return b"&".join(pair for pair in pairs.split(b"&") if pair.partition(b"=")[0] != b"signature")


def socket_payload(params: Mapping[str, str]) -> bytes:
    """Give the bytes that a WebSocket API signature covers: sorted by name, never encoded."""
    names = sorted((name for name in params if name != "signature"), key=str.encode)
    return "&".join(f"{name}={params[name]}" for name in names).encode("utf-8", "surrogateescape")


def check_window(timestamp: str | None, recv_window: str | None, now_ns: int) -> None:
    """Refuse a request that is too old, or more than a second ahead of the exchange."""
    now_us = now_ns // 1_000
    sent_us = _microseconds(timestamp)
    if sent_us >= now_us + _AHEAD_US:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_us - sent_us > _window_us(recv_window):
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def check_time_shapes(timestamp: str | None, recv_window: str | None) -> None:
    """Refuse a timestamp or a window that are no numbers, or too large a window."""
    _microseconds(timestamp)
    _window_us(recv_window)


def _microseconds(timestamp: str | None) -> int:
    if not timestamp:
        raise missing("timestamp")
    if not re.fullmatch(_TIME_SHAPE, timestamp, re.ASCII):
        raise illegal_characters("timestamp", _TIME_SHAPE)
    value = int(timestamp)
    return value if value >= _FIRST_MICROSECONDS else value * 1_000


def _window_us(text: str | None) -> int:
    if text is None:
        return _DEFAULT_WINDOW_MS * 1_000
    if not re.fullmatch(_WINDOW_SHAPE, text, re.ASCII):
        raise illegal_characters("recvWindow", _WINDOW_SHAPE)
    if Decimal(text) > _LONGEST_WINDOW_MS:
        raise Refusal(
            -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."
        )
    return int(Decimal(text) * 1_000)
