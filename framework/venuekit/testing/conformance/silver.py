"""Silver: it trades without surprising."""

import base64
import functools
import gc
import json
import re
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

import attrs

from venuekit.auth import Redactor, SecretKey
from venuekit.model import Advice, ClientOrderId, Failure, Fill, Order, OrderPhase, Outcome
from venuekit.plugin import (
    Adapter,
    Answer,
    Call,
    CallKind,
    PlaceMany,
    QueryOrders,
    Request,
    Stamp,
    Stream,
)
from venuekit.testing.conformance.bench import Bench, Refused
from venuekit.testing.conformance.generated import generated_orders
from venuekit.testing.conformance.specimen import KNOWN_ANSWERS, Specimen
from venuekit.testing.conformance.tour import at_market, make_ids, ref_of, resting, take_tour
from venuekit.testing.conformance.verdicts import Exempt, NotComputed, Tally

_VECTORS: Final = 3
_IDS: Final = 10_000
_ORDERS: Final = 500
_LIVE_ORDERS: Final = 40
_EXPONENT: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?[eE][+-]?\d+(?![\w.])")
_SLOW_S: Final = 2.0
_SKEW_NS: Final = 3_600_000_000_000


def signatures_known(specimen: Specimen, tally: Tally) -> None:
    """S1: the plugin's known answers, made by others, come out digit by digit."""
    file = specimen.folder / KNOWN_ANSWERS
    if not file.is_file():
        tally.expect(False, expected=f"{specimen.package}/{KNOWN_ANSWERS}", seen="no such file")
        return
    vectors = json.loads(file.read_text("utf-8"))
    adapter: Any = specimen.manifest.adapter("sim")
    for kind in specimen.manifest.credentials:
        mine = [v for v in vectors if v["algorithm"] == kind.algorithm]
        tally.expect(
            len(mine) >= _VECTORS,
            expected=f"{_VECTORS} known answers for {kind.algorithm}",
            seen=len(mine),
        )
    for vector in vectors:
        _one_vector(adapter, vector, specimen, tally)


def _one_vector(adapter: Any, vector: Mapping[str, Any], specimen: Specimen, tally: Tally) -> None:
    what = vector.get("name", "a known answer")
    tally.expect(bool(vector.get("source")), expected=f"{what}: its source", seen="none")
    key = SecretKey(
        api_key=vector["api_key"],
        algorithm=vector["algorithm"],
        secret=vector["secret"],
        passphrase=vector.get("passphrase"),
        redactor=Redactor(),
    )
    asked = vector["request"]
    request = Request(
        method=asked["method"],
        host=asked.get("host", "rest"),
        path=asked["path"],
        query=asked.get("query", ""),
        body=asked.get("body", "").encode(),
        headers=asked.get("headers", {}),
    )
    with specimen.guard.up():
        signed = adapter.sign(
            request, key, Stamp(time_ns=int(vector["time_ns"]), nonce=vector.get("nonce"))
        )
    expected = vector["signed"]
    call = f"adapter.sign({what})"
    if "claims" in expected:
        token = next((v.split()[-1] for v in signed.headers.values() if v.count(".") == 2), "..")
        head, claims, _ = [*token.split("."), "", "", ""][:3]
        read = [_json(part) for part in (head, claims)]
        wanted = [expected["header"], expected["claims"]]
        for part, said in zip(wanted, read, strict=True):
            for name, value in part.items():
                seen = said.get(name)
                tally.expect(seen == value, expected=f"{name} = {value}", seen=seen, call=call)
        return
    shown = {
        "query": signed.query,
        "body": signed.body.decode(),
        **{f"header {name}": value for name, value in signed.headers.items()},
    }
    for name, value in expected.items():
        tally.expect(
            shown.get(name) == value, expected=f"{name} {value}", seen=shown.get(name), call=call
        )


def _json(part: str) -> dict[str, Any]:
    try:
        read = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


