"""The load generator for REST: HTTP/1.1 on uvloop, whole requests rendered beforehand, one write for each."""

from __future__ import annotations

import asyncio
import re
import time
from typing import cast

from .load import HOST, RETRY_SECONDS, Load

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_END = b"\r\n\r\n"


class RestClient(asyncio.Protocol):
    """One connection, kept alive where the server does. An answer is kept with its head.

    A server that closes after each answer (gunicorn's default worker) is asked by a new connection each time; making
    it belongs to the request's time, as it does for the server's users.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._index = 0
        self._sent = 0.0
        self._over = False
        """Whether what happens on the connection is of no interest any more."""

    def ask(self) -> None:
        """Send the next request."""
        load = self._load
        if load.stopped:
            self._over = True
            if self._transport is not None:
                self._transport.close()
            load.leave()
            return
        self._index = next(load.order)
        self._sent = time.perf_counter()
        if self._transport is None:
            load.spawn(self._connect())
        else:
            self._transport.write(load.requests[self._index])

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, HOST, self._load.port)
        except OSError as error:
            self._fail(f"connection refused: {error.strerror or error}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request that the connection was made for."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._load.requests[self._index])

    def data_received(self, data: bytes) -> None:
        """Keep the answer where it is whole, and go on."""
        if self._rest:
            data = self._rest + data
        end = data.find(_END)
        if end < 0:
            self._rest = data
            return
        length = _LENGTH.search(data, 0, end + 2)
        if length is None:
            self._fail("an answer without Content-Length")
            return
        if len(data) < end + 4 + int(length[1]):
            self._rest = data
            return
        now = time.perf_counter()
        load = self._load
        load.indices.append(self._index)
        load.answers.append(data)
        load.seconds.append(now - self._sent)
        self._rest = b""
        if _CLOSE.search(data, 0, end + 2):
            self._renew().ask()
        else:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the request that was lost with it."""
        if not self._over:
            self._fail(f"connection lost: {exc or 'closed by the server'}")

    def _renew(self) -> RestClient:
        """A client without a connection in this one's place: events of the old connection must not reach it."""
        self._over = True
        if self._transport is not None:
            self._transport.close()
        return RestClient(self._load)

    def _fail(self, reason: str) -> None:
        self._load.fail(reason)
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._renew().ask)
