"""Trade on and watch crypto exchanges through one typed, asynchronous interface.

    async with venuekit.open("<exchange>") as ex:
        order = await ex.place(venuekit.limit_buy("BTC/USDT", quantity="0.1", price="30000"))
        async for event in ex.trades("BTC/USDT"):
            ...  # a Trade, or a Gap where trades may be missing

The value types and errors are in `venuekit.model`, what a plugin imports in `venuekit.plugin`,
the blocking twin in `venuekit.sync`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit.client import Exchange, open  # noqa: A004  # reads as `venuekit.open`
    from venuekit.model import (
        Order,
        OrderRef,
        OrderRequest,
        OrderType,
        Side,
        TimeInForce,
        VenuekitError,
        limit_buy,
        limit_sell,
        market_buy,
        market_sell,
    )

__all__ = [
    "Exchange",
    "Order",
    "OrderRef",
    "OrderRequest",
    "OrderType",
    "Side",
    "TimeInForce",
    "VenuekitError",
    "limit_buy",
    "limit_sell",
    "market_buy",
    "market_sell",
    "open",
]

_OF_THE_CLIENT = ("Exchange", "open")


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first asked for, so that `import venuekit` is free."""
    if name not in __all__:
        msg = f"module 'venuekit' has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib

    home = "venuekit.client" if name in _OF_THE_CLIENT else "venuekit.model"
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
