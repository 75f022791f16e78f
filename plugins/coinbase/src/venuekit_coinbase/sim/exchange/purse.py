"""What orders hold, pay and receive.

The matching engine locks what an order trades with and knows no commission, which is paid in the
quote asset: a purchase holds it on top, a sale has it taken from what it brings.
Source: Coinbase Exchange docs, "Fees"; how much is held for them is our own choice.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Final

from venuekit.sim.engine import Engine
from venuekit.sim.money import ROUNDED, exact
from venuekit.sim.orders import Fill, Side
from venuekit_coinbase.sim.exchange.records import Draft, OrderRecord
from venuekit_coinbase.sim.purse import FEE_ACCOUNT, RATES

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_UNIT: Final = Decimal("0.00000001")


class Purse:
    """Moves money for orders; what one account loses, others gain."""

    def __init__(self, engine: Engine, worth: Callable[[str, Decimal], Decimal]) -> None:
        """Begin.

        Args:
            engine: Where balances are.
            worth: Gives what buying a size of a product costs now.
        """
        self._engine = engine
        self._worth = worth

    def available(self, account: str, asset: str) -> Decimal:
        """Give what is free of an asset."""
        balance = self._engine.balances(account).get(asset)
        return _ZERO if balance is None else balance.free

    @exact
    def needs(self, draft: Draft) -> tuple[Decimal, Decimal]:
        """Give what an order takes from the account, and what of it the matching engine gets."""
        if draft.side is Side.SELL:
            if draft.size is not None:
                return draft.size, draft.size
            return _ZERO, _ZERO  # by funds: the engine says whether there is enough
        if draft.funds is not None:
            return draft.funds, net_of_fees(draft.funds)
        assert draft.size is not None
        if draft.price is None:
            traded = self._worth(draft.spec.product_id, draft.size)
        else:
            traded = draft.price * draft.size
        return traded * (_ONE + rate_of(draft)), traded

    def can_pay(self, account: str, draft: Draft) -> bool:
        """Say whether there is enough for an order now."""
        return self.available(account, draft.pays_with) >= self.needs(draft)[0]

    def hold(self, record: OrderRecord, now_ns: int) -> None:
        """Set aside what a pending order needs, if there is as much."""
        if self.can_pay(record.account, record.draft):
            record.escrow = self.needs(record.draft)[0]
            self._engine.withdraw(record.account, record.draft.pays_with, record.escrow, now_ns)

    @exact
    def lodge(self, record: OrderRecord, now_ns: int) -> None:
        """Give the engine what an order trades with, and keep what its commission may come to.

        Raises:
            Rejection: INSUFFICIENT_BALANCE.
        """
        self.release(record, now_ns)
        total, traded = self.needs(record.draft)
        if record.draft.side is Side.BUY:
            self._engine.withdraw(record.account, record.draft.pays_with, total, now_ns)
            self._engine.deposit(record.account, record.draft.pays_with, traded, now_ns)
            record.escrow = total - traded

    @exact
    def release(self, record: OrderRecord, now_ns: int) -> None:
        """Give back what is set aside."""
        if record.escrow:
            self._engine.deposit(record.account, record.draft.pays_with, record.escrow, now_ns)
            record.escrow = _ZERO

    @exact
    def settle(self, record: OrderRecord, fill: Fill, now_ns: int) -> Decimal:
        """Take the commission of one fill, and give it."""
        fee = fill.quote_quantity * (RATES.maker if fill.is_maker else RATES.taker)
        quote, from_escrow = record.draft.spec.quote, _ZERO
        if record.draft.side is Side.BUY:
            from_escrow = min(fee, record.escrow)
            record.escrow -= from_escrow
        rest = min(fee - from_escrow, self.available(record.account, quote))
        if rest:
            self._engine.withdraw(record.account, quote, rest, now_ns)
        paid = from_escrow + rest
        if paid:
            self._engine.deposit(FEE_ACCOUNT, quote, paid, now_ns)
        return paid


def rate_of(draft: Draft) -> Decimal:
    """Give the rate of the commission that is held for an order."""
    return RATES.maker if draft.post_only else RATES.taker


@exact
def net_of_fees(funds: Decimal) -> Decimal:
    """Give what of an order's funds is traded when a taker's commission is paid from them too."""
    bare = ROUNDED.divide(funds, _ONE + RATES.taker)
    return bare.quantize(_UNIT, rounding=ROUND_DOWN, context=ROUNDED)
