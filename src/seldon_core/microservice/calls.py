"""What each endpoint does: decode, call the user's class in a thread, encode. Knows nothing of HTTP.

Source: specification 4 (user methods, meta, custom metrics) and 7.
"""

import asyncio
import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import msgspec
import numpy as np

from seldon_core.user_model import SeldonNotImplementedError, SeldonResponse

from . import batching, payload
from .component import Component, contained
from .custom_metrics import CustomMetrics, checked, copied
from .errors import MicroserviceError
from .meta import MetaRules
from .settings import Settings

_EMPTY: tuple[()] = ()


class _Result(msgspec.Struct, frozen=True):
    """What one call of the user's class gave."""

    data: Any
    tags: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]


class Calls:
    """The methods of one loaded component. `pool` runs them, `health_pool` health checks alone, so that none waits."""

    def __init__(
        self, component: Component, settings: Settings, metrics: CustomMetrics, pool: Executor, health_pool: Executor
    ) -> None:
        self._component = component
        self._settings = settings
        self._metrics = metrics
        self._meta = MetaRules(settings.identity)
        self._pool = pool
        self._health_pool = health_pool
        self._health: asyncio.Future[_Result] | None = None
        self._batcher: batching.Batcher | None = None
        alone = component.tags is None and component.metrics is None and component.raw("predict") is None
        predict = component.predict
        if component.batches and alone and predict is not None:
            self._batcher = batching.Batcher(contained(predict), pool)

    async def predict(self, message: Any) -> Any:
        """The model's answer, as a document. Raises MicroserviceError, or whatever the user's code raises."""
        if self._batcher is not None:
            decoded = payload.decode(message)
            if batching.fits(decoded.features):
                response = SeldonResponse.create(await self._batcher.submit(decoded.features, decoded.names))
                result = _Result(response.data, response.tags, checked(response.metrics))
                return self._document(result, decoded.kind, [decoded.meta], "predict")
        return await self._message("predict", self._component.predict, message, "predict", lambda _: [])

    async def transform_input(self, message: Any) -> Any:
        """The transformed request; the request's data where the class does not transform."""
        call = self._component.transform_input
        return await self._message("transform_input", call, message, "inputtransform", lambda features: features)

    async def transform_output(self, message: Any) -> Any:
        """The transformed answer; the data as they are where the class does not transform."""
        call = self._component.transform_output
        return await self._message("transform_output", call, message, "outputtransform", lambda features: features)

    async def _message(
        self, name: str, call: Callable[..., Any] | None, message: Any, method: str, otherwise: Callable[[Any], Any]
    ) -> Any:
        raw = self._component.raw(name)
        if raw is not None:
            return self._raw_answer(await self._in_thread(raw, message), method)
        decoded = payload.decode(message)

        def work() -> _Result:
            try:
                data = otherwise(decoded.features) if call is None else None
                if call is not None:
                    data = call(decoded.features, decoded.names, meta=decoded.meta)
            except SeldonNotImplementedError:
                data = otherwise(decoded.features)
            return self._result(data)

        result = await self._in_thread(work)
        return self._document(result, decoded.kind, [decoded.meta], method)

    async def route(self, message: Any) -> Any:
        """The number of the chosen child, as a 1x1 array."""
        raw = self._component.raw("route")
        if raw is not None:
            return self._raw_answer(await self._in_thread(raw, message), "router")
        decoded = payload.decode(message)
        call = self._required(self._component.route, "route")
        result = await self._in_thread(
            lambda: self._result(call(decoded.features, decoded.names, meta=decoded.meta), _branch)
        )
        return self._document(result, decoded.kind, [decoded.meta], "router")

    async def aggregate(self, message: Any) -> Any:
        """One message from several: a JSON list, or an object with `seldonMessages`."""
        raw = self._component.raw("aggregate")
        if raw is not None:
            return self._raw_answer(await self._in_thread(raw, message), "aggregate")
        messages = message.get("seldonMessages") if isinstance(message, dict) else message
        if not isinstance(messages, list) or not messages:
            raise MicroserviceError("Invalid request data type: /aggregate takes a list of messages, and got none")
        parts = [payload.decode(one) for one in messages]
        call = self._required(self._component.aggregate, "aggregate")
        features, names, metas = [p.features for p in parts], [p.names for p in parts], [p.meta for p in parts]
        result = await self._in_thread(lambda: self._result(call(features, names, metas=metas)))
        return self._document(result, parts[0].kind, metas, "aggregate")

    async def feedback(self, message: Any) -> Any:
        """Pass a reward on. As in v1.17.1 the numbers of this exchange are doubles."""
        raw = self._component.raw("send_feedback")
        if not isinstance(message, dict):
            raise MicroserviceError(f"Invalid request data type: {message!r}"[:300])
        reward = message.get("reward", 0.0)
        if isinstance(reward, bool) or not isinstance(reward, (int, float)):
            raise MicroserviceError(f"reward must be a number, and is {reward!r}"[:300])
        if raw is not None:
            answer = await self._in_thread(raw, message)
            self._metrics.reward(float(reward))
            return self._raw_answer(answer, "feedback")
        request = _part(message, "request")
        truth = _part(message, "truth")
        call = self._component.send_feedback
        routing = _routing(message, self._settings.identity.unit)

        def work() -> _Result:
            data = None
            if call is not None:
                features, names = (request.features, request.names) if request else (None, [])
                data = call(features, names, float(reward), truth.features if truth else None, routing=routing)
            return self._result([] if data is None else data)

        result = await self._in_thread(work)
        self._metrics.reward(float(reward))
        document = self._document(result, "ndarray", [request.meta if request else None], "feedback")
        return _as_doubles(document)

    async def health_status(self) -> Any:
        """The component's own word on its health. Raises what its method raises.

        One check serves all that ask while it runs: those of a component that hangs would pile up.
        """
        call = self._component.health_status
        if call is None:
            return self._document(_Result([], {}, _EMPTY), "", [], "health")
        if self._health is None or self._health.done():
            work = contained(lambda: self._result(call()))
            self._health = asyncio.get_running_loop().run_in_executor(self._health_pool, work)
        return self._document(await asyncio.shield(self._health), "", [], "health")

    # parts of all of them

    def _result(self, data: Any, shape: Callable[[Any], Any] | None = None) -> _Result:
        """In the user's thread: the data with the tags and metrics of this moment."""
        response = SeldonResponse.create(data)
        tags = dict(_optional(self._component.tags) or {}) | response.tags
        metrics = [*(_optional(self._component.metrics) or ()), *response.metrics]
        plain = shape(response.data) if shape is not None else response.data
        return _Result(plain, tags, checked(metrics) if metrics else _EMPTY)

    def _document(self, result: _Result, kind: str, metas: Sequence[Mapping[str, Any] | None], method: str) -> Any:
        shown: Sequence[Mapping[str, Any]] = _EMPTY
        if result.metrics:
            self._metrics.record(result.metrics, method)
            if self._settings.metrics_in_answers:
                shown = copied(result.metrics, method)
        document = payload.encode(result.data, kind, self._component.class_names)
        document["meta"] = self._meta.of_answer(metas, result.tags, shown)
        return document

    def _raw_answer(self, answer: Any, method: str) -> Any:
        """A raw method's document as it is; its metrics are counted all the same."""
        if not isinstance(answer, (dict, list)):
            raise MicroserviceError(f"A raw method must give a dictionary, and gave {type(answer).__name__}")
        meta = answer.get("meta") if isinstance(answer, dict) else None
        if isinstance(answer, dict) and isinstance(meta, dict) and (metrics := meta.get("metrics")):
            self._metrics.record(checked(metrics), method)
            if not self._settings.metrics_in_answers:
                return {**answer, "meta": {key: value for key, value in meta.items() if key != "metrics"}}
        return answer

    def _required(self, call: Callable[..., Any] | None, name: str) -> Callable[..., Any]:
        if call is None:
            raise MicroserviceError(f"{self._component.name} has no method {name}")
        return call

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, contained(work), *arguments)


