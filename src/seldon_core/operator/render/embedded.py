"""The embedded executor: a server of ours that does the orchestrator's work itself, in a pod without its container.

Where a predictor can have that, and does, its server's container is told what the orchestrator would be told: the same
command line and the same graph, as variables. It then also listens on the orchestrator's ports, so Services, routes
and clients see no difference. Design decision 9.
"""

import shlex
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from seldon_core.api.advice import EXECUTOR_MODE_ANNOTATION
from seldon_core.api.shapes import Json
from seldon_core.api.types import ComponentSpec, SvcOrchSpec

from . import engine, kinds, probes
from .environment import merged
from .errors import RenderError
from .scope import Scope

ARGUMENTS: Final = "SELDON_EXECUTOR_ARGS"
_MODES: Final = ("auto", "sidecar", "embedded")
_PROTOCOLS: Final = frozenset({"seldon"}) | kinds.V2_PROTOCOLS
_PORTS: Final = ("executor-http", "executor-grpc")


def applies(scope: Scope) -> bool:
    """Whether the predictor's server does the orchestrator's work. Raises RenderError for an unknown mode."""
    return _mode(scope) != "sidecar" and not _obstacle(scope)


def warnings(scope: Scope) -> Iterator[str]:
    """Why there is an orchestrator's container where none is wanted."""
    if _mode(scope) == "embedded" and (reason := _obstacle(scope)):
        asked = EXECUTOR_MODE_ANNOTATION in scope.predictor.annotations
        at = f"{scope.path}.annotations[{EXECUTOR_MODE_ANNOTATION}]" if asked else f"{scope.path}: executor.mode"
        yield f"{at}: embedded cannot be, because {reason}; the predictor gets an orchestrator's container (sidecar)."


def container(scope: Scope, given: Json, components: Sequence[ComponentSpec]) -> Json:
    """The container of the predictor's only node with what makes it answer as the orchestrator.

    `components` are the predictor's pods as they are rendered, without this.
    """
    executor = scope.config.executor
    added = [
        ("ENGINE_PREDICTOR", engine.predictor_document(scope, components)),
        (ARGUMENTS, shlex.join(engine.arguments(scope))),
    ]
    numbers = (executor.port, executor.grpc_port)
    ports = [
        {"name": name, "containerPort": number, "protocol": "TCP"} for name, number in zip(_PORTS, numbers, strict=True)
    ]
    own: dict[str, Any] = {
        "env": merged(given.get("env") or (), added),
        "ports": [*(given.get("ports") or ()), *ports],
    }
    if not scope.is_declared(given["name"], "readinessProbe"):
        own["readinessProbe"] = probes.each_second(given["readinessProbe"])
    return {**given, **own}


def _mode(scope: Scope) -> str:
    given = scope.predictor.annotations.get(EXECUTOR_MODE_ANNOTATION, "")
    if given and given not in _MODES:
        raise RenderError(
            f'annotation {EXECUTOR_MODE_ANNOTATION}: "{given[:80]}" is no mode; write {", ".join(_MODES[:-1])} or '
            f"{_MODES[-1]}."
        )
    return given or scope.config.executor.mode


def _obstacle(scope: Scope) -> str:
    """Why the server cannot do the orchestrator's work, as the end of a sentence; empty where it can."""
    found = chain(_of_orchestrator(scope), _of_server(scope), _of_containers(scope))
    return next(found, "")


def _of_orchestrator(scope: Scope) -> Iterator[str]:
    """What is said of the orchestrator."""
    predictor = scope.predictor
    if scope.no_engine:
        yield "annotation seldon.io/no-engine says that the predictor has no orchestrator at all"
    if scope.separate_engine:
        yield "annotation seldon.io/engine-separate-pod gives the orchestrator pods of its own"
    if predictor.svc_orch_spec != SvcOrchSpec() or predictor.engine_resources:
        yield "svcOrchSpec (or engineResources) is about the orchestrator's container"
    if any(True for _ in engine.annotation_variables(scope)):
        yield "annotations seldon.io/engine-* are about the orchestrator's container"
    server_type = scope.sdep.spec.server_type
    if server_type not in {"", "rpc"}:
        yield f"the serverType is {server_type}"


def _of_server(scope: Scope) -> Iterator[str]:
    """What the graph asks for."""
    unit = scope.predictor.graph
    image = scope.server_image(unit)
    if unit.children:
        yield "the graph has more than one node"
    if image is None:
        yield f"{unit.name} is served by an image of your own"
    elif not image.embedded:
        yield f"the row of {unit.implementation} in predictor_servers does not say `embedded: true` of its image"
    if scope.protocol not in _PROTOCOLS:
        yield f"the protocol is {scope.protocol}"
    if unit.logger is not None:
        yield "the graph has a logger, which is the orchestrator's"
    if scope.certificate:
        yield "the predictor has a certificate (ssl)"


def _of_containers(scope: Scope) -> Iterator[str]:
    """What the user's containers leave no room for."""
    taken = {scope.config.executor.port, scope.config.executor.grpc_port}
    for component in scope.predictor.component_specs[:1]:
        for each in component.spec["containers"]:
            if each["name"] == scope.predictor.graph.name and each.get("command"):
                yield f"container {each['name']} has a command of your own"
            for port in each.get("ports") or ():
                if port.get("containerPort") in taken or port.get("name") in _PORTS:
                    yield f"container {each['name']} has the port {port.get('containerPort')} that it would take"
