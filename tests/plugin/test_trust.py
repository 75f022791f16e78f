"""What is not trusted, or is known to be bad, is told by name and reason and never imported."""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.configuration import PluginSettings, configuration_from_text
from venuekit.configuration.choosing import find_hooks, find_plugins
from venuekit.model import ConfigurationError, PluginError
from venuekit.plugin.discovery import PluginEntry, Plugins, PluginStatus
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.origin import Origin, origin_of
from venuekit.plugin.trust import KnownBad, Pin, Trust, pin_line

if TYPE_CHECKING:
    from tests.plugin.conftest import Shelf

BAD = KnownBad(
    distribution="Acme_Plugin",
    lowest_good="1.2.1",
    reason="it sends orders twice",
    link="https://acme.example/advisory",
)


def write_record(shelf: "Shelf", distribution: str = "acme-plugin") -> Path:
    """Write what an installer writes: the list of files, each with its hash."""
    (info,) = shelf.folder.glob(f"{distribution.replace('-', '_')}-*.dist-info")
    (info / "INSTALLER").write_text("pip\n")
    rows = [f"{info.name}/RECORD,,", "../../bin/acme,sha256=AAAA,1"]
    own = [*info.iterdir(), *shelf.folder.glob("*.py"), *shelf.folder.glob("acme_package/*.py")]
    for path in own:
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
        name = path.relative_to(shelf.folder).as_posix()
        rows.append(f"{name},sha256={digest.rstrip(b'=').decode()},{path.stat().st_size}")
    (info / "RECORD").write_text("\n".join(rows))
    return info


def origin(shelf: "Shelf") -> Origin:
    (distribution,) = shelf.find()
    return origin_of(distribution)


def trusting(shelf: "Shelf", **pins: Pin) -> Plugins:
    named = {name.replace("_", "-"): pin for name, pin in pins.items()}
    return Plugins(find=shelf.find, core="0.1.0", trust=Trust(pins=named))


def only(found: Plugins) -> PluginEntry:
    (entry,) = found.list_plugins()
    return entry


