"""One watch connection: the events of a selection from a version on.

It ends when the API server ends it, which it does every few minutes. Keeping a watch alive, and the state behind it, is
the informer's part.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from .client import Client, Selection
from .errors import Call, UnreachableError, from_status
from .resources import Object

_AS_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """What came over the line: `ADDED`, `MODIFIED`, `DELETED`, or `BOOKMARK` (an object with nothing but a version)."""

    type: str
    object: Object

    @property
    def resource_version(self) -> str:
        """The version that the collection has after this event."""
        return str(self.object["metadata"]["resourceVersion"])


class _Line(msgspec.Struct):
    type: str
    object: dict[str, Any]


_decoder = msgspec.json.Decoder(_Line)


async def watch(
    client: Client, selection: Selection, resource_version: str, *, lifetime_seconds: float, silence_seconds: float
) -> AsyncGenerator[WatchEvent, None]:
    """Events after `resource_version` until the connection ends.

    Args:
        client: The API server.
        selection: Which objects.
        resource_version: From a list, or from the last event seen.
        lifetime_seconds: When the API server shall end the connection.
        silence_seconds: Longest time without a byte. The API server sends a bookmark about every minute, so a longer
            silence means a connection that is dead although nobody closed it.

    Raises:
        GoneError: The version is too old; list again.
        SilentError: Nothing came for `silence_seconds`.
        UnreachableError: The connection broke, or sent what is no event.
    """
    call = Call("watch", selection.resource, selection.namespace)
    query = selection.query() | {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(int(lifetime_seconds)),
    }
    path = selection.resource.path(namespace=selection.namespace)
    accept = _AS_METADATA if selection.metadata_only else None
    async with client.stream(call, path, query=query, accept=accept, silence_seconds=silence_seconds) as chunks:
        async for line in _lines(chunks):
            try:
                event = _decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise UnreachableError(call, message=f"the watch sent what is no event: {error}") from error
            if event.type == "ERROR":
                raise from_status(call, event.object)
            event.object["apiVersion"] = selection.resource.api_version
            event.object["kind"] = selection.resource.kind
            yield WatchEvent(event.type, event.object)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line.strip():
                yield line
