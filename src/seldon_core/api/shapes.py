"""The parts of Kubernetes' own types that rendering reads.

Values of these types stay plain JSON, so that every field of every Kubernetes release passes through untouched; the
shapes say which of their fields must have the right type. `decode` checks by them, `crd` writes them into the schema.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Json = dict[str, Any]


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all shapes share: camelCase on the wire, defaults left out when written."""


class Mount(Struct, frozen=True):
    """The fields of a volume mount that rendering reads."""

    name: Annotated[str, Meta(extra={"required": True})]
    mount_path: str = ""


class EnvVar(Struct, frozen=True):
    """The fields of an environment variable that rendering reads."""

    name: Annotated[str, Meta(extra={"required": True})]
    value: str = ""


class ContainerPort(Struct, frozen=True):
    """The fields of a container's port that rendering reads."""

    container_port: Annotated[int, Meta(ge=1, le=65535, extra={"required": True})]
    name: str = ""


class ContainerShape(Struct, frozen=True):
    """The fields of a container that rendering reads; all others pass through."""

    name: Annotated[str, Meta(extra={"required": True})]
    image: str = ""
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    volume_mounts: tuple[Mount, ...] = ()
    resources: Json = msgspec.field(default_factory=dict)
    security_context: Json = msgspec.field(default_factory=dict)


class NamedShape(Struct, frozen=True):
    """Anything in a pod that has a name, such as a volume."""

    name: Annotated[str, Meta(extra={"required": True})]


class PodShape(Struct, frozen=True):
    """The fields of a pod spec that rendering reads; all others pass through."""

    containers: Annotated[tuple[ContainerShape, ...], Meta(extra={"required": True})]
    init_containers: tuple[ContainerShape, ...] = ()
    volumes: tuple[NamedShape, ...] = ()
    service_account_name: str = ""
    automount_service_account_token: bool | None = None
    security_context: Json = msgspec.field(default_factory=dict)
    termination_grace_period_seconds: int | None = None


class TriggersShape(Struct, frozen=True):
    """The fields of a KEDA ScaledObject spec that rendering reads; all others pass through."""

    triggers: Annotated[tuple[Json, ...], Meta(extra={"required": True})]
    scale_target_ref: Json = msgspec.field(default_factory=dict)


class MetricShape(Struct, frozen=True):
    """The field of an autoscaler's metric that rendering reads; what is measured passes through, or is converted."""

    type: Annotated[str, Meta(extra={"required": True})]


class HpaShape(Struct, frozen=True):
    """The fields of an autoscaler's spec that rendering reads; all others, such as `behavior`, pass through."""

    max_replicas: Annotated[int, Meta(extra={"required": True})]
    min_replicas: int | None = None
    metrics: Annotated[tuple[MetricShape, ...], Meta(description="In the shape of autoscaling/v2beta1.")] = ()
    metricsv2: Annotated[tuple[MetricShape, ...], Meta(description="In the shape of autoscaling/v2.")] = ()


PodSpec = Annotated[Json, Meta(description="A Kubernetes pod spec, kept as written.", extra={"shape": PodShape})]
Container = Annotated[Json, Meta(extra={"shape": ContainerShape})]
EnvEntry = Annotated[Json, Meta(extra={"shape": EnvVar})]
