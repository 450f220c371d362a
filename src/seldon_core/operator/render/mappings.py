"""What Ambassador's Mappings of a SeldonDeployment say, whether they become objects or text.

Source: specification 1.9 and 1.10.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from seldon_core.api.types import SeldonDeployment

from . import annotations
from .config import AmbassadorConfig
from .errors import RenderError
from .routing import Backend, Routing

_SERVICE_NAME: Final = "seldon.io/ambassador-service-name"
_HEADER: Final = "seldon.io/ambassador-header"
_REGEX_HEADER: Final = "seldon.io/ambassador-regex-header"
_ID: Final = "seldon.io/ambassador-id"
_RETRIES: Final = "seldon.io/ambassador-retries"
_CIRCUIT_BREAKERS: Final = "seldon.io/ambassador-circuit-breakers-"
_LIMITS: Final = ("max-connections", "max-pending-requests", "max-requests", "max-retries")
_GRPC_PREFIX: Final = "/(seldon.protos.*|tensorflow.serving.*|inference.*)/.*"
_TIMEOUT_MS: Final = 3000
# Ambassador ends a connection on which nothing is sent for so long: a longer request needs a longer patience.
_IDLE_MS: Final = 300_000
_LONGEST_NAME: Final = 253

Transport = Literal["rest", "grpc"]
Headers = dict[str, str | bool]


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """One Mapping: its names as an object and as text, the backend that it leads to, and what it says."""

    transport: Transport
    backend: Backend
    object_name: str
    text_name: str
    spec: dict[str, Any]


def of(routing: Routing, config: AmbassadorConfig) -> Iterator[Mapping]:
    """The Mappings of a SeldonDeployment: REST and gRPC of each predictor, REST of each explainer.

    With value `ambassador.singleNamespace` each comes a second time, without the namespace in its path or headers.
    """
    for backend in (*routing.predictors, *routing.explainers):
        explains = backend in routing.explainers
        for with_namespace in (True, False) if config.single_namespace else (True,):
            yield _mapping(routing, config, backend, "rest", explains=explains, with_namespace=with_namespace)
            if not explains:
                yield _mapping(routing, config, backend, "grpc", explains=False, with_namespace=with_namespace)


def tls_context(routing: Routing, backend: Backend) -> str:
    """The name of the TLSContext by which Ambassador speaks TLS to a predictor."""
    return _legal(f"seldon-{routing.namespace}-{routing.name}-{backend.predictor}-tls")


def headers_of(sdep: SeldonDeployment, name: str) -> Headers:
    """The headers that an annotation asks for: `name: value`, several with another colon between them.

    A name alone means that the header must be there. Raises RenderError.
    """
    parts = [part.strip() for part in annotations.text(sdep, name).split(":")]
    if parts == [""]:
        return {}
    if len(parts) == 1:
        return {parts[0]: True}
    if len(parts) % 2 or not all(parts[::2]):
        raise RenderError(f'annotation {name}: "{":".join(parts)}" is no header; write it as `name: value`.')
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _mapping(
    routing: Routing,
    config: AmbassadorConfig,
    backend: Backend,
    transport: Transport,
    *,
    explains: bool,
    with_namespace: bool,
) -> Mapping:
    place = [routing.namespace] if with_namespace else []
    core = f"{backend.predictor}-explainer" if explains else backend.predictor
    public = annotations.text(routing.sdep, _SERVICE_NAME, routing.name)
    if transport == "rest":
        path = f"{public}-explainer/{backend.predictor}" if explains else public
        spec = _rest(routing, backend, "/".join(["/seldon", *place, path, ""]))
    else:
        headers: Headers = {"seldon": public}
        if with_namespace and config.asks_for_namespace:
            headers["namespace"] = routing.namespace
        spec = _grpc(routing, backend, headers)
    return Mapping(
        transport=transport,
        backend=backend,
        object_name=_legal("-".join(["seldon", *place, routing.name, core, transport])),
        text_name="_".join(["seldon", *place, routing.name, core, transport, "mapping"]),
        spec=spec | _common(routing, backend, explains=explains),
    )


def _rest(routing: Routing, backend: Backend, prefix: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"prefix": prefix, "rewrite": "/", "service": _address(routing, backend, backend.http)}
    if headers := headers_of(routing.sdep, _HEADER):
        spec["headers"] = headers
    return spec | _timeouts(routing.rest_timeout)


def _grpc(routing: Routing, backend: Backend, headers: Headers) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "grpc": True,
        "prefix": _GRPC_PREFIX,
        "prefix_regex": True,
        "rewrite": "",
        "service": _address(routing, backend, backend.grpc),
        "headers": headers | headers_of(routing.sdep, _HEADER),
    }
    return spec | _timeouts(routing.grpc_timeout)


def _address(routing: Routing, backend: Backend, port: int) -> str:
    return f"{backend.service}.{routing.namespace}:{port}"


def _timeouts(given: int | None) -> dict[str, int]:
    timeout = _TIMEOUT_MS if given is None else given
    return {"timeout_ms": timeout} | ({"idle_timeout_ms": timeout} if timeout > _IDLE_MS else {})


def _common(routing: Routing, backend: Backend, *, explains: bool) -> dict[str, Any]:
    sdep = routing.sdep
    spec: dict[str, Any] = {}
    if regex_headers := headers_of(sdep, _REGEX_HEADER):
        spec["regex_headers"] = {name: ".*" if value is True else value for name, value in regex_headers.items()}
    if not explains:
        spec |= _share(routing, backend)
    if retries := annotations.number(sdep, _RETRIES):
        spec["retry_policy"] = {"retry_on": "gateway-error", "num_retries": retries}
    if identity := annotations.text(sdep, _ID):
        spec["ambassador_id"] = [identity]
    limits = {limit.replace("-", "_"): annotations.number(sdep, f"{_CIRCUIT_BREAKERS}{limit}") for limit in _LIMITS}
    if given := {limit: value for limit, value in limits.items() if value is not None}:
        spec["circuit_breakers"] = [given]
    if backend.certificate:
        spec["tls"] = tls_context(routing, backend)
    return spec


def _share(routing: Routing, backend: Backend) -> dict[str, Any]:
    """Weights of all but the first predictor, which gets what is left; a shadow without one gets copies of all."""
    if backend is routing.shadow:
        return {"shadow": True} | ({"weight": backend.traffic} if backend.traffic else {})
    return {} if backend is routing.serving[0] else {"weight": backend.traffic}


def _legal(name: str) -> str:
    """A name of an object; MD5 takes its place where it is too long or has characters that no name may have."""
    # A predictor's name is in no other object's name where annotation `seldon.io/svc-name` names its Service.
    fits = len(name) <= _LONGEST_NAME and all(c.isascii() and (c.islower() or c.isdigit() or c in "-.") for c in name)
    return name if fits else f"seldon-{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"
