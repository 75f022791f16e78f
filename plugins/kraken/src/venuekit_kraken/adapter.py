"""The adapter of Kraken Spot, put together from its rooms."""

from collections.abc import Mapping
from typing import ClassVar

from venuekit.plugin import Lack, not_offered, not_yet
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

    EditOrder is not used, as `Replace` or otherwise: it cancels an order and makes another one,
    which cannot carry our id (`cl_ord_id` is not supported, and the old one's is not inherited).
    When its answer is lost, nobody can tell which of the account's orders is the new one.
    AmendOrder keeps the id, and mostly the place in the queue: `amend` takes its place; for what
    that cannot change, cancel and place.

    A limit below a trailing stop is not taken: it is a distance from a trigger that moves, and
    venuekit's price is none.
    """

    lacks: ClassVar[Mapping[str, Lack]] = {
        "cancel all": not_offered("what is listed is canceled, up to fifty in a request"),
        "replace": not_offered("EditOrder makes an order without our id; amend or cancel it"),
        "order lists": not_offered("a conditional close makes orders under no id of ours"),
        "aggregate trades": not_offered("trades are told one by one"),
        "key permissions": not_yet("GetApiKeyInfo tells them, in members that are not confirmed"),
        "order usage": not_offered("REST does not tell the counter"),
        "custody": not_yet("DepositAddresses is not asked"),
    }
