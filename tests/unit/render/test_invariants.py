"""What holds for every SeldonDeployment: determinism, selectors, ports, names. Inputs are generated."""

import copy
import itertools
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.operator.render import RenderError, render
from seldon_core.operator.render.config import from_values

CONFIG = from_values(load_values({"keda": {"enabled": True}}))
DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")

short = st.from_regex(r"[a-z]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
long = st.from_regex(r"[a-z]([-a-z0-9]{30,61}[a-z0-9])?", fullmatch=True)
names = short | long
annotations = st.sampled_from(
    [{}, {"seldon.io/engine-separate-pod": "true"}, {"seldon.io/headless-svc": "true"}, {"seldon.io/engine-x": "1"}]
)


# Prepackaged servers that there is an image for, by protocol.
SERVERS = {
    "seldon": ["SKLEARN_SERVER", "TENSORFLOW_SERVER", "XGBOOST_SERVER"],
    "tensorflow": ["TENSORFLOW_SERVER"],
    "v2": ["SKLEARN_SERVER", "TRITON_SERVER", "HUGGINGFACE_SERVER", "TEMPO_SERVER"],
}
RESOURCE = {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}}
scaling = st.sampled_from(
    [
        {},
        {"replicas": 2},
        {"hpaSpec": {"maxReplicas": 3, "metrics": [RESOURCE]}},
        {"kedaSpec": {"triggers": []}},
        {"pdbSpec": {"minAvailable": 1}},
        {"hpaSpec": {"maxReplicas": 3}, "pdbSpec": {"maxUnavailable": 1}},
    ]
)
explainers = st.sampled_from([None, {"type": "AnchorTabular"}, {"type": "AnchorImages", "modelUri": "s3://b/e"}])


@st.composite
def predictors(draw: Any, name: str, traffic: int, protocol: str) -> dict[str, Any]:
    """A predictor of one to five nodes in one to four pods, some served by a prepackaged server."""
    nodes = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    units: list[dict[str, Any]] = []
    groups: list[list[dict[str, Any]]] = [[] for _ in range(draw(st.integers(1, 3)))]
    for position, node in enumerate(nodes):
        unit: dict[str, Any] = {"name": node}
        if draw(st.booleans()):
            uri = draw(st.sampled_from(["s3://b/m", "pvc://claim/x", f"pvc://{node}/x"]))
            unit |= {"implementation": draw(st.sampled_from(SERVERS[protocol])), "modelUri": uri}
            declared = draw(st.booleans())
        else:
            unit["type"] = draw(st.sampled_from(["MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER"]))
            declared = True
        if declared:
            index = 0 if position == 0 else draw(st.integers(0, len(groups) - 1))
            container = {"name": node} if "implementation" in unit else {"name": node, "image": "i:1"}
            groups[index].append(container)
        units.append(unit)
    for parent, child in itertools.pairwise(units):
        parent["children"] = [child]
    if draw(st.booleans()):
        groups[0].append({"name": "a-sidecar-of-the-users", "image": "s:1"})
    component_specs = [{"spec": {"containers": group}, **draw(scaling)} for group in groups if group]
    if component_specs and draw(st.booleans()):
        component_specs.append({"spec": {"containers": [{"name": "on-no-node-of-the-graph", "image": "s:1"}]}})
    predictor = {"name": name, "graph": units[0], "componentSpecs": component_specs, "traffic": traffic}
    explainer = draw(explainers)
    return predictor | ({"explainer": explainer} if explainer else {})


@st.composite
def manifests(draw: Any) -> dict[str, Any]:
    count = draw(st.integers(1, 2))
    labels = draw(st.lists(names, min_size=count, max_size=count, unique=True))
    shares = {1: [100], 2: [60, 40]}[count]
    protocol = draw(st.sampled_from([*SERVERS]))
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": draw(names), "namespace": "ns"},
        "spec": {
            "annotations": draw(annotations),
            "protocol": protocol,
            "predictors": [
                draw(predictors(label, share, protocol)) for label, share in zip(labels, shares, strict=True)
            ],
        },
    }


