"""Every deadline of the suite by name, so that a slow machine changes one JSON text and no test.

`SELDON_E2E_TIMEOUTS='{"model_ready": 300}'` overrides; a name that does not exist is an error that lists the names.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

ENV = "SELDON_E2E_TIMEOUTS"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Deadlines in seconds."""

    api: float = 15.0
    """One request to the API server."""
    kubectl: float = 60.0
    """One kubectl command that changes something."""
    helm: float = 120.0
    """helm's own `--timeout` for an install, an upgrade or an uninstall."""
    controller: float = 90.0
    """From helm's return until only pods of the new release run."""
    capacity: float = 90.0
    """Until the pods of earlier tests have given their CPU back."""
    beside: float = 600.0
    """Until a test that another worker runs has given its CPU back."""
    namespace: float = 30.0
    """Until a new namespace has its default service account."""
    model_ready: float = 120.0
    """From the apply to a SeldonDeployment that is Available."""
    failure: float = 90.0
    """From the apply to a status that names the fault."""
    rollout: float = 120.0
    """Until a Deployment has replaced its pods."""
    deletion: float = 90.0
    """From a delete until every owned object is gone."""
    port_forward: float = 20.0
    """Until a port-forward listens."""
    request: float = 30.0
    """One HTTP request."""


def load(environment: Mapping[str, str]) -> Timeouts:
    """The table with the overrides of `SELDON_E2E_TIMEOUTS`.

    Raises ValueError, naming the variable and what it may hold, where the JSON is none, a name is unknown or a
    value is no positive number.
    """
    text = environment.get(ENV, "")
    if not text:
        return Timeouts()
    try:
        overrides = json.loads(text)
    except ValueError as error:
        raise ValueError(f'{ENV} is no JSON ({error}); write an object such as {{"model_ready": 300}}.') from error
    names = [field.name for field in dataclasses.fields(Timeouts)]
    if not isinstance(overrides, dict):
        raise ValueError(f"{ENV} must be a JSON object of seconds by name; names: {', '.join(names)}.")  # noqa: TRY004
    for name, seconds in overrides.items():
        if name not in names:
            raise ValueError(f"{ENV} has the unknown name {name!r}; names: {', '.join(names)}.")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            raise ValueError(f"{ENV}: {name} must be a number of seconds above 0, not {seconds!r}.")
    return Timeouts(**{name: float(seconds) for name, seconds in overrides.items()})
