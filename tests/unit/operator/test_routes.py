"""Routes: when they are written, what becomes of those that are there, and a cluster that does not know their kinds."""

from collections.abc import Callable
from typing import Any

import pytest

from seldon_core.api.values import load_values
from seldon_core.operator.render.config import from_values
from seldon_core.operator.routing.settling import Settling
from tests.unit.kube.fake_api import failure
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, SERVICES, Cluster, cluster, default_config, iris, is_state

pytestmark = pytest.mark.asyncio

NAME = "iris-default-0-classifier"
VIRTUAL_SERVICES = "apis/networking.istio.io/v1beta1/virtualservices"
DESTINATION_RULES = "apis/networking.istio.io/v1beta1/destinationrules"
HTTP_ROUTES = "apis/gateway.networking.k8s.io/v1/httproutes"
GRPC_ROUTES = "apis/gateway.networking.k8s.io/v1/grpcroutes"
MAPPINGS = "apis/getambassador.io/v2/mappings"
ROUTED = [
    ("istio", VIRTUAL_SERVICES, "iris"),
    ("ambassador", MAPPINGS, "seldon-ns-iris-default-rest"),
    ("gateway", HTTP_ROUTES, "iris"),
]
CONDITIONS = {
    "istio": "istioVirtualServicesReady",
    "ambassador": "AmbassadorMappingsReady",
    "gateway": "GatewayRoutesReady",
}


async def rename(c: Cluster, name: str = "second") -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["predictors"][0]["name"] = name
        obj["metadata"]["generation"] += 1

    await c.api.change(SDEPS, "ns", "iris", change)
    await c.until(lambda status: status.get("observedGeneration") == 2)


@pytest.mark.parametrize(("section", "collection", "name"), ROUTED)
async def test_a_route_is_made_when_all_deployments_are_ready(section: str, collection: str, name: str) -> None:
    async with cluster(section) as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.settled()
        assert c.api.find(collection, "ns", name) is None
        waits = c.conditions()[CONDITIONS[section]]
        assert (waits["status"], "when all Deployments are ready" in waits["message"]) == ("False", True)

        await c.progress(ready=1)
        await c.until(is_state("Available"))
        stored = c.api.find(collection, "ns", name)
        assert stored is not None
        assert stored["metadata"]["ownerReferences"][0]["name"] == "iris"
        assert c.conditions()[CONDITIONS[section]]["status"] == "True"
        assert c.conditions()["Ready"]["status"] == "True"


async def test_destinations_come_before_the_routes_that_name_them() -> None:
    async with cluster("istio") as c:
        await c.available()
        assert c.made() == ["services", "deployments", "destinationrules", "virtualservices"]


@pytest.mark.parametrize("section", CONDITIONS)
async def test_neither_a_second_look_nor_a_restart_writes(section: str) -> None:
    async with cluster(section) as c:
        await c.available()
        await c.settled()
        before = len(c.writes())
        await c.worked()
        await c.stop()
        await c.start()
        await c.settled()
        assert c.writes()[before:] == []


async def test_a_route_leads_to_the_former_predictor_until_the_new_one_is_ready() -> None:
    async with cluster("istio") as c:
        await c.available()
        route = c.api.find(VIRTUAL_SERVICES, "ns", "iris")
        await rename(c)
        await c.settled()
        assert c.api.find(VIRTUAL_SERVICES, "ns", "iris") == route
        assert c.api.find(DESTINATION_RULES, "ns", "iris-default") is not None

        await c.progress("iris-second-0-classifier", ready=1)
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default") is None)
        assert c.api.find(DESTINATION_RULES, "ns", "iris-default") is None
        stored = c.api.find(VIRTUAL_SERVICES, "ns", "iris")
        assert stored is not None
        assert stored["spec"]["http"][0]["route"][0]["destination"]["subset"] == "second"
        deleted = [call.path.split("/")[-2] for call in c.writes() if call.method == "DELETE"]
        assert deleted == ["destinationrules", "deployments", "services", "services"]


async def test_what_a_route_led_to_stays_for_a_while_after_it_has_changed() -> None:
    async with cluster("istio", settle_seconds=3600.0) as c:
        await c.available()
        await rename(c)
        await c.progress("iris-second-0-classifier", ready=1)
        await c.until(is_state("Available"))
        await c.settled()
        stored = c.api.find(VIRTUAL_SERVICES, "ns", "iris")
        assert stored is not None
        assert stored["spec"]["http"][0]["route"][0]["destination"]["subset"] == "second"
        assert c.api.find(DEPLOYMENTS, "ns", NAME) is not None


async def test_the_wait_after_a_change_ends() -> None:
    now = [100.0]
    settling = Settling(5.0, lambda: now[0])
    assert settling.seconds_left("a") == 0.0
    settling.begin("a")
    assert settling.seconds_left("a") == 5.0
    now[0] = 104.0
    assert settling.seconds_left("a") == 1.0
    now[0] = 105.0
    assert settling.seconds_left("a") == 0.0


@pytest.mark.parametrize(
    ("section", "group"),
    [
        ("istio", "networking.istio.io"),
        ("ambassador", "getambassador.io"),
        ("gateway", "gateway.networking.k8s.io"),
    ],
)
async def test_a_missing_definition_blocks_nothing_and_one_that_comes_is_noticed(section: str, group: str) -> None:
    async with cluster(section, without=f"/apis/{group}/") as c:
        await c.available()
        lacks = c.conditions()[CONDITIONS[section]]
        assert lacks["status"] == "False"
        assert f".{group} of version" in lacks["message"]
        assert "install its CustomResourceDefinition" in c.status()["description"]
        assert c.conditions()["Ready"]["message"] == lacks["message"]

        c.api.faults.clear()
        await c.until(lambda _: c.conditions()["Ready"]["status"] == "True")
        assert c.conditions()[CONDITIONS[section]]["status"] == "True"
        assert "description" not in c.status()


