"""What can be checked of an exchange plugin without a network, beyond what opening it checks."""

import inspect
import pkgutil

from venuekit.plugin.capabilities import Adapter, lack_faults
from venuekit.plugin.failures import clean
from venuekit.plugin.manifest import Manifest


def deep_faults(manifest: Manifest) -> list[str]:
    """List what is wrong with a manifest that could be opened, each with its path.

    Makes an adapter for every environment, and imports the simulator.
    """
    faults = _of_adapter(manifest)
    if not manifest.environments:
        faults.append("$.environments: there is none")
    if manifest.simulator is not None:
        try:
            function = pkgutil.resolve_name(manifest.simulator)
        except Exception as error:  # noqa: BLE001  the border round a plugin
            faults.append(f"$.simulator: {manifest.simulator}: {_said(error)}")
        else:
            if not callable(function):
                faults.append(f"$.simulator: {manifest.simulator} cannot be called")
    faults += [
        f"$.timing.{name}: {value!r}; allowed: seconds above zero"
        for name in ("request_validity_s", "engine_timeout_s", "visibility_lag_s")
        if not (value := getattr(manifest.timing, name)) > 0
    ]
    return faults


def _of_adapter(manifest: Manifest) -> list[str]:
    kind: object = manifest.adapter
    if not (inspect.isclass(kind) and issubclass(kind, Adapter)):
        return [f"$.adapter: {kind!r} is no subclass of Adapter"]
    if inspect.isabstract(kind):
        missing = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
        return [f"$.adapter: {kind.__name__} lacks {missing}"]
    faults = lack_faults(kind)
    for name in manifest.environments:
        try:
            kind(name)
        except Exception as error:  # noqa: BLE001  the border round a plugin
            faults.append(f"$.adapter: for {name}: {_said(error)}")
    return faults


def _said(error: Exception) -> str:
    return clean(f"{type(error).__name__}: {error}")
