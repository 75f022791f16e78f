"""References to credentials give values, and faults that quote none."""

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venuekit.auth import read_credential
from venuekit.model import ConfigurationError

CANARY = "c4n4rys3cr3t0123456789abcdef"
PLACE = "venuekit.toml: exchanges.kraken.key"


def read(
    reference: str,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path("/nowhere"),
    **sources: Any,
) -> str:
    return read_credential(
        reference, place=PLACE, environ=environ or {}, folder=folder, sources=sources
    )


def fault(reference: str, **changes: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(reference, **changes)
    error = refused.value
    assert error.__cause__ is None
    assert error.__context__ is None
    # From the frame of `read_credential` on, local variables included: callers hold what they hold.
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    frames = error.__traceback__.tb_next.tb_next
    shown = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    assert CANARY not in "".join(shown.format())
    (sentence,) = error.faults
    place, _, rest = sentence.partition(f"{PLACE}: ")
    assert place == ""
    return rest


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.touch(mode=0o600)
    path.write_text(f"{CANARY}\n")
    return path


# --- environment ---------------------------------------------------------------------------------


def test_a_variable_gives_its_value_without_blanks() -> None:
    assert read("env:K", environ={"K": f" {CANARY}\n"}) == CANARY


def test_a_variable_that_is_not_set_is_named() -> None:
    assert fault("env:KRAKEN_KEY") == "env: the variable KRAKEN_KEY is not set"


def test_a_name_that_looks_like_a_secret_is_not() -> None:
    assert fault(f"env:{CANARY}") == "env: the variable it names is not set"


def test_an_empty_value_is_a_fault() -> None:
    assert fault("env:K", environ={"K": "  "}) == "env: the value is empty"


# --- files ---------------------------------------------------------------------------------------


def test_a_file_of_ones_own_gives_its_content(key_file: Path) -> None:
    assert read(f"file:{key_file}") == CANARY
    assert read("file:key.txt", folder=key_file.parent) == CANARY


def test_a_file_that_only_its_owner_may_read_is_taken_at_0400_too(key_file: Path) -> None:
    key_file.chmod(0o400)

    assert read(f"file:{key_file}") == CANARY


def test_the_home_folder_may_be_written_short(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(key_file.parent))

    assert read("file:~/key.txt") == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o700, 0o777])
def test_a_file_that_others_may_use_is_refused_with_the_remedy(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)

    told = fault(f"file:{key_file}")

    assert f"mode {mode:04o}" in told
    assert told.endswith(f"run: chmod 600 {key_file}")


def test_a_link_is_refused(key_file: Path) -> None:
    link = key_file.parent / "link"
    link.symlink_to(key_file)

    assert "is a link" in fault(f"file:{link}")


def test_what_is_not_a_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    assert "not a regular file" in fault(f"file:{tmp_path / 'pipe'}")
    assert "not a regular file" in fault(f"file:{tmp_path}")


def test_a_file_of_another_user_is_refused(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Making a file of another user needs root; being another user is the same question.
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)

    assert "another user" in fault(f"file:{key_file}")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "No such file" in fault(f"file:{tmp_path / 'missing'}")


def test_a_huge_or_binary_file_is_refused(key_file: Path) -> None:
    key_file.write_bytes(b"x" * 70_000)
    assert "larger than" in fault(f"file:{key_file}")

    key_file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in fault(f"file:{key_file}")


# --- keyring -------------------------------------------------------------------------------------


def test_the_keyring_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def get_password(service: str, user: str) -> str | None:
        asked.append((service, user))
        return CANARY if user == "main" else None

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))

    assert read("keyring:venuekit/main") == CANARY
    assert asked == [("venuekit", "main")]
    assert fault("keyring:venuekit/other") == "keyring: no entry 'other' of 'venuekit'"
    assert fault("keyring:venuekit") == "keyring: write keyring:SERVICE/USER"


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    assert fault("keyring:a/b").endswith("run: pip install venuekit[keyring]")


def test_a_keyring_that_fails_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_password(service: str, user: str) -> str:
        raise RuntimeError(CANARY)

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))

    assert fault("keyring:a/b") == "keyring: it failed with RuntimeError"


# --- other schemes -------------------------------------------------------------------------------


def test_a_plugin_brings_a_scheme() -> None:
    assert read("vault:secret/kraken", vault=lambda rest: f"value of {rest}") == (
        "value of secret/kraken"
    )


def test_a_plugin_cannot_take_over_a_scheme_that_is_built_in() -> None:
    assert read("env:K", environ={"K": "mine"}, env=lambda _: "stolen") == "mine"


def test_a_source_that_fails_is_told_without_its_words() -> None:
    def broken(rest: str) -> str:
        raise KeyError(CANARY)

    assert fault("vault:x", vault=broken) == "the source failed with KeyError"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("enviroment:K", 'unknown key source "enviroment:K"; did you mean "env:K"?'),
        ("evn:K", 'unknown key source "evn:K"; did you mean "env:K"?'),
        ("fiel:K", 'unknown key source "fiel:K"; did you mean "file:K"?'),
        ("keychain:x/y", 'unknown key source "keychain:…"; did you mean "keyring:…"?'),
    ],
)
def test_a_misspelt_scheme_suggests_the_nearest(reference: str, told: str) -> None:
    assert fault(reference) == told


@pytest.mark.parametrize(
    "bare",
    [
        CANARY,
        f"{CANARY}==",
        f"{CANARY[:10]}:{CANARY}",
        f"zzzz:{CANARY}",
        f"enviroment:{CANARY}",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
        "",
    ],
)
def test_a_secret_in_place_of_a_reference_is_refused_and_not_quoted(bare: str) -> None:
    told = fault(bare)

    assert CANARY not in told
    assert CANARY[:10] not in told
