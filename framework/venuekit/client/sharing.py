"""Whether, and through what, a handle shares the exchange's limits with other programs."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from venuekit.auth import fingerprint_of
from venuekit.client.numbering import store_folder, user_folder
from venuekit.configuration import Configuration, Selection
from venuekit.limits import Limiter
from venuekit.limits.sharing import Sharing
from venuekit.model import StoreError
from venuekit.plugin import BudgetScope, BudgetSpec
from venuekit.stores.shared_limits import FILE_NAME, SharedLimitsFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venuekit.auth import SecretKey


async def share_limits(
    limiter: Limiter,
    budgets: "Sequence[BudgetSpec]",
    selection: Selection,
    configuration: Configuration,
    key: "SecretKey | None",
    rng: Random,
    now_ns: Callable[[], int],
    stack: contextlib.AsyncExitStack,
) -> None:
    """Share them until `stack` is left, where that is wanted.

    A store that cannot be used keeps nobody from trading: limits are this program's own until it
    can, and a warning says so.
    """
    if not is_shared(selection, configuration):
        return
    folder = limits_folder(selection, configuration)
    place = selection.address or selection.environment
    sharing = Sharing(
        limiter,
        SharedLimitsFile(folder / FILE_NAME),
        # Two handles of one program, and two programs with one number, are different ones.
        holder=f"{os.getpid()}-{rng.getrandbits(48):012x}",
        prefix_of=_prefixes(f"{selection.exchange}/{place}", selection.account, budgets, key),
        subject=f"{selection.exchange}/{place}",
        now_ns=now_ns,
    )
    try:
        await sharing.settle()
    except StoreError as error:
        sharing.go_alone(error)
    stack.push_async_callback(_ended, asyncio.create_task(sharing.run(), name="sharing limits"))


def is_shared(selection: Selection, configuration: Configuration) -> bool:
    """Say whether limits are shared: those of real exchanges unless the settings say otherwise,
    those of a simulator only if they do.
    """
    chosen = configuration.limits.share
    if chosen is None:
        return selection.environment != "sim"
    return chosen == "machine" and (selection.environment != "sim" or bool(selection.address))


def limits_folder(selection: Selection, configuration: Configuration) -> Path:
    """Give where the shared limits of an exchange lie.

    Whatever journal a program has, a machine has one address: for real exchanges it is the folder
    for user data. Simulators are many, and theirs lie beside the journal.
    """
    if selection.environment == "sim":
        return store_folder(configuration, selection)
    return user_folder()


def _prefixes(
    place: str, account: str, budgets: "Sequence[BudgetSpec]", key: "SecretKey | None"
) -> Callable[[str], str]:
    scopes = {budget.name: budget.scope for budget in budgets}
    owners = {
        BudgetScope.IP: "ip",
        BudgetScope.KEY: "key " + ("none" if key is None else fingerprint_of(key.api_key)),
    }

    def prefix(name: str) -> str:
        scope = scopes.get(name.partition(" ")[0], BudgetScope.IP)
        # Two keys of one account share its limits; what tells it is the name that it is given.
        return f"{place}/{owners.get(scope, f'account {account}')}/"

    return prefix


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
