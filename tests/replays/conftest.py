"""A loop on which waiting takes no time."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from venuekit.testing.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}
