"""What the routes of a SeldonDeployment lead to, the same for every kind of gateway.

Backends are taken from the rendered Services, so that no route can name a Service or a port that is not there.
Source: specification 1.7 to 1.9.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from seldon_core.api import names
from seldon_core.api.shapes import Json

from . import annotations
from .scope import Named, Scope

_REST_TIMEOUT: Final = "seldon.io/rest-timeout"
_GRPC_TIMEOUT: Final = "seldon.io/grpc-timeout"
_VERSION: Final = "version"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A Service that requests are sent to.

    `http` and `grpc` are its ports, `grpc` 0 where it has none. `traffic` is the predictor's share in percent as it
    was written, 0 where it was not. `version` is that label of the pods behind the Service; `certificate` the secret
    that they serve TLS with, empty where they speak plain text.
    """

    predictor: str
    service: str
    http: int
    grpc: int
    traffic: int
    version: str
    certificate: str = ""


@dataclass(frozen=True, kw_only=True)
class Routing(Named):
    """All that is routed for one SeldonDeployment: who answers, who only gets copies, and the explainers."""

    serving: tuple[Backend, ...]
    shadow: Backend | None = None
    explainers: tuple[Backend, ...] = ()

    @property
    def predictors(self) -> tuple[Backend, ...]:
        """The predictors' Services, a shadow's last."""
        return self.serving + ((self.shadow,) if self.shadow else ())

    def weight(self, backend: Backend) -> int:
        """The share of a serving backend in percent; a predictor alone gets all of it."""
        return 100 if len(self.serving) == 1 else backend.traffic

    @property
    def rest_timeout(self) -> int | None:
        """How long a REST request may take, ms; None where it is not said. Raises RenderError."""
        return annotations.number(self.sdep, _REST_TIMEOUT)

    @property
    def grpc_timeout(self) -> int | None:
        """How long a gRPC request may take, ms: as REST where it is not said. Raises RenderError."""
        own = annotations.number(self.sdep, _GRPC_TIMEOUT)
        return self.rest_timeout if own is None else own


def routing(scopes: Sequence[Scope], services: Iterable[Json]) -> Routing:
    """The routing of the predictors of one SeldonDeployment. `services` are its rendered Services."""
    ports = {
        service["metadata"]["name"]: {port["name"]: int(port["port"]) for port in service["spec"]["ports"]}
        for service in services
    }
    predictors = [(scope, _backend(scope, scope.key, ports, scope.certificate)) for scope in scopes]
    return Routing(
        sdep=scopes[0].sdep,
        serving=tuple(backend for scope, backend in predictors if not scope.predictor.shadow),
        shadow=next((backend for scope, backend in predictors if scope.predictor.shadow), None),
        explainers=tuple(
            _backend(scope, name, ports)
            for scope in scopes
            if (explainer := scope.predictor.explainer)
            and explainer.type
            and (name := names.explainer(scope.name, scope.predictor.name)) in ports
        ),
    )


def _backend(scope: Scope, service: str, ports: dict[str, dict[str, int]], certificate: str = "") -> Backend:
    return Backend(
        predictor=scope.predictor.name,
        service=service,
        http=ports[service]["http"],
        grpc=ports[service].get("grpc", 0),
        traffic=scope.predictor.traffic,
        version=_version(scope),
        certificate=certificate,
    )


def _version(scope: Scope) -> str:
    """The label of the pods that get the predictor's requests: a componentSpec may have one of its own."""
    own = {} if scope.separate_engine else scope.predictor.component_specs[0].metadata.labels
    return own.get(_VERSION) or scope.predictor.labels[_VERSION]
