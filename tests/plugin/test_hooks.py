"""Extensions: each behind its fence, bound once, and free where nobody implements a hook."""

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import (
    Grid,
    Instrument,
    InstrumentStatus,
    Order,
    OrderPhase,
    OrderType,
    PluginError,
    Side,
    Symbol,
    limit_buy,
)
from venuekit.plugin import (
    CommandSpec,
    LimitEvent,
    LimitEventKind,
    RequestSeen,
    RetryPolicy,
    hookimpl,
)
from venuekit.plugin.discovery import PluginStatus
from venuekit.plugin.hooks import HookBindings, Hooks

if TYPE_CHECKING:
    from tests.plugin.conftest import Shelf

REQUEST = limit_buy("BTC/USDT", quantity="1", price="10")
INSTRUMENT = Instrument(
    symbol=Symbol("BTC/USDT"),
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(),
    quantity=Grid(),
)
ORDER = Order(symbol=Symbol("BTC/USDT"), side=Side.BUY, type=OrderType.LIMIT, phase=OrderPhase.OPEN)
SEEN = RequestSeen(
    exchange="acme",
    account="main",
    what="place order",
    kind="place",
    attempt=1,
    status=200,
    outcome="done",
    duration_s=0.1,
)


def hooks(**modules: object) -> Hooks:
    return Hooks(modules=modules, find=list, core="0.1.0")


