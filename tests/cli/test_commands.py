"""Commands: data first, tables that fit 80 columns, and one sentence for what goes wrong."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BudgetExhausted,
    ClientOrderId,
    ConfigurationError,
    ConsumerTooSlow,
    Failure,
    InsufficientBalance,
    NotSent,
    NotSupported,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRefused,
    OrderType,
    Outcome,
    OutcomeUnknown,
    PluginError,
    Rejected,
    Side,
    StoreError,
    Symbol,
    TimeInForce,
    Trade,
    Unavailable,
    Violation,
)
from venuekit.plugin import CommandSpec, hookimpl
from venuekit.plugin.hooks import Hooks

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

ORDER_CANCELED = Order(
    symbol=Symbol("BTC/USDT"),
    side=Side.BUY,
    type=OrderType.LIMIT,
    phase=OrderPhase.CANCELED,
    client_order_id=ClientOrderId("a"),
)
ONE_SHOTS = [
    ("info", "acme"),
    ("info", "acme", "BTC/USDT"),
    ("book", "acme", "BTC/USDT"),
    ("trades", "acme", "BTC/USDT"),
    ("ticker", "acme", "BTC/USDT"),
    ("ticker", "acme"),
    ("candles", "acme", "BTC/USDT", "1m"),
    ("balances", "acme"),
    ("place", "acme", "buy", "BTC/USDT", "0.1", "--price", "30000"),
    ("cancel", "acme", "BTC/USDT", "vk-1"),
    ("orders", "acme"),
    ("reconcile", "acme"),
    ("fills", "acme", "BTC/USDT"),
    ("plugins",),
    ("limits", "acme"),
]
STREAMS = [
    ("stream", "acme", "trades", "BTC/USDT"),
    ("stream", "acme", "ticker", "BTC/USDT"),
    ("stream", "acme", "best-price", "BTC/USDT"),
    ("stream", "acme", "candles", "BTC/USDT", "--interval", "5m"),
    ("stream", "acme", "book", "BTC/USDT"),
    ("stream", "acme", "account"),
]


def failure(outcome: Outcome, reason: str = "some.reason", text: str = "") -> Failure:
    return Failure(outcome=outcome, advice=Advice.AGAIN, reason=reason, text=text)


# Every command


@pytest.mark.parametrize("tokens", [*ONE_SHOTS, *STREAMS], ids=" ".join)
def test_every_command_prints_for_people_within_80_columns(
    shell: "Shell", tokens: tuple[str, ...]
) -> None:
    assert shell.run(*tokens) == 0

    assert shell.out.strip()
    assert max(map(len, shell.out.splitlines())) <= 80
    assert "\x1b" not in shell.out + shell.err
    assert shell.is_closed


@pytest.mark.parametrize("tokens", ONE_SHOTS, ids=" ".join)
def test_every_command_prints_one_json_value_and_nothing_else(
    shell: "Shell", tokens: tuple[str, ...]
) -> None:
    assert shell.run(*tokens, "--json") == 0

    assert len(shell.out.splitlines()) == 1
    assert isinstance(shell.data(), (dict, list))
    assert shell.out.isascii()


@pytest.mark.parametrize("tokens", STREAMS, ids=" ".join)
def test_streams_print_one_json_object_a_line(shell: "Shell", tokens: tuple[str, ...]) -> None:
    assert shell.run(*tokens, "--json") == 0

    assert all(json.loads(line)["event"] for line in shell.out.splitlines())


@pytest.mark.parametrize("tokens", [t for t in ONE_SHOTS if len(t) > 1], ids=" ".join)
def test_every_command_hands_its_options_to_the_opening(
    shell: "Shell", tokens: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[exchanges.acme.accounts.main]\napi_key = "env:K"\nsecret = "env:S"')

    options = ("--account", "main", "--environment", "sim", "--address", "127.0.0.1:1")
    assert shell.run(*tokens, *options, "--config", str(file)) == 0

    (choices,) = shell.opened_with
    assert choices.pop("config").source == str(file)
    assert choices == {
        "exchange": "acme",
        "account": "main",
        "environment": "sim",
        "address": "127.0.0.1:1",
    }


@pytest.mark.parametrize(
    "name",
    ["plugins", "info", "book", "trades", "ticker", "candles", "balances", "place", "cancel",
     "orders", "reconcile", "fills", "stream", "sim", "demo", "limits"],
)  # fmt: skip
def test_every_command_has_help_with_the_exit_codes(shell: "Shell", name: str) -> None:
    assert shell.run(name, "--help") == 0

    words = " ".join(shell.out.split())
    assert "Exit codes: 0 done" in words
    assert "3 it is not known whether it was done" in words
    assert "--json" in words
    assert all(len(line.rstrip()) <= 80 for line in shell.out.splitlines())


def test_a_terminal_gets_colour_unless_no_color_is_set(shell: "Shell") -> None:
    shell.is_terminal = True
    assert shell.run("book", "acme", "BTC/USDT") == 0
    assert "\x1b[" in shell.out

    shell.variables["NO_COLOR"] = "1"
    assert shell.run("book", "nowhere/else", "--nonsense") == 2
    assert "\x1b[31m" not in shell.err
    assert "\x1b[1;31m" not in shell.err


def test_words_of_an_exchange_cannot_steer_a_terminal(shell: "Shell") -> None:
    evil = "\x1b]0;title\x07\u202e[bold]:smile:"
    shell.exchange.title = evil
    shell.exchange.answers["fetch_balances"] = Rejected(
        "acme", "balances", failure(Outcome.REJECTED, text=evil)
    )

    assert shell.run("info", "acme") == 0
    assert "\x07" not in shell.out
    assert "\u202e" not in shell.out
    assert "[bold]:smile:" in shell.out
    assert shell.run("balances", "acme") == 1
    assert "\x07" not in shell.err
    assert "\u202e" not in shell.err


# Amounts and times


def test_amounts_keep_every_digit_and_have_no_exponent(shell: "Shell") -> None:
    assert shell.run("book", "acme", "BTC/USDT", "--json") == 0
    book = shell.data()
    assert book["bids"] == [["29999.90", "1.5"], ["29999.80", "0.00000001"]]
    assert book["time"] == "2023-11-14T22:13:20.123456789Z"

    assert shell.run("book", "acme", "BTC/USDT") == 0
    assert "0.00000001" in shell.out


def test_an_order_is_shown_with_what_follows_from_its_fields(shell: "Shell") -> None:
    assert shell.run("orders", "acme", "--json") == 0

    (order,) = shell.data() if isinstance(shell.data(), list) else [shell.data()]
    assert order["remaining"] == "0.06"
    assert order["average_price"] == "30000"
    assert order["phase"] == "partially_filled"
    assert order["updated"] == "2023-11-14T22:13:20.123456789Z"


def test_a_table_is_rather_too_wide_than_a_digit_short(shell: "Shell") -> None:
    price, id_ = "1" * 30 + "." + "2" * 30, "i" * 64
    order = Order(
        symbol=Symbol("BTC/USDT"),
        side=Side.BUY,
        type=OrderType.LIMIT,
        phase=OrderPhase.OPEN,
        price=Decimal(price),
        client_order_id=ClientOrderId(id_),
    )
    shell.exchange.answers["fetch_open_orders"] = [order]

    assert shell.run("orders", "acme") == 0

    assert price in shell.out
    assert id_ in shell.out


# Placing


def placed(shell: "Shell") -> Any:
    ((what, request, options),) = shell.exchange.asked
    assert what == "place"
    assert options == {"round": None, "wait": True, "intent_key": None}
    return request


def test_a_limit_order_is_planned_in_words_and_placed(shell: "Shell") -> None:
    code = shell.run(
        "place", "acme", "sell", "BTC/USDT", "0.10", "--price", "30000.5",
        "--post-only", "--time-in-force", "GTC", "--client-order-id", "mine-1",
    )  # fmt: skip

    assert code == 0
    plan = "sell 0.10 BTC at 30000.5 USDT (3000.050 USDT) GTC post-only on acme sim"
    assert plan in shell.err
    request = placed(shell)
    assert (request.side, request.type) == (Side.SELL, OrderType.LIMIT)
    assert (request.quantity, request.price) == (Decimal("0.10"), Decimal("30000.5"))
    assert request.time_in_force is TimeInForce.GTC
    assert request.post_only
    assert request.client_order_id == "mine-1"


@pytest.mark.parametrize(
    ("terms", "type_", "fields"),
    [
        (["--market"], OrderType.MARKET, {"quantity": "2"}),
        (["--market", "--spend"], OrderType.MARKET, {"quote_quantity": "2"}),
        (["--market", "--stop-price", "9"], OrderType.STOP, {"stop_price": "9"}),
        (["--price", "8", "--stop-price", "9"], OrderType.STOP_LIMIT, {"price": "8"}),
        (["--market", "--stop-price", "9", "--take-profit"], OrderType.TAKE_PROFIT, {}),
        (["--price", "8", "--stop-price", "9", "--take-profit"], OrderType.TAKE_PROFIT_LIMIT, {}),
    ],
)
def test_every_type_of_order_can_be_placed(
    shell: "Shell", terms: list[str], type_: OrderType, fields: dict[str, str]
) -> None:
    assert shell.run("place", "acme", "buy", "BTC/USDT", "2", *terms) == 0

    request = placed(shell)
    assert request.type is type_
    assert {name: getattr(request, name) for name in fields} == {
        name: Decimal(value) for name, value in fields.items()
    }


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["0.1"], "give a price with --price, or say --market"),
        (["0.1", "--price", "1", "--market"], "one of the two"),
        (["x", "--market"], "QUANTITY: 'x' is not a decimal number"),
        (["0", "--market"], "a number above zero"),
        (["NaN", "--market"], "a number above zero"),
        (["1", "--price", "-3"], "--price"),
        (["1", "--price", "3", "--spend"], "--spend goes with --market"),
        (["1", "--market", "--take-profit"], "--take-profit goes with --stop-price"),
    ],
)
def test_an_order_that_is_not_clear_is_not_opened_for(
    shell: "Shell", tokens: list[str], told: str
) -> None:
    assert shell.run("place", "acme", "buy", "BTC/USDT", *tokens) == 2

    assert told in shell.err
    assert shell.opened_with == []


def test_rounding_waiting_and_intent_are_handed_on(shell: "Shell") -> None:
    terms = ("--market", "--round", "down", "--no-wait", "--intent-key", "k")
    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", *terms) == 0

    ((_, _, options),) = shell.exchange.asked
    assert options == {"round": "down", "wait": False, "intent_key": "k"}


def test_a_check_places_nothing(shell: "Shell") -> None:
    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", "--market", "--check") == 0

    assert [asked[0] for asked in shell.exchange.asked] == ["validate"]


LIVE = ("place", "acme", "buy", "BTC/USDT", "1", "--market", "--environment", "live")


def at_a_terminal(shell: "Shell", typed: str) -> None:
    shell.stdin = type("Keyboard", (type(shell.stdin),), {"isatty": lambda _: True})(typed)
    shell.exchange.environment = "live"


def test_an_order_in_live_is_placed_after_a_yes(shell: "Shell") -> None:
    at_a_terminal(shell, "y\n")

    assert shell.run(*LIVE) == 0
    assert "Place this order with real money?" in shell.err
    assert len(shell.exchange.asked) == 1


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yess\n"])
def test_an_order_in_live_is_not_placed_without_a_yes(shell: "Shell", typed: str) -> None:
    at_a_terminal(shell, typed)

    assert shell.run(*LIVE) == 2
    assert "nothing was sent" in shell.err
    assert shell.opened_with == []


def test_a_script_in_live_has_to_say_yes(shell: "Shell") -> None:
    shell.exchange.environment = "live"

    assert shell.run(*LIVE) == 2
    assert "say --yes" in shell.err
    assert shell.opened_with == []
    assert shell.run(*LIVE, "--yes") == 0


def test_live_in_the_file_is_live_too(shell: "Shell") -> None:
    Path("venuekit.toml").write_text('[exchanges.acme]\nenvironment = "live"')

    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", "--market") == 2
    assert "confirmed" in shell.err


def test_a_plan_for_one_environment_is_not_carried_out_in_another(shell: "Shell") -> None:
    shell.exchange.environment = "live"

    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", "--market") == 2
    assert "the plan was for sim" in shell.err
    assert shell.exchange.asked == []


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        (OrderPhase.OPEN, 0),
        (OrderPhase.FILLED, 0),
        (OrderPhase.CANCELED, 0),
        (OrderPhase.UNKNOWN, 3),
        (OrderPhase.SUBMITTING, 3),
        (OrderPhase.REJECTED, 1),
        (OrderPhase.NEVER_PLACED, 1),
    ],
)
def test_the_exit_code_tells_what_became_of_an_order(
    shell: "Shell", phase: OrderPhase, code: int
) -> None:
    shell.exchange.answers["place"] = Order(
        symbol=Symbol("BTC/USDT"), side=Side.BUY, type=OrderType.MARKET, phase=phase
    )

    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", "--market") == code
    assert ("not known yet" in shell.err) == (code == 3)


# Other commands


def test_orders_are_canceled_by_either_id_or_all_at_once(shell: "Shell") -> None:
    assert shell.run("cancel", "acme", "BTC/USDT", "a", "b") == 0
    assert shell.run("cancel", "acme", "BTC/USDT", "--exchange-order-id", "42") == 0
    assert shell.run("cancel", "acme", "BTC/USDT", "--all") == 0

    first, second, third, everything = shell.exchange.asked
    assert (first[1].client_order_id, second[1].client_order_id) == ("a", "b")
    assert third[1].exchange_order_id == "42"
    assert everything == ("cancel_all", "BTC/USDT")
    assert "nothing was open" in shell.out


@pytest.mark.parametrize("ids", [[], ["a", "--all"], ["a", "--exchange-order-id", "4"]])
def test_a_cancel_has_to_say_what_it_means(shell: "Shell", ids: list[str]) -> None:
    assert shell.run("cancel", "acme", "BTC/USDT", *ids) == 2
    assert shell.opened_with == []


def test_what_was_canceled_before_a_failure_is_shown(shell: "Shell") -> None:
    answers = iter([ORDER_CANCELED])

    def next_answer() -> Order:
        for answer in answers:
            return answer
        raise OrderNotFound("acme", "cancel order", failure(Outcome.REJECTED))

    shell.exchange.answers["cancel"] = next_answer

    assert shell.run("cancel", "acme", "BTC/USDT", "a", "b", "--json") == 1
    assert [order["client_order_id"] for order in shell.data()] == ["a"]


def test_past_orders_are_listed_by_instrument(shell: "Shell") -> None:
    assert shell.run("orders", "acme", "--all") == 2
    assert shell.run("orders", "acme", "BTC/USDT", "--all", "--limit", "5") == 0

    assert shell.exchange.asked == [("fetch_orders", "BTC/USDT", 5)]


def test_an_unknown_symbol_suggests_the_nearest(shell: "Shell") -> None:
    assert shell.run("info", "acme", "BTC/USD") == 2
    assert shell.err == "venuekit: acme lists no BTC/USD; did you mean BTC/USDT?\n"


def test_an_interval_that_does_not_exist_is_wrong_usage(shell: "Shell") -> None:
    shell.exchange.answers["fetch_candles"] = ValueError("acme has no candles of '7m'")
    shell.exchange.answers["candles"] = ValueError("acme has no candles of '7m'")

    assert shell.run("candles", "acme", "BTC/USDT", "7m") == 2
    assert shell.run("stream", "acme", "candles", "BTC/USDT", "--interval", "7m") == 2
    assert "no candles of '7m'" in shell.err


# Streams


def test_gaps_and_states_are_part_of_a_stream(shell: "Shell") -> None:
    assert shell.run("stream", "acme", "trades", "BTC/USDT", "--json") == 0
    assert [event["event"] for event in shell.data()] == ["trade", "state", "gap", "trade", "trade"]

    assert shell.run("stream", "acme", "trades", "BTC/USDT") == 0
    assert "GAP: events may be missing; reconnected" in shell.out


def test_a_book_is_printed_whole_and_says_when_it_is_stale(shell: "Shell") -> None:
    assert shell.run("stream", "acme", "book", "BTC/USDT", "--depth", "1", "--json") == 0

    assert [event["event"] for event in shell.data()] == ["book", "book", "state", "book"]
    assert shell.data()[0]["bids"] == [["29999.90", "1.5"]]


def test_a_stream_ends_after_so_many_events(shell: "Shell") -> None:
    assert shell.run("stream", "acme", "trades", "BTC/USDT", "--json", "--count", "2") == 0

    events = [event["event"] for event in shell.data()]
    assert events == ["trade", "state", "gap", "trade"]  # only data counts


def test_a_stream_that_fails_says_so_after_what_it_had(shell: "Shell") -> None:
    trade = Trade(
        symbol=Symbol("BTC/USDT"),
        trade_id="1",
        price=Decimal(1),
        quantity=Decimal(1),
        side=Side.SELL,
        time_ns=0,
    )
    shell.exchange.answers["trades"] = [trade, ConsumerTooSlow("trades BTC/USDT", 5)]

    assert shell.run("stream", "acme", "trades", "BTC/USDT") == 1
    assert "sell 1 at 1" in shell.out
    assert "5 events were not read in time and are lost" in shell.err
    assert shell.is_closed


def test_a_stream_ends_after_so_many_seconds(shell: "Shell") -> None:
    async def silence() -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield None

    shell.exchange.make_stream = silence

    assert shell.run("stream", "acme", "ticker", "BTC/USDT", "--seconds", "0.001") == 0
    assert shell.out == ""
    assert shell.is_closed


@pytest.mark.parametrize("tokens", [["trades"], ["account", "BTC/USDT"], ["tradez", "BTC/USDT"]])
def test_a_stream_needs_its_symbol(shell: "Shell", tokens: list[str]) -> None:
    assert shell.run("stream", "acme", *tokens) == 2
    assert shell.opened_with == []


# What goes wrong


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (OutcomeUnknown("acme", "place order", failure(Outcome.UNKNOWN)), 3, "look with"),
        (
            AuthenticationFailed("acme", "balances", failure(Outcome.REJECTED)),
            1,
            "check the key and its permissions",
        ),
        (
            InsufficientBalance("acme", "place", failure(Outcome.REJECTED)),
            1,
            '"venuekit balances acme"',
        ),
        (OrderNotFound("acme", "cancel", failure(Outcome.REJECTED)), 1, '"venuekit orders acme"'),
        (NotSent("acme", "place", failure(Outcome.NOT_SENT)), 1, "nothing was sent; try again"),
        (BudgetExhausted("acme", "place", failure(Outcome.NOT_SENT)), 1, "nothing was sent"),
        (Unavailable("acme", "book", failure(Outcome.UNKNOWN)), 1, "try again"),
        (OrderRefused("BTC/USDT", [Violation(reason="x", text="off the tick")]), 1, "off the tick"),
        (NotSupported("acme", "amend"), 1, "does not offer amend"),
        (StoreError("locked"), 1, "[store]"),
        (PluginError("acme", "broken", "reinstall it"), 2, "reinstall it"),
        (ConfigurationError(["a: one", "b: two"]), 2, "venuekit: b: two"),
        (
            ExceptionGroup("x", [NotSupported("acme", "x"), OutcomeUnknown(
                "acme", "place", failure(Outcome.UNKNOWN))]),
            3,
            "does not offer x",
        ),
        (KeyError("oops"), 1, "internal error: KeyError ('oops'); run it again with --debug"),
    ],
)  # fmt: skip
def test_an_error_is_a_sentence_with_what_to_do_and_an_exit_code(
    shell: "Shell", error: BaseException, code: int, hint: str
) -> None:
    shell.exchange.answers["fetch_balances"] = error

    assert shell.run("balances", "acme") == code
    assert hint in shell.err
    assert "Traceback" not in shell.err
    assert shell.out == ""
    assert all(line.startswith("venuekit: ") for line in shell.err.splitlines())
    assert shell.is_closed


def test_the_traceback_is_there_for_who_asks_for_it(shell: "Shell") -> None:
    shell.exchange.answers["fetch_balances"] = KeyError("oops\x1b")

    assert shell.run("balances", "acme", "--debug") == 1
    assert "Traceback" in shell.err
    assert "\x1b" not in shell.err


def test_an_interrupt_closes_everything_and_gives_130(shell: "Shell") -> None:
    shell.exchange.answers["fetch_balances"] = KeyboardInterrupt()

    assert shell.run("balances", "acme") == 130
    assert shell.err == "venuekit: interrupted\n"
    assert shell.is_closed


def test_an_interrupted_order_is_not_lost_sight_of(shell: "Shell") -> None:
    shell.exchange.answers["place"] = asyncio.CancelledError()

    assert shell.run("place", "acme", "buy", "BTC/USDT", "1", "--market") == 143
    assert 'it may have been placed; look with "venuekit orders acme BTC/USDT --all"' in shell.err


def test_a_reader_that_goes_away_is_no_error(shell: "Shell") -> None:
    shell.exchange.answers["fetch_balances"] = BrokenPipeError()

    assert shell.run("balances", "acme") == 0
    assert shell.err == ""


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["bok"], 'Unknown command "bok". Did you mean "book"? see "venuekit --help"'),
        (["book", "acme"], 'requires an argument; see "venuekit book --help"'),
        (["book", "acme", "X/Y", "--jsn"], "Unknown option: --jsn. Did you mean --json?"),
        (["book", "acme", "X/Y", "--depth", "0"], "--depth"),
        (["book", "acme", "X/Y", "--environment", "liv"], 'Did you mean "live"?'),
    ],
)
def test_wrong_usage_is_one_sentence_that_suggests_the_right_one(
    shell: "Shell", tokens: list[str], told: str
) -> None:
    assert shell.run(*tokens) == 2
    assert told in shell.err
    assert len(shell.err.splitlines()) == 1


def test_a_wrong_file_is_told_before_anything_is_opened(shell: "Shell") -> None:
    Path("venuekit.toml").write_text('[exchanges.acme]\nenvironment = "liv"')

    assert shell.run("balances", "acme") == 2
    assert 'venuekit.toml: exchanges.acme.environment: "liv"' in shell.err
    assert shell.opened_with == []


def test_the_exchange_of_the_file_is_meant_where_none_is_named(shell: "Shell") -> None:
    assert shell.run("balances") == 2
    assert 'see "venuekit plugins"' in shell.err

    Path("venuekit.toml").write_text('exchange = "acme"')
    assert shell.run("balances") == 0
    assert shell.opened_with[0]["exchange"] == "acme"


def test_more_is_said_when_more_is_asked_for(shell: "Shell") -> None:
    def chatty() -> list[Any]:
        logging.getLogger("venuekit.orders").info("looked\x1b up")
        logging.getLogger("venuekit.orders").debug("details")
        return []

    shell.exchange.answers["fetch_balances"] = chatty

    shell.run("balances", "acme")
    assert shell.err == ""
    shell.run("balances", "acme", "-v")
    assert shell.err == "INFO venuekit.orders: looked  up\n"
    shell.run("balances", "acme", "-vv")
    assert "DEBUG venuekit.orders: details" in shell.err


# Plugins


def test_a_broken_extension_is_listed_with_its_reason(shell: "Shell") -> None:
    shell.make_hooks = lambda _: Hooks(find=list, modules={"guard": hookimpl_misspelt()})

    assert shell.run("plugins", "--check") == 1
    assert "guard" in shell.out
    assert "did you mean venuekit_veto_order?" in shell.err
    assert shell.run("plugins", "--check", "--json") == 1
    assert [(entry["kind"], entry["status"]) for entry in shell.data()] == [("extension", "failed")]


def hookimpl_misspelt() -> object:
    return type("Module", (), {"venuekit_veto_ordr": staticmethod(hookimpl(lambda: None))})


# Commands of other packages


def with_commands(shell: "Shell", *specs: CommandSpec) -> None:
    module = type("Module", (), {"venuekit_commands": staticmethod(hookimpl(lambda: specs))})
    shell.make_hooks = lambda _: Hooks(find=list, modules={"extra": module})


def test_other_packages_add_commands_that_are_imported_when_they_run(shell: "Shell") -> None:
    spec = CommandSpec(name="dump", help="Write JSON.", function="json:dumps")
    broken = CommandSpec(name="wrong", help="Break.", function="no_such_module:run")
    with_commands(shell, spec, broken)

    assert shell.run("--help") == 0
    assert "Write JSON." in shell.out
    assert shell.run("dump", "--help", "-x") == 0
    assert shell.run("wrong") == 2
    assert "No module named 'no_such_module'" in shell.err
    assert "report this to its authors" in shell.err


def test_a_command_of_ours_is_not_replaced(shell: "Shell") -> None:
    with_commands(shell, CommandSpec(name="book", help="Mine.", function="json:dumps"))

    assert shell.run("--help") == 0
    assert "Mine." not in shell.out
    assert "its command 'book' is taken by venuekit" in shell.err
