"""Structured logs of every program: one JSON object a line, so that a cluster's log store can search the fields.

logging.getLogger(__name__).info("listening", extra={"port": 8000})
"""

import json
import logging
import sys
import time
from typing import Any, Final, TextIO

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    # v1.17.1's controller logs with zap, whose words for "error, and end" these are.
    "dpanic": logging.ERROR,
    "panic": logging.ERROR,
}


class JsonLines(logging.Formatter):
    """Time (UTC), level, logger and message; whatever a call gives as `extra` becomes a key of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _USUAL}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to one stream.

    Args:
        level: debug, info, warning, error or critical, in any case; anything else means info, and is logged.
        stream: Where to; standard error where None.
    """
    wanted = _LEVELS.get(level.strip().lower())
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO if wanted is None else wanted, handlers=[handler], force=True)
    if wanted is None:
        logging.getLogger(__name__).warning("unknown log level, using INFO", extra={"wanted": level})
