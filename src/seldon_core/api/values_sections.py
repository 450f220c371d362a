"""The sections of the chart's values: each key's name, type, default and description.

Source of the keys: the values of Seldon Core's chart 1.17.1, names, types and meaning unchanged. Keys of our own come
in addition; their description starts with "New."
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from seldon_core import __version__

from .values_base import LOCAL_REGISTRY, Port, PullPolicy, Quantity, Section, UserId, doc

_TAG = doc("Tag; a digest behind it decides (`0.1.0@sha256:...`). Quote a tag of digits only.")


class ManagerImage(Section, frozen=True):
    """The controller's image: `<registry>/<repository>:<tag>`."""

    pull_policy: Annotated[PullPolicy, doc("When the node pulls it.")] = "IfNotPresent"
    registry: Annotated[str, doc("Registry. `localhost` means: see global.imageRegistry.")] = LOCAL_REGISTRY
    repository: Annotated[str, doc("Repository in the registry.")] = "seldon-core/operator"
    tag: Annotated[str, _TAG] = __version__


class ExecutorImage(Section, frozen=True):
    """The image of the service orchestrator (executor): `<registry>/<repository>:<tag>`."""

    pull_policy: Annotated[PullPolicy, doc("When the node pulls it.")] = "IfNotPresent"
    registry: Annotated[str, doc("Registry. `localhost` means: see global.imageRegistry.")] = LOCAL_REGISTRY
    repository: Annotated[str, doc("Repository in the registry.")] = "seldon-core/executor"
    tag: Annotated[str, _TAG] = __version__


class Global(Section, frozen=True):
    """Settings for every image of the chart."""

    image_registry: Annotated[
        str,
        doc(
            "New. The registry that you pushed this project's images to. It takes the place of `localhost` "
            "in every image name that begins with it; other images stay as they are named. Empty: the images are on "
            "the nodes."
        ),
    ] = ""
    image_pull_secrets: Annotated[
        list[str | dict[str, str]],
        doc(
            "New. Pull secrets of the controller's pod, as `[{name: my-secret}]` or `[my-secret]`. Pods of "
            "models use those of their own service accounts; see modelDefaults.imagePullSecrets, too."
        ),
    ] = field(default_factory=list)


class Ambassador(Section, frozen=True):
    """Routes through Ambassador."""

    enabled: Annotated[bool, doc("Make Mappings for each SeldonDeployment.")] = False
    grpc_namespace_header: Annotated[
        bool,
        doc(
            "New. gRPC Mappings (`v2`) ask for the header `namespace`, too. `false`: SeldonDeployments of one name in "
            "several namespaces share their gRPC requests, as with Seldon Core 1.17.1. `true`: clients must send it."
        ),
    ] = False
    single_namespace: Annotated[bool, doc("Also make routes without the namespace in their path.")] = False
    version: Annotated[str, doc("`v1`: annotations on Services; `v2`: Mapping objects.")] = "v2"


class CertManager(Section, frozen=True):
    """The webhook's certificate. The controller is its own certificate authority and needs no cert-manager."""

    enabled: Annotated[
        bool,
        doc(
            "Take the webhook's certificate from cert-manager (`cert-manager.io/v1`), which must be installed: the "
            "chart makes its Issuers and Certificates, and the controller follows what they renew."
        ),
    ] = False


class Crd(Section, frozen=True):
    """The CustomResourceDefinition `seldondeployments.machinelearning.seldon.io`."""

    annotations: Annotated[dict[str, str], doc("Annotations in addition to the chart's own.")] = field(
        default_factory=dict
    )
    create: Annotated[
        bool,
        doc("Install and upgrade the definition with the chart. Uninstalling keeps it, and what you deployed."),
    ] = True
    force_v1: Annotated[bool, doc("Without effect: the definition is always apiextensions.k8s.io/v1.")] = False
    force_v1beta1: Annotated[
        bool, doc("Without effect: no Kubernetes that is supported knows v1beta1 definitions.")
    ] = field(default=False, name="forceV1beta1")


class GcsCredentials(Section, frozen=True):
    """Keys in a service account's secret for Google Cloud Storage."""

    gcs_credential_file_name: Annotated[str, doc("Key that holds the JSON credentials file.")] = (
        "gcloud-application-credentials.json"
    )


