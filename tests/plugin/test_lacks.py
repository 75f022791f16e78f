"""What an adapter does not do is said once, and told wherever somebody asks for it."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from venuekit.model import NotSupported
from venuekit.plugin import (
    CAPABILITIES,
    Amend,
    InspectKey,
    Lack,
    Ledger,
    OrderUsage,
    Support,
    not_offered,
    not_yet,
    partly,
    support_of,
    why_not,
)
from venuekit.plugin.capabilities import lack_faults


class Small(OrderUsage, InspectKey):
    lacks: ClassVar[Mapping[str, Lack]] = {
        "amend": not_offered("orders cannot be changed", "https://acme.example/api#orders"),
        "ledger": not_yet("its pages are not read"),
        "order usage: of sub-accounts": not_yet("they are not asked for"),
        "key permissions": partly("for keys made since 2025"),
    }


def faults(**lacks: object) -> str:
    kind = type(
        "Other", (OrderUsage,), {"lacks": {k.replace("_", " "): v for k, v in lacks.items()}}
    )
    return "\n".join(lack_faults(kind))


def test_each_capability_has_one_of_five_answers() -> None:
    said = support_of(Small)

    assert list(said) == list(CAPABILITIES)
    assert said["amend"] is Support.NOT_OFFERED
    assert said["ledger"] is Support.NOT_YET
    assert said["custody"] is Support.UNKNOWN
    assert said["order usage"] is Support.PARTLY, "a part of it is missing"
    assert said["key permissions"] is Support.PARTLY
    assert support_of(OrderUsage)["order usage"] is Support.OFFERED


def test_the_reason_is_told_with_its_link() -> None:
    assert why_not(Small, Amend) == (
        "the exchange has none: orders cannot be changed (https://acme.example/api#orders)"
    )
    assert why_not(Small, Ledger) == "the plugin does not yet: its pages are not read"
    assert why_not(OrderUsage, Ledger) == ""
    error = NotSupported("acme", "a ledger", why_not(Small, Ledger))
    assert str(error) == (
        "acme does not offer a ledger; the plugin does not yet: its pages are not read"
    )
    assert str(NotSupported("acme", "a ledger")) == "acme does not offer a ledger"


def test_lacks_that_agree_have_no_fault() -> None:
    assert lack_faults(Small) == []
    assert lack_faults(OrderUsage) == []


@pytest.mark.parametrize(
    ("name", "lack", "said"),
    [
        ("amending", not_yet("to come"), "no capability is named 'amending'"),
        ("amend", not_yet(" "), "says nothing"),
        ("order_usage: ", not_yet("to come"), "says nothing"),
        ("order_usage", not_yet("to come"), "'not yet', and yet the adapter has it"),
        ("order_usage", not_offered("none"), "'not offered', and yet the adapter has it"),
        ("amend", partly("some"), "has no 'amend' at all"),
        ("amend: of the price", not_yet("to come"), "has no 'amend' at all"),
        ("amend", not_offered("none", "http://acme.example"), "must begin with https://"),
        ("amend", Lack(Support.OFFERED, "it is"), "'offered' is no lack"),
        ("amend", "none", "allowed: not_offered(…), not_yet(…), partly(…)"),
    ],
)
def test_what_is_not_so_is_named_with_its_place(name: str, lack: object, said: str) -> None:
    found = faults(**{name: lack})

    assert found.startswith(f"$.adapter.lacks[{name.replace('_', ' ')!r}]: ")
    assert said in found
