"""What others write down in scripts and settings stands in the docs: hooks, settings, commands."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
from cyclopts import App

from venuekit.cli.command_line import CommandLine
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.configuration import settings
from venuekit.plugin import hookspecs
from venuekit.plugin.discovery import PluginStatus

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def commands(app: App, before: str = "") -> Iterator[tuple[str, App]]:
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        if any(not inner.startswith("-") for inner in command):
            yield from commands(command, f"{name} ")
        else:
            yield before + name, command


def names(command: App) -> set[str]:
    found = command.assemble_argument_collection()
    return {name for argument in found if argument.show for name in argument.names}


def sections(text: str) -> dict[str, str]:
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_every_command_and_every_option_stands_in_the_docs() -> None:
    told = sections((DOCS / "reference" / "commands.md").read_text())
    common = told.pop("Options of every command")
    line = CommandLine()
    known = dict(commands(line._app(line._screen(NO_OPTIONS))))

    assert set(told) == set(known)
    missing = {
        name: [each for each in sorted(names(command)) if f"`{each}`" not in told[name] + common]
        for name, command in known.items()
    }
    assert {name: left for name, left in missing.items() if left} == {}
    fields = [field.name for field in attrs.fields(Options)]
    assert [name for name in fields if f"`--{name}`" not in common] == []


def test_every_documented_option_exists() -> None:
    told = sections((DOCS / "reference" / "commands.md").read_text())
    told.pop("Options of every command")
    line = CommandLine()
    known = dict(commands(line._app(line._screen(NO_OPTIONS))))
    rows = {
        name: re.findall(r"`(-[-a-z]+)`", "".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE)))
        for name, text in told.items()
    }

    wrong = {name: set(row) - names(known[name]) for name, row in rows.items()}
    assert {name: left for name, left in wrong.items() if left} == {}


def test_every_setting_about_plugins_is_explained_in_a_how_to() -> None:
    text = "".join(path.read_text() for path in (DOCS / "how-to").glob("*.md"))
    keys = [field.name for field in attrs.fields(settings.PluginSettings)]

    # Which of two, and what nothing runs without: docs/reference/hooks.md and configuration.md.
    assert {key for key in keys if key not in text} <= {"prefer", "required"}


def test_a_refusal_of_trust_is_explained_by_its_word() -> None:
    text = (DOCS / "how-to" / "trust-plugins.md").read_text()

    for status in (PluginStatus.UNTRUSTED, PluginStatus.KNOWN_BAD):
        assert f"`{status.value}`" in text


def test_every_hook_has_words_for_its_implementers() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("venuekit_")]

    assert [name for name in hooks if not inspect.getdoc(getattr(hookspecs, name))] == []
    assert len(hooks) >= 11
