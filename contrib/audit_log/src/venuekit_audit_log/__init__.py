"""Writes every order, attempt, outcome and fill to a log in which a removed line shows."""

import atexit
import time
from collections.abc import Mapping, Sequence
from typing import Any

import venuekit.plugin as vk
from venuekit_audit_log.audit import AuditLog
from venuekit_audit_log.chain import Verdict, verify
from venuekit_audit_log.settings import AuditSettings, settings_from
from venuekit_audit_log.writer import Writer

__all__ = ["AuditLog", "AuditSettings", "Verdict", "Writer", "settings_from", "verify"]


@vk.hookimpl
def venuekit_extension(settings: Mapping[str, Any]) -> AuditLog:
    """Make the log of `[plugins.settings.audit-log]`; raises ConfigurationError."""
    log = AuditLog(Writer(settings_from(settings), time_ns=time.time_ns))
    atexit.register(log.close)
    return log


@vk.hookimpl
def venuekit_commands() -> Sequence[vk.CommandSpec]:
    """Offer `venuekit audit-verify`."""
    spec = vk.CommandSpec(
        name="audit-verify",
        help="Check the hash chain of an audit log: audit-verify FOLDER [--head HASH]",
        function="venuekit_audit_log.command:main",
    )
    return [spec]
