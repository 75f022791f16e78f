"""The command `certify`: which level of the quality scale an exchange's plugin reaches."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from venuekit.cli.certificates import keep
from venuekit.cli.exits import ExitCode, UsageError
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.session import MakeSession

if TYPE_CHECKING:
    from venuekit.testing.conformance import Rule


class CertifyCommands:
    """Check what a plugin promises."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    def certify(
        self,
        exchange: str | None = None,
        /,
        *,
        rule: Annotated[list[str] | None, Parameter(negative=())] = None,
        thorough: Annotated[bool, Parameter(negative=())] = False,
        recordings: Path | None = None,
        html: Path | None = None,
        badge: Path | None = None,
        options: Options = NO_OPTIONS,
    ) -> ExitCode:
        """Check a plugin against the quality scale and say which level it reaches.

        Nothing leaves this machine: the plugin is asked before its own simulator. The exit code is
        1 where a rule failed; what cannot be computed here, or is not yet done, fails nothing and
        passes nothing.
        "venuekit plugins --check" and "venuekit info" show the level until the plugin changes.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
            rule: Check this rule only, such as S4; may be given several times.
            thorough: Compute what takes minutes too: the plugin's own tests with branches and
                planted faults, other clients on its simulator, other Pythons. Needs its source
                tree, and installs what it depends on into environments of its own.
            recordings: Folder of the exchange's cassettes and tapes; by default
                cassettes/EXCHANGE, in or above the package.
            html: Write the report as a page too.
            badge: Write the level as an SVG too.
        """
        session = self._begin(options)
        from venuekit.testing import conformance
        from venuekit.testing.conformance.reports import as_data, result_lines, summary_lines

        chosen = _chosen(rule or [])
        if chosen and (html is not None or badge is not None):
            raise UsageError("a page and a badge need all rules; leave --rule out")
        id_ = session.chosen(exchange)
        specimen = conformance.find_specimen(
            id_, plugins=session.plugins, recordings=recordings, is_thorough=thorough
        )

        def told(result: conformance.Result) -> None:
            if not session.options.json:
                for line in result_lines(result):
                    session.screen.tell({}, line)

        certificate = conformance.certify(specimen, rules=chosen or conformance.RULES, told=told)
        for file, text in ((html, conformance.html), (badge, conformance.badge)):
            if file is not None:
                _write(file, text(certificate))
        if session.options.json:
            session.screen.tell(as_data(certificate), "")
        elif not chosen:
            session.screen.tell({}, "")
            for line in summary_lines(certificate):
                session.screen.tell({}, line)
        if not chosen:
            unkept = keep(certificate)
            if unkept:
                session.screen.note(unkept)
        bad = {conformance.Status.FAILED, conformance.Status.UNKNOWN}
        is_bad = any(result.status in bad for result in certificate.results)
        return ExitCode.FAILED if is_bad else ExitCode.OK


def _chosen(names: list[str]) -> "list[Rule]":
    from venuekit.testing.conformance import RULES

    chosen: list[Rule] = []
    for name in names:
        found = [r for r in RULES if name.upper() == r.id or name.lower() == r.slug.lower()]
        if not found:
            raise UsageError(f"there is no rule {name}; they are {_ranges(RULES)}")
        chosen += found
    return chosen


def _ranges(rules: "Iterable[Rule]") -> str:
    """Name all rules: `B1 to B12, S1 to S13`; they are numbered through in each level."""
    last = {rule.id[0]: rule.id for rule in rules}
    return ", ".join(f"{letter}1 to {id_}" for letter, id_ in last.items())


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
