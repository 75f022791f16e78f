"""Every call of the exchange: where it is found, what it takes, needs and weighs.

Source: Binance spot REST and WebSocket API docs, 2026-07 (weights: section "Limits" of each call).
"""

from typing import Final

from venuekit_binance.sim import (
    account,
    lists,
    market_data,
    orders,
    queries,
    replacements,
    wallet,
)
from venuekit_binance.sim import parameters as p
from venuekit_binance.sim.calls import Endpoint, Weigh
from venuekit_binance.sim.parameters import Arguments, Parameter, needed, optional
from venuekit_binance.sim.security import Security

_SYMBOL: Final = needed("symbol", p.symbol)
_RESPONSE: Final = optional("newOrderRespType", p.one_of("ACK", "RESULT", "FULL"))
_STP: Final = optional(
    "selfTradePreventionMode",
    p.one_of("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"),
)
_STATUS: Final = optional(
    "symbolStatus",
    p.one_of("TRADING", "HALT", "BREAK", code=-1122, message="Invalid symbolStatus."),
)
_PERIOD: Final = (optional("startTime", p.instant), optional("endTime", p.instant))
_ROWS: Final = optional("limit", p.limit_up_to(1_000))
_RESTRICTIONS: Final = optional(
    "cancelRestrictions",
    p.one_of(
        "ONLY_NEW",
        "ONLY_PARTIALLY_FILLED",
        code=-1145,
        message="cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.",
    ),
)
_PEG_PRICE: Final = p.one_of(
    "PRIMARY_PEG", "MARKET_PEG", code=-1210, message="Invalid pegPriceType."
)
_PEG_OFFSET: Final = p.one_of("PRICE_LEVEL", code=-1211, message="Invalid pegOffsetType.")
_PERMISSIONS: Final = optional("permissions", p.text_or_list)


def _leg(prefix: str) -> tuple[Parameter, ...]:
    """Give the parameters of an order inside of a list."""

    def name(word: str) -> str:
        return prefix + word if prefix else word[0].lower() + word[1:]

    return (
        optional(name("TimeInForce"), p.time_in_force),
        optional(name("Price"), p.decimal),
        optional(name("StopPrice"), p.decimal),
        optional(name("TrailingDelta"), p.integer),
        optional(name("IcebergQty"), p.decimal),
        optional(name("StrategyId"), p.integer),
        optional(name("StrategyType"), p.strategy_type),
        optional(name("PegPriceType"), _PEG_PRICE),
        optional(name("PegOffsetType"), _PEG_OFFSET),
        optional(name("PegOffsetValue"), p.integer),
    )


def _list_leg(prefix: str, *, is_optional: bool = False) -> tuple[Parameter, ...]:
    return (
        Parameter(f"{prefix}Type", p.order_type, not is_optional),
        optional(f"{prefix}ClientOrderId", p.client_id),
        *_leg(prefix),
    )


_NEW_ORDER: Final = (
    _SYMBOL,
    needed("side", p.side),
    needed("type", p.order_type),
    optional("quantity", p.decimal),
    optional("quoteOrderQty", p.decimal),
    optional("newClientOrderId", p.client_id),
    *_leg(""),
    _RESPONSE,
    _STP,
)
_LIST: Final = (_SYMBOL, optional("listClientOrderId", p.client_id), _RESPONSE, _STP)
_WORKING: Final = (
    *_list_leg("working"),
    needed("workingSide", p.side),
    needed("workingQuantity", p.decimal),
)
_PENDING_SIDE: Final = needed("pendingSide", p.side)
_PENDING_QUANTITY: Final = needed("pendingQuantity", p.decimal)
_ORDER_REFERENCE: Final = (
    _SYMBOL,
    optional("orderId", p.integer),
    optional("origClientOrderId", p.client_id),
)


def _depth_weight(sent: Arguments) -> int:
    limit = sent.integer("limit") or 100
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250


def _one_or_all(one: int, many: int) -> Weigh:
    return lambda sent: one if "symbol" in sent else many


def _day_ticker_weight(sent: Arguments) -> int:
    if "symbol" in sent:
        return 2
    names = sent.texts("symbols")
    if names is None:
        return 80
    return 2 if len(names) <= 20 else 40 if len(names) <= 100 else 80


def _ticker_weight(sent: Arguments) -> int:
    return min(200, 4 * len(sent.texts("symbols") or ("",)))


def _rules_weight(sent: Arguments) -> int:
    names = sent.texts("symbols")
    return min(40, 2 * len(names)) if names else 2 if "symbol" in sent else 40


