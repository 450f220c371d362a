"""A server for a test, and waiting for its state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from seldon_core.transport.server import Handler, HttpServer, Limits, Request, Response


@asynccontextmanager
async def serving(handler: Handler, limits: Limits | None = None) -> AsyncIterator[HttpServer]:
    server = HttpServer(handler, limits=limits, name="test")
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.drain(0)


def echo(request: Request) -> Response:
    text = f"{request.method} {request.path}?{request.query.decode()} ".encode()
    return Response(200, text + request.body, "text/plain")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of the server's state, at most 5 seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the server's state has no event of its own
            await asyncio.sleep(0.001)
