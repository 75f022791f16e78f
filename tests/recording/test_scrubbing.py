"""What holds a secret by its name is taken out, whatever wrote it, and what is not stays."""

import base64
import json
from urllib.parse import quote

import pytest

from venuekit.auth import Redactor
from venuekit.testing.recording import RecordingError, Scrubber

SECRET = "canary/Kz+7 secret&of=acme"
FORMS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "hex": SECRET.encode().hex(),
    "json": json.dumps(SECRET).replace("/", "\\/")[1:-1],
}


def _scrubber() -> Scrubber:
    redactor = Redactor()
    redactor.add(SECRET)
    return Scrubber(redactor)


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_taken_out_in_every_form_and_its_surroundings_stay(form: str) -> None:
    scrubber = _scrubber()
    cleaned = scrubber.text(f'{{"p":1.10,"x":"{FORMS[form]}","q":2}}')
    assert cleaned == '{"p":1.10,"x":"scrubbed","q":2}'


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_is_refused_by_its_place_and_never_by_its_value(form: str) -> None:
    with pytest.raises(RecordingError, match="tour, line 2: a secret is left") as refused:
        _scrubber().refuse_if_left(f"clean\nx={FORMS[form]}\n", "tour")
    assert FORMS[form] not in str(refused.value)
    _scrubber().refuse_if_left("clean\nx=1\n", "tour")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('{"listenKey":"abc"}', '{"listenKey":"scrubbed"}'),
        ('{"listen_key" : "abc"}', '{"listen_key" : "scrubbed"}'),
        ('{"Passphrase":"abc"}', '{"Passphrase":"scrubbed"}'),
        ('{"ACME-ACCESS-KEY":"abc"}', '{"ACME-ACCESS-KEY":"scrubbed"}'),
        ('{"api_secret":"abc","p":1.10}', '{"api_secret":"scrubbed","p":1.10}'),
        ('{"access_token":"abc"}', '{"access_token":"scrubbed"}'),
        ('{"otp":"123456"}', '{"otp":"scrubbed"}'),
        ('{"accountId":123,"n":7}', '{"accountId":0,"n":7}'),
        (r'{"m":"{\"jwt\":\"a\",\"p\":\"1\"}"}', r'{"m":"{\"jwt\":\"scrubbed\",\"p\":\"1\"}"}'),
        ("/ws?listenKey=abc&depth=5", "/ws?listenKey=scrubbed&depth=5"),
        ("/ws?depth=5&signature=ff#x", "/ws?depth=5&signature=scrubbed#x"),
    ],
)
def test_members_and_parameters_that_hide_are_known_by_name(text: str, cleaned: str) -> None:
    assert _scrubber().text(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        '{"keys":"abc","monkey":"d","design":"e","tokens":"f","symbol":"ACME-USD"}',
        '{"price":1.10,"bids":[["30000.10","0.50"]],"design_notes":"x"}',
        "/depth?symbol=ACME&keystone=1",
    ],
)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert _scrubber().text(text) == text


def test_headers_of_limits_stay_and_none_that_may_hide() -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Acme-Used-Weight": "7",
        "acme-after": "12",
        "X-Key-Remaining": "abc",
        "X-Signature-Count": "abc",
        "X-Token-Limit": "abc",
        "ACME-ACCESS-KEY": "abc",
        "Authorization": "abc",
        "Set-Cookie": "abc",
    }
    assert _scrubber().headers(headers) == {
        "content-type": "application/json",
        "x-acme-used-weight": "7",
        "acme-after": "12",
    }
