"""Images that older releases of the chart named by default: what `helm upgrade --reuse-values` brings along.

Nobody ever chose them. That of the controller and that of the orchestrator mean this project's own; images of model
servers and of initializers stay as they are named, because they run with what this project renders. The chart's
templates do the same (`_images.tpl`). Source: specification, chart-values.md.
"""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec.structs import replace

from .values_types import Values

REGISTRY: Final = "docker.io"
OPERATOR: Final = "seldonio/seldon-core-operator"
EXECUTOR: Final = "seldonio/seldon-core-executor"
_RELEASE: Final = re.compile(r"1\.[0-9]+\.[0-9]+")


def is_former_default(image: Any, repository: str) -> bool:
    """Whether an image is what a release of Seldon Core v1 had as its default."""
    given = (image.registry, image.repository)
    return given == (REGISTRY, repository) and _RELEASE.fullmatch(image.tag) is not None


def with_own_images(values: Values) -> Values:
    """The values with this project's controller and orchestrator in the place of such defaults."""
    defaults = Values()
    if is_former_default(values.image, OPERATOR):
        values = replace(values, image=replace(defaults.image, pull_policy=values.image.pull_policy))
    executor = values.executor
    if is_former_default(executor.image, EXECUTOR):
        own = replace(defaults.executor.image, pull_policy=executor.image.pull_policy)
        values = replace(values, executor=replace(executor, image=own))
    return values
