"""Structured logs: one JSON object a line, with the key of the object that the line is about."""

import json
import logging
import time
from typing import TextIO

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Time (UTC), level, logger and message; whatever a call gives as `extra` becomes a key of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _USUAL}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def about(namespace: str, name: str) -> dict[str, str]:
    """The `extra` of a line about one object: its key under `object`."""
    return {"object": f"{namespace}/{name}"}


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to one stream (standard error where None).

    Args:
        level: debug, info, warning or error, in any case; anything else means info. zap's words (`warn`, `dpanic`) that
            v1.17.1 took are understood.
        stream: Where to.
    """
    words = {"warn": "WARNING", "dpanic": "ERROR", "panic": "ERROR", "fatal": "ERROR"}
    name = words.get(level.lower(), level.upper())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.getLevelNamesMapping().get(name, logging.INFO))
    # The HTTP client below kube logs every request.
    for noisy in ("httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
