"""The two numbers of an ES256 signature are cut out of its DER; none may be cut wrong."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from venuekit.auth.keys import SecretKey, _halves
from venuekit.auth.redaction import Redactor

numbers = st.one_of(
    st.integers(1, 2**256 - 1),
    st.integers(0, 255).map(lambda bits: 1 << bits),
    st.integers(1, 256).map(lambda bits: (1 << bits) - 1),
)


@given(numbers, numbers)
def test_every_pair_of_numbers_is_found_in_its_der(r: int, s: int) -> None:
    assert _halves(encode_dss_signature(r, s)) == r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize("number", range(40))
def test_a_token_is_verified_by_the_public_key(number: int) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = SecretKey(api_key="name", algorithm="es256", secret=pem, redactor=Redactor())
    signed, _, signature = key.jwt({"nonce": str(number)}, {"exp": number}).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(*(int.from_bytes(half, "big") for half in (raw[:32], raw[32:])))
    # It raises InvalidSignature if it is none.
    private.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert len(raw) == 64
