"""Calling other servers: a pool of kept connections to each.

pool = HttpPool()
answer = await pool.request("localhost", 9000, "POST", "/predict", body=b"{}", timeout=5.0)
"""

import asyncio
import ssl as ssl_module
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from .client_connection import ClientConnection, ClientResponse, Receiver
from .dialing import dial
from .errors import CallTimeoutError, ConnectionClosedError
from .heads import AnswerHeads

__all__ = ["ClientLimits", "ClientResponse", "HttpPool"]


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller gives and accepts. Sizes in bytes, times in seconds."""

    connect_seconds: float = 5.0
    """For a connection to be made."""
    idle_seconds: float = 60.0
    """For which an unused connection is kept."""
    max_idle: int = 256
    """Unused connections kept to one server."""
    max_body_bytes: int = 256 * 1024 * 1024
    """A larger answer fails the call."""


class HttpPool:
    """Connections to any number of servers, most recently used first. For one event loop."""

    def __init__(self, *, limits: ClientLimits | None = None, ssl: ssl_module.SSLContext | None = None) -> None:
        self._limits = limits or ClientLimits()
        self._ssl = ssl
        self._idle: dict[tuple[str, int], list[ClientConnection]] = {}
        self._all: set[ClientConnection] = set()
        self._heads = AnswerHeads()

    async def request(
        self,
        host: str,
        port: int,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        timeout: float | None = None,  # noqa: ASYNC109 - the caller wants its own error text
        repeatable: bool = True,
    ) -> ClientResponse:
        """One request and its whole answer. `timeout` (seconds) bounds all of it; None waits for ever.

        A kept connection may have been closed by the other side a moment ago. Where that is how the call fails, before
        any of the answer, it is sent once more on a new connection, unless it is not `repeatable`. Raises CallError
        with a text that says why there is no answer.
        """
        head = _request_head((method, path, host, port), headers, len(body))
        if timeout is None:
            return await self._exchange(host, port, head, body, repeatable=repeatable)
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(host, port, head, body, repeatable=repeatable)
        except TimeoutError as error:
            raise CallTimeoutError(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            ) from error

    def begin(
        self,
        host: str,
        port: int,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        receiver: Receiver,
    ) -> ClientConnection | None:
        """The same without a coroutine, on a kept connection, which `give_back` is called with after the answer.

        None where none is kept: nothing is sent then. A request that fails is not sent again here.
        """
        head = _request_head((method, path, host, port), headers, len(body))
        connection = self._take(host, port)
        if connection is not None:
            connection.ask(head, body, receiver)
        return connection

    async def _exchange(self, host: str, port: int, head: bytes, body: bytes, *, repeatable: bool) -> ClientResponse:
        connection = self._take(host, port)
        if connection is not None:
            try:
                return await self._send(connection, host, port, head, body)
            except ConnectionClosedError as error:
                if error.begun or not repeatable:
                    raise
        return await self._send(await self._connect(host, port), host, port, head, body)

    async def _send(
        self, connection: ClientConnection, host: str, port: int, head: bytes, body: bytes
    ) -> ClientResponse:
        try:
            answer = await connection.send(head, body)
        except BaseException:
            # Also where the caller gave up: the answer would otherwise come to the next request.
            connection.close()
            raise
        self.give_back(connection, host, port)
        return answer

    def _take(self, host: str, port: int) -> ClientConnection | None:
        idle = self._idle.get((host, port))
        while idle:
            connection = idle.pop()
            if connection.open and connection.idle_since > connection.now() - self._limits.idle_seconds:
                return connection
            connection.close()
        return None

    def give_back(self, connection: ClientConnection, host: str, port: int) -> None:
        """Keep a connection whose answer is whole for the next request, where it may be kept."""
        idle = self._idle.setdefault((host, port), [])
        if not connection.reusable or not connection.open or len(idle) >= self._limits.max_idle:
            connection.close()
            return
        connection.idle_since = connection.now()
        idle.append(connection)

    async def _connect(self, host: str, port: int) -> ClientConnection:
        """A new connection, to the first address that accepts one."""
        limits = self._limits
        connection = await dial(
            host,
            port,
            lambda: ClientConnection(limits.max_body_bytes, self._forget, self._heads),
            seconds=limits.connect_seconds,
            ssl=self._ssl,
        )
        self._all.add(connection)
        return connection

    def _forget(self, connection: ClientConnection) -> None:
        self._all.discard(connection)

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        for connection in list(self._all):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # lets the closed sockets leave the loop


_Target = tuple[str, str, str, int]
"""Method, path, host, port."""


@lru_cache(maxsize=256)
def _start(target: _Target, fields: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """What requests of one kind begin with. Raises ValueError as _request_head does."""
    method, path, host, port = target
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    what = f"{method} {path}"
    start = f"{what} HTTP/1.1\r\nHost: {name}\r\n".encode()
    if start.count(b"\n") != 2 or what.count(" ") != 1:
        raise ValueError("a line break or a space in the path of a call")
    return start + b"".join([_line(field) for field in fields])


def _line(field: tuple[bytes, bytes]) -> bytes:
    line = b"%b: %b\r\n" % field
    if line.count(b"\n") != 1:
        raise ValueError("a line break in a header field of a call")
    return line


def _request_head(target: _Target, headers: Sequence[tuple[bytes, bytes]], size: int) -> bytes:
    """A request's head. The last field is written each time; those before it, which many requests share, are kept.

    Raises ValueError where a line break in a header or the path would smuggle in a request of its own.
    """
    start = _start(target, tuple(headers[:-1]))
    length = b"Content-Length: %d\r\n" % size if size or target[0] != "GET" else b""
    last = _line(headers[-1]) if headers else b""
    return b"%b%b%b\r\n" % (start, length, last)
