"""Listening sockets, as both servers need them: bound to all addresses or one, and closed without losing a client."""

import asyncio
import errno
import os
import socket

BACKLOG = 2048
"""Connections that the kernel may hold while the loop is busy."""
_reserved: dict[int, socket.socket] = {}  # by port; open for as long as the process lives
_ACCEPT_SECONDS = 0.01  # some turns of the loop, in which it accepts what is queued


def listening(host: str, port: int) -> socket.socket:
    """A bound socket. All addresses means one socket for both families, and IPv4 alone where the host has no IPv6."""
    sock = _bound(host, port)
    # Accepted sockets inherit it. asyncio sets it only where a socket names its protocol, which these do not.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _bound(host: str, port: int) -> socket.socket:
    shared = port in _reserved
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG, reuse_port=shared
            )
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
    return socket.create_server(("", port), backlog=BACKLOG, reuse_port=shared)


def reserve(port: int) -> int:
    """Keep a port for this process and its children, which may all listen on it; the kernel shares clients out.

    Gives the real one where 0 was asked for. Raises OSError where another process listens there.
    """
    kept = None
    if socket.has_dualstack_ipv6():
        try:
            kept = _kept(socket.AF_INET6, port)
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
    kept = kept or _kept(socket.AF_INET, port)
    number: int = kept.getsockname()[1]
    _reserved[number] = kept
    return number


def _kept(family: socket.AddressFamily, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("", port))
    except OSError:
        sock.close()
        raise
    return sock


async def empty_queue(server: asyncio.Server) -> None:
    """Accept the connections that the kernel holds: those that are in its queue when it closes would be reset.

    The queue is made as short as it goes first, so that later clients are refused, and know that nothing was sent.
    """
    for one in server.sockets:
        with socket.socket(fileno=os.dup(one.fileno())) as twin:
            twin.listen(0)
    await asyncio.sleep(_ACCEPT_SECONDS)
