"""All calls of REST by name, with what a key needs for them and what they cost."""

from typing import Final

from venuekit_kraken.sim import public, queries, trading
from venuekit_kraken.sim.calls import Method

PUBLIC: Final = {
    "Time": public.time,
    "SystemStatus": public.system_status,
    "Assets": public.assets,
    "AssetPairs": public.asset_pairs,
    "Ticker": public.ticker,
    "OHLC": public.ohlc,
    "Depth": public.depth,
    "Trades": public.trades,
    "Spread": public.spread,
}
BY_PAIR: Final = frozenset({"OHLC", "Trades"})
"""Public calls that are counted for each pair."""
_FUNDS: Final = (("query-funds",),)
_OPEN: Final = (("query-open-trades",),)
_CLOSED: Final = (("query-closed-trades",),)
_ANY_TRADES: Final = (("query-open-trades", "query-closed-trades"),)
_LEDGER: Final = (("query-ledger",),)
MODIFY: Final = (("modify-trades",),)
CANCEL: Final = (("modify-trades", "close-trades"),)
BOTH: Final = (("modify-trades",), ("close-trades",))
PRIVATE: Final = {
    "Balance": Method(queries.balance, _FUNDS),
    "BalanceEx": Method(queries.balance_ex, _FUNDS),
    "TradeBalance": Method(queries.trade_balance, _FUNDS),
    "TradeVolume": Method(queries.trade_volume, _FUNDS),
    "OpenOrders": Method(queries.open_orders, _OPEN),
    "ClosedOrders": Method(queries.closed_orders, _CLOSED, is_history=True),
    "QueryOrders": Method(queries.query_orders, _ANY_TRADES),
    "OrderAmends": Method(queries.order_amends, _ANY_TRADES),
    "TradesHistory": Method(queries.trades_history, _CLOSED, is_history=True),
    "QueryTrades": Method(queries.query_trades, _CLOSED),
    "Ledgers": Method(queries.ledgers, _LEDGER, is_history=True),
    "QueryLedgers": Method(queries.query_ledgers, _LEDGER),
    "GetWebSocketsToken": Method(queries.websockets_token, (("create-ws-token",),)),
    "GetApiKeyInfo": Method(queries.api_key_info),
    "AddOrder": Method(trading.add_order, MODIFY, 0),
    "AddOrderBatch": Method(trading.add_order_batch, BOTH, 0),
    "AmendOrder": Method(trading.amend_order, MODIFY, 0),
    "EditOrder": Method(trading.edit_order, BOTH, 0),
    "CancelOrder": Method(trading.cancel_order, CANCEL, 0),
    "CancelOrderBatch": Method(trading.cancel_order_batch, CANCEL, 0),
    "CancelAll": Method(trading.cancel_all, CANCEL, 0),
    "CancelAllOrdersAfter": Method(trading.cancel_all_orders_after, CANCEL, 0),
}
