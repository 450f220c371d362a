"""The pod's annotations, as the downward API mounts them, and those that the data plane honours.

One line an annotation: `key="value"`, the value quoted as Go does. Only the first `=` separates, so values may hold
some. Source: specification 1.10, 3.
"""

import ast
import logging
from pathlib import Path

_LOG = logging.getLogger(__name__)
ANNOTATIONS_FILE = Path("/etc/podinfo/annotations")
REST_TIMEOUT = "seldon.io/rest-timeout"
GRPC_TIMEOUT = "seldon.io/grpc-timeout"
GRPC_MAX_MESSAGE_SIZE = "seldon.io/grpc-max-message-size"


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


def timeout(found: dict[str, str], name: str) -> float | None:
    """Seconds that one call to a node may take; None without the annotation, which is in milliseconds."""
    milliseconds = _positive(found, name, "milliseconds")
    return None if milliseconds is None else milliseconds / 1000


def grpc_max_message_size(found: dict[str, str], otherwise: int) -> int:
    """Bytes of the largest message of gRPC."""
    return _positive(found, GRPC_MAX_MESSAGE_SIZE, "bytes") or otherwise


def _positive(found: dict[str, str], name: str, unit: str) -> int | None:
    text = found.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) == 0:
        _LOG.warning(f"annotation ignored: not a positive whole number of {unit}", extra={name: text})
        return None
    return int(text)