def _optional(call: Callable[[], Any] | None) -> Any:
    if call is None:
        return None
    try:
        return call()
    except SeldonNotImplementedError:
        return None


def _branch(value: Any) -> list[list[int]]:
    if isinstance(value, (bool, float, str)) or value is None:
        raise MicroserviceError(f"route must give an integer, and gave {value!r}")
    try:
        return [[operator.index(value)]]
    except TypeError:
        raise MicroserviceError(f"route must give an integer, and gave {type(value).__name__}") from None


def _part(message: Mapping[str, Any], field: str) -> payload.Payload | None:
    """A message inside a feedback, its numbers as doubles; None where it carries no data."""
    part = message.get(field)
    if not isinstance(part, dict) or not payload.is_payload(part):
        return None
    decoded = payload.decode(part)
    features = decoded.features
    if isinstance(features, np.ndarray) and features.dtype.kind in "iu":
        features = features.astype(np.float64)
    return payload.Payload(decoded.kind, features, decoded.names, decoded.meta)


def _routing(message: Mapping[str, Any], unit: str) -> Any:
    value: Any = message
    for field in ("response", "meta", "routing", unit):
        value = value.get(field) if isinstance(value, dict) else None
    return value


def _as_doubles(document: dict[str, Any]) -> dict[str, Any]:
    """The form that this answer had on its way through protobuf: no default values, every number a double."""
    data = document.get("data")
    if isinstance(data, dict) and not data.get("names"):
        data.pop("names", None)
    meta = dict(document["meta"])
    for metric in meta.get("metrics", ()):
        metric["value"] = float(metric["value"])
        if metric["type"] == "COUNTER":
            del metric["type"]
    if "tags" in meta:
        meta["tags"] = {key: _double(value) for key, value in meta["tags"].items()}
    document["meta"] = meta
    return document


def _double(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dict):
        return {key: _double(item) for key, item in value.items()}
    return [_double(item) for item in value] if isinstance(value, list) else value
