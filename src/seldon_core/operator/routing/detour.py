"""Leads requests round a predictor's Service whose ports are about to change, so that no route names one that is gone.

The orchestrator of a predictor with one node can be switched off and on (annotation `seldon.io/no-engine`): its Service
then has the model's ports instead of the orchestrator's, and either way some pods do not listen where the Service says.
The node's own Service leads to the model in both cases. So the routes that are there lead to it first, then Service and
pods change, and once these are ready the routes lead to the predictor's Service again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seldon_core.kube import Object

_APP: Final = "seldon-app"
_NODE: Final = "seldon-app-svc-"
# What an object holds beside what the controller wrote.
_WRITTEN: Final = ("name", "namespace", "labels")


@dataclass(frozen=True)
class Move:
    """The Service of a predictor's only node, and which of its ports stands for which of the predictor's Service."""

    to: str
    ports: Mapping[int, int]


def moves(services: Sequence[Mapping[str, Any]], live: Callable[[str], Object | None]) -> dict[str, Move]:
    """The predictors' Services whose ports are about to change, where a node's own Service can stand in for them.

    Args:
        services: The rendered ones.
        live: Finds one that is there by its name.
    """
    found = {}
    for service in services:
        name = service["metadata"]["name"]
        there = live(name)
        if service["spec"].get("selector") != {_APP: name} or there is None:
            continue
        nodes = [each["metadata"]["name"] for each in services if _is_node_of(each, name)]
        node = live(nodes[0]) if len(nodes) == 1 else None
        if node is not None and _ports(service) != _ports(there):
            stands = _ports(node)
            pairs = {number: stands[kind] for kind, number in _ports(there).items() if kind in stands}
            found[name] = Move(nodes[0], pairs)
    return found


def led_round(route: Mapping[str, Any], moved: Mapping[str, Move]) -> Object:
    """What a live route is to say, without what the API server and others have added to it."""
    metadata = {key: route["metadata"][key] for key in _WRITTEN if key in route["metadata"]}
    spec = _rewritten(route["spec"], route["metadata"]["namespace"], moved)
    return {"apiVersion": route["apiVersion"], "kind": route["kind"], "metadata": metadata, "spec": spec}


def leads_to(route: Mapping[str, Any], moved: Mapping[str, Move]) -> bool:
    """Whether a route names one of these Services."""
    return bool(_rewritten(route["spec"], route["metadata"]["namespace"], moved) != route["spec"])


def _is_node_of(service: Mapping[str, Any], predictor: str) -> bool:
    selector = service["spec"].get("selector") or {}
    labels = service["metadata"].get("labels") or {}
    return labels.get(_APP) == predictor and any(key.startswith(_NODE) for key in selector)


def _ports(service: Mapping[str, Any]) -> dict[str, int]:
    return {port["name"]: int(port["port"]) for port in service["spec"].get("ports") or ()}


def _rewritten(value: Any, namespace: str, moved: Mapping[str, Move]) -> Any:
    """A part of a route: wherever it names a moved Service, the other one stands."""
    if isinstance(value, Mapping):
        renamed = _backend(value, moved) or _destination(value, namespace, moved)
        if renamed:
            return renamed
        rewritten = {key: _rewritten(each, namespace, moved) for key, each in value.items()}
        if "backendRefs" in rewritten:
            rewritten["backendRefs"] = list(_joined(rewritten["backendRefs"]))
        return rewritten
    if isinstance(value, str):
        return _address(value, namespace, moved)
    if isinstance(value, Sequence):
        return [_rewritten(each, namespace, moved) for each in value]
    return value


def _backend(value: Mapping[str, Any], moved: Mapping[str, Move]) -> Object | None:
    """A backend of a Gateway API route."""
    move = moved.get(str(value.get("name")))
    port = move.ports.get(value.get("port", 0)) if move and value.get("kind", "Service") == "Service" else None
    return {**value, "name": move.to, "port": port} if move and port else None


def _destination(value: Mapping[str, Any], namespace: str, moved: Mapping[str, Move]) -> Object | None:
    """A destination of a VirtualService; the other Service's is whole, so no subset of it is named."""
    service, _, domain = str(value.get("host", "")).partition(".")
    move = moved.get(service) if domain.partition(".")[0] == namespace else None
    port = move.ports.get((value.get("port") or {}).get("number", 0)) if move else None
    if move is None or port is None:
        return None
    kept = {key: each for key, each in value.items() if key != "subset"}
    return {**kept, "host": f"{move.to}.{domain}", "port": {"number": port}}


def _address(value: str, namespace: str, moved: Mapping[str, Move]) -> str:
    """An address as Ambassador's Mappings write it: `SERVICE.NAMESPACE:PORT`."""
    host, colon, port = value.rpartition(":")
    service, _, domain = host.partition(".")
    move = moved.get(service) if colon and domain == namespace else None
    number = move.ports.get(int(port)) if move and port.isdigit() else None
    return f"{move.to}.{namespace}:{number}" if move and number else value


def _joined(backends: Iterable[Object]) -> Iterator[Object]:
    """Backends that have become the same are one, with the weight of both."""
    joined: dict[tuple[str, int], Object] = {}
    for each in backends:
        key = (each["name"], each.get("port", 0))
        joined[key] = {**each, "weight": each.get("weight", 1) + joined.get(key, {"weight": 0})["weight"]}
    yield from joined.values()
