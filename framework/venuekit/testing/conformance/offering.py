"""What an exchange has and its plugin does not do."""

from venuekit.plugin import Support, support_of
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import NotYet, Tally


def everything_offered(specimen: Specimen, tally: Tally) -> None:
    """P4: each capability is claimed, or the adapter's `lacks` says that the exchange has none, and
    no part of what is claimed is `not yet`. What the exchange really has, only its documents say.
    """
    adapter = specimen.manifest.adapter
    support = support_of(adapter)
    tally.examined += len(support)
    coming = [name for name, lack in adapter.lacks.items() if lack.support is Support.NOT_YET]
    unsaid = [name for name, how in support.items() if how is Support.UNKNOWN]
    told = [
        f"{words}: {', '.join(names)}"
        for words, names in (("not yet", coming), ("neither claimed nor explained", unsaid))
        if names
    ]
    if told:
        raise NotYet("; ".join(told))
