"""A plain read: one GET of each URL, one after the other over one connection, as fast as a socket gives it.

`python plain.py FOLDER URLS`: a line of the file URLS is a path and a URL, apart by a blank. `-` for FOLDER throws the
contents away.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

_CHUNK = 1024 * 1024


def _read(connection: socket.socket, url: str, target: Path | None, buffer: memoryview) -> None:
    parts = urlsplit(url)
    head = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: identity\r\n\r\n"
    connection.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connection.recv(4096)
        if not more:
            raise SystemExit("plain: the connection ended")
        answer += more
    lines, _, rest = answer.partition(b"\r\n\r\n")
    if b" 200 " not in lines.splitlines()[0]:
        raise SystemExit(f"plain: {answer.decode(errors='replace')}")
    names = (line.partition(b":") for line in lines.splitlines()[1:])
    left = next(int(value) for name, _, value in names if name.lower() == b"content-length") - len(rest)
    with (target or Path("/dev/null")).open("wb", buffering=0) as out:
        out.write(rest)
        while left:
            count = connection.recv_into(buffer, min(len(buffer), left))
            if not count:
                raise SystemExit("plain: the connection ended")
            out.write(buffer[:count])
            left -= count


def main() -> None:
    """Read every URL of the list."""
    folder = None if sys.argv[1] == "-" else Path(sys.argv[1])
    wanted = [line.split() for line in Path(sys.argv[2]).read_text().splitlines()]
    place = urlsplit(wanted[0][1])
    buffer = memoryview(bytearray(_CHUNK))
    with socket.create_connection((place.hostname, place.port or 80)) as connection:
        for path, url in wanted:
            _read(connection, url, folder / path if folder else None, buffer)


if __name__ == "__main__":
    main()
