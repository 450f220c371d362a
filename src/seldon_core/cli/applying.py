"""What an object will be once a manifest is applied: `kubectl apply`, carried out here, so that nothing is written.

Source: Kubernetes documentation, "Declarative Management of Kubernetes Objects Using Configuration Files": what the
manifest says is set, what the last applied one said and this one does not is taken away, all else stays. In objects of
CustomResourceDefinitions a list is one value.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from seldon_core.kube import Object
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.objects.overlay import overlay

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def applied(live: Object | None, manifest: Mapping[str, Any]) -> Object:
    """The object as it will be stored; its generation counts one more where its spec changes.

    Args:
        live: The object now, None where there is none.
        manifest: With the namespace that it goes to.
    """
    body = {key: value for key, value in manifest.items() if key != "status"}
    if live is None:
        return {**body, "metadata": {**body["metadata"], "generation": 1}}
    body["apiVersion"] = live["apiVersion"]
    result = _apply(live, body)
    metadata = {**result["metadata"]}
    if result.get("spec") != live.get("spec"):
        metadata["generation"] = metadata.get("generation", 0) + 1
    if "managedFields" in live["metadata"]:
        metadata["managedFields"] = live["metadata"]["managedFields"]
    return {**result, "metadata": metadata}


def _apply(live: Object, body: Object) -> Object:
    last = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if last is None and (owned := _applied_by_others(live)):
        return overlay(live, body, owned)
    return _three_way(_decoded(last), body, live)


def _applied_by_others(live: Object) -> tuple[Mapping[str, Any], ...]:
    """What people and their tools have applied server-side."""
    return tuple(
        entry.get("fieldsV1") or {}
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("operation") == "Apply" and not entry.get("subresource") and entry.get("manager") != FIELD_MANAGER
    )


def _decoded(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _three_way(original: Any, modified: Mapping[str, Any], current: Mapping[str, Any]) -> Object:
    before = original if isinstance(original, Mapping) else {}
    result = {key: value for key, value in current.items() if key not in before or key in modified}
    for key, value in modified.items():
        there = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(there, Mapping):
            result[key] = _three_way(before.get(key), value, there)
        else:
            result[key] = value
    return result