def _public() -> list[Endpoint]:
    some = (optional("symbol", p.symbol), optional("symbols", p.symbols))
    klines = (
        _SYMBOL,
        needed(
            "interval", p.one_of(*market_data.INTERVALS, code=-1120, message="Invalid interval.")
        ),
        *_PERIOD,
        optional("timeZone", p.text),
        _ROWS,
    )
    kind = optional("type", p.one_of("FULL", "MINI", code=-1139, message="Invalid ticker type."))
    history = (_SYMBOL, _ROWS, optional("fromId", p.integer))
    return [
        Endpoint(path="/api/v3/ping", name="ping", handler=market_data.ping),
        Endpoint(path="/api/v3/time", name="time", handler=market_data.time),
        Endpoint(
            path="/api/v3/exchangeInfo",
            name="exchangeInfo",
            handler=market_data.exchange_info,
            weight=20,
            parameters=(
                *some,
                _PERMISSIONS,
                optional("showPermissionSets", p.boolean),
                _STATUS,
            ),
        ),
        Endpoint(
            path="/api/v3/executionRules",
            name="executionRules",
            handler=market_data.execution_rules,
            weight=_rules_weight,
            parameters=(*some, _STATUS),
        ),
        Endpoint(
            path="/api/v3/depth",
            name="depth",
            handler=market_data.depth,
            weight=_depth_weight,
            parameters=(_SYMBOL, optional("limit", p.limit_up_to(5_000)), _STATUS),
        ),
        Endpoint(
            path="/api/v3/trades",
            name="trades.recent",
            handler=market_data.trades,
            weight=25,
            parameters=(_SYMBOL, _ROWS),
        ),
        Endpoint(
            path="/api/v3/historicalTrades",
            name="trades.historical",
            handler=market_data.trades,
            weight=25,
            parameters=history,
        ),
        Endpoint(
            path="/api/v3/historicalBlockTrades",
            name="blockTrades.historical",
            handler=market_data.block_trades,
            weight=25,
            parameters=history,
        ),
        Endpoint(
            path="/api/v3/aggTrades",
            name="trades.aggregate",
            handler=market_data.aggregate_trades,
            weight=4,
            parameters=(*history, *_PERIOD),
        ),
        *(
            Endpoint(
                path=f"/api/v3/{name}",
                name=name,
                handler=market_data.klines,
                weight=2,
                parameters=klines,
            )
            for name in ("klines", "uiKlines")
        ),
        Endpoint(
            path="/api/v3/avgPrice",
            name="avgPrice",
            handler=market_data.average_price,
            weight=2,
            parameters=(_SYMBOL,),
        ),
        Endpoint(
            path="/api/v3/referencePrice",
            name="referencePrice",
            handler=market_data.reference_price,
            weight=2,
            parameters=(_SYMBOL,),
        ),
        Endpoint(
            path="/api/v3/ticker/24hr",
            name="ticker.24hr",
            handler=market_data.day_ticker,
            weight=_day_ticker_weight,
            parameters=(*some, kind, _STATUS),
        ),
        Endpoint(
            path="/api/v3/ticker/tradingDay",
            name="ticker.tradingDay",
            handler=market_data.trading_day_ticker,
            weight=_ticker_weight,
            parameters=(*some, optional("timeZone", p.text), kind, _STATUS),
        ),
        Endpoint(
            path="/api/v3/ticker",
            name="ticker",
            handler=market_data.window_ticker,
            weight=_ticker_weight,
            parameters=(*some, optional("windowSize", p.text), kind, _STATUS),
        ),
        Endpoint(
            path="/api/v3/ticker/price",
            name="ticker.price",
            handler=market_data.price_ticker,
            weight=_one_or_all(2, 4),
            parameters=(*some, _STATUS),
        ),
        Endpoint(
            path="/api/v3/ticker/bookTicker",
            name="ticker.book",
            handler=market_data.book_ticker,
            weight=_one_or_all(2, 4),
            parameters=(*some, _STATUS),
        ),
    ]


