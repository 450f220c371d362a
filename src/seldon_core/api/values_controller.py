"""Sections of the chart's values about the installation: the controller, its rights, its webhook, the definition.

Source of the keys: the values of Seldon Core's chart 1.17.1, names, types and meaning unchanged. Keys of our own come
in addition; their description starts with "New."
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from seldon_core import __version__

from .values_base import LOCAL_REGISTRY, TAG, Port, PullPolicy, Quantity, Section, doc


class Global(Section, frozen=True):
    """Settings for every image of the chart."""

    image_registry: Annotated[
        str,
        doc(
            "New. The registry that you pushed this project's images to. It takes the place of `localhost` "
            "in every image name that begins with it; other images stay as they are named. Empty: the images are on "
            "the nodes."
        ),
    ] = ""
    image_pull_secrets: Annotated[
        list[str | dict[str, str]],
        doc(
            "New. Pull secrets of the controller's pod, as `[{name: my-secret}]` or `[my-secret]`. Pods of "
            "models use those of their own service accounts; see modelDefaults.imagePullSecrets, too."
        ),
    ] = field(default_factory=list)


class ManagerImage(Section, frozen=True):
    """The controller's image: `<registry>/<repository>:<tag>`."""

    pull_policy: Annotated[PullPolicy, doc("When the node pulls it.")] = "IfNotPresent"
    registry: Annotated[str, doc("Registry. `localhost` means: see global.imageRegistry.")] = LOCAL_REGISTRY
    repository: Annotated[str, doc("Repository in the registry.")] = "seldon-core/operator"
    tag: Annotated[str, TAG] = __version__


class CertManager(Section, frozen=True):
    """The webhook's certificate. The controller is its own certificate authority and needs no cert-manager."""

    enabled: Annotated[
        bool,
        doc(
            "Take the webhook's certificate from cert-manager (`cert-manager.io/v1`), which must be installed: the "
            "chart makes its Issuers and Certificates, and the controller follows what they renew."
        ),
    ] = False


class Crd(Section, frozen=True):
    """The CustomResourceDefinition `seldondeployments.machinelearning.seldon.io`."""

    annotations: Annotated[dict[str, str], doc("Annotations in addition to the chart's own.")] = field(
        default_factory=dict
    )
    create: Annotated[
        bool,
        doc("Install and upgrade the definition with the chart. Uninstalling keeps it, and what you deployed."),
    ] = True
    force_v1: Annotated[bool, doc("Without effect: the definition is always apiextensions.k8s.io/v1.")] = False
    force_v1beta1: Annotated[
        bool, doc("Without effect: no Kubernetes that is supported knows v1beta1 definitions.")
    ] = field(default=False, name="forceV1beta1")


class ManagerRollout(Section, frozen=True):
    """How pods are replaced when the installation changes, not their SeldonDeployments."""

    max_concurrent: Annotated[
        int,
        Meta(ge=0),
        doc(
            "New. A new release or other values may change the pods of every SeldonDeployment. So many of them are "
            "replaced at a time, each until it is ready; 0: all at once. An edit of a SeldonDeployment never waits."
        ),
    ] = 5


