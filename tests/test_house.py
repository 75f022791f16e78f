"""The rules of the house, kept by reading its own source."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from venuekit.configuration import settings, variables
from venuekit.plugin import hookspecs

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "framework" / "venuekit"
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if (path / "src").is_dir())

FLOORS = (
    {"model"},
    {"plugin", "clock"},
    {"configuration"},
    {"stores"},
    {"transport", "limits", "retry", "auth"},
    # A simulator knows nothing of the client that it judges; the client may serve one to itself.
    {"orders", "streams", "sim"},
    {"client"},
    {"sync"},
    {"cli", "testing"},
)
EXCHANGES = {
    "binance",
    "bitfinex",
    "bitmex",
    "bitstamp",
    "bybit",
    "coinbase",
    "deribit",
    "huobi",
    "kraken",
    "kucoin",
    "okx",
}
IMPURE = {"aiohttp", "asyncio", "os", "random", "socket", "subprocess", "threading", "time"}
MONEY = re.compile(r"price|quantity|amount|notional|balance|volume|fee|(^|_)(free|locked|filled)")


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, package: str) -> Iterator[tuple[str, int]]:
    """Give every module that a file imports from, wherever in the file, with the line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import in {package}"
            yield node.module or "", node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def core_modules() -> list[str]:
    paths = [path.relative_to(CORE.parent).with_suffix("") for path in sources(CORE)]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def test_floors_import_only_downward() -> None:
    level = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    wrong = []
    for path in sources(CORE):
        own = path.relative_to(CORE).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        assert own in level, f"{place(path)} is on no floor"
        for name, line in imports(path, "venuekit"):
            parts = name.split(".")
            if parts[0] != "venuekit" or len(parts) == 1 or parts[1] not in level:
                continue
            is_below = level[parts[1]] < level[own]
            is_beside = level[parts[1]] == level[own] and (parts[1] == own or own != "sim")
            if not (is_below or is_beside):
                wrong.append(f"{place(path)}:{line}: {own} imports {name}")

    assert wrong == []


def test_a_simulator_shares_no_code_with_the_client_that_it_judges() -> None:
    allowed = {"model", "plugin", "clock", "sim"}
    wrong = [
        f"{place(path)}:{line}: {name}"
        for path in sources(CORE / "sim")
        for name, line in imports(path, "venuekit.sim")
        if name.startswith("venuekit.") and name.split(".")[1] not in allowed
    ]

    assert wrong == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_only_what_is_meant_for_plugins(plugin: Path) -> None:
    wrong = []
    for path in sources(plugin / "src"):
        allowed = {"plugin", "model"} | ({"sim"} if "sim" in path.parts else set())
        for name, line in imports(path, plugin.name):
            parts = name.split(".")
            is_foreign = parts[0] == "venuekit" and (len(parts) == 1 or parts[1] not in allowed)
            is_alone = name == "venuekit"  # of `import venuekit.plugin as vk`
            if is_foreign and not is_alone:
                wrong.append(f"{place(path)}:{line}: {name}")

    assert wrong == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_an_adapter_touches_neither_clock_nor_chance_nor_network(plugin: Path) -> None:
    wrong = [
        f"{place(path)}:{line}: {name}"
        for path in sources(plugin / "src")
        if "sim" not in path.relative_to(plugin).parts
        for name, line in imports(path, plugin.name)
        if name.split(".")[0] in IMPURE
    ]

    assert wrong == []


