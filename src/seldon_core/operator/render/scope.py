"""What every module of rendering is told: one predictor, defaulted, and all that decides about its objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from seldon_core.api import names
from seldon_core.api.defaulting import has_separate_engine, port_of, units
from seldon_core.api.servers import ServerImage
from seldon_core.api.shapes import Json
from seldon_core.api.types import ComponentSpec, PredictiveUnit, Predictor, SeldonDeployment
from seldon_core.api.validation import NO_ENGINE_ANNOTATION

from .config import OperatorConfig
from .facts import Facts


@dataclass(frozen=True, kw_only=True)
class Named:
    """Whatever belongs to one SeldonDeployment, and is called after it."""

    sdep: SeldonDeployment

    @property
    def name(self) -> str:
        """The SeldonDeployment's name."""
        return self.sdep.metadata.name

    @property
    def namespace(self) -> str:
        """The namespace that everything is made in."""
        return self.sdep.metadata.namespace

    @property
    def seldon_id(self) -> str:
        """The name of the SeldonDeployment's own routes, and the value of a label that all of its objects carry."""
        return names.seldon_id(self.name)


@dataclass(frozen=True, kw_only=True)
class Scope(Named):
    """One predictor of a SeldonDeployment. `written` is the predictor before defaults, `predictor` after them."""

    predictor: Predictor
    written: Predictor
    config: OperatorConfig
    facts: Facts

    @property
    def key(self) -> str:
        """Name of the predictor's Service, and value of the label that its pods are selected by."""
        return names.predictor_key(self.name, self.predictor)

    @property
    def protocol(self) -> str:
        """The payloads' protocol, never empty."""
        return self.sdep.spec.protocol or "seldon"

    @property
    def transport(self) -> str:
        """How the orchestrator calls the nodes, never empty."""
        return self.sdep.spec.transport or "rest"

    @property
    def path(self) -> str:
        """The predictor's place in the manifest."""
        place = [predictor.name for predictor in self.sdep.spec.predictors].index(self.predictor.name)
        return f"spec.predictors[{place}]"

    def first_number(self, own: int | None) -> int | None:
        """Replicas: those of the Deployment itself, or else the predictor's, or else the SeldonDeployment's."""
        given = (own, self.predictor.replicas, self.sdep.spec.replicas)
        return next((number for number in given if number is not None), None)

    @property
    def separate_engine(self) -> bool:
        """Whether the orchestrator has pods of its own."""
        return has_separate_engine(self.sdep) and not self.no_engine

    @property
    def no_engine(self) -> bool:
        """Whether requests go to the model without an orchestrator."""
        return self.predictor.annotations.get(NO_ENGINE_ANNOTATION) == "true"

    @property
    def certificate(self) -> str:
        """The secret with the certificate that the predictor's containers serve with; empty where they have none."""
        return self.predictor.ssl.cert_secret_name if self.predictor.ssl else ""

    @cached_property
    def nodes(self) -> dict[str, PredictiveUnit]:
        """The graph's nodes by name."""
        return {unit.name: unit for unit in units(self.predictor.graph)}

    @cached_property
    def _declared(self) -> dict[str, Json]:
        return {
            c["name"]: c for component in self.written.component_specs for c in component.spec.get("containers", ())
        }

    def deployment_name(self, index: int) -> str:
        """The name of the Deployment of `componentSpecs[index]`."""
        return names.deployment_name(
            self.name,
            self.predictor.name,
            index,
            self.predictor.component_specs[index],
            name_as_prefix=self.config.deployment_name_as_prefix,
        )

    def service_of(self, container: str) -> str:
        """The name of a node's own Service."""
        return names.container_service(self.name, self.predictor.name, container)

    def units_in(self, component: ComponentSpec) -> Iterator[tuple[Json, PredictiveUnit]]:
        """The containers of these pods that are nodes of the graph, with their nodes, in the containers' order."""
        for container in component.spec["containers"]:
            if unit := self.nodes.get(container["name"]):
                yield container, unit

    def is_injected(self, container: str) -> bool:
        """Whether the user declared no container of this name."""
        return container not in self._declared

    def is_declared(self, container: str, field: str) -> bool:
        """Whether the user's container of this name has the field."""
        return bool(self._declared.get(container, {}).get(field))

    def is_declared_port(self, container: str, name: str) -> bool:
        """Whether the user gave the container a port of this name."""
        return port_of(self._declared.get(container, {}), name) is not None

    def env_secret(self, given: str) -> str:
        """The secret with the environment that a model is fetched with: the given one, or the installation's."""
        return given or self.config.default_env_secret

    def server_image(self, unit: PredictiveUnit) -> ServerImage | None:
        """The image that a prepackaged unit got from `predictor_servers`; None where the user named one."""
        server = self.config.predictor_servers.get(unit.implementation)
        if server is None or self._declared.get(unit.name, {}).get("image"):
            return None
        return server.image(self.sdep.spec.protocol)

    def is_embedded(self, unit: PredictiveUnit) -> bool:
        """Whether the unit is served by an image of ours, whose health paths are known."""
        image = self.server_image(unit)
        return image is not None and image.embedded
