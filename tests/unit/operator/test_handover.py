"""Changes that move requests from one set of pods, ports or backends to another: in which order things are written.

What an order is worth is shown by traffic, in tests/e2e/test_ingress_changes.py. Here it is held at every write.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from seldon_core.operator.routing.detour import Move, leads_to, led_round, moves
from seldon_core.operator.routing.handover import LATE_SECONDS, awaited
from tests.unit.kube.fake_api import Call, failure
from tests.unit.operator.cluster import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
    SDEPS,
    SERVICES,
    Cluster,
    cluster,
    iris,
    is_state,
)

NAME, ENGINE = "iris-default-0-classifier", "iris-default-svc-orch"
HTTP_ROUTES = "apis/gateway.networking.k8s.io/v1/httproutes"
VIRTUAL_SERVICES = "apis/networking.istio.io/v1beta1/virtualservices"
DESTINATION_RULES = "apis/networking.istio.io/v1beta1/destinationrules"
NO_ENGINE, SEPARATE = "seldon.io/no-engine", "seldon.io/engine-separate-pod"
MOVED = {"iris-default": Move("iris-default-classifier", {8000: 9000, 5001: 9500})}

Object = dict[str, Any]


async def annotate(c: Cluster, annotation: str, value: str | None) -> None:
    """What a user does to switch the orchestrator off, or to give it pods of its own."""

    def change(obj: Object) -> None:
        holder = obj["spec"]["predictors"][0] if annotation == NO_ENGINE else obj["spec"]
        holder["annotations"] = {annotation: value} if value else {}
        obj["metadata"]["generation"] += 1

    changed = await c.api.change(SDEPS, "ns", "iris", change)
    await c.until(lambda status: status.get("observedGeneration") == changed["metadata"]["generation"])


def led(route: Object) -> set[tuple[str, int]]:
    """The Services and ports that a route sends requests to."""
    if route["kind"] == "HTTPRoute":
        backends = route["spec"]["rules"][0]["backendRefs"]
        return {(backend["name"], backend["port"]) for backend in backends if backend["weight"]}
    destinations = [entry["destination"] for entry in route["spec"]["http"][0]["route"]]
    return {(to["host"].partition(".")[0], to["port"]["number"]) for to in destinations}


def history(c: Cluster, collection: str) -> Iterator[tuple[set[tuple[str, int]], dict[str, set[int]], Object | None]]:
    """After every write: where the route leads, the ports of each Service, and the model's Deployment."""
    ports: dict[str, set[int]] = {}
    deployment: Object | None = None
    route: set[tuple[str, int]] = set()
    for _, written, kind, obj in c.api.log:
        name = obj["metadata"]["name"]
        if written == SERVICES:
            ports[name] = {port["port"] for port in obj["spec"]["ports"]} if kind != "DELETED" else set()
        elif written == collection:
            route = led(obj)
        elif written == DEPLOYMENTS and name == NAME:
            deployment = obj
        if route:
            yield route, ports, deployment


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "sidecar"])
@pytest.mark.parametrize(("section", "collection"), [("gateway", HTTP_ROUTES), ("istio", VIRTUAL_SERVICES)])
async def test_no_route_ever_names_a_port_that_pods_or_service_lack(section: str, collection: str, mode: str) -> None:
    async with cluster(section) as c:
        c.config = replace(c.config, executor=replace(c.config.executor, mode=mode))
        await c.available()
        await c.api.reaches(lambda: c.api.find(collection, "ns", "iris") is not None)
        for value, port in (("true", 9000), (None, 8000)):
            await annotate(c, NO_ENGINE, value)
            await c.api.reaches(partial(_has_port, c, port))
            await c.settled()
            assert led(c.api.find(collection, "ns", "iris") or {}) == {("iris-default-classifier", 9000)}
            await c.progress(ready=1)
            await c.until(is_state("Available"))
            await c.api.reaches(partial(_leads_to, c, collection, port))
            await c.settled()

        for route, ports, deployment in history(c, collection):
            assert all(port in ports[service] for service, port in route)
            # Only while all pods have the orchestrator, or are about to have none, is it asked.
            if ("iris-default", 8000) in route:
                assert 8000 in _open(deployment or {})


