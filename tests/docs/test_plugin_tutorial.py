"""The tutorial for authors of plugins, followed to its end: what comes of it is certified."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlib_metadata import Distribution

from venuekit.cli.plugin_writing import NewPlugin, write
from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import RULES, Specimen, Status, find_specimen, judge
from venuekit.testing.conformance.reports import result_lines
from venuekit.testing.recording.making import record_simulated, write_recordings

PAGE = Path(__file__).parents[2] / "docs/tutorial/publish-an-exchange.md"
_FILE = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^```text\n(\w+)=(.*?),\n```$", re.MULTILINE)
# In interpreters of their own, or over minutes; the tests of the template have them.
SLOW = {"B1", "B5", "B11", "G2", "G7"}
CHECKED = [rule for rule in RULES if rule.check is not None and rule.id not in SLOW]
TRADING = ["S1", "S3", "S4", "S6", "S7", "S9", "S10", "S13", "G5"]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Specimen]:
    root = tmp_path_factory.mktemp("tutorial")
    plugin = NewPlugin(name="acme", title="Acme", transport="rest", signing="hmac")
    folder = root / plugin.distribution
    write(plugin, folder, core="0.1.0", written_on="2026-01-01")
    page = PAGE.read_text()
    for name, text in _FILE.findall(page):
        (folder / name).write_text(text)
    manifest = folder / "src/venuekit_acme/manifest.py"
    said = manifest.read_text()
    for name, value in _LINE.findall(page):
        said, count = re.subn(rf"\b{name}=[^,]+,", f"{name}={value},", said)
        assert count == 1, name
    manifest.write_text(said)
    info = root / "site" / "venuekit_acme-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: venuekit-acme\nVersion: 0.1.0\n"
        "Requires-Dist: venuekit>=0.1,<0.2\n"
    )
    (info / "entry_points.txt").write_text("[venuekit.exchanges]\nacme = venuekit_acme\n")
    before = list(sys.path)
    sys.path.append(str(folder / "src"))
    importlib.invalidate_caches()

    def find() -> list[Distribution]:
        return list(Distribution.discover(path=[str(root / "site")]))

    specimen = find_specimen("acme", plugins=Plugins(find=find, core="0.1.0"), find=find)
    # `make record`, as the page says.
    made = record_simulated(specimen, told=lambda _: None)
    write_recordings(made, folder / "cassettes", "acme")
    yield specimen
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == "venuekit_acme"]:
        del sys.modules[name]


def test_the_page_has_every_file_that_it_speaks_of() -> None:
    names = [name for name, _ in _FILE.findall(PAGE.read_text())]
    assert names == [
        f"src/venuekit_acme/{name}.py"
        for name in ("sim_orders", "trading", "errors", "orders", "adapter")
    ]
    assert [name for name, _ in _LINE.findall(PAGE.read_text())] == ["simulator", "dedupe"]


def test_what_the_tutorial_ends_in_breaks_no_rule_and_trades(acme: Specimen) -> None:
    results = {rule.id: judge(rule, acme) for rule in CHECKED}

    bad = [r for r in results.values() if r.status in {Status.FAILED, Status.UNKNOWN}]
    assert "\n".join(line for result in bad for line in result_lines(result)) == ""
    assert {id_: results[id_].status for id_ in TRADING} == dict.fromkeys(TRADING, Status.PASSED)