class S3Credentials(Section, frozen=True):
    """Keys in a service account's secret for S3."""

    s3_access_key_id_name: Annotated[str, doc("Key that holds the access key id.")] = field(
        default="awsAccessKeyID", name="s3AccessKeyIDName"
    )
    s3_secret_access_key_name: Annotated[str, doc("Key that holds the secret access key.")] = "awsSecretAccessKey"  # noqa: S105  # the name of a key, not what it holds


class Credentials(Section, frozen=True):
    """Names of the keys that the secrets of a model's service account use."""

    gcs: GcsCredentials = field(default_factory=GcsCredentials)
    s3: S3Credentials = field(default_factory=S3Credentials)


class Prometheus(Section, frozen=True):
    """Metrics of the service orchestrator."""

    path: Annotated[str, doc("Path of its metrics.")] = "/prometheus"


class RequestLogger(Section, frozen=True):
    """Where the service orchestrator sends copies of requests and answers."""

    default_endpoint: Annotated[str, doc("URL used by a logger that names none.")] = "http://default-broker"
    work_queue_size: Annotated[int, Meta(ge=1), doc("Entries that may wait to be sent.")] = 10000
    write_timeout_ms: Annotated[
        int, Meta(ge=1), doc("How long an event waits for room in the queue, ms. No request waits.")
    ] = 2000


class ExecutorResources(Section, frozen=True):
    """Resources of the service orchestrator; a predictor's `svcOrchSpec.resources` wins."""

    cpu_limit: Annotated[Quantity, doc("CPU limit.")] = "500m"
    cpu_request: Annotated[Quantity, doc("CPU request.")] = "500m"
    memory_limit: Annotated[Quantity, doc("Memory limit.")] = "512Mi"
    memory_request: Annotated[Quantity, doc("Memory request.")] = "512Mi"


class ExecutorServiceAccount(Section, frozen=True):
    """Service account of an orchestrator that runs in pods of its own."""

    name: Annotated[str, doc("Its name in the SeldonDeployment's namespace.")] = "default"


class Executor(Section, frozen=True):
    """The service orchestrator: in the model's server, or beside it (container `seldon-container-engine`)."""

    full_health_checks: Annotated[
        bool,
        doc("Readiness asks every node of the graph for its health, not only whether it can be reached."),
    ] = False
    image: ExecutorImage = field(default_factory=ExecutorImage)
    metrics_port_name: Annotated[str, Meta(min_length=1), doc("Name of the container port with metrics.")] = "metrics"
    mode: Annotated[
        Literal["auto", "sidecar", "embedded"],
        doc(
            "New. `auto`: a graph of one node, served by an image whose row in `predictor_servers` says `embedded: "
            "true`, needs no orchestrator container: its server answers on the orchestrator's ports itself. `sidecar`: "
            "every pod has an orchestrator container. `embedded`: as `auto`, with a warning where it cannot be. The "
            "predictor's annotation `seldon.io/executor-mode` wins."
        ),
    ] = "auto"
    port: Annotated[Port, doc("HTTP port of the orchestrator.")] = 8000
    prometheus: Prometheus = field(default_factory=Prometheus)
    request_logger: RequestLogger = field(default_factory=RequestLogger)
    resources: ExecutorResources = field(default_factory=ExecutorResources)
    service_account: ExecutorServiceAccount = field(default_factory=ExecutorServiceAccount)
    user: Annotated[int | UserId, doc("User id that it runs as. Empty: the image's own.")] = 8888


class Explainer(Section, frozen=True):
    """Images of explainers."""

    image: Annotated[str, doc("For the protocols seldon and tensorflow.")] = "seldonio/alibiexplainer:1.17.1"
    image_v2: Annotated[str, doc("For the protocol v2.")] = field(
        default="seldonio/mlserver:1.3.5-alibi-explain", name="image_v2"
    )


class Gateway(Section, frozen=True):
    """Routes through the Gateway API."""

    enabled: Annotated[bool, doc("New. Make an HTTPRoute and a GRPCRoute for each SeldonDeployment.")] = False
    grpc_listener: Annotated[
        str,
        doc(
            "New. The Gateway's listener for GRPCRoutes. Empty: any. A gateway that keeps to the Gateway API takes, "
            "on one listener, HTTPRoutes or GRPCRoutes alone: name two of them there."
        ),
    ] = ""
    http_listener: Annotated[str, doc("New. The Gateway's listener for HTTPRoutes. Empty: any.")] = ""
    name: Annotated[str, Meta(min_length=1), doc("New. Name of the Gateway that the routes belong to.")] = (
        "seldon-gateway"
    )
    namespace: Annotated[str, doc("New. Namespace of the Gateway. Empty: each SeldonDeployment's own.")] = ""


