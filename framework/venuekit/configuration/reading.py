"""Finding and reading `venuekit.toml`."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from venuekit.configuration.settings import (
    AccountSettings,
    Configuration,
    Selection,
    StoreSettings,
)
from venuekit.configuration.structure import Fault, structured
from venuekit.configuration.variables import CONFIG, Override, applied, overrides
from venuekit.model import ConfigurationError

FILE_NAME: Final = "venuekit.toml"


def load_configuration(
    path: Path | str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user_folder: Path | None = None,
    sources: Sequence[str] = (),
) -> Configuration:
    """Find the file, read it, and put environment variables over it.

    The file is `path`; else what `VENUEKIT_CONFIG` names; else `venuekit.toml` in the current
    folder; else the one in the platform's folder for user configuration; else nothing is set.

    Args:
        path: The file to read.
        variables: Environment variables; None: the process's own.
        folder: Where to look for `venuekit.toml`; None: the current folder.
        user_folder: The folder for user configuration; None: the platform's.
        sources: Credential sources that extensions offer.

    Raises:
        ConfigurationError: The file cannot be read, or anything in it or in a variable is wrong;
            all faults together, each with its place, what was found and what is allowed.
    """
    known = os.environ if variables is None else variables
    file = _find(path, known, folder, user_folder)
    if file is None:
        return configuration_from_text("", source="the defaults", variables=known, sources=sources)
    return configuration_from_text(
        _text(file), source=str(file), variables=known, folder=file.parent, sources=sources
    )


def configuration_from_text(
    text: str,
    *,
    source: str = FILE_NAME,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    sources: Sequence[str] = (),
) -> Configuration:
    """Make a configuration of the text of a file and of environment variables. No I/O.

    Args:
        text: TOML.
        source: The file's name, for messages.
        variables: Environment variables; None: none.
        folder: What relative paths in the file start from; None: they stay as they are.
        sources: Credential sources that extensions offer.

    Raises:
        ConfigurationError: As `load_configuration`.
    """
    data = _parsed(text, source)
    found, misspelt = overrides(variables or {}, data)
    configuration, faults = structured(applied(data, found), sources)
    if faults or misspelt:
        told = [f"{'.'.join(fault.path)}: {fault.text}" for fault in misspelt]
        raise ConfigurationError([*(_told(fault, found, source) for fault in faults), *told])
    return _located(attrs.evolve(configuration, source=source), folder)


def _find(
    path: Path | str | None,
    variables: Mapping[str, str],
    folder: Path | None,
    user_folder: Path | None,
) -> Path | None:
    if path is not None:
        return Path(path).expanduser()
    if variables.get(CONFIG):
        return Path(variables[CONFIG]).expanduser()
    here = Path(FILE_NAME) if folder is None else folder / FILE_NAME
    if here.exists():
        return here
    if user_folder is None:
        from platformdirs import user_config_path

        user_folder = user_config_path("venuekit", appauthor=False)
    of_user = user_folder / FILE_NAME
    return of_user if of_user.exists() else None


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{file}: byte {error.start} is not UTF-8"]) from None
    except FileNotFoundError:
        raise ConfigurationError([f"{file}: there is no such file"]) from None
    except OSError as error:
        raise ConfigurationError([f"{file}: cannot be read: {error.strerror}"]) from error


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_toml_fault(str(error), source)]) from None
    except RecursionError:
        raise ConfigurationError([f"{source}: nested too deeply"]) from None


def _toml_fault(message: str, source: str) -> str:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    said = message[: place.start()] if place else message
    # tomllib may repeat a key or a character that it found, never a value; quotes are cut anyhow.
    said = re.sub(r"(['\"]).{4,}\1", "…", said)
    if place and place[1]:
        return f"{source}: line {place[1]}, column {place[2]}: {said}"
    return f"{source}: at its end: {said}" if place else f"{source}: {said}"


def _told(fault: Fault, found: list[Override], source: str) -> str:
    variable = next((o.variable for o in found if o.path == fault.path), None)
    if variable is not None:
        return f"{variable}: {fault.text}"
    path = ".".join(fault.path)
    return f"{source}: {path}: {fault.text}" if path else f"{source}: {fault.text}"


def _located(configuration: Configuration, folder: Path | None) -> Configuration:
    """Let `file:` references start from the file's own folder, wherever the program runs."""
    exchanges = {
        id_: attrs.evolve(
            exchange,
            accounts={
                name: _located_account(account, folder)
                for name, account in exchange.accounts.items()
            },
        )
        for id_, exchange in configuration.exchanges.items()
    }
    return attrs.evolve(configuration, exchanges=exchanges)


def _located_account(account: AccountSettings, folder: Path | None) -> AccountSettings:
    return attrs.evolve(
        account,
        api_key=_located_reference(account.api_key, folder),
        secret=_located_reference(account.secret, folder),
        passphrase=_located_reference(account.passphrase, folder),
    )


def _located_reference(reference: str | None, folder: Path | None) -> str | None:
    if reference is None or folder is None or not reference.startswith("file:"):
        return reference
    path = Path(reference.removeprefix("file:")).expanduser()
    return f"file:{path if path.is_absolute() else folder.absolute() / path}"


def store_url(settings: StoreSettings, selection: Selection) -> str:
    """Give the URL of the journal of one account of one exchange in one environment.

    `{exchange}`, `{account}` and `{environment}` in the setting stand for their names. Without a
    setting it is a database for each in the platform's folder for user data: one process holds a
    journal at a time, and two accounts are no reason to keep each other out.
    """
    url = settings.url
    if url is None:
        from platformdirs import user_data_path

        folder = user_data_path("venuekit", appauthor=False)
        url = f"sqlite:{folder}/{{exchange}}-{{environment}}-{{account}}.db"
    for name in ("exchange", "account", "environment"):
        url = url.replace(f"{{{name}}}", getattr(selection, name))
    return url
