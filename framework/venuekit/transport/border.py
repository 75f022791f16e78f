"""What went wrong in aiohttp, in our words.

Only fixed sentences and the system's own error texts come through: aiohttp's hold URLs, whose
queries hold signatures.
"""

import os
import ssl

import aiohttp

from venuekit.transport.seam import AnswerLost, NothingSent, TransportFailure


class TooLarge(aiohttp.ClientError):
    """An answer over the cap."""


class Redirected(aiohttp.ClientError):
    """A WebSocket handshake that was answered with another address."""

    def __init__(self, status: int) -> None:
        """Keep the status, and not the address."""
        self.status = status
        super().__init__(status)


def failure_from(error: Exception, host: str, *, has_begun: bool) -> TransportFailure:
    """Say what is known of a request that failed.

    Args:
        error: What aiohttp or the system raised.
        host: The host's name in the manifest.
        has_begun: A connection was handed out, so that bytes may have been written.
    """
    if has_begun:
        return AnswerLost(f"{host}: {_lost(error)}")
    return NothingSent(f"{host}: {_unsent(error)}")


def _unsent(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name was not found"
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            why = getattr(cause, "verify_message", "") or "not accepted"
            return f"its certificate was refused: {why}"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            return f"no connection: {_system(error.os_error)}"
        case TimeoutError():
            return "no connection in time"
        case OSError():
            return f"no connection: {_system(error)}"
        case _:
            return f"no connection: {type(error).__name__}"


def _lost(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no whole answer in time"
        case TooLarge():
            return "the answer is too large"
        case Redirected() | aiohttp.WSServerHandshakeError():
            return f"the handshake was answered with status {error.status}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before the answer"
        case aiohttp.ClientPayloadError():
            return "the answer broke off or its encoding is broken"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP as it should be"
        case OSError():
            return f"the connection broke: {_system(error)}"
        case _:
            return f"the connection broke: {type(error).__name__}"


def _system(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
