"""Private queries: balances, orders by every name, pages, trades, ledgers."""

from typing import Any

import pytest

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"


def history(world: Any, other: Any, count: int) -> list[str]:
    """Let so many orders be filled, a second apart."""
    txids = []
    for _ in range(count):
        world.now_ns += 10**9
        txids.append(world.placed(volume="0.001"))
        world.placed(other, type="sell", price="50000", volume="0.001")
    world.now_ns += 60 * 10**9
    return txids


def test_what_an_order_looks_like(world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID, oflags="post", timeinforce="GTC")
    assert world.private("OpenOrders", trades="true")["open"][txid] == {
        "refid": None,
        "userref": None,
        "cl_ord_id": UUID,
        "status": "open",
        "opentm": 1784116800,
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": "XBTUSD",
            "type": "buy",
            "ordertype": "limit",
            "price": "50000.0",
            "price2": "0",
            "leverage": "none",
            "order": "buy 0.01000000 XBTUSD @ limit 50000.0",
            "close": "",
        },
        "vol": "0.01000000",
        "vol_exec": "0.00000000",
        "cost": "0.00000",
        "fee": "0.00000",
        "price": "0.00000",
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "post,fciq",
        "trades": [],
    }


def test_open_orders_by_name(world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    world.placed()
    assert list(world.private("OpenOrders", cl_ord_id=UUID)["open"]) == [txid]
    assert world.private("OpenOrders", cl_ord_id="nobody") == {"open": {}}


def test_a_clients_name_next_to_an_id_is_honoured(world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    assert set(world.private("QueryOrders", txid=txid, cl_ord_id=UUID)) == {txid}
    assert world.private("QueryOrders", txid=txid, cl_ord_id="never-used") == {}


def test_orders_are_asked_for_by_id_up_to_fifty_at_once(world: Any, other: Any) -> None:
    mine, theirs = world.placed(), world.placed(other)
    assert list(world.private("QueryOrders", txid=f"{mine},{theirs}")) == [mine]
    assert world.private("QueryOrders", txid=theirs) == "EQuery:Unknown order"
    assert world.private("QueryOrders") == "EGeneral:Invalid arguments:txid"
    many = ",".join([mine] * 51)
    assert world.private("QueryOrders", txid=many) == "EGeneral:Invalid arguments:txid"


def test_closed_orders_come_in_pages_of_fifty_the_newest_first(world: Any, other: Any) -> None:
    txids = history(world, other, 60)
    first = world.private("ClosedOrders")
    assert first["count"] == 60
    assert list(first["closed"]) == txids[:9:-1]
    second = world.private("ClosedOrders", ofs=50)
    assert list(second["closed"]) == txids[9::-1]
    assert "count" not in world.private("ClosedOrders", without_count="true")


@pytest.mark.parametrize("by_id", [False, True])
def test_the_start_is_left_out_and_the_end_is_not(world: Any, other: Any, by_id: bool) -> None:
    txids = history(world, other, 5)
    orders = world.private("ClosedOrders")["closed"]

    def bound(index: int) -> object:
        return txids[index] if by_id else orders[txids[index]]["closetm"]

    found = world.private("ClosedOrders", start=bound(1), end=bound(3), closetime="close")
    assert list(found["closed"]) == [txids[3], txids[2]]


def test_trades_name_their_order_pair_and_ledgers(world: Any, other: Any) -> None:
    (txid,) = history(world, other, 1)
    ((trade_id, trade),) = world.private("TradesHistory", ledgers="true")["trades"].items()
    told = {name: trade[name] for name in ("ordertxid", "pair", "price", "cost", "fee", "maker")}
    assert told == {
        "ordertxid": txid,
        "pair": "XXBTZUSD",
        "price": "50000.00000",
        "cost": "50.00000",
        "fee": "0.12500",
        "maker": True,
    }
    assert world.query(txid, trades="true")["trades"] == [trade_id]
    assert list(world.private("QueryTrades", txid=trade_id)) == [trade_id]
    entries = world.private("QueryLedgers", id=",".join(trade["ledgers"]))
    assert {entry["refid"] for entry in entries.values()} == {trade_id}


def test_trades_page_by_id(world: Any, other: Any) -> None:
    history(world, other, 3)
    newest, middle, oldest = world.private("TradesHistory")["trades"]
    after = world.private("TradesHistory", start=oldest)["trades"]
    assert list(after) == [newest, middle]
    assert world.private("TradesHistory", type="any position")["count"] == 0


def test_ledgers_tell_deposits_and_trades_with_running_balances(world: Any, other: Any) -> None:
    history(world, other, 1)
    entries = list(world.private("Ledgers", asset="ZUSD")["ledger"].values())
    told = [(each["type"], each["amount"], each["fee"], each["balance"]) for each in entries]
    assert told == [
        ("trade", "-50.0000", "0.1250", "999949.8750"),
        ("deposit", "1000000.0000", "0.0000", "1000000.0000"),
    ]
    assert world.private("Ledgers", type="deposit", asset="XBT")["count"] == 1


def test_the_balance_of_everything_in_dollars(world: Any, other: Any) -> None:
    history(world, other, 1)
    answer = world.private("TradeBalance")
    # BTC at 50000 and dollars; what has never been traded here has no price.
    assert answer["eb"] == "1499999.8750"
    assert answer["m"] == "0.0000"


def test_fees_come_by_pair_in_percent(world: Any) -> None:
    answer = world.private("TradeVolume", pair="XBTUSD,ETH/USD")
    assert {id_: row["fee"] for id_, row in answer["fees"].items()} == {
        "XXBTZUSD": "0.4000",
        "XETHZUSD": "0.4000",
    }
    assert answer["fees_maker"]["XXBTZUSD"]["fee"] == "0.2500"
    assert "fees" not in world.private("TradeVolume")
