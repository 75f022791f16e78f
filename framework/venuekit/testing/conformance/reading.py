"""P9: the package reads well: docstrings that say what a reader needs, and nothing silenced."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import Tally

_UNITS: Final = re.compile(r"_(?:s|ms|us|ns|percent|share|ratio|bps)$")
_SUPPRESSION: Final = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover|pyright:\s*ignore|pylint:\s*disable)(.*)$"
)
_RULE: Final = re.compile(r"^\s*(?:[:=]\s*|\[)[A-Za-z][\w, -]*\]?")
_REASON_WORDS: Final = 2
_SOURCE: Final = re.compile(r"\b(?:source|document|according to|https://)", re.IGNORECASE)
_INTERFACE: Final = ("venuekit.plugin.adapter", "venuekit.plugin.capabilities")
_NEVER_TOLD: Final = frozenset({"NotImplementedError", "AssertionError", "StopIteration"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def reads_well(specimen: Specimen, tally: Tally) -> None:
    """P9: public docstrings with units, errors and source; no suppression without a reason."""
    root = specimen.folder if specimen.folder.is_dir() else specimen.folder.parent
    told = []
    for file in specimen.sources:
        if specimen.is_simulator(file):
            continue
        text = file.read_text("utf-8")
        name = file.relative_to(root).as_posix()
        _suppressions(name, text, tally)
        tree = ast.parse(text)
        told += [ast.get_docstring(node) or "" for node in _documentable(tree)]
        _docstrings(name, tree, _inherited(specimen), tally)
    tally.expect(
        any(_SOURCE.search(each) for each in told),
        expected="docstrings that name the source of the exchange's facts",
        seen=f"none among {len(told)}",
    )


def _suppressions(name: str, text: str, tally: Tally) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        found = _SUPPRESSION.search(line)
        if found is None:
            continue
        rule = _RULE.match(found[1])
        reason = found[1][rule.end() :] if rule is not None else ""
        tally.expect(
            rule is not None and len(re.findall(r"\w+", reason)) >= _REASON_WORDS,
            expected="a suppression that names its rule, and a reason behind it",
            seen=line.strip(),
            call=f"{name}:{number}",
        )


def _documentable(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | _Function]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _inherited(specimen: Specimen) -> frozenset[str]:
    """Name the methods that the interface documents."""
    bases = [base for base in specimen.manifest.adapter.__mro__ if base.__module__ in _INTERFACE]
    return frozenset(
        name for base in bases for name, each in vars(base).items() if getattr(each, "__doc__", "")
    )


def _docstrings(name: str, tree: ast.Module, inherited: frozenset[str], tally: Tally) -> None:
    tally.expect(
        ast.get_docstring(tree) is not None or not tree.body,
        expected="a docstring that says what the module is",
        seen="none",
        call=name,
    )
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_public(node.name):
            tally.expect(
                ast.get_docstring(node) is not None,
                expected="a docstring",
                seen="none",
                call=f"{name}:{node.lineno} {node.name}",
            )
            for member in node.body:
                if not isinstance(member, _Function) or not _is_public(member.name):
                    continue
                if ast.get_docstring(member) is not None or member.name not in inherited:
                    _function(f"{name}:{member.lineno} {node.name}.{member.name}", member, tally)
        elif isinstance(node, _Function) and _is_public(node.name):
            _function(f"{name}:{node.lineno} {node.name}", node, tally)


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _function(call: str, node: _Function, tally: Tally) -> None:
    text = ast.get_docstring(node)
    tally.expect(text is not None, expected="a docstring", seen="none", call=call)
    if text is None:
        return
    for error in sorted(_raised(node) - _NEVER_TOLD):
        tally.expect(
            error in text, expected=f"a word on {error}, which it raises", seen=text, call=call
        )
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    for argument in arguments:
        if argument.annotation is not None and "float" in ast.unparse(argument.annotation):
            tally.expect(
                _UNITS.search(argument.arg) is not None or argument.arg in text,
                expected=f"a unit in the name of {argument.arg}, or a word on it",
                seen=text,
                call=call,
            )


def _raised(node: _Function) -> set[str]:
    """Name what a function raises itself; what is in functions inside it is raised later."""
    found: set[str] = set()
    left: list[ast.AST] = list(node.body)
    while left:
        inner = left.pop()
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try):
            # What is raised within `try` may be caught there.
            if isinstance(inner, ast.Try):
                left += [*inner.orelse, *inner.finalbody]
            continue
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call | ast.Name):
            raised = inner.exc.func if isinstance(inner.exc, ast.Call) else inner.exc
            name = ast.unparse(raised).rpartition(".")[2]
            if name[:1].isupper():  # else a function that makes it
                found.add(name)
        left += ast.iter_child_nodes(inner)
    return found
