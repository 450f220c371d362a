"""What is seen of requests from outside: logged payloads (CloudEvents) and spans (OTLP), at a collector in the cluster.

One chain of two of a user's own classes, asked over REST and gRPC; and what its users notice of a collector that hangs
or is gone: nothing.

The containers that the manifest names stay as their user wrote them, so the namespace enforces `baseline`.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from tests.e2e.harness import images, manifests, sink
from tests.e2e.harness.clients import Json, RestClient, Way, canonical, each_protocol
from tests.e2e.harness.exposition import total
from tests.e2e.harness.waiting import assert_updated, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.pod_security("baseline")

NAME, PREDICTOR = "observed", "main"
EVENTS = "seldon_api_executor_request_logger_events_total"
ASKED, GIVEN, ANSWERED = [[1.0, 2.0]], [[2.0, 4.0]], [[3.0, 5.0]]
"""A request's numbers, what the second unit is given, and the answer."""
PARENT = "b7ad6b7169203331"
POST_SECONDS = 10.0
"""What the executor gives a collector to take an event: who waited for one that hangs would wait so long."""
WORKERS, MANY = 10, 60
OF_ONE = 3
"""Events of one prediction."""


class Collector:
    """The sink, by its control port."""

    def __init__(self, client: RestClient) -> None:
        self._client = client

    def seen(self) -> Json:
        """All events and spans."""
        found: Json = json.loads(self._client.ask("GET", "/seen").body)
        return found

    def turn(self, mode: str) -> None:
        """OPEN, HELD or CLOSED."""
        assert self._client.ask("PUT", "/mode", mode.encode()).status == 204


@pytest.fixture(scope="module")
def observed(shared_workspace: Workspace) -> Workspace:
    """The chain, Available, and its collector."""
    program = {"sink.py": sink.program()}
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sink"}, "data": program}
    shared_workspace.apply(held, *manifests.load("observed", IMAGE=images.GRAPH_EXAMPLE))
    shared_workspace.wait_available(NAME)
    shared_workspace.wait_led(NAME)
    shared_workspace.wait_led_over_grpc(NAME)
    cluster, namespace = shared_workspace.cluster, shared_workspace.namespace
    wait_for(
        lambda: assert_updated(cluster.get("apps/v1", "Deployment", "sink", namespace)),
        what="the collector",
        seconds=shared_workspace.timeouts.model_ready,
    )
    return shared_workspace


@pytest.fixture
def collector(observed: Workspace) -> Iterator[Collector]:
    """The sink. At the end it takes everything again."""
    with (
        observed.service("sink", sink.CONTROL_PORT) as address,
        RestClient(address, seconds=observed.timeouts.request) as client,
    ):
        found = Collector(client)
        yield found
        found.turn(sink.OPEN)


def message() -> Json:
    """A request."""
    return {"data": {"ndarray": ASKED}}