class _CanaryKey:
    """A real key around a canary, which counts what was signed."""

    def __init__(self, specimen: Specimen, algorithm: str) -> None:
        self.secret = "Q2FuYXJ5LXNlY3JldC1uZXZlci1zaG93bi0xMjM0NTY3ODkw" + "LVpaWlo="
        self.key = specimen.bench.key
        if algorithm.startswith("hmac"):
            self.key = SecretKey(
                api_key="canary-api-key-7f3a",
                algorithm=algorithm,
                secret=self.secret,
                passphrase="canary-pass",  # noqa: S106  # a canary, it opens nothing
                redactor=Redactor(),
            )
        else:
            self.secret = specimen.bench.credentials.secret


def six_encodings(secret: str) -> dict[str, str]:
    """Give a secret as it may hide: plain, base64, hex, percent, JSON, and base64 for URLs."""
    raw = secret.encode()
    core = secret.strip().splitlines()
    body = max(core, key=len)  # of a PEM, a line of its base64
    return {
        "plain": body,
        "base64": base64.b64encode(raw).decode().rstrip("="),
        "base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "hex": raw.hex(),
        "percent": quote(secret, safe=""),
        "json": json.dumps(secret)[1:-1],
    }


def secrets_sealed(specimen: Specimen, tally: Tally) -> None:
    """S2: no request, error, repr or member of the adapter holds a canary secret, six ways."""
    tour = specimen.tour
    if not any(kept.call.is_signed for kept in tour.bench.kept):
        raise Exempt("nothing is signed")
    adapter: Any = tour.bench.adapter
    key = _CanaryKey(specimen, tour.bench.key.algorithm)
    hidden = six_encodings(key.secret)
    for kept in tour.bench.kept:
        if not kept.call.is_signed:
            continue
        with specimen.guard.up():
            signed = adapter.sign(kept.call.request, key.key, tour.bench.stamp())
        words = f"{signed.path}?{signed.query} {dict(signed.headers)} {signed.body!r}"
        for place, text in (
            ("the signed request", words),
            ("its repr", repr(signed)),
            ("the call's repr", repr(kept.call)),
            ("the adapter's members", repr(vars(adapter))),
            ("the failure", repr(kept.failure)),
        ):
            found = [way for way, form in hidden.items() if form in text]
            tally.expect(
                not found,
                expected=f"no secret in {place}",
                seen=f"the secret, {', '.join(found)}",
                call=f"adapter.sign({kept.call.what})",
            )
    kept_keys = [name for name, value in vars(adapter).items() if value is key.key]
    tally.expect(not kept_keys, expected="an adapter that keeps no key", seen=kept_keys)


def client_order_ids(specimen: Specimen, tally: Tally) -> None:
    """S3: 10,000 ids by the manifest's rule are unique and fit; each leg carries its own."""
    rule = specimen.manifest.client_order_id
    bench = specimen.tour.bench
    ids = make_ids(bench, seed=99)
    made = [ids.make() for _ in range(_IDS)]
    tally.expect(len(set(made)) == _IDS, expected=f"{_IDS} different ids", seen=len(set(made)))
    for id_ in made:
        tally.expect(
            re.fullmatch(rule.pattern, id_) is not None and len(id_) <= rule.max_length,
            expected=f"{rule.pattern}, at most {rule.max_length} characters",
            seen=id_,
        )
    adapter: Any = bench.adapter
    tour = specimen.tour
    instrument = tour.instrument
    if instrument is None or tour.book is None:
        raise NotComputed("no instrument with a book to write orders for")
    for id_ in made[:50]:
        request = attrs.evolve(resting(tour), client_order_id=ClientOrderId(id_))
        with specimen.guard.up():
            call = adapter.place(request, instrument)
        sent = wire(call.request)
        tally.expect(
            id_ in sent and call.client_order_id == id_,
            expected=f"the id {id_} in the request, and in Call.client_order_id",
            seen=f"{sent}; {call.client_order_id}",
            call="adapter.place(limit_buy(…, client_order_id=…))",
        )
    if isinstance(adapter, PlaceMany):
        legs = [
            attrs.evolve(resting(tour), client_order_id=ClientOrderId(id_))
            for id_ in made[: adapter.max_places]
        ]
        with specimen.guard.up():
            batch = adapter.place_many(legs, instrument)
        sent = wire(batch.request)
        for leg in legs:
            tally.expect(
                str(leg.client_order_id) in sent,
                expected=f"the id {leg.client_order_id} in the batch",
                seen="another, or none",
                call="adapter.place_many(…)",
            )


