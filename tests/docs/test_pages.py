"""Every block of Python in the documents runs as it stands, in a process and a home of its own."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from venuekit.configuration import configuration_from_text

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def blocks(kind: re.Pattern[str] = _BLOCK) -> list[tuple[str, str]]:
    return [
        (
            f"{page.relative_to(ROOT)}:{page.read_text()[: found.start()].count(chr(10)) + 2}",
            found[1],
        )
        for page in PAGES
        for found in kind.finditer(page.read_text())
    ]


@pytest.mark.parametrize(("where", "code"), blocks(), ids=[where for where, _ in blocks()])
def test_a_block_of_code_runs(where: str, code: str, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    script = tmp_path / "block.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{where}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(("where", "text"), blocks(_TOML), ids=[w for w, _ in blocks(_TOML)])
def test_settings_that_are_shown_are_settings(where: str, text: str) -> None:
    if text.startswith("[project"):  # of a package, not of a program
        assert tomllib.loads(text)
    else:
        assert configuration_from_text(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_there_are_blocks_to_run() -> None:
    assert len(blocks()) >= 5
    assert len(blocks(_TOML)) >= 10
