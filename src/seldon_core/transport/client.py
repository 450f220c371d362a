"""Calling other servers: a pool of kept connections to each.

pool = HttpPool()
answer = await pool.request("localhost", 9000, "POST", "/predict", body=b"{}", timeout=5.0)
"""

import asyncio
import errno
import os
import socket
import ssl as ssl_module
from collections.abc import Sequence

import msgspec

from .client_connection import ClientConnection, ClientResponse
from .errors import CallTimeoutError, ConnectError, ConnectionClosedError

__all__ = ["ClientLimits", "ClientResponse", "HttpPool"]

_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "i/o timeout",
}


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
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = _request_head(f"{method} {path}", name, headers, len(body))
        if timeout is None:
            return await self._exchange(host, port, head, body, repeatable=repeatable)
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(host, port, head, body, repeatable=repeatable)
        except TimeoutError as error:
            raise CallTimeoutError(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            ) from error

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
        self._give_back(connection, host, port)
        return answer

    def _take(self, host: str, port: int) -> ClientConnection | None:
        idle = self._idle.get((host, port))
        oldest = asyncio.get_running_loop().time() - self._limits.idle_seconds
        while idle:
            connection = idle.pop()
            if connection.open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _give_back(self, connection: ClientConnection, host: str, port: int) -> None:
        idle = self._idle.setdefault((host, port), [])
        if not connection.reusable or not connection.open or len(idle) >= self._limits.max_idle:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        idle.append(connection)

    async def _connect(self, host: str, port: int) -> ClientConnection:
        """A new connection, to the first address that accepts one."""
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                return await self._dial(host, port)
        except TimeoutError as error:
            raise ConnectError(f"dial tcp {host}:{port}: i/o timeout") from error

    async def _dial(self, host: str, port: int) -> ClientConnection:
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise ConnectError(f"dial tcp: lookup {host}: no such host") from error
        # IPv4 first, as v1.17.1's orchestrator: servers in pods listen on 0.0.0.0, and `localhost` is often ::1 first.
        addresses.sort(key=lambda address: address[0] != socket.AF_INET)
        failure: ConnectError | None = None
        for _, _, _, _, address in addresses:
            try:
                _, connection = await loop.create_connection(
                    lambda: ClientConnection(self._limits.max_body_bytes, self._forget),
                    str(address[0]),
                    port,
                    ssl=self._ssl,
                    server_hostname=host if self._ssl is not None else None,
                )
            except OSError as error:
                reason = _REASONS.get(error.errno or 0) or os.strerror(error.errno or errno.EIO).lower()
                failure = failure or ConnectError(f"dial tcp {address[0]}:{port}: connect: {reason}")
            else:
                self._all.add(connection)
                return connection
        raise failure or ConnectError(f"dial tcp: lookup {host}: no such host")

    def _forget(self, connection: ClientConnection) -> None:
        self._all.discard(connection)

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        for connection in list(self._all):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # lets the closed sockets leave the loop


def _request_head(what: str, host: str, headers: Sequence[tuple[bytes, bytes]], size: int) -> bytes:
    """A request's head.

    Raises ValueError where a line break in a header or the path would smuggle in a request of its own.
    """
    length = f"Content-Length: {size}\r\n" if size or not what.startswith("GET ") else ""
    start = f"{what} HTTP/1.1\r\nHost: {host}\r\n{length}".encode()
    fields = b"".join([b"%b: %b\r\n" % field for field in headers])
    if start.count(b"\n") != (3 if length else 2) or fields.count(b"\n") != len(headers) or what.count(" ") != 1:
        raise ValueError("a line break in a header field or a space in the path of a call")
    return start + fields + b"\r\n"
