"""What calling another server is, whoever does it: the pools over connections, or somebody inside the same process."""

from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Protocol, runtime_checkable

from .client_connection import ClientResponse
from .messages import Headers, Request, Response
from .rpc import Metadata


class HttpCalls(Protocol):
    """Calls over HTTP."""

    async def request(
        self,
        host: str,
        port: int,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        timeout: float | None = None,  # noqa: ASYNC109 - as the pools have it
        repeatable: bool = True,
    ) -> ClientResponse:
        """One request and its whole answer. `timeout` (seconds) bounds all of it. Raises CallError."""
        ...  # pragma: no cover

    async def close(self) -> None:
        """End: calls under way fail."""
        ...  # pragma: no cover


class RpcCalls(Protocol):
    """Calls over gRPC."""

    async def call(
        self,
        host: str,
        port: int,
        method: str,
        body: bytes,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,  # noqa: ASYNC109 - as the pools have it
    ) -> bytes:
        """One call and its whole answer. `timeout` (seconds) bounds it. Raises RpcError."""
        ...  # pragma: no cover

    async def close(self) -> None:
        """End: calls under way fail."""
        ...  # pragma: no cover


Links = tuple[HttpCalls, RpcCalls]
"""Both."""


@runtime_checkable
class Inside(Protocol):
    """Calls over HTTP that go to a handler in this process."""

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """The answer: at once, by a callback (a Later), or to be awaited."""
        ...  # pragma: no cover


def fields_of(answer: Response) -> Headers:
    """The header fields of an answer that was never on a wire."""
    return _fields(answer.content_type, answer.headers + answer.common)


@lru_cache(maxsize=128)
def _fields(content_type: str, headers: tuple[tuple[str, str], ...]) -> Headers:
    pairs = (("Content-Type", content_type), *headers) if content_type else headers
    return Headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])
