"""Sections of the chart's values about the cluster around models: where pods run, and who may talk to whom.

Keys of our own: Seldon Core 1.17.1 has none of them.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import field

from .values_base import Port, Section, doc


class ModelDefaults(Section, frozen=True):
    """New. Where pods of SeldonDeployments run. What a componentSpec says itself wins, also where it is empty."""

    affinity: Annotated[dict[str, Any], doc("New. Affinity.")] = field(default_factory=dict)
    image_pull_secrets: Annotated[
        list[str | dict[str, str]],
        doc("New. Pull secrets, as `[{name: my-secret}]` or `[my-secret]`, in the SeldonDeployment's namespace."),
    ] = field(default_factory=list)
    node_selector: Annotated[dict[str, str], doc("New. Labels of the nodes that the pods may run on.")] = field(
        default_factory=dict
    )
    priority_class_name: Annotated[str, doc("New. Priority class.")] = ""
    tolerations: Annotated[list[dict[str, Any]], doc("New. Tolerations.")] = field(default_factory=list)
    topology_spread_constraints: Annotated[
        list[dict[str, Any]],
        doc("New. How the pods of a Deployment are spread. One without a `labelSelector` gets the Deployment's."),
    ] = field(default_factory=list)


class ModelPolicies(Section, frozen=True):
    """New. A NetworkPolicy for the pods of each SeldonDeployment, made by the controller."""

    egress: Annotated[
        list[dict[str, Any]],
        doc(
            "New. Rules of NetworkPolicies for what these pods may call. Empty: everything, because the chart cannot "
            "know where your models and loggers are. With rules, calls to the cluster's DNS and between the nodes of a "
            "graph are allowed, too."
        ),
    ] = field(default_factory=list)
    enabled: Annotated[
        bool,
        doc(
            "New. Let requests reach the ports alone that the SeldonDeployment's Services lead to, and the ports with "
            "metrics; between the nodes of a graph, everything."
        ),
    ] = False
    ingress_from: Annotated[
        list[dict[str, Any]],
        doc(
            "New. Peers of NetworkPolicies who may send requests and read metrics: your gateway's namespace, your "
            "Prometheus. Empty: everybody."
        ),
    ] = field(default_factory=list)


class NetworkPolicies(Section, frozen=True):
    """New. NetworkPolicies. Off by default: they take a network plugin that enforces them, and facts of a cluster."""

    enabled: Annotated[
        bool,
        doc(
            "New. A NetworkPolicy for the controller: the webhook and metrics in, DNS and the API server out, nothing "
            "else. The API server is no pod, and cannot be selected: so the webhook's port is open to all, and the "
            "controller may call any address on the API server's ports."
        ),
    ] = False
    api_server_ports: Annotated[
        list[Port], doc("New. Ports of the API server's addresses (`kubectl get endpoints kubernetes`).")
    ] = field(default_factory=lambda: [443, 6443])
    metrics_from: Annotated[
        list[dict[str, Any]],
        doc("New. Peers of NetworkPolicies who may read the controller's metrics. Empty: everybody."),
    ] = field(default_factory=list)
    models: ModelPolicies = field(default_factory=ModelPolicies)
