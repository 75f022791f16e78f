"""Members and values that nobody documented, for clients that should not mind them."""

from typing import Any, Final

from venuekit.sim.faults import FaultKind, FaultPlan

_ENUMS: Final = {"status": "filled_size", "done_reason": "filled_size", "liquidity": "trade_id"}
"""Members that hold an enumeration, where another member tells the kind of the object."""


def estranged(faults: FaultPlan, data: object) -> object:
    """Give the data as it is, or with what lasting faults add to it."""
    if not faults.planned:
        return data
    has_members = faults.lasting(FaultKind.STRANGE_MEMBERS) is not None
    has_values = faults.lasting(FaultKind.STRANGE_VALUES) is not None
    if not has_members and not has_values:
        return data
    return _changed(data, has_members=has_members, has_values=has_values)


def _changed(data: Any, *, has_members: bool, has_values: bool) -> Any:
    if isinstance(data, list):
        return [_changed(each, has_members=has_members, has_values=has_values) for each in data]
    if not isinstance(data, dict):
        return data
    made = {
        name: _changed(each, has_members=has_members, has_values=has_values)
        for name, each in data.items()
    }
    if has_values:
        for name, companion in _ENUMS.items():
            if name in made and companion in made:
                made[name] = "nobody_knows_this"
    if has_members:
        made |= {"zz_unknown": {"unknown": [1, "two", None]}}
    return made