def extension(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def test_where_nobody_implements_a_hook_the_hot_path_pays_nothing() -> None:
    assert hooks().bind() == HookBindings()
    assert hooks(a=extension()).bind().request_seen == ()


# Observers (venuekit_request_seen, venuekit_order_changed, venuekit_stream_event,
# venuekit_limit_event)


def test_an_observer_that_raises_is_logged_and_the_others_are_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []

    def venuekit_request_seen(request: RequestSeen) -> None:
        raise RuntimeError(f"cannot watch {request.what}")

    def watch(request: RequestSeen) -> None:
        seen.append(request)

    bound = hooks(
        bad=extension(venuekit_request_seen=venuekit_request_seen),
        good=extension(venuekit_request_seen=watch),
    ).bind()
    for observer in bound.request_seen:
        observer(SEEN)

    assert seen == [SEEN]
    assert "venuekit_request_seen, failure 1: bad" in caplog.text
    assert "cannot watch place order" in caplog.text


def test_a_storm_of_failures_is_not_a_storm_of_log_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def venuekit_stream_event(event: Any) -> None:
        raise RuntimeError(event)

    (observer,) = (
        hooks(a=extension(venuekit_stream_event=venuekit_stream_event)).bind().stream_event
    )
    with caplog.at_level(logging.WARNING, "venuekit.plugin"):
        for _ in range(1000):
            observer("acme", "main", "boom")

    assert len(caplog.records) == 10


def test_an_observer_is_given_the_arguments_that_it_asks_for() -> None:
    seen: list[Any] = []

    def venuekit_order_changed(order: Order, exchange: str) -> None:
        seen.append((order, exchange))

    (observer,) = (
        hooks(a=extension(venuekit_order_changed=venuekit_order_changed)).bind().order_changed
    )
    observer("acme", "main", ORDER)

    assert seen == [(ORDER, "acme")]


def test_what_limits_do_is_told_with_exchange_and_account() -> None:
    seen: list[Any] = []

    def venuekit_limit_event(event: LimitEvent, exchange: str, account: str) -> None:
        seen.append((exchange, account, event.kind.value))

    (observer,) = hooks(a=extension(venuekit_limit_event=venuekit_limit_event)).bind().limit_event
    observer("acme", "main", LimitEvent(kind=LimitEventKind.BANNED, seconds=120))

    assert seen == [("acme", "main", "banned")]


# Vetoes (venuekit_veto_order)


def test_a_veto_speaks_and_its_plugin_is_named() -> None:
    def venuekit_veto_order(exchange: str, request: Any) -> str | None:
        return f"too large\x1b for {exchange}" if request.quantity == 1 else None

    bound = hooks(
        guard=extension(venuekit_veto_order=venuekit_veto_order),
        calm=extension(venuekit_veto_order=lambda: None),
    ).bind()

    assert bound.refusals("acme", "main", REQUEST, INSTRUMENT) == ["guard: too large  for acme"]


@pytest.mark.parametrize("answer", [True, False, 0, "", ["no"]])
def test_a_veto_that_gives_neither_a_sentence_nor_none_refuses(answer: object) -> None:
    bound = hooks(guard=extension(venuekit_veto_order=lambda: answer)).bind()

    (reason,) = bound.refusals("acme", "main", REQUEST, INSTRUMENT)

    assert "it has to be a sentence or None" in reason


def test_a_veto_that_breaks_refuses_the_order() -> None:
    def venuekit_veto_order(request: Any) -> str | None:
        raise KeyError(request.symbol)

    bound = hooks(guard=extension(venuekit_veto_order=venuekit_veto_order)).bind()

    (reason,) = bound.refusals("acme", "main", REQUEST, INSTRUMENT)

    assert reason == "guard could not judge the order: KeyError: 'BTC/USDT'"


# Offers (venuekit_store_schemes, venuekit_credential_sources, venuekit_commands)


def test_stores_and_credential_sources_are_offered_by_scheme() -> None:
    found = hooks(
        a=extension(
            venuekit_store_schemes=lambda: {"memory": str.upper},
            venuekit_credential_sources=lambda: {"vault": str.lower},
        )
    )

    assert found.store_schemes()["memory"]("x") == "X"
    assert found.credential_sources()["vault"]("X") == "x"
    assert found.faults == []


def test_nobody_replaces_a_source_of_the_core() -> None:
    found = hooks(a=extension(venuekit_credential_sources=lambda: {"env": str.lower}))

    assert found.credential_sources(taken=["env"]) == {}
    assert found.faults == ["a: the credential source 'env' is taken by venuekit"]


POLICY = RetryPolicy(attempts=3, total_s=15, wait_s=75, base_s=0.1)


def test_extensions_replace_a_retry_policy_in_turn() -> None:
    def more(policy: RetryPolicy, kind: str) -> RetryPolicy | None:
        return attrs.evolve(policy, attempts=policy.attempts + 2) if kind == "cancel" else None

    def longer(policy: RetryPolicy) -> RetryPolicy:
        return attrs.evolve(policy, total_s=policy.total_s * 2)

    found = hooks(
        a=extension(venuekit_retry_policy=more), b=extension(venuekit_retry_policy=longer)
    )
    cancel = found.retry_policy("acme", "cancel", POLICY)
    assert (cancel.attempts, cancel.total_s) == (5, 30)
    assert found.retry_policy("acme", "place", POLICY).attempts == 3
    assert found.faults == []


def _breaks() -> RetryPolicy:
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_breaks, "no idea"),
        (lambda: 3, "gave a int, not a RetryPolicy"),
        (lambda policy: attrs.evolve(policy, attempts=0), "attempts: 0; allowed: 1 to 20"),
        (lambda policy: attrs.evolve(policy, wait_s=-1), "wait_s: -1; allowed: seconds"),
    ],
)
def test_a_retry_policy_that_cannot_be_is_passed_over_and_told(answer: Any, told: str) -> None:
    found = hooks(a=extension(venuekit_retry_policy=answer))
    assert found.retry_policy("acme", "place", POLICY) == POLICY
    assert told in "; ".join(found.faults)


def test_a_scheme_that_two_offer_is_served_by_neither() -> None:
    one = extension(venuekit_store_schemes=lambda: {"memory": str.upper})
    two = extension(venuekit_store_schemes=lambda: {"memory": str.lower})
    found = hooks(one=one, two=two)

    with pytest.raises(PluginError, match="one and two both offer the store scheme"):
        found.store_schemes()["memory"]("x")
    assert found.faults == ["one and two both offer the store scheme 'memory'"]


