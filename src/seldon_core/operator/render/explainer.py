"""The explainer beside a predictor: a Deployment and its Service. Source: specification 1.7."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from seldon_core.api import names
from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import Explainer, Labels

from . import canonical, containers, labels, mlserver, pods, probes, security, services
from .environment import compact_json
from .errors import RenderError
from .kinds import MODEL_FOLDER, V2_PROTOCOLS
from .scope import Scope
from .servers import PRE_STOP

_PORT: Final = 9000
_LABEL: Final = {"seldon.io/explainer": "true"}
_IMAGES: Final = "AnchorImages"
_RUNTIME: Final = "mlserver_alibi_explain.AlibiExplainRuntime"
# What MLServer calls the types of `explainer.type`.
_V2_TYPES: Final = {
    "AnchorTabular": "anchor_tabular",
    "AnchorImages": "anchor_image",
    "AnchorText": "anchor_text",
    "Counterfactuals": "counterfactuals",
    "Contrastive": "contrastive",
    "KernelShap": "kernel_shap",
    "IntegratedGradients": "integrated_gradients",
    "ALE": "ALE",
    "TreeShap": "tree_shap",
}


def of(scope: Scope) -> Explainer | None:
    """The predictor's explainer; one without a type counts as none."""
    explainer = scope.predictor.explainer
    return explainer if explainer and explainer.type else None


def name(scope: Scope) -> str:
    """The name of the explainer's Deployment and Service."""
    return names.explainer(scope.name, scope.predictor.name)


def service(scope: Scope) -> Json:
    """The Service of the explainer. `seldon-app` is the predictor's, as recorded; its selector is the pods' own."""
    number = port_of(_ports(scope), "http") or _PORT
    extra = _LABEL | labels.shadow(scope)
    selected = {labels.APP: name(scope)}
    return services.public(scope, services.service(scope, name(scope), extra=extra, selector=selected, http=number))


def pod_labels(scope: Scope) -> Labels:
    """The labels of the Deployment and its pods."""
    fixed = {labels.APP: name(scope), labels.DEPLOYMENT_ID: scope.seldon_id}
    first = {"app": name(scope), "fluentd": "true"} | labels.MANAGED_BY | labels.shadow(scope) | _LABEL
    return first | scope.predictor.labels | fixed


def selector(scope: Scope) -> Labels:
    """What the Deployment selects its pods by.

    Deviation: v1.17.1 selects by the SeldonDeployment alone, and so the model's pods, too (marked Q in specification
    1.7).
    """
    return {labels.APP: name(scope), labels.DEPLOYMENT_ID: scope.seldon_id}


def replicas(scope: Scope, explainer: Explainer) -> int | None:
    """The explainer's replicas: none where the predictor has none."""
    return 0 if scope.first_number(None) == 0 else explainer.replicas


def pod(scope: Scope, explainer: Explainer) -> Json:
    """The pod spec of the explainer."""
    spec = pods.base(scope, {})
    spec["automountServiceAccountToken"] = False
    container = _container(scope, spec, explainer)
    mounted = containers.with_mounts(container, pods.add_model(scope, spec, explainer, container["name"]))
    spec["containers"] = [canonical.container(mounted)]
    return spec


def warnings(scope: Scope) -> Iterator[str]:
    """What the user says of the explainer and has no effect."""
    explainer = of(scope)
    if explainer and explainer.container_spec.get("args") and scope.protocol not in V2_PROTOCOLS:
        yield (
            f"{scope.path}.explainer.containerSpec.args: has no effect, because the arguments are made from the "
            "explainer's other fields; use config."
        )


def _ports(scope: Scope) -> Json:
    """The user's container with the explainer's port, which is its own, the endpoint's, or 9000."""
    explainer = scope.predictor.explainer or Explainer()
    given = dict(explainer.container_spec)
    if port_of(given, "http") is None:
        number = (explainer.endpoint.service_port if explainer.endpoint else 0) or _PORT
        given["ports"] = [
            *(given.get("ports") or ()),
            {"name": "http", "containerPort": number, "protocol": "TCP"},
        ]
    return given


