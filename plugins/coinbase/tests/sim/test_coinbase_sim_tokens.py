"""Keys and the tokens made with them."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venuekit.sim.dialect import SimRequest
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_coinbase.sim.settings import BehaviorSettings

# RFC 6979 appendix A.2.5 and RFC 8032 section 7.1 test 1: public test keys, in the forms in
# which Coinbase issues secrets.
EC_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8
maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END EC PRIVATE KEY-----
"""
ED_BASE64 = (
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
)
EC_NAME = (
    "organizations/00000000-0000-4000-8000-000000000001"
    "/apiKeys/00000000-0000-4000-8000-000000000002"
)
ED_NAME = "00000000-0000-4000-8000-000000000003"
CLOCK_S = 1_780_000_000
NONCE = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
ACCOUNTS = "GET api.coinbase.com/api/v3/brokerage/accounts"
ORDERS = "POST api.coinbase.com/api/v3/brokerage/orders"
# Signatures over the official SDK's claims for these keys, this clock and this nonce.
ES256_GET = "x8Q7IyUg7ahrDZysDrylecODhECiMcroNUuse8IMQoqnEDdbBcq9mhWBbjGFZ5Ehf6OTT9FiKvgdOiqZAMN0jQ"
ES256_GET_RFC6979 = (
    "lSazn5o-ogdmjle7jYEDLPJ4N8Ym_8GxDiwdiNgdc3mPNKMtcHIgdz3AFj_9Wpa51xL6V4Ymu0uNmMmIpK6-Eg"
)
ES256_POST = (
    "ycKT6ttWc-34v-T6cay7iukl9uuiA9SPqEFKHeVqgxSlkg0AaQ5So_wXgB-QGNuAR2E4FUHNalsU-gFQsJPdpA"
)
ES256_WS = "2XkoPUXFao6aFFYSXd5UK8OCPNzbIpUV7xGbM_SMJct2IP4flp4YYDSxBCUswSZ8ChD6uMDfeRyYuzfoBa2nPw"
ED_GET = "kvYUpRNf3iNmHi8Kh3YujsPrGxoXK2yA6QxrvvcA3ReqGZzcLnZoWaT0MXpInc17KP7aBZWdgDdr7_LJzJ63BQ"
ED_POST = "euJZrvXtKB23EegXQx5nmeqCBksdeGGqkRvbTjeNKJ4XPAow4VPTaMkmjRPC1xVgB-2vVNabwJsH63e1lAXDAQ"
ED_WS = "cD2hSrftOgbYjKesLICqwrp8xl7_eJxToooEyb4ZQxnORhTIvpH5qIpZAnhuYRCJShphUmz6QvH_HV4E5iv_Bw"
LONG_LIVED = (
    "jFzieLC0wncwwF87l1bIBL9xyR9TdJOf-UuilBkDqA57O2GtDEXofnKDCg80sIApnzoHj2tEcRmz9PAzhe_APQ"
)
TOO_EARLY = "N9QcEZSuGZZcSQvKReA1XP_1x3Brdu-aeSGb2pN2LnfbjbrCGH2MTFX4KP-AIQe98Eo2gbysA7jJJbQm67BIQw"
WITH_QUERY = (
    "0YNmDIWjZkcCpPe3R4UQbY3mGmXfGr6wY9-rMVBWHmMnJSrGmF2KpJXDN6pcXrbXBNnkUQq8-s3akYJt90Y8nQ"
)


