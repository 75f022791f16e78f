"""Which nonces a handle signs with, if its exchange wants any."""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from venuekit.auth import ExchangeClock, NonceAuthority, SecretKey
from venuekit.configuration import Configuration, Selection, store_url
from venuekit.model import ConfigurationError
from venuekit.stores.opening import path_of

if TYPE_CHECKING:
    from venuekit.plugin import Manifest

_FARTHEST_NS: Final = 86_400 * 10**9
"""Machine and exchange agree on the time if they are no further apart."""


async def open_nonces(
    manifest: "Manifest",
    selection: Selection,
    configuration: Configuration,
    key: SecretKey | None,
    clock: ExchangeClock,
    stack: contextlib.AsyncExitStack,
    *,
    has_own_simulator: bool,
) -> NonceAuthority | None:
    """Open the nonces of the account's key until `stack` is left; None if none are wanted.

    They lie beside the journal, or in the folder for user data if that is no file. Two processes
    with different journals are still kept apart: the key is locked in the folder for user data too.

    Raises:
        ConfigurationError: A nonce window is set for what has none.
        StoreError: Another process uses the key, or the store cannot be used.
    """
    account = selection.credentials
    window = 0 if account is None else account.nonce_window
    if window and (manifest.nonce is None or not manifest.nonce.is_ordered):
        place = f"{configuration.source}: exchanges.{manifest.id}.accounts.{selection.account}"
        msg = f"{place}.nonce_window: the keys of this exchange have none; remove it"
        raise ConfigurationError([msg])
    if manifest.nonce is None or key is None:
        return None
    is_passing = has_own_simulator and configuration.store.url is None
    folder = _passing_folder(stack) if is_passing else store_folder(configuration, selection)
    authority = NonceAuthority(
        folder,
        api_key=key.api_key,
        rule=manifest.nonce,
        now_ns=clock.now_ns,
        is_confirmed=lambda: clock.is_synchronized and abs(clock.offset_ns) <= _FARTHEST_NS,
        window=window,
        lock_folders=() if selection.environment == "sim" else (user_folder(),),
    )
    return await stack.enter_async_context(authority)


def nonces_of_streams(nonces: NonceAuthority | None) -> Callable[[], Awaitable[int]] | None:
    """Give what takes a nonce for a private subscription; None if those carry none.

    They go their own way to the exchange, so that no order could be kept with requests: where
    nonces have to arrive in order, subscriptions have none.
    """
    if nonces is None or nonces.is_ordered:
        return None

    async def take() -> int:
        while (nonce := nonces.take()) is None:
            await nonces.ready()
        nonces.done(nonce)
        return nonce

    return take


def _passing_folder(stack: contextlib.AsyncExitStack) -> Path:
    """Make a folder that goes with the simulator inside this handle, which forgets its nonces."""
    folder = tempfile.TemporaryDirectory(prefix="venuekit-sim-")
    stack.push_async_callback(asyncio.to_thread, folder.cleanup)
    return Path(folder.name)


def store_folder(configuration: Configuration, selection: Selection) -> Path:
    """Give the folder of the journal, or that for user data if the journal is no file."""
    url = store_url(configuration.store, selection)
    if url.partition(":")[0] == "sqlite":
        return path_of(url).parent
    # Whatever keeps the orders: nonces have to be on this machine's disk before they are used.
    return user_folder()


def user_folder() -> Path:
    """Give the folder for user data."""
    from platformdirs import user_data_path

    return user_data_path("venuekit", appauthor=False)
