"""What `venuekit new-plugin` writes is right from its first day, whatever was answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.template.conftest import ANSWERS, LONGEST, Written
from venuekit.cli.plugin_writing import NewPlugin, template
from venuekit.testing.conformance import RULES, Status, bronze, judge
from venuekit.testing.conformance.reports import result_lines
from venuekit.testing.recording.cassettes import read_cassette
from venuekit.testing.recording.tapes import read_tape

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# In interpreters of their own: the package that is tested whole is asked for them too.
SLOW = {"B1", "B5", "B11"}
CHECKED = [rule for rule in RULES if rule.check is not None and rule.id not in SLOW]
WHOLE = next(plugin for plugin in ANSWERS if plugin.name == "both-jwt")


def run(*words: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.parametrize("plugin", ANSWERS, ids=lambda plugin: plugin.name)
def test_no_rule_that_can_be_computed_is_broken(plugin: NewPlugin, written: Written) -> None:
    specimen = written.specimen(plugin)
    results = [judge(rule, specimen) for rule in CHECKED]

    bad = [r for r in results if r.status in {Status.FAILED, Status.UNKNOWN}]
    assert "\n".join(line for result in bad for line in result_lines(result)) == ""
    assert sum(result.status is Status.PASSED for result in results) >= 10


def test_everything_is_formatted_and_linted_by_its_own_rules(written: Written) -> None:
    folders = [str(written.folder(plugin)) for plugin in ANSWERS]

    run(str(BIN / "ruff"), "format", "--no-cache", "--check", *folders, folder=written.root)
    run(str(BIN / "ruff"), "check", "--no-cache", *folders, folder=written.root)


def test_everything_is_typed_strictly(written: Written) -> None:
    sources = [str(written.folder(plugin) / "src") for plugin in ANSWERS]
    settings = written.folder(LONGEST) / "pyproject.toml"
    cache = ROOT / ".mypy_cache" / "written-packages"

    run(
        *(str(BIN / "mypy"), "--config-file", str(settings), "--cache-dir", str(cache), *sources),
        folder=written.root,
        MYPYPATH=os.pathsep.join(sources),
    )


def test_types_are_checked_too_where_the_package_is_installed_among_others(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    specimen = written.specimen(LONGEST)
    source = written.folder(LONGEST) / "src"
    beside = bronze._mypy_target(specimen), bronze._mypy_environment(specimen)["MYPYPATH"]
    monkeypatch.setattr(bronze, "_site_packages", lambda: frozenset({source, ROOT / "framework"}))
    among = bronze._mypy_target(specimen), bronze._mypy_environment(specimen)["MYPYPATH"]

    # mypy refuses to run when it is told of a folder of installed packages.
    assert beside == ((str(source / LONGEST.package),), f"{source}{os.pathsep}{ROOT}/framework")
    assert among == (("-p", LONGEST.package), "")


def test_make_test_is_green_at_once_without_a_network(written: Written, tmp_path: Path) -> None:
    folder = written.folder(WHOLE)
    # As installed from its wheel, into a folder of its own.
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--no-build-isolation", "--target", str(tmp_path), str(folder), folder=tmp_path)
    # The environment is there: nothing is installed.
    (tmp_path / ".installed").touch()

    said = run(
        *("make", "test", f"VENV={tmp_path}", f"BIN={BIN}"),
        folder=folder,
        PYTHONPATH=str(tmp_path),
        MYPY_CACHE_DIR=str(ROOT / ".mypy_cache" / "written-package"),
    )

    assert "pip install" not in said
    assert " passed" in said


@pytest.mark.parametrize("plugin", ANSWERS, ids=lambda plugin: plugin.name)
def test_its_recordings_can_be_read_and_say_where_they_come_from(
    plugin: NewPlugin, written: Written
) -> None:
    folder = written.folder(plugin) / "cassettes" / plugin.name
    cassette = read_cassette(folder / "tour.cassette.json")
    tapes = [read_tape(file) for file in folder.glob("*.tape.jsonl")]

    assert len(tapes) == (0 if plugin.transport == "rest" else 1)
    for provenance in (cassette.provenance, *(tape.provenance for tape in tapes)):
        assert provenance.exchange == plugin.name
        assert provenance.made == "simulator"


def test_a_package_without_keys_has_nothing_to_sign_with(written: Written) -> None:
    (plugin,) = (plugin for plugin in ANSWERS if plugin.name == "rest-none")
    files = {path.name for path in written.folder(plugin).rglob("*") if path.is_file()}

    assert files & {"signing.py", "account.py", "known_answers.json", "streams.py"} == set()
    assert {"adapter.py", "market_data.py", "py.typed", "badge.svg", "test.yml"} <= files


def test_nothing_of_the_template_is_left_in_what_is_written(written: Written) -> None:
    left = [
        path
        for path in written.root.rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".md", ".toml", ".json", ".jsonl", ".svg", ".yml", ".jinja"}
        and (
            path.suffix == ".jinja"
            or "{%" in path.read_text()
            or "{{" in path.read_text().replace("${{ matrix.python }}", "")
        )
    ]

    assert left == []


def test_no_key_can_go_anywhere_before_somebody_has_written_a_host(written: Written) -> None:
    hosts = [
        url
        for plugin in ANSWERS
        for url in written.specimen(plugin).manifest.environments["live"].hosts.values()
    ]

    assert len(hosts) == 4 * (1 + 2 + 2) + 2
    assert [url for url in hosts if not url.endswith(".example")] == []


def test_the_wheel_of_venuekit_has_the_whole_template() -> None:
    packed = {
        Path(file.distribution_path).relative_to("venuekit/testing/template")
        for file in WheelBuilder(str(ROOT)).recurse_included_files()
        if file.distribution_path.startswith("venuekit/testing/template/")
    }

    there = {path.relative_to(template()) for path in template().rglob("*") if path.is_file()}
    assert packed == there
    assert len(there) > 20
