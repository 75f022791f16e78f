"""Client order ids that have a form, such as a UUID of version 4."""

import random
import uuid

import attrs
import pytest

from venuekit.model import ConfigurationError
from venuekit.orders import ClientOrderIds
from venuekit.plugin import ClientOrderIdRule, Dedupe

RULE = ClientOrderIdRule(
    pattern=r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
    alphabet="0123456789abcdef",
    max_length=36,
    dedupe=Dedupe.NONE,
    template="xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx",
)


def test_ids_have_the_form_and_are_never_made_twice() -> None:
    ids = ClientOrderIds(RULE, mark=123456789, rng=random.SystemRandom())
    made = {ids.make() for _ in range(2000)}

    assert len(made) == 2000
    assert {uuid.UUID(each).version for each in made} == {4}
    assert all(str(uuid.UUID(each)) == each for each in made)


def test_an_installation_knows_its_own_ids_and_no_others() -> None:
    mine = ClientOrderIds(RULE, mark=10**11, rng=random.Random(1))
    later = ClientOrderIds(RULE, mark=10**11, rng=random.Random(2))
    theirs = ClientOrderIds(RULE, mark=10**11 + 1, rng=random.Random(1))
    name = mine.make()

    assert later.is_ours(name)
    assert not mine.is_ours(theirs.make())
    assert not mine.is_ours(name[:-1])
    assert not mine.is_ours(name.replace("-4", "-1", 1))
    assert not mine.is_ours(str(uuid.UUID(int=0, version=4)))
    assert not mine.is_ours(None)


def test_a_form_with_too_little_room_is_refused() -> None:
    small = attrs.evolve(RULE, pattern=r"[0-9a-f]{16}", template="x" * 16)
    with pytest.raises(ConfigurationError, match="bits of chance"):
        ClientOrderIds(small, mark=1, rng=random.Random(1))


def test_a_form_that_its_own_pattern_does_not_take_is_refused() -> None:
    wrong = attrs.evolve(RULE, template="xxxxxxxx-xxxx-4xxx-bxxx-xxxxxxxxxxxx")
    with pytest.raises(ConfigurationError, match="alphabet"):
        ClientOrderIds(wrong, mark=1, rng=random.Random(1))


def test_an_example_of_a_form_is_one() -> None:
    assert RULE.example() == "00000000-0000-4000-a000-000000000000"
    assert attrs.evolve(RULE, template=None).example() == "00000000"