async def test_a_missing_definition_does_not_hold_up_the_clean_up() -> None:
    async with cluster("istio", without="istio.io") as c:
        await c.available()
        await rename(c)
        await c.progress("iris-second-0-classifier", ready=1)
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default") is None)


async def test_routes_that_may_not_be_read_hold_up_the_clean_up_alone() -> None:
    message = 'virtualservices is forbidden: User "u" cannot list resource "virtualservices"'
    async with cluster("istio") as c:
        await c.available()
        c.api.faults.append(lambda call: failure(403, message) if "virtualservices" in call.path else None)
        await c.stop()
        await c.start(settle_seconds=0.0)
        await rename(c)
        await c.progress("iris-second-0-classifier", ready=1)
        await c.until(lambda status: "permission is missing: verb list" in status.get("description", ""))
        await c.worked()
        assert c.status()["state"] == "Available"
        assert c.api.find(DEPLOYMENTS, "ns", NAME) is not None


async def test_a_definition_that_goes_away_is_said() -> None:
    async with cluster("istio") as c:
        await c.available()
        c.api.faults.append(lambda call: failure(404, "404 page not found") if "istio.io" in call.path else None)
        await c.api.cut_watches()
        await c.until(lambda _: c.conditions()["Ready"]["status"] == "False")
        assert "install its CustomResourceDefinition" in c.conditions()["istioVirtualServicesReady"]["message"]


async def test_a_route_that_a_gateway_refuses_is_not_ready() -> None:
    async with cluster("gateway") as c:
        await c.available()
        refusal = {"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": "no such listener"}

        def refuse(obj: dict[str, Any]) -> None:
            generation = obj["metadata"]["generation"]
            obj["status"] = {"parents": [{"conditions": [refusal | {"observedGeneration": generation}]}]}

        await c.api.change(HTTP_ROUTES, "ns", "iris", refuse)
        await c.until(lambda _: c.conditions()["GatewayRoutesReady"]["status"] == "False")
        assert c.conditions()["GatewayRoutesReady"]["message"] == "HTTPRoute iris: no such listener"
        assert c.status()["state"] == "Available"


async def test_a_gateway_that_takes_one_kind_of_route_alone_is_told_with_what_to_do() -> None:
    async with cluster("gateway") as c:
        await c.available()
        refusal = {"type": "Accepted", "status": "False", "reason": "Conflict", "message": "an HTTPRoute is older"}

        def refuse(obj: dict[str, Any]) -> None:
            generation = obj["metadata"]["generation"]
            obj["status"] = {"parents": [{"conditions": [refusal | {"observedGeneration": generation}]}]}

        await c.api.change("apis/gateway.networking.k8s.io/v1/grpcroutes", "ns", "iris", refuse)
        await c.until(lambda _: c.conditions()["GatewayRoutesReady"]["status"] == "False")
        message = c.conditions()["GatewayRoutesReady"]["message"]
        assert message.startswith("GRPCRoute iris: an HTTPRoute is older; ")
        assert "gateway.grpcListener" in message


async def test_a_route_that_no_gateway_has_taken_is_not_ready() -> None:
    async with cluster("gateway") as c:
        await c.available()
        taken = (c.api.find(HTTP_ROUTES, "ns", "iris") or {})["status"]

        def say(status: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
            return lambda obj: obj.update(status=status)

        await c.api.change(HTTP_ROUTES, "ns", "iris", say({}))
        await c.until(lambda _: c.conditions()["Ready"]["status"] == "False")
        assert c.conditions()["GatewayRoutesReady"]["message"].startswith(
            "HTTPRoute iris: no gateway has taken it yet; it waits for Gateway seldon-gateway"
        )
        assert c.status()["state"] == "Available"

        # One route of a SeldonDeployment is word enough.
        await c.api.change(GRPC_ROUTES, "ns", "iris", say(taken))
        await c.until(lambda _: c.conditions()["Ready"]["status"] == "True")


async def test_an_annotation_with_routes_comes_with_readiness_and_goes_with_its_value() -> None:
    def annotation(c: Cluster) -> str:
        service = c.api.find(SERVICES, "ns", "iris-default") or {"metadata": {}}
        return str(service["metadata"].get("annotations", {}).get("getambassador.io/config", ""))

    async with cluster("ambassador") as c:
        await c.stop()
        values = {"executor": {"mode": "sidecar"}, "ambassador": {"enabled": True, "version": "v1"}}
        c.config = from_values(load_values(values))
        await c.start(settle_seconds=0.0)
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        assert annotation(c) == ""
        await c.progress(ready=1)
        await c.until(is_state("Available"))
        first = annotation(c)
        assert "prefix: /seldon/ns/iris/" in first

        await c.edit(modelUri="s3://sklearn/other")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        assert annotation(c) == first

        await c.progress(ready=1)
        await c.until(is_state("Available"))
        c.config = default_config()
        await c.settled()
        assert annotation(c) == ""


async def test_an_error_leaves_what_is_said_of_routes() -> None:
    async with cluster("istio") as c:
        await c.available()
        before = c.conditions()["istioVirtualServicesReady"]
        await c.edit(modelUri="")
        await c.until(is_state("Failed"))
        assert c.conditions()["istioVirtualServicesReady"] == before