def wire(request: Request) -> str:
    """Give everything of a request that the exchange reads, percent signs undone."""
    return f"{request.path}?{unquote(request.query)} {unquote(request.body.decode())}"


def rules_respected(specimen: Specimen, tally: Tally) -> None:
    """S4: 500 generated orders keep their digits on the way out, and some of them on the way back.

    Those that break a rule never reach the adapter: what `place` is given keeps the rules, so the
    exchange must not refuse it for a filter.
    """
    tour = specimen.tour
    adapter: Any = tour.bench.adapter
    if tour.book is None:
        raise NotComputed("no book to write orders for")
    orders = list(generated_orders(tour, _ORDERS))
    tally.expect(len(orders) == _ORDERS, expected=f"{_ORDERS} valid orders", seen=len(orders))
    for request, instrument in orders:
        asked = f"place({request.type.value} {request.quantity} @ {request.price} {request.symbol})"
        try:
            with specimen.guard.up():
                call = adapter.place(request, instrument)
        except Exception as error:  # noqa: BLE001  # a plugin's border
            tally.expect(False, expected="a call", seen=repr(error), call=asked)
            continue
        sent = wire(call.request)
        tally.expect(
            _EXPONENT.search(_without(sent, request.client_order_id)) is None,
            expected="no exponent",
            seen=sent,
            call=asked,
        )
        values = list(_values(call.request))
        for name in ("quantity", "price", "stop_price"):
            value = getattr(request, name)
            if value is not None:
                tally.expect(
                    value in values,
                    expected=f"{name} {value:f} with all its digits",
                    seen=sent,
                    call=asked,
                )
    _there_and_back(specimen, tally)


def _without(text: str, id_: str | None) -> str:
    return text.replace(id_, "") if id_ else text


