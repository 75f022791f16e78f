"""The faults: each has happened to somebody, or nearly."""

from typing import Final

from tests.mutations.planting import Mutation

_UNKNOWN = "tests/orders/test_unknown_outcomes.py"
_RECONCILING = "tests/orders/test_reconciling.py"
_LIFE = "tests/orders/test_order_lifecycle.py"
_COMMANDS = "tests/orders/test_order_commands.py"
_DESK = "tests/orders/test_order_desk.py"
_POLICY = "tests/retry/test_retry_policy.py"
_JOURNAL = "tests/stores/test_journal_contract.py"
_FILE = "tests/stores/test_journal_file.py"

MUTATIONS: Final = (
    Mutation(
        name="retry a lost placement",
        file="retry/policy.py",
        was="if failure.outcome is Outcome.UNKNOWN and kind not in _REPEATABLE and not is_deduped:",
        becomes="if False:",
        tests=(_POLICY, "tests/retry/test_caller.py"),
        harm="the order is bought twice",
    ),
    Mutation(
        name="trust not found at once",
        file="orders/resolving.py",
        was="is_late = loop.time() >= self._proof_at[name]",
        becomes="is_late = True",
        tests=(_UNKNOWN,),
        harm="an order that arrives late is nobody's",
    ),
    Mutation(
        name="leave the engine's time-out out of the proof",
        file="orders/resolving.py",
        was="spans = timing.request_validity_s + timing.engine_timeout_s + timing.visibility_lag_s",
        becomes="spans = timing.request_validity_s",
        tests=(_UNKNOWN,),
        harm="an order that the engine still works on is called never placed",
    ),
    Mutation(
        name="take an error while asking for not found",
        file="orders/resolving.py",
        was="""type(error).__name__})
            return _Search.UNANSWERED""",
        becomes="""type(error).__name__})
            return _Search.ABSENT""",
        tests=(_UNKNOWN,),
        harm="an outage ends live orders here",
    ),
    Mutation(
        name="skip the fsync",
        file="stores/opening.py",
        was='synchronous = "NORMAL" if durability == "process" else "FULL"',
        becomes='synchronous = "NORMAL"',
        tests=("tests/disk/test_power_loss.py",),
        harm="a loss of power takes acknowledged intents away",
    ),
    Mutation(
        name="settle before the commit",
        file="stores/lane.py",
        was="""                self._commit(batch)
                self._settle(batch)""",
        becomes="""                self._settle(batch)
                self._commit(batch)""",
        tests=(_FILE, _JOURNAL, "tests/disk/test_power_loss.py"),
        harm="an order leaves before its intent is safe",
    ),
    Mutation(
        name="go on after a failed commit",
        file="stores/lane.py",
        was="""        if self._failure is not None:
            raise self._failure
        connection = self._connection
        try:
            if is_single:""",
        becomes="""        connection = self._connection
        try:
            if is_single:""",
        tests=(_FILE, "tests/disk/test_broken_disk.py"),
        harm="orders are sent on a journal that nobody can trust",
    ),
    Mutation(
        name="send although the intent was not written",
        file="orders/equipment.py",
        was="            await self.journal.record_intent(*intents)\n",
        becomes="            pass\n",
        tests=(_DESK,),
        harm="a crash forgets an order that exists",
    ),
    Mutation(
        name="place although the journal failed",
        file="orders/sending.py",
        was="""                self._journal.record_attempt(
                    self._scope,
                    order.client_order_id,
                    attempt.number,
                    time_ns=attempt.sent_at_ns,
                )""",
        becomes="                pass",
        tests=(_DESK,),
        harm="nothing tells that a request may be on the wire",
    ),
    Mutation(
        name="drop the late fill",
        file="orders/lifecycle.py",
        was="_booked(_named(known, report), arrived, report.filled)",
        becomes="_named(known, report)",
        tests=(_LIFE,),
        harm="a trade that happened is not in the books",
    ),
    Mutation(
        name="overwrite with the older answer",
        file="orders/lifecycle.py",
        was="    return not is_end or report.filled < known.filled",
        becomes="    return False",
        tests=(_LIFE,),
        harm="a filled order is shown as open",
    ),
    Mutation(
        name="let executed quantity shrink",
        file="orders/lifecycle.py",
        was="    filled = max(order.filled, total, at_least)",
        becomes="    filled = max(total, at_least)",
        tests=(_LIFE,),
        harm="what was bought is bought again",
    ),
    Mutation(
        name="count a trade twice",
        file="orders/lifecycle.py",
        was="by_id[fill.trade_id] = _completed(by_id.get(fill.trade_id), fill)",
        becomes="by_id[fill.trade_id + str(len(by_id))] = fill",
        tests=(_LIFE,),
        harm="the position is wrong after every reconnection",
    ),
    Mutation(
        name="leave a final phase for a late word",
        file="orders/lifecycle.py",
        was="    _P.FILLED: frozenset(),",
        becomes="    _P.FILLED: frozenset({_P.OPEN, _P.CANCELED}),",
        tests=(_LIFE, "tests/docs/test_order_table.py"),
        harm="a filled order comes back to life",
    ),
    Mutation(
        name="keep the inferred fill beside the real one",
        file="orders/lifecycle.py",
        was="    if any(fill.is_inferred for fill in fills):",
        becomes="    if False:",
        tests=(_LIFE, _RECONCILING),
        harm="a trade counts twice once the exchange tells it",
    ),
    Mutation(
        name="take a cancel's unknown order for done",
        file="orders/commands.py",
        was="            except (OrderNotFound, OutcomeUnknown) as error:",
        becomes="""            except OrderNotFound:
                return known  # type: ignore[return-value]
            except OutcomeUnknown as error:""",
        tests=(_COMMANDS,),
        harm="a filled order is taken for canceled, and not hedged",
    ),
    Mutation(
        name="cancel for ever",
        file="orders/commands.py",
        was="        for _ in range(_ROUNDS):\n            ref",
        becomes="        for _ in range(10_000):\n            ref",
        tests=(_COMMANDS, "tests/incidents/test_order_incidents.py"),
        harm="a loop blocks trading",
    ),
    Mutation(
        name="take a lost amendment for made",
        file="orders/commands.py",
        was="                if order.phase.is_final or (",
        becomes="                if True or (",
        tests=(_COMMANDS,),
        harm="the order stands elsewhere than thought",
    ),
    Mutation(
        name="make a second order of the same key",
        file="orders/desk.py",
        was="                known = await self._journal.intent_of_key(self._scope, intent_key)",
        becomes="                known = None",
        tests=(_UNKNOWN, "tests/incidents/test_order_incidents.py"),
        harm="one signal buys twice",
    ),
    Mutation(
        name="forget what was unknown at the start",
        file="orders/desk.py",
        was="            resolved = await self.resolve_unknown()\n            if isinstance",
        becomes="            resolved = []\n            if isinstance",
        tests=(_UNKNOWN,),
        harm="after a crash an order is watched by nobody",
    ),
    Mutation(
        name="place after a stop",
        file="orders/desk.py",
        was="        if self._is_stopped or not self._is_started:",
        becomes="        if self._is_closed or not self._is_started:",
        tests=("tests/orders/test_stopping.py",),
        harm="a stopped program opens a position",
    ),
    Mutation(
        name="leave the gate open while the stream is away",
        file="client/private.py",
        was="        if not self._is_live and self._hub is not None and self._leave is not None:",
        becomes="        if False:",
        tests=("tests/client/test_private_side.py",),
        harm="orders are placed blind",
    ),
    Mutation(
        name="ask for fills without an overlap",
        file="orders/reconciling.py",
        was="        since_ns = max(known_ns - _OVERLAP_NS, 1)",
        becomes="        since_ns = max(known_ns, 1)",
        tests=(_RECONCILING,),
        harm="a trade that shows late is never booked",
    ),
    Mutation(
        name="take others' orders for ours",
        file="orders/ids.py",
        was="len(self.mark) + self._length and text.startswith(self.mark)",
        becomes="len(self.mark) + self._length",
        tests=("tests/orders/test_client_order_ids.py", _RECONCILING),
        harm="a stop cancels somebody else's orders",
    ),
    Mutation(
        name="take ours without an intent for others'",
        file="orders/register.py",
        was="            ours = self._ids.is_ours(report.client_order_id)",
        becomes="            ours = False",
        tests=(_RECONCILING,),
        harm="an orphan stays an orphan",
    ),
    Mutation(
        name="call an order lost after one miss",
        file="orders/register.py",
        was="_MISSES: Final = 3",
        becomes="_MISSES: Final = 1",
        tests=(_RECONCILING,),
        harm="one bad answer raises an alarm",
    ),
    Mutation(
        name="take a duplicate id for a failure",
        file="orders/sending.py",
        was='_DUPLICATE: Final = "order.duplicate_id"',
        becomes='_DUPLICATE: Final = "order.nothing"',
        tests=(_UNKNOWN, _DESK),
        harm="an order that exists is called rejected",
    ),
    Mutation(
        name="move on before an event is dealt with",
        file="orders/happenings.py",
        was="        self._last = self._given = event.number\n",
        becomes="        self._last = self._given = event.number\n        self.done()\n",
        tests=("tests/orders/test_order_events.py",),
        harm="a crash loses the event that was being dealt with",
    ),
    Mutation(
        name="keep answers with their secrets",
        file="orders/evidence.py",
        was="self._redact(",
        becomes="str(",
        tests=(_DESK, "tests/incidents/test_secret_incidents.py"),
        harm="keys lie in the database",
    ),
    Mutation(
        name="let everybody read the journal",
        file="stores/database.py",
        was="os.close(os.open(path, flags, 0o600))",
        becomes="os.close(os.open(path, flags, 0o644))",
        tests=(_FILE,),
        harm="another user reads all orders",
    ),
    Mutation(
        name="open a journal of a newer version",
        file="stores/database.py",
        was="    if version > SCHEMA_VERSION:",
        becomes="    if False:",
        tests=(_FILE,),
        harm="an older program damages it",
    ),
    Mutation(
        name="count a trade of one id once for both of its orders",
        file="stores/sqlite.py",
        was='"INSERT OR IGNORE INTO fills',
        becomes='"INSERT INTO fills',
        tests=(_JOURNAL,),
        harm="a repeated fill stops the journal",
    ),
    Mutation(
        name="follow redirects",
        file="transport/http.py",
        was="allow_redirects=False",
        becomes="allow_redirects=True",
        tests=("tests/transport/test_http_transport.py", "tests/transport/test_hosts.py"),
        harm="key and signed order go to another host",
    ),
    Mutation(
        name="let the library below send again",
        file="transport/http.py",
        was="session._retry_connection = False",
        becomes="session._retry_connection = True",
        tests=("tests/transport/test_sent_once.py",),
        harm="a cancel goes out twice with one nonce",
    ),
    Mutation(
        name="use a nonce before it is reserved",
        file="auth/nonces.py",
        was="    first = max(now, reserved + 1, above + 1)",
        becomes="    first = max(now, above + 1)",
        tests=("tests/auth/test_nonces.py",),
        harm="a nonce is given twice, and the key is locked",
    ),
    Mutation(
        name="believe any clock",
        file="auth/nonces.py",
        was="    if known is not None and not is_confirmed and ahead_s > farthest_s:",
        becomes="    if False:",
        tests=("tests/auth/test_nonces.py",),
        harm="a clock that is years ahead locks a key for ever",
    ),
)
