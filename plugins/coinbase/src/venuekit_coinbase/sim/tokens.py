"""API keys and the tokens that are made with them.

Source: Coinbase "API key authentication" and the official SDK, 2026-06; RFC 7515, 7518, 8037.
"""

import base64
import binascii
import hashlib
import json
import random
import re
from typing import Any, Final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from venuekit.sim.dialect import SimCredentials
from venuekit_coinbase.sim.refusals import unauthorized
from venuekit_coinbase.sim.wire import SECOND_NS, new_uuid

LONGEST_S: Final = 120
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_NUMBER: Final = re.compile(r"[0-9a-fA-F]{1,128}", re.ASCII)
_ISSUERS: Final = frozenset({"cdp", "coinbase-cloud"})
_ALGORITHMS: Final = {"es256": "ES256", "ed25519": "EdDSA"}
_RAW: Final = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@attrs.frozen
class Credentials(SimCredentials):
    """A key: its name, and a SEC1 PEM (ES256) or base64 of 64 bytes (Ed25519)."""

    kind: str = "es256"

    @property
    def algorithm(self) -> str:
        """How it signs: `es256` or `ed25519`."""
        return self.kind


@attrs.define
class NonceLog:
    """What a key's tokens had as nonce: how many came, and how many of them again.

    The exchange asks for no order; whether numbers grow is noted for those who want to know.
    """

    seen: int = 0
    repeated: int = 0
    fallen: int = 0
    """How many were numbers, decimal or hexadecimal, and not greater than the one before."""
    _last: int = -1
    _known: set[bytes] = attrs.field(factory=set, repr=False)

    def add(self, nonce: str) -> bool:
        """Note a nonce; false when it came before."""
        self.seen += 1
        if _NUMBER.fullmatch(nonce):
            # Read as hexadecimal, decimal digits keep their order too.
            number = int(nonce, 16)
            self.fallen += number <= self._last
            self._last = number
        known = hashlib.blake2b(nonce.encode("utf-8", "replace"), digest_size=8).digest()
        if known in self._known:
            self.repeated += 1
            return False
        self._known.add(known)
        return True


@attrs.frozen
class ApiKey:
    """A key as the exchange knows it."""

    name: str
    account: str
    algorithm: str
    """`ES256` or `EdDSA`."""
    public: PublicKey = attrs.field(repr=False)
    can_view: bool = True
    can_trade: bool = True
    can_transfer: bool = False
    addresses: frozenset[str] = frozenset()
    """Addresses it may be used from; none: from everywhere."""
    nonces: NonceLog = attrs.field(factory=NonceLog, repr=False)


