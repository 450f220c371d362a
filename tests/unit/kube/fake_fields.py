"""Server-side apply by simple rules: what the controller relies on, with managedFields of the real shape.

Merges maps and the keyed lists of the tables below; everything else is atomic. Fields that a manager no longer applies
and nobody else owns are removed.
"""

import copy
import json
from typing import Any

LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "ownerReferences": ("uid",),
    "webhooks": ("name",),
}
DEFAULT_KEYS = {"protocol": "TCP"}
ATOMIC_MAPS = {"selector", "fieldRef", "secretKeyRef", "configMapKeyRef", "resourceFieldRef"}

Fields = dict[str, Any]


def keys_of(field: str, items: list[Any]) -> tuple[str, ...]:
    """The merge keys of a list, empty where it is atomic."""
    if field == "ports":
        return ("containerPort", "protocol") if any("containerPort" in i for i in items) else ("port", "protocol")
    return LIST_KEYS.get(field, ())


def has_duplicates(value: Any, field: str = "") -> bool:
    """Whether a keyed list holds two items of one key."""
    if isinstance(value, dict):
        return any(has_duplicates(child, name) for name, child in value.items())
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return False
    keys = keys_of(field, value)
    twice = bool(keys) and len({_key(item, keys) for item in value}) < len(value)
    return twice or any(has_duplicates(item) for item in value)