def test_without_a_list_everything_is_trusted(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")

    assert Plugins(find=shelf.find, core="0.1.0").open_plugin("acme").id == "acme"


def test_what_is_not_in_the_list_is_refused_with_the_line_that_would_trust_it(
    shelf: "Shelf",
) -> None:
    module = shelf.put("acme-plugin", "raise SystemExit(1)")
    write_record(shelf)
    entry = only(trusting(shelf))

    assert entry.status is PluginStatus.UNTRUSTED
    assert entry.reason == "acme-plugin 1.2.0 is not in [plugins.trust] in venuekit.toml"
    assert f'acme-plugin = {{ version = "1.2.0", hash = "{origin(shelf).hash}" }}' in entry.remedy
    with pytest.raises(PluginError, match="not in"):
        trusting(shelf).open_plugin("acme")
    assert module not in sys.modules


def test_the_line_that_is_offered_trusts_it(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    write_record(shelf)
    listed = only(Plugins(find=shelf.find, core="0.1.0")).installed
    assert listed is not None
    text = f"[plugins.trust]\n{pin_line(listed)}"
    pins = configuration_from_text(text).plugins.trust
    assert pins is not None

    assert trusting(shelf, acme_plugin=pins["acme-plugin"]).open_plugin("acme").id == "acme"


def test_another_version_is_refused(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")

    entry = only(trusting(shelf, acme_plugin=Pin(version="1.1.0")))
    assert entry.status is PluginStatus.UNTRUSTED
    assert "is not the version 1.1.0" in entry.reason


def test_a_changed_file_is_refused_although_its_record_was_changed_too(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin")
    info = write_record(shelf)
    pin = Pin(version="1.2.0", hash=origin(shelf).hash)
    assert only(trusting(shelf, acme_plugin=pin)).status is PluginStatus.READY

    file = shelf.folder / f"{module}.py"
    file.write_text(file.read_text() + "\n# planted\n")
    assert (
        f"{module}.py is not as it was installed" in only(trusting(shelf, acme_plugin=pin)).reason
    )
    (info / "RECORD").unlink()
    write_record(shelf)
    entry = only(trusting(shelf, acme_plugin=pin))
    assert entry.status is PluginStatus.UNTRUSTED
    assert f"trusts {pin.hash}" in entry.reason


def test_code_that_was_laid_beside_the_installed_files_is_refused(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    package = shelf.folder / "acme_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    write_record(shelf)
    assert origin(shelf).faults == ()

    (package / "planted.py").write_text("")
    assert origin(shelf).faults == ("acme_package/planted.py is not in its RECORD",)


def test_a_missing_file_and_a_missing_record_are_told(shelf: "Shelf") -> None:
    module = shelf.put("acme-plugin")
    assert origin(shelf).faults == ("it has no RECORD of its files",)
    write_record(shelf)
    (shelf.folder / f"{module}.py").unlink()

    assert origin(shelf).faults == (f"{module}.py cannot be read: No such file or directory",)


def test_the_hash_goes_by_names_and_bytes_not_by_installers(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    info = write_record(shelf)
    before = origin(shelf)
    (info / "INSTALLER").write_text("uv\n")

    assert (before.installer, origin(shelf).installer) == ("pip", "uv")
    assert origin(shelf).hash == before.hash
    assert before.hash.startswith("sha256:")


def test_an_editable_one_has_no_hash_and_is_trusted_by_version_alone(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    info = write_record(shelf)
    told = {"url": "file:///home/acme/my%20plugin", "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(told))

    found = origin(shelf)
    assert (found.is_editable, found.hash, found.path) == (True, "", "/home/acme/my plugin")
    pinned = only(trusting(shelf, acme_plugin=Pin(version="1.2.0", hash="sha256:" + "0" * 64)))
    assert "editable" in pinned.reason
    assert only(trusting(shelf, acme_plugin=Pin(version="1.2.0"))).status is PluginStatus.READY


def test_broken_metadata_is_a_fault_and_no_error(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    info = write_record(shelf)
    (info / "direct_url.json").write_text("{")

    assert "cannot be read" in origin(shelf).faults[0]


def test_an_extension_that_is_not_trusted_is_not_imported(
    shelf: "Shelf", caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put("acme-guard", "1 / 0", name="guard", group="venuekit.plugins")
    hooks = Hooks(find=shelf.find, core="0.1.0", trust=Trust(pins={}))

    assert [entry.status for entry in hooks.entries] == [PluginStatus.UNTRUSTED]
    assert "acme-guard 1.2.0 is not in [plugins.trust]" in caplog.text


def test_a_version_known_to_be_bad_is_refused_with_reason_and_link(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", "raise SystemExit(1)")
    entry = only(Plugins(find=shelf.find, core="0.1.0", trust=Trust(known_bad=[BAD])))

    assert entry.status is PluginStatus.KNOWN_BAD
    assert "it sends orders twice (https://acme.example/advisory)" in entry.reason
    assert 'pip install acme-plugin>=1.2.1"' in entry.remedy
    assert 'allow = ["acme-plugin==1.2.0"]' in entry.remedy


def test_an_override_is_for_one_version_and_can_be_seen(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    trust = Trust(known_bad=[BAD], allowed=["acme-plugin==1.2.0"])
    entry = only(Plugins(find=shelf.find, core="0.1.0", trust=trust))
    assert entry.status is PluginStatus.READY
    assert entry.warning.startswith("known to be bad, and allowed by [plugins] allow")

    other = Trust(known_bad=[BAD], allowed=["acme-plugin==1.1.9"])
    found = Plugins(find=shelf.find, core="0.1.0", trust=other)
    assert only(found).status is PluginStatus.KNOWN_BAD


def test_a_good_version_is_not_bad(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", version="1.2.1")
    found = Plugins(find=shelf.find, core="0.1.0", trust=Trust(known_bad=[BAD]))

    assert only(found).status is PluginStatus.READY


def test_strict_mode_opens_nothing_beside_a_plugin_that_cannot_be_used(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    shelf.put("other-plugin", name="other", requires=["venuekit<0.1"])

    assert Plugins(find=shelf.find, core="0.1.0").open_plugin("acme").id == "acme"
    with pytest.raises(PluginError, match="strict: other is incompatible"):
        Plugins(find=shelf.find, core="0.1.0", strict=True).open_plugin("acme")
    blocked = Plugins(find=shelf.find, core="0.1.0", strict=True, blocked=["other"])
    assert blocked.open_plugin("acme").id == "acme"


def test_strict_mode_needs_every_extension(shelf: "Shelf") -> None:
    shelf.put("bad-watch", "1 / 0", name="bad", group="venuekit.plugins")

    with pytest.raises(PluginError, match="strict mode"):
        Hooks(find=shelf.find, core="0.1.0", strict=True)


# Settings


def read(text: str, **variables: str) -> PluginSettings:
    return configuration_from_text(text, variables=variables).plugins


def test_the_settings_say_whom_to_trust() -> None:
    digest = "sha256:" + "aB" * 32
    settings = read(
        f"""
        [plugins]
        allow = ["acme-plugin==1.2.0"]
        [plugins.trust]
        acme-plugin = {{ version = "1.2.0", hash = "{digest}" }}
        other = {{ version = "2" }}
        [plugins.settings.guard]
        word = "not shown"
        """,
        VENUEKIT_PLUGINS="strict",
    )

    pins = {"acme-plugin": Pin(version="1.2.0", hash=digest), "other": Pin(version="2")}
    assert (settings.trust, settings.allow) == (pins, ("acme-plugin==1.2.0",))
    assert settings.mode == "strict"
    assert settings.settings == {"guard": {"word": "not shown"}}
    assert "not shown" not in repr(settings)
    assert read("").trust is None
    assert read("[plugins.trust]").trust == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('trust = "all"', "plugins.trust"),
        ("trust = { acme = 1 }", "acme = 1"),
        ('trust = { acme = { hash = "x" } }', "acme = "),
        ('trust = { acme = { version = "1", hash = "sha256:12" } }', "acme.hash"),
        ('allow = ["acme"]', "distribution==version"),
        ('mode = "strickt"', 'did you mean "strict"?'),
        ("settings = { guard = 1 }", "a table for each extension"),
    ],
)
def test_wrong_settings_are_told(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(f"[plugins]\n{text}")
    assert told in str(caught.value)


def test_what_is_installed_here_is_chosen_by_the_settings() -> None:
    listed = find_plugins(read("[plugins.trust]")).list_plugins()
    kept: dict[str, Any] = {entry.id: entry.status for entry in listed}

    assert set(kept.values()) <= {PluginStatus.UNTRUSTED}
    assert len(kept) >= 1
    assert find_hooks(read('[plugins]\nrequired = ["none-such"]'), tolerant=True).faults == []
    with pytest.raises(PluginError, match="not installed"):
        find_hooks(read('[plugins]\nrequired = ["none-such"]'))
