"""The rules of `meta`: what an answer keeps of the request's, and what it adds. Source: specification 4 (meta)."""

from collections.abc import Mapping, Sequence
from typing import Any

from .settings import Identity


class MetaRules:
    """Builds the meta of answers for one component."""

    def __init__(self, identity: Identity) -> None:
        self._path = {identity.unit: identity.image} if identity.unit else {}
        self._plain: dict[str, Any] = {"requestPath": self._path} if self._path else {}

    def of_answer(
        self,
        requests: Sequence[Mapping[str, Any] | None],
        tags: Mapping[str, Any],
        metrics: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """The answer's meta. `requests` are the metas of all messages that led to it; the first one's puid counts."""
        given = [meta for meta in requests if meta]
        if not given and not tags and not metrics:
            return self._plain
        answer: dict[str, Any] = {}
        path: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for meta in given:
            if "puid" not in answer and meta.get("puid"):
                answer["puid"] = meta["puid"]
            path |= _object(meta, "requestPath")
            merged |= _object(meta, "tags")
        path |= self._path
        merged |= tags
        if path:
            answer["requestPath"] = path
        if merged:
            answer["tags"] = merged
        if metrics:
            answer["metrics"] = list(metrics)
        return answer


def _object(meta: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = meta.get(field)
    return value if isinstance(value, dict) else {}
