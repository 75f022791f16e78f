"""Every REST call that the simulated exchange answers.

Source: Coinbase "Advanced Trade API Endpoints", 2026-06.
"""

from typing import Final

from venuekit_coinbase.sim import accounts, market_data, orders, queries
from venuekit_coinbase.sim.calls import Endpoint, Handler

PREFIX: Final = "/api/v3/brokerage"
_VIEW: Final = "can_view"
_TRADE: Final = "can_trade"


def every_endpoint() -> list[Endpoint]:
    """Give all calls; paths without a variable come before those with one."""
    public: list[tuple[str, Handler]] = [
        (f"{PREFIX}/time", market_data.server_time),
        (f"{PREFIX}/market/products", market_data.list_products),
        (f"{PREFIX}/market/product_book", market_data.product_book),
        (f"{PREFIX}/market/products/{{id}}", market_data.get_product),
        (f"{PREFIX}/market/products/{{id}}/candles", market_data.candles),
        (f"{PREFIX}/market/products/{{id}}/ticker", market_data.ticker),
        ("/v2/time", market_data.old_time),
        ("/v2/currencies", market_data.old_currencies),
        ("/v2/currencies/crypto", market_data.old_crypto),
        ("/v2/exchange-rates", market_data.old_rates),
    ]
    private: list[tuple[str, str, Handler, str]] = [
        ("GET", "accounts", accounts.list_accounts, _VIEW),
        ("GET", "accounts/{id}", accounts.get_account, _VIEW),
        ("GET", "transaction_summary", accounts.transaction_summary, _VIEW),
        ("GET", "key_permissions", accounts.key_permissions, _VIEW),
        ("GET", "portfolios", accounts.portfolios, _VIEW),
        ("GET", "payment_methods", accounts.payment_methods, _VIEW),
        ("GET", "products", market_data.list_products, _VIEW),
        ("GET", "products/{id}", market_data.get_product, _VIEW),
        ("GET", "products/{id}/candles", market_data.candles, _VIEW),
        ("GET", "products/{id}/ticker", market_data.ticker, _VIEW),
        ("GET", "product_book", market_data.product_book, _VIEW),
        ("GET", "best_bid_ask", market_data.best_bid_ask, _VIEW),
        ("GET", "orders/historical/batch", queries.list_orders, _VIEW),
        ("GET", "orders/historical/fills", queries.list_fills, _VIEW),
        ("GET", "orders/historical/{id}", queries.get_order, _VIEW),
        ("POST", "orders", orders.create, _TRADE),
        ("POST", "orders/batch_cancel", orders.cancel, _TRADE),
        ("POST", "orders/edit", orders.edit, _TRADE),
        ("POST", "orders/edit_preview", orders.edit_preview, _VIEW),
        ("POST", "orders/preview", orders.preview, _VIEW),
        ("POST", "orders/close_position", orders.close_position, _TRADE),
    ]
    return [
        *(Endpoint(method="GET", path=path, handler=handler) for path, handler in public),
        *(
            Endpoint(method=method, path=f"{PREFIX}/{path}", handler=handler, permission=needed)
            for method, path, handler, needed in private
        ),
    ]
