"""Asks an exchange's simulator through its adapter, call by call, as the framework would.

There is no client, no loop and no network: a call is data, the simulator a function. Each call is
kept with what was sent, what came back and what was read, for the checks to look at.
"""

import pkgutil
from collections.abc import Generator
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from venuekit.auth import Redactor, SecretKey
from venuekit.model import Failure, Instruments, Outcome
from venuekit.plugin import (
    Adapter,
    Answer,
    Authenticate,
    Call,
    ExchangeInfo,
    Manifest,
    Request,
    Stamp,
)
from venuekit.sim.dialect import Dialect, SimCredentials, SimRequest
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.simulated import EPOCH_NS

_APART_NS: Final = 3_000_000_000
"""Between two calls: slow enough for every limit."""
_MOST_CALLS: Final = 200


class Refused(Exception):
    """The exchange, as the adapter reads it, did not simply do what was asked."""

    def __init__(self, failure: Failure) -> None:
        """Carry what the adapter said."""
        super().__init__(f"{failure.outcome.value}, {failure.reason}: {failure.text}")
        self.failure = failure


@attrs.frozen(kw_only=True)
class Exchange:
    """One call with everything that belongs to it."""

    call: Call[Any]
    sent: Request
    answer: Answer
    failure: Failure | None


class Bench:
    """One adapter before one simulator, with a clock of their own."""

    def __init__(self, manifest: Manifest, *, guard: Guard, seed: int = 7) -> None:
        """Make adapter, simulator and key.

        Raises:
            LookupError: The plugin has no simulator.
        """
        if manifest.simulator is None:
            raise LookupError("the plugin has no simulator")
        create = pkgutil.resolve_name(manifest.simulator)
        self.dialect: Dialect = create(seed=seed)
        self.dialect.advance(EPOCH_NS)
        self.credentials: SimCredentials = self.dialect.credentials()
        self.redactor = Redactor()
        key = SecretKey(
            api_key=self.credentials.api_key,
            algorithm=self.credentials.algorithm,
            secret=self.credentials.secret,
            passphrase=self.credentials.passphrase,
            redactor=self.redactor,
        )
        self.begin(manifest, guard=guard, key=key, now_ns=EPOCH_NS, environment="sim")

    def begin(
        self, manifest: Manifest, *, guard: Guard, key: SecretKey, now_ns: int, environment: str
    ) -> None:
        """Make the adapter and ask for the listing; once everything that answers is there."""
        self.manifest = manifest
        self.guard = guard
        self.now_ns = now_ns
        self.key = key
        self.kept: list[Exchange] = []
        self._nonce = 0
        with guard.up():
            self.adapter: Adapter = manifest.adapter(environment)
        if isinstance(self.adapter, ExchangeInfo):
            with guard.up():
                steps = self.adapter.fetch_listing()
            listing = self.ask(steps)
            self.adapter.instruments = listing.instruments
        else:
            self.adapter.instruments = Instruments()

    def stamp(self, *, late_ns: int = 0) -> Stamp:
        """Give the time at the exchange, or another, and the next nonce where there are nonces."""
        rule = self.manifest.nonce
        nonce = None
        if rule is not None:
            self._nonce = max(self._nonce + 1, self.now_ns // rule.unit.in_ns)
            nonce = self._nonce
        return Stamp(time_ns=self.now_ns + late_ns, nonce=nonce)

    def signed(self, call: Call[Any], stamp: Stamp | None = None) -> Request:
        """Give a call's request as it goes out."""
        if not call.is_signed or not isinstance(self.adapter, Authenticate):
            return call.request
        with self.guard.up():
            return self.adapter.sign(call.request, self.key, stamp or self.stamp())

    def deliver(self, request: Request) -> Answer:
        """Bring a request to the simulator now."""
        url = self.manifest.environments["sim"].hosts[request.host]
        base = urlsplit(url.replace("{address}", "sim:1")).path.rstrip("/")
        self.dialect.advance(self.now_ns)
        answer = self.dialect.handle(
            SimRequest(
                method=request.method,
                path=base + request.path,
                query_string=request.query,
                headers=request.headers,
                body=request.body,
            ),
            self.now_ns,
        )
        headers = {name.lower(): value for name, value in answer.headers}
        return Answer(status=answer.status, headers=headers, body=answer.body)

    def judged(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Have the adapter say whether an answer is a success."""
        with self.guard.up():
            return self.adapter.failure(call, answer)

    def read(self, call: Call[Any], answer: Answer) -> Any:
        """Have the adapter read an answer."""
        with self.guard.up():
            result = call.read(answer)
            return list(result) if isinstance(result, Generator) else result

    def one(self, call: Call[Any]) -> Any:
        """Make one call.

        Raises:
            Refused: The adapter says that it failed.
        """
        self.now_ns += _APART_NS
        sent = self.signed(call)
        answer = self.deliver(sent)
        failure = self.judged(call, answer)
        self.kept.append(Exchange(call=call, sent=sent, answer=answer, failure=failure))
        if failure is not None and failure.outcome is not Outcome.DONE:
            raise Refused(failure)
        return self.read(call, answer)

    def ask(self, steps: Any) -> Any:
        """Make one call, or all calls of a generator, and give the result.

        Raises:
            Refused: The adapter says that one of them failed.
        """
        if isinstance(steps, Call):
            return self.one(steps)
        answer: Any = None
        for _ in range(_MOST_CALLS):
            try:
                with self.guard.up():
                    call = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = self.one(call)
        raise RuntimeError(f"more than {_MOST_CALLS} calls for one question")

    def wait(self, seconds: float) -> None:
        """Let time pass at the exchange."""
        self.now_ns += round(seconds * 1e9)
        self.dialect.advance(self.now_ns)
