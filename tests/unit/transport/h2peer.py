"""The other side of HTTP/2 from an independent implementation, the `h2` package, over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

HEADERS = (
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "test"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
)


def message(body: bytes, *, compressed: int = 0) -> bytes:
    """As gRPC frames it."""
    return bytes((compressed,)) + len(body).to_bytes(4, "big") + body


class H2Peer:
    """One connection. `events` are all that came; `seen` waits for one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.events: list[Any] = []
        self.acknowledge = True
        self.closed = False
        self._reader = reader
        self._writer = writer
        self._news = asyncio.Condition()
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self._writer.write(self.h2.data_to_send())

    def write(self, data: bytes) -> None:
        """Bytes that h2 would not send."""
        self._writer.write(data)

    async def run(self) -> None:
        try:
            while data := await self._reader.read(65536):
                events = self.h2.receive_data(data)
                for event in events:
                    if isinstance(event, h2.events.DataReceived) and self.acknowledge:
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.flush()
                await self._tell(events)
        except ConnectionError:
            pass
        self.closed = True
        await self._tell([])

    async def _tell(self, events: list[Any]) -> None:
        async with self._news:
            self.events.extend(events)
            self._news.notify_all()

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: bool(condition()) or self.closed)
        found = condition()
        assert found, f"the connection ended; events: {self.events}"
        return found

    async def seen(self, kind: type, stream: int | None = None) -> Any:
        def find() -> Any:
            for event in self.events:
                if isinstance(event, kind) and (stream is None or getattr(event, "stream_id", None) == stream):
                    return event
            return None

        return await self.until(find)

    def data(self, stream: int) -> bytes:
        return b"".join(
            event.data
            for event in self.events
            if isinstance(event, h2.events.DataReceived) and event.stream_id == stream
        )

    def call(self, method: str, body: bytes | None, *headers: tuple[str, str], end: bool = True) -> int:
        """Begin a call; None sends no message."""
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, _ordered(method, headers))
        if body is not None:
            self.h2.send_data(stream, message(body), end_stream=end)
        self.flush()
        return stream

    async def outcome(self, stream: int) -> tuple[str, bytes, dict[str, str]]:
        """(grpc-status, body, all headers and trailers) of a call that has ended."""
        await self.seen(h2.events.StreamEnded, stream)
        fields: dict[str, str] = {}
        for event in self.events:
            if (
                isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived))
                and event.stream_id == stream
            ):
                fields.update(event.headers)
        return fields.get("grpc-status", ""), self.data(stream), fields


def _ordered(method: str, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    given = dict(headers)
    first = tuple((name, given.pop(name, value)) for name, value in (*HEADERS[:3], (":path", method)))
    return first + tuple((name, given.pop(name, value)) for name, value in HEADERS[3:]) + tuple(given.items())


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[H2Peer]:
    """A client of our server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    peer = H2Peer(reader, writer, client=True)
    running = asyncio.ensure_future(peer.run())
    try:
        yield peer
    finally:
        writer.close()
        await asyncio.wait_for(running, 10)
