"""What a namespace holds, without what differs from run to run: the thing that runs are compared by."""

from __future__ import annotations

import base64
import copy
import difflib
import json
import re
from typing import Any

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.kube import Resource
from seldon_core.kube.resources import DEPLOYMENTS, REPLICA_SETS
from seldon_core.operator.objects.kinds import FIELD_MANAGER, OWNED, SELDON_DEPLOYMENTS
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values
from tests.integration.controlplane import ControlPlane

Snapshot = dict[str, Any]

_DROPPED = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"})
_DROPPED_FROM_SPEC = frozenset({"clusterIP", "clusterIPs"})
_REVISION = "deployment.kubernetes.io/revision"
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST_DIFFERENCE = 80
_IN_STATUS = frozenset({"lastTransitionTime", "observedGeneration"})


_ORDER = (SELDON_DEPLOYMENTS, REPLICA_SETS, *OWNED)
"""What becomes right last comes first: the first kind that differs ends a comparison."""


def snapshot(plane: ControlPlane, namespace: str) -> Snapshot:
    """All that belongs to SeldonDeployments, and who wrote which of its fields, without the namespace's name."""
    found: Snapshot = {}
    for resource in _ORDER:
        found |= _of_kind(plane, namespace, resource)
    return found


def equals(plane: ControlPlane, namespace: str, wanted: Snapshot) -> bool:
    """Whether a namespace's snapshot is a known one."""
    for resource in _ORDER:
        prefix = f"{resource.kind} "
        if _of_kind(plane, namespace, resource) != {k: v for k, v in wanted.items() if k.startswith(prefix)}:
            return False
    return True


def _of_kind(plane: ControlPlane, namespace: str, resource: Resource) -> Snapshot:
    found: Snapshot = {}
    for obj in plane.items(resource.path(namespace=namespace)):
        owners = [reference["name"] for reference in obj["metadata"].get("ownerReferences") or ()]
        if resource != REPLICA_SETS:
            if owners or resource == SELDON_DEPLOYMENTS:
                found[f"{resource.kind} {obj['metadata']['name']}"] = _normal(resource, obj)
        elif obj["spec"]["replicas"] or not owners:
            # Those of older versions have no replicas; how many versions there were is the Deployment's affair.
            key = f"ReplicaSet of {', '.join(owners) or 'nobody'}: {_images(obj)}"
            found[key] = {"replicas": obj["spec"]["replicas"], "ready": obj["status"].get("readyReplicas", 0)}
    return _without_namespace(found, namespace)


def difference(wanted: Snapshot, found: Snapshot) -> str:
    """The differing lines; empty where there are none."""
    one, other = (json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (wanted, found))
    lines = list(difflib.unified_diff(one, other, "undisturbed", "disturbed", n=4, lineterm=""))
    return "\n".join(lines[:_LONGEST_DIFFERENCE])


def is_complete(plane: ControlPlane, namespace: str, manifest: dict[str, Any], values: dict[str, Any]) -> bool:
    """Whether exactly the objects are there that the manifest is rendered to, ready, and the status says so."""
    live = plane.find(SELDON_DEPLOYMENTS.path(namespace=namespace, name=manifest["metadata"]["name"]))
    status = (live or {}).get("status") or {}
    current = live is not None and status.get("observedGeneration") == live["metadata"]["generation"]
    if not current or status.get("state") != "Available":
        return False
    rendered = render(load(manifest), from_values(load_values(values, merged=True)))
    wanted = {f"{each['kind']} {each['metadata']['name']}": None for each in rendered.objects}
    wanted[f"{SELDON_DEPLOYMENTS.kind} {manifest['metadata']['name']}"] = None
    there = snapshot(plane, namespace)
    sets = {key for key in there if key.startswith("ReplicaSet of ")}
    return set(there) - sets == set(_without_namespace(wanted, namespace)) and len(sets) == len(rendered.deployments)


def _without_namespace(found: Snapshot, namespace: str) -> Snapshot:
    cut: Snapshot = json.loads(_UID.sub("UID", json.dumps(found).replace(namespace, "NAMESPACE")))
    return cut


def _normal(resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _DROPPED}
    metadata["annotations"] = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _REVISION}
    for reference in metadata.get("ownerReferences") or ():
        del reference["uid"]
    spec = {key: value for key, value in obj.get("spec", {}).items() if key not in _DROPPED_FROM_SPEC}
    normal: dict[str, Any] = {"metadata": metadata, "spec": copy.deepcopy(spec)}
    if resource == DEPLOYMENTS:
        for container in normal["spec"]["template"]["spec"]["containers"]:
            for variable in container.get("env") or ():
                if variable["name"] == "ENGINE_PREDICTOR":  # it holds the namespace, too
                    variable["value"] = base64.b64decode(variable["value"]).decode()
    if resource == SELDON_DEPLOYMENTS:
        status = _without_times(obj.get("status") or {})
        # What it says about templates depends on the namespace's name; the templates themselves are compared.
        normal["status"] = status | {"podTemplates": sorted(status.get("podTemplates") or ())}
    else:
        normal["fields of ours"] = sorted(
            (
                {"operation": entry["operation"], "fields": entry["fieldsV1"]}
                for entry in obj["metadata"]["managedFields"]
                if entry["manager"] == FIELD_MANAGER
            ),
            key=lambda entry: str(entry["operation"]),
        )
    return normal


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items() if key not in _IN_STATUS}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def _images(replica_set: dict[str, Any]) -> str:
    return ", ".join(container["image"] for container in replica_set["spec"]["template"]["spec"]["containers"])
