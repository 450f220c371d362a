"""What a test does, in its own namespace: apply, wait, ask. Each step says in its error what it saw last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from . import curl, images, manifests, pods, prediction
from .portforward import port_forward
from .tools import Completed, Tool
from .waiting import Object, assert_available, assert_failed, assert_rolled_out, wait_for

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts

# Source: specification 1.1 and 1.2.
ID_LABEL = "seldon-deployment-id"
HTTP_PORT = 8000


@dataclass(frozen=True)
class Workspace:
    """A test's namespace and the means to act in it."""

    namespace: str
    cluster: Cluster
    kubectl: Tool
    timeouts: Timeouts

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
        self._kubectl("rollout", "restart", f"deployment/{manifests.model_deployment(name)}").checked()

    def seldon_deployment(self, name: str) -> Object | None:
        """A SeldonDeployment, None where it is not there."""
        return self.cluster.seldon_deployment(name, self.namespace)

    def pods(self, name: str) -> list[Object]:
        """The pods of a SeldonDeployment, those that are ending included."""
        return self.cluster.objects("v1", "Pod", self.namespace, labels=f"{ID_LABEL}={name}")

    def wait_available(self, name: str, *, tolerate_failed: bool = False) -> Object:
        """Wait until the SeldonDeployment is Available; ends at once, with the description, where it is Failed."""
        return wait_for(
            lambda: assert_available(self.seldon_deployment(name), name, tolerate_failed=tolerate_failed),
            what=f"SeldonDeployment {name} to be Available",
            seconds=self.timeouts.model_ready,
            detail=lambda: pods.describe(self.pods(name)),
        )

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

    @contextmanager
    def predictor(self, name: str) -> Iterator[str]:
        """The address of the predictor's Service on this machine, while the block runs."""
        service = f"service/{manifests.predictor_service(name)}"
        seconds = self.timeouts.port_forward
        with port_forward(self.kubectl, self.namespace, service, HTTP_PORT, seconds=seconds) as address:
            yield address

    def predict(self, name: str, body: str = prediction.REQUEST) -> curl.Answer:
        """One prediction by the real curl. It is sent once: Available means that the model answers."""
        with self.predictor(name) as address:
            return curl.post(f"{address}{prediction.PATH}", body, seconds=self.timeouts.request)

    def assert_serves(self, name: str, *, initializer: str) -> None:
        """Wait until it is Available; it answers the prediction, and its model came by this initializer image."""
        self.wait_available(name)
        prediction.assert_iris(self.predict(name), unit=manifests.UNIT, image=images.SKLEARN_SERVER)
        assert set(self.initializer_images(name)) == {initializer}

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
