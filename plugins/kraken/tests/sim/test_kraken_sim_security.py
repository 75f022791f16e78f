"""Keys, signatures, nonces, permissions, lockouts, tokens.

The secret and the first signature are those of the exchange's documentation.
"""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from venuekit.sim.dialect import SimRequest
from venuekit_kraken.sim.limits import LimitSettings
from venuekit_kraken.sim.security import sign as sim_sign

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
# Method, nonce, body, signature.
SIGNED = {
    "rest-official": (
        "AddOrder",
        "1616492376594",
        ("nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"),
        (
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bA"
            "b0nmbRn6H8ndwLUQ=="
        ),
    ),
    "rest-form-nonce-only": (
        "Balance",
        "1616492376595",
        ("nonce=1616492376595"),
        (
            "9qsYnAxkAt04Q9bMOFfYWglY6B/1ShQtPB2GO659iotiVGrR7HnEEhGS8TlToTniR3G4Y+"
            "HNrzV7X6iksOh5jQ=="
        ),
    ),
    "rest-form-ns-nonce": (
        "BalanceEx",
        "1780000000123456789",
        ("nonce=1780000000123456789"),
        (
            "bJx+28CCAvadGlxfUwz+P6dMe1ktvA+W7NRngfGBuKjJ11JVauLByEOc5Zc8uMuCjWtmVP"
            "WXEruackRNPKotcw=="
        ),
    ),
    "rest-form-u64-max-nonce": (
        "GetWebSocketsToken",
        "18446744073709551615",
        ("nonce=18446744073709551615"),
        (
            "Y7CbCLfOyOqebtbaLkXdcWW7emFH9PHNRZqhItnEDbusaYzLVgyps/mFOF/IV2MIRoJJcu"
            "ifj+SKKETfg4ipow=="
        ),
    ),
    "rest-form-plus-escape": (
        "AddOrder",
        "1616492376596",
        (
            "nonce=1616492376596&ordertype=trailing-stop&type=sell&volume=1.25&pair"
            "=XBTUSD&price=%2B2.5%25&expiretm=%2B60&timeinforce=GTD"
        ),
        (
            "aDvkoEMklvqGrKGVfg2dgYX6f5195cnaPhQP5Ytq0OaYjet9Fcwy6c+jypIzmzKA5diRGN"
            "LdLZzzGFd3StLeQg=="
        ),
    ),
    "rest-form-nested-close": (
        "AddOrder",
        "1616492376597",
        (
            "nonce=1616492376597&ordertype=limit&type=buy&volume=2.12340000&pair=XB"
            "TUSD&price=45000.1&close%5Bordertype%5D=stop-loss-limit&close%5Bprice%"
            "5D=38000&close%5Bprice2%5D=36000&leverage=2"
        ),
        (
            "ksjHxiSRWuqTl/LtBs/wUtgFfNbllSh60b2hC4t2dS/oTsYzbKgI6D9/T4aBRMYfuMchTo"
            "p/L74m677fiwrSAQ=="
        ),
    ),
    "rest-form-clordid": (
        "AddOrder",
        "1616492376598",
        (
            "nonce=1616492376598&ordertype=limit&type=buy&volume=0.0001&pair=XBTUSD"
            "&price=20000.0&oflags=post&cl_ord_id=6d1b345e-2821-40e2-ad83-4ecb18a06"
            "876&validate=true"
        ),
        (
            "nFxVUZ0+TzodTmlzplOt9TLjdSpd0CqVEnJ4FQP+T3C0vj8KPzKilVoWYHqjV6PdM8ftaK"
            "krIsHI6NlFNd6qgw=="
        ),
    ),
    "rest-form-otp": (
        "Withdraw",
        "1616492376599",
        ("nonce=1616492376599&asset=XBT&key=cold+wallet&amount=0.725&otp=123456"),
        (
            "Jn/XBrbZyYbDlFs+yPlDXn/QFZmu4m6AKh0UUcV4nuU5egCdvPIu89Elmohda9g9IRJiES"
            "cHcpD8xPLgaDFBtg=="
        ),
    ),
    "rest-json-batch-add": (
        "AddOrderBatch",
        "1616492376600",
        (
            '{"nonce":"1616492376600","pair":"XBTUSD","orders":[{"ordertype":"limit'
            '","type":"buy","volume":"1.2","price":"40000","cl_ord_id":"6d1b345e-28'
            '21-40e2-ad83-4ecb18a06876"},{"ordertype":"limit","type":"sell","volume'
            '":"1.2","price":"42000","cl_ord_id":"da8e4ad59b78481c93e589746b0cf91f"'
            '}],"deadline":"2023-09-24T14:15:22Z"}'
        ),
        (
            "AdPjaMh7vURc3p8om3QltW++3bwVfxATq8rL/rvpDxy1Q5BFWUKhTI01YaAFNIE+q9K4Kv"
            "e8jvG20iO0Y3LaeA=="
        ),
    ),
    "rest-json-batch-cancel": (
        "CancelOrderBatch",
        "1616492376601",
        ('{"nonce":"1616492376601","orders":["OG5V2Y-RYKVL-DT3V3B","OP5V2Y-RYKVL-ET3V3B"]}'),
        (
            "E5ai5S0e9y4ifliZl1AziCX92LRHBsric1RfhKx4PNdjkd58Bv0DOAjJ0N/juvlijcyEzD"
            "+N3F9v4N6Om7HxRQ=="
        ),
    ),
    "rest-json-numeric-nonce": (
        "AmendOrder",
        "1695828490",
        (
            '{"nonce": 1695828490, "cl_ord_id": "6d1b345e-2821-40e2-ad83-4ecb18a068'
            '76", "order_qty": "1.25"}'
        ),
        (
            "xTvBTi1uDnos1XtDWaIwCGZBoTZgPIinm6GVfuwNX41r7QuAthMJ/y05wBVV5YpJ8jrXJm"
            "oLI4BY/SC/Z8BtlA=="
        ),
    ),
}
REFUSED = {
    "SHA256 over the body alone": (
        "Z5k+Kt74bBDz+YmZ7doSlQkWwtXUmfNLPhcm4B94rRbgOj661gDhCxquNhAJrnZSDtKFA5CApNbeWvXb2EGUFg=="
    ),
    "path hashed without the /0 prefix": (
        "BfkkPNdthLSlAlKyQhtMORrwsLNe5sgVSqQAtWepxm23hzTYKU5gXSwQXkbzo1rbhKacxGGJaO/QyMsJXc5ZIQ=="
    ),
    "secret used as text instead of base64-decoded bytes": (
        "zA0LsmBEQjAhiVXDC0d286hCa9i387Mf1ZKLsYKEAfzW+x3m5FeiAkR7eoNxQ7ykM1KedtbCWKAZ4wyKRSmgfQ=="
    ),
    "inner SHA256 given as hex text instead of 32 raw bytes": (
        "zo+vrOtmhw2LH1Fh3GAqpXIqhgnLDTHJUiD6oiKNvJ4z8K6XEtgTTwr9ob8wbAF2rCRgTCD6KZSUz3JYQiekzg=="
    ),
}
KEY = "public key of the documents"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def documented(make_world: Callable[..., Any]) -> Any:
    """An exchange that knows the key of the documents."""
    world = make_world()
    world.user = world.dialect.create_account("documented", api_key=KEY, secret=SECRET)
    return world