def _values(request: Request) -> Iterator[Decimal]:
    """Give every member of a request that is a plain number, exactly as it is written."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    body = request.body.decode()
    if body.startswith(("{", "[")):
        yield from _numbers(json.loads(body, parse_float=Decimal))
    else:
        pairs += parse_qsl(body, keep_blank_values=True)
    for _, text in pairs:
        yield from _numbers(text)


def _numbers(value: Any) -> Iterator[Decimal]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _numbers(member)
    elif isinstance(value, list):
        for member in value:
            yield from _numbers(member)
    elif isinstance(value, Decimal | int) and not isinstance(value, bool):
        yield Decimal(value)
    elif isinstance(value, str) and re.fullmatch(r"[+-]?\d+(?:\.\d+)?%?", value):
        yield Decimal(value.strip("+%"))


def _answers_for_orders(adapter: Adapter) -> bool:
    return isinstance(adapter, QueryOrders)


def _there_and_back(specimen: Specimen, tally: Tally) -> None:
    bench = specimen.fresh_bench(seed=8)
    tour = take_tour(bench)
    adapter: Any = bench.adapter
    if tour.book is None or not _answers_for_orders(adapter):
        return
    for n in range(_LIVE_ORDERS // 4):
        away = Decimal("0.9") - Decimal(n) / 137
        request = resting(tour, away=away)
        placed = tour.step(f"order {n}", functools.partial(adapter.place, request, tour.instrument))
        asked = f"place({request.quantity} @ {request.price} {request.symbol})"
        refused = tour.refused.get(f"order {n}")
        if not tally.expect(
            refused is None,
            expected="an order that keeps the rules is taken",
            seen=refused,
            call=asked,
        ):
            continue
        ref = ref_of(request, placed, bench.now_ns)
        read = tour.step(f"read {n}", functools.partial(adapter.fetch_order, ref, tour.instrument))
        # Some exchanges do not repeat the price; then the one that was asked for stays in force.
        is_same = (
            isinstance(read, Order)
            and read.price in {None, request.price}
            and (read.quantity, read.client_order_id) == (request.quantity, request.client_order_id)
        )
        tally.expect(
            is_same,
            expected=f"the same order back: {request.quantity} @ {request.price}",
            seen=read or tour.broken.get(f"read {n}") or tour.refused.get(f"read {n}"),
            call=f"{asked}; fetch_order",
        )
        tour.step(f"cancel {n}", functools.partial(adapter.cancel, ref, tour.instrument))


def errors_complete(specimen: Specimen, tally: Tally) -> None:
    """S5: each documented code has outcome and advice; what nobody documented stays unknown."""
    rows = specimen.manifest.errors
    tally.expect(bool(rows), expected="Manifest.errors: every documented error", seen="none")
    for entry in rows:
        row = entry.row
        tally.expect(
            bool(row.reason) and re.fullmatch(r"[a-z_]+(\.[A-Za-z_0-9]+)+", row.reason) is not None,
            expected=f"{entry.code}: a reason of ours, such as order.unknown",
            seen=repr(row.reason),
        )
        is_repeated = row.outcome is Outcome.UNKNOWN and row.advice is Advice.NEW_NONCE
        tally.expect(
            not is_repeated,
            expected=f"{entry.code}: what may have had its effect is not signed anew",
            seen=f"{row.outcome.value}, {row.advice.value}",
        )
    _unknown_answers(specimen, tally)


_NOT_UNDERSTOOD: Final = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"Insufficient funds"',
    b"<html><h1>403 Forbidden</h1>Too many errors; order not found</html>",
    b'{"error":5,"code":[1],"msg":{},"message":4,"success":"yes","errors":7}',
    b'{"error":',
    b"Unauthorized \xff",
)
"""What no exchange documents: it may come from anybody on the way."""
_REFUSING: Final = (400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 504, 520)
_DOWN: Final = 500
_COME_BACK: Final = (429, 503)
"""Statuses that say what to do next, whoever sent them."""


def _unknown_answers(specimen: Specimen, tally: Tally) -> None:
    bench = specimen.tour.bench
    writes = _one_of_each_kind(bench, is_write=True)
    if not writes:
        raise NotComputed("the tour made no write")
    for call in writes:
        for answer in _strange_answers():
            _is_unknown(bench, call, answer, tally)
        for status in _COME_BACK:
            _comes_back(bench, call, status, tally)
        for answer in _undocumented(specimen, bench):
            _is_unknown(bench, call, answer, tally)


def _strange_answers() -> Iterator[Answer]:
    for body in (b"", b"<html>busy</html>"):
        yield Answer(status=200, headers={"content-type": "text/html"}, body=body)
    for status in _REFUSING:
        # Some exchanges refuse in plain words; below 500 these are a form like any other.
        for body in (*_NOT_UNDERSTOOD, *([b"upstream"] if status >= _DOWN else [])):
            yield Answer(status=status, headers={"content-type": "text/html"}, body=body)


def _comes_back(bench: Bench, call: Call[Any], status: int, tally: Tally) -> None:
    """What went too fast pauses, and what is down is asked again, whatever else is not known."""
    answer = Answer(status=status, body=b"<html>busy</html>")
    try:
        failure = bench.judged(call, answer)
    except Exception:  # noqa: BLE001  # told already, by the check before
        return
    tally.expect(
        failure is not None and failure.advice in {Advice.AGAIN, Advice.AFTER_DELAY},
        expected="advice to come back: AGAIN or AFTER_DELAY",
        seen="no failure" if failure is None else failure.advice.value,
        call=f"adapter.failure({call.what}, Answer(status={status}, body=…))",
    )


def _is_unknown(bench: Bench, call: Call[Any], answer: Answer, tally: Tally) -> None:
    shown = f"adapter.failure({call.what}, Answer(status={answer.status}, body={answer.body!r}))"
    try:
        failure = bench.judged(call, answer)
    except Exception as error:  # noqa: BLE001  # a plugin's border
        tally.expect(False, expected="a Failure", seen=repr(error), call=shown)
        return
    if failure is None:
        # Taken for a success: then reading has to refuse it, and the framework knows nothing.
        try:
            read = bench.read(call, answer)
        except (ValueError, KeyError):
            tally.expect(True, expected="", seen="")
        except Exception as error:  # noqa: BLE001  # a plugin's border
            tally.expect(False, expected="ValueError or KeyError", seen=repr(error), call=shown)
        else:
            tally.expect(False, expected="no success", seen=repr(read), call=shown)
        return
    tally.expect(
        failure.outcome is Outcome.UNKNOWN,
        expected="Outcome.UNKNOWN: nobody knows what became of the write",
        seen=f"{failure.outcome.value} ({failure.reason})",
        call=shown,
    )


def _undocumented(specimen: Specimen, bench: Bench) -> Iterator[Answer]:
    """Give real refusals whose code was replaced by one that nobody documented."""
    for kept in _refusals(specimen, bench):
        failure = bench.judged(kept[0], kept[1])
        if failure is None or not failure.code or not failure.is_documented:
            continue
        code, body = failure.code.encode(), kept[1].body
        if body.count(code) < 1:
            continue
        strange = b"-987654" if re.fullmatch(rb"-?\d+", code) else b"ZNobody:Ever documented this"
        if strange.startswith(b"Z") and re.fullmatch(rb"[A-Z_]+", code):
            strange = b"NOBODY_EVER_DOCUMENTED_THIS"
        text = failure.text.encode()
        changed = body.replace(code, strange)
        if text and text != code:
            changed = changed.replace(text, b"something new")
        yield attrs.evolve(kept[1], body=changed)


def _refusals(specimen: Specimen, bench: Bench) -> Iterator[tuple[Call[Any], Answer]]:
    """Give calls that the simulator refuses: an order nobody can pay."""
    tour = specimen.tour
    if tour.instrument is None or tour.book is None:
        return
    adapter: Any = bench.adapter
    request = resting(tour)
    assert request.quantity is not None
    dear = attrs.evolve(request, quantity=request.quantity * 10_000_000)
    with specimen.guard.up():
        call = adapter.place(dear, tour.instrument)
    bench.now_ns += 3_000_000_000
    yield call, bench.deliver(bench.signed(call))


def _one_of_each_kind(bench: Bench, *, is_write: bool) -> list[Call[Any]]:
    found: dict[CallKind, Call[Any]] = {}
    for kept in bench.kept:
        if kept.call.kind.is_write is is_write:
            found.setdefault(kept.call.kind, kept.call)
    return list(found.values())


def expiry_carried(specimen: Specimen, tally: Tally) -> None:
    """S7: a write that arrives after its time is refused, and had no effect."""
    validity_s = specimen.manifest.timing.request_validity_s
    tally.expect(0 < validity_s <= 300, expected="0 to 300 s of validity", seen=validity_s)
    bench = specimen.fresh_bench(seed=9)
    tour = take_tour(bench)
    adapter: Any = bench.adapter
    if tour.book is None or not _answers_for_orders(adapter):
        raise NotComputed("no order to send late")
    request = resting(tour)
    with specimen.guard.up():
        call = adapter.place(request, tour.instrument)
    sent = bench.signed(call)
    bench.wait(validity_s + 1)
    failure = bench.judged(call, bench.deliver(sent))
    said = "accepted" if failure is None else f"{failure.outcome.value} ({failure.reason})"
    tally.expect(
        failure is not None and failure.outcome is not Outcome.DONE,
        expected=f"an order that arrives {validity_s + 1:g} s late is no success",
        seen=said,
        call="adapter.sign(adapter.place(…))",
    )
    open_now = tour.step("open", lambda: adapter.fetch_open_orders(tour.instrument)) or ()
    late = [o for o in open_now if o.client_order_id == request.client_order_id]
    tally.expect(not late, expected="no order that came late", seen=late)


def budgets_known(specimen: Specimen, tally: Tally) -> None:
    """S8: each call costs units of budgets that exist; "too fast" says for how long to wait."""
    names = {budget.name for budget in specimen.manifest.budgets}
    tally.expect(bool(names), expected="Manifest.budgets: the limits in force", seen="none")
    bench = specimen.tour.bench
    for kept in bench.kept:
        call = kept.call
        unknown = [
            name
            for name in call.costs
            if name not in names and name.rpartition(" ")[0] not in names
        ]
        tally.expect(
            not unknown,
            expected=f"budgets of the manifest: {', '.join(sorted(names))}",
            seen=", ".join(unknown),
            call=call.what,
        )
        tally.expect(
            bool(call.costs), expected="a cost: every request is counted", seen="{}", call=call.what
        )
    call = next(kept.call for kept in bench.kept)
    sim_request = _sim_request(call)
    for name in ("rate_limited", "banned"):
        try:
            answer = bench.dialect.named_answer(name, sim_request, bench.now_ns)
        except KeyError:
            if name == "banned":  # not every exchange bans
                continue
            raise
        headers = {key.lower(): value for key, value in answer.headers}
        said = bench.judged(call, Answer(status=answer.status, headers=headers, body=answer.body))
        is_known = (
            said is not None
            and said.advice is Advice.AFTER_DELAY
            and (said.retry_after_s or 0) > 0
            and said.reason.startswith("limit.")
        )
        tally.expect(
            is_known,
            expected=f"{name}: AFTER_DELAY, a reason limit.…, and retry_after_s",
            seen=said,
            call=f"adapter.failure({call.what}, …)",
        )


def _sim_request(call: Call[Any]) -> Any:
    from venuekit.sim.dialect import SimRequest

    return SimRequest(
        method=call.request.method, path=call.request.path, query_string=call.request.query
    )


def cancel_races_fill(specimen: Specimen, tally: Tally) -> None:
    """S9: a cancel that comes too late is told apart from one that canceled."""
    bench = specimen.fresh_bench(seed=10)
    tour = take_tour(bench)
    adapter: Any = bench.adapter
    if tour.instrument is None or tour.book is None:
        raise NotComputed("no order to race with")
    for n in range(3):
        request = at_market(tour)
        placed = tour.step("race place", functools.partial(adapter.place, request, tour.instrument))
        ref = ref_of(request, placed, bench.now_ns)
        try:
            with specimen.guard.up():
                steps = adapter.cancel(ref, tour.instrument)
            result = bench.ask(steps)
        except Refused as refused:
            failure = refused.failure
            tally.expect(
                failure.outcome is Outcome.REJECTED and failure.reason.startswith("order."),
                expected="REJECTED for a reason order.…: there is nothing left to cancel",
                seen=refused,
                call=f"cancel(a filled order), {n}",
            )
        else:
            phase = result.phase if isinstance(result, Order) else None
            tally.expect(
                phase is not OrderPhase.CANCELED,
                expected="not CANCELED: the order had been filled",
                seen=phase,
                call=f"cancel(a filled order), {n}",
            )


def states_total(specimen: Specimen, tally: Tally) -> None:
    """S10: open, canceled and filled are read as such; fills add up and name their fee."""
    tour = specimen.tour
    expected = {
        "fetch_order": {OrderPhase.OPEN, OrderPhase.PARTIALLY_FILLED},
        "fetch_canceled": {OrderPhase.CANCELED},
        "fetch_filled": {OrderPhase.FILLED},
    }
    adapter: Any = tour.bench.adapter
    for step, phases in expected.items():
        order = tour.results.get(step)
        if (
            step == "fetch_canceled"
            and order is None
            and getattr(adapter, "forgets_unfilled", False)
        ):
            continue
        words = "/".join(sorted(phase.value for phase in phases))
        tally.expect(
            isinstance(order, Order) and order.phase in phases,
            expected=f"{step}: {words}",
            seen=order.phase.value if isinstance(order, Order) else order,
            call=f"adapter.{step}",
        )
    filled = tour.results.get("fetch_filled")
    fills = tour.results.get("fetch_fills") or ()
    if isinstance(filled, Order):
        mine = [f for f in fills if f.exchange_order_id == filled.exchange_order_id]
        total = sum((fill.quantity for fill in mine), Decimal(0))
        tally.expect(
            total == filled.filled == filled.quantity,
            expected=f"fills that add up to {filled.quantity}",
            seen=f"{total} in fills, {filled.filled} in the order",
            call="adapter.fetch_fills",
        )
        for fill in mine:
            _fill(fill, tally)


def _fill(fill: Fill, tally: Tally) -> None:
    is_paid = fill.fee is not None and bool(fill.fee.asset)
    tally.expect(is_paid, expected="a fee with its asset", seen=fill.fee, call="fetch_fills")
    tally.expect(
        fill.price > 0 and fill.quantity > 0 and fill.time_ns > 10**18 and bool(fill.trade_id),
        expected="price, quantity, trade id, and a time in nanoseconds",
        seen=fill,
        call="fetch_fills",
    )


_POISON: Final = (
    b"",
    b"\x00\xff\xfe",
    b"<html><body>\x1b[31mgateway</body></html>",
    b"null",
    b"[]",
    b"{}",
    b"NaN",
    b'"text"',
    b"1e400",
    b"[" * 5_000,
    b'{"a":' * 2_000,
)


_STRANGE: Final = (
    *(b"1e400", b"-1", b"0.5", b"NaN", b"1" * 400, b"null", b"true", b"{}", b"[]"),
    *(b'{"a":1}', b"[1]", b'"\\u0000\\u202e"', b'""'),
)
"""What stands in the place of numbers and texts: other kinds, other sizes, other characters."""


def _instead(strange: bytes, found: re.Match[bytes]) -> bytes:
    return found[1] + strange


def poisoned(body: bytes) -> Iterator[bytes]:
    """Give an answer in the ways in which answers are broken."""
    yield from _POISON
    for part in (1, 3, 7):
        yield body[: len(body) * part // 8]
    for strange in (
        b"1e400",
        b"-1",
        b"NaN",
        b"1" * 400,
        b"null",
        b"{}",
        b"[]",
        b'"\\u0000\\u202e"',
    ):
        # Each kind of number and text once, at its first place and everywhere.
        written = functools.partial(_instead, strange)
        yield re.sub(rb'(:\s*)"?-?\d+(?:\.\d+)?"?', written, body)
        yield re.sub(rb'(:\s*)"?-?\d+(?:\.\d+)?"?', written, body, count=1)
        yield re.sub(rb'(:\s*)"[A-Za-z][^"]*"', written, body)
    yield re.sub(rb"\{", b'{"twice":1,"twice":2,', body)
    yield body + body


def hostile_input(specimen: Specimen, tally: Tally) -> None:
    """S11: broken, huge, deep or foreign answers end in ValueError or KeyError, at once."""
    bench = specimen.tour.bench
    # Deep JSON fills the stack. A search for garbage in that moment would run the finalizers of
    # anything in the process, and those would fail for want of stack.
    is_searching = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        _poison(bench, tally)
    finally:
        if is_searching:
            gc.enable()


def _poison(bench: Bench, tally: Tally) -> None:
    seen: set[tuple[str, str]] = set()
    for kept in bench.kept:
        if (kept.call.what, kept.call.request.path) in seen:
            continue
        seen.add((kept.call.what, kept.call.request.path))
        for body in poisoned(kept.answer.body[:20_000]):
            _one_poison(bench, kept.call, attrs.evolve(kept.answer, body=body), tally)
    adapter = bench.adapter
    if isinstance(adapter, Stream):
        for channel in adapter.channels():
            for body in poisoned(b'{"type":"update","data":[{"price":"1","qty":"2"}]}'):
                _one_frame(bench, channel.name, body, tally)


def _one_poison(bench: Bench, call: Call[Any], answer: Answer, tally: Tally) -> None:
    begun = time.perf_counter()
    error: Exception | None = None
    try:
        failure = bench.judged(call, answer)
        if failure is None:
            bench.read(call, answer)
    except (ValueError, KeyError):
        pass
    except Exception as raised:  # noqa: BLE001  # what the rule is about
        error = raised
    took_s = time.perf_counter() - begun
    shown = f"{call.what}: read(Answer(status={answer.status}, body={answer.body[:120]!r}))"
    tally.expect(error is None, expected="ValueError or KeyError", seen=repr(error), call=shown)
    tally.expect(
        took_s < _SLOW_S,
        expected=f"an end within {_SLOW_S:g} s",
        seen=f"{took_s:.1f} s",
        call=shown,
    )


def _one_frame(bench: Bench, channel: str, body: bytes, tally: Tally) -> None:
    adapter: Any = bench.adapter
    error: Exception | None = None
    try:
        with bench.guard.up():
            list(adapter.read_frame(channel, body.decode("utf-8", "replace")))
    except ValueError:
        pass
    except Exception as raised:  # noqa: BLE001  # what the rule is about
        error = raised
    tally.expect(
        error is None,
        expected="ValueError for a frame that cannot be understood",
        seen=repr(error),
        call=f"adapter.read_frame({channel!r}, {body[:120]!r})",
    )


def clock_and_nonce(specimen: Specimen, tally: Tally) -> None:
    """S12: a wrong clock and a used nonce are told apart from other refusals, without effect."""
    bench = specimen.fresh_bench(seed=12)
    adapter: Any = bench.adapter
    tour = take_tour(bench)
    call = next((kept.call for kept in bench.kept if kept.call.is_signed), None)
    if call is None or tour.instrument is None:
        raise Exempt("nothing is signed")
    first, second = bench.signed(call), bench.signed(call, bench.stamp(late_ns=10**9))
    tally.expect(
        first != second,
        expected="two attempts that differ: time or nonce is signed",
        seen="the same bytes",
        call=f"adapter.sign({call.what})",
    )
    rule = specimen.manifest.nonce
    if rule is not None:
        bare = Stamp(time_ns=bench.now_ns)
        try:
            with specimen.guard.up():
                adapter.sign(call.request, bench.key, bare)
        except ValueError:
            tally.expect(True, expected="", seen="")
        else:
            tally.expect(
                False,
                expected="ValueError without a nonce",
                seen="a signed request",
                call="adapter.sign(…, Stamp(nonce=None))",
            )
    bench.wait(5)
    stamp = bench.stamp()
    if rule is not None and rule.is_ordered:
        bench.deliver(bench.signed(call, stamp))
        failure = bench.judged(call, bench.deliver(bench.signed(call, stamp)))
        _advice(tally, failure, Advice.NEW_NONCE, "a nonce that was used")
    elif rule is None:
        skewed = bench.stamp(late_ns=-_SKEW_NS)
        failure = bench.judged(call, bench.deliver(bench.signed(call, skewed)))
        _advice(tally, failure, Advice.AFTER_CLOCK_SYNC, "a clock an hour behind")


def _advice(tally: Tally, failure: Failure | None, advice: Advice, what: str) -> None:
    seen = "accepted" if failure is None else f"{failure.outcome.value}, {failure.advice.value}"
    tally.expect(
        failure is not None
        and failure.advice is advice
        and failure.outcome in {Outcome.REJECTED, Outcome.NOT_SENT},
        expected=f"{what}: refused, {advice.value}",
        seen=seen,
        call="adapter.sign(…)",
    )
