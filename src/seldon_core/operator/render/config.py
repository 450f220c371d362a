"""What an installation decides about rendering, in one typed value.

Made from the chart's values, and from the ConfigMap `seldon-config`, which wins: people edit it on a running
installation. Source: specification 1.2, 1.3 and 5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from seldon_core.api.defaulting import DefaultSettings
from seldon_core.api.servers import PredictorServer, ServersError, parse_servers
from seldon_core.api.shapes import Json
from seldon_core.api.values import Values, user_id
from seldon_core.api.values_models import CaBundle


class ConfigError(ValueError):
    """A key of the ConfigMap `seldon-config` that cannot be read. Its text names the key and what belongs there."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Requests and limits of a container that the controller adds, as Kubernetes quantities; "" leaves one out."""

    cpu_request: str
    cpu_limit: str
    memory_request: str
    memory_limit: str

    def render(self) -> dict[str, Any]:
        """The `resources` of a container."""
        limits = {"cpu": self.cpu_limit, "memory": self.memory_limit}
        requests = {"cpu": self.cpu_request, "memory": self.memory_request}
        sides = {"limits": limits, "requests": requests}
        filled = {side: {name: value for name, value in each.items() if value} for side, each in sides.items()}
        return {side: each for side, each in filled.items() if each}


@dataclass(frozen=True, kw_only=True)
class CaBundleConfig:
    """Where the certificates of an own authority are: a key of a ConfigMap of the pod's namespace, or of a Secret."""

    name: str
    key: str
    in_secret: bool


@dataclass(frozen=True, kw_only=True)
class InitializerConfig:
    """The init container that fetches models.

    `mounts_claims` tells that the folder of `pvc://` is mounted, not copied. `cache_claim` names the claim on which
    models are kept for the next pod, "" for none.
    """

    image: str
    resources: Resources
    mounts_claims: bool
    cache_claim: str
    ca_bundle: CaBundleConfig | None


@dataclass(frozen=True, kw_only=True)
class ExecutorConfig:
    """The service orchestrator."""

    image: str
    pull_policy: str
    port: int
    grpc_port: int
    metrics_port_name: str
    prometheus_path: str
    user: int | None
    service_account: str
    resources: Resources
    logger_endpoint: str
    logger_queue_size: int
    logger_write_timeout_ms: int
    full_health_checks: bool
    mode: str
    """auto, sidecar or embedded: for predictors whose annotation says nothing."""


@dataclass(frozen=True, kw_only=True)
class ExplainerConfig:
    """Images of explainers: of the protocols seldon and tensorflow, and of v2."""

    image: str
    image_v2: str


@dataclass(frozen=True, kw_only=True)
class CredentialKeys:
    """Names of the keys under which a service account's secret holds credentials."""

    gcs_file: str
    s3_access_key_id: str
    s3_secret_access_key: str


@dataclass(frozen=True, kw_only=True)
class IstioConfig:
    """Routes through Istio: the Gateway as `namespace/name`, and the TLS mode of DestinationRules, "" for none."""

    gateway: str
    tls_mode: str


@dataclass(frozen=True, kw_only=True)
class AmbassadorConfig:
    """Routes through Ambassador, see the values of the same names."""

    version: str
    single_namespace: bool
    namespace_header: bool

    @property
    def as_objects(self) -> bool:
        """Whether Mappings are objects of their own, as Ambassador 2 and later read them."""
        return self.version == "v2"

    @property
    def asks_for_namespace(self) -> bool:
        """Whether gRPC requests must name the namespace.

        Beside a Mapping without it, a second one that asks for the same headers would double a predictor's share.
        """
        return self.namespace_header or self.single_namespace or not self.as_objects


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """Routes through the Gateway API: the Gateway, in the SeldonDeployment's namespace where `namespace` is empty.

    `listeners` names the listener for a kind of route; a kind that is not in it goes to any.
    """

    name: str
    namespace: str
    listeners: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """NetworkPolicies of SeldonDeployments: peers that may send requests, and rules for what their pods may call."""

    ingress_from: tuple[Json, ...]
    egress: tuple[Json, ...]