def sent(method: str, body: str, signature: str, **headers: str) -> SimRequest:
    kind = "application/json" if body.startswith("{") else FORM
    return SimRequest(
        method="POST",
        path=f"/0/private/{method}",
        body=body.encode(),
        headers={"API-Key": KEY, "API-Sign": signature, "Content-Type": kind, **headers},
    )


@pytest.mark.parametrize("name", SIGNED)
def test_every_known_signature_comes_out(name: str) -> None:
    method, nonce, body, signature = SIGNED[name]
    secret = base64.b64decode(SECRET)
    assert sim_sign(secret, f"/0/private/{method}", nonce, body.encode()) == signature


@pytest.mark.parametrize("name", SIGNED)
def test_every_known_signature_is_accepted_as_it_came_off_the_wire(
    documented: Any, name: str
) -> None:
    method, _, body, signature = SIGNED[name]
    answer = documented.raw(sent(method, body, signature))
    assert not any(text.startswith("EAPI") for text in answer["error"])


@pytest.mark.parametrize("why", REFUSED)
def test_a_wrong_signature_is_refused_although_http_says_200(documented: Any, why: str) -> None:
    _, _, body, _ = SIGNED["rest-official"]
    answer = documented.raw(sent("AddOrder", body, REFUSED[why]))
    assert answer == {"error": ["EAPI:Invalid signature"]}
    assert documented.answer.status == 200


def test_one_byte_of_another_body_breaks_the_signature(documented: Any) -> None:
    _, _, body, signature = SIGNED["rest-official"]
    answer = documented.raw(sent("AddOrder", body.replace("1.25", "1.26"), signature))
    assert answer["error"] == ["EAPI:Invalid signature"]


def test_the_signature_covers_the_path(documented: Any) -> None:
    _, _, body, signature = SIGNED["rest-form-nonce-only"]
    answer = documented.raw(sent("BalanceEx", body, signature))
    assert answer["error"] == ["EAPI:Invalid signature"]


