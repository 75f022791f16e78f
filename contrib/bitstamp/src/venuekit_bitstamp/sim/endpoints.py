"""What the simulated Bitstamp answers. Source: HTTP API, as of February 2026."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from venuekit.sim.dialect import SimAnswer
from venuekit.sim.orders import (
    Fill,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Rejection,
    RejectReason,
    Side,
    TimeInForce,
)
from venuekit_bitstamp.sim.world import (
    FEES,
    SECOND_NS,
    SPECS,
    Spec,
    World,
    fee_of,
    id_of,
    written,
)

_PAGE: Final = 1000
_STALE_NS: Final = 10 * SECOND_NS
_KNOWN_NS: Final = 30 * 86_400 * SECOND_NS
_STATES: Final = {
    OrderStatus.FILLED: "Finished",
    OrderStatus.CANCELED: "Canceled",
    OrderStatus.EXPIRED: "Canceled",
    OrderStatus.EXPIRED_IN_MATCH: "Canceled",
}
_REJECTIONS: Final = {
    RejectReason.INSUFFICIENT_BALANCE: ("400.009", "Check your account balance for details."),
    RejectReason.NO_LIQUIDITY: ("500.015", "There are currently no orders for provided market."),
    RejectReason.QUANTITY_TOO_SMALL: ("400.046", "Provided order amount is too low."),
    RejectReason.MARKET_CLOSED: ("400.003", "Trading for provided market is disabled."),
}
PERPETUAL: Final = {
    "name": "BTC/USD-PERP",
    "market_symbol": "btcusd-perp",
    "base_currency": "BTC",
    "base_decimals": 5,
    "counter_currency": "USD",
    "counter_decimals": 0,
    "minimum_order_value": "10",
    "trading": "Enabled",
    "instant_order_counter_decimals": 2,
    "instant_and_market_orders": "Enabled",
    "description": "Bitcoin / U.S. dollar Perpetual",
    "market_type": "PERPETUAL",
    "payoff_type": "Linear",
    "contract_size": "1.00000000",
}


class Refusal(Exception):  # what happens to a request
    """A request is answered with an error."""

    def __init__(self, code: str, reason: str, *, status: int = 400) -> None:
        """Refuse with a response code and its explanation."""
        self.code, self.reason, self.status = code, reason, status
        super().__init__(f"{code} {reason}")


def as_json(value: Any, status: int = 200) -> SimAnswer:
    """Write an answer."""
    return SimAnswer(status, (("Content-Type", "application/json"),), json.dumps(value).encode())


class Endpoints:
    """Answers by path: the public ones, and those of an account."""

    def __init__(self, world: World) -> None:
        """Answer for `world`."""
        self._world = world
        self._lists: dict[tuple[str, str], tuple[int, list[dict[str, Any]]]] = {}

    # For everybody

    def public(self, parts: list[str], query: Mapping[str, str], now_ns: int) -> Any:
        """Answer a question of anybody; None where there is no such path."""
        match parts:
            case ["markets"]:
                return [*(spec.row() for spec in SPECS.values()), PERPETUAL]
            case ["ticker"]:
                rows = [
                    {**self._ticker(s, now_ns), "pair": s.name, "market": s.name}
                    for s in SPECS.values()
                ]
                return [*rows, {**rows[0], "pair": "BTC/USD-PERP", "market": "BTC/USD-PERP"}]
            case ["ticker", symbol]:
                return self._ticker(_spec(symbol), now_ns)
            case ["order_book", symbol]:
                return self.book(_spec(symbol).symbol, None, now_ns)
            case ["transactions", symbol]:
                return self._trades(_spec(symbol), query.get("time", "hour"), now_ns)
            case ["ohlc", symbol]:
                return self._candles(_spec(symbol), query, now_ns)
        return None

    def book(self, symbol: str, levels: int | None, now_ns: int) -> dict[str, Any]:
        """Give a book, as answers and frames have it."""
        depth = self._world.engine.depth(symbol, levels)
        decimals = SPECS[symbol].base_decimals
        return {
            "timestamp": str(now_ns // SECOND_NS),
            "microtimestamp": str(now_ns // 1000),
            "bids": [[str(q.price), f"{q.quantity:.{decimals}f}"] for q in depth.bids],
            "asks": [[str(q.price), f"{q.quantity:.{decimals}f}"] for q in depth.asks],
        }

    def _ticker(self, spec: Spec, now_ns: int) -> dict[str, Any]:
        engine = self._world.engine
        day = engine.statistics(spec.symbol, now_ns)
        bid, ask = engine.best_bid(spec.symbol), engine.best_ask(spec.symbol)
        return {
            "timestamp": str(now_ns // SECOND_NS),
            "open": str(day.open) if day else None,
            "high": str(day.high) if day else None,
            "low": str(day.low) if day else None,
            "last": str(day.close) if day else None,
            "volume": f"{day.volume:.8f}" if day else "0.00000000",
            "vwap": str(day.close) if day else None,
            "bid": str(bid.price) if bid else None,
            "ask": str(ask.price) if ask else None,
            "side": "0",
        }

    def _trades(self, spec: Spec, span: str, now_ns: int) -> list[dict[str, str]]:
        seconds = {"minute": 60, "hour": 3600, "day": 86_400}.get(span)
        if seconds is None:
            raise Refusal("400.007", "Invalid time parameter.")
        since_ns = now_ns - seconds * SECOND_NS
        trades = [t for t in self._world.engine.trades(spec.symbol) if t.time_ns >= since_ns]
        return [
            {
                "date": str(trade.time_ns // SECOND_NS),
                "tid": str(trade.trade_id),
                "amount": f"{trade.quantity:.8f}",
                "type": _type(trade.taker_side),
                "price": str(trade.price),
            }
            for trade in reversed(trades)
        ]

    def _candles(self, spec: Spec, query: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        step, limit = query.get("step", ""), query.get("limit", "")
        if not step.isdecimal() or not limit.isdecimal() or not 0 < int(limit) <= _PAGE:
            raise Refusal("400.007", "Must be between 1 and 1000.")
        span_ns = int(step) * SECOND_NS
        end_ns = int(query["end"]) * SECOND_NS + 1 if "end" in query else now_ns
        start_ns = end_ns - int(limit) * span_ns
        if "start" in query and "end" not in query:
            start_ns = int(query["start"]) * SECOND_NS
            end_ns = min(end_ns, start_ns + int(limit) * span_ns)
        found = self._world.engine.candles(spec.symbol, span_ns, max(start_ns, 0), end_ns)
        rows = [
            {
                "timestamp": str(candle.open_ns // SECOND_NS),
                **{name: str(getattr(candle, name)) for name in ("open", "high", "low", "close")},
                "volume": f"{candle.volume:.8f}",
            }
            for candle in found
        ]
        return {"data": {"pair": spec.name, "market": spec.name, "ohlc": rows}}

    # For an account

    def private(self, parts: list[str], form: Mapping[str, str], who: str, now_ns: int) -> Any:
        """Answer a request of an account; None where there is no such path."""
        match parts:
            case [("buy" | "sell") as side, symbol]:
                return self._place(Side(side), "limit", _spec(symbol), form, who, now_ns)
            case [("buy" | "sell") as side, ("market" | "instant") as kind, symbol]:
                return self._place(Side(side), kind, _spec(symbol), form, who, now_ns)
            case ["cancel_order"]:
                return self._cancel(form, who, now_ns)
            case ["cancel_all_orders", *symbols]:
                return self._cancel_all(symbols, who, now_ns)
            case ["order_status"]:
                return self._status(form, who, now_ns)
            case ["open_orders", *symbols]:
                # "all" is how the older documents, and other clients, write it.
                is_all = symbols in ([], ["all"])
                return self._open("" if is_all else _spec(symbols[0]).symbol, who, now_ns)
            case ["user_transactions", symbol]:
                return self._transactions(_spec(symbol), form, who)
            case ["account_balances"]:
                held = self._world.engine.balances(who)
                return [
                    {
                        "currency": asset.lower(),
                        "total": f"{balance.free + balance.locked:f}",
                        "available": f"{balance.free:f}",
                        "reserved": f"{balance.locked:f}",
                    }
                    for asset, balance in held.items()
                ]
            case ["fees", "trading"]:
                return [_fees(symbol) for symbol in SPECS]
            case ["fees", "trading", symbol]:
                return _fees(_spec(symbol).symbol)
        return None

    def _place(
        self, side: Side, kind: str, spec: Spec, form: Mapping[str, str], who: str, now_ns: int
    ) -> dict[str, Any]:
        amount = _number(form, "amount")
        price = _number(form, "price") if kind == "limit" else None
        flags = {name: form.get(name) == "True" for name in ("ioc_order", "fok_order", "moc_order")}
        if sum(flags.values()) > 1:
            raise Refusal("400.024", "Only one of optional parameters can be set.")
        in_counter = kind == "instant" and (
            side is Side.BUY or form.get("amount_in_counter") == "True"
        )
        _checked_decimals("amount", amount, 2 if in_counter else spec.base_decimals)
        if price is not None:
            _checked_decimals("price", price, spec.counter_decimals)
        self._checked_value(spec, side, amount, price, in_counter=in_counter)
        flow = TimeInForce.IOC if flags["ioc_order"] else TimeInForce.GTC
        request = OrderRequest(
            account=who,
            market=spec.symbol,
            side=side,
            type=OrderType.LIMIT if kind == "limit" else OrderType.MARKET,
            client_order_id="",
            quantity=None if in_counter else amount,
            quote_quantity=amount if in_counter else None,
            price=price,
            time_in_force=TimeInForce.FOK if flags["fok_order"] else flow,
            post_only=flags["moc_order"],
        )
        client_order_id = form.get("client_order_id", "")
        if len(client_order_id) > 180:
            raise Refusal("400.008", "POST parameter(s) is malformed: client_order_id.")
        try:
            order = self._world.place(request, client_order_id, now_ns)
        except Rejection as rejection:
            refused = ("500.017", "Order rejected by matching engine.")
            raise Refusal(*_REJECTIONS.get(rejection.reason, refused)) from None
        named = {"client_order_id": client_order_id} if client_order_id else {}
        return {
            "id": str(id_of(order.market, order.order_id)),
            "market": spec.name,
            "datetime": written(now_ns),
            "type": _type(side),
            "price": str(price if price is not None else self._last(spec)),
            "amount": str(amount),
            **named,
        }

    def _last(self, spec: Spec) -> Decimal:
        trade = self._world.engine.last_trade(spec.symbol)
        return trade.price if trade is not None else Decimal(spec.start_price)

    def _checked_value(
        self, spec: Spec, side: Side, amount: Decimal, price: Decimal | None, *, in_counter: bool
    ) -> None:
        last = self._last(spec)
        value = amount if in_counter else amount * (price if price is not None else last)
        if value < Decimal(spec.minimum):
            raise Refusal("400.020", f"Minimum order size is {spec.minimum} {spec.counter}.")
        if price is None:
            return
        if side is Side.BUY and price > last * Decimal("1.2"):
            raise Refusal("400.021", "Price is more than 20% above market price.")
        if side is Side.SELL and price < last * Decimal("0.8"):
            raise Refusal("400.021", "Price is more than 20% below market price.")

    def _cancel(self, form: Mapping[str, str], who: str, now_ns: int) -> dict[str, Any]:
        order = self._found(form, who)
        if order is None or not order.status.is_open:
            raise Refusal("404.002", "Order not found.", status=404)
        self._world.engine.cancel(who, order.market, now_ns, order_id=order.order_id)
        return {**_canceled(order), "status": "Canceled"}

    def _cancel_all(self, symbols: list[str], who: str, now_ns: int) -> dict[str, Any]:
        wanted = [_spec(symbol).symbol for symbol in symbols] or list(SPECS)
        gone = [
            _canceled(order)
            for symbol in wanted
            for order in self._world.engine.cancel_all(who, symbol, now_ns)
        ]
        return {"canceled": gone, "success": True}

    def _status(self, form: Mapping[str, str], who: str, now_ns: int) -> dict[str, Any]:
        order = self._found(form, who)
        is_old = order is not None and order.updated_ns < now_ns - _KNOWN_NS
        if order is None or (is_old and not order.status.is_open):
            raise Refusal("404.002", "Order not found.", status=404)
        fills = self._world.engine.fills(who, order.market, order_id=order.order_id)
        return {
            "id": id_of(order.market, order.order_id),
            "datetime": written(order.created_ns),
            "type": _type(order.side),
            "status": _STATES.get(order.status, "Open"),
            "market": SPECS[order.market].name,
            "amount_remaining": f"{order.quantity - order.executed:.8f}",
            "transactions": [_transaction(fill, "tid", 1) for fill in fills],
            **_client_id(order),
        }

    def _open(self, symbol: str, who: str, now_ns: int) -> list[dict[str, Any]]:
        """Give what was open up to ten seconds ago: "this API call is cached for 10 seconds"."""
        told_ns, rows = self._lists.get((who, symbol), (-_STALE_NS, []))
        if now_ns - told_ns >= _STALE_NS:
            rows = [_open_row(o) for o in self._world.orders(who) if symbol in ("", o.market)]
            self._lists[who, symbol] = (now_ns, rows)
        return rows

    def _transactions(self, spec: Spec, form: Mapping[str, str], who: str) -> list[dict[str, Any]]:
        limit, offset = _whole(form, "limit", "100"), _whole(form, "offset", "0")
        if not 0 < limit <= _PAGE:
            raise Refusal("400.011", "Limit parameter should be number from 1 to 1000.")
        low_ns = _whole(form, "since_timestamp", "0") * SECOND_NS
        high_ns = _whole(form, "until_timestamp", "99999999999") * SECOND_NS
        fills = [
            fill
            for fill in self._world.engine.fills(who, spec.symbol)
            if low_ns <= fill.time_ns <= high_ns
        ]
        if form.get("sort", "desc") == "desc":
            fills.reverse()
        return [_transaction(fill, "id", -1) for fill in fills[offset : offset + limit]]

    def _found(self, form: Mapping[str, str], who: str) -> Order | None:
        id_, name = form.get("id", ""), form.get("client_order_id", "")
        if not id_ and not name:
            raise Refusal("400.035", "POST parameter(s) is missing from request: id.")
        if id_ and not id_.isdecimal():
            raise Refusal("400.036", "POST parameter(s) is malformed: id.")
        return self._world.order(who, id_, name)


def _spec(symbol: str) -> Spec:
    if symbol not in SPECS:
        raise Refusal("404.007", "Market not found for corresponding request.", status=404)
    return SPECS[symbol]


def _fees(symbol: str) -> dict[str, Any]:
    return {"currency_pair": symbol, "market": symbol, "fees": FEES}


def _type(side: Side) -> str:
    return "0" if side is Side.BUY else "1"


def _number(form: Mapping[str, str], name: str) -> Decimal:
    code = {"amount": "400.005", "price": "400.006"}[name]
    if name not in form:
        raise Refusal(code, f"POST parameter(s) is missing from request: {name}.")
    try:
        value = Decimal(form[name])
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0 or "e" in form[name].lower():
        raise Refusal("400.026" if name == "amount" else "400.041", f"malformed: {name}.")
    return value


def _whole(form: Mapping[str, str], name: str, default: str) -> int:
    text = form.get(name, default)
    if not text.isdecimal():
        raise Refusal("400.007", f"POST parameter(s) is malformed: {name}.")
    return int(text)


def _checked_decimals(name: str, value: Decimal, most: int) -> None:
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > most:
        said = f"{name}: Ensure that there are no more than {most} decimal places."
        raise Refusal("400.007", said)


def _client_id(order: Order) -> dict[str, Any]:
    name = order.request.labels["client_order_id"]
    return {"client_order_id": name} if name else {}


def _canceled(order: Order) -> dict[str, Any]:
    return {
        "id": id_of(order.market, order.order_id),
        "amount": float(order.quantity),
        "price": float(order.price or 0),
        "type": int(_type(order.side)),
        "market": SPECS[order.market].name,
    }


def _open_row(order: Order) -> dict[str, Any]:
    return {
        "id": str(id_of(order.market, order.order_id)),
        "datetime": written(order.created_ns),
        "type": _type(order.side),
        "price": str(order.price),
        "amount": f"{order.remaining:.8f}",
        "amount_at_create": f"{order.quantity:.8f}",
        "currency_pair": SPECS[order.market].name,
        "market": SPECS[order.market].name,
        **_client_id(order),
    }


def _transaction(fill: Fill, name: str, sign: int) -> dict[str, Any]:
    """Write a trade: of an order without signs, of an account with those of what moved."""
    spec = SPECS[fill.market]
    base, counter = fill.quantity, fill.price * fill.quantity
    if sign < 0:
        base, counter = (base, -counter) if fill.side is Side.BUY else (-base, counter)
    row: dict[str, Any] = {
        name: fill.trade_id,
        "datetime": written(fill.time_ns),
        "type": 2 if sign > 0 else "2",
        "fee": str(fee_of(fill.price * fill.quantity, is_maker=fill.is_maker)),
        spec.base.lower(): f"{base:.8f}",
        spec.counter.lower(): f"{counter:.8f}",
    }
    if sign > 0:
        return {**row, "price": f"{fill.price:.8f}"}
    pair = f"{spec.base}_{spec.counter}".lower()
    return {**row, pair: float(fill.price), "order_id": id_of(fill.market, fill.order_id)}
