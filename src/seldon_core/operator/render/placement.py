"""Where pods run, if their componentSpec does not say: the installation's defaults (values `modelDefaults`)."""

from typing import Any

from seldon_core.api.shapes import Json
from seldon_core.api.types import Labels

from .scope import Scope

_SPREAD = "topologySpreadConstraints"


def placed(scope: Scope, pod: Json, selector: Labels) -> Json:
    """A pod spec with the defaults for what it says nothing of; an empty value says something, too."""
    missing: dict[str, Any] = {field: value for field, value in scope.config.pod_defaults.items() if field not in pod}
    if _SPREAD in missing:
        # A constraint without a selector counts no pods. Which ones are meant differs from Deployment to Deployment.
        selected = {"labelSelector": {"matchLabels": selector}}
        missing[_SPREAD] = [selected | each for each in missing[_SPREAD]]
    return {**pod, **missing} if missing else pod