def _trading() -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path="/api/v3/order",
            name="order.place",
            handler=orders.place,
            security=Security.TRADE,
            parameters=_NEW_ORDER,
            check=orders.check_new_order,
            is_free_on_success=True,
            counts_orders=True,
        ),
        Endpoint(
            method="POST",
            path="/api/v3/order/test",
            name="order.test",
            handler=orders.test,
            security=Security.TRADE,
            weight=lambda sent: 20 if sent.flag("computeCommissionRates") else 1,
            parameters=(*_NEW_ORDER, optional("computeCommissionRates", p.boolean)),
            check=orders.check_new_order,
        ),
        Endpoint(
            method="DELETE",
            path="/api/v3/order",
            name="order.cancel",
            handler=orders.cancel,
            security=Security.TRADE,
            parameters=(
                *_ORDER_REFERENCE,
                optional("newClientOrderId", p.client_id),
                _RESTRICTIONS,
            ),
            check=orders.check_reference,
            is_free_on_success=True,
        ),
        Endpoint(
            method="DELETE",
            path="/api/v3/openOrders",
            name="openOrders.cancelAll",
            handler=orders.cancel_all,
            security=Security.TRADE,
            parameters=(_SYMBOL,),
            is_free_on_success=True,
        ),
        Endpoint(
            method="POST",
            path="/api/v3/order/cancelReplace",
            name="order.cancelReplace",
            handler=replacements.cancel_replace,
            security=Security.TRADE,
            parameters=(
                *_NEW_ORDER,
                needed("cancelReplaceMode", p.one_of("STOP_ON_FAILURE", "ALLOW_FAILURE")),
                optional("cancelOrderId", p.integer),
                optional("cancelOrigClientOrderId", p.client_id),
                optional("cancelNewClientOrderId", p.client_id),
                _RESTRICTIONS,
                optional("orderRateLimitExceededMode", p.one_of("DO_NOTHING", "CANCEL_ONLY")),
            ),
            check=replacements.check_cancel_replace,
            is_free_on_success=True,
            counts_orders=True,
        ),
        Endpoint(
            method="PUT",
            path="/api/v3/order/amend/keepPriority",
            name="order.amend.keepPriority",
            handler=replacements.amend,
            security=Security.TRADE,
            weight=4,
            parameters=(
                *_ORDER_REFERENCE,
                optional("newClientOrderId", p.client_id),
                needed("newQty", p.decimal),
            ),
            check=orders.check_reference,
        ),
    ]


def _order_lists() -> list[Endpoint]:
    oco = (
        needed("side", p.side),
        needed("quantity", p.decimal),
        *_list_leg("above"),
        *_list_leg("below"),
    )
    pending = _list_leg("pending")
    two = (*_list_leg("pendingAbove"), *_list_leg("pendingBelow", is_optional=True))
    old_oco = (
        needed("side", p.side),
        needed("quantity", p.decimal),
        needed("price", p.decimal),
        needed("stopPrice", p.decimal),
        optional("stopLimitPrice", p.decimal),
        optional("stopLimitTimeInForce", p.time_in_force),
        optional("limitClientOrderId", p.client_id),
        optional("stopClientOrderId", p.client_id),
        optional("limitIcebergQty", p.decimal),
        optional("stopIcebergQty", p.decimal),
        optional("limitStrategyId", p.integer),
        optional("limitStrategyType", p.strategy_type),
        optional("stopStrategyId", p.integer),
        optional("stopStrategyType", p.strategy_type),
        optional("trailingDelta", p.integer),
    )
    kinds = {
        "oco": (lists.place_oco, oco),
        "oto": (lists.place_oto, (*_WORKING, _PENDING_SIDE, _PENDING_QUANTITY, *pending)),
        "otoco": (lists.place_otoco, (*_WORKING, _PENDING_SIDE, _PENDING_QUANTITY, *two)),
        "opo": (lists.place_opo, (*_WORKING, _PENDING_SIDE, *pending)),
        "opoco": (lists.place_opoco, (*_WORKING, _PENDING_SIDE, *two)),
    }
    reference = (optional("orderListId", p.integer), optional("listClientOrderId", p.client_id))
    return [
        *(
            Endpoint(
                method="POST",
                path=f"/api/v3/orderList/{kind}",
                name=f"orderList.place.{kind}",
                handler=handler,
                security=Security.TRADE,
                parameters=(*_LIST, *legs),
                is_free_on_success=True,
                counts_orders=True,
            )
            for kind, (handler, legs) in kinds.items()
        ),
        Endpoint(
            method="POST",
            path="/api/v3/order/oco",
            name="orderList.place",
            handler=lists.place_old_oco,
            security=Security.TRADE,
            parameters=(*_LIST, *old_oco),
            is_free_on_success=True,
            counts_orders=True,
        ),
        Endpoint(
            method="DELETE",
            path="/api/v3/orderList",
            name="orderList.cancel",
            handler=lists.cancel_list,
            security=Security.TRADE,
            parameters=(_SYMBOL, *reference, optional("newClientOrderId", p.client_id)),
            check=lists.check_list_reference,
            is_free_on_success=True,
        ),
        Endpoint(
            path="/api/v3/orderList",
            name="orderList.status",
            handler=lists.query_list,
            security=Security.USER_DATA,
            weight=4,
            parameters=(
                optional("orderListId", p.integer),
                optional("origClientOrderId", p.client_id),
            ),
            check=lists.check_list_query,
        ),
        Endpoint(
            path="/api/v3/openOrderList",
            name="openOrderLists.status",
            handler=lists.open_lists,
            security=Security.USER_DATA,
            weight=6,
        ),
        Endpoint(
            path="/api/v3/allOrderList",
            name="allOrderLists",
            handler=lists.all_lists,
            security=Security.USER_DATA,
            weight=20,
            parameters=(optional("fromId", p.integer), *_PERIOD, _ROWS),
        ),
    ]