def _open(deployment: Object) -> set[int]:
    """The ports of its pods."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return {port["containerPort"] for each in containers for port in each.get("ports") or ()}


def _has_port(c: Cluster, port: int) -> bool:
    return port in _ports(c, "iris-default")


def _leads_to(c: Cluster, collection: str, port: int) -> bool:
    return led(c.api.find(collection, "ns", "iris") or {}) == {("iris-default", port)}


def _ports(c: Cluster, service: str) -> set[int]:
    found = c.api.find(SERVICES, "ns", service) or {"spec": {"ports": []}}
    return {port["port"] for port in found["spec"]["ports"]}


@pytest.mark.asyncio
async def test_a_route_is_not_led_round_before_gateways_have_followed_its_last_change() -> None:
    async with cluster("gateway", settle_seconds=3600.0) as c:
        await c.available()
        await annotate(c, NO_ENGINE, "true")
        await c.settled()

        assert led(c.api.find(HTTP_ROUTES, "ns", "iris") or {}) == {("iris-default", 8000)}
        assert _ports(c, "iris-default") == {8000, 5001}
        assert c.status()["state"] == "Creating"
        assert "led past Service iris-default before its ports change" in c.status()["description"]


@pytest.mark.asyncio
async def test_without_a_route_nothing_is_led_round() -> None:
    async with cluster() as c:
        await c.available()
        await annotate(c, NO_ENGINE, "true")
        await c.api.reaches(lambda: _ports(c, "iris-default") == {9000, 9500})


@pytest.mark.asyncio
async def test_pods_with_an_orchestrator_serve_until_the_new_one_does() -> None:
    async with cluster() as c:
        await c.available()
        uid = c.deployment()["metadata"]["uid"]
        await annotate(c, SEPARATE, "true")
        await c.api.reaches(lambda: c.api.find(DEPLOYMENTS, "ns", ENGINE) is not None)
        await c.settled()
        assert c.deployment()["metadata"]["uid"] == uid
        assert f"Waiting until Deployment {ENGINE} serves" in c.status()["description"]

        await c.progress(ENGINE, ready=1)
        await c.api.reaches(
            lambda: (c.api.find(DEPLOYMENTS, "ns", NAME) or {}).get("metadata", {}).get("uid") not in {None, uid}
        )
        assert "seldon-app" not in c.deployment()["spec"]["selector"]["matchLabels"]

        await c.progress(ready=1)
        await c.until(is_state("Available"))
        await annotate(c, SEPARATE, None)
        await c.api.reaches(lambda: "seldon-app" in str((c.api.find(DEPLOYMENTS, "ns", NAME) or {}).get("spec")))
        await c.settled()
        assert c.api.find(DEPLOYMENTS, "ns", ENGINE) is not None
        await c.progress(ready=1)
        await c.api.reaches(lambda: c.api.find(DEPLOYMENTS, "ns", ENGINE) is None)


@pytest.mark.asyncio
@pytest.mark.parametrize("lost", [False, True])
async def test_what_ending_pods_may_still_call_stays_until_they_have_ended(*, lost: bool) -> None:
    other = {"name": "other", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"}
    async with cluster() as c:
        both = iris()
        predictor = both["spec"]["predictors"][0]
        single = predictor["graph"]
        predictor["graph"] = {"name": "ab", "implementation": "RANDOM_ABTEST", "children": [single, other]}
        predictor["componentSpecs"] = [{"spec": {"containers": [{"name": n}]}} for n in ("classifier", "other")]
        await c.api.put(SDEPS, both)
        await c.until(is_state("Creating"))
        await c.progress(ready=1)
        await c.progress("iris-default-1-other", ready=1)
        await c.until(is_state("Available"))
        ending = await c.pod({"phase": "Running"})

        def end(obj: Object) -> None:
            obj["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"

        await c.api.change(PODS, "ns", ending["metadata"]["name"], end)

        def without_other(obj: Object) -> None:
            obj["spec"]["predictors"][0] |= {"graph": single, "componentSpecs": predictor["componentSpecs"][:1]}
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", without_other)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress(ready=1)
        await c.until(is_state("Available"))
        await c.settled()
        assert c.api.find(SERVICES, "ns", "iris-default-other") is not None
        assert c.api.find(DEPLOYMENTS, "ns", "iris-default-1-other") is not None

        assert c.api.find(REPLICA_SETS, "ns", f"{NAME}-1") is not None
        if lost:
            # Its node is: nobody will ever take it away.
            c.now += timedelta(seconds=LATE_SECONDS)
            await c.worked()
        else:
            await c.api.drop(PODS, "ns", ending["metadata"]["name"])
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default-other") is None)
        assert c.api.find(DEPLOYMENTS, "ns", "iris-default-1-other") is None


@pytest.mark.asyncio
async def test_a_new_destination_is_known_before_a_route_names_it() -> None:
    async with cluster("istio") as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.settled()
        assert c.api.find(DESTINATION_RULES, "ns", "iris-default") is not None
        assert c.api.find(VIRTUAL_SERVICES, "ns", "iris") is None


# Services and routes as they are rendered and as the API server holds them.


def service(name: str, http: int, *, node: str = "") -> Object:
    selector = {f"seldon-app-svc-{node}": name} if node else {"seldon-app": name}
    ports = [{"name": "http", "port": http}, {"name": "grpc", "port": http + 500}]
    return {
        "metadata": {"name": name, "labels": {"seldon-app": "iris-default"}},
        "spec": {"selector": selector, "ports": ports},
    }


def test_a_node_stands_in_where_it_is_the_only_one_and_ports_change() -> None:
    wanted = [service("iris-default-classifier", 9000, node="classifier"), service("iris-default", 9000)]
    there = {each["metadata"]["name"]: each for each in (wanted[0], service("iris-default", 8000))}
    other = service("iris-default-other", 9001, node="other")

    assert moves(wanted, there.get) == {"iris-default": Move("iris-default-classifier", {8000: 9000, 8500: 9500})}
    assert moves(wanted, {**there, "iris-default": wanted[1]}.get) == {}
    assert moves([*wanted, other], {**there, "iris-default-other": other}.get) == {}
    assert moves(wanted, {"iris-default": there["iris-default"]}.get) == {}
    assert moves(wanted, {}.get) == {}


def route(kind: str, spec: Object) -> Object:
    metadata = {"name": "iris", "namespace": "ns", "uid": "1", "managedFields": [], "labels": {"a": "b"}}
    return {"apiVersion": "v", "kind": kind, "metadata": metadata, "spec": spec, "status": {}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"rules": [{"backendRefs": [{"kind": "Service", "name": "iris-default", "port": 8000, "weight": 100}]}]},
            {
                "rules": [
                    {
                        "backendRefs": [
                            {"kind": "Service", "name": "iris-default-classifier", "port": 9000, "weight": 100}
                        ]
                    }
                ]
            },
        ),
        (
            {
                "rules": [
                    {
                        "backendRefs": [
                            {"name": "iris-default", "port": 8000, "weight": 0},
                            {"name": "iris-default-classifier", "port": 9000, "weight": 100},
                        ]
                    }
                ]
            },
            {"rules": [{"backendRefs": [{"name": "iris-default-classifier", "port": 9000, "weight": 100}]}]},
        ),
        (
            {"http": [{"mirror": {"host": "iris-default.ns.svc.x", "port": {"number": 5001}, "subset": "default"}}]},
            {"http": [{"mirror": {"host": "iris-default-classifier.ns.svc.x", "port": {"number": 9500}}}]},
        ),
        (
            {"service": "iris-default.ns:8000", "prefix": "/"},
            {"service": "iris-default-classifier.ns:9000", "prefix": "/"},
        ),
    ],
)
def test_a_route_is_led_round_in_the_words_of_its_kind(before: Object, after: Object) -> None:
    found = led_round(route("Any", before), MOVED)

    assert found == {
        "apiVersion": "v",
        "kind": "Any",
        "metadata": {"name": "iris", "namespace": "ns", "labels": {"a": "b"}},
        "spec": after,
    }
    assert leads_to(route("Any", before), MOVED)
    assert not leads_to(found, MOVED)


@pytest.mark.parametrize(
    "spec",
    [
        {"rules": [{"backendRefs": [{"name": "iris-default", "port": 1, "weight": 1}]}]},
        {"rules": [{"backendRefs": [{"name": "iris-canary", "port": 8000, "weight": 1}]}]},
        {"http": [{"route": [{"destination": {"host": "iris-default.other.svc.x", "port": {"number": 8000}}}]}]},
        {"service": "iris-default.other:8000"},
        {"service": "iris-default:8000"},
        {"hosts": ["*"], "gateways": ["istio-system/seldon-gateway"]},
    ],
)
def test_what_leads_elsewhere_stays(spec: Object) -> None:
    assert not leads_to(route("Any", spec), MOVED)


def deployment(name: str, *, engine: bool = False, available: int = 1, **selector: str) -> Object:
    labels = {"seldon-deployment-contains-svcorch": "true"} if engine else {}
    status = {"replicas": 1, "availableReplicas": available}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": {key.replace("_", "-"): value for key, value in selector.items()}}},
        "status": status,
    }


def test_only_who_would_lose_its_orchestrator_waits_for_one() -> None:
    old = deployment("model", engine=True, seldon_app="iris-main", svc="model")
    new = deployment("model", svc="model")
    orchestrator = deployment("orch", engine=True, seldon_app="iris-main")
    away = deployment("orch", engine=True, available=0, seldon_app="iris-main")

    assert awaited(new, old, [(new, old), (orchestrator, None)]) == "orch"
    assert awaited(new, old, [(new, old), (orchestrator, away)]) == "orch"
    assert awaited(new, old, [(new, old), (orchestrator, orchestrator)]) == ""
    assert awaited(old, new, [(old, new), (orchestrator, away)]) == ""
    assert awaited(old, old, [(old, old), (orchestrator, away)]) == ""
    # Other nodes than before: nobody else can serve them, so nothing is gained by waiting.
    other = deployment("model", svc="other")
    assert awaited(other, old, [(other, old), (orchestrator, away)]) == ""


def weights(c: Cluster) -> dict[str, int]:
    """The backends of the stored HTTPRoute."""
    stored = c.api.find(HTTP_ROUTES, "ns", "iris") or {}
    return {backend["name"]: backend["weight"] for backend in stored["spec"]["rules"][0]["backendRefs"]}


@pytest.mark.asyncio
async def test_a_canary_is_known_to_gateways_before_it_is_asked() -> None:
    async with cluster("gateway") as c:
        await c.available()
        await c.stop()
        await c.start(settle_seconds=3600.0)

        def add_canary(obj: Object) -> None:
            (main,) = obj["spec"]["predictors"]
            obj["spec"]["predictors"] = [main | {"traffic": 75}, main | {"name": "canary", "traffic": 25}]
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", add_canary)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress("iris-canary-0-classifier", ready=1)
        await c.until(is_state("Available"))
        await c.settled()
        assert weights(c) == {"iris-default": 100, "iris-canary": 0}

        await c.stop()
        await c.start(settle_seconds=0.0)
        await c.api.reaches(lambda: weights(c) == {"iris-default": 75, "iris-canary": 25})


@pytest.mark.asyncio
async def test_a_route_that_is_written_before_a_refusal_gets_its_time() -> None:
    async with cluster("gateway") as c:
        await c.available()
        await c.stop()
        refused: list[Call] = []

        def refuse(call: Call) -> Any:
            # A gateway writes the status at any time; the second of the two routes meets that once.
            if call.method not in {"PATCH", "PUT"} or "/grpcroutes/" not in call.path or refused:
                return None
            refused.append(call)
            return failure(409, "the object has been modified; please apply your changes to the latest version")

        c.api.faults.append(refuse)
        await c.start(settle_seconds=3600.0)

        def add_canary(obj: Object) -> None:
            (main,) = obj["spec"]["predictors"]
            obj["spec"]["predictors"] = [main | {"traffic": 75}, main | {"name": "canary", "traffic": 25}]
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", add_canary)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress("iris-canary-0-classifier", ready=1)
        await c.api.reaches(lambda: bool(refused))
        await c.until(is_state("Available"))
        await c.settled()
        assert weights(c) == {"iris-default": 100, "iris-canary": 0}
