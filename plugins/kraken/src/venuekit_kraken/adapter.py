"""The adapter of Kraken Spot, put together from its rooms."""

from venuekit_kraken.account import AccountAnswers
from venuekit_kraken.errors import Errors
from venuekit_kraken.instruments import Listings
from venuekit_kraken.ledger import LedgerPages
from venuekit_kraken.market_data import PublicData
from venuekit_kraken.orders import Orders
from venuekit_kraken.queries import OrderQueries
from venuekit_kraken.signing import Signing
from venuekit_kraken.socket_orders import SocketMessages
from venuekit_kraken.streams import Streams
from venuekit_kraken.switch import Switch


class KrakenAdapter(
    SocketMessages,
    Errors,
    Signing,
    Listings,
    Orders,
    OrderQueries,
    AccountAnswers,
    PublicData,
    LedgerPages,
    Switch,
    Streams,
):
    """Speaks for Kraken Spot: REST `/0`, WebSocket v2.

    Not offered:

    EditOrder, as `Replace` or otherwise: it cancels an order and makes another one, which cannot
    carry our id (`cl_ord_id` is not supported, and the old one's is not inherited). When its
    answer is lost, nobody can tell which of the account's orders is the new one. AmendOrder keeps
    the id, and mostly the place in the queue: `amend` takes its place; for what that cannot
    change, cancel and place.

    "Cancel all" of one instrument: Kraken has none, and the framework cancels what is listed, up
    to fifty in a request. A limit below a trailing stop: it is a distance from a trigger that
    moves, and venuekit's price is none.
    """
