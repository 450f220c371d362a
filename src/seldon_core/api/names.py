"""Names of everything that is made for a SeldonDeployment, and the rule for names that are too long.

A name of up to 63 characters is used as it is. A longer one becomes `seldon-` and the MD5 of the full name, so that
the same deployment has the same names in every release. Source: specification 1.1.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from .types import ComponentSpec, Predictor

MAX_LENGTH: Final = 63
SERVICE_NAME_ANNOTATION: Final = "seldon.io/svc-name"
LABEL_RULE: Final = "may hold lower-case letters, digits and '-', and must begin and end with a letter or digit"
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_CONTAINER_LABEL: Final = "seldon-app-svc-"


def is_label(name: str) -> bool:
    """Whether Kubernetes takes the characters of a name for containers and Services. Its length is another matter."""
    return _LABEL.fullmatch(name) is not None


def _digest(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _fit(name: str, prefix: str = "seldon") -> str:
    if len(name) <= MAX_LENGTH:
        return name
    hashed = f"{prefix}-{_digest(name)}"
    return hashed if len(hashed) <= MAX_LENGTH else f"seldon-{_digest(name)}"


def _inside_pod(unit: str, suffix: str) -> str:
    """A name inside a unit's pod: cut, not hashed.

    Deviation: behind a unit's name of 62 characters or more nothing would be left of the suffix, and the init
    container, say, would be called like the unit's container. There a digest takes the unit's place.
    """
    if len(unit) > MAX_LENGTH - len("-x"):
        unit = _digest(unit)
    return f"{unit}-{suffix}"[:MAX_LENGTH].removesuffix("-")


def seldon_id(deployment: str) -> str:
    """The value of label `seldon-deployment-id`."""
    return _fit(deployment)


def deployment_name(
    deployment: str, predictor: str, index: int, component: ComponentSpec, *, name_as_prefix: bool = False
) -> str:
    """The Deployment of `componentSpecs[index]`, whose containers must be the defaulted ones.

    With `name_as_prefix` (value `manager.deploymentNameAsPrefix`) a hashed name starts with the SeldonDeployment's.
    """
    suffix = component.metadata.name or "-".join(c["name"] for c in component.spec["containers"])
    full = f"{deployment}-{predictor}-{index}-{suffix}"
    return _fit(full, deployment) if name_as_prefix else _fit(full)


def predictor_key(deployment: str, predictor: Predictor) -> str:
    """The Service of a predictor; annotation `seldon.io/svc-name` is used verbatim."""
    return predictor.annotations.get(SERVICE_NAME_ANNOTATION) or _fit(f"{deployment}-{predictor.name}")


def container_service(deployment: str, predictor: str, container: str) -> str:
    """The Service of one container of the graph."""
    return _fit(f"{deployment}-{predictor}-{container}")


def container_label(container: str) -> str:
    """The key of the label that selects the pods of one container of the graph.

    Deviation: v1.17.1 makes a key that Kubernetes refuses where the container's name is longer than 48 characters; here
    its digest takes the name's place (marked Q in specification 1.1).
    """
    key = f"{_CONTAINER_LABEL}{container}"
    return key if len(key) <= MAX_LENGTH else f"{_CONTAINER_LABEL}{_digest(container)}"


def orchestrator(deployment: str, predictor: str) -> str:
    """The Deployment of an orchestrator in pods of its own."""
    return _fit(f"{deployment}-{predictor}-svc-orch")


def initializer(unit: str) -> str:
    """The init container that fetches a unit's model."""
    return _inside_pod(unit, "model-initializer")


def provision_volume(unit: str) -> str:
    """The volume that a unit's model is fetched into."""
    return _inside_pod(unit, "provision-location")


def claim_volume(unit: str) -> str:
    """The volume of a unit's own claim, where another unit of the pod reads from another claim."""
    return _inside_pod(unit, "source-of-claim")


def companion_container(unit: str) -> str:
    """The second container of a unit, where the pod has another one of the usual name."""
    return _inside_pod(unit, "tfserving")


def explainer(deployment: str, predictor: str) -> str:
    """The Deployment of a predictor's explainer, and its Service."""
    return _fit(f"{deployment}-{predictor}-explainer")


def join(names: Iterable[str]) -> str:
    """Names for a sentence, in order."""
    return ", ".join(sorted(names)) or "none"
