"""The adapter of Kraken Spot, put together from its rooms."""

from venuekit_kraken.account import AccountAnswers
from venuekit_kraken.errors import Errors
from venuekit_kraken.instruments import Listings
from venuekit_kraken.market_data import PublicData
from venuekit_kraken.orders import Orders
from venuekit_kraken.queries import OrderQueries
from venuekit_kraken.signing import Signing
from venuekit_kraken.streams import Streams


class KrakenAdapter(
    Errors,
    Signing,
    Listings,
    Orders,
    OrderQueries,
    AccountAnswers,
    PublicData,
    Streams,
):
    """Speaks for Kraken Spot: REST `/0`, WebSocket v2.

    Not offered: EditOrder, which loses the client order id; AmendOrder does better. CancelAll
    takes all pairs at once, and "cancel all" means one instrument here.
    """
