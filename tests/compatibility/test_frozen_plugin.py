"""A plugin of an older minor of the interface goes on working, and says what to change.

The plugin in `frozen_1_0` is never changed: where it breaks, the core broke a promise.
"""

import hashlib
import hmac
import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from importlib_metadata import Distribution

import venuekit
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.model import OrderPhase, OrderRefused, PluginError, Rejected, limit_buy
from venuekit.plugin import INTERFACE, Answer, Request, hookimpl
from venuekit.plugin.checking import deep_faults
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.interface import CHANGES, Change, Interface
from venuekit.transport.seam import NothingSent, Timeouts

FROZEN: Final = Path(__file__).parent / "frozen_1_0"
HASH: Final = "32cb2b27f8d14f98b9f90d75145d8b734240f2db26b22fe4985c503ba602b967"
SECRET: Final = "a secret of the frozen exchange"
LATER: Final = Interface(
    version=(1, 7),
    changes=(*CHANGES, Change(version=(1, 7), text="fees", advice="give fee_asset in every fill")),
)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(FROZEN))
    yield
    for name in ("venuekit_frozen", "venuekit_frozen.adapter"):
        sys.modules.pop(name, None)


def plugins(**changes: Any) -> Plugins:
    return Plugins(find=lambda: Distribution.discover(path=[str(FROZEN)]), **changes)


@attrs.define
class TinyExchange:
    """The exchange that the plugin speaks to, as a transport."""

    secret: str = SECRET
    orders: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    seen: list[str] = attrs.field(factory=list)

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        self.seen.append(request.path)
        body = json.loads(request.body) if request.body else {}
        if request.body:
            payload = f"{request.path}{request.query}".encode() + request.body
            expected = hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()
            assert request.headers["Sign"] == expected
        said = self._answer(request.path, body)
        return Answer(status=400 if "error" in said else 200, body=json.dumps(said).encode())

    def _answer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if path == "/time":
            return {"time": time.time_ns() // 1_000_000}
        if path == "/listing":
            return {
                "pairs": [
                    {
                        "name": "BTCEUR",
                        "base": "BTC",
                        "quote": "EUR",
                        "tick": "0.01",
                        "step": "0.0001",
                        "least": "0.0001",
                        "value": "1",
                    }
                ]
            }
        if path == "/place":
            if Decimal(body["price"]) > 100_000:
                return {"error": "no_money"}
            self.orders[body["id"]] = {
                **body,
                "state": "open",
                "number": str(len(self.orders) + 1),
                "filled": "0",
            }
            return self.orders[body["id"]]
        if path in {"/cancel", "/order"}:
            order = self.orders.get(body["id"])
            if order is None:
                return {"error": "no_such_order"}
            if path == "/cancel":
                order["state"] = "canceled"
            return order
        if path == "/orders":
            return {"orders": [each for each in self.orders.values() if each["state"] == "open"]}
        if path == "/fills":
            return {"fills": []}
        if path == "/balances":
            return {"EUR": "1000.50"}
        return {"bid": "99", "ask": "101", "size": "2"}

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Any:
        raise NothingSent("it has no sockets")

    async def close(self) -> None:
        self.seen.append("closed")


def configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.setenv("FROZEN_KEY", "key-of-the-frozen-exchange")
    monkeypatch.setenv("FROZEN_SECRET", SECRET)
    return configuration_from_text(
        f"""
        [store]
        url = "sqlite:{folder / "journal.db"}"
        [limits]
        share = "process"
        [exchanges.frozen]
        environment = "sim"
        address = "127.0.0.1:1"
        [exchanges.frozen.accounts.main]
        api_key = "env:FROZEN_KEY"
        secret = "env:FROZEN_SECRET"
        """
    )


async def test_the_frozen_plugin_trades_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = TinyExchange()
    async with venuekit.open(
        "frozen",
        config=configuration(tmp_path, monkeypatch),
        transport=exchange,
        plugins=plugins(interface=LATER),
        hooks=Hooks(find=list),
    ) as frozen:
        book = await frozen.fetch_book("BTC/EUR")
        assert book.bids[0][0] == Decimal(99)
        order = await frozen.place(limit_buy("BTC/EUR", quantity="0.1", price="99.5"))
        assert order.phase is OrderPhase.OPEN
        assert (await frozen.fetch_open_orders())[0].client_order_id == order.client_order_id
        assert (await frozen.cancel(order)).phase is OrderPhase.CANCELED
        with pytest.raises(Rejected, match=r"balance\.insufficient"):
            await frozen.place(limit_buy("BTC/EUR", quantity="1", price="100001"))
        (balance,) = await frozen.fetch_balances()
        assert balance.free == Decimal("1000.50")
    assert exchange.seen[-1] == "closed"


async def test_guards_of_today_judge_its_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = type(
        "Guard", (), {"venuekit_veto_order": staticmethod(hookimpl(lambda request: "too late"))}
    )
    exchange = TinyExchange()
    async with venuekit.open(
        "frozen",
        config=configuration(tmp_path, monkeypatch),
        transport=exchange,
        plugins=plugins(),
        hooks=Hooks(find=list, modules={"guard": guard}),
    ) as frozen:
        with pytest.raises(OrderRefused, match="guard: too late"):
            await frozen.place(limit_buy("BTC/EUR", quantity="0.1", price="99.5"))
    assert "/place" not in exchange.seen


def test_nothing_is_wrong_with_it() -> None:
    assert deep_faults(plugins().open_plugin("frozen")) == []


def test_a_later_minor_warns_and_says_what_to_change(caplog: pytest.LogCaptureFixture) -> None:
    found = plugins(interface=LATER)
    with caplog.at_level(logging.WARNING):
        found.open_plugin("frozen")

    assert caplog.messages == [
        (
            "venuekit-frozen: written for plugin interface 1.0; this core speaks 1.7; it works "
            "until 2.0. To change: 1.7: give fee_asset in every fill"
        )
    ]
    (entry,) = found.list_plugins()
    assert entry.warning == caplog.messages[0].removeprefix("venuekit-frozen: ")


def test_where_nothing_has_to_change_nobody_is_bothered_by_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = plugins()
    found.open_plugin("frozen")

    assert caplog.messages == []
    (entry,) = found.list_plugins()
    assert entry.warning == (
        f"written for plugin interface 1.0; this core speaks {INTERFACE[0]}.{INTERFACE[1]}; "
        "it works, and nothing has to change but that number"
    )


def test_strict_mode_takes_the_warning_for_an_error() -> None:
    with pytest.raises(PluginError, match="give fee_asset in every fill"):
        plugins(interface=LATER, strict=True).open_plugin("frozen")
    assert plugins(strict=True).open_plugin("frozen").id == "frozen"


def test_every_minor_tells_what_it_brought_in_order() -> None:
    assert [change.version for change in CHANGES] == [
        (INTERFACE[0], minor) for minor in range(1, INTERFACE[1] + 1)
    ]


def test_every_minor_stands_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "compatibility.md"
    text = page.read_text()

    assert [c.text for c in CHANGES if f"| {c.version[0]}.{c.version[1]} |" not in text] == []


def test_the_frozen_plugin_is_frozen() -> None:
    digest = hashlib.sha256()
    for path in sorted(FROZEN.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.relative_to(FROZEN).as_posix().encode() + path.read_bytes())

    assert digest.hexdigest() == HASH