@dataclass(frozen=True, kw_only=True)
class OperatorConfig:
    """Everything that rendering needs to know about an installation."""

    predictor_servers: Mapping[str, PredictorServer]
    storage_initializer: InitializerConfig
    executor: ExecutorConfig
    explainer: ExplainerConfig
    keda: bool
    credentials: CredentialKeys
    service_account_credentials: bool
    """Whether what service accounts name is read, and used."""
    http_port: int
    grpc_port: int
    metrics_port_name: str
    default_env_secret: str
    default_user: int | None
    deployment_name_as_prefix: bool
    istio: IstioConfig | None
    ambassador: AmbassadorConfig | None
    gateway: GatewayConfig | None
    pod_defaults: Json
    """Fields of a pod's spec for the pods that say nothing of them."""
    network: NetworkConfig | None

    @property
    def defaults(self) -> DefaultSettings:
        """What `api.defaulting` needs of it."""
        return DefaultSettings(
            servers=self.predictor_servers,
            http_port=self.http_port,
            grpc_port=self.grpc_port,
            metrics_port_name=self.metrics_port_name,
        )


_EXECUTOR_GRPC_PORT = 5001  # no value ever set another one (specification 1.2)


def from_values(values: Values, seldon_config: Mapping[str, str] | None = None) -> OperatorConfig:
    """The configuration of an installation.

    `seldon_config` is the data of the ConfigMap `seldon-config`: keys `predictor_servers`, `storageInitializer`,
    `explainer` and `credentials`, each a JSON object. A key that is missing leaves the values as they are. Raises
    ConfigError.
    """
    live = {key: _json_object(key, text) for key, text in (seldon_config or {}).items() if key in _LIVE_KEYS}
    return OperatorConfig(
        predictor_servers=_servers(values, live.get("predictor_servers", values.predictor_servers)),
        storage_initializer=_initializer(values, live.get("storageInitializer", {})),
        executor=_executor(values),
        explainer=_explainer(values, live.get("explainer", {})),
        keda=values.keda.enabled,
        credentials=_credentials(values, live.get("credentials", {})),
        service_account_credentials=values.storage_initializer.service_account_credentials,
        http_port=values.predictive_unit.http_port,
        grpc_port=values.predictive_unit.grpc_port,
        metrics_port_name=values.predictive_unit.metrics_port_name,
        default_env_secret=values.predictive_unit.default_env_secret_ref_name,
        default_user=user_id(values.default_user_id),
        deployment_name_as_prefix=values.manager.deployment_name_as_prefix,
        istio=_istio(values),
        ambassador=_ambassador(values),
        gateway=_gateway(values),
        pod_defaults=_pod_defaults(values),
        network=_network(values),
    )


_LIVE_KEYS = ("predictor_servers", "storageInitializer", "explainer", "credentials")


def _json_object(key: str, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"seldon-config: key {key} is not JSON ({error}); correct it in the ConfigMap.") from error
    if not isinstance(data, dict):
        raise ConfigError(f"seldon-config: key {key} must hold a JSON object, and holds {type(data).__name__}.")
    return data


def _servers(values: Values, rows: Mapping[str, Any]) -> dict[str, PredictorServer]:
    try:
        servers = parse_servers(rows)
    except ServersError as error:
        raise ConfigError(f"seldon-config: {error}.") from error
    return {
        name: PredictorServer(
            protocols={
                protocol: msgspec.structs.replace(image, image=values.resolve_image(image.image))
                for protocol, image in server.protocols.items()
            }
        )
        for name, server in servers.items()
    }


