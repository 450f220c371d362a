"""A client that sends exactly the bytes it is given, and reads answers one by one."""

import asyncio
import socket
import struct

import msgspec


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> "RawClient":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; EOFError where the connection ends instead."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        size = 0 if head_only else int(headers.get("content-length", "0"))
        return Answer(int(lines[0].split()[1]), headers, await self.reader.readexactly(size))

    def vanish(self) -> None:
        """End by a reset: a plain end may be that of a client that still reads."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def ended(self) -> bytes:
        """Everything up to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def close(self) -> None:
        self.writer.close()


def get(path: str, *fields: str, host: str = "Host: x", version: str = "1.1") -> bytes:
    lines = [f"GET {path} HTTP/{version}", *([host] if host else []), *fields, "", ""]
    return "\r\n".join(lines).encode()


def post(path: str, body: bytes, *fields: str) -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields, "", ""])
    return head.encode() + body
