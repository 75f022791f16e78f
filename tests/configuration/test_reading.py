"""Settings: strict, told all at once with their place, and no secret is ever repeated."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from venuekit.configuration import (
    Configuration,
    Durability,
    StoreSettings,
    configuration_from_text,
    load_configuration,
    lowered,
    store_url,
)
from venuekit.model import ConfigurationError
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec

WHOLE = """
exchange = "acme"

[store]
url = "sqlite:/somewhere/orders.db"
durability = "process"

[plugins]
prefer = {acme = "acme-plugin"}
blocked = ["other"]
required = ["guard"]

[exchanges.acme]
environment = "live"
account = "main"

[exchanges.acme.limits]
weight = 600

[exchanges.acme.accounts.main]
api_key = "env:ACME_KEY"
secret = "keyring:acme/main"
passphrase = "env:ACME_PHRASE"
algorithm = "ed25519"

[exchanges.acme.accounts.second]
api_key = "env:ACME_KEY_2"
nonce_window = 10000000
secret = "env:ACME_SECRET_2"
"""


def faults(text: str, variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        configuration_from_text(text, variables=variables)
    return caught.value.faults


# What is read


def test_every_setting_has_its_place() -> None:
    found = configuration_from_text(WHOLE)
    acme = found.settings_of("acme")

    assert found.exchange == "acme"
    assert found.store.url == "sqlite:/somewhere/orders.db"
    assert found.store.durability is Durability.PROCESS
    assert found.plugins.prefer == {"acme": "acme-plugin"}
    assert found.plugins.blocked == ("other",)
    assert found.plugins.required == ("guard",)
    assert (acme.environment, acme.account, acme.limits) == ("live", "main", {"weight": 600})
    assert acme.accounts["main"].algorithm == "ed25519"
    assert acme.accounts["main"].passphrase == "env:ACME_PHRASE"
    assert [acme.accounts[name].nonce_window for name in ("main", "second")] == [0, 10_000_000]
    assert acme.accounts["second"].secret == "env:ACME_SECRET_2"


def test_without_a_file_everything_is_safe() -> None:
    found = configuration_from_text("")

    assert found == Configuration(source="venuekit.toml")
    assert found.settings_of("acme").environment == "sim"
    assert found.store.durability is Durability.POWER


def test_a_table_that_says_nothing_of_the_environment_means_sim() -> None:
    assert configuration_from_text("[exchanges.acme]").select("acme").environment == "sim"


# What is wrong


def test_a_wrong_value_names_file_key_what_was_found_and_what_is_allowed() -> None:
    (fault,) = faults('[exchanges.acme]\nenvironment = "liv"')

    assert fault == (
        'venuekit.toml: exchanges.acme.environment: "liv"; allowed: live, testnet, sim; '
        'did you mean "live"?'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stroe = {}", "allowed: exchange, store, orders, limits, plugins, exchanges; did"),
        ("[store]\nurl = 5", "store.url: 5; allowed: a text"),
        ('[store]\nurl = ""', 'store.url: ""; allowed: a text'),
        ("[orders]\nreconcile_every_s = 0", "reconcile_every_s: 0; allowed: seconds, from 1"),
        ("[orders]\nreconcile_every_s = '1'", 'orders.reconcile_every_s: "1"; allowed: seconds'),
        ("[store]\ndurability = true", "store.durability: true; allowed: process, power"),
        ("store = 1", "store: 1; allowed: a table"),
        ("exchanges = []", "exchanges: "),
        ("[plugins]\nblocked = 'x'", 'plugins.blocked: "x"; allowed: a list of texts'),
        ("[plugins]\nprefer = {a = 1}", "plugins.prefer: "),
        ("[exchanges.acme]\naddress = 'localhost'", "allowed: host:port"),
        ("[exchanges.acme]\naddress = 'x:70000'", "allowed: a port from 1 to 65535"),
        ("[exchanges.acme]\nlimits = {weight = 0}", "weight = 0; allowed: a whole number"),
        ("[exchanges.acme]\nlimits = {weight = 1.5}", "weight = 1.5; allowed"),
        ("[exchanges.acme]\nlimits = {weight = true}", "weight = true; allowed"),
        ("[exchanges.acme.retries.place]\nattempts = 0", "place.attempts: 0; allowed: a"),
        ("[exchanges.acme.retries.place]\nwait_s = -1", "place.wait_s: -1; allowed: sec"),
        ("[exchanges.acme.retries.place]\ntotal_s = 'x'", 'total_s: "x"; allowed: seconds'),
        ("[exchanges.acme.retries.cancle]\nattempts = 2", 'did you mean "cancel"?'),
        ("[exchanges.acme.accounts.a]\ntier = 'Pro!'", "tier: a value that is no tier"),
        ("[exchanges.Acme]", "exchanges.Acme: no id"),
        ("[exchanges.acme]\nenvironment='live'\naddress='x:1'", "belongs to the environment sim"),
        ("[exchanges.acme.accounts.a]\napi_key='env:K'", "accounts.a: secret is missing"),
        ("[exchanges.acme.accounts.a]\nnonce_window=-1", "nonce_window: a value that is no window"),
        ("[exchanges.acme.accounts.a]\nnonce_window=true", "nonce_window: a value that is no"),
        ("[exchanges.acme.accounts.a]\nsecret='env:K'", "accounts.a: api_key is missing"),
        (WHOLE.replace('account = "main"', 'account = "mian"'), 'did you mean "main"?'),
    ],
)  # fmt: skip
def test_each_fault_is_told_at_its_place(text: str, told: str) -> None:
    (fault,) = faults(text)

    assert fault.startswith("venuekit.toml: ")
    assert told in fault


def test_all_faults_are_told_at_once() -> None:
    text = '[store]\nurl = 5\n[exchanges.acme]\nenvironment = "liv"\nenv = "live"'

    assert [fault.split(": ")[1] for fault in faults(text)] == [
        "store.url",
        "exchanges.acme.environment",
        "exchanges.acme.env",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = 1\nb = [1,\n", "at its end"),
        ("a = 1\nb = oops\n", "line 2, column 5"),
        ("[a]\n[a]\n", "line 2, column 3"),
    ],
)
def test_broken_toml_is_told_with_line_and_column(text: str, place: str) -> None:
    assert faults(text)[0].startswith(f"venuekit.toml: {place}: ")


# Secrets

CANARY = "tobesecret7Q9xYw"


@pytest.mark.parametrize(
    "text",
    [
        f'[exchanges.acme.accounts.a]\napi_key = "env:K"\nsecret = "{CANARY}"',
        f'[exchanges.acme.accounts.a]\napi_key = "{CANARY}:x"\nsecret = "env:{CANARY}"',
        f'[exchanges.acme.accounts.a]\napi_key = "env:K"\nsecert = "{CANARY}"',
        f'[exchanges.acme.accounts.a]\napi_key = "env:K"\nsecret = ["{CANARY}"]',
        f'[exchanges.acme.accounts.a]\nalgorithm = "{CANARY}"',
        f'[exchanges.acme.accounts]\na = "{CANARY}"',
        f'[exchanges.acme]\naccounts = ["{CANARY}"]',
        f'[exchanges.acme.accounts.a]\nsecret = "{CANARY}',
        f"[exchanges.acme.accounts.a]\nsecret = {CANARY}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str) -> None:
    told = faults(text)

    assert CANARY not in "\n".join(told)


def test_a_misspelt_reference_suggests_the_right_one() -> None:
    text = '[exchanges.acme.accounts.a]\napi_key = "env:K"\nsecret = "enviroment:K"'

    assert 'did you mean "env:"?' in faults(text)[0]


def test_extensions_may_offer_further_sources() -> None:
    text = '[exchanges.acme.accounts.a]\napi_key = "vault:k"\nsecret = "vault:s"'

    found = configuration_from_text(text, sources=["vault"])

    assert found.settings_of("acme").accounts["a"].secret == "vault:s"
    assert len(faults(text)) == 2


def test_the_password_of_a_store_is_not_in_its_repr() -> None:
    settings = StoreSettings(url=f"postgres://me:{CANARY}@host/db")

    assert CANARY not in repr(settings)
    assert "host/db" in repr(settings)


# Environment variables


def test_variables_stand_over_the_file() -> None:
    found = configuration_from_text(
        WHOLE,
        variables={
            "VENUEKIT_EXCHANGE": "my-ex",
            "VENUEKIT_ACME_ENVIRONMENT": "testnet",
            "VENUEKIT_ACME_ACCOUNT": "second",
            "VENUEKIT_STORE_URL": "sqlite:/other.db",
            "VENUEKIT_STORE_DURABILITY": "power",
            "VENUEKIT_NEW_ADDRESS": "127.0.0.1:8080",
            "VENUEKIT_NEW_ENVIRONMENT": "",
        },
    )

    assert found.exchange == "my-ex"
    assert found.settings_of("acme").environment == "testnet"
    assert found.settings_of("acme").limits == {"weight": 600}
    assert found.store == StoreSettings(url="sqlite:/other.db")
    assert found.select("acme").account == "second"
    assert found.select("new").address == "127.0.0.1:8080"


def test_a_variable_finds_an_id_with_a_dash() -> None:
    found = configuration_from_text(
        "[exchanges.my-ex]", variables={"VENUEKIT_MY_EX_ENVIRONMENT": "live"}
    )

    assert found.settings_of("my-ex").environment == "live"


def test_a_wrong_value_of_a_variable_names_the_variable() -> None:
    (fault,) = faults("", {"VENUEKIT_ACME_ENVIRONMENT": "liv"})

    assert fault.startswith('VENUEKIT_ACME_ENVIRONMENT: "liv"; allowed: live, testnet, sim')


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VENUEKIT_STORE_DURABILTY", "VENUEKIT_STORE_DURABILITY"),
        ("VENUEKIT_ACME_ENVIROMENT", "VENUEKIT_ACME_ENVIRONMENT"),
        ("VENUEKIT_CONFG", "VENUEKIT_CONFIG"),
    ],
)
def test_a_misspelt_variable_is_told(name: str, meant: str) -> None:
    assert faults("", {name: "x"}) == (f"{name}: unknown variable; did you mean {meant}?",)


def test_variables_that_hold_keys_are_nobodys_settings() -> None:
    text = '[exchanges.acme.accounts.a]\napi_key = "env:VENUEKIT_ACME_ADRESS"\nsecret = "env:S"'

    found = configuration_from_text(
        text, variables={"VENUEKIT_ACME_ADRESS": "x", "VENUEKIT_ACME_SECRET": "y"}
    )

    assert found.settings_of("acme").address is None


def test_a_variable_that_chooses_live_leaves_the_simulators_address_aside() -> None:
    text = '[exchanges.acme]\naddress = "127.0.0.1:1"'

    found = configuration_from_text(text, variables={"VENUEKIT_ACME_ENVIRONMENT": "live"})

    assert found.select("acme").address is None


# Where the file is


def test_files_are_looked_for_in_order(tmp_path: Path) -> None:
    for name in ("explicit", "variable", "current", "user"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "venuekit.toml").write_text(f'exchange = "{name}"')
    variables = {"VENUEKIT_CONFIG": str(tmp_path / "variable" / "venuekit.toml")}
    current, user = tmp_path / "current", tmp_path / "user"

    def chosen(path: Path | None, known: Mapping[str, str], folder: Path) -> str | None:
        return load_configuration(path, variables=known, folder=folder, user_folder=user).exchange

    explicit = tmp_path / "explicit" / "venuekit.toml"
    assert chosen(explicit, variables, current) == "explicit"
    assert chosen(None, variables, current) == "variable"
    assert chosen(None, {}, current) == "current"
    assert chosen(None, {}, tmp_path) == "user"
    assert load_configuration(variables={}, folder=tmp_path, user_folder=tmp_path).exchange is None


@pytest.mark.parametrize("variables", [{}, {"VENUEKIT_CONFIG": "/nowhere/venuekit.toml"}])
def test_a_file_that_was_named_has_to_be_there(variables: Mapping[str, str]) -> None:
    path = None if variables else "/nowhere/venuekit.toml"

    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_configuration(path, variables=variables)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "venuekit.toml"
    file.write_bytes(b"a = '\xff'")

    with pytest.raises(ConfigurationError, match="byte 5 is not UTF-8"):
        load_configuration(file, variables={})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path, variables={})


def test_relative_secret_files_start_from_the_files_own_folder(tmp_path: Path) -> None:
    file = tmp_path / "venuekit.toml"
    file.write_text('[exchanges.acme.accounts.a]\napi_key = "file:k"\nsecret = "file:/etc/s"')

    account = load_configuration(file, variables={}).settings_of("acme").accounts["a"]

    assert account.api_key == f"file:{tmp_path}/k"
    assert account.secret == "file:/etc/s"


def test_each_account_has_a_store_of_its_own_unless_a_url_says_otherwise() -> None:
    main = configuration_from_text("").select("acme", account="main", environment="testnet")

    assert store_url(StoreSettings(), main).startswith("sqlite:/")
    assert store_url(StoreSettings(), main).endswith("/acme-testnet-main.db")
    assert store_url(StoreSettings(url="sqlite:/x.db"), main) == "sqlite:/x.db"
    named = StoreSettings(url="sqlite:/{account}@{exchange}.{environment}")
    assert store_url(named, main) == "sqlite:/main@acme.testnet"


# What applies to one opening


def test_arguments_stand_over_everything() -> None:
    text = '[exchanges.acme]\naddress = "127.0.0.1:1"'
    found = configuration_from_text(text)

    assert found.select("acme").address == "127.0.0.1:1"
    assert found.select("acme", address="127.0.0.1:2").address == "127.0.0.1:2"
    assert found.select("acme", environment="testnet").address is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"environment": "prod"}, "environment='prod'; allowed: live, testnet, sim"),
        ({"environment": "live", "address": "x:1"}, "is for the environment sim, not live"),
        ({"address": "x"}, "allowed: host:port"),
        ({"account": "third"}, "accounts: no 'third'; it has main, second"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, str], told: str) -> None:
    found = configuration_from_text(WHOLE.replace('"live"', '"sim"'))

    with pytest.raises(ConfigurationError, match=told):
        found.select("acme", **arguments)


def test_of_several_accounts_one_has_to_be_named() -> None:
    text = WHOLE.replace('account = "main"', "")

    with pytest.raises(ConfigurationError, match="has the accounts main, second; name one"):
        configuration_from_text(text).select("acme")

    found = configuration_from_text(text).select("acme", account="second")
    assert found.credentials is not None
    assert found.credentials.api_key == "env:ACME_KEY_2"


def test_the_only_account_need_not_be_named() -> None:
    text = '[exchanges.acme.accounts.mine]\napi_key = "env:K"\nsecret = "env:S"'

    assert configuration_from_text(text).select("acme").account == "mine"
    assert configuration_from_text("").select("acme").account == "default"
    assert configuration_from_text("").select("acme").credentials is None


# Limits


def budget(name: str, capacity: int) -> BudgetSpec:
    return BudgetSpec(
        name=name,
        kind=BudgetKind.FIXED_WINDOW,
        scope=BudgetScope.IP,
        capacity=capacity,
        interval_s=60,
    )


def test_limits_may_be_lowered_and_never_raised() -> None:
    budgets = [budget("weight", 6000), budget("orders", 100)]

    assert [b.capacity for b in lowered(budgets, {"weight": 600}, "x")] == [600, 100]
    with pytest.raises(ConfigurationError) as caught:
        lowered(budgets, {"weight": 6001, "wieght": 1}, "venuekit.toml: exchanges.acme.limits")
    unknown, raised = caught.value.faults
    assert unknown == (
        "venuekit.toml: exchanges.acme.limits.wieght: no such budget; allowed: weight, orders"
    )
    assert raised == (
        "venuekit.toml: exchanges.acme.limits.weight: 6001 is above the exchange's own limit; "
        "allowed: 1 to 6000"
    )