def _private() -> list[Endpoint]:
    return [
        Endpoint(
            path="/api/v3/order",
            name="order.status",
            handler=queries.order,
            security=Security.USER_DATA,
            weight=4,
            parameters=_ORDER_REFERENCE,
            check=orders.check_reference,
        ),
        Endpoint(
            path="/api/v3/order/amendments",
            name="order.amendments",
            handler=queries.amendments,
            security=Security.USER_DATA,
            weight=4,
            parameters=(
                _SYMBOL,
                needed("orderId", p.integer),
                optional("fromExecutionId", p.integer),
                _ROWS,
            ),
        ),
        Endpoint(
            path="/api/v3/openOrders",
            name="openOrders.status",
            handler=queries.open_orders,
            security=Security.USER_DATA,
            weight=_one_or_all(6, 80),
            parameters=(optional("symbol", p.symbol),),
        ),
        Endpoint(
            path="/api/v3/allOrders",
            name="allOrders",
            handler=queries.all_orders,
            security=Security.USER_DATA,
            weight=20,
            parameters=(_SYMBOL, optional("orderId", p.integer), *_PERIOD, _ROWS),
        ),
        Endpoint(
            path="/api/v3/myTrades",
            name="myTrades",
            handler=queries.my_trades,
            security=Security.USER_DATA,
            weight=lambda sent: 5 if "orderId" in sent else 20,
            parameters=(
                _SYMBOL,
                optional("orderId", p.integer),
                *_PERIOD,
                optional("fromId", p.integer),
                _ROWS,
            ),
            check=queries.check_my_trades,
        ),
        Endpoint(
            path="/api/v3/rateLimit/order",
            name="account.rateLimits.orders",
            handler=account.order_limits,
            security=Security.USER_DATA,
            weight=40,
        ),
        Endpoint(
            path="/api/v3/account",
            name="account.status",
            handler=account.account,
            security=Security.USER_DATA,
            weight=20,
            parameters=(optional("omitZeroBalances", p.boolean),),
        ),
        Endpoint(
            path="/api/v3/account/commission",
            name="account.commission",
            handler=account.commission,
            security=Security.USER_DATA,
            weight=20,
            parameters=(_SYMBOL,),
        ),
        Endpoint(
            path="/api/v3/myFilters",
            name="myFilters",
            handler=account.my_filters,
            security=Security.USER_DATA,
            weight=40,
            parameters=(_SYMBOL,),
        ),
        Endpoint(
            path="/api/v3/myPreventedMatches",
            name="myPreventedMatches",
            handler=queries.prevented_matches,
            security=Security.USER_DATA,
            weight=lambda sent: 20 if "orderId" in sent else 2,
            parameters=(
                _SYMBOL,
                optional("preventedMatchId", p.integer),
                optional("orderId", p.integer),
                optional("fromPreventedMatchId", p.integer),
                _ROWS,
            ),
        ),
        Endpoint(
            path="/api/v3/myAllocations",
            name="myAllocations",
            handler=queries.allocations,
            security=Security.USER_DATA,
            weight=20,
            parameters=(
                _SYMBOL,
                *_PERIOD,
                optional("fromAllocationId", p.integer),
                optional("orderId", p.integer),
                _ROWS,
            ),
        ),
    ]


def _sapi() -> list[Endpoint]:
    return [
        Endpoint(path="/sapi/v1/system/status", handler=wallet.system_status, weight=0),
        Endpoint(
            path="/sapi/v1/account/apiRestrictions",
            handler=wallet.api_restrictions,
            security=Security.USER_DATA,
            weight=0,
        ),
        Endpoint(
            path="/sapi/v1/capital/config/getall",
            handler=wallet.coins,
            security=Security.USER_DATA,
            weight=0,
        ),
    ]


def every_endpoint() -> list[Endpoint]:
    """Give all calls, with REST paths and WebSocket API names."""
    return [*_public(), *_trading(), *_order_lists(), *_private(), *_sapi()]
