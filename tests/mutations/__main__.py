"""Plant faults one by one: `python -m tests.mutations [--only WORDS] [--jobs N] [--json]`."""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.faults import MUTATIONS
from tests.mutations.planting import Copy, Mutation, Verdict


def main() -> int:
    """Run, tell, and give the exit code: 1 if a fault was missed or could not be judged."""
    arguments = _arguments()
    chosen = [m for m in MUTATIONS if arguments.only.lower() in m.name.lower()]
    if not chosen:
        print(f"no mutation is named like {arguments.only!r}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="venuekit-mutations-") as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(arguments.jobs):
            place = Path(folder).resolve() / str(number)
            place.mkdir()
            copies.put(Copy(place))
        sound = copies.get()
        tests = sorted({test for mutation in chosen for test in mutation.tests})
        if sound.judged(tests) is not Verdict.MISSED:
            print("the tests fail without any fault; mend that first", file=sys.stderr)
            return 2
        copies.put(sound)

        def judge(mutation: Mutation) -> tuple[Mutation, Verdict]:
            copy = copies.get()
            try:
                return mutation, copy.verdict(mutation)
            finally:
                copies.put(copy)

        found = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutation, verdict in pool.map(judge, chosen):
                found.append((mutation, verdict))
                _tell(mutation, verdict, is_json=arguments.json)
    bad = [m for m, verdict in found if verdict in {Verdict.MISSED, Verdict.BROKEN}]
    if not arguments.json:
        seconds = time.monotonic() - begun
        print(f"{len(found) - len(bad)} of {len(found)} caught, in {seconds:.0f} s")
    return 1 if bad else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="", help="only mutations with these words in their name")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--json", action="store_true", help="a JSON line for each")
    return parser.parse_args()


def _tell(mutation: Mutation, verdict: Verdict, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps({"name": mutation.name, "verdict": verdict.value, "harm": mutation.harm}))
    else:
        print(f"{verdict.value:<19} {mutation.name}: {mutation.harm}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