class KeyRing:
    """All keys of the simulated exchange."""

    def __init__(
        self, rng: random.Random, *, tolerance_s: float = 0, refuses_replays: bool = False
    ) -> None:
        """Begin empty; generated keys come from `rng`, the same for the same seed."""
        self._rng = rng
        self._tolerance_s = tolerance_s
        self._refuses_replays = refuses_replays
        self._keys: dict[str, ApiKey] = {}

    def issue(
        self,
        account: str,
        algorithm: str = "es256",
        *,
        name: str | None = None,
        secret: str | None = None,
        can_view: bool = True,
        can_trade: bool = True,
        can_transfer: bool = False,
        addresses: frozenset[str] = frozenset(),
    ) -> Credentials:
        """Register a key, a given or a new one, and give it with its secret.

        Args:
            account: For whom the key acts.
            algorithm: `es256` or `ed25519`.
            name: Generated when absent.
            secret: A PEM, or base64 of an Ed25519 key; generated when absent.
            can_view: Permission of the key.
            can_trade: Permission of the key.
            can_transfer: Permission of the key.
            addresses: The only addresses that may use it, if any.

        Raises:
            ValueError: `secret` does not fit `algorithm`.
        """
        made_name, made_secret = self._new_name(algorithm), self._new_secret(algorithm)
        name, secret = name or made_name, secret or made_secret
        self._keys[name] = ApiKey(
            name,
            account,
            _ALGORITHMS[algorithm],
            _public(algorithm, secret),
            can_view=can_view,
            can_trade=can_trade,
            can_transfer=can_transfer,
            addresses=addresses,
        )
        return Credentials(account, name, secret, algorithm)

    def revoke(self, name: str) -> None:
        """Make a key unknown."""
        self._keys.pop(name, None)

    def nonces(self) -> dict[str, NonceLog]:
        """Give what was seen of every key's nonces, by account."""
        return {key.account: key.nonces for key in self._keys.values()}

    def check(
        self,
        token: str,
        now_ns: int,
        *,
        uris: frozenset[str] | None = None,
        address: str = "",
    ) -> ApiKey:
        """Give the key that made a token.

        Args:
            token: Three parts of base64url with dots between.
            now_ns: What the exchange's clock shows.
            uris: What the token may be made for; `None` for WebSocket tokens, which name nothing.
            address: Where it comes from.

        Raises:
            Refusal: The token is not accepted (401), whatever is wrong with it.
        """
        header, claims, signed, signature = _parts(token)
        key = self._keys.get(header["kid"]) if isinstance(header.get("kid"), str) else None
        if key is None or header.get("alg") != key.algorithm:
            raise unauthorized()
        _verify(key.public, signed, signature)
        self._check_claims(key, claims, now_ns)
        if uris is not None and not uris & _uris(claims):
            raise unauthorized()
        if key.addresses and address not in key.addresses:
            raise unauthorized()
        is_fresh = key.nonces.add(str(header.get("nonce", "")))
        if self._refuses_replays and not is_fresh:
            raise unauthorized()
        return key

    def _check_claims(self, key: ApiKey, claims: dict[str, Any], now_ns: int) -> None:
        begins, ends = claims.get("nbf"), claims.get("exp")
        if not isinstance(begins, int) or not isinstance(ends, int):
            raise unauthorized()
        now_s = now_ns / SECOND_NS
        is_timely = begins - self._tolerance_s <= now_s <= ends + self._tolerance_s
        if not is_timely or ends - begins > LONGEST_S:
            raise unauthorized()
        if claims.get("sub") != key.name or claims.get("iss") not in _ISSUERS:
            raise unauthorized()

    def _new_name(self, algorithm: str) -> str:
        organization, key = new_uuid(self._rng), new_uuid(self._rng)
        return key if algorithm == "ed25519" else f"organizations/{organization}/apiKeys/{key}"

    def _new_secret(self, algorithm: str) -> str:
        scalar = self._rng.getrandbits(256)
        if algorithm == "ed25519":
            seed = scalar.to_bytes(32, "big")
            private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
            return base64.b64encode(seed + private.public_key().public_bytes(*_RAW)).decode()
        return (
            ec.derive_private_key(1 + scalar % (_ORDER - 1), ec.SECP256R1())
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
            .decode()
        )


def private_key(secret: str) -> PrivateKey:
    """Read a secret in any form in which the exchange issues it.

    Raises:
        ValueError: It is neither an EC nor an Ed25519 key.
    """
    if "-----BEGIN" in secret:
        pem = secret.replace("\\n", "\n").encode()
        private = serialization.load_pem_private_key(pem, password=None)
        if isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
            return private
        raise ValueError("the PEM holds neither an EC nor an Ed25519 key")
    return ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret)[:32])


def _public(algorithm: str, secret: str) -> PublicKey:
    private = private_key(secret)
    is_edwards = isinstance(private, ed25519.Ed25519PrivateKey)
    if is_edwards != (algorithm == "ed25519"):
        raise ValueError(f"the secret is no {algorithm} key")
    return private.public_key()


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Take a token apart, or refuse it."""
    pieces = token.split(".")
    if len(pieces) != 3:
        raise unauthorized()
    try:
        head, body, signature = (_decoded(piece) for piece in pieces)
        header, claims = json.loads(head), json.loads(body)
        signed = f"{pieces[0]}.{pieces[1]}".encode("ascii")
    except ValueError:
        raise unauthorized() from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise unauthorized()
    return header, claims, signed, signature


def _decoded(piece: str) -> bytes:
    if "=" in piece:
        raise ValueError("a token has no padding")
    try:
        padded = piece.encode("ascii") + b"=" * (-len(piece) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def _verify(public: PublicKey, signed: bytes, signature: bytes) -> None:
    if len(signature) != 64:
        raise unauthorized()
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, signed)
            return
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise unauthorized() from None


def _uris(claims: dict[str, Any]) -> frozenset[str]:
    several = claims.get("uris")
    named = [claims.get("uri"), *(several if isinstance(several, list) else [])]
    return frozenset(uri for uri in named if isinstance(uri, str))
