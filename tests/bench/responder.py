"""A server that does nothing, to find out how fast the load generator is: `python -m tests.bench.responder KIND PORT`.

It answers each request with the same octets, without looking at more of it than where it ends. What the generator
reaches against it is a lower bound of the generator's own limit.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import numpy as np
import uvloop

from . import protowire
from .grpc_load import ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame
from .load import HOST

_BODY = b'{"data":{"names":[],"ndarray":[[0.8812,0.1187,0.0001]]},"meta":{}}'
_REST = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)) + _BODY
_MESSAGE = protowire.field(3, protowire.field(2, protowire.doubles(2, np.array([0.8812, 0.1187, 0.0001]))))
_ANSWER_HEAD = b"\x88\x0f\x10\x10application/grpc"  # :status 200, content-type
_ANSWER_DATA = b"\0" + len(_MESSAGE).to_bytes(4) + _MESSAGE
_TRAILERS = b"\x00\x0bgrpc-status\x010"
_GRANT = 2**30


class RestResponder(asyncio.Protocol):
    """HTTP/1.1 for clients that have one request in flight."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A body of the protocol seldon ends like this."""
        if data.endswith(b"]]}}"):
            self._transport.write(_REST)


class GrpcResponder(asyncio.Protocol):
    """HTTP/2 for clients that send a call's message in one frame."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client send as much as it likes."""
        self._transport = cast("asyncio.Transport", transport)
        self._rest = b""
        self._skip = len(PREFACE)
        self._transport.write(frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, _GRANT.to_bytes(4)))

    def data_received(self, data: bytes) -> None:
        """Answer each message."""
        data = self._rest + data
        at, size = self._skip, len(data)
        while size - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3])
            if end > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            if kind == DATA and flags & END_STREAM:
                stream = int.from_bytes(data[at + 5 : at + 9])
                self._transport.write(
                    frame(HEADERS, END_HEADERS, stream, _ANSWER_HEAD)
                    + frame(DATA, 0, stream, _ANSWER_DATA)
                    + frame(HEADERS, END_HEADERS | END_STREAM, stream, _TRAILERS)
                )
            elif kind == SETTINGS and not flags & ACK:
                self._transport.write(frame(SETTINGS, ACK, 0))
            at = end
        if at > size:  # the preface is not there yet
            self._rest = data
            return
        self._skip = 0
        self._rest = data[at:]


async def _serve(kind: str, port: int) -> None:
    responder = {"rest": RestResponder, "grpc": GrpcResponder}[kind]
    server = await asyncio.get_running_loop().create_server(responder, HOST, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
