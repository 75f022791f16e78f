"""The order desk: through it every order of one account goes, and none gets lost."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import attrs

from venuekit.model import (
    Balance,
    BadAnswer,
    ClientOrderId,
    Closed,
    Failure,
    Instrument,
    InstrumentNotFound,
    NotSent,
    NotSupported,
    Order,
    OrderEvent,
    OrderList,
    OrderListRequest,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OrderRequest,
    Outcome,
    OutcomeUnknown,
    Replacement,
    RequestError,
    StoreError,
    Symbol,
    Violation,
)
from venuekit.model import Advice
from venuekit.orders.changes import Changes
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.lifecycle import Divergence
from venuekit.orders.reconciliation import Reconciliation
from venuekit.orders.reconciling import Balances, Reconciler
from venuekit.orders.register import OrderClock, OrderRegister
from venuekit.orders.resolving import NEVER_PLACED, Asker, Resolver, delays_s
from venuekit.orders.rules import violations
from venuekit.orders.sending import Sender
from venuekit.plugin import (
    Adapter,
    Amend,
    Call,
    Cancel,
    CancelAll,
    Manifest,
    OrderLists,
    Place,
    QueryOrders,
    Replace,
    Validate,
)
from venuekit.stores import Intent, IntentExists, Journal, Scope
