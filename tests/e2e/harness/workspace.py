"""What a test does, in its own namespace: apply, wait, ask. Each step says in its error what it saw last."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import yaml
from google.protobuf.empty_pb2 import Empty

from . import curl, images, manifests, pods, prediction
from .clients import RestClient, RpcClient, RpcFailedError
from .gateways import Gateway, Route
from .load import RATE, Load, describe
from .portforward import port_forward
from .tools import Completed, Tool
from .waiting import Object, assert_available, assert_failed, assert_rolled_out, assert_updated, wait_for

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts

# Source: specification 1.1 and 1.2.
ID_LABEL = "seldon-deployment-id"
HTTP_PORT = 8000
GRPC_PORT = 5001
METRICS_PATH = "/prometheus"
PROBE = "/seldon.protos.Seldon/ModelMetadata"
"""A method whose path Istio's routes know; that of gRPC's health they do not. An orchestrator answers with an error of
its own, in each protocol."""
NO_METHOD = "Method not found!"
GATEWAYS_OWN = (404, 503)
"""What a gateway answers itself where it knows no route, or nobody behind it."""
GATEWAYS_OWN_OVER_GRPC = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAVAILABLE)
"""The same over gRPC."""


@dataclass(frozen=True)
class Workspace:
    """A test's namespace and the means to act in it. `loads` gets a description of every load that ran."""

    namespace: str
    cluster: Cluster
    gateway: Gateway
    kubectl: Tool
    timeouts: Timeouts
    loads: list[str] = field(default_factory=list)

    def try_apply(self, *documents: Object) -> Completed:
        """`kubectl apply` the documents and give kubectl's answer, whatever it is."""
        return self._kubectl("apply", "-f", "-", text=yaml.safe_dump_all(documents, sort_keys=False))

    def apply(self, *documents: Object) -> None:
        """`kubectl apply` the documents. Raises CommandError with kubectl's words where they are refused."""
        self.try_apply(*documents).checked()

    def delete_seldon_deployment(self, name: str) -> None:
        """`kubectl delete seldondeployment NAME`."""
        self._kubectl("delete", "seldondeployment", name).checked()

    def restart(self, name: str) -> None:
        """`kubectl rollout restart` the Deployment of a SeldonDeployment's model."""
        self.restart_deployment(manifests.model_deployment(name))

    def restart_deployment(self, deployment: str) -> None:
        """`kubectl rollout restart` a Deployment."""
        self._kubectl("rollout", "restart", f"deployment/{deployment}").checked()

    def seldon_deployment(self, name: str) -> Object | None:
        """A SeldonDeployment, None where it is not there."""
        return self.cluster.seldon_deployment(name, self.namespace)

    def pods(self, name: str) -> list[Object]:
        """The pods of a SeldonDeployment, those that are ending included."""
        return self.cluster.objects("v1", "Pod", self.namespace, labels=f"{ID_LABEL}={name}")

    def wait_available(self, name: str, *, tolerate_failed: bool = False) -> Object:
        """Wait until the SeldonDeployment is Available; ends at once, with the description, where it is Failed."""
        found = wait_for(
            lambda: assert_available(self.seldon_deployment(name), name, tolerate_failed=tolerate_failed),
            what=f"SeldonDeployment {name} to be Available",
            seconds=self.timeouts.model_ready,
            detail=lambda: pods.describe(self.pods(name)),
        )
        if not self.gateway.reports:
            self._wait_led(name)
        return found

    def _wait_led(self, name: str) -> None:
        """Wait until the gateway knows the way to a SeldonDeployment: this one tells nobody when it does."""

        def led() -> None:
            answer = curl.get(f"{self.url(name)}/api/v1.0/health/status", seconds=self.timeouts.request)
            assert answer.status == 200, str(answer)

        wait_for(led, what=f"the gateway to lead to {name}", seconds=self.timeouts.rollout)

    def wait_failed(self, name: str, patterns: Sequence[str]) -> str:
        """Wait until the SeldonDeployment is Failed with a description that matches every pattern; give it."""
        return wait_for(
            lambda: assert_failed(self.seldon_deployment(name), name, patterns),
            what=f"SeldonDeployment {name} to name its fault",
            seconds=self.timeouts.failure,
            detail=lambda: pods.describe(self.pods(name)),
        )

    def wait_rolled_out(self, name: str) -> Object:
        """Wait until only pods of the newest template run; give the Deployment."""
        deployment = manifests.model_deployment(name)
        return wait_for(
            lambda: assert_rolled_out(
                self.cluster.get("apps/v1", "Deployment", deployment, self.namespace), self.pods(name)
            ),
            what=f"the roll-out of {deployment}",
            seconds=self.timeouts.rollout,
            detail=lambda: pods.describe(self.pods(name)),
        )

    def wait_settled(self, name: str, *, deployments: AbstractSet[str], route: Route) -> None:
        """Wait until a change is done: these Deployments alone are there, all of their newest template, and routed to.

        Pods on their way out do not count: that they are missed by nobody is what a load shows.
        """

        def settled() -> None:
            assert_available(self.seldon_deployment(name), name)
            labels = f"{ID_LABEL}={name}"
            live = {
                found["metadata"]["name"]: found
                for found in self.cluster.objects("apps/v1", "Deployment", self.namespace, labels=labels)
            }
            assert live.keys() == deployments, f"Deployments {sorted(live)}, wanted {sorted(deployments)}"
            for deployment in live.values():
                assert_updated(deployment)
            leads = self.gateway.route(self.cluster, self.namespace, name)
            assert leads == route, f"requests are led to {leads}, wanted {route}"

        seconds, what = self.timeouts.rollout, f"the change of {name} to be done"
        wait_for(settled, what=what, seconds=seconds, detail=lambda: pods.describe(self.pods(name)))

    def wait_ended(self, name: str) -> None:
        """Wait until no pod of a SeldonDeployment is on its way out."""

        def ended() -> None:
            ending = [pod["metadata"]["name"] for pod in self.pods(name) if pod["metadata"].get("deletionTimestamp")]
            assert not ending, f"still ending: {', '.join(ending)}"

        wait_for(ended, what=f"the old pods of {name} to end", seconds=self.timeouts.rollout)

    @contextmanager
    def load(self, name: str, *, rate: float = RATE, over_grpc: bool = False) -> Iterator[Load]:
        """Users of a SeldonDeployment, through the gateway, while the block runs: over REST, or over gRPC.

        At its end, when the old pods have ended, none may have lost a request, nor may the gateway have sent one twice.
        """
        url, headers = f"{self.url(name)}{prediction.PATH}", {}
        if over_grpc:
            url, headers = f"grpc://{self.gateway.rpc_target}", self.gateway.rpc_headers(self.namespace, name)
        with tempfile.TemporaryDirectory() as folder:
            load = Load(url, Path(folder), rate=rate, headers=headers)
            try:
                with load:
                    yield load
                    self.wait_ended(name)
            except BaseException as error:
                error.add_note(f"The load until then: {describe(load.records, load.changes)}")
                raise
            finally:
                how = f"{self.gateway.name}{' over gRPC' if over_grpc else ''}"
                self.loads.append(f"{name} through {how}, {describe(load.records, load.changes)}")
        load.assert_nothing_lost()
        self.gateway.assert_no_retries(self.kubectl, self.timeouts)

    def url(self, name: str) -> str:
        """The users' address of a SeldonDeployment, without the path of the API."""
        return self.gateway.url(self.namespace, name)

    @contextmanager
    def predictor(self, name: str) -> Iterator[str]:
        """The address of the predictor's Service on this machine, past the gateway, while the block runs."""
        with self.service(manifests.predictor_service(name), HTTP_PORT) as address:
            yield address

    @contextmanager
    def service(self, name: str, port: int) -> Iterator[str]:
        """The address of a Service's port on this machine, while the block runs: `http://127.0.0.1:PORT`."""
        seconds = self.timeouts.port_forward
        with port_forward(self.kubectl, self.namespace, f"service/{name}", port, seconds=seconds) as address:
            yield address

    @contextmanager
    def client(self, name: str, predictor: str, *, over_grpc: bool, gateway: bool) -> Iterator[Any]:
        """Somebody who asks a SeldonDeployment, through the gateway or at its predictor's Service."""
        seconds = self.timeouts.request
        with ExitStack() as stack:
            if gateway and over_grpc:
                headers = self.gateway.rpc_headers(self.namespace, name)
                yield stack.enter_context(RpcClient(self.gateway.rpc_target, headers, seconds=seconds))
            elif gateway:
                yield stack.enter_context(RestClient(self.url(name), seconds=seconds))
            else:
                port = GRPC_PORT if over_grpc else HTTP_PORT
                address = stack.enter_context(self.service(f"{name}-{predictor}", port))
                target = address.removeprefix("http://")
                own = RpcClient(target, {}, seconds=seconds) if over_grpc else RestClient(address, seconds=seconds)
                yield stack.enter_context(own)

    def metrics(self, name: str, port: int, *, holding: str = "") -> str:
        """The page for Prometheus at a port of a SeldonDeployment's pod: the one that has a container `holding`."""
        (pod,) = [
            pod["metadata"]["name"]
            for pod in self.pods(name)
            if not holding or holding in {container["name"] for container in pod["spec"]["containers"]}
        ]
        return self.cluster.page(self.namespace, pod, port, METRICS_PATH)

    def predict(self, name: str, body: str = prediction.REQUEST) -> curl.Answer:
        """One prediction by the real curl, through the gateway. Sent once."""
        return curl.post(f"{self.url(name)}{prediction.PATH}", body, seconds=self.timeouts.request)

    def wait_led(self, name: str) -> None:
        """Wait until the gateway leads to a SeldonDeployment that is new: until then it answers itself, with no body.

        A gateway learns of a route and of what is behind it some 100 ms after each other, in any order. From the first
        answer on nothing may be lost: that is what `load` shows.
        """

        def led() -> None:
            answer = self.predict(name)
            assert answer.body or answer.status not in GATEWAYS_OWN, str(answer)

        wait_for(led, what=f"the gateway to lead to {name}", seconds=self.timeouts.request)

    def wait_led_over_grpc(self, name: str) -> None:
        """The same for gRPC."""

        def led() -> None:
            try:
                client.call(PROBE, Empty(), Empty)
            except RpcFailedError as failed:
                if failed.code in GATEWAYS_OWN_OVER_GRPC and failed.details != NO_METHOD:
                    raise

        with self.client(name, manifests.PREDICTOR, over_grpc=True, gateway=True) as client:
            wait_for(led, what=f"the gateway to lead calls to {name}", seconds=self.timeouts.request)

    def assert_serves(self, name: str, *, initializer: str | None) -> None:
        """Wait until Available; it predicts as it should, and its model came by this initializer image, or by none."""
        self.wait_available(name)
        self.wait_led(name)
        prediction.assert_iris(self.predict(name), unit=manifests.UNIT, image=images.SKLEARN_SERVER)
        assert set(self.initializer_images(name)) == ({initializer} if initializer else set())

    def initializer_images(self, name: str) -> list[str]:
        """The images of the init containers of the SeldonDeployment's pods, by pod, as their specs name them."""
        return [
            container["image"]
            for pod in self.pods(name)
            for container in pod["spec"].get("initContainers") or ()
            if container["name"] == manifests.INITIALIZER
        ]

    def _kubectl(self, *arguments: str, text: str | None = None) -> Completed:
        command = ("--namespace", self.namespace, *arguments)
        return self.kubectl.run(command, seconds=self.timeouts.kubectl, text=text)