def test_a_key_that_nobody_has_is_refused(world: Any) -> None:
    request = world.request("Balance", {})
    stranger = {**request.headers, "api-key": "somebody else"}
    answer = world.raw(
        SimRequest(method="POST", path=request.path, body=request.body, headers=stranger)
    )
    assert answer["error"] == ["EAPI:Invalid key"]


# Nonces.


def ask(world: Any, nonce: str) -> Any:
    body = world.raw(world.request("GetApiKeyInfo", {}, nonce=nonce))
    return body["error"][0] if body["error"] else body["result"]["nonce"]


def test_a_nonce_has_to_be_greater_than_every_one_before(world: Any) -> None:
    assert ask(world, "100") == "100"
    assert ask(world, "100") == "EAPI:Invalid nonce"
    assert ask(world, "99") == "EAPI:Invalid nonce"
    assert ask(world, "101") == "101"


@pytest.mark.parametrize("nonce", ["", "-1", "1.5", "0x10", "18446744073709551616", "١٢"])
def test_what_is_no_number_of_64_bits_is_no_nonce(world: Any, nonce: str) -> None:
    assert ask(world, nonce) == "EAPI:Invalid nonce"


def test_the_greatest_nonce_is_good_and_nothing_comes_after_it(world: Any) -> None:
    assert ask(world, "18446744073709551615") == "18446744073709551615"
    assert ask(world, "1") == "EAPI:Invalid nonce"


def test_nanoseconds_are_not_rounded_to_what_a_double_holds(world: Any) -> None:
    assert ask(world, "1780000000123456789") == "1780000000123456789"
    assert ask(world, "1780000000123456788") == "EAPI:Invalid nonce"


def test_a_call_that_fails_uses_its_nonce_up(world: Any) -> None:
    request = world.request("AddOrder", {"pair": "NONSENSE"}, nonce="500")
    assert world.raw(request)["error"] == ["EQuery:Unknown asset pair"]
    assert ask(world, "500") == "EAPI:Invalid nonce"


def test_a_call_with_a_bad_signature_does_not(world: Any) -> None:
    bad = base64.b64encode(b"x" * 64).decode()
    request = world.request("Balance", {}, nonce="500", sign=bad)
    assert world.raw(request)["error"] == ["EAPI:Invalid signature"]
    assert ask(world, "500") == "500"


def test_within_a_window_a_lower_nonce_is_good_once(make_world: Callable[..., Any]) -> None:
    world = make_world()
    world.user = world.dialect.create_account("windowed", nonce_window=10)
    assert [ask(world, nonce) for nonce in ("100", "95", "95", "91", "90", "100")] == [
        "100",
        "100",
        "EAPI:Invalid nonce",
        "100",
        "EAPI:Invalid nonce",
        "EAPI:Invalid nonce",
    ]


def test_keys_of_one_account_count_their_own_nonces(world: Any) -> None:
    second = world.dialect.create_key("first")
    world.raw(world.request("Balance", {}, nonce="900"))
    assert world.raw(world.request("Balance", {}, second, nonce="5"))["error"] == []


# Lockout.


def test_after_errors_in_sequence_the_key_is_locked_out_and_each_attempt_begins_anew(
    make_world: Callable[..., Any],
) -> None:
    world = make_world(limits=LimitSettings(key_errors=3))
    bad = base64.b64encode(b"x" * 64).decode()

    def fail() -> str:
        return str(world.raw(world.request("Balance", {}, sign=bad))["error"][0])

    assert [fail() for _ in range(4)] == ["EAPI:Invalid signature"] * 3 + [
        "EGeneral:Temporary lockout"
    ]
    world.now_ns += 800 * 10**9
    assert world.private("Balance") == "EGeneral:Temporary lockout"
    world.now_ns += 800 * 10**9
    assert world.private("Balance") == "EGeneral:Temporary lockout"
    world.now_ns += 901 * 10**9
    assert "ZUSD" in world.private("Balance")


def test_a_good_call_in_between_forgives_the_errors(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(key_errors=3))
    bad = base64.b64encode(b"x" * 64).decode()
    for _ in range(3):
        for _ in range(2):
            world.raw(world.request("GetApiKeyInfo", {}, sign=bad))
        assert "nonce" in world.private("GetApiKeyInfo")


def test_too_many_bad_nonces_lock_a_key_out(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(nonce_errors=4))
    ask(world, "100")
    assert [ask(world, "1") for _ in range(5)][3:] == [
        "EAPI:Invalid nonce",
        "EGeneral:Temporary lockout",
    ]


# Permissions.


