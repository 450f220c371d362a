"""Graphs of a user's own classes: chain, router with feedback, combiner, A/B tests; over REST and gRPC.

Each is asked at its predictor's Service and through the gateway. The classes are those of images/graph-example: an
image that stands on ours, as people ship theirs. Their numbers are sums of powers of two, so that whole messages can be
compared, and not only parts of them.

The containers that the manifests name stay as their user wrote them, so the namespace enforces `baseline`.
"""

from __future__ import annotations

import math
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.clients import Client, Json, Said, Way, canonical, each_protocol, each_way
from tests.e2e.harness.exposition import total
from tests.e2e.harness.workspace import METRICS_PATH, Workspace

pytestmark = pytest.mark.pod_security("baseline")

PREDICTOR = "main"
NAMES = ("chain", "router", "combined")
IMAGE = images.GRAPH_EXAMPLE
REPOSITORY, _, VERSION = IMAGE.rpartition(":")
EXECUTOR_PORT, CUSTOM_PORT = 8000, 6000
SERVED = "seldon_api_executor_server_requests_seconds"
CALLED = "seldon_api_executor_client_requests_seconds"
FEEDBACK = "seldon_api_model_feedback"
ALL_CHILDREN = -1
ASKED, SIGMAS, ASKERS = 1_000, 4, 4


@pytest.fixture(scope="module")
def graphs(shared_workspace: Workspace) -> Workspace:
    """All of the module's graphs, Available; they start side by side."""
    documents = manifests.load("graphs", IMAGE=IMAGE)
    shared_workspace.apply(*documents)
    for name in NAMES:
        shared_workspace.wait_available(name)
        shared_workspace.wait_led(name)
        shared_workspace.wait_led_over_grpc(name)
    return shared_workspace


def linear(offset: float, slope: float = 1.0, unit: str = "") -> Json:
    """The tags of a class Linear."""
    return {f"{unit}.slope": slope, f"{unit}.offset": offset}


def measured(rows: int, largest: float, slope: float = 1.0) -> list[Json]:
    """The metrics of a class Linear; answers carry those of all nodes that led to them."""
    pause = {"key": "linear_pause", "type": "TIMER", "value": 250, "tags": {"slope": str(slope), "method": "predict"}}
    return [
        {"key": "linear_rows", "type": "COUNTER", "value": rows},
        {"key": "linear_largest", "type": "GAUGE", "value": largest},
        pause,
    ]


def used(*units: str) -> Json:
    """The units' part of an answer's requestPath."""
    return dict.fromkeys(units, IMAGE)


# (a) a chain


