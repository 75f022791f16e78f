"""The adapter of Coinbase Advanced Trade, put together from its rooms."""

from venuekit_coinbase.account import AccountAnswers
from venuekit_coinbase.errors import Errors
from venuekit_coinbase.instruments import Listings
from venuekit_coinbase.market_data import PublicData
from venuekit_coinbase.orders import Orders
from venuekit_coinbase.signing import Signing
from venuekit_coinbase.streams import Streams
from venuekit_coinbase.usage import Usage


class CoinbaseAdapter(
    Errors, Usage, Signing, Listings, Orders, AccountAnswers, PublicData, Streams
):
    """Speaks for Coinbase Advanced Trade: REST v3 and its two sockets, spot products.

    Not offered, because Coinbase has none: several orders in one request, cancel all, a dead
    man's switch, orders that govern each other from the start.
    """
