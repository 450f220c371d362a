"""An HTTP proxy between one controller and the API server: the place where tests see, change and break what passes.

The product knows nothing of it. It speaks plain HTTP/1.1 to the controller, so every request can be told from the next,
and TLS to the API server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2

_HOP_BY_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding", "keep-alive", "accept-encoding"})
_PATH = re.compile(
    r"/apis?/(?:(?P<group>[^/]+\.[^/]+|apps|autoscaling|policy)/)?(?P<version>v[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)
COURTESY = frozenset({"events", "leases"})
"""Writes that make no object of a SeldonDeployment."""


@dataclass(frozen=True)
class Request:
    """One request of the controller."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_watch(self) -> bool:
        return "watch" in parse_qs(urlsplit(self.target).query)

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def resource(self) -> str:
        """Such as `deployments`, or `seldondeployments/status`."""
        found = _PATH.match(urlsplit(self.target).path)
        if found is None:
            return self.target
        return "/".join(filter(None, (found["resource"], found["subresource"])))

    @property
    def name(self) -> str:
        found = _PATH.match(urlsplit(self.target).path)
        if found and found["name"]:
            return found["name"]
        body = json.loads(self.body) if self.body else {}
        return str(body.get("metadata", {}).get("name", ""))

    def __str__(self) -> str:
        return f"{self.method} {self.resource} {self.name}"


@dataclass(frozen=True)
class Answer:
    """One answer that has an end."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


class Drop(Exception):  # noqa: N818 - it is a decision, no error
    """Close the controller's connection without an answer."""


class Faults:
    """What happens to requests and answers. This one lets everything pass; the tests' own classes do not."""

    def request(self, _request: Request) -> Answer | None:
        """Answer in the API server's place, or None; may raise `Drop`. Called before anything is forwarded."""
        return None

    def answer(self, _request: Request, answer: Answer) -> Answer:
        """What the controller gets of the API server's answer; may raise `Drop`."""
        return answer

    def event(self, _request: Request, line: bytes) -> Iterable[bytes]:
        """The lines that a watch passes on for one that came; may raise `Drop` to break the connection."""
        return (line,)


class Counting(Faults):
    """Lets everything pass, and counts writes of the controller's objects."""

    def __init__(self) -> None:
        self.count = 0

    def request(self, request: Request) -> Answer | None:
        self.count += request.is_write and request.resource not in COURTESY
        return None


def status(code: int, reason: str, message: str, *, retry_after: int | None = None) -> Answer:
    """An answer as the API server gives it when it refuses."""
    body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason}
    headers = [("Content-Type", "application/json")]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Answer(code, json.dumps(body | {"message": message}).encode(), tuple(headers))


@dataclass
class Proxy:
    """One listening port with its own faults. Made by `Proxies.open`."""

    upstream: httpx2.AsyncClient
    faults: Faults = field(default_factory=Faults)
    port: int = 0
    _connections: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _passable: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self) -> asyncio.Server:
        self._passable.set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def freeze(self) -> None:
        """From now on nothing passes, in either direction, and no connection is closed: as where a cable is cut."""
        self._passable.clear()

    def thaw(self, *, forget: bool) -> None:
        """Things pass again. With `forget`, connections of before stay dead, as where a firewall has lost them."""
        if forget:
            for task in list(self._connections):
                self._connections[task].transport.pause_reading()  # type: ignore[attr-defined]
                task.cancel()
        self._passable.set()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while await self._exchange(reader, writer):
                pass
        except (Drop, ConnectionError, asyncio.IncompleteReadError, httpx2.HTTPError):
            pass
        except asyncio.CancelledError:
            # Forgotten, not closed: the other side must find out by itself.
            self._connections.pop(task, None)
            _FORGOTTEN.append(writer)
            return
        self._connections.pop(task, None)
        writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _read(reader)
        if request is None:
            return False
        await self._passable.wait()
        answer = self.faults.request(request)
        if answer is None and request.is_watch:
            await self._watch(request, reader, writer)
            return False
        if answer is None:
            came = await self.upstream.request(
                request.method, request.target, headers=list(request.headers), content=request.body
            )
            answer = Answer(came.status_code, came.content, _passed_on(came.headers.multi_items()))
            answer = self.faults.answer(request, answer)
        await self._passable.wait()
        writer.write(_head(answer.status, answer.headers, f"Content-Length: {len(answer.body)}") + answer.body)
        await writer.drain()
        return True

    async def _watch(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def pump() -> None:
            async with self.upstream.stream("GET", request.target, headers=list(request.headers), timeout=None) as came:
                writer.write(_head(came.status_code, _passed_on(came.headers.multi_items()), "Connection: close"))
                async for line in _lines(came.aiter_bytes()):
                    for passed in self.faults.event(request, line):
                        await self._passable.wait()
                        writer.write(passed + b"\n")
                        await writer.drain()
            writer.close()

        pumping = asyncio.create_task(pump())
        gone = asyncio.create_task(reader.read(1))
        try:
            done, _ = await asyncio.wait({pumping, gone}, return_when=asyncio.FIRST_COMPLETED)
            if pumping in done:
                pumping.result()
        finally:
            for task in (pumping, gone):
                task.cancel()
            await asyncio.wait({pumping, gone})


_FORGOTTEN: list[asyncio.StreamWriter] = []
"""Connections that stay open and dead until the run ends."""


class Proxies:
    """The event loop that all proxies of a run share, in a thread of its own. A context manager.

    Args:
        url: The API server's.
        verify: Its TLS context.
    """

    def __init__(self, url: str, verify: Any) -> None:
        self._url = url
        self._verify = verify
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def call(self, function: Callable[[], Any]) -> None:
        """Run a function in the loop's thread, where proxies live, and wait for it."""
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10), "the proxies' thread hangs"

    @contextlib.contextmanager
    def open(self) -> Iterator[Proxy]:
        """A proxy of its own for one controller."""

        async def start() -> tuple[Proxy, asyncio.Server]:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32)
            upstream = httpx2.AsyncClient(
                base_url=self._url, verify=self._verify, timeout=60, limits=limits, trust_env=False
            )
            proxy = Proxy(upstream)
            return proxy, await proxy.serve()

        async def stop(proxy: Proxy, server: asyncio.Server) -> None:
            server.close()
            for task in list(proxy._connections):
                task.cancel()
            await proxy.upstream.aclose()

        proxy, server = asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)
        try:
            yield proxy
        finally:
            asyncio.run_coroutine_threadsafe(stop(proxy, server), self._loop).result(10)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return Request(method, target, _passed_on(headers), body)


def _passed_on(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    left_out = _HOP_BY_HOP | {"content-encoding"}
    return tuple((name, value) for name, value in headers if name.lower() not in left_out)


def _head(code: int, headers: Iterable[tuple[str, str]], *more: str) -> bytes:
    lines = [f"HTTP/1.1 {code} -", *(f"{name}: {value}" for name, value in headers), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield line
