"""Sections of the chart's values about what runs in the pods of models: orchestrator, initializer, containers of units.

Source of the keys: as in values_controller.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from seldon_core import __version__

from .values_base import LOCAL_REGISTRY, TAG, Port, PullPolicy, Quantity, Section, UserId, doc


class ExecutorImage(Section, frozen=True):
    """The image of the service orchestrator (executor): `<registry>/<repository>:<tag>`."""

    pull_policy: Annotated[PullPolicy, doc("When the node pulls it.")] = "IfNotPresent"
    registry: Annotated[str, doc("Registry. `localhost` means: see global.imageRegistry.")] = LOCAL_REGISTRY
    repository: Annotated[str, doc("Repository in the registry.")] = "seldon-core/executor"
    tag: Annotated[str, TAG] = __version__


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
