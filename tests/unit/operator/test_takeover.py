"""Whose fields are whose, before and after an object is taken over."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from seldon_core.operator.objects import ownedfields, takeover
from seldon_core.operator.objects.kinds import FIELD_MANAGER, REVISION

Object = dict[str, Any]
Fields = dict[str, Any]

UID = 'k:{"uid":"1"}'
CONTAINER = 'k:{"name":"classifier"}'
TEMPLATE: Fields = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:seldon-deployment-id": {}}},
    "f:spec": {"f:containers": {CONTAINER: {".": {}, "f:name": {}, "f:image": {}, "f:readinessProbe": {}}}},
}
METADATA: Fields = {
    "f:labels": {".": {}, "f:app": {}},
    "f:annotations": {".": {}, "f:seldon.io/last-applied": {}},
    "f:ownerReferences": {".": {}, UID: {}},
}
FORMER: Fields = {"f:metadata": METADATA, "f:spec": {"f:replicas": {}, "f:template": TEMPLATE}}


def entry(manager: str, fields: Fields, operation: str = "Update", **more: Any) -> Object:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": copy.deepcopy(fields),
        **more,
    }


def live(*entries: Object) -> Object:
    return {"metadata": {"managedFields": list(entries)}}


def owners(entries: list[Object] | None) -> dict[tuple[str, str], Fields]:
    assert entries is not None
    assert len({(e["manager"], e["operation"], e.get("subresource")) for e in entries}) == len(entries)
    return {(e["manager"], e["operation"]): e["fieldsV1"] for e in entries if not e.get("subresource")}


def after(entries: list[Object] | None) -> Object:
    assert entries is not None
    return live(*entries)


@pytest.mark.parametrize("manager", ["manager", "kubectl-create", "before-first-apply"])
def test_a_kept_template_stays_its_writers(manager: str) -> None:
    obj = live(entry(manager, FORMER), entry("kube-controller-manager", {"f:status": {}}, subresource="status"))

    assert takeover.pending(obj, template=False)
    entries = takeover.adopted(obj, template=False)
    found = owners(entries)

    assert found[manager, "Update"] == {"f:spec": {"f:template": TEMPLATE}}
    assert found[FIELD_MANAGER, "Apply"] == {"f:metadata": METADATA, "f:spec": {"f:replicas": {}}}
    assert takeover.made_elsewhere(after(entries))
    assert not takeover.pending(after(entries), template=False), "it would be written again and again"
    assert takeover.adopted(after(entries), template=False) is None
    # The cache keeps what is needed to know all this.
    assert [e for e in entries or () if takeover.is_former(e)] != []


@pytest.mark.parametrize("manager", ["manager", "kubectl-create"])
def test_a_template_becomes_ours_later(manager: str) -> None:
    kept = after(takeover.adopted(live(entry(manager, FORMER)), template=False))

    assert takeover.pending(kept, template=True)
    entries = takeover.adopted(kept, template=True)

    assert owners(entries) == {(FIELD_MANAGER, "Apply"): FORMER}
    assert not takeover.made_elsewhere(after(entries))
    assert not takeover.pending(after(entries), template=True)


def test_what_is_ours_from_the_start_is_left_alone() -> None:
    obj = live(
        entry(FIELD_MANAGER, FORMER, "Apply"), entry("kubectl-edit", {"f:metadata": {"f:labels": {"f:mine": {}}}})
    )

    assert not takeover.pending(obj, template=True)
    assert not takeover.made_elsewhere(obj)
    assert takeover.taken_over(obj, template=True) is obj


def test_the_revision_is_nobodys() -> None:
    fields = copy.deepcopy(FORMER)
    fields["f:metadata"]["f:annotations"][f"f:{REVISION}"] = {}
    entries = takeover.adopted(live(entry("manager", fields)), template=True)
    found = owners(entries)

    # What we own and do not want is taken away by the next apply: this is Kubernetes' own.
    assert f"f:{REVISION}" not in found[FIELD_MANAGER, "Apply"]["f:metadata"]["f:annotations"]
    assert found["manager", "Update"] == {"f:metadata": {"f:annotations": {f"f:{REVISION}": {}}}}
    assert not takeover.pending(after(entries), template=True)


def test_what_somebody_edited_in_the_template_does_not_get_in_the_way() -> None:
    probe = {"f:spec": {"f:containers": {CONTAINER: {"f:readinessProbe": {"f:tcpSocket": {}}}}}}
    restarted = {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}
    obj = live(
        entry("manager", FORMER),
        entry("kubectl-edit", {"f:spec": {"f:template": probe}}),
        entry("kubectl-rollout", {"f:spec": {"f:template": restarted}}),
    )
    found = owners(takeover.adopted(obj, template=True))

    assert ("kubectl-edit", "Update") not in found
    inside = found[FIELD_MANAGER, "Apply"]["f:spec"]["f:template"]["f:spec"]["f:containers"][CONTAINER]
    assert inside["f:readinessProbe"] == {"f:tcpSocket": {}}
    assert found["kubectl-rollout", "Update"] == {"f:spec": {"f:template": restarted}}
    kept = owners(takeover.adopted(obj, template=False))
    assert kept["kubectl-edit", "Update"] == {"f:spec": {"f:template": probe}}


def test_a_former_controller_that_came_back_made_the_template() -> None:
    """After a rollback it has changed the image, and left what both write alike."""
    ours = copy.deepcopy(FORMER)
    image = ours["f:spec"]["f:template"]["f:spec"]["f:containers"][CONTAINER].pop("f:image")
    theirs = {"f:spec": {"f:template": {"f:spec": {"f:containers": {CONTAINER: {"f:image": image}}}}}}
    obj = live(entry(FIELD_MANAGER, ours, "Apply"), entry("manager", theirs))

    assert takeover.made_elsewhere(obj)
    assert takeover.pending(obj, template=False), "our part of the template would be taken away by our own apply"
    found = owners(takeover.adopted(obj, template=False))
    assert "f:template" not in found[FIELD_MANAGER, "Apply"]["f:spec"]
    assert found["manager", "Update"]["f:spec"]["f:template"] == TEMPLATE
    assert not takeover.pending(after(takeover.adopted(obj, template=False)), template=False)
    assert owners(takeover.adopted(obj, template=True)) == {(FIELD_MANAGER, "Apply"): FORMER}


def test_our_own_template_stays_ours_while_it_is_held() -> None:
    ours = {"f:spec": {"f:template": TEMPLATE}}
    obj = live(entry(FIELD_MANAGER, ours, "Apply"), entry("old", {"f:metadata": METADATA}))
    found = owners(takeover.adopted(obj, template=False))

    assert found[FIELD_MANAGER, "Apply"]["f:spec"]["f:template"] == TEMPLATE


def test_fields_of_another_version_are_no_part_of_an_apply() -> None:
    old = entry("manager", {"f:metadata": METADATA, "f:spec": {"f:metrics": {}}}, apiVersion="autoscaling/v2beta1")
    ours = entry(FIELD_MANAGER, {"f:metadata": {"f:labels": {"f:app": {}}}}, "Apply", apiVersion="autoscaling/v2")
    found = owners(takeover.adopted(live(old, ours), template=True))

    assert found[FIELD_MANAGER, "Update"] == old["fieldsV1"]
    assert found[FIELD_MANAGER, "Apply"] == ours["fieldsV1"]


def test_when_the_template_was_written() -> None:
    first, last = "2026-11-20T18:24:03Z", "2026-11-20T18:30:00Z"
    obj = live(
        entry("manager", FORMER, time=first),
        entry("kubectl-rollout", {"f:spec": {"f:template": {"f:metadata": {}}}}, time=last),
        entry("kubectl-scale", {"f:spec": {"f:replicas": {}}}, time="2026-11-20T19:00:00Z"),
        entry(FIELD_MANAGER, {"f:spec": {"f:replicas": {}}}, "Apply", time="2026-11-20T20:00:00Z"),
    )

    assert takeover.written_at(obj) == datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert takeover.written_at(live()) is None


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-11-20T18:24:03Z", 18), ("2026-11-20T18:24:03+02:00", 16), ("2026-11-20T18:24:03", 18), ("soon", None)],
)
def test_times(text: str, hour: int | None) -> None:
    time = takeover.time_of(text)

    assert (time.astimezone(UTC).hour if time else None) == hour


def test_what_is_owned_of_a_value_is_said_again() -> None:
    value = {
        "metadata": {"annotations": {"restartedAt": "now", "ours": "1"}},
        "spec": {
            "dnsPolicy": "ClusterFirst",
            "containers": [
                {"name": "classifier", "image": "a", "imagePullPolicy": "Always", "args": ["x", "y"]},
                {"name": "injected", "image": "b"},
            ],
        },
    }
    owned = {
        "f:metadata": {"f:annotations": {"f:ours": {}, "f:gone": {}}},
        "f:spec": {"f:containers": {CONTAINER: {".": {}, "f:name": {}, "f:image": {}, "f:args": {}}}},
    }

    assert ownedfields.extract(value, (owned,)) == {
        "metadata": {"annotations": {"ours": "1"}},
        "spec": {"containers": [{"name": "classifier", "image": "a", "args": ["x", "y"]}]},
    }


def test_an_object_that_nobody_remembers_writing_is_a_former_controllers() -> None:
    obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "uid": "1", "labels": {"app": "d"}, "managedFields": []},
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 9}], "args": ["x"]}]}},
        },
        "status": {"replicas": 1},
    }
    assert takeover.made_elsewhere(obj)
    found = owners(takeover.adopted(obj, template=False))

    port = {".": {}, "f:containerPort": {}}
    container = {".": {}, "f:name": {}, "f:ports": {'k:{"containerPort":9,"protocol":"TCP"}': port}, "f:args": {}}
    template = {"f:spec": {"f:containers": {'k:{"name":"c"}': container}}}
    assert found["before-first-apply", "Update"] == {"f:spec": {"f:template": template}}
    assert found[FIELD_MANAGER, "Apply"] == {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:replicas": {}}}
