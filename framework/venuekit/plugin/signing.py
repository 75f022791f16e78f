"""What signing sees: a key that can sign and cannot be read, and a stamp."""

from collections.abc import Mapping
from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class Stamp:
    """Time and nonce for one attempt, brought by the framework."""

    time_ns: int
    """Now, on the exchange's clock, in nanoseconds since the epoch."""
    nonce: int | None = None
    """The next one of this key, where the manifest asks for nonces; a message over a socket has
    none."""
    token: str | None = attrs.field(default=None, repr=False)
    """What a message over a socket is signed with, as `SocketOrders.fetch_socket_token` gave it."""


class Key(Protocol):
    """One credential. It signs; nothing that it offers gives the secret back."""

    @property
    def api_key(self) -> str:
        """The public name of the key, sent in clear with each request; it cannot sign."""
        ...

    @property
    def algorithm(self) -> str:
        """One of the manifest's `CredentialKind.algorithm`s."""
        ...

    @property
    def passphrase(self) -> str | None:
        """What some exchanges want beside an HMAC signature, in clear; it cannot sign.

        None where the user gave none, and for a private key, whose PEM it opens.
        """
        ...

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        """Sign with HMAC (SHA-256 or SHA-512 as the algorithm says), in lower-case hex.

        Args:
            data: What is signed.
            decode_secret: The secret is base64 text; use the bytes that it stands for.
        """
        ...

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        """Sign with HMAC, in base64 with padding."""
        ...

    def signature_base64(self, data: bytes) -> str:
        """Sign with the private key (RSA PKCS#1 v1.5 with SHA-256, or Ed25519), in base64."""
        ...

    def jwt(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        """Make a JSON Web Token, signed with ES256 or Ed25519 as the key is."""
        ...
