"""What each prepackaged server needs in its container beyond the image: arguments, variables, a companion.

Source: specification 1.4.
"""

from typing import Any, Final

from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import PredictiveUnit

from . import kinds, mlserver, probes, security
from .errors import RenderError
from .kinds import MODEL_FOLDER, Companion, Kind
from .scope import Scope

NO_INITIALIZER_ANNOTATION: Final = "seldon.io/no-storage-initializer"
# Requests that were sent before the endpoint went away still arrive; the container waits for them.
PRE_STOP: Final = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "/bin/sleep 10"]}}}


def reads_remote_model(scope: Scope, unit: PredictiveUnit) -> bool:
    """Whether the server reads the model from its store itself, so that nothing is fetched before: Triton alone."""
    asked = scope.sdep.spec.annotations.get(NO_INITIALIZER_ANNOTATION) == "true"
    return asked and kinds.of(scope, unit) is Kind.TRITON


def prepared(scope: Scope, container: Json, unit: PredictiveUnit) -> Json:
    """A node's container with what its server must be told; what the user set is kept."""
    result = dict(container)
    http, grpc = port_of(container, "http") or 0, port_of(container, "grpc") or 0
    kind = kinds.of(scope, unit)
    if kind is Kind.MLSERVER:
        result["env"] = mlserver.of_unit(scope, container, unit)
    elif kind is Kind.TENSORFLOW:
        _set_default(result, "args", _tensorflow_arguments(unit, grpc, http))
    elif kind is Kind.TRITON:
        remote = reads_remote_model(scope, unit)
        _set_default(result, "args", _triton_arguments(unit.model_uri if remote else MODEL_FOLDER, grpc, http))
        if remote and (secret := scope.env_secret(unit.env_secret_ref_name)):
            result["envFrom"] = [*(container.get("envFrom") or ()), {"secretRef": {"name": secret}}]
    return result


def ports(scope: Scope, container: Json, unit: PredictiveUnit) -> list[Json]:
    """The ports of a node's container; without the added metrics port where the server does not listen there."""
    given: list[Json] = list(container.get("ports") or ())
    if kinds.of(scope, unit) is not Kind.TRITON:
        return given
    name = scope.config.metrics_port_name
    return [p for p in given if p.get("name") != name or scope.is_declared_port(unit.name, name)]


def companion(scope: Scope, pod: Json, unit: PredictiveUnit) -> dict[str, Any]:
    """The container of TensorFlow Serving behind a proxy: the user's of that name, completed, or a new one."""
    place = kinds.companion(scope, unit)
    declared = next((c for c in pod["containers"] if c["name"] == place.container), None)
    result: dict[str, Any] = dict(declared or _new_companion(pod, place))
    if not result.get("image"):
        result["image"] = _tensorflow_image(scope, unit)
    result.setdefault("imagePullPolicy", "IfNotPresent")
    _set_default(result, "args", _tensorflow_arguments(unit, place.grpc_port, place.http_port))
    numbers = (place.grpc_port, place.http_port)
    _set_default(result, "ports", [{"containerPort": number, "protocol": "TCP"} for number in numbers])
    return result


def _new_companion(pod: Json, place: Companion) -> Json:
    return {
        "name": place.container,
        # It opens its ports once the model is loaded, and must outlast the proxy, which still passes requests on.
        "readinessProbe": probes.opened(place.http_port),
        "lifecycle": PRE_STOP,
        "securityContext": security.restricted(pod, read_only_root=False),
    }


def _tensorflow_image(scope: Scope, unit: PredictiveUnit) -> str:
    server = scope.config.predictor_servers.get(unit.implementation)
    image = server.image("tensorflow") if server else None
    if image is None:
        raise RenderError(
            f"{unit.name}: {unit.implementation} has no image for the protocol tensorflow, which its second container "
            "needs; add it to predictor_servers in the ConfigMap seldon-config."
        )
    return image.reference


def _tensorflow_arguments(unit: PredictiveUnit, grpc: int, http: int) -> list[str]:
    ports = [f"--port={grpc}", f"--rest_api_port={http}"]
    return [*ports, f"--model_name={unit.name}", f"--model_base_path={MODEL_FOLDER}"]


def _triton_arguments(repository: str, grpc: int, http: int) -> list[str]:
    return [
        "/opt/tritonserver/bin/tritonserver",
        f"--grpc-port={grpc}",
        f"--http-port={http}",
        f"--model-repository={repository}",
        "--strict-model-config=false",
    ]


def _set_default(container: dict[str, Any], field: str, value: list[Any]) -> None:
    if not container.get(field):
        container[field] = value
