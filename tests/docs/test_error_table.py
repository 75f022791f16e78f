"""The page of errors is the one that the code would write now, and every error is on it."""

import inspect

import pytest

from tests.docs.error_table import PAGE, WHAT_TO_DO, classes, page
from tests.docs.exchange_table import manifests
from venuekit import model
from venuekit.model import Outcome, VenuekitError
from venuekit.plugin import Manifest


def test_the_page_of_errors_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.docs.error_table"


def test_each_error_of_the_model_says_what_to_do() -> None:
    named = {
        name
        for name, member in inspect.getmembers(model, inspect.isclass)
        if issubclass(member, VenuekitError)
    }
    assert named == set(WHAT_TO_DO) == {cls.__name__ for cls in classes()}


@pytest.mark.parametrize("manifest", manifests(), ids=lambda manifest: manifest.id)
def test_every_exchange_lists_its_errors_with_what_is_known_of_the_effect(
    manifest: Manifest,
) -> None:
    assert len(manifest.errors) > 40
    assert {error.row.outcome for error in manifest.errors} <= {Outcome.REJECTED, Outcome.UNKNOWN}
    named = [(error.code, error.text) for error in manifest.errors]
    assert len(named) == len(set(named))
