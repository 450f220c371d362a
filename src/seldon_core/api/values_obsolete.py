"""Keys that older releases of the chart had and 1.17.1 no longer has.

People upgrade with `--reuse-values`, so these keys keep arriving. They are accepted; those without a meaning today are
named in a warning. `*` stands for any one key. Source: the values of Seldon Core's chart, releases 1.0 to 1.17.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OBSOLETE = (
    "createResources",
    "engine.grpc.port",
    "engine.image.pullPolicy",
    "engine.image.registry",
    "engine.image.repository",
    "engine.image.tag",
    "engine.logMessagesExternally",
    "engine.port",
    "engine.prometheus.path",
    "engine.resources.cpuLimit",
    "engine.resources.cpuRequest",
    "engine.resources.memoryLimit",
    "engine.resources.memoryRequest",
    "engine.securityContext.enabled",
    "engine.serviceAccount.name",
    "engine.user",
    "executor.defaultRequestLoggerEndpointPrefix",
    "executor.enabled",
    "executor.grpc.port",
    "predictiveUnit.port",
    "predictor_servers.*.grpc.defaultImageVersion",
    "predictor_servers.*.grpc.image",
    "predictor_servers.*.rest.defaultImageVersion",
    "predictor_servers.*.rest.image",
    "predictor_servers.*.tensorflow",
    "predictor_servers.*.tfImage",
)
"""Keys of old releases that mean nothing today."""

ALIASES = {"executor.defaultEnvSecretRefName": "predictiveUnit.defaultEnvSecretRefName"}
"""Keys that people were told to type and that no release read, and what they stand for."""


def present(data: Mapping[str, Any]) -> Iterator[str]:
    """The obsolete keys that data hold, full paths, in the order of `OBSOLETE`."""
    for pattern in OBSOLETE:
        yield from _matches(data, pattern.split("."), "")


def _matches(node: Any, pattern: list[str], prefix: str) -> Iterator[str]:
    if not pattern:
        yield prefix.removeprefix(".")
    elif isinstance(node, dict):
        head, *rest = pattern
        for key in node if head == "*" else (head,):
            if node.get(key) is not None:
                yield from _matches(node[key], rest, f"{prefix}.{key}")
