"""A passphrase goes out in clear beside a signature, and nowhere else."""

import base64
import json
import logging
import traceback
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from venuekit.auth import RedactingFilter, Redactor, SecretKey
from venuekit.model import ConfigurationError

CANARY = "c4n4ry p4ss/phr4se+"
SECRET = base64.b64encode(b"an hmac secret").decode()


def _key(redactor: Redactor, passphrase: str | None = CANARY) -> SecretKey:
    return SecretKey(
        api_key="public-name",
        algorithm="hmac-sha256",
        secret=SECRET,
        passphrase=passphrase,
        redactor=redactor,
    )


def test_an_hmac_key_gives_its_passphrase_to_who_signs() -> None:
    assert _key(Redactor()).passphrase == CANARY
    assert _key(Redactor(), None).passphrase is None


def test_it_is_registered_and_taken_out_of_text_in_every_form() -> None:
    redactor = Redactor()
    _key(redactor)
    header = {"CB-ACCESS-PASSPHRASE": CANARY}
    for text in (
        CANARY,
        json.dumps(header),
        repr(header),
        quote(CANARY, safe=""),
        base64.b64encode(CANARY.encode()).decode(),
        CANARY.encode().hex(),
    ):
        assert redactor.clean(f"before {text} after") != f"before {text} after"
        assert CANARY not in redactor.clean(text)


def test_no_log_line_has_it(caplog: pytest.LogCaptureFixture) -> None:
    redactor = Redactor()
    key = _key(redactor)
    caplog.handler.addFilter(RedactingFilter(redactor))
    logging.getLogger("venuekit.test").warning("signed with %s", key.passphrase)
    assert CANARY not in caplog.text
    assert "[redacted]" in caplog.text


def test_neither_repr_nor_an_error_shows_it() -> None:
    assert CANARY not in repr(_key(Redactor()))
    with pytest.raises(ConfigurationError) as caught:
        SecretKey(
            api_key="k",
            algorithm="hmac-sha256",
            secret="x",
            passphrase=CANARY,
            redactor=Redactor(),
        )
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    # The frame of this test passes it as a literal; those of the key must not hold it.
    shown = [line for line in lines if "keys.py" in line]
    assert shown
    assert not any(CANARY in line for line in shown)


def test_of_a_private_key_s_pem_it_is_not_kept() -> None:
    pem = (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(CANARY.encode()),
        )
        .decode()
    )
    redactor = Redactor()
    key = SecretKey(
        api_key="k", algorithm="ed25519", secret=pem, passphrase=CANARY, redactor=redactor
    )
    assert key.passphrase is None
    assert CANARY not in redactor.clean(f"opened with {CANARY}")
