"""The plugins that the settings let in."""

from venuekit.configuration.settings import PluginSettings
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.trust import Trust


def find_plugins(settings: PluginSettings) -> Plugins:
    """Give the exchange plugins of this machine as the settings choose them."""
    return Plugins(
        prefer=settings.prefer,
        blocked=settings.blocked,
        trust=_trust(settings),
        strict=settings.mode == "strict",
    )


def find_hooks(settings: PluginSettings, *, tolerant: bool = False) -> Hooks:
    """Load the extensions of this machine as the settings choose them.

    Args:
        settings: `[plugins]`.
        tolerant: Nothing is required: to look, not to trade.

    Raises:
        PluginError: One that is required cannot be used.
    """
    return Hooks(
        blocked=settings.blocked,
        required=settings.required,
        settings=settings.settings,
        trust=_trust(settings),
        strict=settings.mode == "strict",
        tolerant=tolerant,
    )


def _trust(settings: PluginSettings) -> Trust:
    return Trust(pins=settings.trust, allowed=settings.allow)
