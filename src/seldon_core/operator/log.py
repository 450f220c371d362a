"""What the controller's log lines have beside `transport.logs`: the key of the object that a line is about."""

import logging
from typing import TextIO

from seldon_core.transport import logs


def about(namespace: str, name: str) -> dict[str, str]:
    """The `extra` of a line about one object: its key under `object`."""
    return {"object": f"{namespace}/{name}"}


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to one stream; see `transport.logs.configure`."""
    logs.configure(level, stream)
    # The HTTP client below kube logs every request.
    for noisy in ("httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
