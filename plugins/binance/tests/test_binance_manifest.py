"""The plugin hands over a faultless manifest and is light until it is asked for it."""

import re
import subprocess
import sys

import pluggy

import venuekit_binance
from venuekit.plugin import CAPABILITIES, Dedupe, Manifest, capabilities_of, hookspecs
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.manifest import MANIFEST


def test_the_hook_hands_over_a_manifest_without_faults() -> None:
    manager = pluggy.PluginManager("venuekit")
    manager.add_hookspecs(hookspecs)
    manager.register(venuekit_binance)
    manager.check_pending()

    # The specification says whether one or all implementations answer.
    given = manager.hook.venuekit_exchange()
    manifest: Manifest = given[0] if isinstance(given, list) else given

    assert manifest is MANIFEST
    assert manifest.faults() == []


def test_the_hosts_are_binances_own_and_live_and_testnet_are_apart() -> None:
    live, testnet = MANIFEST.environments["live"].hosts, MANIFEST.environments["testnet"].hosts
    assert live == {
        "rest": "https://api.binance.com",
        "stream": "wss://stream.binance.com:9443",
        "ws-api": "wss://ws-api.binance.com:443",
    }
    assert testnet == {
        "rest": "https://testnet.binance.vision",
        "stream": "wss://stream.testnet.binance.vision",
        "ws-api": "wss://ws-api.testnet.binance.vision",
    }
    assert not set(live.values()) & set(testnet.values())


def test_the_budgets_are_those_of_the_capture_of_2026() -> None:
    assert {b.name: (b.capacity, b.interval_s, b.scope.value) for b in MANIFEST.budgets} == {
        "weight": (6000, 60, "ip"),
        "raw": (300_000, 300, "ip"),
        "orders-10s": (100, 10, "account"),
        "orders-1d": (200_000, 86_400, "account"),
        "connections": (300, 300, "ip"),
    }


def test_a_client_order_id_protects_only_while_the_order_is_open() -> None:
    rule = MANIFEST.client_order_id
    assert rule.dedupe is Dedupe.OPEN_ONLY
    assert re.fullmatch(rule.pattern, rule.alphabet[: rule.max_length])
    assert not re.fullmatch(rule.pattern, "with.dot")
    assert not re.fullmatch(rule.pattern, "x" * 37)


def test_what_the_adapter_does_not_offer_is_known() -> None:
    missing = set(CAPABILITIES) - set(capabilities_of(BinanceAdapter))
    assert missing == {
        *("place many", "cancel many", "cancel everything", "cancel all after"),
        *("orders over a socket", "ledger", "key permissions", "custody"),
    }


def test_importing_the_plugin_does_not_import_its_adapter() -> None:
    code = (
        "import sys, venuekit_binance; "
        "print([m for m in sys.modules if m.startswith('venuekit_binance.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
