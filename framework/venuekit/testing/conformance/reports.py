"""A certificate for people and programs: text at 80 columns, JSON, HTML, a badge."""

import json
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from venuekit.testing.conformance.verdicts import Certificate, Level, Result, Status

_MARKS: Final = {
    Status.PASSED: "ok",
    Status.EXEMPT: "exempt",
    Status.FAILED: "FAILED",
    Status.NOT_YET: "not yet",
    Status.UNKNOWN: "UNKNOWN",
    Status.NOT_COMPUTED: "not computed",
}
_COLOURS: Final = {
    Level.NONE: "#9f3a38",
    Level.BRONZE: "#a2672c",
    Level.SILVER: "#6c757d",
    Level.GOLD: "#b08d00",
    Level.PLATINUM: "#3b7a8f",
}
_WIDTH: Final = 80


def result_lines(result: Result) -> Iterator[str]:
    """Tell one result: a line, then what was wrong."""
    rule = result.rule
    head = f"{rule.slug:<28} {_MARKS[result.status]:<12}"
    examined = f"{result.examined} examined" if result.examined else ""
    yield f"{head} {examined}".rstrip()
    if result.status.counts and not result.reason:
        return
    if result.reason:
        yield from _wrapped(result.reason)
    for fault in result.faults:
        yield from _wrapped(f"expected  {fault.expected}")
        yield from _wrapped(f"seen      {fault.seen}")
        if fault.call:
            yield from _wrapped(f"call      {fault.call}")
    if result.wrong > len(result.faults):
        yield f"    and {result.wrong - len(result.faults)} more"
    if result.faults:
        yield f"    page      {rule.page}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="    ", subsequent_indent=" " * 14, break_on_hyphens=False
    )


def summary_lines(certificate: Certificate) -> Iterator[str]:
    """Tell the level, and what is in the way of the next one."""
    counts = certificate.counts()
    what = ", ".join(f"{number} {status.value}" for status, number in counts.items() if number)
    yield f"{certificate.title} ({certificate.exchange}): {certificate.level.word}"
    yield from textwrap.wrap(what, _WIDTH)
    waiting = [result.rule.id for result in certificate.in_the_way()]
    if waiting:
        following = Level(certificate.level + 1).word
        yield from textwrap.wrap(f"in the way of {following}: {', '.join(waiting)}", _WIDTH)
    of = f"{certificate.distribution} {certificate.version}".strip() or "handed in"
    yield f"{of}, build {certificate.build[:12]}, kit {certificate.kit}, {_day(certificate)}"


def table(certificate: Certificate) -> str:
    """Give the whole report for a terminal, 80 columns wide."""
    lines = [line for result in certificate.results for line in result_lines(result)]
    return "\n".join([*lines, "", *summary_lines(certificate)])


def as_data(certificate: Certificate) -> dict[str, Any]:
    """Give a certificate as JSON values."""
    return {
        "exchange": certificate.exchange,
        "title": certificate.title,
        "level": certificate.level.word,
        "distribution": certificate.distribution,
        "version": certificate.version,
        "build": certificate.build,
        "kit": certificate.kit,
        "interface": list(certificate.interface),
        "time": _moment(certificate),
        "in_the_way": [result.rule.id for result in certificate.in_the_way()],
        "results": [
            {
                "rule": result.rule.slug,
                "level": result.rule.level.word,
                "status": result.status.value,
                "examined": result.examined,
                "wrong": result.wrong,
                "reason": result.reason,
                "page": result.rule.page,
                "faults": [
                    {"expected": fault.expected, "seen": fault.seen, "call": fault.call}
                    for fault in result.faults
                ],
            }
            for result in certificate.results
        ],
    }


def json_text(certificate: Certificate) -> str:
    """Give a certificate as JSON."""
    return json.dumps(as_data(certificate), indent=2, ensure_ascii=False) + "\n"


def _moment(certificate: Certificate) -> str:
    seconds = certificate.time_ns // 1_000_000_000
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _day(certificate: Certificate) -> str:
    return _moment(certificate)[:10]


def html(certificate: Certificate) -> str:
    """Give a page of its own, without scripts and without anything from elsewhere."""
    rows = "\n".join(_html_row(result) for result in certificate.results)
    summary = "<br>".join(escape(line) for line in summary_lines(certificate))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{escape(certificate.title)}: {certificate.level.word}</title>\n"
        "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.3rem .6rem;text-align:left;vertical-align:top;border-top:1px solid #ccc}"
        ".failed,.unknown{color:#9f3a38}.passed{color:#2c662d}table{border-collapse:collapse}"
        "</style>\n"
        f"<h1>{escape(certificate.title)}</h1><p>{summary}</p>\n"
        f"<table><tr><th>rule<th>result<th>what</tr>\n{rows}\n</table></html>\n"
    )


def _html_row(result: Result) -> str:
    words = [escape(result.rule.title)]
    if result.reason:
        words.append(escape(result.reason))
    for fault in result.faults:
        told = f"expected {fault.expected}; seen {fault.seen}"
        words.append(escape(told + (f"; {fault.call}" if fault.call else "")))
    kind = result.status.value.replace(" ", "-")
    return (
        f'<tr id="{result.rule.slug.lower()}"><td>{result.rule.slug}'
        f'<td class="{kind}">{result.status.value}<td>{"<br>".join(words)}</tr>'
    )


def badge(certificate: Certificate) -> str:
    """Give an SVG with the level, without anything from elsewhere."""
    word = certificate.level.word
    left, right = 64, 14 + 7 * len(word)
    width = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
        f'aria-label="venuekit: {word}"><title>venuekit: {word}</title>'
        f'<rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[certificate.level]}"/>'
        '<g fill="#fff" font-family="Verdana,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">venuekit</text>'
        f'<text x="{left + right / 2:g}" y="14">{word}</text></g></svg>\n'
    )