def _initializer(values: Values, live: Mapping[str, Any]) -> InitializerConfig:
    given = values.storage_initializer

    def text(key: str, default: str) -> str:
        return str(live.get(key) or default)

    return InitializerConfig(
        image=values.resolve_image(text("image", given.image)),
        resources=Resources(
            cpu_request=text("cpuRequest", given.cpu_request),
            cpu_limit=text("cpuLimit", given.cpu_limit),
            memory_request=text("memoryRequest", given.memory_request),
            memory_limit=text("memoryLimit", given.memory_limit),
        ),
        mounts_claims=given.pvc == "mount",
        cache_claim=given.cache.claim_name,
        ca_bundle=_ca_bundle(given.ca_bundle),
    )


def _ca_bundle(given: CaBundle) -> CaBundleConfig | None:
    name = given.config_map_name or given.secret_name
    return CaBundleConfig(name=name, key=given.key, in_secret=bool(given.secret_name)) if name else None


def _executor(values: Values) -> ExecutorConfig:
    given = values.executor
    return ExecutorConfig(
        image=values.executor_image(),
        pull_policy=given.image.pull_policy,
        port=given.port,
        grpc_port=_EXECUTOR_GRPC_PORT,
        metrics_port_name=given.metrics_port_name,
        prometheus_path=given.prometheus.path,
        user=user_id(given.user),
        service_account=given.service_account.name,
        resources=Resources(
            cpu_request=given.resources.cpu_request,
            cpu_limit=given.resources.cpu_limit,
            memory_request=given.resources.memory_request,
            memory_limit=given.resources.memory_limit,
        ),
        logger_endpoint=given.request_logger.default_endpoint,
        logger_queue_size=given.request_logger.work_queue_size,
        logger_write_timeout_ms=given.request_logger.write_timeout_ms,
        full_health_checks=given.full_health_checks,
        mode=given.mode,
    )


def _istio(values: Values) -> IstioConfig | None:
    given = values.istio
    return IstioConfig(gateway=given.gateway, tls_mode=given.tls_mode) if given.enabled else None


def _ambassador(values: Values) -> AmbassadorConfig | None:
    given = values.ambassador
    if not given.enabled:
        return None
    return AmbassadorConfig(
        version=given.version,
        single_namespace=given.single_namespace,
        namespace_header=given.grpc_namespace_header,
    )


def _gateway(values: Values) -> GatewayConfig | None:
    given = values.gateway
    if not given.enabled:
        return None
    named = {"HTTPRoute": given.http_listener, "GRPCRoute": given.grpc_listener}
    listeners = {kind: listener for kind, listener in named.items() if listener}
    return GatewayConfig(name=given.name, namespace=given.namespace, listeners=listeners)


def _pod_defaults(values: Values) -> Json:
    given: Json = msgspec.to_builtins(values.model_defaults)
    secrets = [{"name": each} if isinstance(each, str) else each for each in given["imagePullSecrets"]]
    return {field: value for field, value in (given | {"imagePullSecrets": secrets}).items() if value}


def _network(values: Values) -> NetworkConfig | None:
    given = values.network_policies.models
    if not given.enabled:
        return None
    return NetworkConfig(ingress_from=tuple(given.ingress_from), egress=tuple(given.egress))


def _explainer(values: Values, live: Mapping[str, Any]) -> ExplainerConfig:
    given = values.explainer
    return ExplainerConfig(
        image=values.resolve_image(str(live.get("image") or given.image)),
        image_v2=values.resolve_image(str(live.get("image_v2") or given.image_v2)),
    )


def _credentials(values: Values, live: Mapping[str, Any]) -> CredentialKeys:
    given = values.credentials

    def text(store: str, key: str, default: str) -> str:
        keys = live.get(store)
        return str((keys.get(key) if isinstance(keys, dict) else None) or default)

    return CredentialKeys(
        gcs_file=text("gcs", "gcsCredentialFileName", given.gcs.gcs_credential_file_name),
        s3_access_key_id=text("s3", "s3AccessKeyIDName", given.s3.s3_access_key_id_name),
        s3_secret_access_key=text("s3", "s3SecretAccessKeyName", given.s3.s3_secret_access_key_name),
    )
