"""A handle signs with nonces where the manifest asks for them, and only there."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from venuekit.auth import ExchangeClock, NonceAuthority, Redactor, SecretKey
from venuekit.client.numbering import nonces_of_streams, open_nonces
from venuekit.configuration import configuration_from_text
from venuekit.model import ConfigurationError, StoreError
from venuekit.plugin import (
    INTERFACE,
    Adapter,
    ClientOrderIdRule,
    Dedupe,
    Manifest,
    NonceRule,
    Timing,
)

NOON_NS = 1_784_116_800_000_000_000
MANIFEST = Manifest(
    id="acme",
    title="Acme",
    adapter=Adapter,
    interface=INTERFACE,
    environments={},
    credentials=(),
    budgets=(),
    client_order_id=ClientOrderIdRule(
        pattern="a", alphabet="a", max_length=1, dedupe=Dedupe.OPEN_ONLY
    ),
    timing=Timing(request_validity_s=2, engine_timeout_s=10, visibility_lag_s=5),
    nonce=NonceRule(),
)


class Machine:
    """The machine's clock."""

    now = NOON_NS

    def time_ns(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "venuekit"


@contextlib.asynccontextmanager
async def opened(
    text: str = "",
    *,
    manifest: Manifest = MANIFEST,
    has_key: bool = True,
    is_own: bool = False,
    clock: ExchangeClock | None = None,
    **arguments: Any,
) -> AsyncIterator[NonceAuthority | None]:
    configuration = configuration_from_text(text)
    key = SecretKey(api_key="public", algorithm="hmac-sha256", secret="s" * 16, redactor=Redactor())
    async with contextlib.AsyncExitStack() as stack:
        yield await open_nonces(
            manifest,
            configuration.select("acme", **{"environment": "live", **arguments}),
            configuration,
            key if has_key else None,
            clock or ExchangeClock(Machine(), loop_time=lambda: 0.0),
            stack,
            has_own_simulator=is_own,
        )


async def first(nonces: NonceAuthority | None) -> int:
    assert nonces is not None
    await nonces.ready()
    nonce = nonces.take()
    assert nonce is not None
    return nonce


async def test_without_a_rule_or_without_a_key_there_are_none() -> None:
    async with opened(manifest=attrs.evolve(MANIFEST, nonce=None)) as nonces:
        assert nonces is None
    async with opened(has_key=False) as nonces:
        assert nonces is None


async def test_they_lie_beside_the_journal_and_begin_at_the_exchanges_time(tmp_path: Path) -> None:
    async with opened(f'[store]\nurl = "sqlite:{tmp_path}/here/orders.db"') as nonces:
        assert nonces is not None
        assert nonces.is_serial
        assert await first(nonces) == NOON_NS // 1000
    assert (tmp_path / "here" / "nonces.db").is_file()


@pytest.mark.parametrize("url", ["", '[store]\nurl = "memory:"'])
async def test_without_a_file_for_the_journal_they_lie_with_the_users_data(
    url: str, home: Path
) -> None:
    async with opened(url) as nonces:
        await first(nonces)
    assert (home / "nonces.db").is_file()


async def test_two_journals_do_not_make_one_key_two(tmp_path: Path) -> None:
    async with opened(f'[store]\nurl = "sqlite:{tmp_path}/a/orders.db"'):
        with pytest.raises(StoreError, match="create a key for each program"):
            async with opened(f'[store]\nurl = "sqlite:{tmp_path}/b/orders.db"'):
                pass


async def test_those_of_a_simulator_inside_the_handle_go_with_it(home: Path) -> None:
    for _ in range(2):
        async with (
            opened(environment="sim", is_own=True) as nonces,
            opened(environment="sim", is_own=True) as others,
        ):
            assert await first(others) == await first(nonces)
    assert "home" not in [each.name for each in os.scandir(home.parents[1])]


async def test_a_window_is_the_accounts() -> None:
    text = "[exchanges.acme.accounts.main]\nnonce_window = 5000"
    async with opened(text) as nonces:
        assert nonces is not None
        assert not nonces.is_serial


@pytest.mark.parametrize("rule", [None, NonceRule(is_ordered=False)])
async def test_a_window_where_there_can_be_none_is_a_fault(rule: NonceRule | None) -> None:
    text = "[exchanges.acme.accounts.main]\nnonce_window = 5000"
    told = r"venuekit\.toml: exchanges\.acme\.accounts\.main\.nonce_window: .* remove it"
    with pytest.raises(ConfigurationError, match=told):
        async with opened(text, manifest=attrs.evolve(MANIFEST, nonce=rule)):
            pass


@pytest.mark.parametrize(("days", "is_refused"), [(0, False), (400, True)])
async def test_after_a_long_time_both_clocks_have_to_agree(days: int, is_refused: bool) -> None:
    async with opened() as nonces:
        await first(nonces)
    machine = Machine()
    machine.now = NOON_NS + 30 * 86_400 * 10**9
    clock = ExchangeClock(machine, loop_time=lambda: 0.0)

    async def ask() -> int:
        return machine.now + days * 86_400 * 10**9

    await clock.synchronize(ask)
    async with opened(clock=clock) as nonces:
        if is_refused:
            with pytest.raises(StoreError, match=r"430\.0 days"):
                await first(nonces)
        else:
            assert await first(nonces) == machine.now // 1000


async def test_subscriptions_take_nonces_of_their_own_where_no_order_has_to_be_kept() -> None:
    assert nonces_of_streams(None) is None
    async with opened() as nonces:
        assert nonces_of_streams(nonces) is None
    window = "[exchanges.acme.accounts.main]\nnonce_window = 5000"
    async with opened(window) as nonces:
        assert nonces_of_streams(nonces) is None
    manifest = attrs.evolve(MANIFEST, nonce=NonceRule(is_ordered=False))
    async with opened(manifest=manifest) as nonces:
        take = nonces_of_streams(nonces)
        assert take is not None
        taken = [await take() for _ in range(1500)]
        taken.append(await first(nonces))
        assert taken == sorted(set(taken))
