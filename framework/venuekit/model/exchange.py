"""The state of an exchange as a whole."""

import enum

import attrs


class ServiceState(enum.Enum):
    """Whether an exchange takes requests."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"


@attrs.frozen(kw_only=True)
class ExchangeStatus:
    """What an exchange says of its own state."""

    state: ServiceState
    text: str = ""
