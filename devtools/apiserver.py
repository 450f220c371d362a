"""The programs of a control plane without nodes: what the controller's tests start an API server from."""

from __future__ import annotations

from . import gobuild


def programs() -> dict[str, str]:
    """Have etcd and Kubernetes built; return the environment variables that name their programs.

    Raises GoMissingError without a Go toolchain, CommandFailedError where a build fails.
    """
    kubernetes = gobuild.build(gobuild.KUBERNETES)
    return {
        "ETCD": str(gobuild.build(gobuild.ETCD) / "etcd"),
        "KUBE_APISERVER": str(kubernetes / "kube-apiserver"),
        "KUBE_CONTROLLER_MANAGER": str(kubernetes / "kube-controller-manager"),
        "KUBECTL": str(kubernetes / "kubectl"),
    }