def objects(manifest: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The rendered objects; none for the rare manifest whose parts give two objects one name, which is refused."""
    try:
        return render(load(manifest), CONFIG).objects
    except RenderError as error:
        if "would be" not in str(error):
            raise
        return ()


def of_kind(found: tuple[dict[str, Any], ...], kind: str) -> list[dict[str, Any]]:
    return [item for item in found if item["kind"] == kind]


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_rendering_is_deterministic_and_changes_nothing(manifest: dict[str, Any]) -> None:
    before = copy.deepcopy(manifest)

    assert json.dumps(objects(manifest)) == json.dumps(objects(copy.deepcopy(manifest)))
    assert manifest == before


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_a_deployment_selects_its_own_pods_and_no_others(manifest: dict[str, Any]) -> None:
    deployments = of_kind(objects(manifest), "Deployment")
    for one in deployments:
        selector = one["spec"]["selector"]["matchLabels"]
        for other in deployments:
            labels = other["spec"]["template"]["metadata"]["labels"]
            assert matches(selector, labels) is (one is other), (selector, labels)


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_a_budget_selects_the_pods_of_one_deployment(manifest: dict[str, Any]) -> None:
    found = objects(manifest)
    for budget in of_kind(found, "PodDisruptionBudget"):
        selector = budget["spec"]["selector"]["matchLabels"]
        selected = [
            deployment["metadata"]["name"]
            for deployment in of_kind(found, "Deployment")
            if matches(selector, deployment["spec"]["template"]["metadata"]["labels"])
        ]
        assert selected == [budget["metadata"]["name"]]


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_an_autoscaler_scales_a_deployment_that_says_no_replicas(manifest: dict[str, Any]) -> None:
    found = objects(manifest)
    deployments = {deployment["metadata"]["name"]: deployment for deployment in of_kind(found, "Deployment")}
    scalers = [*of_kind(found, "HorizontalPodAutoscaler"), *of_kind(found, "ScaledObject")]
    for scaler in scalers:
        assert "replicas" not in deployments[scaler["spec"]["scaleTargetRef"]["name"]]["spec"]
    assert len({scaler["metadata"]["name"] for scaler in scalers}) == len(scalers)


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_every_probe_asks_a_port_that_is_open(manifest: dict[str, Any]) -> None:
    for deployment in of_kind(objects(manifest), "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            known = {
                value for port in container.get("ports", ()) for value in (port.get("name"), port["containerPort"])
            }
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container.get(probe, {})
                assert {asked[how]["port"] for how in ("tcpSocket", "httpGet") if how in asked} <= known


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_every_service_sends_to_a_port_of_the_pods_that_it_selects(manifest: dict[str, Any]) -> None:
    found = objects(manifest)
    for service in of_kind(found, "Service"):
        pods = [
            deployment["spec"]["template"]
            for deployment in of_kind(found, "Deployment")
            if matches(service["spec"]["selector"], deployment["spec"]["template"]["metadata"]["labels"])
        ]
        assert len(pods) == 1
        open_ports = {p["containerPort"] for c in pods[0]["spec"]["containers"] for p in c.get("ports", ())}
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= open_ports


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_no_two_containers_of_a_pod_use_one_port(manifest: dict[str, Any]) -> None:
    for deployment in of_kind(objects(manifest), "Deployment"):
        containers = deployment["spec"]["template"]["spec"]["containers"]
        numbers = [{p["containerPort"] for p in c.get("ports", ())} for c in containers]
        assert sum(map(len, numbers)) == len(set().union(*numbers))


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_every_mount_has_its_volume(manifest: dict[str, Any]) -> None:
    for deployment in of_kind(objects(manifest), "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        volumes = [volume["name"] for volume in pod["volumes"]]
        assert len(volumes) == len(set(volumes))
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            mounts = container.get("volumeMounts", ())
            assert {mount["name"] for mount in mounts} <= set(volumes)
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


@settings(max_examples=60, deadline=None)
@given(manifests())
def test_names_and_labels_are_legal(manifest: dict[str, Any]) -> None:
    for item in objects(manifest):
        assert DNS_LABEL.match(item["metadata"]["name"])
        assert all(LABEL_VALUE.match(value) for value in item["metadata"]["labels"].values())
        assert all(len(key.rpartition("/")[2]) <= 63 for key in item["metadata"]["labels"])
        pod = item["spec"].get("template", {}).get("spec", {})
        containers = [c["name"] for c in [*pod.get("containers", ()), *pod.get("initContainers", ())]]
        assert len(containers) == len(set(containers))
        for named in [*pod.get("containers", ()), *pod.get("initContainers", ()), *pod.get("volumes", ())]:
            assert DNS_LABEL.match(named["name"]), named["name"]
