"""Discovery: metadata only, one import behind a fence, and every failure with its reason."""

import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import PluginError
from venuekit.plugin.discovery import PluginEntry, Plugins, PluginStatus

if TYPE_CHECKING:
    from tests.plugin.conftest import Shelf


def plugins(shelf: "Shelf", **settings: Any) -> Plugins:
    return Plugins(find=shelf.find, core="0.1.0", **settings)


def only(found: Plugins) -> PluginEntry:
    (entry,) = found.list_plugins()
    return entry


def refusal(found: Plugins, id_: str = "acme") -> PluginError:
    with pytest.raises(PluginError) as caught:
        found.open_plugin(id_)
    return caught.value


# Listing


def test_listing_reads_metadata_and_imports_nothing(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin", "raise SystemExit(1)")

    assert only(plugins(shelf)) == PluginEntry(
        id="acme",
        distribution="acme-plugin",
        version="1.2.0",
        requires=">=0.1,<0.2",
        status=PluginStatus.READY,
    )
    assert module not in sys.modules


@pytest.mark.parametrize("wanted", ["venuekit>=0.2", "venuekit<0.1", "venuekit==7"])
def test_a_plugin_for_another_core_is_listed_with_its_reason_and_not_imported(
    shelf: "Shelf", wanted: str
) -> None:
    module = shelf.put("acme-plugin", requires=[wanted])
    found = plugins(shelf)

    assert only(found).status is PluginStatus.INCOMPATIBLE
    assert "this is venuekit 0.1.0" in only(found).reason
    assert "pip install --upgrade" in refusal(found).remedy
    assert module not in sys.modules


def test_a_requirement_that_does_not_apply_here_does_not_count(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", requires=["venuekit>=9; python_version < '3'", "attrs"])

    assert only(plugins(shelf)).status is PluginStatus.READY


def test_a_prerelease_of_the_core_counts_as_that_version(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", requires=["venuekit>=0.1"])

    (entry,) = Plugins(find=shelf.find, core="0.2.0rc1").list_plugins()

    assert entry.status is PluginStatus.READY


def test_broken_metadata_hurts_its_own_distribution_alone(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", requires=["venuekit >>> 1"])
    shelf.put("other-plugin", name="other")
    (shelf.folder / "odd-1.dist-info").mkdir()
    (shelf.folder / "odd-1.dist-info" / "METADATA").write_text("Name: odd\nVersion: 1\n")
    (shelf.folder / "odd-1.dist-info" / "entry_points.txt").write_text(
        "[venuekit.exchanges]\nno equals sign\n"
    )
    found = plugins(shelf)

    states = {entry.distribution: entry.status for entry in found.list_plugins()}

    assert states["acme-plugin"] is PluginStatus.FAILED
    assert states["other-plugin"] is PluginStatus.READY
    assert states["odd"] is PluginStatus.FAILED
    assert "requirements cannot be read" in refusal(found).reason


def test_the_listing_is_kept_by_the_object_and_not_by_the_module(shelf: "Shelf") -> None:
    first = plugins(shelf)
    assert first.list_plugins() == []

    shelf.put("acme-plugin")

    assert first.list_plugins() == []
    assert only(plugins(shelf)).id == "acme"


# Opening


def test_opening_one_plugin_imports_that_one_alone(shelf: "Shelf") -> None:
    mine = shelf.put("acme-plugin")
    other = shelf.put("other-plugin", name="other")
    found = plugins(shelf)

    manifest = found.open_plugin("acme")

    assert (manifest.id, manifest.title) == ("acme", "Acme")
    assert mine in sys.modules
    assert other not in sys.modules
    assert found.open_plugin("acme") is manifest


def test_an_entry_point_may_name_an_object_inside_of_a_module(shelf: "Shelf") -> None:
    source = shelf.exchange() + "\n\nclass Here:\n    venuekit_exchange = None\n"
    source = source.replace("    venuekit_exchange = None\n", "    pass\n\nhere = Here()\n")
    source += "here.venuekit_exchange = venuekit_exchange\n"
    shelf.put("acme-plugin", source, attribute=":here")

    assert plugins(shelf).open_plugin("acme").id == "acme"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import json; json.loads('{')", "JSONDecodeError"),
        ("raise RuntimeError('\\x1b[31m' + 'x' * 500)", "RuntimeError: [31mxxx"),
    ],
)
def test_a_plugin_that_breaks_is_told_with_distribution_place_and_remedy(
    shelf: "Shelf", line: str, told: str
) -> None:
    module = shelf.put("acme-plugin", f"def work():\n    {line}\n\nwork()\n")
    found = plugins(shelf)

    error = refusal(found)

    assert f"acme-plugin 1.2.0 (entry point acme = {module})" in error.reason
    assert f"failed at {module}.py:2: " in error.reason  # its own line, not one of json's
    assert told in error.reason
    assert "\x1b" not in str(error)
    assert "pip install --upgrade acme-plugin" in error.remedy
    assert only(found).status is PluginStatus.FAILED
    assert only(found).reason == error.reason


def test_a_syntax_error_is_told_with_its_line(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin", "x = 1\ny = = 2\n")

    assert f"failed at {module}.py:2: SyntaxError" in refusal(plugins(shelf)).reason


def test_a_missing_dependency_says_what_to_install(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", "import no_such_module_at_all")

    assert "it needs no_such_module_at_all" in refusal(plugins(shelf)).remedy


def test_an_interrupt_during_an_import_travels_on(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        plugins(shelf).open_plugin("acme")


def test_a_failed_plugin_is_tried_again_when_it_is_asked_for_again(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin", "import builtins\nbuiltins.acme_is_repaired\n")
    found = plugins(shelf)
    refusal(found)

    path = shelf.folder / f"{module}.py"
    path.write_text(shelf.exchange() + "# repaired\n")

    assert found.open_plugin("acme").id == "acme"
    assert only(found).status is PluginStatus.READY


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("@vk.hookimpl\n", ""), "venuekit_exchange lacks @hookimpl"),
        (("def venuekit_exchange()", "def venuekit_exchang()"), "did you mean venuekit_exchange?"),
        (("return manifest()", "return 5"), "gave a int, not a Manifest"),
        (("return manifest()", "return None"), "gave a NoneType, not a Manifest"),
        (("return manifest()", "return 1 / 0"), "ZeroDivisionError"),
        (("def venuekit_exchange()", "def venuekit_exchange(x)"), "PluginValidationError"),
        (("@vk.hookimpl\ndef venuekit_exchange", "def exchange"), "does not implement the hook"),
    ],
)
def test_a_hook_that_would_never_answer_is_told(
    shelf: "Shelf", change: tuple[str, str], told: str
) -> None:
    shelf.put("acme-plugin", shelf.exchange().replace(*change))

    assert told in refusal(plugins(shelf)).reason


def test_an_observer_in_an_exchange_plugin_is_told_instead_of_never_called(
    shelf: "Shelf",
) -> None:
    watcher = "\n\n@vk.hookimpl\ndef venuekit_request_seen(request):\n    pass\n"
    shelf.put("acme-plugin", shelf.exchange() + watcher)

    reason = refusal(plugins(shelf)).reason
    assert "venuekit_request_seen belongs into the entry-point group venuekit.plugins" in reason


def test_all_faults_of_a_manifest_are_told_at_once(shelf: "Shelf") -> None:
    shelf.put(
        "acme-plugin",
        shelf.exchange(
            id="'other'",
            interface="(2, 0)",
            environments="{'live': vk.Environment(hosts={'rest': 'http://x'})}",
        ),
    )

    reason = refusal(plugins(shelf)).reason

    assert "$.id: 'other'; the entry point says 'acme'" in reason
    assert "$.interface: written for 2.0" in reason
    assert "$.environments.live.hosts.rest" in reason


def test_a_manifest_that_cannot_even_be_checked_is_a_plugin_error(shelf: "Shelf") -> None:
    rule = (
        "vk.ClientOrderIdRule(pattern='[', alphabet='', max_length=1, dedupe=vk.Dedupe.OPEN_ONLY)"
    )
    shelf.put("acme-plugin", shelf.exchange(client_order_id=rule))

    assert "failed" in refusal(plugins(shelf)).reason


# Who serves an id


def test_two_distributions_that_claim_one_id_are_both_named_with_the_setting(
    shelf: "Shelf",
) -> None:
    modules = [shelf.put("acme-one"), shelf.put("acme-two")]
    found = plugins(shelf)

    error = refusal(found)

    assert "acme-one and acme-two both claim the id" in error.reason
    assert '[plugins] prefer = {acme = "acme-one"}' in error.remedy
    assert {entry.status for entry in found.list_plugins()} == {PluginStatus.DUPLICATE}
    assert not set(modules) & set(sys.modules)


def test_a_setting_decides_between_two(shelf: "Shelf") -> None:
    shelf.put("acme-one", shelf.exchange(title="'One'"))
    shelf.put("acme-two", shelf.exchange(title="'Two'"))
    found = plugins(shelf, prefer={"acme": "Acme_Two"})

    assert found.open_plugin("acme").title == "Two"
    states = {entry.distribution: entry.status for entry in found.list_plugins()}
    assert states == {"acme-one": PluginStatus.BLOCKED, "acme-two": PluginStatus.READY}


def test_blocking_one_of_two_leaves_the_other(shelf: "Shelf") -> None:
    shelf.put("acme-one", shelf.exchange(title="'One'"))
    shelf.put("acme-two")

    assert plugins(shelf, blocked=["acme-two"]).open_plugin("acme").title == "One"


def test_a_preferred_distribution_that_is_missing_is_not_replaced_by_another(
    shelf: "Shelf",
) -> None:
    module = shelf.put("acme-impostor")
    found = plugins(shelf, prefer={"acme": "acme-plugin"})

    assert "wants it from acme-plugin, not from acme-impostor" in refusal(found).reason
    assert module not in sys.modules


@pytest.mark.parametrize("blocked", ["acme", "acme-plugin", "Acme_Plugin"])
def test_a_blocked_plugin_is_listed_and_never_imported(shelf: "Shelf", blocked: str) -> None:
    module = shelf.put("acme-plugin")
    found = plugins(shelf, blocked=[blocked])

    assert only(found).status is PluginStatus.BLOCKED
    assert "[plugins] blocked" in refusal(found).remedy
    assert module not in sys.modules


def test_one_distribution_that_claims_an_id_twice_is_told(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin")
    points = shelf.folder / "acme_plugin-1.2.0.dist-info" / "entry_points.txt"
    points.write_text(f"[venuekit.exchanges]\nacme = {module}\nacme = {module}:manifest\n")

    assert "acme-plugin claims the id twice" in refusal(plugins(shelf)).reason


def test_an_unknown_id_suggests_the_nearest_and_what_to_install(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    found = plugins(shelf)

    assert 'did you mean "acme"?' in refusal(found, "acmee").remedy
    assert refusal(found, "zzz").remedy == "pip install venuekit-zzz"
    assert "installed: acme" in refusal(found, "zzz").reason
    assert "pip" not in refusal(found, "x; rm -rf /").remedy


def test_an_application_may_bring_its_own_manifest(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    manifest = attrs.evolve(plugins(shelf).open_plugin("acme"), id="mine")

    found = Plugins(manifests=[manifest], find=list)

    assert only(found).id == "mine"
    assert found.open_plugin("mine") is manifest
    faulty = Plugins(manifests=[attrs.evolve(manifest, id="No")], find=list)
    assert "$.id" in refusal(faulty, "No").reason
