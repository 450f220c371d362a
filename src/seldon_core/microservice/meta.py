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
        """The answer's meta. `requests` are the metas of all messages that led to it; the first one's puid counts.

        The metrics of the nodes before come first.
        """
        given = [meta for meta in requests if meta]
        if not given and not tags and not metrics:
            return self._plain
        answer: dict[str, Any] = {}
        path: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        shown: list[Any] = []
        for meta in given:
            puid = meta.get("puid")
            if "puid" not in answer and puid and isinstance(puid, str):
                answer["puid"] = puid
            # What is no name of an image, or no metric, would make this answer one that clients cannot read.
            path |= {unit: image for unit, image in _object(meta, "requestPath").items() if isinstance(image, str)}
            merged |= _object(meta, "tags")
            earlier = meta.get("metrics")
            shown += filter(_is_metric, earlier) if isinstance(earlier, list) else ()
        path |= self._path
        merged |= tags
        if path:
            answer["requestPath"] = path
        if merged:
            answer["tags"] = merged
        shown += metrics
        if shown:
            answer["metrics"] = shown
        return answer


def _object(meta: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = meta.get(field)
    return value if isinstance(value, dict) else {}


def _is_metric(value: Any) -> bool:
    """Whether a request's metric is one: with a key, and all else of the right kind."""
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        return False
    number, tags = value.get("value", 0), value.get("tags", {})
    return (
        value.get("type", "COUNTER") in ("COUNTER", "GAUGE", "TIMER")
        and isinstance(number, (int, float))
        and not isinstance(number, bool)
        and isinstance(tags, dict)
        and all(isinstance(text, str) for text in tags.values())
    )


def puid_alone(meta: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What the answers to /route and /send-feedback keep of a request's meta."""
    return {"puid": meta["puid"]} if meta and meta.get("puid") else None
