"""The values of the chart as one frozen type: where a key's name, type, default and description are said once.

`values.yaml`, `values.schema.json` and `docs/values.md` are generated from it (`python -m seldon_core.cli.generate`),
and the controller reads its configuration through it, so a key cannot mean one thing to Helm and another to us.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from seldon_core import __version__

from . import values_cluster as cluster
from . import values_controller as controller
from . import values_models as models
from . import values_routes as routes
from .values_base import LOCAL_REGISTRY, Section, UserId, doc


def _row(**protocols: tuple[str, str]) -> dict[str, Any]:
    """A row of `predictor_servers`, from protocol to (image, version)."""
    return {
        "protocols": {
            name: {"image": image, "defaultImageVersion": version} for name, (image, version) in protocols.items()
        }
    }


def _own_row(name: str) -> dict[str, Any]:
    """The row of a server of this project: one image that speaks both protocols and can do the orchestrator's work."""
    image = {"image": f"{LOCAL_REGISTRY}/seldon-core/{name}", "defaultImageVersion": __version__, "embedded": True}
    return {"protocols": {"seldon": image, "v2": dict(image)}}


_TEXT = {"type": ["string", "null"]}
_IMAGE = {
    "type": ["object", "null"],
    "properties": {"image": _TEXT, "defaultImageVersion": _TEXT, "embedded": {"type": ["boolean", "null"]}},
}
_ROW = {
    "type": ["object", "null"],
    "properties": {"protocols": {"type": ["object", "null"], "additionalProperties": _IMAGE}},
}


def _predictor_servers() -> dict[str, Any]:
    return {
        "HUGGINGFACE_SERVER": _row(v2=("seldonio/mlserver", "1.3.5-huggingface")),
        "MLFLOW_SERVER": _row(seldon=("seldonio/mlflowserver", "1.17.1"), v2=("seldonio/mlserver", "1.3.5-mlflow")),
        "SKLEARN_SERVER": _own_row("sklearnserver"),
        "TEMPO_SERVER": _row(v2=("seldonio/mlserver", "1.3.5-slim")),
        "TENSORFLOW_SERVER": _row(
            seldon=("seldonio/tfserving-proxy", "1.17.1"), tensorflow=("tensorflow/serving", "2.1.0")
        ),
        "TRITON_SERVER": _row(v2=("nvcr.io/nvidia/tritonserver", "21.08-py3")),
        "XGBOOST_SERVER": _row(seldon=("seldonio/xgboostserver", "1.17.1"), v2=("seldonio/mlserver", "1.3.5-xgboost")),
    }


class Values(Section, frozen=True):
    """Values of the chart seldon-core-operator."""

    global_: controller.Global = field(default_factory=controller.Global, name="global")
    ambassador: routes.Ambassador = field(default_factory=routes.Ambassador)
    cert_manager: controller.CertManager = field(default_factory=controller.CertManager)
    controller_id: Annotated[
        str,
        doc("Serve only SeldonDeployments labelled `seldon.io/controller-id: <this>`. Empty: those without it."),
    ] = ""
    crd: controller.Crd = field(default_factory=controller.Crd)
    credentials: models.Credentials = field(default_factory=models.Credentials)
    default_user_id: Annotated[UserId, doc("User id of the pods of models that set none. Empty: the images' own.")] = (
        field(default="8888", name="defaultUserID")
    )
    executor: models.Executor = field(default_factory=models.Executor)
    explainer: models.Explainer = field(default_factory=models.Explainer)
    gateway: routes.Gateway = field(default_factory=routes.Gateway)
    host_network: Annotated[bool, doc("The controller's pod uses the node's network.")] = False
    image: controller.ManagerImage = field(default_factory=controller.ManagerImage)
    istio: routes.Istio = field(default_factory=routes.Istio)
    keda: routes.Keda = field(default_factory=routes.Keda)
    kubeflow: Annotated[
        bool,
        doc("Validate only in namespaces with the label `serving.kubeflow.org/inferenceservice: enabled`."),
    ] = False
    manager: controller.Manager = field(default_factory=controller.Manager)
    manager_create_resources: Annotated[
        bool,
        doc(
            "The controller makes the webhook's configuration, Service and Secret, and the ConfigMap `seldon-config`, "
            "when it starts, and makes them again where they are missing. They go with the release. It gets the rights "
            "that this takes. `false`: they are the chart's."
        ),
    ] = False
    manager_user_id: Annotated[int | UserId, doc("User id of the controller's pod. Empty: the image's own.")] = field(
        default=8888, name="managerUserID"
    )
    metrics: controller.Metrics = field(default_factory=controller.Metrics)
    model_defaults: cluster.ModelDefaults = field(default_factory=cluster.ModelDefaults)
    namespace_override: Annotated[str, doc("Namespace of the chart's objects. Empty: the release's.")] = ""
    network_policies: cluster.NetworkPolicies = field(default_factory=cluster.NetworkPolicies)
    predictive_unit: models.PredictiveUnit = field(default_factory=models.PredictiveUnit)
    predictor_servers: Annotated[
        dict[str, Any],
        doc(
            "Prepackaged servers: `<implementation>.protocols.<protocol>.{image, defaultImageVersion}`. Add "
            "rows of your own, here or by editing the ConfigMap seldon-config, which takes effect at once. "
            "`embedded: true` marks images that can do the orchestrator's work, as this project's servers can. A row "
            "of the defaults loses it where you name another image; give such a server of yours a row of its own."
        ),
        Meta(extra_json_schema={"additionalProperties": _ROW}),
    ] = field(default_factory=_predictor_servers, name="predictor_servers")
    rbac: controller.Rbac = field(default_factory=controller.Rbac)
    service_account: controller.ServiceAccount = field(default_factory=controller.ServiceAccount)
    single_namespace: Annotated[bool, doc("Serve the chart's own namespace only; roles are limited to it.")] = False
    storage_initializer: models.StorageInitializer = field(default_factory=models.StorageInitializer)
    usage_metrics: controller.UsageMetrics = field(default_factory=controller.UsageMetrics)
    webhook: controller.Webhook = field(default_factory=controller.Webhook)

    def resolve_image(self, image: str) -> str:
        """The image's full name with `global.imageRegistry` in the place of `localhost`, where that is its registry."""
        prefix = LOCAL_REGISTRY + "/"
        if self.global_.image_registry and image.startswith(prefix):
            return f"{self.global_.image_registry.rstrip('/')}/{image.removeprefix(prefix)}"
        return image

    def executor_image(self) -> str:
        """The full name of the service orchestrator's image."""
        return self.resolve_image(_full_name(self.executor.image))

    def manager_image(self) -> str:
        """The full name of the controller's image."""
        return self.resolve_image(_full_name(self.image))


def _full_name(image: controller.ManagerImage | models.ExecutorImage) -> str:
    return f"{image.registry}/{image.repository}:{image.tag}".removeprefix("/")


def user_id(value: int | str) -> int | None:
    """The number of a user id value (`8888`, `"8888"`), or None where it is empty and the image decides."""
    return None if value == "" else int(value)
