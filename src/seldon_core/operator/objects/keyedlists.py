"""Lists whose items the API server matches by key: containers by name, ports by number and protocol.

Such a list may hold two items of one key (a container that names port 8000 twice, as `http` and as `metrics`; a
variable that a user sets twice). The API server stores that, but server-side apply refuses it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

ItemKey = tuple[tuple[str, Any], ...]

_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "containers": (("name",),),
    "initContainers": (("name",),),
    "ephemeralContainers": (("name",),),
    "volumes": (("name",),),
    "env": (("name",),),
    "imagePullSecrets": (("name",),),
    "resourceClaims": (("name",),),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "hostAliases": (("ip",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}
"""By the name of the field. All other lists are one value. Source: the `x-kubernetes-list-map-keys` of Kubernetes
1.34."""

_DEFAULTS = {"protocol": "TCP"}


def keys_of(field: str, *lists: Any) -> tuple[str, ...]:
    """The keys by which the items of these lists are told apart, empty where the lists are one value."""
    items = [item for each in lists if isinstance(each, Sequence) and not isinstance(each, str) for item in each]
    for keys in _KEYS.get(field, ()):
        if all(isinstance(item, Mapping) and keys[0] in item for item in items):
            return keys
    return ()


def key_of_item(item: Mapping[str, Any], keys: tuple[str, ...]) -> ItemKey:
    """An item's key."""
    return tuple((key, item.get(key, _DEFAULTS.get(key))) for key in keys)


def grouped(items: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> dict[ItemKey, list[Any]]:
    """Items by key, in order of appearance."""
    groups: dict[ItemKey, list[Any]] = {}
    for item in items:
        groups.setdefault(key_of_item(item, keys), []).append(item)
    return groups


def has_duplicates(value: Any, field: str = "") -> bool:
    """Whether a manifest holds, anywhere, two items of one key: then server-side apply refuses it."""
    if isinstance(value, Mapping):
        return any(has_duplicates(child, name) for name, child in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        keys = keys_of(field, value)
        if keys and len(grouped(value, keys)) < len(value):
            return True
        return any(has_duplicates(child) for child in value)
    return False
