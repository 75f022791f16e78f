"""What a new interpreter does for the kit: import a plugin watched, or take its tour twice.

python -m venuekit.testing.conformance.transcript import MODULE
python -m venuekit.testing.conformance.transcript tour MODULE:FUNCTION
python -m venuekit.testing.conformance.transcript of EXCHANGE
"""

import json
import pkgutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from venuekit.testing.conformance.specimen import Specimen

_OPENING: Final = ("socket.", "subprocess.", "_thread.start_new_thread", "os.system", "os.exec")


def watched_import(module: str) -> list[str]:
    """Import a module and name what it opened."""
    import importlib

    importlib.import_module("venuekit.plugin")
    importlib.import_module("venuekit.model")
    opened: list[str] = []
    is_watching = [True]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not is_watching[0]:
            return
        if event == "open":
            mode = arguments[1] if isinstance(arguments[1], str) else ""
            name = str(arguments[0])
            if set(mode) & set("wax+") and "__pycache__" not in name:
                opened.append(f"{event} {name}")
        elif event.startswith(_OPENING) and event != "socket.gethostname":
            opened.append(event)

    sys.addaudithook(watch)
    importlib.import_module(module)
    is_watching[0] = False
    return opened


def canonical(value: Any) -> str:
    """Write a model; sets have no order of their own, everything else keeps the one it has."""
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(canonical, value))) + "}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {canonical(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(canonical, value)) + "]"
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return f"{type(value).__name__}({', '.join(canonical(getattr(value, n)) for n in names)})"
    return repr(value)


def transcript(address: str) -> list[str]:
    """Take the tour and write down every request and every model."""
    from venuekit.testing.conformance.specimen import Specimen

    made: Any = pkgutil.resolve_name(address)
    manifest = made() if callable(made) else made
    return lines_of(Specimen(manifest, package=address.partition(":")[0]))


def lines_of(specimen: "Specimen") -> list[str]:
    """Take the tour of a plugin and write down every request and every model."""
    tour = specimen.tour
    is_signed_alike = tour.bench.key.algorithm != "es256"  # ECDSA draws a number for each signature
    lines = []
    for kept in tour.bench.kept:
        request = kept.sent if is_signed_alike else kept.call.request
        lines.append(
            f"{kept.call.what} {request.method} {request.host} {request.path}?{request.query} "
            f"{dict(request.headers)} {request.body!r} costs {canonical(kept.call.costs)} "
            f"failure {kept.failure!r}"
        )
    lines += [f"{name}: {canonical(result)}" for name, result in tour.results.items()]
    lines += [f"{name}: {error}" for name, error in tour.refused.items()]
    lines += [f"{name}: {error!r}" for name, error in tour.broken.items()]
    return lines


def main(words: list[str]) -> int:
    """Do one of the two, and print JSON."""
    what, address = words
    if what == "of":
        from venuekit.testing.conformance.specimen import find_specimen

        sys.stdout.write("".join(f"{line}\n" for line in lines_of(find_specimen(address))))
        return 0
    if what == "import":
        answer: object = watched_import(address)
    else:
        answer = [transcript(address), transcript(address)]
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
