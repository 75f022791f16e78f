"""Which base URLs are allowed."""

import pytest

from venuekit.model import ConfigurationError
from venuekit.transport.hosts import hosts_from, is_request_target


@pytest.mark.parametrize(
    ("url", "authority", "base_path"),
    [
        ("https://api.example.com", "api.example.com", ""),
        ("https://api.example.com:443/", "api.example.com", ""),
        ("https://api.example.com/api/v3/", "api.example.com", "/api/v3"),
        ("wss://stream.example.com:9443/ws", "stream.example.com:9443", "/ws"),
    ],
)
def test_secure_urls_are_read(url: str, authority: str, base_path: str) -> None:
    host = hosts_from({"rest": url}, loopback=False)["rest"]

    assert (host.authority, host.base_path) == (authority, base_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ws://api.example.com",
        "ftp://api.example.com",
        "https://",
        "api.example.com",
        "http://127.0.0.1:80",
        "https://127.0.0.1",
        "https://[::1]",
        "https://localhost",
        "https://2130706433",
        "https://0x7f.1",
        "https://api.example.com:80",
        "https://api.example.com:0",
        "https://api.example.com:",
        "https://api.example.com:99999",
        "https://user:secret@api.example.com",
        "https://api.example.com@evil.example",
        "https://аpi.example.com",  # noqa: RUF001  # a Cyrillic a is the point
        "https://xn--pi-7ja.example.com",
        "https://api.example.com\\@evil.example",
        "https://api.example.com%2eevil.example",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.example.com/a/../b",
        "https://api.example.com/ x",
        "https://api.example.com\n",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^hosts\.rest: "):
        hosts_from({"rest": url}, loopback=False)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws", "http://[::1]:1", "http://localhost:80"],
)
def test_a_simulator_is_reached_on_loopback_in_plain(url: str) -> None:
    assert set(hosts_from({"rest": url}, loopback=True)) == {"rest"}


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "https://api.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
    ],
)
def test_a_simulator_is_nowhere_else(url: str) -> None:
    with pytest.raises(ConfigurationError):
        hosts_from({"rest": url}, loopback=True)


def test_all_faults_are_told_at_once_and_a_password_is_not() -> None:
    with pytest.raises(ConfigurationError) as refused:
        hosts_from({"a": "http://x.example", "b": "https://u:hunter22@y.example"}, loopback=False)

    assert len(refused.value.faults) == 2
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "query", "allowed"),
    [
        ("/api/v3/order", "a=1&b=%2B", True),
        ("/", "", True),
        ("/ws/btcusdt@trade", "", True),
        ("/..", "", False),
        ("/.", "", False),
        ("", "", False),
        ("/a", "\x7f", False),
    ],
)
def test_targets(path: str, query: str, allowed: bool) -> None:
    assert is_request_target(path, query) is allowed
