"""Keys that sign and cannot be read.

A `SecretKey` offers signatures and nothing else: it is not printed, formatted, compared by value,
pickled, copied or written as JSON, and no attribute gives its secret. For HMAC the secret itself
is not even kept, only the hash state that was begun with it.

What this cannot do: Python isolates nothing inside one process. Code that is imported into it may
read memory, the garbage collector's lists or the environment. The guards here keep secrets out of
logs, tracebacks, dumps and honest mistakes; hostile code must not be installed at all.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NoReturn, Self

import msgspec

from venuekit.auth.redaction import SHORTEST_SECRET, Redactor
from venuekit.model import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Sign = Callable[[bytes], bytes]

_DIGESTS: Final = {"hmac-sha256": "sha256", "hmac-sha512": "sha512"}
_JWT_NAMES: Final = {"es256": "ES256", "ed25519": "EdDSA"}
ALGORITHMS: Final = (*_DIGESTS, "rsa", "ed25519", "es256")
_PLAIN: Final = 2**53
# Made once: `json.dumps` with these arguments would make one for every token.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_UNTOUCHABLE: Final = "a key cannot be pickled, copied or serialized; open it from its reference"
_SMALLEST_RSA_BITS: Final = 2048


class SecretKey:
    """One credential; implements `venuekit.plugin.Key`."""

    __slots__ = (
        "__algorithm",
        "__api_key",
        "__mac",
        "__mac_decoded",
        "__note",
        "__passphrase",
        "__sign",
    )

    def __init__(
        self,
        *,
        api_key: str,
        algorithm: str,
        secret: str,
        redactor: Redactor,
        passphrase: str | None = None,
        place: str = "key",
    ) -> None:
        r"""Make a key of its secret, which the caller should then forget.

        Args:
            api_key: The public name, sent in clear.
            algorithm: `hmac-sha256`, `hmac-sha512`, `rsa`, `ed25519` or `es256`.
            secret: For HMAC the text that the exchange gave. Otherwise a private key in PEM, line
                ends may be written `\n`; for Ed25519 also 32 or 64 raw bytes in base64.
            redactor: Is told the secret, the API key, and every signature made.
            passphrase: Of an encrypted PEM; or, with an HMAC secret, what the exchange wants in
                clear beside each signature.
            place: Where the setting stands, for the error: `venuekit.toml: accounts.main.secret`.

        Raises:
            ConfigurationError: Unknown algorithm, or a secret that does not fit it. The secret is
                not quoted.
        """
        self.__api_key = api_key
        self.__algorithm = algorithm
        fault, sign = _fault(algorithm, secret), None
        if fault is None and algorithm not in _DIGESTS:
            fault, sign = _signer(algorithm, secret, passphrase)
        if fault is not None:
            del secret, passphrase  # tracebacks can show local variables
            raise ConfigurationError([f"{place}: {fault}"])
        for hidden in (secret, passphrase, api_key):
            if hidden is not None and len(hidden.strip()) >= SHORTEST_SECRET:
                redactor.add(hidden)
        # Of a PEM it is not kept: it is the secret of a secret, and of no more use.
        self.__passphrase = passphrase if algorithm in _DIGESTS else None
        self.__note = redactor.note
        self.__mac: hmac.HMAC | None = None
        self.__mac_decoded: hmac.HMAC | None = None
        self.__sign: Sign | None = sign
        if algorithm in _DIGESTS:
            # Copying a begun hash costs less than beginning one, and does not keep the secret.
            self.__mac = hmac.new(secret.encode(), digestmod=_DIGESTS[algorithm])
            decoded = _bytes_from_base64(secret)
            if decoded:
                self.__mac_decoded = hmac.new(decoded, digestmod=_DIGESTS[algorithm])

    @property
    def api_key(self) -> str:
        """The public name of the key, sent in clear with each request; it cannot sign."""
        return self.__api_key

    @property
    def algorithm(self) -> str:
        """`hmac-sha256`, `hmac-sha512`, `rsa`, `ed25519` or `es256`."""
        return self.__algorithm

    @property
    def passphrase(self) -> str | None:
        """What goes in clear beside an HMAC signature, if the exchange wants that; registered."""
        return self.__passphrase

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        """Sign with HMAC, in lower-case hex.

        Raises:
            ConfigurationError: The key is no HMAC key, or its secret is not base64 and
                `decode_secret` asks for it.
        """
        mac = (self.__mac_decoded if decode_secret else self.__mac) or self._no_mac()
        mac = mac.copy()
        mac.update(data)
        signature = mac.hexdigest()
        self.__note(signature)
        return signature

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        """Sign with HMAC, in base64 with padding; raises as `hmac_hex` does."""
        mac = (self.__mac_decoded if decode_secret else self.__mac) or self._no_mac()
        mac = mac.copy()
        mac.update(data)
        raw = mac.digest()
        self.__note(raw.hex())
        signature = base64.b64encode(raw).decode()
        self.__note(signature)
        return signature

    def signature_base64(self, data: bytes) -> str:
        """Sign with the private key: RSA PKCS#1 v1.5 with SHA-256, or Ed25519; in base64.

        Raises:
            ConfigurationError: The key is of another kind.
        """
        if self.__sign is None or self.__algorithm == "es256":
            self._wrong_kind("a signature", "rsa or ed25519")
        signature = base64.b64encode(self.__sign(data)).decode()
        self.__note(signature)
        return signature

    def jwt(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        """Make a JSON Web Token in compact form; `alg` is set here, `typ` defaults to JWT.

        Raises:
            ConfigurationError: The key is neither ES256 nor Ed25519.
            ValueError: `header` names another `alg`, or a claim is not JSON.

        Source: RFC 7519; RFC 7518 section 3.4 (ES256); RFC 8037 section 3.1 (EdDSA).
        """
        name = _JWT_NAMES.get(self.__algorithm)
        if self.__sign is None or name is None:
            self._wrong_kind("a token", "es256 or ed25519")
        if header.get("alg", name) != name:
            raise ValueError(f"the header asks for another algorithm than this key's, {name}")
        head = _base64url(_json({"typ": "JWT", **header, "alg": name}))
        signed = head + b"." + _base64url(_json(claims))
        signature = _base64url(self.__sign(signed)).decode()
        token = f"{signed.decode()}.{signature}"
        self.__note(token)  # first, so that it is replaced whole
        self.__note(signature)
        return token

    def _no_mac(self) -> NoReturn:
        if self.__mac is None:
            self._wrong_kind("an HMAC", "hmac-sha256 or hmac-sha512")
        raise ConfigurationError(["the secret of this key is not base64; copy it again, whole"])

    def _wrong_kind(self, what: str, needed: str) -> NoReturn:
        raise ConfigurationError(
            [f"{what} was asked of a key that is {self.__algorithm}; it needs {needed}"]
        )

    def __repr__(self) -> str:
        return f"<SecretKey {self.__algorithm}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(_UNTOUCHABLE)

    def __getstate__(self) -> NoReturn:
        raise TypeError(_UNTOUCHABLE)

    def __copy__(self) -> Self:
        raise TypeError(_UNTOUCHABLE)

    def __deepcopy__(self, memo: object) -> Self:
        raise TypeError(_UNTOUCHABLE)


def _fault(algorithm: str, secret: str) -> str | None:
    if algorithm not in ALGORITHMS:
        return f"unknown algorithm {algorithm[:20]!r}; allowed: {', '.join(ALGORITHMS)}"
    if len(secret.strip()) < SHORTEST_SECRET:
        return "the secret is empty or too short to be one"
    if algorithm in _DIGESTS and "-----BEGIN" in secret:
        return f"the secret is a PEM file; {algorithm} takes the secret text that the exchange gave"
    if algorithm in {"rsa", "es256"} and "-----BEGIN" not in secret:
        return f"{algorithm} takes a private key in PEM, which begins with -----BEGIN"
    if "PUBLIC KEY-----" in secret:
        return "this is the public key; the private one is needed"
    return None


def _signer(algorithm: str, secret: str, passphrase: str | None) -> tuple[str | None, Sign | None]:
    """Give the function that signs, in whose closure alone the private key lives; or a fault."""
    try:
        return _fit(algorithm, _private_key(secret, passphrase))
    except TypeError:  # cryptography's word for a passphrase missing or too many
        return "the PEM's encryption and the passphrase do not go together", None
    except Exception:  # noqa: BLE001  # cryptography raises many kinds, whose texts may quote what they read
        return "the private key cannot be read; is it whole, and the passphrase right?", None


def _private_key(secret: str, passphrase: str | None) -> "PrivateKeyTypes":
    if "-----BEGIN" in secret:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        pem = secret.strip().replace("\\n", "\n").encode()
        return load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    raw = base64.b64decode(secret.strip(), validate=True)
    if len(raw) not in {32, 64}:
        raise ValueError
    return Ed25519PrivateKey.from_private_bytes(raw[:32])


def _fit(algorithm: str, private: "PrivateKeyTypes") -> tuple[str | None, Sign | None]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    sha256 = hashes.SHA256()
    if isinstance(private, rsa.RSAPrivateKey) and algorithm == "rsa":
        if private.key_size < _SMALLEST_RSA_BITS:
            return f"the RSA key has {private.key_size} bits; at least {_SMALLEST_RSA_BITS}", None
        pkcs1 = padding.PKCS1v15()
        rsa_key = private
        return None, lambda data: rsa_key.sign(data, pkcs1, sha256)
    if isinstance(private, ed25519.Ed25519PrivateKey) and algorithm == "ed25519":
        return None, private.sign
    if isinstance(private, ec.EllipticCurvePrivateKey) and algorithm == "es256":
        if not isinstance(private.curve, ec.SECP256R1):
            return f"the key is on the curve {private.curve.name}; es256 needs P-256", None
        ec_key, method = private, ec.ECDSA(sha256)

        return None, lambda data: _halves(ec_key.sign(data, method))
    found = type(private).__name__.removesuffix("PrivateKey").lstrip("_").lower()
    return f"the private key is of another kind ({found}) than its algorithm, {algorithm}", None


def _halves(der: bytes) -> bytes:
    """Give the two numbers of a P-256 signature, 32 bytes each, out of its DER.

    It is a sequence of two integers below 2**256: every length takes one byte, an integer up to 33,
    with a zero in front where its first bit is set, and fewer where it is small. Cutting it out
    takes a fifth of the time of `decode_dss_signature`.
    Source: RFC 3279 section 2.2.3; RFC 7518 section 3.4.
    """
    end = 4 + der[3]
    r, s = der[4:end], der[end + 2 :]
    return r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")


def _bytes_from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _json(value: Mapping[str, object]) -> bytes:
    for member in value.values():
        if type(member) is str or (type(member) is int and -_PLAIN < member < _PLAIN):
            continue
        return _ENCODER.encode(dict(value)).encode()
    # Texts and small numbers, as in nearly all tokens: the same JSON, thirty times faster.
    return msgspec.json.encode(value)


def _base64url(raw: bytes) -> bytes:
    encoded = binascii.b2a_base64(raw, newline=False)
    return encoded.translate(_URL_SAFE).rstrip(b"=")