def test_an_offer_that_breaks_is_a_fault_and_the_others_count() -> None:
    found = hooks(
        bad=extension(venuekit_store_schemes=lambda: 1 / 0),
        odd=extension(venuekit_store_schemes=lambda: 5),
        good=extension(venuekit_store_schemes=lambda: {"memory": str.upper}),
    )

    assert list(found.store_schemes()) == ["memory"]
    assert "ZeroDivisionError" in found.faults[0]
    assert "odd: venuekit_store_schemes gave a int, not a mapping" in found.faults[1]


def test_commands_are_data_and_a_name_is_given_once() -> None:
    watch = CommandSpec(name="watch", help="Watch.", function="nowhere:run")
    book = CommandSpec(name="book", help="Mine.", function="nowhere:run")
    found = hooks(
        a=extension(venuekit_commands=lambda: [watch, book, "no command"]),
        b=extension(venuekit_commands=lambda: [watch]),
    )

    assert found.commands(taken=["book"]) == [watch]
    assert found.faults == [
        "a: its command 'book' is taken by venuekit",
        "a: offered a str as a command",
        "b: its command 'watch' is taken by a",
    ]


# Loading


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (
            extension(venuekit_request_sen=lambda request: None),
            "there is no hook venuekit_request_sen; did you mean venuekit_request_seen?",
        ),
        (
            SimpleNamespace(venuekit_request_seen=lambda request: None),
            "venuekit_request_seen lacks @hookimpl",
        ),
        (
            extension(venuekit_exchange=lambda: None),
            "venuekit_exchange belongs into the entry-point group venuekit.exchanges",
        ),
        (extension(venuekit_request_seen=lambda reqest: None), "PluginValidationError"),
    ],
)
def test_a_hook_that_would_never_be_called_is_told(module: object, told: str) -> None:
    (entry,) = hooks(a=module).entries

    assert entry.status is PluginStatus.FAILED
    assert told in entry.reason


def test_hooks_neither_wait_nor_wrap() -> None:
    async def venuekit_request_seen(request: RequestSeen) -> None:
        pass

    waiting = hooks(a=extension(venuekit_request_seen=venuekit_request_seen))
    wrapping = SimpleNamespace(venuekit_request_seen=hookimpl(wrapper=True)(_wrapper))

    assert "async function" in waiting.entries[0].reason
    assert "is a wrapper" in hooks(a=wrapping).entries[0].reason


def _wrapper(request: RequestSeen) -> Any:
    return (yield)


def test_optional_hooks_of_a_later_version_are_let_pass() -> None:
    module = SimpleNamespace(venuekit_later=hookimpl(optionalhook=True)(_later))

    assert hooks(a=module).entries[0].status is PluginStatus.READY


def _later() -> None:
    return None


def test_installed_extensions_are_loaded_behind_a_fence(shelf: "Shelf") -> None:
    group = "venuekit.plugins"
    shelf.put("bad-watch", "raise SystemExit(1)", name="bad", group=group)
    shelf.put("old-watch", "1 / 0", name="old", group=group, requires=["venuekit<0.1"])
    shelf.put("no-watch", "1 / 0", name="no", group=group)
    shelf.put(
        "good-watch",
        """
        import venuekit.plugin as vk

        @vk.hookimpl
        def venuekit_commands():
            return [vk.CommandSpec(name="watch", help="Watch.", function="nowhere:run")]
        """,
        name="good",
        group=group,
    )
    found = Hooks(find=shelf.find, core="0.1.0", blocked=["no-watch"])

    assert {entry.id: entry.status for entry in found.entries} == {
        "bad": PluginStatus.FAILED,
        "old": PluginStatus.INCOMPATIBLE,
        "no": PluginStatus.BLOCKED,
        "good": PluginStatus.READY,
    }
    assert [spec.name for spec in found.commands()] == ["watch"]


@pytest.mark.parametrize("wanted", ["bad", "bad-watch", "missing"])
def test_nothing_runs_without_a_required_extension(shelf: "Shelf", wanted: str) -> None:
    shelf.put("bad-watch", "1 / 0", name="bad", group="venuekit.plugins")

    with pytest.raises(PluginError, match=r"\[plugins\] required"):
        Hooks(find=shelf.find, core="0.1.0", required=[wanted])
