"""The exchange of the zoo, in memory."""

import hashlib
import hmac
import json
import random
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from venuekit.sim.dialect import (
    FIRST_ACCOUNT,
    Dialect,
    SimAnswer,
    SimCredentials,
    SimRequest,
    SimSocket,
)

SECRET = "Acme-secret-0123456789-abcdefghij"  # it opens nothing
PRICES = {"BTCEUR": ("30000.0", "30000.1"), "ETHEUR": ("2000.0", "2000.1")}


def create(seed: int = 0) -> "AcmeDialect":
    return AcmeDialect(random.Random(seed))  # a market of chance


class Refusal(Exception):
    pass


class AcmeDialect(Dialect):
    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills: list[dict[str, Any]] = []

    def credentials(self, account: str = FIRST_ACCOUNT) -> SimCredentials:
        return SimCredentials(account=account, api_key="acme-key", secret=SECRET)

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        if name in {"rate_limited", "banned"}:
            return SimAnswer(429, (), b'{"error":"too_fast","after":7}')
        return SimAnswer(503, (), b"<html>busy</html>")

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        try:
            return SimAnswer(200, (), json.dumps(self.answer(request, now_ns)).encode())
        except Refusal as refusal:
            return SimAnswer(400, (), json.dumps({"error": str(refusal)}).encode())

    def answer(self, request: SimRequest, now_ns: int) -> Any:
        path = request.path
        if path == "/time":
            return {"time": now_ns // 10**6}
        if path == "/listing":
            return {"pairs": [self.pair(name) for name in PRICES]}
        if path.startswith("/book/"):
            bid, ask = PRICES[path.removeprefix("/book/")]
            return {"bid": bid, "ask": ask, "size": "1.5"}
        if path in {"/trades", "/candles", "/tickers"}:
            return {"rows": []}
        return self.private(request, now_ns)

    def pair(self, name: str) -> dict[str, str]:
        return {
            "name": name,
            "base": name[:3],
            "quote": name[3:],
            "tick": "0.1",
            "step": "0.0001",
            "least": "0.0001",
            "value": "1",
        }

    def private(self, request: SimRequest, now_ns: int) -> Any:
        query = parse_qs(request.query_string)
        payload = f"{request.path}{request.query_string}".encode() + request.body
        sign = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
        if request.header("Sign") != sign:
            raise Refusal("bad_key")
        if abs(now_ns // 10**6 - int(query["time"][0])) > 5000:
            raise Refusal("bad_time")
        asked = json.loads(request.body or b"{}")
        match request.path:
            case "/place":
                return self.place(asked, now_ns)
            case "/cancel":
                return self.cancel(self.find(asked))
            case "/order":
                return self.find(asked)
            case "/orders":
                return {"orders": [o for o in self.orders.values() if o["state"] == "open"]}
            case "/fills":
                return {"fills": self.fills}
            case "/balances":
                return {"EUR": "1000000"}
        return {"rate": "0.001"}

    def find(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["id"] not in self.orders:
            raise Refusal("no_such_order")
        return self.orders[asked["id"]]

    def cancel(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["state"] != "open":
            raise Refusal("no_such_order")
        order["state"] = "canceled"
        return order

    def place(self, asked: dict[str, Any], now_ns: int) -> dict[str, Any]:
        price = asked.get("price") or PRICES[asked["pair"]][1]
        if Decimal(price) * Decimal(asked["quantity"]) > 1_000_000:
            raise Refusal("no_money")
        if asked["id"] in self.orders or Decimal(price) % Decimal("0.1"):
            raise Refusal("bad_order")
        order = {**asked, "number": str(len(self.orders) + 1), "state": "open", "filled": "0"}
        self.orders[asked["id"]] = order
        if "price" not in asked:
            order |= {"state": "filled", "filled": asked["quantity"]}
            self.fills.append(
                {
                    "trade": f"t{order['number']}",
                    "number": order["number"],
                    "side": asked["side"],
                    "price": price,
                    "quantity": asked["quantity"],
                    "fee": "0.01",
                    "time": now_ns // 10**6,
                }
            )
        return order

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        return SimAnswer(404)

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        pass

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        pass

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        pass

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        pass

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        pass

    def advance(self, now_ns: int) -> None:
        self.run_due(now_ns)

    def next_due_ns(self) -> int | None:
        return self.next_action_ns()
