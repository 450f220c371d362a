"""Reading and writing Kubernetes objects as plain dicts, over one pooled HTTP client.

Each method is one call to the API server. None retries: the work queue does, with the state of that moment.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx2
import msgspec

from . import config
from .errors import ApiError, Call, FencedError, SilentError, UnauthorizedError, UnreachableError, from_body
from .resources import PODS, Object, Resource

LIST_PAGE_SIZE = 500
"""Objects a page: what kubectl asks for, too."""

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_PLACES = "application/json-patch+json"
_AS_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True, slots=True)
class ObjectList:
    """All objects of a collection, and the version that the list is true at (a watch goes on from there)."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind: an informer's list and its watch ask for the same.

    Args:
        resource: The kind.
        namespace: None for all namespaces.
        labels: Label selector in the API's text form.
        fields: Field selector in the API's text form.
        metadata_only: Leave spec and status out.
    """

    resource: Resource
    namespace: str | None = None
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    def query(self) -> dict[str, str]:
        """The selectors as URL parameters."""
        selectors = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in selectors.items() if value}


class Client:
    """The verbs. All raise `ApiError` or one of its kinds.

    Args:
        connection: From `config.connect`; closed by `close`.
        field_manager: The name that fields which this client sets are recorded under.
        permit: Asked before each write; see `fenced`.
    """

    def __init__(
        self, connection: config.Connection, *, field_manager: str, permit: Callable[[], bool] | None = None
    ) -> None:
        self._http = connection.http
        self._permit = permit
        self.namespace = connection.namespace
        self.field_manager = field_manager

    @classmethod
    def connect(cls, *, field_manager: str, server: str | None = None, context: str | None = None) -> Self:
        """A client for the API server that the environment (or `server`) names; see `config.connect`."""
        return cls(config.connect(server=server, context=context), field_manager=field_manager)

    def fenced(self, permit: Callable[[], bool]) -> "Client":
        """A client over the same connections that writes only while a function says so (else `FencedError`)."""
        connection = config.Connection(http=self._http, namespace=self.namespace)
        return Client(connection, field_manager=self.field_manager, permit=permit)

    def named(self, field_manager: str) -> "Client":
        """A client over the same connections whose fields are recorded under another name."""
        connection = config.Connection(http=self._http, namespace=self.namespace)
        return Client(connection, field_manager=field_manager, permit=self._permit)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        """One object."""
        call = Call("get", resource, namespace, name)
        return _object(call, await self._send(call, "GET", resource.path(namespace=namespace, name=name)))

    async def list(self, selection: Selection) -> ObjectList:
        """All objects of a selection, read page by page at one version. Items carry apiVersion and kind."""
        call = Call("list", selection.resource, selection.namespace)
        query = selection.query() | {"limit": str(LIST_PAGE_SIZE)}
        headers = {"Accept": _AS_METADATA} if selection.metadata_only else None
        items: list[Object] = []
        while True:
            path = selection.resource.path(namespace=selection.namespace)
            page = _object(call, await self._send(call, "GET", path, query=query, headers=headers))
            items += page.get("items") or []
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                break
            query["continue"] = metadata["continue"]
        for item in items:
            # A list's items come without these two; everything else here takes them for granted.
            item["apiVersion"], item["kind"] = selection.resource.api_version, selection.resource.kind
        return ObjectList(items, str(metadata.get("resourceVersion") or ""))

    async def apply(self, resource: Resource, manifest: Mapping[str, Any], *, subresource: str | None = None) -> Object:
        """Server-side apply, conflicts with other field managers decided for us.

        A `metadata.uid` in the manifest is a precondition: the object of that name must be that very one, else
        `ConflictError`.

        Returns:
            The object as the API server holds it afterwards.
        """
        metadata = manifest["metadata"]
        namespace, name = metadata.get("namespace"), metadata["name"]
        call = Call("patch", resource, namespace, name, subresource)
        query = {"fieldManager": self.field_manager, "force": "true"}
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        return _object(call, await self._send(call, "PATCH", path, query=query, body=manifest, content_type=_APPLY))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any],
        namespace: str | None = None,
        *,
        subresource: str | None = None,
    ) -> Object:
        """JSON merge patch. A `metadata.resourceVersion` in it is a precondition."""
        call = Call("patch", resource, namespace, name, subresource)
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        query = {"fieldManager": self.field_manager}
        return _object(call, await self._send(call, "PATCH", path, query=query, body=patch, content_type=_MERGE))

    async def patch_places(
        self, resource: Resource, name: str, steps: Sequence[Mapping[str, Any]], namespace: str | None = None
    ) -> Object:
        """JSON patch (RFC 6902): single places, also inside of lists, which a merge patch could only write as a whole.

        Nothing is written where one step, such as a `test`, does not hold (`InvalidError`).
        """
        call = Call("patch", resource, namespace, name)
        path = resource.path(namespace=namespace, name=name)
        query = {"fieldManager": self.field_manager}
        return _object(call, await self._send(call, "PATCH", path, query=query, body=steps, content_type=_PLACES))

    async def patch_status(
        self,
        resource: Resource,
        name: str,
        status: Mapping[str, Any],
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
    ) -> Object:
        """Merge fields into an object's status (None removes one), through the subresource.

        With a `resource_version` only if the object is still at it (else `ConflictError`).
        """
        patch: Object = {"status": status}
        if resource_version:
            patch["metadata"] = {"resourceVersion": resource_version}
        return await self.patch(resource, name, patch, namespace, subresource="status")

    async def create(self, resource: Resource, manifest: Mapping[str, Any]) -> Object:
        """Create an object; its name may be left to the API server (`metadata.generateName`)."""
        metadata = manifest["metadata"]
        call = Call("create", resource, metadata.get("namespace"), metadata.get("name"))
        query = {"fieldManager": self.field_manager}
        path = resource.path(namespace=metadata.get("namespace"))
        return _object(call, await self._send(call, "POST", path, query=query, body=manifest))

    async def replace(self, resource: Resource, manifest: Mapping[str, Any]) -> Object:
        """Write an object as a whole. Its `metadata.resourceVersion` is a precondition (else `ConflictError`)."""
        metadata = manifest["metadata"]
        namespace, name = metadata.get("namespace"), metadata["name"]
        call = Call("update", resource, namespace, name)
        path = resource.path(namespace=namespace, name=name)
        return _object(
            call, await self._send(call, "PUT", path, query={"fieldManager": self.field_manager}, body=manifest)
        )

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete an object.

        Args:
            resource: The kind.
            name: The object's name.
            namespace: The object's namespace.
            uid: Delete only that very object, not one made anew under its name (else `ConflictError`).
            propagation: What becomes of the objects that it owns: `Background` and `Foreground` (they go too), or
                `Orphan` (they stay).
        """
        call = Call("delete", resource, namespace, name)
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        await self._send(call, "DELETE", resource.path(namespace=namespace, name=name), body=options)

    async def pod_log(
        self, name: str, namespace: str, *, container: str, previous: bool, tail_lines: int, limit_bytes: int = 4096
    ) -> str:
        """The last lines of a container's log.

        Args:
            name: The pod.
            namespace: Its namespace.
            container: A container or init container of the pod.
            previous: The run before the present one.
            tail_lines: How many lines.
            limit_bytes: Upper bound of the answer; the log's own end decides what is in it.
        """
        call = Call("get", PODS, namespace, name, "log")
        query = {"container": container, "tailLines": str(tail_lines), "limitBytes": str(limit_bytes)}
        if previous:
            query["previous"] = "true"
        body = await self._send(call, "GET", PODS.path(namespace=namespace, name=name, subresource="log"), query=query)
        return body.decode(errors="replace")

    @asynccontextmanager
    async def stream(
        self, call: Call, path: str, *, query: Mapping[str, str], accept: str | None, silence_seconds: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """An answer that goes on: its bytes as they come. Used by `watch`.

        Raises:
            SilentError: No byte came for `silence_seconds`.
            UnreachableError: The connection cannot be made, or broke.
        """
        usual = self._http.timeout
        timeout = httpx2.Timeout(connect=usual.connect, write=usual.write, pool=usual.pool, read=silence_seconds)
        headers = {"Accept": accept} if accept else None
        request = self._http.build_request("GET", path, params=dict(query), headers=headers, timeout=timeout)
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code != 200:
                    raise from_body(
                        call, response.status_code, await response.aread(), response.headers.get("Retry-After")
                    )
                yield response.aiter_bytes()
            finally:
                await response.aclose()
        except httpx2.ReadTimeout as error:
            raise SilentError(call, message=f"nothing came for {silence_seconds:g} s") from error
        except httpx2.HTTPError as error:
            raise _unreachable(call, error) from error
        except config.CredentialsError as error:
            raise UnauthorizedError(call, message=str(error)) from error

    async def _send(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        if method != "GET" and self._permit and not self._permit():
            raise FencedError(call, message="this process does not hold the Lease, and writes nothing")
        content = None
        sent = dict(headers or {})
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = content_type
        try:
            response = await self._http.request(method, path, params=dict(query or {}), content=content, headers=sent)
        except httpx2.HTTPError as error:
            raise _unreachable(call, error) from error
        except config.CredentialsError as error:
            raise UnauthorizedError(call, message=str(error)) from error
        if response.status_code >= 300:
            raise from_body(call, response.status_code, response.content, response.headers.get("Retry-After"))
        return response.content


def _object(call: Call, body: bytes) -> Object:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        # A proxy in between, such as one that asks for a login.
        raise UnreachableError(call, message=f"the answer is no Kubernetes object: {error}") from error


def _unreachable(call: Call, error: Exception) -> ApiError:
    return UnreachableError(call, message=f"no answer from the API server: {str(error) or type(error).__name__}")
