"""`venuekit new-plugin`: what it asks, what it refuses, and that it writes all or nothing."""

import io
import json
import sys
from pathlib import Path

import pytest

from venuekit.cli.command_line import CommandLine
from venuekit.cli.exits import UsageError
from venuekit.cli.plugin_writing import (
    NewPlugin,
    bounds,
    check_name,
    check_title,
    title_of,
    write,
)


class Person(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


class Command:
    def __init__(self, *words: str, stdin: io.StringIO | None = None) -> None:
        out, err = io.StringIO(), io.StringIO()
        line = CommandLine(stdin=stdin or io.StringIO(), stdout=out, stderr=err, variables={})
        self.code = line.run(["new-plugin", *words])
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_folder_named_after_the_exchange_and_says_what_to_do_next(here: Path) -> None:
    command = Command("acme", "--yes")

    assert (command.code, command.err) == (0, "")
    assert "cd venuekit-acme && make test" in command.out
    assert 'acme = "venuekit_acme"' in (here / "venuekit-acme" / "pyproject.toml").read_text()
    assert [path.name for path in here.iterdir()] == ["venuekit-acme"]


def test_a_person_is_asked_for_what_was_not_given(here: Path) -> None:
    command = Command("acme", "--title", "Acme", stdin=Person("websocket\n\n"))

    assert command.code == 0
    assert command.err.count("[") == 2
    manifest = (here / "venuekit-acme/src/venuekit_acme/manifest.py").read_text()
    assert 'title="Acme"' in manifest
    assert "wss://stream.acme.example" in manifest
    assert "hmac-sha256" in manifest


def test_a_person_who_answers_something_else_is_asked_again_and_then_told(here: Path) -> None:
    command = Command("acme", stdin=Person("\nfax\nfax\nfax\n"))

    assert command.code == 2
    assert command.err.count("Market data:") == 4
    assert "'fax'; allowed: rest, websocket, both" in command.err
    assert list(here.iterdir()) == []


def test_a_program_is_asked_nothing_and_told_the_files() -> None:
    command = Command("acme", "--json", "--signing", "none", stdin=Person(""))
    told = json.loads(command.out)

    assert command.err == ""
    assert (told["exchange"], told["signing"]) == ("acme", "none")
    assert "src/venuekit_acme/py.typed" in told["files"]


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "9to5", "a_b", "a--b", "-a", "a-", "../a", "a/b", "a b", "é", "a\n", "a" * 25],
)
def test_a_name_that_cannot_be_a_package_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an exchange; allowed: a-z"):
        check_name(name)


def test_a_name_of_what_is_installed_or_ours_is_refused() -> None:
    with pytest.raises(UsageError, match="a plugin for acme is installed"):
        check_name("acme", {"acme"})
    with pytest.raises(UsageError, match="a name of venuekit's own"):
        check_name("testing")


def test_a_name_whose_package_is_there_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "venuekit_other.py").write_text("")
    monkeypatch.syspath_prepend(here)

    with pytest.raises(UsageError, match="a package venuekit_other is installed"):
        check_name("other")


@pytest.mark.parametrize("title", ["", " A", 'A"', "A\\", "A\n", "{{ A }}", "A" * 33, "_"])
def test_a_title_that_would_break_a_file_is_refused(title: str) -> None:
    with pytest.raises(UsageError, match="cannot be a title"):
        check_title(title)


@pytest.mark.parametrize("title", ["Acme", "Crédit & Co. (EU)", "1st O'Neil-Ex!", "取引所"])
def test_a_title_may_be_what_people_write(title: str) -> None:
    check_title(title)

    assert title_of("two-words") == "Two Words"


@pytest.mark.parametrize(
    ("core", "expected"),
    [("0.1.0", ">=0.1,<0.2"), ("0.9.3", ">=0.9,<0.10"), ("2.4.1", ">=2.4,<3")],
)
def test_the_package_is_bound_to_the_core_that_wrote_it(core: str, expected: str) -> None:
    assert bounds(core) == expected


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("full", "the folder full is not empty"),
        ("file", "file is there, and no folder"),
        ("link", "link is there, and no folder"),
        ("no/where", "the folder no is not there"),
    ],
)
def test_nothing_is_written_where_something_is(here: Path, out: str, said: str) -> None:
    (here / "full").mkdir()
    (here / "full" / "mine.txt").write_text("mine")
    (here / "file").write_text("mine")
    (here / "empty").mkdir()
    (here / "link").symlink_to(here / "empty")
    before = sorted(here.rglob("*"))

    command = Command("acme", "--out", out, "--yes")

    assert command.code == 2
    assert said in command.err
    assert sorted(here.rglob("*")) == before


def test_an_empty_folder_is_filled(here: Path) -> None:
    (here / "mine").mkdir()

    assert Command("acme", "--out", "mine", "--yes").code == 0
    assert (here / "mine" / "README.md").is_file()


def test_without_copier_it_says_what_to_install_and_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "copier", None)
    command = Command("acme", "--yes")

    assert command.code == 2
    assert 'pip install "venuekit[new-plugin]"' in command.err
    assert list(here.iterdir()) == []


def test_a_failure_in_the_middle_leaves_nothing_half_written(here: Path) -> None:
    (here / "mine").mkdir()
    # An answer that the template does not know how to use, which copier finds on its way.
    plugin = NewPlugin(name="acme", title="Acme", transport="pigeon")

    with pytest.raises(ValueError, match="pigeon"):
        write(plugin, here / "mine", core="0.1.0", written_on="2026-01-01")

    assert [path.name for path in here.rglob("*")] == ["mine"]
