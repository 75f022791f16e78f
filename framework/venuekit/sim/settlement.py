"""What a trade does to the balances of the two who traded, and of the fee account."""

from collections.abc import Callable
from decimal import Decimal

import attrs

from venuekit.sim.accounts import Account, fee_of
from venuekit.sim.book import LiveOrder
from venuekit.sim.money import ZERO
from venuekit.sim.orders import Fill, Market, Trade

PriceOf = Callable[[str, str], Decimal | None]
"""Gives what one unit of the first asset is worth in the second, None where nobody knows."""


@attrs.frozen
class Settlement:
    """Moves money for trades. What one account loses, others gain."""

    fee_account: Account
    price_of: PriceOf

    def settle(self, order: LiveOrder, trade: Trade, market: Market, *, is_maker: bool) -> Fill:
        """Book one side of a trade on an order whose executed quantity already counts it."""
        quote = trade.price * trade.quantity
        paid, got = (quote, trade.quantity) if order.is_buy else (trade.quantity, quote)
        asset = market.base if order.is_buy else market.quote
        if order.budget is not None:
            order.budget -= paid
        # The other leg of an OCO expires once the trade is told; its part is free for fees now.
        order.reservation.abandon_others(order.order_id)
        order.reservation.change(order.order_id, order.need(), paid=paid)
        order.account.move(asset, free=got)
        fee, fee_asset = self._charge(order, got, trade, market, is_maker=is_maker)
        return Fill(
            account=order.account.name,
            market=market.name,
            order_id=order.order_id,
            list_id=None if order.live_list is None else order.live_list.list_id,
            trade_id=trade.trade_id,
            side=order.side,
            price=trade.price,
            quantity=trade.quantity,
            quote_quantity=quote,
            fee=fee,
            fee_asset=fee_asset,
            is_maker=is_maker,
            time_ns=trade.time_ns,
        )

    def _charge(
        self, order: LiveOrder, got: Decimal, trade: Trade, market: Market, *, is_maker: bool
    ) -> tuple[Decimal, str]:
        account = order.account
        asset, decimals = market.quote, market.quote_decimals
        if order.is_buy:
            asset, decimals = market.base, market.base_decimals
        rates = account.rates(market.name)
        rate = rates.maker if is_maker else rates.taker
        if not rate:
            return ZERO, asset
        worth = trade.quantity * trade.price * rate
        fee = self._discounted(account, got * rate, asset, worth, market.quote)
        if fee is None:
            fee = fee_of(got, rate, decimals)
        elif account.discount is not None:
            asset = account.discount.asset
        account.move(asset, free=-fee)
        self.fee_account.move(asset, free=fee)
        return fee, asset

    def _discounted(
        self, account: Account, amount: Decimal, asset: str, worth: Decimal, quote: str
    ) -> Decimal | None:
        """Give the fee in the discount asset, None if it cannot be paid in that.

        What is received in the base asset is converted at the price of the trade itself, then
        from the quote asset at the last price.
        """
        discount = account.discount
        if discount is None:
            return None
        if discount.asset == asset:
            fee = fee_of(amount, discount.multiplier, discount.decimals)
        else:
            price = self.price_of(quote, discount.asset)
            if price is None:
                return None
            fee = fee_of(worth * discount.multiplier, price, discount.decimals)
        return fee if account.can_pay(discount.asset, fee) else None
