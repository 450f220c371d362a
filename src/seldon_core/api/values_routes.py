"""Sections of the chart's values about what is made beside the pods of models: routes of each gateway, and scaling.

Source of the keys: as in values_controller.py.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from .values_base import Section, doc


class Ambassador(Section, frozen=True):
    """Routes through Ambassador."""

    enabled: Annotated[bool, doc("Make Mappings for each SeldonDeployment.")] = False
    grpc_namespace_header: Annotated[
        bool,
        doc(
            "New. gRPC Mappings (`v2`) ask for the header `namespace`, too. `false`: SeldonDeployments of one name in "
            "several namespaces share their gRPC requests, as with Seldon Core 1.17.1. `true`: clients must send it."
        ),
    ] = False
    single_namespace: Annotated[bool, doc("Also make routes without the namespace in their path.")] = False
    version: Annotated[str, doc("`v1`: annotations on Services; `v2`: Mapping objects.")] = "v2"


class Gateway(Section, frozen=True):
    """Routes through the Gateway API."""

    enabled: Annotated[bool, doc("New. Make an HTTPRoute and a GRPCRoute for each SeldonDeployment.")] = False
    grpc_listener: Annotated[
        str,
        doc(
            "New. The Gateway's listener for GRPCRoutes. Empty: any. A gateway that keeps to the Gateway API takes, "
            "on one listener, HTTPRoutes or GRPCRoutes alone: name two of them there."
        ),
    ] = ""
    http_listener: Annotated[str, doc("New. The Gateway's listener for HTTPRoutes. Empty: any.")] = ""
    name: Annotated[str, Meta(min_length=1), doc("New. Name of the Gateway that the routes belong to.")] = (
        "seldon-gateway"
    )
    namespace: Annotated[str, doc("New. Namespace of the Gateway. Empty: each SeldonDeployment's own.")] = ""


class Istio(Section, frozen=True):
    """Routes through Istio."""

    enabled: Annotated[bool, doc("Make a VirtualService and DestinationRules for each SeldonDeployment.")] = False
    gateway: Annotated[str, doc("Gateway of the VirtualServices, `namespace/name`.")] = "istio-system/seldon-gateway"
    tls_mode: Annotated[str, doc("TLS mode of the DestinationRules, such as ISTIO_MUTUAL. Empty: none.")] = ""


class Keda(Section, frozen=True):
    """Scaling with KEDA."""

    enabled: Annotated[bool, doc("Make ScaledObjects for predictors with a `kedaSpec`.")] = False
