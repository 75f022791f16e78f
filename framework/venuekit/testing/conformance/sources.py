"""A package's files as a graph: what imports what, and which of them are the simulator's."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def module_of(file: Path, folder: Path, package: str) -> str:
    """Name the module of a file below the folder of `package`."""
    inside = file.relative_to(folder).with_suffix("")
    parts = inside.parts[:-1] if inside.name == "__init__" else inside.parts
    return ".".join((package, *parts))


def imported(file: Path, module: str) -> Iterator[tuple[str, int]]:
    """Give all imports of a file by their whole names, wherever they stand, with their lines.

    Args:
        file: Python source.
        module: Its name, which relative imports go by.
    """
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join((*above, base) if base else above)
            yield base, node.lineno
            # What is taken out of a package may be a module of it.
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def simulators(
    files: Sequence[Path], folder: Path, package: str, root: str | None
) -> frozenset[Path]:
    """Give the files that the simulator is made of.

    Its module, what stands below that, and what it imports and nothing of the adapter does.

    Args:
        files: All of the package.
        folder: Of the package.
        package: Its name.
        root: The module right below the package that the simulator stands in; None: it stands
            somewhere else.
    """
    if root is None:
        return frozenset()
    modules = {module_of(file, folder, package): file for file in files}
    first = f"{package}.{root}"
    below = {name for name in modules if name == first or name.startswith(f"{first}.")}
    graph = {
        name: {target for target, _ in imported(file, name) if target in modules}
        for name, file in modules.items()
    }
    adapters = _reached({package}, graph, barred=below)
    reached = _reached(below, graph, barred=set())
    return frozenset(modules[name] for name in below | (reached - adapters))


def _reached(begin: set[str], graph: Mapping[str, set[str]], *, barred: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in begin if name in graph]
    while waiting:
        name = waiting.pop()
        if name in found or name in barred:
            continue
        found.add(name)
        waiting += graph[name]
    return found
