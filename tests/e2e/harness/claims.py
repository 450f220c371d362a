"""Claims with the cluster's default StorageClass, filled as users fill theirs: by a Job that fetches the model."""

from __future__ import annotations

from typing import Any

from . import images, manifests
from .manifests import Manifest
from .pods import describe
from .waiting import HopelessError, wait_for
from .workspace import Workspace

FOLDER = "iris"
SECRET = "seldon-rclone-secret"
_JOB = "fill"
_OPEN = "import os, sys; [os.chmod(folder, 0o777) for folder in sys.argv[1:]]"
"""Most provisioners give a new volume to root alone; whoever makes a claim for models opens it for uid 8888."""


def make(workspace: Workspace, filled: str, *empty: str) -> None:
    """Make claims, of which one has the iris model in `iris/`. The namespace must let a Job run as root."""
    claims = (filled, *empty)
    workspace.apply(manifests.rclone_secret(SECRET), *map(_claim, claims), _fill(filled, claims))

    def done() -> None:
        status = (workspace.cluster.get("batch/v1", "Job", _JOB, workspace.namespace) or {}).get("status", {})
        if status.get("failed"):
            raise HopelessError(f"the Job that fills the claim failed:\n{pods()}")
        assert status.get("succeeded"), "it has not ended"

    def pods() -> str:
        labels = f"job-name={_JOB}"
        return describe(workspace.cluster.objects("v1", "Pod", workspace.namespace, labels=labels))

    wait_for(done, what="the Job that fills the claim", seconds=workspace.timeouts.model_ready, detail=pods)


def _claim(name: str) -> Manifest:
    # Of one node: not every provisioner has volumes of many, and there is one node.
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def _fill(filled: str, claims: tuple[str, ...]) -> Manifest:
    folders = {claim: f"/claims/{claim}" for claim in claims}
    common: dict[str, Any] = {
        "image": images.RCLONE_INITIALIZER,
        "volumeMounts": [{"name": claim, "mountPath": folder} for claim, folder in folders.items()],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
    opens = {
        "name": "open",
        "command": ["python3", "-c", _OPEN, *folders.values()],
        "securityContext": {"runAsUser": 0},
    }
    fetches = {
        "name": "fetch",
        "args": [manifests.IRIS, f"{folders[filled]}/{FOLDER}"],
        "envFrom": [{"secretRef": {"name": SECRET}}],
    }
    pod = {
        "restartPolicy": "Never",
        "initContainers": [common | opens],
        "containers": [common | fetches],
        "volumes": [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims],
    }
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _JOB}, "spec": spec}
