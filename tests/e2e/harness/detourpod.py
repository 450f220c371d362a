"""The pod of `detours`, its Service, and the certificate of the way with TLS."""

from __future__ import annotations

from pathlib import Path

from tests.integration.storage import certificates

from . import detours, images, manifests
from .manifests import Manifest
from .pods import describe
from .waiting import wait_for
from .workspace import Workspace

NAME = "detours"
_ROOT = Path(__file__).parents[3]
_SOURCES = ("tests/e2e/harness/detours.py", "tests/integration/storage/web.py")
_PROGRAM, _CERTIFICATES = "/program", "/certificates"


def start(workspace: Workspace, folder: Path) -> str:
    """Have the ways open; the certificate of the authority that vouches for the one with TLS. `folder` is scratch."""
    authority = certificates.make(folder, [_host(workspace)])
    held = {path.name: path.read_text() for path in folder.iterdir()}
    workspace.apply(_program(), manifests.secret(NAME, held), _pod(), _service())

    def ready() -> None:
        pod = workspace.cluster.get("v1", "Pod", NAME, workspace.namespace) or {}
        states = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions") or ()}
        assert states.get("Ready") == "True", describe([pod])

    wait_for(ready, what=f"pod {NAME}", seconds=workspace.timeouts.model_ready)
    return authority


def endpoint(workspace: Workspace, way: str) -> str:
    """The store's URL on one of the ways, or where nobody listens."""
    scheme = "https" if way == "tls" else "http"
    return f"{scheme}://{_host(workspace)}:{detours.PORTS.get(way, detours.REFUSES)}"


def _host(workspace: Workspace) -> str:
    return f"{NAME}.{workspace.namespace}.svc.cluster.local"


def _program() -> Manifest:
    data = {Path(source).name: (_ROOT / source).read_text() for source in _SOURCES}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data}


def _pod() -> Manifest:
    items = [{"key": Path(source).name, "path": source} for source in _SOURCES]
    container = {
        "name": NAME,
        "image": images.RCLONE_INITIALIZER,
        "command": ["python3", "-m", "tests.e2e.harness.detours", manifests.MINIO_URL, _CERTIFICATES],
        "env": [{"name": "PYTHONPATH", "value": _PROGRAM}],
        "readinessProbe": {"tcpSocket": {"port": detours.PORTS["hangs"]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "program", "mountPath": _PROGRAM},
            {"name": "certificates", "mountPath": _CERTIFICATES},
        ],
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 8888, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "program", "configMap": {"name": NAME, "items": items}},
            {"name": "certificates", "secret": {"secretName": NAME}},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}}, "spec": spec}


def _service() -> Manifest:
    ports = detours.PORTS | {"refuses": detours.REFUSES}
    spec = {"selector": {"app": NAME}, "ports": [{"name": name, "port": port} for name, port in ports.items()]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}