class Istio(Section, frozen=True):
    """Routes through Istio."""

    enabled: Annotated[bool, doc("Make a VirtualService and DestinationRules for each SeldonDeployment.")] = False
    gateway: Annotated[str, doc("Gateway of the VirtualServices, `namespace/name`.")] = "istio-system/seldon-gateway"
    tls_mode: Annotated[str, doc("TLS mode of the DestinationRules, such as ISTIO_MUTUAL. Empty: none.")] = ""


class Keda(Section, frozen=True):
    """Scaling with KEDA."""

    enabled: Annotated[bool, doc("Make ScaledObjects for predictors with a `kedaSpec`.")] = False


class ManagerRollout(Section, frozen=True):
    """How pods are replaced when the installation changes, not their SeldonDeployments."""

    max_concurrent: Annotated[
        int,
        Meta(ge=0),
        doc(
            "New. A new release or other values may change the pods of every SeldonDeployment. So many of them are "
            "replaced at a time, each until it is ready; 0: all at once. An edit of a SeldonDeployment never waits."
        ),
    ] = 5


class Manager(Section, frozen=True):
    """The controller's Deployment `seldon-controller-manager`."""

    affinity: Annotated[dict[str, Any], doc("New. Affinity of its pod.")] = field(default_factory=dict)
    annotations: Annotated[dict[str, str], doc("Annotations of its pod.")] = field(default_factory=dict)
    container_security_context: Annotated[
        dict[str, Any],
        doc("Merged over the container's security context, which meets Pod Security `restricted`."),
    ] = field(default_factory=dict)
    cpu_limit: Annotated[Quantity, doc("CPU limit.")] = "500m"
    cpu_request: Annotated[Quantity, doc("CPU request.")] = "100m"
    deployment_name_as_prefix: Annotated[
        bool,
        doc("A name over 63 characters is shortened to `<SeldonDeployment>-<hash>`, not to `seldon-<hash>`."),
    ] = False
    leader_election_id: Annotated[
        str,
        Meta(min_length=1),
        doc("Name of the Lease that the controller which does the work holds; others answer the webhook and wait."),
    ] = field(default="a33bd623.machinelearning.seldon.io", name="leaderElectionID")
    leader_election_lease_duration_secs: Annotated[
        int,
        Meta(ge=1),
        doc("How long others leave a Lease alone that is not renewed, seconds. Longer than the renew deadline."),
    ] = 15
    leader_election_renew_deadline_secs: Annotated[
        int,
        Meta(ge=1),
        doc("A leader that could not renew for so long stops working, seconds. Longer than the retry period."),
    ] = 10
    leader_election_resource_lock: Annotated[
        str | None,
        doc("Without effect: the lock is always a Lease, the only kind that Kubernetes still knows."),
    ] = None
    leader_election_retry_period_secs: Annotated[
        int, Meta(ge=1), doc("Time between two tries to take or to renew the Lease, seconds.")
    ] = 2
    log_level: Annotated[str, doc("DEBUG, INFO, WARNING or ERROR.")] = "INFO"
    memory_limit: Annotated[Quantity, doc("Memory limit.")] = "300Mi"
    memory_request: Annotated[Quantity, doc("Memory request.")] = "200Mi"
    node_selector: Annotated[dict[str, str], doc("New. Labels of the nodes that its pod may run on.")] = field(
        default_factory=dict
    )
    priority_class_name: Annotated[str | None, doc("Priority class of the pod.")] = None
    replicas: Annotated[
        int,
        Meta(ge=1),
        doc(
            "New. Pods of the controller: one of them works, all answer the webhook. More than one get a "
            "PodDisruptionBudget and are spread over nodes where that is possible."
        ),
    ] = 1
    rollout: ManagerRollout = field(default_factory=ManagerRollout)
    takeover: Annotated[
        Literal["keep", "roll"],
        doc(
            "New. What becomes of running pods that Seldon Core 1.17.1 or an older release made. `keep`: they stay "
            "until their SeldonDeployment is edited, or `seldonctl rollout` asks. `roll`: they are replaced, "
            "`manager.rollout.maxConcurrent` at a time."
        ),
    ] = "keep"
    tolerations: Annotated[list[dict[str, Any]], doc("New. Tolerations of its pod.")] = field(default_factory=list)
    topology_spread_constraints: Annotated[
        list[dict[str, Any]],
        doc("New. How its pods are spread. One without a `labelSelector` gets that of the controller's pods."),
    ] = field(default_factory=list)


