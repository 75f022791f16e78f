"""Settings: `venuekit.toml` and `VENUEKIT_*`, checked whole and told with their place."""

from venuekit.configuration.reading import (
    FILE_NAME,
    configuration_from_text,
    load_configuration,
    store_url,
)
from venuekit.configuration.settings import (
    AccountSettings,
    Configuration,
    Durability,
    ExchangeSettings,
    LimitSettings,
    OrderSettings,
    PluginSettings,
    RetrySettings,
    Selection,
    StoreSettings,
    lowered,
)

__all__ = [
    "FILE_NAME",
    "AccountSettings",
    "Configuration",
    "Durability",
    "ExchangeSettings",
    "LimitSettings",
    "OrderSettings",
    "PluginSettings",
    "RetrySettings",
    "Selection",
    "StoreSettings",
    "configuration_from_text",
    "load_configuration",
    "lowered",
    "store_url",
]
