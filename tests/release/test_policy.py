"""The scanners as the stage `policy` asks them: what they say of a group of objects is about that group alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from release.policy import checkov

pytestmark = pytest.mark.offline

WITHOUT_A_NETWORK_POLICY = "CKV2_K8S_6"


def test_checkov_judges_each_group_by_its_own_objects(tmp_path: Path) -> None:
    """One start judges them all; a NetworkPolicy in one group must not cover the pods of another."""
    policy: dict[str, object] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "all", "namespace": "models"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    groups = {"covered": [pod("first"), policy], "bare": [pod("second")], "covered too": [pod("third"), policy]}
    for group, items in groups.items():
        (tmp_path / group).mkdir()
        (tmp_path / group / "objects.yaml").write_text(yaml.safe_dump_all(items))

    found = list(checkov({group: tmp_path / group for group in groups}))

    assert {(each.group, each.where) for each in found} == {
        ("covered", "Pod/first"),
        ("bare", "Pod/second"),
        ("covered too", "Pod/third"),
    }
    assert [each.group for each in found if each.check == WITHOUT_A_NETWORK_POLICY] == ["bare"]


def pod(name: str) -> dict[str, object]:
    containers = [{"name": "c", "image": "example.org/a:1.0"}]
    metadata = {"name": name, "namespace": "models", "labels": {"app": "a"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
