"""The executor's paths over REST, in each protocol. Source: specification 3 (paths)."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from seldon_core.transport.messages import Request

from .message import Message

PREDICTIONS = "predictions"
"""What metrics call them."""
READS = frozenset({"GET", "HEAD"})
_WRITES = frozenset({"POST"})
_TO_READ = "GET,OPTIONS"
_TO_WRITE = "OPTIONS,POST"

Action = Callable[[Request, str, str], Awaitable[Message | None]]
"""From a request, its puid and the model named in its path to the answer; None for an empty one."""


class Route(msgspec.Struct, frozen=True):
    """One path: what metrics call it ("" for no metrics), its methods, and what it does."""

    service: str
    methods: frozenset[str]
    allowed: str
    act: Action


class Actions(msgspec.Struct, frozen=True, kw_only=True):
    """What the paths do."""

    predict: Action
    feedback: Action
    model_status: Action
    model_metadata: Action
    graph_metadata: Action
    server_metadata: Action
    ready: Action
    live: Action


class Routes:
    """The paths of one protocol. `exact` are whole paths, `named` those with a model's name in them, as {}."""

    def __init__(
        self,
        exact: Mapping[str, Route],
        named: Mapping[str, Route],
        template: Callable[[str], tuple[str, str]],
    ) -> None:
        self._exact = exact
        self._named = named
        self._template = template

    def find(self, path: str) -> tuple[Route | None, str]:
        """The route of a path, and the model's name in it."""
        route = self._exact.get(path)
        if route is not None:
            return route, ""
        template, model = self._template(path)
        return (self._named.get(template) if model else None), model


def of(protocol: str, actions: Actions) -> Routes:
    """All paths of an executor of that protocol."""
    probes = {"/ready": Route("", READS, "", actions.ready), "/live": Route("", READS, "", actions.live)}
    make = {"v2": _v2, "tensorflow": _tensorflow}.get(protocol, _seldon)
    return make(probes, actions)


def _seldon(probes: Mapping[str, Route], actions: Actions) -> Routes:
    ready = Route("", READS, _TO_READ, actions.ready)
    exact = {
        **probes,
        "/api/v1.0/status": ready,
        "/api/v1.0/health/status": ready,
        "/api/v1.0/metadata": Route("metadata", READS, _TO_READ, actions.graph_metadata),
    }
    named: dict[str, Route] = {}
    for version in ("v0.1", "v1.0"):
        exact[f"/api/{version}/predictions"] = Route(PREDICTIONS, _WRITES, _TO_WRITE, actions.predict)
        exact[f"/api/{version}/feedback"] = Route("feedback", _WRITES, _TO_WRITE, actions.feedback)
        named[f"/api/{version}/status/{{}}"] = Route("status", READS, _TO_READ, actions.model_status)
        named[f"/api/{version}/metadata/{{}}"] = Route("metadata", READS, _TO_READ, actions.model_metadata)
    return Routes(exact, named, _last)


def _v2(probes: Mapping[str, Route], actions: Actions) -> Routes:
    predictions = Route(PREDICTIONS, _WRITES, _TO_WRITE, actions.predict)
    exact = {
        **probes,
        "/v2/models/infer": predictions,
        "/v2/health/ready": Route("", READS, _TO_READ, actions.ready),
        "/v2/health/live": Route("", READS, _TO_READ, actions.live),
        "/v2": Route("metadata", READS, _TO_READ, actions.server_metadata),
    }
    named = {
        "/v2/models/{}/infer": predictions,
        "/v2/models/{}/ready": Route("status", READS, _TO_READ, actions.model_status),
        "/v2/models/{}": Route("metadata", READS, _TO_READ, actions.model_metadata),
    }
    return Routes(exact, named, lambda path: _after("/v2/models/", path))


def _tensorflow(probes: Mapping[str, Route], actions: Actions) -> Routes:
    predictions = Route(PREDICTIONS, _WRITES, _TO_WRITE, actions.predict)
    exact = {
        **probes,
        "/v1/models:predict": predictions,
        "/v1/models/:predict": predictions,
        "/api/v1.0/feedback": Route("feedback", _WRITES, _TO_WRITE, actions.feedback),
    }
    named = {
        "/v1/models/{}:predict": predictions,
        "/v1/models/{}/:predict": predictions,
        "/v1/models/{}": Route("status", READS, _TO_READ, actions.model_status),
        "/v1/models/{}/metadata": Route("metadata", READS, _TO_READ, actions.model_metadata),
    }
    return Routes(exact, named, _of_tensorflow)


def _last(path: str) -> tuple[str, str]:
    folder, _, model = path.rpartition("/")
    return f"{folder}/{{}}", model


def _after(prefix: str, path: str) -> tuple[str, str]:
    if not path.startswith(prefix):
        return path, ""
    model, slash, rest = path.removeprefix(prefix).partition("/")
    return f"{prefix}{{}}{slash}{rest}", model


def _of_tensorflow(path: str) -> tuple[str, str]:
    plain = path.removesuffix(":predict")
    template, model = _after("/v1/models/", plain)
    return f"{template}{path[len(plain) :]}", model
