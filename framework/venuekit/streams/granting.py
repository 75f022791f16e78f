"""What private subscriptions are signed with: the key, the time, a token where one is needed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from venuekit.plugin import Access, Key, Stamp, StreamToken

FetchToken = Callable[[], Awaitable[StreamToken]]
"""Asks for a token; may raise a VenuekitError."""
TakeNonce = Callable[[], Awaitable[int]]
"""Gives a nonce of the key; may raise a VenuekitError."""
_USED_UP: Final = 0.9
"""A token is replaced when so much of its time has passed: it has to arrive, too."""


class Granting:
    """Brings access for the subscriptions of one connection.

    A token is asked for when the first subscription needs it, and again when it has become too
    old, or was refused. One that has subscribed stays good for the connection.
    """

    def __init__(
        self,
        *,
        key: Key,
        now_ns: Callable[[], int],
        fetch_token: FetchToken | None,
        take_nonce: TakeNonce | None = None,
    ) -> None:
        """Sign with `key`; without `fetch_token` there are no tokens, nor nonces without theirs."""
        self._key = key
        self._now_ns = now_ns
        self._fetch_token = fetch_token
        self._take_nonce = take_nonce
        self._token: str | None = None
        self._until = 0.0

    async def __call__(self) -> Access:
        """Give what the next message is signed with; raises VenuekitError."""
        if self._fetch_token is not None:
            asked_at = asyncio.get_running_loop().time()
            if self._token is None or asked_at >= self._until:
                fetched = await self._fetch_token()
                self._token, self._until = fetched.value, asked_at + fetched.valid_s * _USED_UP
        nonce = None if self._take_nonce is None else await self._take_nonce()
        stamp = Stamp(time_ns=self._now_ns(), nonce=nonce)
        return Access(key=self._key, stamp=stamp, token=self._token)

    def expire(self) -> None:
        """Ask for another token the next time."""
        self._token = None
