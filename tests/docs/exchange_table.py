"""The page of what each exchange can do, written by its own plugins.

To write it anew: `python -m tests.docs.exchange_table`.
"""

from pathlib import Path

from venuekit.plugin import CAPABILITIES, Manifest, Support, support_of
from venuekit.plugin.discovery import Plugins

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exchanges.md"
_HEAD = """\
# What each exchange can do

Written by `python -m tests.docs.exchange_table` from the plugins themselves; a test compares.
What an exchange lacks is not emulated in silence: asking for it raises `NotSupported`. Batches are
the exception that says so: without the capability `place_many` and `cancel_many` send one request
for each order, and `Batch.requests` tells how many.

"no": the exchange has none. "not yet": it has, the plugin does not. "partly": a part is missing.
The reasons stand below the table, and in the error.

"""
_WORDS = {
    Support.OFFERED: "yes",
    Support.PARTLY: "partly",
    Support.NOT_OFFERED: "no",
    Support.NOT_YET: "not yet",
    Support.UNKNOWN: "?",
}


def manifests() -> list[Manifest]:
    """Give the manifests of the installed plugins, by id."""
    plugins = Plugins()
    return [plugins.open_plugin(entry.id) for entry in plugins.list_plugins()]


def page() -> str:
    """Write the page."""
    found = manifests()
    rows = [
        ("", *(manifest.title for manifest in found)),
        ("---", *("---" for _ in found)),
        *((name, *(_WORDS[support_of(m.adapter)[name]] for m in found)) for name in CAPABILITIES),
        ("environments", *(", ".join(m.environments) for m in found)),
        ("keys", *(", ".join(kind.algorithm for kind in m.credentials) for m in found)),
        ("nonces", *(_nonces(m) for m in found)),
        ("a client order id is refused again", *(m.client_order_id.dedupe.value for m in found)),
        (
            '"not found" is proof after',
            *(f"{_window_s(m):g} s" for m in found),
        ),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    return _HEAD + table + "".join(_reasons(manifest) for manifest in found)


def _reasons(manifest: Manifest) -> str:
    lines = [f"- {name}: {lack}" for name, lack in manifest.adapter.lacks.items()]
    return "\n".join([f"\n## What {manifest.title} lacks\n", *lines, ""])


def _nonces(manifest: Manifest) -> str:
    if manifest.nonce is None:
        return "none"
    return "growing" if manifest.nonce.is_ordered else "unique"


def _window_s(manifest: Manifest) -> float:
    timing = manifest.timing
    return timing.request_validity_s + timing.engine_timeout_s + timing.visibility_lag_s


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE)
