"""Whose is an object? The controller writes to its own alone, and says so where a name is taken by somebody else."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from seldon_core.api.types import GROUP, KIND, STORED_VERSION

Json = dict[str, Any]


class Owner(Enum):
    """Who an object belongs to, from the point of view of one SeldonDeployment."""

    OURS = "ours"
    FORMER = "former"
    """A SeldonDeployment of the same name that was deleted; the garbage collector is about to take the object away."""
    FOREIGN = "foreign"


def owner_reference(name: str, uid: str) -> Json:
    """The reference that makes a SeldonDeployment the controller of an object. Source: specification 1.2."""
    return {
        "apiVersion": f"{GROUP}/{STORED_VERSION}",
        "kind": KIND,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def with_owner(manifest: Mapping[str, Any], name: str, uid: str) -> Json:
    """A rendered object with its owner."""
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [owner_reference(name, uid)]}}


def owner_of(live: Mapping[str, Any], name: str, uid: str) -> Owner:
    """Who a live object belongs to, for the SeldonDeployment of that name and uid."""
    references = live["metadata"].get("ownerReferences") or ()
    if any(r.get("uid") == uid for r in references):
        return Owner.OURS
    if any(is_seldon(r) and r.get("name") == name for r in references):
        return Owner.FORMER
    return Owner.FOREIGN


def controller_of(live: Mapping[str, Any]) -> Json | None:
    """The owner reference of an object's controller, or None."""
    return next((r for r in live["metadata"].get("ownerReferences") or () if r.get("controller")), None)


def is_seldon(reference: Mapping[str, Any]) -> bool:
    """Whether an owner reference names a SeldonDeployment, of whatever version."""
    return reference.get("kind") == KIND and str(reference.get("apiVersion", "")).partition("/")[0] == GROUP
