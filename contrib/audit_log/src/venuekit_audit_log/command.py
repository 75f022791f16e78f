"""The command that checks a log."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from venuekit_audit_log.chain import Verdict, verify


def main(tokens: Sequence[str]) -> int:
    """Check a log and say what was found; 0 if it is whole, 1 if not, 2 for a wrong call."""
    parser = argparse.ArgumentParser(
        prog="venuekit audit-verify",
        description="Check that no line of an audit log was changed, removed or put in.",
    )
    parser.add_argument("folder", type=Path, help="the folder of the log")
    parser.add_argument("--head", help="the hash that the log has to end with, or to contain")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    try:
        chosen = parser.parse_args(tokens)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 2
    try:
        verdict = verify(chosen.folder, head=chosen.head)
    except OSError as error:
        sys.stderr.write(f"venuekit: {chosen.folder}: {error.strerror}\n")
        return 2
    if chosen.json:
        data = {**attrs.asdict(verdict), "is_whole": verdict.is_whole}
        sys.stdout.write(json.dumps(data) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _told(verdict)))
    return 0 if verdict.is_whole else 1


def _told(verdict: Verdict) -> list[str]:
    lines = [f"{verdict.records} records in {verdict.files} files"]
    lines += [f"fault: {fault}" for fault in verdict.faults]
    lines += [f"note: {note}" for note in verdict.notes]
    if verdict.is_whole:
        lines.append("the chain is whole; keep its head somewhere else:")
    return [*lines, f"  {verdict.head}" if verdict.head else "  (no record)"]
