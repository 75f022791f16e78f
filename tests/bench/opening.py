"""A journal with a million past orders and a hundred open ones: opened, and what it needs then."""

import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fill,
    Order,
    OrderPhase,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
    limit_buy,
)
from venuekit.stores.database import open_database
from venuekit.stores.records import text_from_fill, text_from_order, text_from_request

PAST, OPEN = 1_000_000, 100
_NAME, _NUMBER = "x" * 27, "1234567890"
_IN_A_PROCESS = """
import asyncio, resource, sys, time
from venuekit.stores import Scope, open_journal

async def main():
    scope = Scope("venue", "main", "sim")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    journal = await open_journal(f"sqlite:{sys.argv[1]}")
    orders = await journal.orders(scope, open_only=True)
    await journal.origins(scope, orders)
    await journal.cursors(scope)
    await journal.first_orders(scope)
    await journal.last_event(scope)
    spent = time.perf_counter() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(len(orders), spent, grown / 1024)
    await journal.close()

asyncio.run(main())
"""


def _texts() -> tuple[str, str, str, str]:
    order = Order(
        symbol=Symbol("BTC/USDT"),
        side=Side.BUY,
        type=OrderType.LIMIT,
        phase=OrderPhase.OPEN,
        client_order_id=ClientOrderId(_NAME),
        exchange_order_id=ExchangeOrderId(_NUMBER),
        quantity=Decimal("0.00100000"),
        price=Decimal("30000.00000000"),
        time_in_force=TimeInForce.GTC,
        created_ns=1_767_225_600_000_000_000,
        updated_ns=1_767_225_600_000_000_000,
    )
    fill = Fill(
        symbol=order.symbol,
        trade_id=_NUMBER,
        exchange_order_id=ExchangeOrderId(_NUMBER),
        side=Side.BUY,
        price=Decimal("30000.00000000"),
        quantity=Decimal("0.00100000"),
        time_ns=1_767_225_600_000_000_000,
    )
    request = limit_buy("BTC/USDT", "0.00100000", "30000.00", client_order_id=_NAME)
    is_open = text_from_order(order)
    ended = is_open.replace('"open"', '"filled"').replace('"filled":"0"', '"filled":"0.00100000"')
    return text_from_request(request), is_open, ended, text_from_fill(fill)


def build(path: Path) -> None:
    """Write the file as the journal would have: an order, its records and its fill each."""
    request, is_open, ended, fill = _texts()
    connection = open_database(path, synchronous="NORMAL")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO scopes VALUES (1, 'venue', 'main', 'sim')")
    connection.execute("INSERT INTO symbols VALUES (1, 'BTC/USDT', 1)")
    connection.executemany(
        "INSERT INTO orders (scope, name, symbol, exchange_order_id, origin, request, created_ns,"
        " phase, is_open, body) VALUES (1, ?, 'BTC/USDT', ?, 'intent', ?, ?, ?, ?, ?)",
        (
            (
                f"x{n:026d}",
                str(n),
                request,
                n,
                "open" if n >= PAST else "filled",
                int(n >= PAST),
                (is_open if n >= PAST else ended).replace(_NAME, f"x{n:026d}"),
            )
            for n in range(PAST + OPEN)
        ),
    )
    connection.executemany(
        "INSERT INTO records (scope, name, time_ns, kind, body, raw) VALUES (1, ?, ?, ?, ?, '')",
        (
            (f"x{n:026d}", n, kind, body)
            for n in range(PAST + OPEN)
            for kind, body in (("attempt", "1"), ("order", is_open))
        ),
    )
    connection.executemany(
        "INSERT INTO fills VALUES (1, 'BTC/USDT', ?, ?, ?, ?, ?)",
        ((str(n), str(n), f"x{n:026d}", n, fill) for n in range(PAST)),
    )
    connection.execute("COMMIT")
    connection.close()


def run() -> str:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        path = Path(folder) / "journal.db"
        build(path)
        found = []
        for _ in range(3):
            said = subprocess.run(
                [sys.executable, "-c", _IN_A_PROCESS, str(path)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            found.append((float(said[1]), float(said[2]), int(said[0])))
        size = path.stat().st_size
    spent, grown, orders = sorted(found)[1]
    return f"""
A journal of {PAST + OPEN} orders, {size / 1e9:.1f} GB  (goal: ≤ 0.3 s, memory flat)
  opened, {orders} open orders read   {spent:.3f} s, {grown:.0f} MB more memory"""
