"""The variables that the controller's tests find their programs by."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import apiserver, gobuild


def test_each_program_of_the_control_plane_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "build", lambda recipe: Path("/built") / recipe.name)

    assert apiserver.programs() == {
        "ETCD": "/built/etcd/etcd",
        "KUBE_APISERVER": "/built/kubernetes/kube-apiserver",
        "KUBE_CONTROLLER_MANAGER": "/built/kubernetes/kube-controller-manager",
        "KUBECTL": "/built/kubernetes/kubectl",
    }