class Metrics(Section, frozen=True):
    """Metrics and probes of the controller."""

    port: Annotated[Port, doc("Port of /metrics, /healthz and /readyz.")] = 8080


class PredictiveUnit(Section, frozen=True):
    """Containers of the graph's nodes."""

    default_env_secret_ref_name: Annotated[
        str,
        doc(
            "Secret with the storage credentials of units that name none (`envSecretRefName`), in the "
            "SeldonDeployment's namespace. `executor.defaultEnvSecretRefName` is understood, too."
        ),
    ] = ""
    grpc_port: Annotated[Port, doc("gRPC port of the first container; the next ones count up.")] = 9500
    http_port: Annotated[Port, doc("HTTP port of the first container; the next ones count up.")] = 9000
    metrics_port_name: Annotated[str, Meta(min_length=1), doc("Name of the container port with metrics.")] = "metrics"


class RbacConfigmap(Section, frozen=True):
    """Reading what a model's service account names."""

    create: Annotated[bool, doc("Make the role by which the controller gets service accounts and their secrets.")] = (
        True
    )


class Rbac(Section, frozen=True):
    """Roles of the controller."""

    configmap: RbacConfigmap = field(default_factory=RbacConfigmap)
    create: Annotated[bool, doc("Make roles and bindings. `false`: you bring them.")] = True


class ServiceAccount(Section, frozen=True):
    """Service account of the controller."""

    create: Annotated[bool, doc("Make it. `false`: it is there already.")] = True
    name: Annotated[str, Meta(min_length=1), doc("Its name.")] = "seldon-manager"


class StorageCache(Section, frozen=True):
    """New. A volume on which models are kept for the next pod."""

    claim_name: Annotated[
        str,
        doc(
            "New. A PersistentVolumeClaim (ReadWriteMany, writable for uid 8888) of this name in each namespace with "
            "models. Models whose digest is known are kept there; a second pod downloads nothing."
        ),
    ] = ""


class CaBundle(Section, frozen=True):
    """New. Certificates of an own authority, that stores are trusted by beside the public ones."""

    config_map_name: Annotated[
        str,
        doc(
            "New. A ConfigMap of this name in each namespace with models. A pod whose ConfigMap is missing does not "
            "start, and the status says so."
        ),
    ] = ""
    key: Annotated[str, Meta(min_length=1), doc("New. Its key that holds the certificates, as PEM.")] = "cabundle.crt"
    secret_name: Annotated[str, doc("New. A Secret of this name in the place of the ConfigMap.")] = ""


class StorageInitializer(Section, frozen=True):
    """The init container that fetches a model (`<unit>-model-initializer`)."""

    ca_bundle: CaBundle = field(default_factory=CaBundle)
    cache: StorageCache = field(default_factory=StorageCache)
    cpu_limit: Annotated[Quantity, doc("CPU limit.")] = "1"
    cpu_request: Annotated[Quantity, doc("CPU request.")] = "100m"
    image: Annotated[
        str, Meta(min_length=1), doc("Its image; it is given the model's URI and the folder to put it into.")
    ] = f"{LOCAL_REGISTRY}/seldon-core/rclone-storage-initializer:{__version__}"
    memory_limit: Annotated[Quantity, doc("Memory limit.")] = "1Gi"
    memory_request: Annotated[Quantity, doc("Memory request.")] = "100Mi"
    pvc: Annotated[
        Literal["copy", "mount"],
        doc(
            "New. What becomes of `pvc://claim/folder`. `copy`: the folder's files are copied into the pod. `mount`: "
            "the folder itself is mounted at /mnt/models, read-only, and nothing is copied."
        ),
    ] = "copy"
    service_account_credentials: Annotated[
        bool,
        doc(
            "New. Credentials may come from the secrets of a model's service account, for which the "
            "controller gets service accounts and secrets by name. `false`: it has no right to read either."
        ),
    ] = True


class UsageMetrics(Section, frozen=True):
    """Reports to the makers of Seldon Core. Nothing is ever sent by this project."""

    enabled: Annotated[bool, doc("Without effect.")] = False


class Webhook(Section, frozen=True):
    """The validating webhook."""

    port: Annotated[Port, doc("Port of the controller's container that it answers on.")] = 4443
