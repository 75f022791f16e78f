"""Orders, fills and balances. Source: HTTP API, "Orders", "Transactions (private)", 2026."""

from collections.abc import Generator, Sequence
from typing import Any

import venuekit.model as vm
import venuekit.plugin as vk
from venuekit.plugin import Answer, Call, CallKind, Members
from venuekit_bitstamp.markets import SIDES, S
from venuekit_bitstamp.wire import post

_PAGE = 1000
_TRADE = "2"
_FLAGS = {vm.TimeInForce.IOC: "ioc_order", vm.TimeInForce.FOK: "fok_order"}
_OPEN = vm.OrderPhase.OPEN
_PHASES = {"Open": _OPEN, "In Queue": _OPEN, "Cancel pending": _OPEN}
_PHASES |= {"Finished": vm.OrderPhase.FILLED, "Canceled": vm.OrderPhase.CANCELED}
_PHASES |= {"Expired": vm.OrderPhase.EXPIRED}


class Orders(vk.Place, vk.Cancel, vk.CancelAll, vk.CancelEverything, vk.QueryOrders, vk.Account):
    """Places and cancels orders, and answers for them and for the account."""

    def place(self, request: vm.OrderRequest, instrument: vm.Instrument) -> Call[vm.Order]:
        """Place a limit order, a market order, or an instant one, whose amount is in the quote.

        Raises ValueError for what Bitstamp does not take.
        """
        form = {"client_order_id": str(request.client_order_id)}
        kind = ""
        if request.options or request.time_in_force is vm.TimeInForce.GTD:
            raise ValueError("Bitstamp takes no options and no GTD here")
        if request.type is vm.OrderType.LIMIT and request.price is not None:
            form["price"] = vm.plain(request.price)
            form |= {"moc_order": "True"} if request.post_only else {}
            form |= {_FLAGS[tif]: "True" for tif in (request.time_in_force,) if tif in _FLAGS}
        elif request.type is not vm.OrderType.MARKET:
            raise ValueError(f"Bitstamp takes limit and market orders, not {request.type.value}")
        elif request.quote_quantity is not None:
            kind = "instant/"
            form |= {"amount_in_counter": "True"} if request.side is vm.Side.SELL else {}
        else:
            kind = "market/"
        amount = request.quote_quantity or request.quantity
        form["amount"] = vm.plain(amount) if amount is not None else ""

        def read(answer: Answer) -> vm.Order:
            row = Members.of(answer)
            return vm.Order(
                symbol=instrument.symbol,
                side=request.side,
                type=request.type,
                phase=_OPEN,  # whatever it came to: no answer says
                client_order_id=request.client_order_id,
                exchange_order_id=vm.ExchangeOrderId(row.text("id")),
                quantity=request.quantity,
                quote_quantity=request.quote_quantity,
                price=request.price,
                time_in_force=request.time_in_force,
                post_only=request.post_only,
                created_ns=row.moment_ns("datetime"),
            )

        return post(
            "place order",
            f"/api/v2/{request.side.value}/{kind}{instrument.native}/",
            read,
            form.items(),
            kind=CallKind.PLACE,
            client_order_id=request.client_order_id,
        )

    def cancel(self, ref: vm.OrderRef, instrument: vm.Instrument) -> Call[None]:
        """Cancel one order; what had traded by then, the answer does not say."""
        return post(
            "cancel order",
            "/api/v2/cancel_order/",
            _read_taken,
            _named(ref),
            kind=CallKind.CANCEL,
            client_order_id=ref.client_order_id,
        )

    def cancel_all(self, instrument: vm.Instrument) -> Call[Sequence[vm.OrderRef]]:
        """Cancel everything open on a market."""

        def read(answer: Answer) -> list[vm.OrderRef]:
            rows = Members.of(answer).rows("canceled")
            ids = (vm.ExchangeOrderId(row.text("id")) for row in rows)
            return [vm.OrderRef(symbol=instrument.symbol, exchange_order_id=id_) for id_ in ids]

        path = f"/api/v2/cancel_all_orders/{instrument.native}/"
        return post("cancel all orders of a market", path, read, kind=CallKind.CANCEL)

    def cancel_everything(self) -> Call[int]:
        """Cancel everything open."""
        path = "/api/v2/cancel_all_orders/"
        return post("cancel all orders", path, _count_canceled, kind=CallKind.CANCEL)

    def fetch_order(self, ref: vm.OrderRef, instrument: vm.Instrument) -> Call[vm.Order]:
        """Ask for one order, by either id; ended ones are known for 30 days."""

        def read(answer: Answer) -> vm.Order:
            row = Members.of(answer)
            fills = tuple(
                _fill(each, instrument, row.text("id"), row.one_of("type", SIDES), "tid")
                for each in row.rows("transactions")
            )
            filled = vm.exact_sum(fill.quantity for fill in fills)
            phase = row.one_of("status", _PHASES)
            left = row.amount_or_none("amount_remaining")
            return vm.Order(
                symbol=instrument.symbol,
                side=row.one_of("type", SIDES),
                type=vm.OrderType.LIMIT,  # not told; of an order of ours it is known
                phase=vm.OrderPhase.PARTIALLY_FILLED if phase is _OPEN and filled else phase,
                client_order_id=_client_id(row),
                exchange_order_id=vm.ExchangeOrderId(row.text("id")),
                quantity=None if left is None else vm.exact_sum((filled, left)),
                filled=filled,
                fills=fills,
                created_ns=row.moment_ns("datetime"),
            )

        return post("fetch order", "/api/v2/order_status/", read, _named(ref))

    def fetch_open_orders(self, instrument: vm.Instrument | None) -> Call[Sequence[vm.Order]]:
        """Ask for open orders; Bitstamp's own list is up to ten seconds old."""

        def read(answer: Answer) -> list[vm.Order]:
            rows = Members.list_of(answer)
            return [_open_order(row) for row in rows if row.text("market") in self.instruments]

        path = "" if instrument is None else f"{instrument.native}/"
        return post("fetch open orders", f"/api/v2/open_orders/{path}", read)

    def fetch_orders(
        self, instrument: vm.Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[vm.Order]]:
        """Ask for open orders and those that traded: no query has those that did neither."""
        found = yield self.fetch_open_orders(instrument)
        fills = yield from self.fetch_fills(
            instrument, order=None, since_ns=since_ns, until_ns=until_ns, limit=_PAGE
        )
        known = {order.exchange_order_id for order in found}
        for id_ in list(dict.fromkeys(fill.exchange_order_id for fill in fills))[-limit:]:
            if id_ not in known:
                ref = vm.OrderRef(symbol=instrument.symbol, exchange_order_id=id_)
                found.append((yield self.fetch_order(ref, instrument)))
        low, high = since_ns or 0, until_ns or 10**19
        wanted = [order for order in found if low <= order.created_ns <= high]
        return sorted(wanted, key=lambda order: (order.created_ns, order.exchange_order_id))[
            -limit:
        ]

    def fetch_fills(
        self,
        instrument: vm.Instrument,
        *,
        order: vm.OrderRef | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Generator[Call[Any], Any, Sequence[vm.Fill]]:
        """Ask for fills; those of one order come with its state."""
        if order is not None:
            fills: Sequence[vm.Fill] = (yield self.fetch_order(order, instrument)).fills
        else:
            fills = yield from _transactions(instrument, since_ns, until_ns, limit)
        low, high = since_ns or 0, until_ns or 10**19
        wanted = [fill for fill in fills if low <= fill.time_ns <= high]
        wanted.sort(key=lambda fill: (fill.time_ns, int(fill.trade_id)))
        return wanted[-limit:] if since_ns is None else wanted[:limit]

    def fetch_balances(self) -> Call[Sequence[vm.Balance]]:
        """Ask for all balances that are not zero."""
        return post("fetch balances", "/api/v2/account_balances/", _read_balances)

    def fetch_fees(self, instrument: vm.Instrument) -> Call[vm.FeeRates]:
        """Ask what the account pays on a market, which Bitstamp tells in percent."""

        def read(answer: Answer) -> vm.FeeRates:
            fees = Members.of(answer).members("fees")
            maker, taker = (fees.amount(name) / 100 for name in ("maker", "taker"))
            return vm.FeeRates(symbol=instrument.symbol, maker=maker, taker=taker)

        return post("fetch fees", f"/api/v2/fees/trading/{instrument.native}/", read)


def _named(ref: vm.OrderRef) -> list[tuple[str, str]]:
    if ref.exchange_order_id is not None:
        return [("id", ref.exchange_order_id)]
    return [("client_order_id", str(ref.client_order_id))]


def _client_id(row: Members) -> vm.ClientOrderId | None:
    text = row.text_or_none("client_order_id")
    return None if text is None else vm.ClientOrderId(text)


def _read_taken(answer: Answer) -> None:
    Members.of(answer).text("id")


def _count_canceled(answer: Answer) -> int:
    return len(Members.of(answer).rows("canceled"))


def _transactions(
    instrument: vm.Instrument, since_ns: int | None, until_ns: int | None, limit: int
) -> Generator[Call[Any], Any, list[vm.Fill]]:
    """Ask page by page: from `since_ns` on the oldest first, else the newest first."""
    form = {"limit": str(_PAGE), "sort": "desc" if since_ns is None else "asc"}
    form |= {"since_timestamp": str(since_ns // S)} if since_ns else {}
    form |= {"until_timestamp": str(-(-until_ns // S))} if until_ns else {}
    found: list[vm.Fill] = []
    path = f"/api/v2/user_transactions/{instrument.native}/"
    for offset in range(0, 200_000, _PAGE):
        fields = {**form, "offset": str(offset)}.items()
        rows: list[Members] = yield post("fetch fills", path, Members.list_of, fields)
        for row in rows:
            if row.text("type") == _TRADE:
                side = vm.Side.SELL if row.number(instrument.base.lower()) < 0 else vm.Side.BUY
                found.append(_fill(row, instrument, row.text("order_id"), side, "id"))
        if len(rows) < _PAGE or len(found) >= limit:
            break
    return found


def _fill(
    row: Members, instrument: vm.Instrument, order_id: str, side: vm.Side, name: str
) -> vm.Fill:
    base, quote = instrument.base.lower(), instrument.quote.lower()
    return vm.Fill(
        symbol=instrument.symbol,
        trade_id=row.text(name),
        exchange_order_id=vm.ExchangeOrderId(order_id),
        side=side,
        price=row.amount("price" if "price" in row else f"{base}_{quote}"),
        quantity=abs(row.number(base)),
        fee=vm.Fee(row.number("fee"), instrument.quote),
        time_ns=row.moment_ns("datetime"),
    )


def _open_order(row: Members) -> vm.Order:
    quantity = row.amount("amount_at_create")
    filled = vm.exact_sum((quantity, -row.amount("amount")))
    return vm.Order(
        symbol=vm.Symbol(row.text("market")),
        side=row.one_of("type", SIDES),
        type=vm.OrderType.LIMIT,
        phase=vm.OrderPhase.PARTIALLY_FILLED if filled else _OPEN,
        client_order_id=_client_id(row),
        exchange_order_id=vm.ExchangeOrderId(row.text("id")),
        quantity=quantity,
        price=row.amount("price"),
        filled=filled,
        created_ns=row.moment_ns("datetime"),
    )


def _read_balances(answer: Answer) -> list[vm.Balance]:
    found = (
        vm.Balance(
            asset=row.text("currency").upper(),
            free=row.amount("available"),
            locked=row.amount("reserved"),
        )
        for row in Members.list_of(answer)
    )
    return [balance for balance in found if balance.total]
