"""The pod's annotations, as the downward API mounts them, and the one that the executor honours.

One line an annotation: `key="value"`, the value quoted as Go does. Only the first `=` separates, so values may hold
some. Source: specification 1.10, 3.
"""

import ast
import logging
from pathlib import Path

_LOG = logging.getLogger(__name__)
ANNOTATIONS_FILE = Path("/etc/podinfo/annotations")
REST_TIMEOUT = "seldon.io/rest-timeout"


def annotations(path: Path = ANNOTATIONS_FILE) -> dict[str, str]:
    """All annotations of this pod; none where the file is absent, as outside of a cluster."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, _, quoted = line.partition("=")
        try:
            value = ast.literal_eval(quoted)
        except (ValueError, SyntaxError):
            value = quoted.strip('"')
        found[key.strip()] = str(value)
    return found


def rest_timeout(found: dict[str, str]) -> float | None:
    """Seconds that one call to a node may take; None without the annotation, which is in milliseconds."""
    text = found.get(REST_TIMEOUT)
    if text is None:
        return None
    if not text.isdecimal() or int(text) == 0:
        _LOG.warning("annotation ignored: not a positive whole number of milliseconds", extra={REST_TIMEOUT: text})
        return None
    return int(text) / 1000