@pytest.mark.parametrize(
    ("granted", "method", "params", "is_allowed"),
    [
        ({"query-funds"}, "Balance", {}, True),
        ({"query-ledger"}, "Balance", {}, False),
        ({"query-funds"}, "OpenOrders", {}, False),
        ({"modify-trades"}, "AddOrderBatch", {"pair": "XBTUSD", "orders": []}, False),
        ({"modify-trades", "close-trades"}, "AddOrderBatch", {"orders": []}, True),
        ({"close-trades"}, "CancelAll", {}, True),
        ({"close-trades"}, "AddOrder", {}, False),
        ({"modify-trades"}, "GetWebSocketsToken", {}, False),
        (set(), "GetApiKeyInfo", {}, True),
    ],
)
def test_a_key_does_what_it_was_made_for(
    world: Any, granted: set[str], method: str, params: dict[str, Any], is_allowed: bool
) -> None:
    narrow = world.dialect.create_key("first", permissions=granted)
    outcome = world.private(method, narrow, **params)
    assert (outcome != "EGeneral:Permission denied") is is_allowed


def test_a_key_tells_about_itself(world: Any) -> None:
    narrow = world.dialect.create_key("first", permissions={"query-funds"}, nonce_window=7)
    info = world.private("GetApiKeyInfo", narrow)
    assert (info["apiKey"], info["nonceWindow"], info["permissions"]) == (
        narrow.api_key,
        7,
        ["query-funds"],
    )
    assert isinstance(info["nonce"], str)


def test_a_key_that_has_run_out_is_no_key(world: Any) -> None:
    world.dialect.venue.keys[world.user.api_key].valid_until_ns = world.now_ns + 10
    assert "ZUSD" in world.private("Balance")
    world.now_ns += 10
    assert world.private("Balance") == "EAPI:Invalid key"


def test_credentials_say_how_they_sign_and_hide_the_secret(world: Any) -> None:
    assert world.user.algorithm == "hmac-sha512"
    assert world.user.secret not in repr(world.user)
    assert len(base64.b64decode(world.user.secret)) == 64


# Form.


def test_json_and_forms_are_both_good(world: Any) -> None:
    order = {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.01",
        "price": "50000",
    }
    for is_json in (False, True):
        body = world.raw(world.request("AddOrder", order, is_json=is_json))
        assert body["error"] == []


def test_a_form_that_says_it_is_json_has_no_nonce(world: Any) -> None:
    request = world.request("Balance", {})
    headers = {**request.headers, "content-type": "application/json"}
    lying = SimRequest(method="POST", path=request.path, body=request.body, headers=headers)
    assert world.raw(lying)["error"] == ["EAPI:Invalid nonce"]


@pytest.mark.parametrize("path", ["/0/private/Nonsense", "/0/public/Nonsense"])
def test_unknown_methods_are_said_to_be(world: Any, path: str) -> None:
    body = world.raw(SimRequest(method="POST", path=path))
    assert body["error"] == ["EGeneral:Unknown method"]


# Tokens.


def test_a_token_is_good_for_fifteen_minutes(world: Any) -> None:
    token = world.private("GetWebSocketsToken")
    assert token["expires"] == 900
    line = world.connect()
    world.now_ns += 900 * 10**9
    (answer,) = line.subscribe("executions", token=token["token"])
    assert answer["success"] is True


def test_an_older_token_is_refused(world: Any) -> None:
    token = world.private("GetWebSocketsToken")["token"]
    world.now_ns += 901 * 10**9
    (answer,) = world.connect().subscribe("executions", token=token)
    assert (answer["success"], answer["error"]) == (False, "ESession:Invalid session")


def test_a_token_lives_as_long_as_a_private_subscription_of_its_connection(world: Any) -> None:
    line = world.private_line("executions")
    world.wait(2_000, step_s=20)
    assert line.ask("cancel_all")["success"] is True
    stranger = world.connect()
    stranger.token = line.token
    assert stranger.ask("cancel_all")["error"] == "ESession:Invalid session"
    (gone,) = line.ask_all("unsubscribe", channel="executions")
    assert gone["success"] is True
    assert line.ask("cancel_all")["error"] == "ESession:Invalid session"


def test_the_permissions_of_a_token_are_those_of_its_key(world: Any) -> None:
    narrow = world.dialect.create_key("first", permissions={"create-ws-token", "query-funds"})
    line = world.connect()
    line.token = world.private("GetWebSocketsToken", narrow)["token"]
    assert line.ask("cancel_all")["error"] == "EGeneral:Permission denied"
    (answer,) = line.subscribe("executions")
    assert answer["error"] == "EGeneral:Permission denied"


def test_the_public_socket_takes_no_token(world: Any) -> None:
    line = world.connect("/public/v2")
    line.token = world.private("GetWebSocketsToken")["token"]
    (answer,) = line.subscribe("executions")
    assert answer["success"] is False
