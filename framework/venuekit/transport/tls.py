"""What this machine trusts, and the least that a trust of one's own has to keep."""

import ssl

from venuekit.model import ConfigurationError


def tls_of_machine() -> ssl.SSLContext:
    """Give a context that trusts the machine's certificates and speaks TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def check_verifies(context: ssl.SSLContext) -> None:
    """Refuse a context that would accept anybody.

    Raises:
        ConfigurationError: It does not verify certificates or names, or speaks TLS below 1.2.
    """
    faults = []
    if context.verify_mode is not ssl.CERT_REQUIRED:
        faults.append("tls: verify_mode must be CERT_REQUIRED")
    if not context.check_hostname:
        faults.append("tls: check_hostname must be on")
    if context.minimum_version not in {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}:
        faults.append("tls: minimum_version must be TLSv1_2 or TLSv1_3")
    if faults:
        raise ConfigurationError(faults)
