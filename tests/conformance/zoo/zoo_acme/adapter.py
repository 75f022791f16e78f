"""The healthy animal of the zoo: a whole exchange, small and right. Each other one has one fault.

Its documents are its simulator. Everything is JSON by POST or GET; signatures are HMAC-SHA256 of
path, query, body and time.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

import venuekit.plugin as vk
from venuekit.model import (
    Advice,
    Balance,
    BookSnapshot,
    ClientOrderId,
    ExchangeOrderId,
    ExchangeStatus,
    Failure,
    Fee,
    FeeRates,
    Fill,
    Grid,
    Instrument,
    Instruments,
    InstrumentStatus,
    NotionalRule,
    Order,
    OrderPhase,
    OrderType,
    Outcome,
    ServiceState,
    Side,
    Symbol,
    decimal_from_text,
    plain,
)
from venuekit.plugin import Call, CallKind, Request, Row, read_json

VALIDITY_S: Final = 5
ERRORS: Final = vk.ErrorTable(
    rows={
        "no_such_order": Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="order.unknown"),
        "no_money": Row(
            outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="balance.insufficient"
        ),
        "bad_order": Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="request.invalid"),
        "bad_time": Row(
            outcome=Outcome.REJECTED,
            advice=Advice.AFTER_CLOCK_SYNC,
            reason="clock.outside_window",
        ),
        "bad_key": Row(outcome=Outcome.REJECTED, advice=Advice.NEVER, reason="key.invalid"),
        "too_fast": Row(
            outcome=Outcome.REJECTED, advice=Advice.AFTER_DELAY, reason="limit.exceeded"
        ),
    }
)
PHASES: Final = {
    "open": OrderPhase.OPEN,
    "filled": OrderPhase.FILLED,
    "canceled": OrderPhase.CANCELED,
}


def fields(answer: vk.Answer) -> dict[str, Any]:
    """Read an object; raises ValueError."""
    read = read_json(answer.body)
    if not isinstance(read, dict):
        raise ValueError("not an object")  # noqa: TRY004  # it is the answer that is wrong
    return read


def text(value: Any) -> str:
    """Read a text; raises ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"no text: {str(value)[:40]}")
    return value


def amount(value: Any) -> Decimal:
    """Read a number written as text."""
    return decimal_from_text(text(value))


