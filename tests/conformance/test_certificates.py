"""Levels follow from results alone, and are told the same way in every form."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import pytest

from tests.conformance.conftest import Cage
from venuekit.cli.certificates import keep, quality
from venuekit.cli.command_line import CommandLine
from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import (
    RULES,
    Certificate,
    Fault,
    Level,
    Result,
    Rule,
    Specimen,
    Status,
    badge,
    certify,
    find_specimen,
    html,
    json_text,
    judge,
    table,
)
from venuekit.testing.conformance.verdicts import Tally


def certificate(**statuses: Status) -> Certificate:
    """Give one on which everything has passed but what is named."""
    return Certificate(
        exchange="acme",
        title="Acme",
        distribution="venuekit-acme",
        version="1.0",
        build="0" * 64,
        kit="0.1.0",
        interface=(1, 0),
        time_ns=1_767_225_600_000_000_000,
        results=tuple(
            Result(rule=rule, status=statuses.get(rule.id, Status.PASSED), examined=1)
            for rule in RULES
        ),
    )


@pytest.mark.parametrize(
    ("statuses", "level"),
    [
        ({}, Level.PLATINUM),
        ({"P1": Status.NOT_COMPUTED}, Level.GOLD),
        ({"P1": Status.FAILED, "G8": Status.NOT_COMPUTED}, Level.SILVER),
        ({"G1": Status.EXEMPT, "P1": Status.UNKNOWN}, Level.GOLD),
        ({"S4": Status.FAILED}, Level.BRONZE),
        ({"B10": Status.NOT_COMPUTED}, Level.NONE),
        ({"B4": Status.UNKNOWN}, Level.NONE),
    ],
)
def test_a_level_needs_all_rules_of_its_own_and_below(
    statuses: dict[str, Status], level: Level
) -> None:
    assert certificate(**statuses).level is level


def test_what_is_in_the_way_are_the_rules_of_the_next_level_only() -> None:
    found = certificate(S4=Status.FAILED, S9=Status.NOT_COMPUTED, G1=Status.FAILED).in_the_way()

    assert [result.rule.id for result in found] == ["S4", "S9"]


def test_a_rule_without_a_check_is_never_passed(cage: Cage) -> None:
    rule = Rule(id="B1", name="none", title="None", missing="time")
    result = judge(rule, cage())

    assert (result.status, result.reason) == (Status.NOT_COMPUTED, "needs time")


def test_a_check_that_breaks_or_examines_nothing_has_not_passed(cage: Cage) -> None:
    def breaks(_: Specimen, __: Tally) -> None:
        raise RuntimeError("oh")

    def idle(_: Specimen, __: Tally) -> None:
        return

    specimen = cage()
    rule = Rule(id="B1", name="none", title="None", check=breaks)
    assert judge(rule, specimen).status is Status.UNKNOWN
    assert judge(attrs.evolve(rule, check=idle), specimen).status is Status.UNKNOWN


def test_a_rule_of_what_is_not_claimed_is_exempt(cage: Cage) -> None:
    (rule,) = (rule for rule in RULES if rule.id == "G1")

    result = judge(rule, cage())
    assert result.status is Status.EXEMPT
    assert result.reason == "Acme does not claim stream; the exchange has none: Acme is small"


def test_lacks_that_are_not_so_are_no_honesty(cage: Cage) -> None:
    (rule,) = (rule for rule in RULES if rule.id == "B6")
    specimen = cage("adapter.py", '"custody": vk', '"account": vk')

    result = judge(rule, specimen)
    assert result.status is Status.FAILED
    assert "'not offered', and yet the adapter has it" in result.faults[0].seen


def test_what_is_not_yet_fails_nothing_and_passes_nothing(cage: Cage) -> None:
    (rule,) = (rule for rule in RULES if rule.id == "P4")
    specimen = cage("adapter.py", '"custody": vk.not_offered', '"ledger": vk.not_yet')

    result = judge(rule, specimen)
    assert (result.status, result.status.counts) == (Status.NOT_YET, False)
    assert result.reason == "not yet: ledger; neither claimed nor explained: custody"
    assert certificate(P4=Status.NOT_YET).level is Level.GOLD


def with_fault() -> Certificate:
    whole = certificate(S4=Status.FAILED)
    fault = Fault(expected="a <b>", seen="x" * 300, call="place(…)")
    results = [
        attrs.evolve(r, faults=(fault,), wrong=7) if r.rule.id == "S4" else r for r in whole.results
    ]
    return attrs.evolve(whole, results=tuple(results))


def test_the_report_is_80_columns_wide_and_says_what_where_and_how_many_more() -> None:
    text = table(with_fault())

    assert max(map(len, text.splitlines())) <= 80
    assert "S4-rules-respected           FAILED" in text
    assert "expected  a <b>" in text
    assert "and 6 more" in text
    assert "page      docs/reference/quality-scale.md#s4-rules-respected" in text
    assert "Acme (acme): bronze" in text
    assert "in the way of silver: S4" in text


def test_json_html_and_badge_say_the_same() -> None:
    found = with_fault()
    data = json.loads(json_text(found))
    drawn = ET.fromstring(badge(found))

    assert (data["level"], data["in_the_way"], len(data["results"])) == ("bronze", ["S4"], 46)
    assert "a &lt;b&gt;" in html(found)
    assert "<script" not in html(found)
    assert drawn.attrib["aria-label"] == "venuekit: bronze"


def test_a_certificate_belongs_to_the_bytes_of_the_package(cage: Cage) -> None:
    specimen = cage()
    before = certify(specimen, rules=()).build
    (specimen.folder / "README.md").write_text("another")
    again = Specimen(specimen.manifest, claim=specimen.claim)

    assert again.build != before


def test_pytest_collects_one_item_for_each_rule_with_a_readable_id() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--pyargs", "venuekit.testing"),
            *("--exchange", "kraken", "-k", "S3 or S9 or P1", "-v", "-rs"),
            *("-p", "no:cacheprovider", "-p", "no:randomly"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed, 1 skipped, 43 deselected" in done.stdout
    assert "not computed: needs evidence from a live account" in done.stdout


def test_certify_tells_the_rules_that_were_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    code = CommandLine().run(["certify", "kraken", "--rule", "s3", "--rule", "B9"])
    said = capfd.readouterr().out

    assert code == 0
    assert [line.split()[:2] for line in said.splitlines()] == [
        ["S3-client-order-id", "ok"],
        ["B9-symbols-round-trip", "ok"],
    ]


def test_certify_refuses_a_rule_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    assert CommandLine().run(["certify", "kraken", "--rule", "S44"]) == 2
    assert "there is no rule S44" in capfd.readouterr().err


def test_the_level_that_is_shown_is_of_the_bytes_that_are_installed(tmp_path: Path) -> None:
    plugins = Plugins()
    assert quality("kraken", plugins, tmp_path) == "not certified here"

    specimen = find_specimen("kraken")
    found = attrs.evolve(certificate(P1=Status.FAILED), exchange="kraken", build=specimen.build)
    assert keep(found, tmp_path) == ""
    assert quality("kraken", plugins, tmp_path) == "gold"

    assert keep(attrs.evolve(found, build="1" * 64), tmp_path) == ""
    assert quality("kraken", plugins, tmp_path) == "gold, changed since"

    (tmp_path / "kraken.json").write_text("torn {")
    assert quality("kraken", plugins, tmp_path) == "not certified here"


def test_a_certificate_that_cannot_be_kept_is_said_and_hurts_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert keep(certificate(), tmp_path / "file").startswith("the certificate was not kept")


def test_plugins_and_info_show_the_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = attrs.evolve(certificate(S4=Status.FAILED), build=find_specimen("kraken").build)
    keep(attrs.evolve(found, exchange="kraken"))

    assert CommandLine().run(["plugins", "--check"]) == 0
    assert "bronze" in capfd.readouterr().out
    assert CommandLine().run(["info", "kraken", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["quality"] == "bronze"
