"""Bronze: it loads, reads and tells the truth."""

import ast
import json
import re
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from venuekit.model import BookSnapshot
from venuekit.plugin import INTERFACE, Answer, CallKind, MarketData, capabilities_of
from venuekit.plugin.capabilities import CAPABILITIES, lack_faults
from venuekit.testing.conformance.sources import imported
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import NotComputed, Tally

_IMPURE: Final = frozenset(
    {"aiohttp", "asyncio", "concurrent", "ctypes", "http", "io", "multiprocessing", "os", "pathlib"}
    | {"random", "secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "sqlite3"}
    | {"subprocess", "tempfile", "threading", "time", "uuid", "urllib.request", "requests", "httpx"}
)
"""Of the standard library, and clients that everybody knows: an adapter has no use for them."""
_SUBPROCESS_S: Final = 120
_STEPS: Final[dict[str, tuple[str, ...]]] = {
    "exchange info": ("fetch_time", "fetch_status"),
    "place": ("place", "place_market"),
    "validate": ("validate",),
    "cancel": ("cancel",),
    "query orders": ("fetch_order", "fetch_open_orders", "fetch_fills"),
    "market data": ("fetch_book", "fetch_trades", "fetch_tickers"),
    "account": ("fetch_balances", "fetch_fees"),
    "key permissions": ("fetch_key_permissions",),
    "ledger": ("fetch_ledger",),
    "order usage": ("fetch_order_usage",),
}
"""What of the tour shows that a capability is there."""
_KINDS: Final = {
    "fetch_book": CallKind.PUBLIC_READ,
    "place": CallKind.PLACE,
    "cancel": CallKind.CANCEL,
    "fetch_balances": CallKind.PRIVATE_READ,
}


def install_clean(specimen: Specimen, tally: Tally) -> None:
    """B1: entry point, id and manifest agree; importing the package opens nothing."""
    claim = specimen.claim
    if claim is None:
        raise NotComputed("an application handed the manifest in: there is no distribution")
    tally.expect(
        claim.name == specimen.manifest.id,
        expected=f"an entry point named {specimen.manifest.id!r}, as the manifest's id",
        seen=repr(claim.name),
    )
    tally.expect(
        not claim.fault, expected="metadata that can be read", seen=claim.fault or "no fault"
    )
    faults = specimen.manifest.faults()
    tally.expect(not faults, expected="a manifest without faults", seen="; ".join(faults))
    done = in_subprocess("import", claim.value.partition(":")[0])
    opened = json.loads(done or "[]")
    tally.expect(
        not opened,
        expected="an import that opens no socket, writes no file, starts no thread or process",
        seen=", ".join(opened),
        call=f"import {claim.value}",
    )


def in_subprocess(*words: str, hash_seed: str = "0") -> str:
    """Run this kit's own helper in a new interpreter with the same import path."""
    path = json.dumps([entry for entry in sys.path if entry])
    done = subprocess.run(  # noqa: S603  # our own module, and words that we write
        [sys.executable, "-m", "venuekit.testing.conformance.transcript", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SUBPROCESS_S,
        input=path,
        env={**_environment(), "PYTHONHASHSEED": hash_seed},
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"the interpreter that ran it ended with {done.returncode}: {last[0]}")
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


def interface_declared(specimen: Specimen, tally: Tally) -> None:
    """B2: metadata bounds venuekit's version below and above; the manifest names the interface."""
    claim = specimen.claim
    if claim is None:
        raise NotComputed("an application handed the manifest in: there is no metadata")
    operators = {s.operator for s in Requirement(f"venuekit{claim.requires}").specifier}
    tally.expect(
        bool(operators & {">=", "~=", "==", ">"}),
        expected="Requires-Dist: venuekit with a lower bound, such as >=0.1,<0.2",
        seen=claim.requires or "no bound",
    )
    tally.expect(
        bool(operators & {"<", "~=", "==", "<="}),
        expected="Requires-Dist: venuekit with an upper bound, such as >=0.1,<0.2",
        seen=claim.requires or "no bound",
    )
    version = specimen.manifest.interface
    tally.expect(
        version[0] == INTERFACE[0] and version[1] <= INTERFACE[1],
        expected=f"interface ({INTERFACE[0]}, 0) to {INTERFACE}",
        seen=version,
    )


def imports_allowed(specimen: Specimen, tally: Tally) -> None:
    """B3: an adapter imports `venuekit.plugin`, `venuekit.model`, its own package, and no I/O."""
    own = specimen.package.partition(".")[0]
    declared = _declared(specimen)
    for file in specimen.sources:
        is_simulator = specimen.is_simulator(file)
        seen: set[tuple[str, int]] = set()
        for name, line in imported(file, specimen.module_of(file)):
            top = name.partition(".")[0]
            above = name.rpartition(".")[0]
            # What is taken out of a module that was judged is judged with it.
            is_judged = (above, line) in seen and above not in {specimen.package, "venuekit"}
            seen.add((name, line))
            if is_judged and name not in _IMPURE:
                continue
            place = f"{file.name}:{line}: import {name}"
            if top == own:
                _own_import(specimen, tally, name, place, is_simulator=is_simulator)
            elif top == "venuekit":
                rooms = ("plugin", "model", "sim") if is_simulator else ("plugin", "model")
                is_fine = name == "venuekit" or name.split(".")[1] in rooms
                rooms_in_words = ", ".join(f"venuekit.{room}" for room in rooms)
                tally.expect(is_fine, expected=f"of venuekit only {rooms_in_words}", seen=place)
            elif is_simulator:
                tally.expect(True, expected="", seen=place)
            else:
                is_fine = not ({top, name} & _IMPURE) and (
                    top in sys.stdlib_module_names or canonicalize_name(top) in declared
                )
                tally.expect(
                    is_fine,
                    expected="pure modules of the standard library, and declared dependencies",
                    seen=place,
                )


def _own_import(
    specimen: Specimen, tally: Tally, name: str, place: str, *, is_simulator: bool
) -> None:
    root = specimen.simulator_root
    if is_simulator or root is None or specimen.folder.is_file():
        tally.expect(True, expected="", seen=place)
        return
    simulator = f"{specimen.package}.{root}"
    tally.expect(
        name != simulator and not name.startswith(f"{simulator}."),
        expected="an adapter that does not lean on the simulator that judges it",
        seen=place,
    )


def _declared(specimen: Specimen) -> frozenset[str]:
    claim = specimen.claim
    distribution = claim.entry_point.dist if claim is not None and claim.entry_point else None
    lines = [] if distribution is None else distribution.requires or []
    return frozenset(canonicalize_name(Requirement(line).name) for line in lines)


def pure(specimen: Specimen, tally: Tally) -> None:
    """B4: during the tour, nothing outside the arguments was touched."""
    asked = len(specimen.tour.bench.kept)
    for _ in range(asked):
        tally.expect(True, expected="", seen="")
    for what, where in specimen.guard.seen.items():
        tally.expect(
            False,
            expected="an adapter that touches no socket, clock, chance, file, thread, environment",
            seen=f"{what} at {where}",
        )


def deterministic(specimen: Specimen, tally: Tally) -> None:
    """B5: twice, and under two hash seeds, the same requests and the same models."""
    transcripts = {}
    for seed in ("1", "2"):
        text = in_subprocess("tour", *_address(specimen), hash_seed=seed)
        first, second = json.loads(text)
        transcripts[seed] = first
        _same(tally, first, second, f"the same in one process twice (hash seed {seed})")
    _same(tally, transcripts["1"], transcripts["2"], "the same under the hash seeds 1 and 2")


def _address(specimen: Specimen) -> tuple[str, ...]:
    """Name the manifest so that another interpreter finds it."""
    value = specimen.claim.value if specimen.claim is not None else specimen.package
    return (value if ":" in value else f"{value}:venuekit_exchange",)


def _same(tally: Tally, one: list[str], other: list[str], expected: str) -> None:
    if not tally.expect(
        len(one) == len(other), expected=expected, seen=f"{len(one)} and {len(other)} calls"
    ):
        return
    for left, right in zip(one, other, strict=True):
        tally.expect(left == right, expected=expected, seen=_difference(left, right))


def _difference(left: str, right: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
    begin = max(0, at - 40)
    return f"…{left[begin : at + 60]}… and …{right[begin : at + 60]}…"


def capabilities_honest(specimen: Specimen, tally: Tally) -> None:
    """B6: what is claimed is there: each call can be made, is of its kind, and is answered; what is
    said to be lacking is not claimed.
    """
    manifest = specimen.manifest
    claimed = capabilities_of(manifest.adapter)
    tally.expect(bool(claimed), expected="at least one capability", seen="none")
    missing = sorted(getattr(manifest.adapter, "__abstractmethods__", ()))
    tally.expect(
        not missing,
        expected=f"all methods of {', '.join(claimed)}",
        seen=f"not there: {', '.join(missing)}",
    )
    if missing:
        return
    for fault in lack_faults(manifest.adapter):
        tally.expect(False, expected="lacks that agree with what is claimed", seen=fault)
    for name in claimed:
        for method in sorted(_methods(name)):
            function = getattr(manifest.adapter, method)
            tally.expect(
                not _gives_up(specimen, function),
                expected=f"{name}: a {method} that works",
                seen="its body raises NotImplementedError",
            )
    tour = specimen.tour
    for name in claimed:
        for step in _STEPS.get(name, ()):
            if step in tour.broken:
                error = tour.broken[step]
                tally.expect(
                    False,
                    expected=f"{name}: {step} is asked and read",
                    seen=f"{type(error).__name__}: {error}",
                    call=f"adapter.{step}",
                )
            elif step in tour.refused:
                tally.expect(
                    False,
                    expected=f"{name}: {step} is answered by the simulator",
                    seen=tour.refused[step],
                    call=f"adapter.{step}",
                )
            elif step in tour.results:
                tally.expect(True, expected="", seen="")
    for kept in tour.bench.kept:
        is_public = kept.call.kind is CallKind.PUBLIC_READ
        is_changed = kept.sent != kept.call.request
        tally.expect(
            is_public or kept.call.signed is False or is_changed,
            expected="signing that changes a private request",
            seen=f"{kept.call.kind.value} left unsigned",
            call=kept.call.what,
        )


def _methods(capability: str) -> frozenset[str]:
    return getattr(CAPABILITIES[capability], "__abstractmethods__", frozenset())


def _gives_up(specimen: Specimen, function: Any) -> bool:
    del specimen
    code = getattr(function, "__code__", None)
    return code is not None and "NotImplementedError" in code.co_names and len(code.co_names) <= 2


def hosts_exact(specimen: Specimen, tally: Tally) -> None:
    """B7: https and wss, one environment's hosts never another's, redirects are no success."""
    environments = specimen.manifest.environments
    hosts: dict[str, set[str]] = {}
    for name, environment in environments.items():
        for host, url in environment.hosts.items():
            where = f"{name}.{host}"
            if name == "sim":
                is_fine = url.startswith(("http://{address}", "ws://{address}"))
                tally.expect(is_fine, expected=f"{where}: http://{{address}}…", seen=url)
                continue
            parts = urlsplit(url)
            tally.expect(
                parts.scheme in {"https", "wss"}, expected=f"{where}: https:// or wss://", seen=url
            )
            tally.expect(
                not (parts.username or parts.password or parts.query or parts.fragment)
                and bool(parts.hostname)
                and "." in (parts.hostname or ""),
                expected=f"{where}: a host and a path, nothing else",
                seen=url,
            )
            hosts.setdefault(name, set()).add(url)
    shared = hosts.get("live", set()) & hosts.get("testnet", set())
    tally.expect(not shared, expected="live and testnet apart", seen=", ".join(sorted(shared)))
    known = set(environments["sim"].hosts) if "sim" in environments else set()
    for kept in specimen.tour.bench.kept:
        request = kept.call.request
        tally.expect(
            request.host in known and request.path.startswith("/"),
            expected=f"a host of the manifest ({', '.join(sorted(known))}) and a path",
            seen=f"{request.host} {request.path}",
            call=kept.call.what,
        )
        answer = Answer(status=302, headers={"location": "https://elsewhere.example/"})
        failure = specimen.tour.bench.judged(kept.call, answer)
        tally.expect(
            failure is not None,
            expected="a redirect is a failure: keys never follow it",
            seen="taken for a success",
            call=f"adapter.failure({kept.call.what}, Answer(status=302, …))",
        )


def instruments_complete(specimen: Specimen, tally: Tally) -> None:
    """B8: every instrument has tick, step, bounds that fit together, and plain numbers."""
    for instrument in specimen.bench.adapter.instruments.values():
        name = instrument.symbol
        for what, grid in (("price", instrument.price), ("quantity", instrument.quantity)):
            tally.expect(
                grid.step > 0, expected=f"{name}: a {what} step above zero", seen=grid.step
            )
            tally.expect(
                grid.maximum == 0 or grid.minimum <= grid.maximum,
                expected=f"{name}: {what} bounds in order",
                seen=f"{grid.minimum} to {grid.maximum}",
            )
            for value in (grid.step, grid.minimum, grid.maximum):
                tally.expect(
                    isinstance(value, Decimal) and value.is_finite() and value >= 0,
                    expected=f"{name}: {what} rules as finite Decimals",
                    seen=repr(value),
                )
        is_bounded = instrument.quantity.minimum > 0 or instrument.notional.minimum > 0
        tally.expect(
            is_bounded,
            expected=f"{name}: a least quantity or a least value",
            seen="neither quantity.minimum nor notional.minimum",
        )
        notional = instrument.notional
        tally.expect(
            notional.maximum == 0 or notional.minimum <= notional.maximum,
            expected=f"{name}: value bounds in order",
            seen=f"{notional.minimum} to {notional.maximum}",
        )


def symbols_round_trip(specimen: Specimen, tally: Tally) -> None:
    """B9: symbol and native name name each other, over the whole listing, also on the wire."""
    adapter = specimen.bench.adapter
    asked: dict[object, str] = {}
    for symbol, instrument in adapter.instruments.items():
        tally.expect(
            symbol == instrument.symbol == f"{instrument.base}/{instrument.quote}",
            expected=f"{instrument.base}/{instrument.quote}, as base and quote say",
            seen=symbol,
        )
        tally.expect(
            adapter.instruments.native(instrument.native) is instrument,
            expected=f"{instrument.native} leads back to {symbol}",
            seen="another instrument",
        )
        if isinstance(adapter, MarketData):
            request = adapter.fetch_book(instrument, depth=10).request
            words = (request.method, request.host, request.path, request.query, request.body)
            other = asked.setdefault(words, symbol)
            tally.expect(
                other == symbol,
                expected=f"a request of its own for {symbol}",
                seen=f"the same as for {other}",
                call=f"adapter.fetch_book({symbol}, depth=10)",
            )
    tour = specimen.tour
    book = tour.results.get("fetch_book")
    if isinstance(book, BookSnapshot) and tour.instrument is not None:
        tally.expect(
            book.symbol == tour.instrument.symbol,
            expected=f"answers named {tour.instrument.symbol}",
            seen=book.symbol,
        )


def typed(specimen: Specimen, tally: Tally) -> None:
    """B11: `py.typed` is there and mypy, strict, has nothing to say."""
    root = specimen.folder if specimen.folder.is_dir() else specimen.folder.parent
    # A marker holds for the packages inside of it (PEP 561).
    packages = [root, *(p for p in root.parents if (p / "__init__.py").is_file())]
    is_marked = any((package / "py.typed").is_file() for package in packages)
    tally.expect(is_marked, expected=f"{packages[-1].name}/py.typed", seen="no file")
    for file in specimen.sources:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [a.arg for a in arguments if a.annotation is None]
                bare = [name for name in bare if name not in {"self", "cls"}]
                tally.expect(
                    node.returns is not None and not bare,
                    expected="every argument and result annotated",
                    seen=f"{file.name}:{node.lineno} {node.name}({', '.join(bare)})",
                )
    if not tally.wrong:
        _mypy(specimen, tally)


def _mypy(specimen: Specimen, tally: Tally) -> None:
    if importlib_missing("mypy"):
        raise NotComputed('mypy is not installed; try "pip install mypy"')
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(  # noqa: S603  # mypy on the plugin's own folder
            [
                *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
                *("--cache-dir", cache, "--config-file", "/dev/null"),
                *("--disable-error-code", "type-abstract", "--follow-imports=silent"),
                *_mypy_target(specimen),
            ],
            cwd=cache,
            capture_output=True,
            text=True,
            check=False,
            timeout=10 * _SUBPROCESS_S,
            env=_mypy_environment(specimen),
        )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    if done.returncode not in {0, 1} or (done.returncode == 1 and not errors):
        raise NotComputed(f"mypy ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    for line in errors:
        tally.expect(False, expected="mypy --strict without a word", seen=Path(line).name)
    tally.expect(not errors, expected="mypy --strict without a word", seen=f"{len(errors)} errors")


def _mypy_target(specimen: Specimen) -> tuple[str, ...]:
    """Name what is checked: by its folder, or by its name where it is installed among others."""
    if _outside(specimen) not in _site_packages():
        return (str(specimen.folder.resolve()),)
    return ("-p" if specimen.folder.is_dir() else "-m", specimen.package)


def _mypy_environment(specimen: Specimen) -> dict[str, str]:
    import os

    import venuekit

    (core,) = venuekit.__path__
    # What is installed mypy finds by itself; it refuses to run where it is told as well.
    installed = _site_packages()
    places = [p for p in (_outside(specimen), Path(core).parent.resolve()) if p not in installed]
    return {**os.environ, "MYPYPATH": os.pathsep.join(map(str, places))}


def _outside(specimen: Specimen) -> Path:
    """Give the folder that the plugin's outermost package lies in."""
    place = (specimen.folder if specimen.folder.is_dir() else specimen.folder.parent).resolve()
    while (place / "__init__.py").is_file():
        place = place.parent
    return place


def _site_packages() -> frozenset[Path]:
    import site
    import sysconfig

    paths = sysconfig.get_paths()
    found = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    return frozenset(Path(path).resolve() for path in (*found, site.getusersitepackages()))


def importlib_missing(module: str) -> bool:
    """Say whether a tool cannot be imported here."""
    import importlib.util

    return importlib.util.find_spec(module) is None


_README: Final = {
    "how it is installed (pip install …)": r"pip install|uv add",
    "how it is configured (venuekit.toml)": r"venuekit\.toml",
    "its limits": r"(?i)\blimits?\b|budget",
    "what differs or is not offered": r"(?i)not offered|differ|limitations|what to know",
    "who owns it": r"(?i)maintained by|maintainers?\b|owner|authors?\b",
    "its licence": r"(?i)licen[cs]e",
}


def readme(specimen: Specimen, tally: Tally) -> None:
    """B12: the README says how to install and configure it, its limits, owner and licence."""
    text = specimen.readme
    tally.expect(bool(text.strip()), expected="a README", seen="none")
    for what, pattern in _README.items():
        tally.expect(
            re.search(pattern, text) is not None,
            expected=f"a README that says {what}",
            seen=f"nothing that matches {pattern}",
        )
