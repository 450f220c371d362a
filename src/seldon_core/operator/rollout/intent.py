"""Tells whether a difference between two pod templates is about something that the user wrote.

Asked once of each pod template that a former controller made, when nothing is remembered of it yet. That controller may
have been stopped before it saw the last edit of the SeldonDeployment; such an edit must not be lost. What only the two
controllers see differently, such as their images and probes, is no edit. Where it cannot be told the answer is no:
pods stay, and a rollout can be asked for.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from seldon_core.api.defaulting import units
from seldon_core.api.types import SeldonDeployment
from seldon_core.operator.objects import keyedlists, takeover, templates
from seldon_core.operator.objects.compare import MISSING, Difference, Path

_POD = ("spec", "template", "spec")
_POD_ANNOTATIONS = ("spec", "template", "metadata", "annotations")
_POD_LABELS = ("spec", "template", "metadata", "labels")
_GRAPH = "ENGINE_PREDICTOR"
_PARAMETERS = "PREDICTIVE_UNIT_PARAMETERS"
_DROPPED = frozenset({"env", "ports"})
"""v1.17.1 loses some of what a user writes here (specification 1.4): that it is missing is no sign of an edit."""


def differs(sdep: SeldonDeployment, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the SeldonDeployment says something else than it said when the live template was made.

    Args:
        sdep: The SeldonDeployment as its user wrote it.
        wanted: What is rendered of it now.
        live: A Deployment that a former controller made.
    """
    words = _Words(sdep)
    before = takeover.taken_over(live, template=True)
    # The graph is told to an orchestrator's container, or to a server that does its work: it may have moved.
    if _graph(_told(wanted)) != _graph(_told(before)):
        return True
    return any(words.are_about(difference) for difference in templates.differences(wanted, before))


class _Words:
    """What a user wrote that goes into pods as it is."""

    def __init__(self, sdep: SeldonDeployment) -> None:
        predictors = sdep.spec.predictors
        components = [component for predictor in predictors for component in predictor.component_specs]
        graph = [unit for predictor in predictors for unit in units(predictor.graph)]
        self._pods = [component.spec for component in components]
        self._annotations = [sdep.spec.annotations, *(p.annotations for p in predictors)]
        self._labels = [p.labels for p in predictors]
        for component in components:
            self._annotations.append(component.metadata.annotations)
            self._labels.append(component.metadata.labels)
        self._graph_values = [value for unit in graph for value in (unit.model_uri, unit.env_secret_ref_name) if value]

    def are_about(self, difference: Difference) -> bool:
        path, wanted = difference.path, difference.wanted
        if wanted is MISSING or _says(difference.live, wanted):
            return False
        if path[:4] == _POD_ANNOTATIONS:
            return _are_in(self._annotations, path[4:], wanted)
        if path[:4] == _POD_LABELS:
            return _are_in(self._labels, path[4:], wanted)
        return path[:3] == _POD and self._are_about_pod(path[3:], difference)

    def _are_about_pod(self, path: Path, difference: Difference) -> bool:
        wanted, live = difference.wanted, difference.live
        if path[2:4] == ("env", (("name", _PARAMETERS),)):
            return bool(_parameters(wanted) != _parameters(live))
        if live is not MISSING and path[:1] == ("initContainers",) and wanted in self._graph_values:
            return True
        lost = live is MISSING and _DROPPED.intersection(step for step in path if isinstance(step, str))
        return not lost and _are_in(self._pods, path, wanted)


def _are_in(written: Iterable[Any], path: Path, wanted: Any) -> bool:
    return any(found == wanted for each in written for found in _at(each, path))


def _says(live: Any, wanted: Any) -> bool:
    """Whether a value is there, although in another form: given twice, or as a text."""
    return (isinstance(live, list) and wanted in live) or str(live) == str(wanted)


def _at(value: Any, path: Path) -> Iterator[Any]:
    """The value at a path of what a user wrote, if there is one."""
    for position, step in enumerate(path):
        if isinstance(step, tuple):
            keys = tuple(name for name, _ in step)
            for item in value if isinstance(value, list) else ():
                if keyedlists.key_of_item(item, keys) == step:
                    yield from _at(item, path[position + 1 :])
            return
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return
    yield value


def _told(deployment: Mapping[str, Any]) -> Any:
    """The text of the graph in a Deployment's pods, None where there is none."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or ()
    variables = (variable for container in containers for variable in container.get("env") or ())
    return next((variable.get("value") for variable in variables if variable["name"] == _GRAPH), None)


def _graph(text: Any) -> Any:
    """The part of an orchestrator's graph that says which nodes there are, None where it cannot be read."""
    try:
        return _node(msgspec.json.decode(base64.b64decode(text))["graph"])
    except (binascii.Error, msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _node(node: Mapping[str, Any]) -> Any:
    named = tuple(node.get(name) or "" for name in ("name", "implementation", "modelUri"))
    parameters = sorted((p.get("name", ""), str(p.get("value", ""))) for p in node.get("parameters") or ())
    return named, parameters, [_node(child) for child in node.get("children") or ()]


def _parameters(entry: Any) -> Any:
    """A server's parameters, but for the one that each controller adds; None where they cannot be read."""
    text: Any = entry.get("value") if isinstance(entry, Mapping) else entry
    try:
        given = [] if text is MISSING else msgspec.json.decode(text)
        return sorted((p["name"], str(p["value"])) for p in given if p["name"] != "model_uri")
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None
