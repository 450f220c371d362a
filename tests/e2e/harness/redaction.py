"""What may be written into evidence: objects without managed fields, Secrets without their values."""

from __future__ import annotations

import copy
from typing import Any

REDACTED = "<redacted>"
# kubectl keeps the whole applied text here, a Secret's stringData included.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def presentable(manifest: dict[str, Any]) -> dict[str, Any]:
    """A copy for people: no managedFields; of a Secret the names of its keys, not their values."""
    shown = copy.deepcopy(manifest)
    metadata = shown.get("metadata") or {}
    metadata.pop("managedFields", None)
    if shown.get("kind") == "Secret":
        for field in ("data", "stringData"):
            if shown.get(field):
                shown[field] = dict.fromkeys(shown[field], REDACTED)
        annotations = metadata.get("annotations") or {}
        if LAST_APPLIED in annotations:
            annotations[LAST_APPLIED] = REDACTED
    return shown
