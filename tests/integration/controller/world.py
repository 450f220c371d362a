"""What the tests of the controller stand on, and the life of one SeldonDeployment in a namespace of its own."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

from seldon_core.kube.resources import NAMESPACES
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from tests.integration.controller.kubelet import Kubelet
from tests.integration.controller.manifests import DEFINITIONS, VALUES
from tests.integration.controller.nursery import Nursery
from tests.integration.controller.process import Controller
from tests.integration.controller.proxy import Proxies, Proxy
from tests.integration.controller.snapshot import Snapshot, difference, equals, is_complete, snapshot
from tests.integration.controlplane import OPERATOR, ControlPlane, install, until

CONTROLLERS = (
    "deployment-controller,replicaset-controller,garbage-collector-controller,namespace-controller,"
    "serviceaccount-controller"
)
CONVERGE_SECONDS = 90.0
"""Generous: some tests run a dozen controllers on two cores."""

POLL_SECONDS = 0.25


class World:
    """A control plane with the product's and the gateways' definitions; nodes, proxies, a nursery of controllers."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.plane = ControlPlane()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.plane)
            self.plane.grant_all(OPERATOR)
            self.plane.install_crd()
            install(self.plane, *DEFINITIONS)
            # It learns of kinds when it starts, and then only every half minute.
            self.plane.start_controller_manager(CONTROLLERS)
            stack.enter_context(Kubelet(self.plane))
            self.nursery = stack.enter_context(Nursery())
            context = ssl.create_default_context(cafile=str(self.plane.authority))
            self.proxies = stack.enter_context(Proxies(self.plane.url, context))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def namespace(self, name: str) -> None:
        """Make a namespace, with all that pods need there."""
        self.plane.request("POST", NAMESPACES.path(), {"metadata": {"name": name}})
        path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self.plane.find(path), 30, f"{name} has no service account")

    def apply(self, namespace: str, state: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Write a SeldonDeployment as a user would; returns the manifest."""
        manifest = state(namespace)
        path = SELDON_DEPLOYMENTS.path(namespace=namespace, name=manifest["metadata"]["name"])
        query = "fieldManager=user&force=true"
        self.plane.request("PATCH", f"{path}?{query}", manifest, content_type="application/apply-patch+yaml")
        return manifest

    @contextmanager
    def life(self, namespace: str, **options: Any) -> Iterator[Life]:
        """A namespace with a controller of its own behind a proxy of its own. The controller is not started.

        What it leaves behind stays: other tests find more to be looked after.
        """
        self.namespace(namespace)
        with self.proxies.open() as proxy:
            config = self.plane.kubeconfig_of(OPERATOR, server=proxy.url, name=namespace)
            controller = Controller(
                self.plane.folder / namespace,
                kubeconfig=config,
                namespace=namespace,
                watched=namespace,
                values=VALUES,
                nursery=self.nursery,
                **options,
            )
            try:
                yield Life(self, namespace, proxy, controller)
            finally:
                controller.close()


@dataclass
class Life:
    """One namespace, its controller, and what lies between that and the API server."""

    world: World
    namespace: str
    proxy: Proxy
    controller: Controller

    def apply(self, state: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Write the SeldonDeployment as a user would; returns the manifest."""
        return self.world.apply(self.namespace, state)

    def settled(self, manifest: dict[str, Any]) -> Snapshot:
        """Wait until all is as the manifest says; what is there then."""

        def last() -> str:
            path = SELDON_DEPLOYMENTS.path(namespace=self.namespace, name=manifest["metadata"]["name"])
            there = sorted(snapshot(self.world.plane, self.namespace))
            return f"{(self.world.plane.find(path) or {}).get('status')} {there} {self.controller.tail()}"

        until(
            lambda: is_complete(self.world.plane, self.namespace, manifest, VALUES),
            CONVERGE_SECONDS,
            last,
            every=POLL_SECONDS,
        )
        return snapshot(self.world.plane, self.namespace)

    def becomes(self, wanted: Snapshot, state: Callable[[str], dict[str, Any]]) -> None:
        """Write the SeldonDeployment, and wait until the namespace holds what an undisturbed run has made of it."""
        self.apply(state)
        self.converges_to(wanted)

    def holds(self, wanted: Snapshot) -> bool:
        """Whether the namespace holds what an undisturbed run has made."""
        return equals(self.world.plane, self.namespace, wanted)

    def difference_to(self, wanted: Snapshot) -> str:
        """What differs, as lines."""
        return difference(wanted, snapshot(self.world.plane, self.namespace)) or "(equal by now)"

    def converges_to(self, wanted: Snapshot, seconds: float = CONVERGE_SECONDS) -> None:
        """Wait until the namespace holds what an undisturbed run has made."""
        until(
            lambda: self.holds(wanted),
            seconds,
            lambda: f"{self.namespace} does not converge:\n{self.difference_to(wanted)}\n{self.controller.tail()}",
            every=POLL_SECONDS,
        )
