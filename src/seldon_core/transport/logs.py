"""Structured logs: one JSON object a line on stderr, so that a cluster's log store can search the fields.

logging.getLogger(__name__).info("listening", extra={"port": 8000})
"""

import datetime as dt
import json
import logging
import sys
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS = {"DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL"}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send all logs of the process to stderr. An unknown level means INFO, and is logged."""
    wanted = level.upper()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=wanted if wanted in _LEVELS else "INFO", handlers=[handler], force=True)
    if wanted not in _LEVELS:
        logging.getLogger(__name__).warning("unknown log level, using INFO", extra={"wanted": level})
