"""The cluster as the tests read it: plain dicts through the official Kubernetes client, which the product does not use.

An API server that is too busy to answer is "not yet" and no failure of a test: such answers are AssertionErrors, so
that a wait tries again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError
from kubernetes.dynamic.resource import ResourceList

from .waiting import Object

SELDON_API = "machinelearning.seldon.io/v1"
BUSY = (429, 500, 503, 504)


class ApiServerBusyError(AssertionError):
    """The API server could not answer now."""


class Cluster:
    """Typed access to objects by apiVersion and kind."""

    def __init__(self, kubeconfig: Path, *, cache: Path, seconds: float) -> None:
        """Connect with the current context of `kubeconfig`.

        `cache` is a file for what discovery found. It belongs to this run: the client's own default is a file in the
        temporary folder that outlives clusters. `seconds` limits every request.
        """
        self.kubeconfig = kubeconfig
        self._seconds = seconds
        # The package's types end at its dynamic client.
        api = config.new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]
        self._client: Any = DynamicClient(api, cache_file=str(cache))  # type: ignore[no-untyped-call]

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """An object, None where it is not there."""
        path = self._resource(api_version, kind).path(name=name, namespace=namespace)
        try:
            found: Object = json.loads(self._call("get", path))
        except NotFoundError:
            return None
        return found

    def objects(self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Object]:
        """The objects of a kind, of one namespace or of all, by a label selector."""
        return self._list(self._resource(api_version, kind), namespace, labels)

    def seldon_deployment(self, name: str, namespace: str) -> Object | None:
        """A SeldonDeployment, read as v1."""
        return self.get(SELDON_API, "SeldonDeployment", name, namespace)

    def create(self, manifest: Object) -> None:
        """Create an object."""
        resource = self._resource(manifest["apiVersion"], manifest["kind"])
        self._call("post", resource.path(namespace=manifest["metadata"].get("namespace")), body=manifest)

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Ask for an object's deletion; one that is gone already is fine."""
        path = self._resource(api_version, kind).path(name=name, namespace=namespace)
        try:
            self._call("delete", path, propagation_policy="Background")
        except NotFoundError:
            return

    def end_pods(self, namespace: str, *, grace_seconds: int) -> None:
        """Ask for the deletion of all pods of a namespace with a shorter grace period than their own."""
        path = self._resource("v1", "Pod").path(namespace=namespace)
        self._call("delete", path, grace_period_seconds=grace_seconds)

    def evict(self, namespace: str, pod: str) -> tuple[int, str]:
        """Ask for a pod's eviction, which disruption budgets may refuse; the answer's status and message."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        path = self._resource("v1", "Pod").path(name=pod, namespace=namespace) + "/eviction"
        try:
            self._client.request("post", path, body=body, serialize=False, _request_timeout=self._seconds)
        except DynamicApiError as error:
            return int(error.status), str(json.loads(error.body)["message"])
        return 201, ""

    def page(self, namespace: str, pod: str, port: int, path: str) -> str:
        """What a pod answers to GET, asked through the API server."""
        place = self._resource("v1", "Pod").path(name=f"{pod}:{port}", namespace=namespace)
        return self._call("get", f"{place}/proxy{path}", header_params={"Accept": "*/*"}).decode()

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> str:
        """A container's log, or that of its former self."""
        path = self._resource("v1", "Pod").path(name=pod, namespace=namespace) + "/log"
        query = [("container", container), ("previous", str(previous).lower())]
        return self._call("get", path, query_params=query, header_params={"Accept": "*/*"}).decode("utf-8", "replace")

    def everything(self, namespace: str) -> list[Object]:
        """Every object of a namespace, of every kind that can be listed, but for events."""
        return [manifest for resource in self._namespaced_kinds for manifest in self._list(resource, namespace, "")]

    def stream(self, kind: tuple[str, str], namespace: str, watcher: Any, opened: Callable[[], None]) -> Any:
        """Watch events (dicts with `type` and `object`) of a kind, given as (apiVersion, kind), from now on.

        `opened` is called as soon as the API server has begun its answer: nothing is missed from then on. The stream
        ends by `watcher.stop()`.
        """
        resource = self._resource(*kind)
        listed = json.loads(self._call("get", resource.path(namespace=namespace)))

        def begin(**arguments: Any) -> Any:
            answer = resource.get(serialize=False, **arguments)
            opened()
            return answer

        version = listed["metadata"]["resourceVersion"]
        yield from watcher.stream(begin, namespace=namespace, resource_version=version, timeout_seconds=300)

    def _resource(self, api_version: str, kind: str) -> Any:
        prefix = "apis" if "/" in api_version else "api"
        return self._client.resources.get(prefix=prefix, api_version=api_version, kind=kind)

    @cached_property
    def _namespaced_kinds(self) -> tuple[Any, ...]:
        # What was discovered first may be older than the chart's CRD.
        self._client.resources.invalidate_cache()
        return tuple(
            resource
            for resources in self._client.resources
            for resource in resources
            if not isinstance(resource, ResourceList)
            if resource.namespaced and resource.preferred and "list" in resource.verbs and resource.kind != "Event"
        )

    def _list(self, resource: Any, namespace: str | None, labels: str) -> list[Object]:
        answer = json.loads(self._call("get", resource.path(namespace=namespace), label_selector=labels or None))
        # The items of a list carry neither.
        both = {"apiVersion": resource.group_version, "kind": resource.kind}
        return [{**both, **item} for item in answer["items"]]

    def _call(self, method: str, path: str, **parameters: Any) -> bytes:
        try:
            answer = self._client.request(method, path, serialize=False, _request_timeout=self._seconds, **parameters)
            body: bytes = answer.data
        except DynamicApiError as error:
            if error.status in BUSY:
                raise ApiServerBusyError(f"{method} {path}: {error.reason}") from error
            raise
        except urllib3.exceptions.HTTPError as error:
            raise ApiServerBusyError(f"{method} {path}: {error}") from error
        return body
