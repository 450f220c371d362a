"""What the API server made of our last write, so that a wish which it stores in another form is not repeated for ever.

`compare` proves most objects equal from the live object alone. Where it cannot (a conversion that it does not know),
the object would be applied at every reconcile. This memory breaks the circle: the same wish for an object that has
not changed since is not sent again. It is a guard, not a state: after a restart it is empty, and the price is one
write that changes nothing.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec


class Memory:
    """Wishes that were written, by the uid of their object."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[bytes, bytes]] = {}

    def remember(self, wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Note what was applied and what came of it."""
        self._written[answer["metadata"]["uid"]] = (_digest(wanted), _content(answer))

    def is_fulfilled(self, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether the same was applied before and the object is still what came of it."""
        return self._written.get(live["metadata"].get("uid", "")) == (_digest(wanted), _content(live))

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._written.pop(uid, None)


def _content(live: Mapping[str, Any]) -> bytes:
    """What others see of an object, without what changes by itself."""
    metadata = {k: live["metadata"].get(k) for k in ("labels", "annotations", "ownerReferences", "generation")}
    return _digest({k: v for k, v in live.items() if k not in {"metadata", "status"}} | {"metadata": metadata})


def _digest(value: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).digest()
