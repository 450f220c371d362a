"""The seeds' documents, as a user writes them: Secrets, service accounts and SeldonDeployments.

Names, keys and addresses are those of the seeds. Long documents that a user writes out in full lie in `../manifests/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

FOLDER = Path(__file__).parent.parent / "manifests"
API_VERSION = "machinelearning.seldon.io/v1"
MINIO_HOST = "minio.minio-system.svc.cluster.local:9000"
MINIO_URL = f"http://{MINIO_HOST}"
USER = "minioadmin"
PASSWORD = "minioadmin"
UNIT = "classifier"
PREDICTOR = "default"
INITIALIZER = f"{UNIT}-model-initializer"
IRIS = "s3://sklearn/iris"


def load(name: str, **images: str) -> list[Manifest]:
    """The documents of `manifests/NAME.yaml` with `${IMAGE}` and the like put in from `images`."""
    text = (FOLDER / f"{name}.yaml").read_text()
    for key, image in images.items():
        text = text.replace(f"${{{key}}}", image)
    return list(yaml.safe_load_all(text))


def secret(name: str, values: dict[str, str], annotations: dict[str, str] | None = None) -> Manifest:
    """A Secret with text values."""
    metadata: Manifest = {"name": name}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": values}


def rclone_options(
    remote: str, *, user: str = USER, password: str = PASSWORD, endpoint: str = MINIO_URL
) -> dict[str, str]:
    """`RCLONE_CONFIG_<REMOTE>_*`, with `minio` in small letters as the seeds have it."""
    options = {
        "TYPE": "s3",
        "PROVIDER": "minio",
        "ENV_AUTH": "false",
        "ACCESS_KEY_ID": user,
        "SECRET_ACCESS_KEY": password,
        "ENDPOINT": endpoint,
    }
    return {f"RCLONE_CONFIG_{remote}_{option}": value for option, value in options.items()}


def rclone_secret(
    name: str, *, remote: str = "S3", user: str = USER, password: str = PASSWORD, endpoint: str = MINIO_URL
) -> Manifest:
    """A secret with rclone's variables."""
    return secret(name, rclone_options(remote, user=user, password=password, endpoint=endpoint))


KFSERVING = {
    "AWS_ACCESS_KEY_ID": USER,
    "AWS_SECRET_ACCESS_KEY": PASSWORD,
    "AWS_ENDPOINT_URL": MINIO_URL,
    "USE_SSL": "false",
}
"""The variables of the kfserving storage initializer: `AWS_*` and `USE_SSL`."""


def kfserving_secret(name: str = "seldon-kfserving-secret") -> Manifest:
    """A secret with kfserving's variables."""
    return secret(name, KFSERVING)


def service_account(name: str = "minio-sa", *, prefix: str = "machinelearning.seldon.io") -> list[Manifest]:
    """A service account and its secret, whose annotations below `prefix` tell where the storage is."""
    held = f"{name}-secret"
    annotations = {f"{prefix}/s3-endpoint": MINIO_HOST, f"{prefix}/s3-usehttps": "0"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}, "secrets": [{"name": held}]}
    return [account, secret(held, {"awsAccessKeyID": USER, "awsSecretAccessKey": PASSWORD}, annotations)]


def iris(
    name: str,
    *,
    model_uri: str | None = IRIS,
    env_secret: str | None = None,
    account: str | None = None,
    initializer_image: str | None = None,
    implementation: str = "SKLEARN_SERVER",
    api_version: str = API_VERSION,
) -> Manifest:
    """A SeldonDeployment with one SKLEARN_SERVER; what is None is not written."""
    optional = {
        "modelUri": model_uri,
        "envSecretRefName": env_secret,
        "serviceAccountName": account,
        "storageInitializerImage": initializer_image,
    }
    graph = {"name": UNIT, "implementation": implementation}
    graph |= {key: value for key, value in optional.items() if value is not None}
    predictor = {"name": PREDICTOR, "replicas": 1, "graph": graph}
    return seldon_deployment(name, {"predictors": [predictor]}, api_version=api_version)


def unit(name: str, *, env_secret: str, **more: Any) -> Manifest:
    """A node of a graph: the iris model on SKLEARN_SERVER."""
    return {"name": name, "implementation": "SKLEARN_SERVER", "modelUri": IRIS, "envSecretRefName": env_secret} | more


def component(container: str, **more: Any) -> Manifest:
    """A componentSpec with a container that is told nothing; `more` stands beside its pod spec."""
    return {"spec": {"containers": [{"name": container}]}} | more


SMALL_ORCHESTRATOR: Manifest = {"resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}
"""A predictor's `svcOrchSpec`, so that a small node has room for old and new pods. It asks for a container."""


def predictor(name: str, graph: Manifest, **more: Any) -> Manifest:
    """A predictor; its orchestrator's container asks for little, where several nodes need one."""
    orchestrator = {"svcOrchSpec": SMALL_ORCHESTRATOR} if graph.get("children") else {}
    return {"name": name, "replicas": 1, "graph": graph} | orchestrator | more


def seldon_deployment(name: str, spec: Manifest, *, api_version: str = API_VERSION) -> Manifest:
    """A SeldonDeployment with any spec, bad ones too."""
    return {"apiVersion": api_version, "kind": "SeldonDeployment", "metadata": {"name": name}, "spec": spec}


def model_deployment(name: str) -> str:
    """The Deployment of `iris(name)`. Source: specification 1.1."""
    return f"{name}-{PREDICTOR}-0-{UNIT}"


def predictor_service(name: str) -> str:
    """The predictor's Service of `iris(name)`. Source: specification 1.1."""
    return f"{name}-{PREDICTOR}"
