from __future__ import annotations

from typing import Any

from tests.e2e.harness.owned import controlled_by, owned_by


def made(kind: str, uid: str, *owners: str, controller: bool = True) -> dict[str, Any]:
    references = [{"uid": owner, "controller": controller} for owner in owners]
    return {"kind": kind, "metadata": {"name": uid, "uid": uid, "ownerReferences": references}}


OBJECTS = [
    made("Pod", "pod", "replicaset"),
    made("ReplicaSet", "replicaset", "deployment"),
    made("Deployment", "deployment", "root"),
    made("Service", "service", "root", controller=False),
    made("Secret", "secret"),
    made("Pod", "other", "stranger"),
]


def test_ownership_is_followed_through_others() -> None:
    assert {held.uid for held in owned_by("root", OBJECTS)} == {"pod", "replicaset", "deployment", "service"}


def test_nothing_owned() -> None:
    assert owned_by("nobody", OBJECTS) == frozenset()


def test_only_the_managing_owner_controls() -> None:
    assert {str(held) for held in controlled_by("root", OBJECTS)} == {"Deployment/deployment"}


def test_a_circle_ends() -> None:
    assert {held.uid for held in owned_by("a", [made("A", "a", "b"), made("B", "b", "a")])} == {"a", "b"}
