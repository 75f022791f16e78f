"""`venuekit plugins` shows where each came from; `--check` tells all that is wrong, offline."""

import io
import json
from typing import TYPE_CHECKING, Any

from venuekit.cli.command_line import CommandLine
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.trust import Trust

if TYPE_CHECKING:
    from tests.plugin.conftest import Shelf


def run(shelf: "Shelf", *tokens: str, trust: Trust | None = None) -> tuple[int, str, str]:
    given: dict[str, Any] = {"find": shelf.find, "core": "0.1.0", "trust": trust or Trust()}
    stdout, stderr = io.StringIO(), io.StringIO()
    code = CommandLine(
        find_plugins=lambda _: Plugins(**given),
        find_hooks=lambda _: Hooks(**given, tolerant=True),
        variables={"COLUMNS": "80"},
        stdout=stdout,
        stderr=stderr,
    ).run(["plugins", *tokens])
    return code, stdout.getvalue(), stderr.getvalue()


def test_each_is_shown_with_its_place_and_its_hash(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")
    (info,) = shelf.folder.glob("*.dist-info")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n")

    code, out, _ = run(shelf)
    assert code == 0
    assert f"acme: pip, {shelf.folder}\n  sha256:" in out
    assert all(len(line) <= 80 for line in out.splitlines() if str(shelf.folder) not in line)
    (entry,) = json.loads(run(shelf, "--json")[1])
    assert (entry["path"], entry["installer"]) == (str(shelf.folder), "pip")
    assert entry["editable"] is False
    assert entry["hash"].startswith("sha256:")


def test_what_is_not_trusted_fails_the_check_with_its_reason(shelf: "Shelf") -> None:
    shelf.put("acme-plugin", "1 / 0")
    shelf.put("acme-guard", "1 / 0", name="guard", group="venuekit.plugins")

    code, out, err = run(shelf, "--check", trust=Trust(pins={}))
    assert code == 1
    assert out.count("untrusted") == 2
    assert "acme: acme-plugin 1.2.0 is not in [plugins.trust]" in err
    assert "guard: acme-guard 1.2.0 is not in [plugins.trust]" in err


def test_the_check_makes_adapters_and_imports_simulators(shelf: "Shelf") -> None:
    shelf.put(
        "acme-plugin", shelf.exchange(simulator='"no_such_module:create"', adapter="vk.Place")
    )

    code, _, err = run(shelf, "--check")
    assert code == 1
    assert "acme: $.simulator: no_such_module:create: ModuleNotFoundError" in err
    assert "acme: $.adapter: Place lacks failure, place; report this to its authors" in err
    assert run(shelf)[0] == 0


def test_an_older_interface_is_told_and_is_no_failure(shelf: "Shelf") -> None:
    shelf.put("acme-plugin")

    code, _, err = run(shelf, "--check")
    assert code == 0
    assert "acme: written for plugin interface 1.0; this core speaks 1.3" in err
