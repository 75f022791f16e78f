"""Every `venuekit` command that a page, or a package's README, shows is one that exists."""

import io
import re
import shlex
from pathlib import Path

import pytest
from cyclopts.exceptions import CycloptsError

from venuekit.cli.command_line import CommandLine
from venuekit.cli.options import NO_OPTIONS

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "framework/venuekit/testing/template/package/README.md.jinja"
PAGES = [
    ROOT / "README.md",
    TEMPLATE,
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("contrib/*/README.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELLS = {"", "console", "shell", "sh", "bash", "text"}
# What a page leaves open, as a person would fill it in.
_FILLED = {"EXCHANGE": "binance", "NAME": "acme", "{{ name }}": "acme", "SECONDS": "5"}
_OTHERS = {"audit-verify"}  # commands of extensions


def shown() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for language, block in _BLOCK.findall(page.read_text()):
            for line in block.splitlines() if language in _SHELLS else ():
                text = line.strip().removeprefix("$ ")
                if text.startswith("venuekit "):
                    found.append((page.relative_to(ROOT).as_posix(), text))
    return found


@pytest.mark.parametrize(("page", "text"), shown(), ids=lambda value: value)
def test_a_command_that_is_shown_can_be_given(page: str, text: str) -> None:
    for name, value in _FILLED.items():
        text = text.replace(name, value)
    words = shlex.split(re.split(r"\s[|>&]\s", text)[0], comments=True)[1:]
    out = io.StringIO()
    line = CommandLine(stdin=io.StringIO(), stdout=out, stderr=out, variables={})
    app = line._app(line._screen(NO_OPTIONS))
    if words[0] in _OTHERS or "--help" in words or "--version" in words:
        return
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{page}: {text}: {error}")


def test_there_are_commands_to_try() -> None:
    assert len(shown()) > 30
