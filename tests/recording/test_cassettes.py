"""Cassettes: matched without what changes, each interaction once, and clean."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import vcr
from vcr.request import Request as Recorded

from tests.recording.test_tapes import PROVENANCE
from venuekit.auth import Redactor
from venuekit.plugin import Answer, Request
from venuekit.testing.recording import Cassette, RecordingError, Replay, Scrubber, read_cassette
from venuekit.testing.recording.cassettes import cassette_text, interaction

HOSTS = {"rest": "https://api.acme.example/v1"}
SECRET = "c3VwZXItc2VjcmV0LWtleS1vZi1hY21l"
SCRUBBER = Scrubber(Redactor())


def request(query: str = "", body: str = "", *, path: str = "/order") -> Request:
    return Request(
        method="POST", host="rest", path=path, query=query, body=body.encode(), headers={"Key": "k"}
    )


def cassette(*pairs: tuple[Request, Answer]) -> Cassette:
    kept = [interaction(r, a, hosts=HOSTS, scrubber=SCRUBBER) for r, a in pairs]
    return Cassette(provenance=PROVENANCE, interactions=kept)


def answer(text: str) -> Answer:
    return Answer(
        status=200, headers={"set-cookie": "a=b", "x-used-weight": "7"}, body=text.encode()
    )


def replay(*pairs: tuple[Request, Answer]) -> Replay:
    return Replay(cassette(*pairs), hosts=HOSTS, scrubber=SCRUBBER)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (
            request("symbol=A&timestamp=1&signature=aa"),
            request("symbol=A&timestamp=2&signature=bb"),
        ),
        (request(body="nonce=1&pair=A"), request(body="nonce=2&pair=A")),
        (request(body='{"pair":"A","nonce":1}'), request(body='{"pair":"A","nonce":22}')),
        (request(body='{"nonce":1,"pair":"A"}'), request(body='{"nonce":22,"pair":"A"}')),
    ],
)
def test_a_signed_request_is_found_whatever_its_time_and_signature(
    then: Request, now: Request
) -> None:
    playing = replay((then, answer("{}")))
    assert playing.answer(now).body == b"{}"
    assert playing.left == ()


def test_the_answer_for_one_order_is_not_given_to_another_one() -> None:
    playing = replay((request(body='{"pair":"ETH","price":"1.10"}'), answer("{}")))
    with pytest.raises(RecordingError, match=r'(?s)"BTC".*nearest.*"ETH"') as refused:
        playing.answer(request(body='{"pair":"BTC","price":"1.10"}'))
    assert "not in the cassette, or played already" in str(refused.value)
    with pytest.raises(RecordingError, match="nothing else was recorded of that path"):
        playing.answer(request(path="/other"))


def test_the_same_request_gets_its_answers_in_order_and_each_once() -> None:
    playing = replay((request(), answer("1")), (request(), answer("2")))
    assert [playing.answer(request()).body for _ in range(2)] == [b"1", b"2"]
    with pytest.raises(RecordingError, match="played already"):
        playing.answer(request())


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        quote(secret + "/+", safe=""),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        raw.hex(),
        json.dumps(json.dumps(secret)),
    ]


def test_secrets_are_taken_out_in_six_forms_and_refused_if_one_is_left() -> None:
    redactor = Redactor()
    redactor.add(SECRET)
    scrubber = Scrubber(redactor)
    for form in forms(SECRET):
        text = f'{{"note":"{form}"}}'
        assert SECRET not in scrubber.text(text)
        scrubber.refuse_if_left(scrubber.text(text), "a.cassette.json")
        with pytest.raises(RecordingError, match="line 2: a secret is left") as refused:
            scrubber.refuse_if_left(f"first\n{text}", "a.cassette.json")
        assert SECRET not in str(refused.value)


def test_what_has_the_name_of_a_secret_or_a_person_is_taken_out_and_digits_stay() -> None:
    text = '{"uid": 40123, "address":"bc1qxyz", "token":"T0K\\"EN", "price": 1.10, "key2":"stays"}'
    assert SCRUBBER.text(text) == (
        '{"uid": 0, "address":"scrubbed", "token":"scrubbed", "price": 1.10, "key2":"stays"}'
    )
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
    assert token not in SCRUBBER.text(f'"Bearer {token}"')


def test_headers_are_kept_by_a_list_of_those_that_are_harmless() -> None:
    kept = cassette((request("signature=abc&x=1"), answer("{}"))).interactions[0]
    assert kept.headers == {"x-used-weight": "7"}
    assert kept.url == "https://api.acme.example/v1/order?x=1"


async def test_vcrpy_plays_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "tour.cassette.json"
    file.write_text(cassette_text(cassette((request("x=1"), answer('{"price":1.10}')))))
    assert read_cassette(file).interactions[0].answer == '{"price":1.10}'
    player = vcr.VCR(serializer="json", record_mode="none", match_on=["method", "uri"])
    with player.use_cassette(str(file)) as played:
        async with (
            aiohttp.ClientSession() as session,
            session.post("https://api.acme.example/v1/order?x=1") as got,
        ):
            assert await got.read() == b'{"price":1.10}'
        assert played.all_played
    assert isinstance(played.requests[0], Recorded)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no provenance"),
        ("{}", "no cassette"),
        ("nonsense", "no cassette"),
        ('{"version":1,"interactions":[{"request":{}}]}', "no cassette"),
        ('{"version":1,"interactions":[]}', "no provenance"),
    ],
)
def test_what_is_no_cassette_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "a.cassette.json"
    file.write_text(text)
    with pytest.raises(RecordingError, match=said):
        read_cassette(file)


def test_a_cassette_that_is_not_there_is_said_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match='"venuekit record" makes them'):
        read_cassette(tmp_path / "none.cassette.json")