def _key(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    values = {k: item.get(k, DEFAULT_KEYS.get(k)) for k in keys}
    return "k:" + json.dumps(values, separators=(",", ":"), sort_keys=True)


def fields_of(value: dict[str, Any]) -> Fields:
    """The fieldsV1 of an applied configuration."""
    fields: Fields = {}
    for name, child in value.items():
        if isinstance(child, dict) and child and name not in ATOMIC_MAPS:
            fields["f:" + name] = fields_of(child)
        elif isinstance(child, list) and child and keys_of(name, child):
            keys = keys_of(name, child)
            fields["f:" + name] = {_key(item, keys): {".": {}, **fields_of(item)} for item in child}
        else:
            fields["f:" + name] = {}
    return fields


def merge(live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    """The live object with the applied fields in it."""
    merged = dict(live)
    for name, child in applied.items():
        old = live.get(name)
        if isinstance(child, dict) and isinstance(old, dict) and name not in ATOMIC_MAPS:
            merged[name] = merge(old, child)
        elif isinstance(child, list) and isinstance(old, list) and keys_of(name, child or old):
            keys = keys_of(name, child or old)
            present = {_key(item, keys): item for item in old}
            ours = [merge(present.pop(_key(item, keys), {}), item) for item in child]
            merged[name] = ours + list(present.values())
        else:
            merged[name] = copy.deepcopy(child)
    return merged


def remove(value: dict[str, Any], fields: Fields, keep: list[Fields]) -> None:
    """Take the fields out of an object, but for those that `keep` names."""
    for key, sub in fields.items():
        if not key.startswith("f:"):
            continue
        name = key[2:]
        kept = [k[key] for k in keep if key in k]
        child = value.get(name)
        if isinstance(child, dict) and sub:
            remove(child, sub, kept)
            if not child and not kept:
                value.pop(name)
        elif isinstance(child, list) and sub and isinstance(child[0] if child else None, dict):
            keys = keys_of(name, child)
            for item in list(child):
                item_key = _key(item, keys)
                if item_key in sub:
                    owners = [k[item_key] for k in kept if item_key in k]
                    if owners or "." not in sub[item_key]:  # else the item itself is no longer applied
                        remove(item, sub[item_key], owners)
                    else:
                        child.remove(item)
        elif not kept:
            value.pop(name, None)


def dropped(old: Fields, new: Fields) -> Fields:
    """The part of `old` that is not in `new`."""
    result: Fields = {}
    for key, sub in old.items():
        if key not in new:
            result[key] = sub
        elif sub and (inner := dropped(sub, new[key])):
            result[key] = inner
    return result


def apply(live: dict[str, Any], applied: dict[str, Any], manager: str, subresource: str = "") -> dict[str, Any]:
    """What server-side apply makes of a live object, managedFields included; the same object where nothing changes."""
    applied = copy.deepcopy(applied)
    for name in ("uid", "resourceVersion", "name", "namespace", "creationTimestamp", "managedFields", "generation"):
        applied["metadata"].pop(name, None)
    body = {k: v for k, v in applied.items() if k not in {"apiVersion", "kind"}}
    entries = list(live["metadata"].get("managedFields", []))
    mine = next((e for e in entries if e["manager"] == manager and e["operation"] == "Apply"), None)
    others = [e["fieldsV1"] for e in entries if e is not mine]
    wanted = fields_of(body)
    result = merge(copy.deepcopy(live), body)
    if mine is not None:
        remove(result, dropped(mine["fieldsV1"], wanted), others)
    entry = {"manager": manager, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1"}
    entry["fieldsV1"] = wanted
    if subresource:
        entry["subresource"] = subresource
    result["metadata"]["managedFields"] = [e for e in entries if e is not mine] + [entry]
    return result


def changed_fields(old: dict[str, Any], new: dict[str, Any]) -> Fields:
    """The fieldsV1 of what an update sets: fields that are new or have another value, defaults included."""
    fields: Fields = {}
    for name, child in new.items():
        before = old.get(name)
        if child == before:
            continue
        if isinstance(child, dict) and isinstance(before, dict) and name not in ATOMIC_MAPS:
            fields["f:" + name] = changed_fields(before, child)
        elif isinstance(child, list) and isinstance(before, list) and (keys := keys_of(name, child or before)):
            present = {_key(item, keys): item for item in before}
            items = {_key(i, keys): changed_fields(present.get(_key(i, keys), {}), i) for i in child}
            fields["f:" + name] = {k: v if k in present else {".": {}, **v} for k, v in items.items() if v}
        else:
            fields |= fields_of({name: child})
    return fields


def union(one: Fields, other: Fields) -> Fields:
    """Both sets of fields."""
    return {k: union(one.get(k, {}), other.get(k, {})) for k in {**one, **other}}


def left_of(fields: Fields, changed: Fields) -> Fields:
    """The fields of a set whose values nobody else has changed: who writes another value owns the field alone."""
    kept = {key: left_of(inner, changed[key]) if key in changed else inner for key, inner in fields.items()}
    return {
        key: inner for key, inner in kept.items() if key not in changed or inner or (changed[key] and not fields[key])
    }


def intersection(fields: Fields, value: Any) -> Fields:
    """The fields of a set that a value still has."""
    if not isinstance(value, dict):
        return (
            {}
            if isinstance(value, list) and not any(k.startswith("k:") for k in fields)
            else _items_left(fields, value)
        )
    left = {k: intersection(v, value[k[2:]]) for k, v in fields.items() if k.startswith("f:") and k[2:] in value}
    return {k: inner for k, inner in left.items() if inner or not fields[k]}


def _items_left(fields: Fields, items: Any) -> Fields:
    left: Fields = {}
    for key, inner in fields.items():
        if key.startswith("k:"):
            wanted = json.loads(key[2:])
            found = [i for i in items if all(i.get(k, DEFAULT_KEYS.get(k)) == v for k, v in wanted.items())]
            if found:
                left[key] = {".": {}, **intersection(inner, found[0])}
    return left


def update(live: dict[str, Any], written: dict[str, Any], manager: str) -> dict[str, Any]:
    """What a create or an update makes of an object: written as given, its changed fields owned by the manager."""
    result = copy.deepcopy(written)
    parts = ("metadata", "spec", "data", "webhooks")
    owned_metadata = ("labels", "annotations", "ownerReferences")

    def body(obj: dict[str, Any]) -> dict[str, Any]:
        metadata = {k: v for k, v in obj.get("metadata", {}).items() if k in owned_metadata}
        return {p: metadata if p == "metadata" else obj[p] for p in parts if p in obj}

    entries = copy.deepcopy(live.get("metadata", {}).get("managedFields", []))
    mine = next((e for e in entries if e["manager"] == manager and e["operation"] == "Update"), None)
    changed = changed_fields(body(live), body(result))
    fields = union(mine["fieldsV1"] if mine else {}, changed)
    others = [
        e | {"fieldsV1": intersection(left_of(e["fieldsV1"], changed), body(result))} for e in entries if e is not mine
    ]
    entry = {"manager": manager, "operation": "Update", "apiVersion": result["apiVersion"], "fieldsType": "FieldsV1"}
    entry["fieldsV1"] = intersection(fields, body(result))
    result["metadata"]["managedFields"] = [*others, *([entry] if entry["fieldsV1"] else [])]
    return result
