"""The adapter of Coinbase Advanced Trade, put together from its rooms."""

from collections.abc import Mapping
from typing import ClassVar

from venuekit.plugin import Lack, not_offered, not_yet
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
    """Speaks for Coinbase Advanced Trade: REST v3 and its two sockets, spot products."""

    lacks: ClassVar[Mapping[str, Lack]] = {
        "cancel all": not_offered("what is listed is canceled, a hundred in a request"),
        "cancel everything": not_offered("what is listed is canceled, a hundred in a request"),
        "cancel all after": not_offered("nothing cancels by itself"),
        "place many": not_offered("each order is a request"),
        "replace": not_offered("an edit changes the order that is there"),
        "order lists": not_yet("a bracket may be attached to an order when it is placed"),
        "aggregate trades": not_offered("trades are told one by one"),
        "trades after": not_offered("trades are asked for by time, not from one on"),
        "ledger": not_yet("the wallets of API version 2 list their transactions"),
        "order usage": not_offered("only requests are counted, and headers tell of them"),
        "custody": not_yet("addresses are of API version 2"),
        "orders over a socket": not_offered("its sockets take subscriptions only"),
    }
