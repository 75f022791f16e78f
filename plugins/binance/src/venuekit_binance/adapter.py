"""The adapter of Binance Spot, put together from its rooms."""

from collections.abc import Mapping
from typing import ClassVar

from venuekit.plugin import Lack, not_offered, not_yet
from venuekit_binance.account import AccountAnswers
from venuekit_binance.errors import Errors
from venuekit_binance.instruments import Listings
from venuekit_binance.market_data import PublicData
from venuekit_binance.order_lists import Lists
from venuekit_binance.orders import Orders
from venuekit_binance.queries import OrderQueries
from venuekit_binance.replacing import Replacing
from venuekit_binance.signing import Signing
from venuekit_binance.streams import Streams
from venuekit_binance.trades import PublicTrades


class BinanceAdapter(
    Errors,
    Signing,
    Listings,
    Orders,
    Replacing,
    Lists,
    OrderQueries,
    AccountAnswers,
    PublicTrades,
    PublicData,
    Streams,
):
    """Speaks for Binance Spot: REST `/api/v3`, market streams, user data over the WebSocket API."""

    lacks: ClassVar[Mapping[str, Lack]] = {
        "cancel everything": not_offered("orders are canceled one by one, or all of a symbol"),
        "cancel all after": not_offered("the timer is of futures only"),
        "place many": not_offered("batches are of futures only"),
        "cancel many": not_offered("batches are of futures only"),
        "key permissions": not_yet("the wallet's endpoints tell them, but not on the testnet"),
        "ledger": not_yet("the wallet has an endpoint for each kind of movement"),
        "custody": not_yet("deposit addresses are told by the wallet's endpoints"),
        "orders over a socket": not_yet("the WebSocket API takes orders too"),
    }
