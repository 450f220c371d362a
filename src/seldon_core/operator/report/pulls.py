"""Why an image cannot be pulled: of what the kubelet says in two turns and many layers the innermost words, once.

The two turns, `ErrImagePull` and `ImagePullBackOff`, come again and again: both give the same sentence, so that the
status does not change with each.
"""

import re
from collections.abc import Iterable

REASON = "ImagePullBackOff"
REASONS = frozenset({"ErrImagePull", REASON})

_LOCAL = "localhost/"
_PREFIX = re.compile(r'^(?:Back-off pulling image "[^"]*"(?:: )?|Failed to pull image "[^"]*": |ErrImagePull: )+')
_LAYER = "desc = "
"""What gRPC puts before the words of the container runtime."""


def what(image: str) -> str:
    """What happened."""
    return f"cannot pull its image {image}" if image else "cannot pull its image"


def cause(waiting: str, events: Iterable[str]) -> str:
    """The runtime's own words; empty where nobody has passed them on.

    Args:
        waiting: The message of the container's state. Kubernetes before 1.32 has no cause in `ImagePullBackOff`.
        events: The messages of the pod's `Failed` events about the container, the newest first.
    """
    for text in (waiting, *events):
        words = _PREFIX.sub("", text.strip()).rpartition(_LAYER)[2].strip()
        if words and not words.startswith("Error: "):
            return words
    return ""


def advised(image: str, words: str) -> str:
    """The cause, and what to do where that is sure."""
    if not image.startswith(_LOCAL):
        return words
    advice = (
        "no registry has it: load it into the nodes, or push it to a registry and name that in global.imageRegistry"
    )
    return f"{words}; {advice}" if words else advice
