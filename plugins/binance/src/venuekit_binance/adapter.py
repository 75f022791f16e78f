"""The adapter of Binance Spot, put together from its rooms."""

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
    """Speaks for Binance Spot: REST `/api/v3`, market streams, user data over the WebSocket API.

    Not offered by the exchange: batches, and a cancel of everything after a time-out.
    """
