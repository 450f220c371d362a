"""Services of pods that are held as they are: they keep leading to the ports on which these pods listen.

Other values, such as `executor.port`, change the ports of pods and of Services together. Where the pods wait, the
Services do, and the routes that name their ports.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from seldon_core.kube import Object
from seldon_core.kube.resources import SERVICES
from seldon_core.operator.objects.kinds import owned_resource
from seldon_core.operator.render import Rendered

Json = dict[str, Any]

_OF_A_PORT = ("name", "port", "targetPort", "protocol", "appProtocol")
_ADDRESS = ("port", "targetPort")


def with_held_services(
    rendered: Rendered,
    pairs: Iterable[tuple[Mapping[str, Any], Object | None]],
    held: Container[str],
    live: Callable[[str], Object | None],
) -> tuple[Rendered, bool]:
    """What is wanted as long as some pods are held.

    Args:
        rendered: What is wanted.
        pairs: Each rendered Deployment, with the live one, None where there is none.
        held: Names of those whose pods stay as they are.
        live: Finds a Service that is there by its name.

    Returns:
        The same with Services that lead to held pods as they do now; and whether there are such that would change.
    """
    pods = [
        there["spec"]["template"]["metadata"].get("labels") or {}
        for wanted, there in pairs
        if there is not None and wanted["metadata"]["name"] in held
    ]
    objects = tuple(_held(each, pods, live) if pods else each for each in rendered.objects)
    return replace(rendered, objects=objects), any(o is not r for o, r in zip(objects, rendered.objects, strict=True))


def _held(manifest: Json, pods: Iterable[Mapping[str, str]], live: Callable[[str], Object | None]) -> Json:
    there = live(manifest["metadata"]["name"]) if owned_resource(manifest) == SERVICES else None
    if there is None:
        return manifest
    selector = there["spec"].get("selector") or {}
    if not selector or not any(selector.items() <= labels.items() for labels in pods):
        return manifest
    now, wanted = there["spec"], manifest["spec"]
    if selector == wanted.get("selector") and _addresses(now) == _addresses(wanted):
        return manifest
    ports = [{name: port[name] for name in _OF_A_PORT if name in port} for port in now["ports"]]
    return {**manifest, "spec": {**wanted, "ports": ports, "selector": selector}}


def _addresses(spec: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    # A port leads to the same number where nothing else is said.
    return {tuple(port.get(name, port["port"]) for name in _ADDRESS) for port in spec["ports"]}
