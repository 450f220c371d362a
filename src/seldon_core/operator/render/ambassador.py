"""Routes through Ambassador (Emissary): Mappings as objects, or, for Ambassador 1, as an annotation of Services.

Names, prefixes, headers and defaults are those of v1.17.1; source: specification 1.9 and 1.10. What a Mapping says is
the same in both forms, see `mappings`; here they become objects or text.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from seldon_core.api.shapes import Json

from . import annotations, labels, mappings
from .config import AmbassadorConfig
from .mappings import Mapping
from .routing import Backend, Routing

ANNOTATION: Final = "getambassador.io/config"
"""Where Ambassador 1 reads configuration from: an annotation of any Service."""

_CUSTOM: Final = "seldon.io/ambassador-config"
_OBJECTS_API: Final = "getambassador.io/v2"
_TEXT_API: Final = "ambassador/v1"
_CLUSTER_TAGS: Final = {"rest": "seldon_http", "grpc": "seldon_grpc"}


def objects(routing: Routing, config: AmbassadorConfig) -> list[Json]:
    """The Mappings of a SeldonDeployment and the TLSContexts that they name; none where annotations say it all."""
    if not config.as_objects or annotations.text(routing.sdep, _CUSTOM):
        return []
    contexts = [
        _object(routing, "TLSContext", mappings.tls_context(routing, one), {"secret": one.certificate})
        for one in routing.predictors
        if one.certificate
    ]
    return [*contexts, *(_mapping_object(routing, one) for one in mappings.of(routing, config))]


def service_annotations(routing: Routing, config: AmbassadorConfig) -> dict[str, str]:
    """Name of a Service to the value of its annotation `getambassador.io/config`.

    A configuration of the user's own stands for all that would be generated; it is written once, as the names in it
    must not be given twice.
    """
    if custom := annotations.text(routing.sdep, _CUSTOM):
        return {routing.serving[0].service: custom}
    if config.as_objects:
        return {}
    found = list(mappings.of(routing, config))
    return {
        backend.service: "".join(
            f"---\n{yaml.safe_dump(document, sort_keys=False)}" for document in _documents(routing, backend, found)
        )
        for backend in (*routing.predictors, *routing.explainers)
    }


def _documents(routing: Routing, backend: Backend, found: list[Mapping]) -> Iterator[dict[str, Any]]:
    for mapping in found:
        if mapping.backend is backend:
            spec = dict(mapping.spec)
            if identity := spec.pop("ambassador_id", None):
                spec["ambassador_id"] = identity[0]
            yield {"apiVersion": _TEXT_API, "kind": "Mapping", "name": mapping.text_name, **spec}
    if backend.certificate:
        yield {
            "apiVersion": _TEXT_API,
            "kind": "TLSContext",
            "name": mappings.tls_context(routing, backend),
            "hosts": [],
            "secret": backend.certificate,
        }


def _mapping_object(routing: Routing, mapping: Mapping) -> Json:
    return _object(
        routing, "Mapping", mapping.object_name, {"cluster_tag": _CLUSTER_TAGS[mapping.transport], **mapping.spec}
    )


def _object(routing: Routing, kind: str, name: str, spec: dict[str, Any]) -> Json:
    return {
        "apiVersion": _OBJECTS_API,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": routing.namespace,
            "labels": {labels.DEPLOYMENT_ID: routing.seldon_id},
        },
        "spec": spec,
    }