class Manager(Section, frozen=True):
    """The controller's Deployment `seldon-controller-manager`."""

    affinity: Annotated[dict[str, Any], doc("New. Affinity of its pod.")] = field(default_factory=dict)
    annotations: Annotated[dict[str, str], doc("Annotations of its pod.")] = field(default_factory=dict)
    container_security_context: Annotated[
        dict[str, Any],
        doc("Merged over the container's security context, which meets Pod Security `restricted`."),
    ] = field(default_factory=dict)
    cpu_limit: Annotated[Quantity, doc("CPU limit.")] = "500m"
    cpu_request: Annotated[Quantity, doc("CPU request.")] = "100m"
    deployment_name_as_prefix: Annotated[
        bool,
        doc("A name over 63 characters is shortened to `<SeldonDeployment>-<hash>`, not to `seldon-<hash>`."),
    ] = False
    leader_election_id: Annotated[
        str,
        Meta(min_length=1),
        doc("Name of the Lease that the controller which does the work holds; others answer the webhook and wait."),
    ] = field(default="a33bd623.machinelearning.seldon.io", name="leaderElectionID")
    leader_election_lease_duration_secs: Annotated[
        int,
        Meta(ge=1),
        doc("How long others leave a Lease alone that is not renewed, seconds. Longer than the renew deadline."),
    ] = 15
    leader_election_renew_deadline_secs: Annotated[
        int,
        Meta(ge=1),
        doc("A leader that could not renew for so long stops working, seconds. Longer than the retry period."),
    ] = 10
    leader_election_resource_lock: Annotated[
        str | None,
        doc("Without effect: the lock is always a Lease, the only kind that Kubernetes still knows."),
    ] = None
    leader_election_retry_period_secs: Annotated[
        int, Meta(ge=1), doc("Time between two tries to take or to renew the Lease, seconds.")
    ] = 2
    log_level: Annotated[str, doc("DEBUG, INFO, WARNING or ERROR.")] = "INFO"
    memory_limit: Annotated[Quantity, doc("Memory limit.")] = "300Mi"
    memory_request: Annotated[Quantity, doc("Memory request.")] = "200Mi"
    node_selector: Annotated[dict[str, str], doc("New. Labels of the nodes that its pod may run on.")] = field(
        default_factory=dict
    )
    priority_class_name: Annotated[str | None, doc("Priority class of the pod.")] = None
    replicas: Annotated[
        int,
        Meta(ge=1),
        doc(
            "New. Pods of the controller: one of them works, all answer the webhook. More than one get a "
            "PodDisruptionBudget and are spread over nodes where that is possible."
        ),
    ] = 1
    rollout: ManagerRollout = field(default_factory=ManagerRollout)
    takeover: Annotated[
        Literal["keep", "roll"],
        doc(
            "New. What becomes of running pods that Seldon Core 1.17.1 or an older release made. `keep`: they stay "
            "until their SeldonDeployment is edited, or `seldonctl rollout` asks. `roll`: they are replaced, "
            "`manager.rollout.maxConcurrent` at a time."
        ),
    ] = "keep"
    tolerations: Annotated[list[dict[str, Any]], doc("New. Tolerations of its pod.")] = field(default_factory=list)
    topology_spread_constraints: Annotated[
        list[dict[str, Any]],
        doc("New. How its pods are spread. One without a `labelSelector` gets that of the controller's pods."),
    ] = field(default_factory=list)


class Metrics(Section, frozen=True):
    """Metrics and probes of the controller."""

    port: Annotated[Port, doc("Port of /metrics, /healthz and /readyz.")] = 8080


class RbacConfigmap(Section, frozen=True):
    """Reading what a model's service account names."""

    create: Annotated[bool, doc("Make the role by which the controller gets service accounts and their secrets.")] = (
        True
    )


class Rbac(Section, frozen=True):
    """Roles of the controller."""

    configmap: RbacConfigmap = field(default_factory=RbacConfigmap)
    create: Annotated[bool, doc("Make roles and bindings. `false`: you bring them.")] = True


class ServiceAccount(Section, frozen=True):
    """Service account of the controller."""

    create: Annotated[bool, doc("Make it. `false`: it is there already.")] = True
    name: Annotated[str, Meta(min_length=1), doc("Its name.")] = "seldon-manager"


class UsageMetrics(Section, frozen=True):
    """Reports to the makers of Seldon Core. Nothing is ever sent by this project."""

    enabled: Annotated[bool, doc("Without effect.")] = False


class Webhook(Section, frozen=True):
    """The validating webhook."""

    port: Annotated[Port, doc("Port of the controller's container that it answers on.")] = 4443