class Adapter(
    vk.Authenticate,
    vk.ExchangeInfo,
    vk.Place,
    vk.Cancel,
    vk.QueryOrders,
    vk.Account,
    vk.MarketData,
):
    """Speaks for the zoo's exchange."""

    lacks: ClassVar[Mapping[str, vk.Lack]] = {
        "validate": vk.not_offered("Acme is small"),
        "cancel all": vk.not_offered("Acme is small"),
        "cancel everything": vk.not_offered("Acme is small"),
        "cancel all after": vk.not_offered("Acme is small"),
        "place many": vk.not_offered("Acme is small"),
        "cancel many": vk.not_offered("Acme is small"),
        "amend": vk.not_offered("Acme is small"),
        "replace": vk.not_offered("Acme is small"),
        "order lists": vk.not_offered("Acme is small"),
        "aggregate trades": vk.not_offered("Acme is small"),
        "trades after": vk.not_offered("Acme is small"),
        "key permissions": vk.not_offered("Acme is small"),
        "ledger": vk.not_offered("Acme is small"),
        "order usage": vk.not_offered("Acme is small"),
        "custody": vk.not_offered("Acme is small"),
        "orders over a socket": vk.not_offered("Acme is small"),
        "stream": vk.not_offered("Acme is small"),
    }

    def call(
        self, what: str, kind: CallKind, path: str, read: Any, body: Any = None, id_: Any = None
    ) -> Call[Any]:
        """Write a call."""
        request = Request(
            method="GET" if body is None else "POST",
            host="rest",
            path=path,
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return Call(
            what=what,
            kind=kind,
            request=request,
            read=read,
            costs={"calls": 1},
            client_order_id=id_,
        )

    def failure(self, call: Call[Any], answer: vk.Answer) -> Failure | None:
        is_write = call.kind.is_write
        try:
            read = fields(answer)
            code = read.get("error")
        except ValueError:
            return vk.unreadable_answer(answer, is_write=is_write)
        if code is None and answer.status == 200:
            return None
        if not isinstance(code, str):
            return vk.unreadable_answer(answer, is_write=is_write)
        seconds = read.get("after")
        return ERRORS.failure(
            code,
            "",
            is_write=is_write,
            retry_after_s=float(seconds) if isinstance(seconds, int) and seconds < 9999 else None,
        )

    def sign(self, request: Request, key: vk.Key, stamp: vk.Stamp) -> Request:
        query = f"time={stamp.time_ns // 1_000_000}"
        payload = f"{request.path}{query}".encode() + request.body
        return Request(
            method=request.method,
            host=request.host,
            path=request.path,
            query=query,
            headers={"Key": key.api_key, "Sign": key.hmac_hex(payload)},
            body=request.body,
        )

    def fetch_time(self) -> Call[int]:
        def read(answer: vk.Answer) -> int:
            ms = fields(answer)["time"]
            if not isinstance(ms, int) or not 0 < ms < 10**14:
                raise ValueError("no time")
            return ms * 10**6

        return self.call("ask for the time", CallKind.PUBLIC_READ, "/time", read)

    def fetch_status(self) -> Call[Any]:
        return self.call(
            "ask for the state",
            CallKind.PUBLIC_READ,
            "/time",
            self.status,
        )

    def status(self, answer: vk.Answer) -> ExchangeStatus:
        """Read the status; raises ValueError."""
        if "time" not in fields(answer):
            raise ValueError("no time")
        return ExchangeStatus(state=ServiceState.ONLINE)

    def fetch_listing(self) -> Call[vk.Listing]:
        return self.call("ask for the listing", CallKind.PUBLIC_READ, "/listing", self.listing)

    def listing(self, answer: vk.Answer) -> vk.Listing:
        """Read the pairs; raises ValueError."""
        rows = fields(answer)["pairs"]
        if not isinstance(rows, list):
            raise ValueError("no list")  # noqa: TRY004  # it is the answer that is wrong
        found = [self.instrument(row) for row in rows if isinstance(row, dict)]
        return vk.Listing(instruments=Instruments(found))

    def instrument(self, row: dict[str, Any]) -> Instrument:
        """Read a pair."""
        base, quote = text(row["base"]), text(row["quote"])
        return Instrument(
            symbol=Symbol(f"{base}/{quote}"),
            native=text(row["name"]),
            base=base,
            quote=quote,
            status=InstrumentStatus.TRADING,
            price=Grid(step=amount(row["tick"])),
            quantity=Grid(step=amount(row["step"]), minimum=amount(row["least"])),
            notional=NotionalRule(minimum=amount(row["value"])),
            order_types=frozenset({"limit", "market"}),
        )

    def place(self, request: Any, instrument: Instrument) -> Call[Order]:
        body = {
            "pair": instrument.native,
            "side": request.side.value,
            "quantity": plain(request.quantity),
            "id": request.client_order_id,
        }
        if request.price is not None:
            body["price"] = plain(request.price)
        return self.call(
            "place order",
            CallKind.PLACE,
            "/place",
            lambda answer: self.order(fields(answer), instrument),
            body,
            request.client_order_id,
        )

    def cancel(self, ref: Any, instrument: Instrument) -> Call[Order | None]:
        return self.call(
            "cancel order",
            CallKind.CANCEL,
            "/cancel",
            lambda answer: self.order(fields(answer), instrument),
            {"id": ref.client_order_id},
            ref.client_order_id,
        )

    def order(self, row: dict[str, Any], instrument: Instrument) -> Order:
        """Read an order; raises ValueError."""
        price = row.get("price")
        state = text(row["state"])
        if state not in PHASES:
            raise ValueError("no state")
        return Order(
            symbol=instrument.symbol,
            side=Side(text(row["side"])),
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            phase=PHASES[state],
            client_order_id=ClientOrderId(text(row["id"])),
            exchange_order_id=ExchangeOrderId(text(row["number"])),
            quantity=amount(row["quantity"]),
            price=None if price is None else amount(price),
            filled=amount(row["filled"]),
        )

    def fetch_order(self, ref: Any, instrument: Instrument) -> Call[Order | None]:
        return self.call(
            "ask for an order",
            CallKind.PRIVATE_READ,
            "/order",
            lambda answer: self.order(fields(answer), instrument),
            {"id": ref.client_order_id},
        )

    def fetch_open_orders(self, instrument: Instrument | None) -> Call[Any]:
        def read(answer: vk.Answer) -> list[Order]:
            rows = fields(answer)["orders"]
            if not isinstance(rows, list):
                raise ValueError("no list")  # noqa: TRY004  # it is the answer that is wrong
            return [
                self.order(row, self.instruments.native(text(row["pair"])))
                for row in rows
                if isinstance(row, dict)
            ]

        return self.call("ask for open orders", CallKind.PRIVATE_READ, "/orders", read, {})

    def fetch_orders(self, instrument: Instrument, **_: Any) -> Call[Any]:
        return self.fetch_open_orders(instrument)

    def fetch_fills(self, instrument: Instrument, **_: Any) -> Call[Any]:
        def read(answer: vk.Answer) -> list[Fill]:
            rows = fields(answer)["fills"]
            if not isinstance(rows, list):
                raise ValueError("no list")  # noqa: TRY004  # it is the answer that is wrong
            return [self.fill(row, instrument) for row in rows if isinstance(row, dict)]

        return self.call("ask for fills", CallKind.PRIVATE_READ, "/fills", read, {})

    def fill(self, row: dict[str, Any], instrument: Instrument) -> Fill:
        """Read a fill; raises ValueError."""
        when = row["time"]
        if not isinstance(when, int) or not 0 < when < 10**14:
            raise ValueError("no time")
        return Fill(
            symbol=instrument.symbol,
            trade_id=text(row["trade"]),
            exchange_order_id=ExchangeOrderId(text(row["number"])),
            side=Side(text(row["side"])),
            price=amount(row["price"]),
            quantity=amount(row["quantity"]),
            fee=Fee(amount(row["fee"]), instrument.quote),
            time_ns=when * 10**6,
        )

    def fetch_balances(self) -> Call[Any]:
        def read(answer: vk.Answer) -> list[Balance]:
            return [Balance(asset="EUR", free=amount(fields(answer)["EUR"]), locked=Decimal(0))]

        return self.call("ask for balances", CallKind.PRIVATE_READ, "/balances", read, {})

    def fetch_fees(self, instrument: Instrument) -> Call[FeeRates]:
        def read(answer: vk.Answer) -> FeeRates:
            rate = amount(fields(answer)["rate"])
            return FeeRates(symbol=instrument.symbol, maker=rate, taker=rate)

        return self.call("ask for fees", CallKind.PRIVATE_READ, "/fees", read, {})

    def fetch_book(self, instrument: Instrument, *, depth: int) -> Call[BookSnapshot]:
        def read(answer: vk.Answer) -> BookSnapshot:
            sides = fields(answer)
            return BookSnapshot(
                symbol=instrument.symbol,
                bids=((amount(sides["bid"]), amount(sides["size"])),),
                asks=((amount(sides["ask"]), amount(sides["size"])),),
            )

        return self.call(
            "ask for the book", CallKind.PUBLIC_READ, f"/book/{instrument.native}", read
        )

    def rows(self, path: str) -> Call[Any]:
        """Ask for a list of which nothing is known."""

        def read(answer: vk.Answer) -> list[Any]:
            if fields(answer)["rows"] != []:
                raise ValueError("rows of which nothing is known")
            return []

        return self.call("ask for rows", CallKind.PUBLIC_READ, path, read)

    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Call[Any]:
        return self.rows("/trades")

    def fetch_candles(
        self,
        instrument: Instrument,
        interval: str,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        now_ns: int,
    ) -> Call[Any]:
        return self.rows("/candles")

    def fetch_tickers(self, instruments: Any) -> Call[Any]:
        return self.rows("/tickers")
