"""Keys that sign and cannot be read, where they come from, nonces, and the exchange's time."""

from venuekit.auth.credentials import CredentialFault, Source, read_credential
from venuekit.auth.exchange_clock import Ask, ExchangeClock, Measurement, Sample, measured
from venuekit.auth.keys import ALGORITHMS, SecretKey
from venuekit.auth.nonces import NonceAuthority, fingerprint_of
from venuekit.auth.redaction import MARK, RedactingFilter, Redactor

__all__ = [
    "ALGORITHMS",
    "MARK",
    "Ask",
    "CredentialFault",
    "ExchangeClock",
    "Measurement",
    "NonceAuthority",
    "RedactingFilter",
    "Redactor",
    "Sample",
    "SecretKey",
    "Source",
    "fingerprint_of",
    "measured",
    "read_credential",
]
