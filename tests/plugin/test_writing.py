"""Calls written the usual ways: byte for byte what goes out, and nothing that was not said."""

from decimal import Decimal

import pytest

from venuekit.model import Advice, Outcome, ServiceState
from venuekit.plugin import (
    Answer,
    Call,
    CallKind,
    ErrorTable,
    ExchangeInfo,
    Listing,
    Members,
    Request,
    Row,
    form_call,
    get_call,
    json_call,
)

COSTS = {"requests": 1}


def read(answer: Answer) -> int:
    return len(answer.body)


def test_a_question_has_its_query_encoded_and_is_public_unless_said() -> None:
    call = get_call("fetch it", "/v1/it", read, [("pair", "BTC/EUR"), ("n", "5")], costs=COSTS)
    assert call.request == Request(
        method="GET", host="rest", path="/v1/it", query="pair=BTC%2FEUR&n=5"
    )
    assert (call.what, call.kind, call.costs) == ("fetch it", CallKind.PUBLIC_READ, COSTS)
    assert call.read(Answer(status=200, body=b"12")) == 2
    mine = get_call("mine", "/", read, costs=COSTS, kind=CallKind.PRIVATE_READ, host="second")
    assert (mine.is_signed, mine.request.host) == (True, "second")


def test_a_form_has_its_type_and_an_empty_one_has_none() -> None:
    fields = [("amount", "0.10"), ("name", "a b")]
    call = form_call(
        "place", "/v1/x", read, fields, costs=COSTS, kind=CallKind.PLACE, client_order_id="id1"
    )
    assert (call.request.method, call.request.body) == ("POST", b"amount=0.10&name=a%20b")
    assert call.request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert (call.kind, call.client_order_id) == (CallKind.PLACE, "id1")
    empty = form_call("ask", "/v1/x", read, costs=COSTS)
    assert (empty.request.body, empty.request.headers) == (b"", {})
    assert empty.kind is CallKind.PRIVATE_READ


def test_an_object_keeps_its_order_and_its_digits() -> None:
    members: dict[str, str | int | bool | None] = {"amount": "0.10000000", "post_only": True}
    members |= {"note": None, "n": 3}
    call = json_call("place", "/v1/x", read, members, costs=COSTS, kind=CallKind.PLACE)
    assert call.request.body == b'{"amount":"0.10000000","post_only":true,"note":null,"n":3}'
    assert call.request.headers == {"Content-Type": "application/json"}


def test_headers_are_added_and_replaced() -> None:
    request = Request(method="GET", host="rest", path="/", headers={"A": "1", "B": "2"})
    assert request.with_headers({"B": "3", "C": "4"}).headers == {"A": "1", "B": "3", "C": "4"}
    assert request.headers == {"A": "1", "B": "2"}


def row(reason: str) -> Row:
    return Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason=reason)


def test_codes_that_mean_the_same_stand_together_and_none_in_two_groups() -> None:
    table = ErrorTable.grouped(
        {row("a.a"): "1 2", row("b.b"): "3"}, texts={"": (("no such", row("c.c")),)}
    )
    assert {code: each.reason for code, each in table.rows.items()} == {
        "1": "a.a",
        "2": "a.a",
        "3": "b.b",
    }
    assert table.failure("", "no such thing", is_write=True).reason == "c.c"
    assert [(each.code, each.text) for each in table.documented()] == [
        ("1", ""),
        ("2", ""),
        ("3", ""),
        ("", "no such"),
    ]
    with pytest.raises(ValueError, match=r"2 is a\.a and b\.b"):
        ErrorTable.grouped({row("a.a"): "1 2", row("b.b"): "2"})


def test_a_listing_skips_what_it_does_not_understand_and_says_so() -> None:
    from tests.orders.conftest import INSTRUMENT

    def make(each: Members) -> object:
        each.amount("tick")
        return INSTRUMENT

    rows = [Members(each) for each in ({"n": "A", "tick": "1"}, {"n": "B"}, {"n": "C", "tick": 2})]
    listing = Listing.read(rows, "n", make)  # type: ignore[arg-type]  # one instrument is enough
    assert list(listing.instruments) == [INSTRUMENT.symbol]
    assert listing.skipped["B"] == "$.tick: is missing"
    assert "already" in listing.skipped["C"]
    with pytest.raises(ValueError, match="is missing"):
        Listing.read([Members({})], "n", make)  # type: ignore[arg-type]  # as above


def test_an_exchange_that_tells_the_time_is_online() -> None:
    class Clockwork(ExchangeInfo):
        def failure(self, call: Call[object], answer: Answer) -> None:
            return None

        def fetch_time(self) -> Call[int]:
            return get_call("fetch time", "/t", read, costs=COSTS)

        def fetch_listing(self) -> Call[Listing]:
            raise NotImplementedError

    steps = Clockwork("sim").fetch_status()
    assert not isinstance(steps, Call)
    assert next(steps).what == "fetch time"
    with pytest.raises(StopIteration) as end:
        steps.send(5)
    assert end.value.value.state is ServiceState.ONLINE


@pytest.mark.parametrize(("decimals", "step"), [(0, "1"), (2, "0.01"), ("8", "0.00000001")])
def test_decimals_become_steps(decimals: int | str, step: str) -> None:
    assert Members({"d": decimals}).step("d") == Decimal(step)


@pytest.mark.parametrize("decimals", [-1, 21, "x"])
def test_decimals_that_cannot_be_are_refused(decimals: int | str) -> None:
    with pytest.raises(ValueError, match=r"\$\.d"):
        Members({"d": decimals}).step("d")
