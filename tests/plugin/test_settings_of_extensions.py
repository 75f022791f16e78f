"""An extension is made of its settings, and nothing runs without one that has settings."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import ConfigurationError, PluginError
from venuekit.plugin import CommandSpec, hookimpl
from venuekit.plugin.discovery import PluginStatus
from venuekit.plugin.hooks import Hooks

if TYPE_CHECKING:
    from tests.plugin.conftest import Shelf

GROUP = "venuekit.plugins"
GUARD = """
import venuekit.plugin as vk
from venuekit.model import ConfigurationError

class Guard:
    def __init__(self, word):
        self._word = word

    @vk.hookimpl
    def venuekit_commands(self):
        return [vk.CommandSpec(name=self._word, help="", function="nowhere:run")]

@vk.hookimpl
def venuekit_extension(settings):
    if "word" not in settings:
        raise ConfigurationError(["word: missing"])
    return Guard(settings["word"])
"""


def module(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def test_an_extension_is_made_of_the_table_of_its_name(shelf: "Shelf") -> None:
    shelf.put("acme-guard", GUARD, name="guard", group=GROUP)
    hooks = Hooks(find=shelf.find, core="0.1.0", settings={"guard": {"word": "watch"}})

    assert [spec.name for spec in hooks.commands()] == ["watch"]


def test_what_a_module_offers_itself_counts_too() -> None:
    def commands(name: str) -> Any:
        return lambda: [CommandSpec(name=name, help="", function="nowhere:run")]

    made = module(venuekit_commands=commands("made"))

    def maker(settings: Any) -> Any:
        return made

    own = module(venuekit_commands=commands("own"), venuekit_extension=maker)
    hooks = Hooks(find=list, modules={"a": own})

    assert sorted(spec.name for spec in hooks.commands()) == ["made", "own"]


def test_wrong_settings_are_told_with_their_place(shelf: "Shelf") -> None:
    shelf.put("acme-guard", GUARD, name="guard", group=GROUP)
    hooks = Hooks(find=shelf.find, core="0.1.0")

    (entry,) = hooks.entries
    assert entry.status is PluginStatus.FAILED
    assert entry.reason == "[plugins.settings.guard]: word: missing"


@pytest.mark.parametrize("settings", [{"guard": {"wrong": 1}}, {"gaurd": {"word": "x"}}])
def test_nothing_runs_without_an_extension_that_has_settings(
    shelf: "Shelf", settings: dict[str, Any]
) -> None:
    shelf.put("acme-guard", GUARD, name="guard", group=GROUP)

    with pytest.raises(PluginError, match=r"required by \[plugins.settings"):
        Hooks(find=shelf.find, core="0.1.0", settings=settings)
    assert Hooks(find=shelf.find, core="0.1.0", settings=settings, tolerant=True).entries


def test_a_blocked_extension_may_keep_its_settings(shelf: "Shelf") -> None:
    shelf.put("acme-guard", GUARD, name="guard", group=GROUP)
    settings = {"guard": {"word": "x"}}
    hooks = Hooks(find=shelf.find, core="0.1.0", settings=settings, blocked=["guard"])

    assert [entry.status for entry in hooks.entries] == [PluginStatus.BLOCKED]


def test_settings_that_nobody_reads_are_a_fault() -> None:
    with pytest.raises(PluginError, match="takes no settings"):
        Hooks(find=list, modules={"a": module()}, settings={"a": {"word": 1}})


def test_an_object_with_a_misspelt_hook_is_refused() -> None:
    def maker(settings: Any) -> Any:
        return module(venuekit_veto_ordr=lambda: None)

    hooks = Hooks(find=list, modules={"a": module(venuekit_extension=maker)})

    assert "did you mean venuekit_veto_order?" in hooks.entries[0].reason


def test_a_maker_that_breaks_hurts_nobody_else() -> None:
    def broken(settings: Any) -> Any:
        return 1 // 0

    def wrong(settings: Any) -> Any:
        raise ConfigurationError(["a: wrong", "b: wrong"])

    hooks = Hooks(
        find=list,
        modules={
            "a": module(venuekit_extension=broken),
            "b": module(venuekit_extension=wrong),
            "c": module(),
        },
    )

    assert [entry.status.value for entry in hooks.entries] == ["failed", "failed", "ready"]
    assert "ZeroDivisionError" in hooks.entries[0].reason
    assert "a: wrong; b: wrong" in hooks.entries[1].reason
