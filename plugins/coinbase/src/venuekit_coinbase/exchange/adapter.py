"""The adapter of Coinbase Exchange, put together from its rooms."""

from collections.abc import Mapping
from typing import ClassVar

from venuekit.plugin import Lack, not_offered, not_yet
from venuekit_coinbase.exchange.account import AccountAnswers
from venuekit_coinbase.exchange.errors import Errors
from venuekit_coinbase.exchange.instruments import Listings
from venuekit_coinbase.exchange.market_data import PublicData
from venuekit_coinbase.exchange.orders import Orders
from venuekit_coinbase.exchange.signing import Signing
from venuekit_coinbase.exchange.streams import Streams


class ExchangeAdapter(Errors, Signing, Listings, Orders, AccountAnswers, PublicData, Streams):
    """Speaks for Coinbase Exchange: REST and the WebSocket feed, spot products."""

    lacks: ClassVar[Mapping[str, Lack]] = {
        "validate": not_offered("nothing checks an order without placing it"),
        "cancel all after": not_offered("an order may have an end of its own"),
        "place many": not_offered("each order is a request"),
        "cancel many": not_offered("orders are canceled one by one, all of a product, or all"),
        "amend": not_offered("REST changes no order"),
        "replace": not_offered("REST changes no order"),
        "order lists": not_offered("orders stand for themselves"),
        "aggregate trades": not_offered("trades are told one by one"),
        "trades after": not_yet("trades are paged by their numbers"),
        "key permissions": not_yet("it is not known whether something tells them"),
        "ledger": not_yet("each account has one"),
        "order usage": not_offered("only requests are counted"),
        "custody": not_yet("deposit addresses are not asked for"),
        "orders over a socket": not_offered("its feed takes subscriptions only"),
    }