def ask(observed: Workspace, way: Way, **headers: str) -> None:
    """One prediction, whose answer is right."""
    with observed.client(NAME, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        assert client.predict(message(), **headers).message["data"]["ndarray"] == ANSWERED


def come(observed: Workspace, found: Callable[[], list[Any]], number: int) -> list[Any]:
    """What is found, once so much of it has come."""

    def there() -> list[Any]:
        so_far = found()
        assert len(so_far) >= number, f"{len(so_far)} of {number} have come"
        return so_far

    return wait_for(there, what="the collector to get them", seconds=observed.timeouts.request)


@each_protocol
def test_payloads_are_logged_as_cloud_events(observed: Workspace, collector: Collector, way: Way) -> None:
    puid, unseen = str(uuid.uuid4()), str(uuid.uuid4())

    ask(observed, way, seldon_puid=unseen, seldon_skip_logging="true")
    ask(observed, way, seldon_puid=puid)

    come_in = come(observed, lambda: events_of(collector, {puid}), OF_ONE)
    events = {(one["path"], one["headers"]["ce-type"]): one for one in come_in}
    request, response = (f"io.seldon.serving.inference.{kind}" for kind in ("request", "response"))
    assert {key: numbers(one, way) for key, one in events.items()} == {
        ("/of/scale", request): ASKED,
        ("/of/model", request): GIVEN,
        ("/of/model", response): ANSWERED,
    }
    (pod,) = [pod["metadata"]["name"] for pod in observed.pods(NAME)]
    for (path, kind), event in events.items():
        headers = event["headers"]
        assert datetime.fromisoformat(headers["ce-time"]).timestamp() == pytest.approx(time.time(), abs=60)
        assert {name: value for name, value in headers.items() if name.startswith(("ce-", "content-t"))} == {
            "ce-specversion": "1.0",
            "ce-id": headers["ce-id"],
            "ce-time": headers["ce-time"],
            "ce-type": kind,
            "ce-source": f"http://{pod}:8000/",
            "ce-modelid": path.rpartition("/")[2],
            "ce-requestid": puid,
            "ce-inferenceservicename": NAME,
            "ce-namespace": observed.namespace,
            "ce-endpoint": PREDICTOR,
            "ce-protocol": "seldon",
            "content-type": "application/protobuf" if way.grpc else "application/json",
        }
    assert len({uuid.UUID(event["headers"]["ce-id"]) for event in events.values()}) == OF_ONE
    assert not events_of(collector, {unseen})


def numbers(event: Json, way: Way) -> Any:
    """The numbers of an event's payload, which must be a whole SeldonMessage."""
    body = base64.b64decode(event["body"])
    if way.grpc:
        found = json_format.MessageToDict(prediction_pb2.SeldonMessage.FromString(body))
    else:
        found = canonical(json.loads(body))
    return found["data"]["ndarray"]


@each_protocol
def test_spans_lead_from_the_client_to_each_model(observed: Workspace, collector: Collector, way: Way) -> None:
    trace = uuid.uuid4().hex

    ask(observed, way, traceparent=f"00-{trace}-{PARENT}-01")

    def of_it() -> list[Json]:
        return [span for span in collector.seen()["spans"] if span["trace"] == trace]

    spans = {one["span"]: one for one in come(observed, of_it, 5)}
    outer = "seldon.protos.Seldon/Predict" if way.grpc else "predictions"
    asked = ["seldon.protos.Transformer/TransformInput", "seldon.protos.Model/Predict"]
    done = asked
    if not way.grpc:
        asked, done = ["/transform-input", "/predict"], ["TransformInput", "Predict"]
    root = ("executor", "server", outer)
    assert sorted(path(spans, one) for one in spans.values()) == sorted(
        [
            (root,),
            (root, ("executor", "client", asked[0])),
            (root, ("executor", "client", asked[0]), ("scale", "server", done[0])),
            (root, ("executor", "client", asked[1])),
            (root, ("executor", "client", asked[1]), ("Linear", "server", done[1])),
        ]
    )
    (first,) = [one for one in spans.values() if one["parent"] == PARENT]
    told = {"seldon.deployment": NAME, "seldon.predictor": PREDICTOR, "k8s.namespace.name": observed.namespace}
    assert told.items() <= first["resource"].items()


def path(spans: dict[str, Json], span: Json) -> tuple[tuple[str, str, str], ...]:
    """Service, kind and name of each span on the way from the outermost to this one."""
    own = (span["service"], span["kind"], span["name"])
    above = spans.get(span["parent"])
    return (own,) if above is None else (*path(spans, above), own)


def test_a_collector_that_hangs_costs_requests_nothing(observed: Workspace, collector: Collector) -> None:
    collector.turn(sink.HELD)
    puids = asked_quickly(observed, "hangs")

    assert len(events_of(collector, puids)) <= WORKERS, "more events are under way than there are workers"
    collector.turn(sink.OPEN)
    events = come(observed, lambda: events_of(collector, puids), len(puids) * OF_ONE)
    assert Counter(event["headers"]["ce-requestid"] for event in events) == dict.fromkeys(puids, OF_ONE)


def test_a_collector_that_is_gone_costs_requests_nothing(observed: Workspace, collector: Collector) -> None:
    collector.turn(sink.CLOSED)
    puids = asked_quickly(observed, "is gone")

    def given_up() -> None:
        failed = total(observed.metrics(NAME, 8000), EVENTS, outcome="failed")
        assert failed == len(puids) * OF_ONE, f"{failed} events are counted as failed"

    wait_for(given_up, what="all events to be given up", seconds=observed.timeouts.request)
    collector.turn(sink.OPEN)
    known = str(uuid.uuid4())
    ask(observed, Way(grpc=False, gateway=True), seldon_puid=known)
    come(observed, lambda: events_of(collector, {known}), OF_ONE)
    assert not events_of(collector, puids), "an event was sent again"


def asked_quickly(observed: Workspace, state: str) -> set[str]:
    """Many predictions, one behind the other, in less time than one event is given: their ids."""
    puids = [str(uuid.uuid4()) for _ in range(MANY)]
    with observed.client(NAME, PREDICTOR, over_grpc=False, gateway=True) as client:
        begun = time.monotonic()
        for puid in puids:
            assert client.predict(message(), seldon_puid=puid).message["data"]["ndarray"] == ANSWERED
        took = time.monotonic() - begun
    observed.loads.append(f"the collector {state}: {MANY} requests in {took:.2f} s")
    assert took < POST_SECONDS / 2, f"{MANY} requests took {took:.1f} s"
    return set(puids)


def events_of(collector: Collector, puids: set[str]) -> list[Json]:
    """The events of these predictions."""
    return [event for event in collector.seen()["events"] if event["headers"]["ce-requestid"] in puids]
