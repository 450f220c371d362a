"""Who owns what: the objects that must go when their SeldonDeployment goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Reference:
    """An object's kind, name and uid."""

    kind: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def owned_by(root: str, objects: Iterable[Mapping[str, Any]]) -> frozenset[Reference]:
    """Every object that the object with uid `root` owns, directly or through others (Deployment, ReplicaSet, Pod)."""
    waiting = {manifest["metadata"]["uid"]: manifest for manifest in objects}
    owners = {root}
    found: set[Reference] = set()
    while True:
        step = {uid for uid, manifest in waiting.items() if owners & _owners(manifest)}
        if not step:
            return frozenset(found)
        for uid in step:
            manifest = waiting.pop(uid)
            found.add(Reference(manifest["kind"], manifest["metadata"]["name"], uid))
        owners |= step


def controlled_by(root: str, objects: Iterable[Mapping[str, Any]]) -> frozenset[Reference]:
    """The objects whose managing owner (`controller: true`) is the object with uid `root`."""
    return frozenset(
        Reference(manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["uid"])
        for manifest in objects
        for owner in manifest["metadata"].get("ownerReferences") or ()
        if owner["uid"] == root and owner.get("controller")
    )


def _owners(manifest: Mapping[str, Any]) -> set[str]:
    return {owner["uid"] for owner in manifest["metadata"].get("ownerReferences") or ()}
