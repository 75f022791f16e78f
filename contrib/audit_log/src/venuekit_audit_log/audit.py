"""What is recorded of each thing that happens, field by field: nothing else gets in."""

import logging
from decimal import Decimal
from typing import Any, Final

import venuekit.plugin as vk
from venuekit.model import (
    Fill,
    Gap,
    Instrument,
    Order,
    OrderRequest,
    StreamStateChanged,
    plain,
)
from venuekit_audit_log.writer import Writer

_log: Final = logging.getLogger("venuekit.plugin.audit_log")


class AuditLog:
    """Records intents, attempts, changes of orders, fills, streams and limits.

    Options of an order are recorded by name: what an application puts into them is its own. The
    words of an exchange are recorded as the framework cleaned and redacted them.
    """

    def __init__(self, writer: Writer) -> None:
        """Record through `writer`."""
        self._writer = writer
        self._told_fills: dict[str, set[str]] = {}
        if writer.settings.folder is None:
            _log.warning(
                "nothing is recorded: no folder is set in [plugins.settings.audit-log] of "
                "venuekit.toml"
            )

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()

    @vk.hookimpl
    def venuekit_veto_order(
        self, exchange: str, account: str, request: OrderRequest, instrument: Instrument
    ) -> str | None:
        """Record what is asked for; refuse it only where the log cannot follow and is to."""
        if self._writer.settings.when_behind == "refuse" and self._writer.is_behind:
            return "the audit log cannot follow, and orders wait for it (when_behind = refuse)"
        self._writer.put(
            {
                "kind": "intent",
                "exchange": exchange,
                "account": account,
                "native": instrument.native,
                **_request(request),
            }
        )
        return None

    @vk.hookimpl
    def venuekit_request_seen(self, request: vk.RequestSeen) -> None:
        """Record one attempt at a request and how it ended."""
        self._writer.put(
            {
                "kind": "attempt",
                "exchange": request.exchange,
                "account": request.account,
                "what": request.what,
                "call": request.kind,
                "attempt": request.attempt,
                "status": request.status,
                "outcome": request.outcome,
                "duration_s": round(request.duration_s, 6),
            }
        )

    @vk.hookimpl
    def venuekit_order_changed(self, exchange: str, account: str, order: Order) -> None:
        """Record an order as it is now, and each fill once."""
        place = {"exchange": exchange, "account": account}
        self._writer.put({"kind": "order", **place, **_order(order)})
        key = f"{exchange}/{account}/{order.symbol}/{order.client_order_id}"
        key += f"/{order.exchange_order_id}" if order.client_order_id is None else ""
        told = self._told_fills.setdefault(key, set())
        for fill in order.fills:
            if fill.trade_id not in told:
                told.add(fill.trade_id)
                self._writer.put({"kind": "fill", **place, **_fill(fill, order)})
        if order.phase.is_final and order.filled == sum(f.quantity for f in order.fills):
            del self._told_fills[key]

    @vk.hookimpl
    def venuekit_stream_event(self, exchange: str, account: str, event: Any) -> None:
        """Record states and gaps of streams."""
        told: dict[str, Any] = {"event": type(event).__name__}
        if isinstance(event, StreamStateChanged):
            told |= {"stream": event.stream, "state": event.state.value}
        elif isinstance(event, Gap):
            told |= {"stream": event.stream, "is_filled": event.is_filled}
            told |= {"after_id": event.after_id, "before_id": event.before_id}
        self._writer.put({"kind": "stream", "exchange": exchange, "account": account, **told})

    @vk.hookimpl
    def venuekit_limit_event(self, exchange: str, account: str, event: vk.LimitEvent) -> None:
        """Record what limits did."""
        # JSON has no infinity.
        seconds = round(event.seconds, 6) if event.seconds < 1e12 else None
        self._writer.put(
            {
                "kind": "limit",
                "exchange": exchange,
                "account": account,
                "event": event.kind.value,
                "seconds": seconds,
                "budgets": list(event.budgets),
                "lane": event.lane,
            }
        )


def _request(request: OrderRequest) -> dict[str, Any]:
    return {
        "symbol": request.symbol,
        "side": request.side.value,
        "type": request.type.value,
        "quantity": _amount(request.quantity),
        "quote_quantity": _amount(request.quote_quantity),
        "price": _amount(request.price),
        "stop_price": _amount(request.stop_price),
        "time_in_force": request.time_in_force and request.time_in_force.value,
        "post_only": request.post_only,
        "client_order_id": request.client_order_id,
        "options": sorted(request.options),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "phase": order.phase.value,
        "quantity": _amount(order.quantity),
        "quote_quantity": _amount(order.quote_quantity),
        "price": _amount(order.price),
        "filled": _amount(order.filled),
        "filled_quote": _amount(order.filled_quote),
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "reason": None if order.reason is None else vk.clean(order.reason),
    }


def _fill(fill: Fill, order: Order) -> dict[str, Any]:
    return {
        "symbol": fill.symbol,
        "side": fill.side.value,
        "trade_id": fill.trade_id,
        "price": _amount(fill.price),
        "quantity": _amount(fill.quantity),
        "fee": None if fill.fee is None else _amount(fill.fee.amount),
        "fee_asset": None if fill.fee is None else fill.fee.asset,
        "traded_ns": fill.time_ns,
        "is_inferred": fill.is_inferred,
        "client_order_id": order.client_order_id,
        "exchange_order_id": fill.exchange_order_id,
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
