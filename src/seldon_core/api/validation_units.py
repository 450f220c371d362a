"""The webhook's rules for the nodes of a graph. Source: specification 2."""

from collections.abc import Iterator, Mapping
from typing import Final

from . import model_uri, names
from .errors import FieldError
from .servers import PredictorServer
from .types import BUILT_IN, UNIT_TYPES, PredictiveUnit, Predictor, SeldonDeployment

_NOT_TENSORFLOW: Final = frozenset({"SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER"})
_MAY_LACK_MODEL_URI: Final = frozenset({"HUGGINGFACE_SERVER"})

PROTOCOLS: Final = ("", "seldon", "tensorflow", "kfserving", "v2")
Servers = Mapping[str, PredictorServer]


def unit_errors(
    sdep: SeldonDeployment, predictor: Predictor, unit: PredictiveUnit, path: str, servers: Servers
) -> Iterator[FieldError]:
    """Errors of a node and of those below it. Children are indexed on the graph itself: `graph[1][0]`."""
    images = {
        container["name"]: container.get("image", "")
        for component in predictor.component_specs
        for container in component.spec.get("containers", ())
    }
    return _node_errors(sdep, predictor, unit, path, servers, images)


def _node_errors(  # noqa: PLR0917  # a walk hands everything down
    sdep: SeldonDeployment,
    predictor: Predictor,
    unit: PredictiveUnit,
    path: str,
    servers: Servers,
    images: Mapping[str, str],
) -> Iterator[FieldError]:
    for message in _server_or_container_messages(unit, images, sdep.spec.protocol, servers):
        yield FieldError(path, unit.name, message)
    by_type = not unit.is_prepackaged and unit.implementation not in BUILT_IN
    if by_type and unit.type and unit.type not in UNIT_TYPES and not unit.methods:
        text = (
            "Predictive Unit has no implementation methods defined. Change to a known type or add what methods it "
            f"defines: known types are {', '.join(UNIT_TYPES)}"
        )
        yield FieldError(path, unit.name, text)
    if (reason := model_uri.hostile(unit.model_uri)) and not fetches_itself(predictor, unit):
        yield FieldError(path, unit.name, f"modelUri {reason}")
    if unit.logger and not unit.logger.mode:
        yield FieldError(path, "", "No logger mode specified: set logger.mode to all, request or response")
    for index, child in enumerate(unit.children):
        yield from _node_errors(sdep, predictor, child, f"{path}[{index}]", servers, images)


def _server_or_container_messages(
    unit: PredictiveUnit, images: Mapping[str, str], protocol: str, servers: Servers
) -> Iterator[str]:
    """What is wrong with the server of a unit, or else with its container. `images` are those of the containers."""
    if unit.is_prepackaged:
        yield from _server_messages(unit, protocol, servers)
        if not unit.name:
            yield "Predictive Unit has no name: set its name"
        elif unit.name not in images and not names.is_label(unit.name):
            yield f"Predictive Unit's name cannot be a container's: it {names.LABEL_RULE}"
    elif unit == PredictiveUnit():
        yield (
            "Can't find container for Predictive Unit: the graph is empty; set its name and implementation, and see "
            "that they are indented below graph"
        )
    elif unit.implementation not in BUILT_IN and unit.name not in images:
        yield (
            "Can't find container for Predictive Unit: add a container of that name under "
            "componentSpecs[].spec.containers, or set implementation to a prepackaged server"
        )
    elif unit.implementation not in BUILT_IN and not images[unit.name]:
        yield "Container of Predictive Unit has no image: set one, or an implementation"


def fetches_itself(predictor: Predictor, unit: PredictiveUnit) -> bool:
    """Whether an init container of the user's fetches the model, so that modelUri is given to no program."""
    name = names.initializer(unit.name)
    return any(
        container["name"] == name
        for component in predictor.component_specs
        for container in component.spec.get("initContainers", ())
    )


def _server_messages(unit: PredictiveUnit, protocol: str, servers: Servers) -> Iterator[str]:
    name = unit.implementation
    if not unit.model_uri and name not in _MAY_LACK_MODEL_URI:
        yield (
            "Predictive unit modelUri required when using standalone servers: set modelUri to the model's folder, "
            "for example s3://bucket/folder"
        )
    if protocol == "tensorflow" and name in _NOT_TENSORFLOW:
        yield f"Prepackaged server does not handle tensorflow protocol {name}"
    elif name not in servers:
        yield (
            f"No entry in predictors map for {name}: known are {names.join(servers)}; to add one of your own, "
            "add a row to predictor_servers in the ConfigMap seldon-config"
        )
    elif protocol in PROTOCOLS and servers[name].image(protocol) is None:
        yield (
            f"No entry in predictors map for {name} with protocol {protocol or 'seldon'}: it has "
            f"{names.join(servers[name].protocols)}; set spec.protocol, or add an image for the protocol "
            "to predictor_servers in the ConfigMap seldon-config"
        )