def part(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def vector(
    signature: str,
    uri: str | None,
    name: str = EC_NAME,
    *,
    alg: str = "",
    nbf: int = CLOCK_S,
    exp: int = CLOCK_S + 120,
) -> str:
    """Put a published token together: header, claims, and the signature that belongs to them."""
    alg = alg or ("ES256" if name.startswith("organizations") else "EdDSA")
    header = {"alg": alg, "kid": name, "nonce": NONCE, "typ": "JWT"}
    claims: dict[str, Any] = {"sub": name, "iss": "cdp", "nbf": nbf, "exp": exp}
    if uri is not None:
        claims["uri"] = uri
    return f"{part(header)}.{part(claims)}.{signature}"


@pytest.fixture
def dialect() -> CoinbaseDialect:
    dialect = CoinbaseDialect(is_quiet=True)
    dialect.create_account("ec", api_key=EC_NAME, secret=EC_PEM)
    dialect.create_account("ed", algorithm="ed25519", api_key=ED_NAME, secret=ED_BASE64)
    return dialect


def ask(
    dialect: CoinbaseDialect,
    token: str,
    method: str = "GET",
    path: str = "/api/v3/brokerage/accounts",
    *,
    clock_s: float = CLOCK_S,
    host: str = "api.coinbase.com",
    query: str = "",
) -> Any:
    request = SimRequest(
        method=method,
        path=path,
        query_string=query,
        headers={"Authorization": f"Bearer {token}", "Host": host},
        body=b"{}",
    )
    return dialect.handle(request, round(clock_s * 10**9))


@pytest.mark.parametrize(
    "token",
    [
        vector(ES256_GET, ACCOUNTS),
        vector(ES256_GET_RFC6979, ACCOUNTS),
        vector(ED_GET, ACCOUNTS, ED_NAME),
    ],
)
def test_the_official_tokens_are_accepted(dialect: CoinbaseDialect, token: str) -> None:
    assert ask(dialect, token).status == 200
    assert ask(dialect, token, query="limit=250&cursor=").status == 200


@pytest.mark.parametrize("token", [vector(ES256_POST, ORDERS), vector(ED_POST, ORDERS, ED_NAME)])
def test_the_body_is_not_signed(dialect: CoinbaseDialect, token: str) -> None:
    answer = ask(dialect, token, "POST", "/api/v3/brokerage/orders")
    assert answer.status == 400  # the empty body; the token was good


@pytest.mark.parametrize("name", [EC_NAME, ED_NAME])
def test_socket_tokens_name_no_uri_and_are_refused_by_rest(
    dialect: CoinbaseDialect, name: str
) -> None:
    token = vector(ES256_WS if name == EC_NAME else ED_WS, None, name)
    assert ask(dialect, token).status == 401
    assert dialect.venue.keys.check(token, CLOCK_S * 10**9).name == name


REFUSED = {
    "nothing": "",
    "no token": "a.b",
    "unknown key": vector(ES256_GET, ACCOUNTS, EC_NAME[:-1] + "9"),
    "unsigned": vector("", ACCOUNTS, alg="none"),
    "another algorithm": vector(ED_GET, ACCOUNTS, ED_NAME, alg="ES256"),
    "a changed signature": vector(ES256_GET_RFC6979[:-4] + "AAAA", ACCOUNTS),
    "too long a life": vector(LONG_LIVED, ACCOUNTS, exp=CLOCK_S + 3600),
    "begins later": vector(TOO_EARLY, ACCOUNTS, nbf=CLOCK_S + 600, exp=CLOCK_S + 720),
    "query in uri": vector(WITH_QUERY, ACCOUNTS + "?limit=250"),
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_other_tokens_are_refused_in_plain_text(dialect: CoinbaseDialect, token: str) -> None:
    answer = ask(dialect, token)
    assert answer.status == 401
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.body == b"Unauthorized\n"


def test_a_token_is_bound_to_method_path_and_time(dialect: CoinbaseDialect) -> None:
    token = vector(ES256_GET, ACCOUNTS)
    assert ask(dialect, token, path="/api/v3/brokerage/key_permissions").status == 401
    assert ask(dialect, token, "POST", "/api/v3/brokerage/orders").status == 401
    assert ask(dialect, token, clock_s=CLOCK_S + 120).status == 200
    assert ask(dialect, token, clock_s=CLOCK_S + 121).status == 401


def test_the_simulators_own_address_is_a_host_too(world: Any, sign: Any) -> None:
    token = world.token(uri="GET 127.0.0.1:8080/api/v3/brokerage/accounts")
    headers = {"Authorization": f"Bearer {token}", "Host": "127.0.0.1:8080"}
    world.raw("GET", "/api/v3/brokerage/accounts", headers=headers)
    assert world.status == 200
    world.raw("GET", "/api/v3/brokerage/accounts", headers={**headers, "Host": "elsewhere"})
    assert world.status == 401


def test_other_claims_in_wide_use_are_accepted(world: Any) -> None:
    path = "/api/v3/brokerage/accounts"
    for token in (
        world.token(uri=ACCOUNTS, iss="coinbase-cloud", aud=["retail_rest_api_proxy"], iat=1),
        world.token(uris=["GET elsewhere/", ACCOUNTS], aud=["cdp_service"]),
    ):
        world.raw("GET", path, headers={"Authorization": f"Bearer {token}"})
        assert world.status == 200
    token = world.token(uri=ACCOUNTS, iss="somebody")
    world.raw("GET", path, headers={"Authorization": f"Bearer {token}"})
    assert world.status == 401


def test_a_token_must_name_the_algorithm_of_its_key(world: Any, sign: Any) -> None:
    now_s = world.now_ns // 10**9
    name = world.user.api_key
    claims = {"sub": name, "iss": "cdp", "nbf": now_s, "exp": now_s + 120, "uri": ACCOUNTS}
    for algorithm, status in (("ES256", 200), ("EdDSA", 401), ("none", 401)):
        token = sign(world.user, claims, {"alg": algorithm})
        headers = {"Authorization": f"Bearer {token}"}
        world.raw("GET", "/api/v3/brokerage/accounts", headers=headers)
        assert world.status == status


def test_keys_come_from_the_seed_in_the_forms_of_the_exchange() -> None:
    first, again, other = (CoinbaseDialect(seed=seed, is_quiet=True) for seed in (5, 5, 6))
    key = first.credentials()
    assert key == again.credentials()
    assert key != other.credentials()
    assert key.algorithm == "es256"
    assert key.secret.startswith("-----BEGIN EC PRIVATE KEY-----\n")
    private = load_pem_private_key(key.secret.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.curve.name == "secp256r1"
    assert "BEGIN" not in repr(key)


def test_an_account_may_have_an_ed25519_key_too(world: Any) -> None:
    key = world.dialect.credentials(algorithm="ed25519")
    assert (key.algorithm, key.account) == ("ed25519", "first")
    raw = base64.b64decode(key.secret)
    public = ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32]).public_key()
    assert public.public_bytes_raw() == raw[32:]
    assert world.get("/accounts", key)["accounts"]
    assert world.dialect.credentials(algorithm="ed25519") == key


def test_a_key_may_be_allowed_to_read_only(world: Any) -> None:
    reader = world.dialect.create_account("reader", can_trade=False)
    permissions = world.get("/key_permissions", reader)
    assert (permissions["can_view"], permissions["can_trade"]) == (True, False)
    assert permissions["portfolio_type"] == "DEFAULT"
    answer = world.post("/orders/batch_cancel", {"order_ids": ["a"]}, reader)
    assert (world.status, answer["error_details"]) == (403, "Missing required scopes")


def test_repeated_nonces_are_counted_and_refused_on_request(
    dialect: CoinbaseDialect, make_world: Any
) -> None:
    token = vector(ES256_GET, ACCOUNTS)
    for _ in range(3):
        assert ask(dialect, token).status == 200
    assert dialect.venue.keys.nonces()["ec"].seen == 3
    state: Any = dialect.state()
    assert state["nonces"]["ec"] == {"seen": 3, "repeated": 2, "fallen": 2}
    world = make_world(behavior=BehaviorSettings(refuses_replays=True))
    headers = {"Authorization": f"Bearer {world.token(uri=ACCOUNTS)}"}
    world.raw("GET", "/api/v3/brokerage/accounts", headers=headers)
    assert world.status == 200
    world.raw("GET", "/api/v3/brokerage/accounts", headers=headers)
    assert world.status == 401
