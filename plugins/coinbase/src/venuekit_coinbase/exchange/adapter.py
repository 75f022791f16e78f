"""The adapter of Coinbase Exchange, put together from its rooms."""

from venuekit_coinbase.exchange.account import AccountAnswers
from venuekit_coinbase.exchange.errors import Errors
from venuekit_coinbase.exchange.instruments import Listings
from venuekit_coinbase.exchange.market_data import PublicData
from venuekit_coinbase.exchange.orders import Orders
from venuekit_coinbase.exchange.signing import Signing
from venuekit_coinbase.exchange.streams import Streams


class ExchangeAdapter(Errors, Signing, Listings, Orders, AccountAnswers, PublicData, Streams):
    """Speaks for Coinbase Exchange: REST and the WebSocket feed, spot products.

    Not offered, because it has none: several orders in one request, an amendment, a check without
    placing, a dead man's switch.
    """
