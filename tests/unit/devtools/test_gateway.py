"""A gateway's manifest, the cluster's port and the chart's values name the same things."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from devtools import cluster, gateway, quickstart
from devtools.paths import ROOT

ALL = pytest.mark.parametrize("which", gateway.GATEWAYS.values(), ids=lambda which: which.name)


def manifests(which: gateway.Gateway) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "devtools" / "manifests" / f"gateway-{which.name}.yaml").read_text()))


def one(which: gateway.Gateway, kind: str) -> dict[str, Any]:
    (found,) = [manifest for manifest in manifests(which) if manifest["kind"] == kind]
    return found


@ALL
def test_the_service_is_at_the_node_port_that_the_cluster_maps(which: gateway.Gateway) -> None:
    (port,) = one(which, "Service")["spec"]["ports"]

    assert port["nodePort"] == cluster.GATEWAY_NODE_PORT


@ALL
def test_the_deployment_is_the_one_that_is_waited_for(which: gateway.Gateway) -> None:
    metadata = one(which, "Deployment")["metadata"]

    assert (metadata["namespace"], metadata["name"]) == (which.namespace, "gateway")


@ALL
def test_the_charts_values_name_the_gateway_object(which: gateway.Gateway) -> None:
    metadata = one(which, "Gateway")["metadata"]
    values = dict(value.split("=") for value in which.values)
    named = values.get("istio.gateway") or f"{values.get('gateway.namespace')}/{values.get('gateway.name')}"

    assert named == f"{metadata['namespace']}/{metadata['name']}"


@ALL
def test_every_container_has_the_image_and_meets_pod_security(which: gateway.Gateway) -> None:
    spec = one(which, "Deployment")["spec"]["template"]["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]

    assert {container["image"] for container in containers} == {"@IMAGE@"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert all(container["securityContext"]["allowPrivilegeEscalation"] is False for container in containers)


def test_a_recipe_without_the_definitions_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("module")
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(gateway.gobuild, "module_folder", lambda *_: empty)
    changed = dataclasses.replace(gateway.CONTOUR, crds=(("example.org/module", "crds/*.yaml"),))

    with pytest.raises(gateway.GatewayError, match=r"example\.org/module .* holds no crds/\*\.yaml"):
        gateway._definitions(changed)


def test_a_running_cluster_keeps_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart.docker, "answers", lambda: True)
    monkeypatch.setattr(quickstart.cluster, "gateway_port", lambda _: 8003)

    quickstart._check_port(8003)
    with pytest.raises(quickstart.QuickstartError, match="behind port 8003: say --port 8003"):
        quickstart._check_port(9000)
