"""The only places that requests go to: names, and the base URLs that they stand for."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from venuekit.model import ConfigurationError

_SECURE: Final = {"https": 443, "wss": 443}
_PLAIN: Final = {"http": 80, "ws": 80}
# Letters, digits and hyphens only: no IDN, whose look-alikes read like an exchange's name.
_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
# What may stand in a request line: visible ASCII that neither ends the part nor is ambiguous.
_REQUEST_PATH: Final = re.compile(r"/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*")
_REQUEST_QUERY: Final = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]{}|\"]*")


@attrs.frozen(kw_only=True)
class Host:
    """One place that requests may go to."""

    scheme: str
    """`http`, `https`, `ws` or `wss`."""
    authority: str
    """`api.example.com` or `127.0.0.1:8080`."""
    base_path: str
    """Stands before every path; empty, or `/` and more, without a slash at the end."""

    @property
    def is_socket(self) -> bool:
        """Whether WebSockets are opened there, and no requests sent."""
        return self.scheme in {"ws", "wss"}


def hosts_from(urls: Mapping[str, str], *, loopback: bool) -> dict[str, Host]:
    """Read an environment's hosts.

    Args:
        urls: Base URL by host name.
        loopback: The environment is a simulator: plain `http` and `ws` to loopback addresses
            are allowed, and nothing else is.

    Raises:
        ConfigurationError: Every URL that is not allowed, with its reason. A URL that holds user
            information is not quoted.
    """
    faults: list[str] = []
    hosts: dict[str, Host] = {}
    for name, url in urls.items():
        try:
            hosts[name] = _host_from(url, loopback=loopback)
        except ValueError as fault:
            faults.append(f"hosts.{name}: {fault}")
    if faults:
        raise ConfigurationError(faults)
    return hosts


def is_request_target(path: str, query: str) -> bool:
    """Say whether both can go into a request line exactly as they are."""
    return (
        _REQUEST_PATH.fullmatch(path) is not None
        and _REQUEST_QUERY.fullmatch(query) is not None
        and not path.startswith("//")
        and "/../" not in f"{path}/"
        and "/./" not in f"{path}/"
    )


def _host_from(url: str, *, loopback: bool) -> Host:
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' \\%?#<>"'):
        raise ValueError("a base URL is plain ASCII without query, fragment, % or backslash")
    if "@" in url:
        raise ValueError("a base URL holds no user or password")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is not a URL") from None
    if parts.netloc.endswith(":") or port == 0 or (port == 80 and parts.scheme in _SECURE):
        raise ValueError(f"{url!r} has a port that does not go with its scheme")
    host = parts.hostname or ""
    _check_place(url, parts.scheme, host, loopback=loopback)
    path = parts.path.rstrip("/")
    if _PATH.fullmatch(path) is None or ".." in path:
        raise ValueError(f"{url!r} has an odd path")
    shown = f"[{host}]" if ":" in host else host
    default = {**_SECURE, **_PLAIN}[parts.scheme]
    authority = shown if port in {None, default} else f"{shown}:{port}"
    return Host(scheme=parts.scheme, authority=authority, base_path=path)


def _check_place(url: str, scheme: str, host: str, *, loopback: bool) -> None:
    if loopback:
        if scheme not in {*_PLAIN, *_SECURE} or not _is_loopback(host):
            raise ValueError(f"{url!r} is not on this machine; a simulator is served on loopback")
        return
    if scheme not in _SECURE:
        raise ValueError(f"{url!r} must begin with https:// or wss://")
    if _NAME.fullmatch(host) is None or "xn--" in host:
        raise ValueError(f"{url!r} must name its host in plain letters, with a domain")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