def test_the_core_names_no_exchange() -> None:
    names = EXCHANGES | {plugin.name for plugin in PLUGINS}
    pattern = re.compile("|".join(sorted(names)), re.IGNORECASE)
    wrong = [
        f"{place(path)}:{number}: {line.strip()[:80]}"
        for path in sorted(CORE.rglob("*"))
        if path.is_file() and path.suffix not in {".pyc", ".so"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]

    assert wrong == []


ALONE = """
import importlib, os, sys
import aiohttp, apsw, attrs, cattrs, cyclopts, importlib_metadata, msgspec, pluggy, rich.console
failed = []
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        failed.append(name)
sys.exit(bool(failed))
"""


def test_each_module_can_be_imported_alone() -> None:
    # One interpreter with other people's packages, and a fork of it for each module of ours.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, *core_modules()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(CORE.parent)},
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_library_imports_nothing_heavy_and_no_plugin() -> None:
    script = "import sys, venuekit; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())

    heavy = {"aiohttp", "apsw", "asyncio", "cattrs", "cryptography", "cyclopts", "pluggy", "rich"}
    heavy |= {"importlib_metadata", "msgspec", "packaging", "tenacity", "venuekit.plugin"}
    assert loaded & heavy == set()
    assert [name for name in loaded if name.startswith("venuekit_")] == []


def export_order(name: str) -> tuple[int, str]:
    """As ruff sorts `__all__`: constants, then classes, then the rest."""
    if name.isupper() and len(name) > 1:
        return (0, name)
    return (1 if name[:1].isupper() else 2, name)


@pytest.mark.parametrize("name", core_modules())
def test_exports_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    exported: list[str] = list(getattr(module, "__all__", ()))

    assert exported == sorted(exported, key=export_order)
    assert [export for export in exported if not hasattr(module, export)] == []


def public_members(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in vars(module).items():
        is_own = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not is_own:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            yield name, value
            for inner, member in vars(value).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                is_made = attrs.has(value) and inner == "__attrs_init__"
                if not inner.startswith("_") and inspect.isfunction(function) and not is_made:
                    yield f"{name}.{inner}", getattr(value, inner)


@pytest.mark.parametrize("name", core_modules())
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__, f"{name} does not say what it is"
    assert [inner for inner, value in public_members(module) if not inspect.getdoc(value)] == []


def money_floats(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named, kind = node.target.id, ast.unparse(node.annotation)
        elif isinstance(node, ast.arg) and node.annotation is not None:
            named, kind = node.arg, ast.unparse(node.annotation)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "float" and node.args:
            named, kind = ast.unparse(node.args[0]), "float"
        else:
            continue
        is_duration = named.endswith(("_s", "_ns"))
        if re.search(r"\bfloat\b", kind) and MONEY.search(named) and not is_duration:
            yield f"{place(path)}:{node.lineno}: {named}: {kind}"


def test_no_float_touches_money() -> None:
    folders = [CORE, *(plugin / "src" for plugin in PLUGINS)]
    wrong = [
        found for folder in folders for path in sources(folder) for found in money_floats(path)
    ]

    assert wrong == []


def test_every_suppression_gives_its_rule_and_its_reason() -> None:
    pattern = re.compile(r"#\s*(noqa|type: ignore|pragma: no cover)(.*)$")
    wrong = []
    for folder in (CORE, *(plugin / "src" for plugin in PLUGINS)):
        for path in sources(folder):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = pattern.search(line)
                if found is None:
                    continue
                rest = re.sub(r"^(: ?[A-Z]+\d+(, ?[A-Z]+\d+)*|\[[a-z, -]+\])", "", found[2])
                if rest == found[2] or len(re.findall(r"[a-z]{2,}", rest)) < 2:
                    wrong.append(f"{place(path)}:{number}: {line.strip()[-80:]}")

    assert wrong == []


HOOKS = [name for name in vars(hookspecs) if name.startswith("venuekit_")]


def signature(name: str) -> str:
    source = tree(CORE / "plugin" / "hookspecs.py")
    (function,) = (
        node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    assert function.returns is not None
    return f"{name}({ast.unparse(function.args)}) -> {ast.unparse(function.returns)}"


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_its_exact_signature(name: str) -> None:
    assert f"`{signature(name)}`" in (ROOT / "docs" / "reference" / "hooks.md").read_text()


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_tested(name: str) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "plugin").glob("test_*.py"))

    assert name in tests


def test_every_setting_and_variable_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    tables = (
        settings.StoreSettings,
        settings.OrderSettings,
        settings.PluginSettings,
        settings.ExchangeSettings,
        settings.AccountSettings,
        settings.RetrySettings,
        settings.LimitSettings,
    )
    keys = [field.name for table in tables for field in attrs.fields(table)]
    values = [kind.value for kind in settings.Durability]
    values += [*settings.ENVIRONMENTS, *settings.ALGORITHMS]
    named = [*variables.FIXED, variables.CONFIG]
    named += [f"VENUEKIT_<ID>_{suffix}" for suffix in variables.PER_EXCHANGE]

    missing = [word for word in (*keys, *values, *named) if f"`{word}`" not in text]
    assert [word for word in missing if word not in {"accounts", "retries"}] == []


def test_every_error_stands_in_the_tree() -> None:
    from venuekit.model import errors

    named = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert [name for name in named if name not in (errors.__doc__ or "")] == []
