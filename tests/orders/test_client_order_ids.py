"""Client order ids: unique, within the rule, and recognised as ours."""

import random
import re
import string

import attrs
import pytest

from venuekit.model import ConfigurationError
from venuekit.orders import ClientOrderIds
from venuekit.plugin import ClientOrderIdRule, Dedupe

RULE = ClientOrderIdRule(
    pattern=r"[a-zA-Z0-9]{1,36}",
    alphabet=string.ascii_letters + string.digits,
    max_length=36,
    dedupe=Dedupe.OPEN_ONLY,
)


def test_ids_keep_the_rule_and_hold_128_bits_of_chance() -> None:
    ids = ClientOrderIds(RULE, mark=123456789, rng=random.SystemRandom())
    made = {ids.make() for _ in range(2000)}

    assert len(made) == 2000
    assert all(re.fullmatch(RULE.pattern, each) for each in made)
    assert {len(each) for each in made} == {5 + 22}


def test_ids_come_from_chance_alone() -> None:
    one = ClientOrderIds(RULE, mark=1, rng=random.Random(1))
    same = ClientOrderIds(RULE, mark=1, rng=random.Random(1))
    other = ClientOrderIds(RULE, mark=1, rng=random.Random(2))

    assert [one.make() for _ in range(3)] == [same.make() for _ in range(3)]
    assert other.make() != same.make()


def test_an_installation_knows_its_own_ids_and_no_others() -> None:
    mine = ClientOrderIds(RULE, mark=10**11, rng=random.Random(1))
    later = ClientOrderIds(RULE, mark=10**11, rng=random.Random(2))
    theirs = ClientOrderIds(RULE, mark=10**11 + 1, rng=random.Random(1))

    assert later.is_ours(mine.make())
    assert not mine.is_ours(theirs.make())
    assert not mine.is_ours("web_1")
    assert not mine.is_ours(None)


def test_short_rules_still_hold_enough_chance_or_are_refused() -> None:
    short = attrs.evolve(RULE, max_length=18)
    assert len(ClientOrderIds(short, mark=1, rng=random.Random(1)).make()) == 18
    digits = attrs.evolve(RULE, max_length=18, alphabet=string.digits)
    with pytest.raises(ConfigurationError, match="bits of chance"):
        ClientOrderIds(digits, mark=1, rng=random.Random(1))


def test_a_rule_that_contradicts_itself_is_refused() -> None:
    wrong = attrs.evolve(RULE, pattern=r"[0-9]+")
    with pytest.raises(ConfigurationError, match="alphabet"):
        ClientOrderIds(wrong, mark=1, rng=random.Random(1))
