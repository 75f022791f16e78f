"""The page of what each exchange can do is the one that the plugins would write now."""

from tests.docs.exchange_table import PAGE, manifests, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.docs.exchange_table"


def test_it_has_a_column_for_every_plugin_of_this_repository() -> None:
    folders = {path.parent.name for path in PAGE.parents[2].glob("plugins/*/pyproject.toml")}
    assert {manifest.id for manifest in manifests()} >= folders
