"""Which program serves a node of the graph, and what follows from it. Source: specification 1.4."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from seldon_core.api.names import companion_container
from seldon_core.api.types import PredictiveUnit

from .scope import Scope

V2_PROTOCOLS: Final = frozenset({"v2", "kfserving"})
TENSORFLOW_SERVER: Final = "TENSORFLOW_SERVER"
TRITON_SERVER: Final = "TRITON_SERVER"
MODEL_FOLDER: Final = "/mnt/models"

_COMPANION: Final = "tfserving"
_FIRST_COMPANION_PORT: Final = 2000


class Kind(Enum):
    """The programs that differ in what they must be told."""

    OWN = auto()
    """The user's container, or a node that the orchestrator runs itself."""
    MICROSERVICE = auto()
    """A prepackaged server that reads its parameters from the environment."""
    TENSORFLOW_PROXY = auto()
    """A translator in front of TensorFlow Serving, which has a container of its own: the companion."""
    TENSORFLOW = auto()
    """TensorFlow Serving itself."""
    TRITON = auto()
    """NVIDIA Triton."""
    MLSERVER = auto()
    """MLServer, or a server of ours that reads what it reads, for all other prepackaged servers with v2."""


def of(scope: Scope, unit: PredictiveUnit) -> Kind:
    """The kind of program behind a node; a server that the user added to `predictor_servers` counts like ours."""
    if not unit.is_prepackaged:
        return Kind.OWN
    if unit.implementation == TENSORFLOW_SERVER:
        return Kind.TENSORFLOW if scope.protocol == "tensorflow" else Kind.TENSORFLOW_PROXY
    if unit.implementation == TRITON_SERVER:
        return Kind.TRITON
    return Kind.MLSERVER if scope.protocol in V2_PROTOCOLS else Kind.MICROSERVICE


@dataclass(frozen=True)
class Companion:
    """The container of TensorFlow Serving behind a proxy, and the ports that it opens inside the pod."""

    container: str
    grpc_port: int
    http_port: int


def companion(scope: Scope, unit: PredictiveUnit) -> Companion:
    """The companion of a node that is a TENSORFLOW_PROXY.

    Deviation: v1.17.1 gives all such nodes of a pod one companion, which serves the first one's model.
    """
    pods = [[node for _, node in scope.units_in(component)] for component in scope.predictor.component_specs]
    neighbours = next(nodes for nodes in pods if unit.name in {node.name for node in nodes})
    position = [node.name for node in neighbours if of(scope, node) is Kind.TENSORFLOW_PROXY].index(unit.name)
    first = position == 0 and _COMPANION not in scope.nodes
    port = _FIRST_COMPANION_PORT + 2 * position
    return Companion(_COMPANION if first else companion_container(unit.name), port, port + 1)
