"""The SeldonDeployment as frozen typed values.

What people write under `machinelearning.seldon.io`. Parts that belong to Kubernetes itself (pod specs, resources,
metrics of autoscalers) stay plain JSON values, see `shapes`. The CRD's schema is generated from these classes by `crd`,
which reads from a field's Meta what its type cannot say.

Source: specification 1.2, 1.3 and 2.
"""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .shapes import Container, EnvEntry, HpaShape, Json, PodSpec, Struct, TriggersShape

GROUP: Final = "machinelearning.seldon.io"
KIND: Final = "SeldonDeployment"
STORED_VERSION: Final = "v1"
VERSIONS: Final = ("v1", "v1alpha2", "v1alpha3")

UNKNOWN_IMPLEMENTATION: Final = "UNKNOWN_IMPLEMENTATION"
# Implementations that the orchestrator runs itself: they need no container.
BUILT_IN: Final = frozenset({"SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER"})
UNIT_TYPES: Final = ("MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER")

# Children below so many levels are not in the definition's schema. Source: specification 2 (CRD schema).
MAX_GRAPH_DEPTH: Final = 10

Labels = dict[str, str]
Replicas = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class PodMetadata(Struct, frozen=True):
    """Metadata of a componentSpec: its labels and annotations go to the Deployment and to its pods."""

    name: str = ""
    labels: Labels = msgspec.field(default_factory=dict)
    annotations: Labels = msgspec.field(default_factory=dict)


class ComponentSpec(Struct, frozen=True):
    """The pods of one Deployment of a predictor."""

    metadata: PodMetadata = PodMetadata()
    spec: PodSpec = msgspec.field(default_factory=dict)
    hpa_spec: Annotated[
        Json | None, Meta(description="A HorizontalPodAutoscaler for these pods.", extra={"shape": HpaShape})
    ] = None
    replicas: Replicas | None = None
    keda_spec: Annotated[
        Json | None, Meta(description="A KEDA ScaledObject for these pods.", extra={"shape": TriggersShape})
    ] = None
    pdb_spec: Annotated[Json | None, Meta(description="A PodDisruptionBudget for these pods.")] = None


class Parameter(Struct, frozen=True):
    """A typed parameter of a model's constructor."""

    name: Annotated[str, Meta(extra={"required": True})]
    value: Annotated[str, Meta(extra={"required": True})]
    type: Annotated[str, Meta(description="INT, FLOAT, DOUBLE, STRING or BOOL.", extra={"required": True})]


class Endpoint(Struct, frozen=True):
    """Where a unit answers. Filled by the defaults; `type` (REST or GRPC) is the user's."""

    service_host: str = msgspec.field(default="", name="service_host")
    service_port: int = msgspec.field(default=0, name="service_port")
    type: str = ""
    http_port: int = 0
    grpc_port: int = 0


class Logger(Struct, frozen=True):
    """Where requests and responses of a unit are sent: mode all, request or response."""

    url: str = ""
    mode: str = ""


class PredictiveUnit(Struct, frozen=True):
    """A node of the inference graph."""

    name: Annotated[str, Meta(description="The node's name, and its container's.", extra={"required": True})] = ""
    children: tuple["PredictiveUnit", ...] = ()
    type: Annotated[str, Meta(description="MODEL, ROUTER, COMBINER, TRANSFORMER or OUTPUT_TRANSFORMER.")] = ""
    implementation: Annotated[str, Meta(description="A prepackaged server, such as SKLEARN_SERVER.")] = ""
    methods: tuple[str, ...] = ()
    endpoint: Endpoint | None = None
    parameters: tuple[Parameter, ...] = ()
    model_uri: Annotated[str, Meta(description="The model's folder, such as s3://bucket/folder.")] = ""
    service_account_name: Annotated[str, Meta(description="A service account whose secrets hold credentials.")] = ""
    env_secret_ref_name: Annotated[str, Meta(description="A secret with the storage initializer's environment.")] = ""
    storage_initializer_image: Annotated[str, Meta(description="The image that fetches the model.")] = ""
    logger: Logger | None = None

    @property
    def is_prepackaged(self) -> bool:
        """Whether a server from `predictor_servers` serves this unit. Source: specification 1.3."""
        return self.implementation not in {"", UNKNOWN_IMPLEMENTATION} and self.implementation not in BUILT_IN


class SvcOrchSpec(Struct, frozen=True):
    """Settings of a predictor's service orchestrator."""

    resources: Json | None = None
    env: tuple[EnvEntry, ...] = ()
    replicas: Replicas | None = None


class Explainer(Struct, frozen=True):
    """An explainer beside a predictor."""

    type: str = ""
    model_uri: str = ""
    service_account_name: str = ""
    container_spec: Container = msgspec.field(default_factory=dict)
    config: Labels = msgspec.field(default_factory=dict)
    endpoint: Endpoint | None = None
    env_secret_ref_name: str = ""
    storage_initializer_image: str = ""
    replicas: Replicas | None = None
    init_parameters: str = ""


class Ssl(Struct, frozen=True):
    """The secret (tls.crt, tls.key) that a predictor's containers serve with."""

    cert_secret_name: str = ""


class Predictor(Struct, frozen=True):
    """One version of a model or graph, with its share of the traffic."""

    name: Annotated[str, Meta(description="The predictor's name.", extra={"required": True})] = ""
    graph: Annotated[PredictiveUnit, Meta(extra={"required": True})] = PredictiveUnit()
    component_specs: tuple[ComponentSpec, ...] = ()
    replicas: Replicas | None = None
    annotations: Labels = msgspec.field(default_factory=dict)
    engine_resources: Json = msgspec.field(default_factory=dict)
    labels: Labels = msgspec.field(default_factory=dict)
    svc_orch_spec: SvcOrchSpec = SvcOrchSpec()
    traffic: Annotated[int, Meta(description="Percent of the requests.")] = 0
    explainer: Explainer | None = None
    shadow: Annotated[bool, Meta(description="Gets a copy of the requests; its answers are dropped.")] = False
    ssl: Ssl | None = None
    progress_deadline_seconds: int | None = None


class SeldonDeploymentSpec(Struct, frozen=True):
    """What a SeldonDeployment asks for."""

    name: str = ""
    predictors: Annotated[tuple[Predictor, ...], Meta(extra={"required": True})] = ()
    oauth_key: str = msgspec.field(default="", name="oauth_key")
    oauth_secret: str = msgspec.field(default="", name="oauth_secret")
    annotations: Labels = msgspec.field(default_factory=dict)
    protocol: Annotated[str, Meta(description="seldon, tensorflow, kfserving or v2.")] = ""
    transport: Annotated[str, Meta(description="rest or grpc.")] = ""
    replicas: Replicas | None = None
    server_type: Annotated[str, Meta(description="rpc or kafka.")] = ""


class ObjectMeta(Struct, frozen=True):
    """The metadata that the controller reads."""

    name: str = ""
    namespace: str = ""
    labels: Labels = msgspec.field(default_factory=dict)
    annotations: Labels = msgspec.field(default_factory=dict)
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: str | UnsetType = UNSET


class SeldonDeployment(Struct, frozen=True):
    """The whole object. `status` is what is stored, as read: writing it is the controller's business."""

    metadata: ObjectMeta
    spec: SeldonDeploymentSpec
    status: Json | None = None
    api_version: str = f"{GROUP}/{STORED_VERSION}"
    kind: str = KIND