@pytest.mark.ingress
@each_way
def test_chain(graphs: Workspace, way: Way) -> None:
    given = {"puid": "puid-of-the-client", "tags": {"asked": "by a test"}}
    tags = {"asked": "by a test", "limit": 13.5} | linear(10.0, 0.5, "model")
    meta = {"puid": given["puid"], "tags": tags, "requestPath": used("scale", "model", "cap")}
    with graphs.client("chain", PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        table = client.predict({"data": {"names": ["p", "q"], "ndarray": [[1, 2], [3, 4]]}, "meta": given})
        tensor = client.predict({"data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}, "meta": given})
        known = client.predict({"data": {"ndarray": [[1, 2]]}}, seldon_puid="puid-of-the-caller")

    columns = ["first", "second"]
    assert table.message == canonical(
        {
            "data": {"names": columns, "ndarray": [[11, 12], [13, 13.5]]},
            "meta": meta | {"metrics": measured(2, 14.0, 0.5)},
        }
    )
    assert tensor.message == canonical(
        {
            "data": {"names": columns, "tensor": {"shape": [1, 2], "values": [11, 12]}},
            "meta": meta | {"metrics": measured(1, 12.0, 0.5)},
        }
    )
    assert known.puid == "puid-of-the-caller"
    assert uuid.UUID(table.puid) != uuid.UUID(tensor.puid)


@each_protocol
def test_metrics_are_where_prometheus_looks(graphs: Workspace, way: Way) -> None:
    annotations = graphs.pods("chain")[0]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/path"] == METRICS_PATH
    before = counted(graphs, way)

    with graphs.client("chain", PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        for number in range(3):
            client.predict({"data": {"ndarray": [[number, 1], [2, 5]]}})

    after = counted(graphs, way)
    grown = {name: value - before[name] for name, value in after.items()}
    assert grown == dict.fromkeys(grown, 3) | {"rows": 6, "seconds of pauses": 0.75}
    # A gauge: the last request's.
    own = graphs.metrics("chain", CUSTOM_PORT, holding="model")
    assert total(own, "linear_largest", model_name="model", method="predict") == 15.0


STEPS = {
    "scale": ("/transform-input", "/seldon.protos.Transformer/TransformInput"),
    "model": ("/predict", "/seldon.protos.Model/Predict"),
    "cap": ("/transform-output", "/seldon.protos.OutputTransformer/TransformOutput"),
}
"""How the chain's units are asked: over REST, over gRPC."""


def counted(graphs: Workspace, way: Way) -> dict[str, float]:
    """What the chain's pages say of the requests that came this way."""
    ours = {"deployment_name": "chain", "predictor_name": PREDICTOR, "predictor_version": PREDICTOR}
    how = ours | ({"method": "unary", "code": "OK"} if way.grpc else {"method": "post", "code": "200"})
    served = how | {"service": "/seldon.protos.Seldon/Predict" if way.grpc else "predictions"}
    executor = graphs.metrics("chain", EXECUTOR_PORT, holding="model")
    found = {
        "served": total(executor, f"{SERVED}_count", **served),
        "served within 10 s": total(executor, f"{SERVED}_bucket", le="10", **served),
        "summary": total(executor, f"{SERVED}_summary_count", **served),
    }
    for unit, services in STEPS.items():
        node = how | {"service": services[way.grpc]} | model_of(unit)
        found[f"called {unit}"] = total(executor, f"{CALLED}_count", **node)
    own, labels = (
        graphs.metrics("chain", CUSTOM_PORT, holding="model"),
        ours | model_of("model") | {"method": "predict"},
    )
    return found | {
        "rows": total(own, "linear_rows_total", **labels),
        "pauses": total(own, "linear_pause_count", slope="0.5", **labels),
        "seconds of pauses": total(own, "linear_pause_sum", slope="0.5", **labels),
    }


def model_of(unit: str) -> dict[str, str]:
    """A unit's labels."""
    return {"model_name": unit, "model_image": REPOSITORY, "model_version": VERSION}


# (b) a router that learns


@pytest.mark.ingress
@each_way
def test_router_and_feedback(graphs: Workspace, way: Way) -> None:
    request = {"data": {"names": ["p"], "ndarray": [[1], [4]]}}
    before = rewards(graphs)
    with graphs.client("router", PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        first = client.predict(request)
        branch = int(first.message["meta"]["routing"]["stay"])
        assert first.message == routed(branch)

        assert reward(client, request, first, 0.75) == LEARNT
        assert client.predict(request).message == routed(branch), "a rewarded branch must stay"
        assert reward(client, request, first, 0.25) == LEARNT
        assert client.predict(request).message == routed(1 - branch), "the branch must change after a bad reward"

    told = {"stay": 1.0, "one": float(branch == 0), "two": float(branch == 1)}
    after = rewards(graphs)
    assert after == {unit: (count + 2 * told[unit], amount + told[unit]) for unit, (count, amount) in before.items()}, (
        "the router and the branch that took part count two feedbacks of 0.75 and 0.25; the other branch none"
    )


LEARNT = canonical({"data": {"ndarray": []}, "meta": {"requestPath": used("stay")}})


def reward(client: Client, request: Json, answered: Said, amount: float) -> Json:
    """Tell the graph what an answer was worth."""
    told = {"request": request, "response": answered.message, "reward": amount, "truth": {"data": {"ndarray": [[7]]}}}
    return client.feedback(told).message


def routed(branch: int) -> Json:
    """The whole answer to the rows 1 and 4 by a branch."""
    unit, offset = (("one", 1.0), ("two", 2.0))[branch]
    meta = {
        "requestPath": used(unit),
        "routing": {"stay": branch, unit: ALL_CHILDREN},
        "tags": linear(offset, unit=unit),
        "metrics": measured(2, 4 + offset),
    }
    return canonical({"data": {"names": ["t:0"], "ndarray": [[1 + offset], [4 + offset]]}, "meta": meta})


def rewards(graphs: Workspace) -> dict[str, tuple[float, float]]:
    """How many feedbacks each unit's server has counted, and their sum."""
    found = {}
    for number, unit in enumerate(("stay", "one", "two")):
        text = graphs.metrics("router", CUSTOM_PORT + number)
        labels = {"model_name": unit, "method": "feedback"}
        found[unit] = (total(text, f"{FEEDBACK}_total", **labels), total(text, f"{FEEDBACK}_reward_total", **labels))
    return found


# (c) and (d): a combiner over two A/B tests


@pytest.mark.ingress
@each_way
def test_combiner_of_two_ab_tests(graphs: Workspace, way: Way) -> None:
    with graphs.client("combined", PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        for number in range(4):
            chosen(client, number)


@each_protocol
def test_ab_tests_keep_their_ratios(graphs: Workspace, way: Way) -> None:
    def ask(asker: int) -> list[tuple[int, int]]:
        with graphs.client("combined", PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
            return [chosen(client, number) for number in range(asker, ASKED, ASKERS)]

    with ThreadPoolExecutor(ASKERS) as pool:
        branches = [choice for some in pool.map(ask, range(ASKERS)) for choice in some]

    assert len(branches) == ASKED
    for test, ratio, of_test in zip(("half", "fifth"), (0.5, 0.2), zip(*branches, strict=True), strict=True):
        expected, first = ratio * ASKED, of_test.count(0)
        bound = SIGMAS * math.sqrt(ASKED * ratio * (1 - ratio))
        graphs.loads.append(f"A/B test {test}, {way}: {first} of {ASKED} to its first, {expected:.0f} +- {bound:.0f}")
        assert abs(first - expected) <= bound, f"{test}: {first} of {ASKED}, more than {SIGMAS} sigma off"


def chosen(client: Client, number: int) -> tuple[int, int]:
    """Ask once. The branches of both tests by the answer's own word, which the whole answer must be in keeping with."""
    message = client.predict({"data": {"ndarray": [[number, 3]]}}).message
    routing = message["meta"]["routing"]
    half, fifth = int(routing["half"]), int(routing["fifth"])
    left, right = "ab"[half], "cd"[fifth]
    offsets = {left: 2.0 * half, right: 8.0 * fifth}
    mean = sum(offsets.values()) / 2
    meta = {
        "requestPath": used("mean", left, right),
        "routing": {"mean": ALL_CHILDREN, "half": half, "fifth": fifth, left: ALL_CHILDREN, right: ALL_CHILDREN},
        "tags": {"combined": "mean"} | linear(offsets[left], unit=left) | linear(offsets[right], unit=right),
        "metrics": [one for unit in (left, right) for one in measured(1, max(number, 3) + offsets[unit])],
    }
    assert message == canonical(
        {"data": {"names": ["t:0", "t:1"], "ndarray": [[number + mean, 3 + mean]]}, "meta": meta}
    )
    return half, fifth
