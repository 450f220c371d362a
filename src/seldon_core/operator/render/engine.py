"""The service orchestrator's container, and what it is told about its predictor. Source: specification 1.2, 1.7."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from seldon_core.api.shapes import Json
from seldon_core.api.types import ComponentSpec
from seldon_core.api.validation import ENGINE_CONTAINER

from . import annotations, canonical, probes, security
from .containers import CERT_MOUNT, PODINFO_MOUNT
from .environment import CERT_FOLDER, compact_json, merged
from .scope import Scope

_ENV_ANNOTATION: Final = "seldon.io/engine-"
_NOT_ENV: Final = "seldon.io/engine-separate-pod"
_QUEUE_SIZE: Final = "seldon.io/executor-logger-queue-size"
_WRITE_TIMEOUT: Final = "seldon.io/executor-logger-write-timeout-ms"
# Shorter than the models' (10 s), so that the requests that it still passes on find them there.
_PRE_STOP: Final = {"preStop": {"exec": {"command": ["/bin/sleep", "5"]}}}


def container(scope: Scope, pod: Json, components: Sequence[ComponentSpec]) -> Json:
    """The orchestrator's container for a pod. `components` are the predictor's pods as they are rendered."""
    executor = scope.config.executor
    tls = bool(scope.certificate)
    given = scope.predictor.svc_orch_spec.resources or scope.predictor.engine_resources
    resources = given or executor.resources.render()
    return {
        "name": ENGINE_CONTAINER,
        "image": executor.image,
        "imagePullPolicy": executor.pull_policy,
        "args": list(arguments(scope)),
        "env": _environment(scope, components),
        "ports": [
            {"name": "http", "containerPort": executor.port, "protocol": "TCP"},
            {"name": executor.metrics_port_name, "containerPort": executor.port, "protocol": "TCP"},
            {"name": "grpc", "containerPort": executor.grpc_port, "protocol": "TCP"},
        ],
        "resources": canonical.resources(resources),
        "volumeMounts": [dict(PODINFO_MOUNT), *([dict(CERT_MOUNT)] if tls else [])],
        "securityContext": security.restricted(pod, read_only_root=True, user=executor.user),
        "lifecycle": _PRE_STOP,
        # Why it cannot start (a protocol that it does not speak, say) is its last line: so it reaches the status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes.engine(executor.port, tls=tls),
    }


def arguments(scope: Scope) -> Iterator[str]:
    """The orchestrator's command line."""
    executor = scope.config.executor
    for flag, value in (
        ("sdep", scope.name),
        ("namespace", scope.namespace),
        ("predictor", scope.predictor.name),
        ("http_port", executor.port),
        ("grpc_port", executor.grpc_port),
        ("protocol", scope.protocol),
        ("transport", scope.transport),
        ("prometheus_path", executor.prometheus_path),
        ("server_type", scope.sdep.spec.server_type or "rpc"),
        ("log_work_buffer_size", _number(scope, _QUEUE_SIZE, executor.logger_queue_size)),
        ("log_write_timeout_ms", _number(scope, _WRITE_TIMEOUT, executor.logger_write_timeout_ms)),
    ):
        yield f"--{flag}"
        yield str(value)
    yield f"--full_health_checks={str(executor.full_health_checks).lower()}"


def _number(scope: Scope, annotation: str, default: int) -> int:
    value = annotations.number(scope.sdep, annotation)
    return default if value is None else value


def _environment(scope: Scope, components: Sequence[ComponentSpec]) -> list[Json]:
    given = scope.predictor.svc_orch_spec.env
    named = {entry["name"] for entry in given}
    first = [
        ("ENGINE_PREDICTOR", predictor_document(scope, components)),
        ("REQUEST_LOGGER_DEFAULT_ENDPOINT", scope.config.executor.logger_endpoint),
    ]
    own = [{"name": name, "value": value} for name, value in first if name not in named]
    added = [*annotation_variables(scope)]
    if scope.certificate:
        added.append(("SELDON_CERT_MOUNT_PATH", CERT_FOLDER))
    return merged([*own, *given], added)


def annotation_variables(scope: Scope) -> Iterator[tuple[str, str]]:
    """Annotation `seldon.io/engine-x-y` of the spec gives variable X_Y; variables of svcOrchSpec win."""
    variables = {
        key.removeprefix(_ENV_ANNOTATION).replace("-", "_").upper(): value
        for key, value in scope.sdep.spec.annotations.items()
        if key.startswith(_ENV_ANNOTATION) and key != _NOT_ENV
    }
    yield from sorted(variables.items())


def predictor_document(scope: Scope, components: Sequence[ComponentSpec]) -> str:
    """ENGINE_PREDICTOR: base64 of the predictor as JSON.

    Traffic and the explainer are left out and replicas are 0, so that changing them does not roll the pods.
    """
    p = scope.predictor
    document: dict[str, Any] = {
        "name": p.name,
        "graph": _plain(p.graph),
        "componentSpecs": [_component(component) for component in components],
        "replicas": 0,
    }
    if p.annotations:
        document["annotations"] = p.annotations
    document["engineResources"] = p.engine_resources
    document["labels"] = p.labels
    document["svcOrchSpec"] = _plain(p.svc_orch_spec)
    if p.shadow:
        document["shadow"] = True
    if p.ssl:
        document["ssl"] = _plain(p.ssl)
    if p.progress_deadline_seconds is not None:
        document["progressDeadlineSeconds"] = p.progress_deadline_seconds
    return base64.b64encode(compact_json(document).encode()).decode()


def _component(component: ComponentSpec) -> Any:
    plain = _plain(msgspec.structs.replace(component, replicas=None, hpa_spec=None, keda_spec=None, pdb_spec=None))
    plain["metadata"] = {**plain.get("metadata", {}), "creationTimestamp": None}
    return plain


def _plain(value: msgspec.Struct) -> Any:
    return msgspec.to_builtins(value)
