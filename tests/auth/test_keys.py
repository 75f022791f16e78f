"""Keys sign as the exchanges' documents say, and give nothing else away."""

import base64
import copy
import hashlib
import hmac
import inspect
import json
import pickle
import traceback
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from venuekit.auth import Redactor, SecretKey
from venuekit.model import ConfigurationError
from venuekit.plugin import Key

# The example of Binance's documents: rest-api.md, "SIGNED Endpoint Examples for POST
# /api/v3/order". The key is public.
EXAMPLE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLE_DATA = (
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    b"&recvWindow=5000&timestamp=1499827319559"
)
EXAMPLE_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"

CANARY = "c4n4ry+s3cr3t/Zm9v=="


def key(secret: str, algorithm: str = "hmac-sha256", **changes: Any) -> SecretKey:
    redactor = changes.pop("redactor", None) or Redactor()
    return SecretKey(
        api_key="public-name", algorithm=algorithm, secret=secret, redactor=redactor, **changes
    )


def pem(private: Any, passphrase: bytes | None = None) -> str:
    encryption: Any = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return private.private_bytes(  # type: ignore[no-any-return]  # any kind of private key
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_it_is_a_key() -> None:
    a_key: Key = key(EXAMPLE_SECRET)

    assert (a_key.api_key, a_key.algorithm) == ("public-name", "hmac-sha256")


def test_hmac_signs_the_documented_example() -> None:
    a_key = key(EXAMPLE_SECRET)

    assert a_key.hmac_hex(EXAMPLE_DATA) == EXAMPLE_SIGNATURE
    assert a_key.hmac_hex(EXAMPLE_DATA) == EXAMPLE_SIGNATURE
    assert (
        a_key.hmac_base64(EXAMPLE_DATA)
        == base64.b64encode(bytes.fromhex(EXAMPLE_SIGNATURE)).decode()
    )


def test_hmac_sha512_with_a_base64_secret() -> None:
    secret = base64.b64encode(b"\x00\xff binary secret").decode()
    expected = hmac.new(b"\x00\xff binary secret", b"data", hashlib.sha512).digest()
    a_key = key(secret, "hmac-sha512")

    assert a_key.hmac_hex(b"data", decode_secret=True) == expected.hex()
    assert a_key.hmac_base64(b"data", decode_secret=True) == base64.b64encode(expected).decode()
    assert a_key.hmac_hex(b"data") == hmac.new(secret.encode(), b"data", "sha512").hexdigest()


def test_a_secret_that_is_not_base64_is_told_when_it_should_be() -> None:
    with pytest.raises(ConfigurationError, match="not base64"):
        key("not base64!").hmac_hex(b"data", decode_secret=True)


def test_rsa_signs_with_pkcs1_and_sha256(rsa_key: rsa.RSAPrivateKey) -> None:
    signature = key(pem(rsa_key), "rsa").signature_base64(b"data")

    rsa_key.public_key().verify(
        base64.b64decode(signature), b"data", padding.PKCS1v15(), hashes.SHA256()
    )
    with pytest.raises(InvalidSignature):
        rsa_key.public_key().verify(
            base64.b64decode(signature), b"other", padding.PKCS1v15(), hashes.SHA256()
        )


@pytest.mark.parametrize("form", ["pem", "one line", "seed", "seed and public"])
def test_ed25519_signs_in_every_form_that_keys_come_in(form: str) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    seed = private.private_bytes_raw()
    secret = {
        "pem": pem(private),
        "one line": pem(private).replace("\n", "\\n"),
        "seed": base64.b64encode(seed).decode(),
        "seed and public": base64.b64encode(
            seed + private.public_key().public_bytes_raw()
        ).decode(),
    }[form]

    signature = key(secret, "ed25519").signature_base64(b"data")

    assert base64.b64decode(signature) == private.sign(b"data")


def test_an_encrypted_pem_opens_with_its_passphrase_only() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    secret = pem(private, b"open sesame")

    signature = key(secret, "ed25519", passphrase="open sesame").signature_base64(b"data")

    assert base64.b64decode(signature) == private.sign(b"data")
    for wrong in (None, "close sesame"):
        with pytest.raises(ConfigurationError, match=r"^here: ") as refused:
            key(secret, "ed25519", passphrase=wrong, place="here")
        assert "sesame" not in str(refused.value)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    head, claims, signature = token.split(".")

    def raw(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    return (
        json.loads(raw(head)),
        json.loads(raw(claims)),
        raw(signature),
        f"{head}.{claims}".encode(),
    )


def test_es256_makes_a_token_that_its_public_key_verifies() -> None:
    private = ec.generate_private_key(ec.SECP256R1())

    token = key(pem(private), "es256").jwt({"kid": "k", "nonce": "1"}, {"exp": 120, "sub": "ü"})

    header, claims, signature, signed = _parts(token)
    assert header == {"typ": "JWT", "kid": "k", "nonce": "1", "alg": "ES256"}
    assert claims == {"exp": 120, "sub": "ü"}
    assert len(signature) == 64
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    private.public_key().verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    assert "=" not in token


def test_ed25519_makes_a_token_too() -> None:
    private = ed25519.Ed25519PrivateKey.generate()

    header, _, signature, signed = _parts(key(pem(private), "ed25519").jwt({}, {"a": 1}))

    assert header["alg"] == "EdDSA"
    private.public_key().verify(signature, signed)


def test_a_token_is_never_made_for_another_algorithm() -> None:
    a_key = key(pem(ec.generate_private_key(ec.SECP256R1())), "es256")

    with pytest.raises(ValueError, match="another algorithm"):
        a_key.jwt({"alg": "none"}, {})


@pytest.mark.parametrize(
    ("algorithm", "method", "arguments"),
    [
        ("hmac-sha256", "signature_base64", (b"",)),
        ("hmac-sha256", "jwt", ({}, {})),
        ("ed25519", "hmac_hex", (b"",)),
        ("ed25519", "hmac_base64", (b"",)),
        ("es256", "signature_base64", (b"",)),
        ("rsa", "jwt", ({}, {})),
    ],
)
def test_a_key_of_another_kind_says_which_one_is_needed(
    rsa_key: rsa.RSAPrivateKey, algorithm: str, method: str, arguments: tuple[Any, ...]
) -> None:
    secret = {
        "hmac-sha256": CANARY,
        "ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
        "es256": pem(ec.generate_private_key(ec.SECP256R1())),
        "rsa": pem(rsa_key),
    }[algorithm]

    with pytest.raises(ConfigurationError, match=f"a key that is {algorithm}; it needs "):
        getattr(key(secret, algorithm), method)(*arguments)


def _wrong_keys() -> list[tuple[str, str, str]]:
    ed_pem = pem(ed25519.Ed25519PrivateKey.generate())
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    public_pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    return [
        ("hmac-sha1", CANARY, "unknown algorithm"),
        ("hmac-sha256", "", "empty"),
        ("hmac-sha256", ed_pem, "is a PEM file"),
        ("rsa", CANARY, "takes a private key in PEM"),
        ("rsa", ed_pem, "another kind"),
        ("es256", ed_pem, "another kind"),
        ("es256", pem(ec.generate_private_key(ec.SECP384R1())), "needs P-256"),
        ("ed25519", pem(ec.generate_private_key(ec.SECP256R1())), "another kind"),
        ("ed25519", public_pem, "public key"),
        ("ed25519", CANARY, "cannot be read"),
        ("ed25519", ed_pem[:80] + ed_pem[90:], "cannot be read"),
        ("rsa", pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    ]


@pytest.mark.parametrize("case", range(12))
def test_a_secret_that_does_not_fit_is_refused_and_never_quoted(case: int) -> None:
    algorithm, secret, problem = _wrong_keys()[case]

    with pytest.raises(ConfigurationError, match=problem) as refused:
        key(secret, algorithm, place="venuekit.toml: accounts.main.secret")

    error = refused.value
    assert str(error).startswith("venuekit.toml: accounts.main.secret: ")
    assert error.__cause__ is None
    assert error.__context__ is None
    # From the key's frame on, local variables included: only callers may still hold the secret.
    frames = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]  # it was raised
    shown = "".join(
        traceback.TracebackException(type(error), error, frames, capture_locals=True).format()
    )
    for line in secret.splitlines():
        if len(line) > 8 and not line.startswith("-----"):
            assert line not in shown


# --- what it does not give away ----------------------------------------------------------------


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        json.dumps(secret)[1:-1],
        secret.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    }


def test_no_text_of_it_holds_the_secret() -> None:
    a_key = key(CANARY)
    a_key.hmac_hex(b"data")

    texts = [repr(a_key), str(a_key), f"{a_key}", f"{a_key!s:>80}", "%s %r" % (a_key, [a_key])]  # noqa: UP031  # old formatting is the point

    assert not [text for text in texts for spelling in _spellings(CANARY) if spelling in text]
    assert repr(a_key) == "<SecretKey hmac-sha256>"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="a key cannot be pickled"):
        pickle.dumps(key(CANARY), protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_it_is_not_copied(duplicate: Any) -> None:
    with pytest.raises(TypeError, match="a key cannot be pickled, copied"):
        duplicate(key(CANARY))


def test_it_is_not_written_as_json_and_has_no_dict() -> None:
    with pytest.raises(TypeError, match="SecretKey"):
        json.dumps(key(CANARY))
    with pytest.raises(TypeError):
        vars(key(CANARY))


def test_no_attribute_gives_the_secret_not_even_a_private_one() -> None:
    a_key = key(CANARY)
    found = []
    for name in dir(a_key):
        if name == "__getstate__":
            continue
        value = inspect.getattr_static(a_key, name)
        value = getattr(a_key, name) if inspect.isdatadescriptor(value) else value
        found.append(repr(value))

    assert len(found) > 10
    assert not [text for text in found for spelling in _spellings(CANARY) if spelling in text]


def test_it_takes_no_new_attributes() -> None:
    with pytest.raises(AttributeError):
        key(CANARY).note = "x"  # type: ignore[attr-defined]  # the point


def test_two_keys_of_one_secret_are_not_equal() -> None:
    assert key(CANARY) != key(CANARY)


# --- what it tells the redactor ------------------------------------------------------------------


def test_the_secret_the_name_and_every_signature_are_told_to_the_redactor(
    rsa_key: rsa.RSAPrivateKey,
) -> None:
    redactor = Redactor()
    mac = key(CANARY, redactor=redactor)
    token_key = key(pem(ec.generate_private_key(ec.SECP256R1())), "es256", redactor=redactor)
    signatures = [
        mac.hmac_hex(b"1"),
        mac.hmac_base64(b"2"),
        key(pem(rsa_key), "rsa", redactor=redactor).signature_base64(b"3"),
        token_key.jwt({}, {"sub": "x"}),
    ]

    for text in [*signatures, CANARY, "public-name"]:
        assert redactor.clean(f"x {text} y") == "x [redacted] y"