def _container(scope: Scope, spec: Json, explainer: Explainer) -> dict[str, Any]:
    config = scope.config.explainer
    result: dict[str, Any] = {"name": name(scope), **_ports(scope)}
    v2 = scope.protocol in V2_PROTOCOLS
    if not result.get("image"):
        result["image"] = config.image_v2 if v2 else config.image
    result.setdefault("imagePullPolicy", "IfNotPresent")
    number = port_of(result, "http") or _PORT
    if v2:
        result["env"] = mlserver.overridden(_variables(scope, explainer, number), result.get("env") or ())
    else:
        result["args"] = list(_arguments(scope, explainer, number))
    for field, probe in probes.explainer().items():
        result.setdefault(field, probe)
    result.setdefault("lifecycle", PRE_STOP)
    result.setdefault("securityContext", security.restricted(spec, read_only_root=False))
    return result


def _arguments(scope: Scope, explainer: Explainer, port: int) -> Iterator[str]:
    """The arguments of the explainer of protocols seldon and tensorflow."""
    grpc = scope.transport == "grpc" or (explainer.endpoint is not None and explainer.endpoint.type == "GRPC")
    protocol = "tensorflow" if scope.protocol == "tensorflow" else "seldon"
    yield f"--model_name={scope.predictor.graph.name}"
    yield f"--predictor_host={_predictor(scope, grpc=grpc)}"
    yield f"--protocol={protocol}.{'grpc' if grpc else 'http'}"
    yield f"--http_port={port}"
    if explainer.model_uri:
        yield f"--storage_uri={MODEL_FOLDER}"
    yield explainer.type
    if explainer.type == _IMAGES:
        yield "--tf_data_type=float32"
    for key, value in sorted(explainer.config.items()):
        # Files beside the model are where the model was fetched to.
        local = value.replace(explainer.model_uri, MODEL_FOLDER, 1) if explainer.model_uri else value
        yield f"--{key}={local}"


def _variables(scope: Scope, explainer: Explainer, port: int) -> Iterable[tuple[str, str]]:
    """The variables of MLServer, which explains with the protocol v2."""
    yield mlserver.HTTP_PORT, str(port)
    yield mlserver.MODEL_IMPLEMENTATION, _RUNTIME
    yield mlserver.MODEL_NAME, name(scope)
    if explainer.model_uri:
        yield mlserver.MODEL_URI, MODEL_FOLDER
    yield mlserver.MODEL_EXTRA, compact_json(_extra(scope, explainer))


def _extra(scope: Scope, explainer: Explainer) -> Json:
    if explainer.type not in _V2_TYPES:
        raise RenderError(
            f"{scope.path}.explainer.type: {explainer.type} cannot be explained with protocol {scope.protocol}; use "
            f"one of {names.join(_V2_TYPES)}."
        )
    uri = f"http://{_predictor(scope, grpc=False)}/v2/models/{scope.predictor.graph.name}/infer"
    result: dict[str, Any] = {"explainer_type": _V2_TYPES[explainer.type], "infer_uri": uri}
    if explainer.init_parameters:
        result["init_parameters"] = _init_parameters(scope, explainer.init_parameters)
    return result


def _init_parameters(scope: Scope, text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RenderError(f'{scope.path}.explainer.initParameters: must be a JSON object, such as {{"seed": 1}}.')
    ordered: Json = json.loads(json.dumps(found, sort_keys=True))  # the same text whatever the order
    return ordered


def _predictor(scope: Scope, *, grpc: bool) -> str:
    """Where the explainer asks for predictions."""
    http_port, grpc_port = services.ports(scope)
    return f"{scope.key}.{scope.namespace}:{grpc_port if grpc else http_port}"
