"""A connection to another server, to the first of its addresses that accepts one."""

import asyncio
import errno
import os
import socket
import ssl as ssl_module
from collections.abc import Callable
from typing import TypeVar

from .errors import ConnectError

_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "i/o timeout",
}
_P = TypeVar("_P", bound=asyncio.BaseProtocol)


async def dial(
    host: str, port: int, make: Callable[[], _P], *, seconds: float, ssl: ssl_module.SSLContext | None = None
) -> _P:
    """A connected protocol, within `seconds`. Raises ConnectError with a text as Go has it."""
    try:
        async with asyncio.timeout(seconds):
            return await _dial(host, port, make, ssl)
    except TimeoutError as error:
        raise ConnectError(f"dial tcp {host}:{port}: i/o timeout") from error


async def _dial(host: str, port: int, make: Callable[[], _P], ssl: ssl_module.SSLContext | None) -> _P:
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
            _, protocol = await loop.create_connection(
                make, str(address[0]), port, ssl=ssl, server_hostname=host if ssl is not None else None
            )
        except OSError as error:
            reason = _REASONS.get(error.errno or 0) or os.strerror(error.errno or errno.EIO).lower()
            failure = failure or ConnectError(f"dial tcp {address[0]}:{port}: connect: {reason}")
        else:
            return protocol
    raise failure or ConnectError(f"dial tcp: lookup {host}: no such host")
