"""What each endpoint does: decode, call the user's class in a thread, encode. Knows nothing of HTTP and gRPC.

Source: specification 4 (user methods, meta, custom metrics) and 7.
"""

import asyncio
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import msgspec
import numpy as np
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from seldon_core.user_model import SeldonNotImplementedError, SeldonResponse

from . import batching
from .component import Component, contained
from .custom_metrics import CustomMetrics, checked, copied
from .errors import MicroserviceError
from .json_codec import JsonCodec
from .meta import MetaRules, puid_alone
from .payload import Codec, Payload, formed
from .proto_codec import ProtoCodec, plain_meta
from .settings import Settings

_EMPTY: tuple[()] = ()
# As metrics' label `method` names what was called.
_METHODS = {"predict": "predict", "transform_input": "inputtransform", "transform_output": "outputtransform"}
_JSON = JsonCodec()
_PROTO = ProtoCodec()


class Result(msgspec.Struct, frozen=True):
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
        self._health: asyncio.Future[Result] | None = None
        self._batcher: batching.Batcher | None = None
        raws = component.raw("predict", _JSON.raw) or component.raw("predict", _PROTO.raw)
        alone = component.tags is None and component.metrics is None and raws is None
        predict = component.predict
        if component.batches and alone and predict is not None and not inspect.iscoroutinefunction(predict):
            quick_rows = getattr(component.instance, "quick_rows", 0)
            self._batcher = batching.Batcher(contained(predict), pool, quick_rows)

    @property
    def batches(self) -> bool:
        """Whether predictions can be given to `join`."""
        return self._batcher is not None

    def join(self, decoded: Payload, receiver: batching.Receiver) -> bool:
        """Have the receiver told the data that `predict` gives, for `joined`. False for features that cannot join."""
        if self._batcher is None or not batching.fits(decoded.features):
            return False
        self._batcher.give(decoded.features, decoded.names, receiver)
        return True

    def joined(self, codec: Codec, decoded: Payload, data: Any) -> Any:
        """The answer, as a message. Raises MicroserviceError."""
        if type(data) is np.ndarray:
            shaped = formed(data, decoded.kind, self._component.class_names)
            return codec.encode(shaped, self._meta.of_answer((decoded.meta,), {}, _EMPTY))
        response = SeldonResponse.create(data)
        result = Result(response.data, response.tags, checked(response.metrics))
        return self._answer(codec, result, decoded.kind, [decoded.meta], "predict")

    async def predict(self, codec: Codec, message: Any) -> Any:
        """The model's answer, as a message. Raises MicroserviceError, or whatever the user's code raises."""
        if self._batcher is not None:
            decoded = codec.decode(message)
            if batching.fits(decoded.features):
                data = await self._batcher.submit(decoded.features, decoded.names)
                return self.joined(codec, decoded, data)
        return await self._message(codec, message, "predict", self._component.predict, otherwise=lambda _: [])

    async def transform_input(self, codec: Codec, message: Any) -> Any:
        """The transformed request; the request's data where the class does not transform."""
        return await self._message(codec, message, "transform_input", self._component.transform_input)

    async def transform_output(self, codec: Codec, message: Any) -> Any:
        """The transformed answer; the data as they are where the class does not transform."""
        return await self._message(codec, message, "transform_output", self._component.transform_output)

    async def _message(
        self,
        codec: Codec,
        message: Any,
        name: str,
        call: Callable[..., Any] | None,
        *,
        otherwise: Callable[[Any], Any] = lambda features: features,
    ) -> Any:
        method = _METHODS[name]
        if (answer := await self._raw(codec, name, message, method)) is not None:
            return answer
        decoded = codec.decode(message)

        if call is None:
            result = await self.in_thread(lambda: self.result(otherwise(decoded.features)))
        else:
            result = await self.ask(
                call,
                decoded.features,
                decoded.names,
                meta=decoded.meta,
                otherwise=lambda: otherwise(decoded.features),
            )
        return self._answer(codec, result, decoded.kind, [decoded.meta], method)

    async def route(self, codec: Codec, message: Any) -> Any:
        """The number of the chosen child, as a 1x1 array."""
        if (answer := await self._raw(codec, "route", message, "router")) is not None:
            return answer
        decoded = codec.decode(message)
        call = self._required(self._component.route, "route")
        result = await self.ask(call, decoded.features, decoded.names, meta=decoded.meta, shape=branch_of)
        return self._answer(codec, result, decoded.kind, [puid_alone(decoded.meta)], "router")

    async def aggregate(self, codec: Codec, message: Any) -> Any:
        """One message from several."""
        if (answer := await self._raw(codec, "aggregate", message, "aggregate")) is not None:
            return answer
        parts = [codec.decode(one) for one in codec.messages(message)]
        call = self._required(self._component.aggregate, "aggregate")
        features, names, metas = [p.features for p in parts], [p.names for p in parts], [p.meta for p in parts]
        result = await self.ask(call, features, names, metas=metas)
        return self._answer(codec, result, parts[0].kind, metas, "aggregate")

    async def feedback(self, feedback: prediction_pb2.Feedback) -> prediction_pb2.SeldonMessage:
        """Pass a reward on. As in v1.17.1 a feedback is protobuf on its way, also where it came over REST."""
        answer = await self._raw_feedback(feedback)
        if answer is not None:
            self._metrics.reward(feedback.reward)
            return answer  # type: ignore[no-any-return]  # the codec's whole() gives a message
        request, truth = _part(feedback.request), _part(feedback.truth)
        routing = feedback.response.meta.routing.get(self._settings.identity.unit)

        call = self._component.send_feedback or _nothing
        arguments = (request.features, request.names, feedback.reward, truth.features)
        result = await self.ask(call, *arguments, routing=routing, shape=lambda data: [] if data is None else data)
        self._metrics.reward(feedback.reward)
        return self._answer(_PROTO, result, request.kind, [puid_alone(request.meta)], "feedback")  # type: ignore[no-any-return]  # as above

    async def _raw_feedback(self, feedback: prediction_pb2.Feedback) -> Any:
        """`send_feedback_raw` takes protobuf, and the older `send_feedback_rest` a document."""
        older = self._component.raw("send_feedback", ("rest",))
        if older is not None:
            return _PROTO.whole(await self.in_thread(older, json_format.MessageToDict(feedback)))
        return await self._raw(_PROTO, "send_feedback", feedback, "feedback")

    async def passed(self, body: bytes) -> Any:
        """What `predict_raw` makes of a body that nobody has decoded. Raises MicroserviceError."""
        call = self._component.raw("predict", _JSON.raw)
        if call is None:
            raise MicroserviceError(
                f"PAYLOAD_PASSTHROUGH is set, and {self._component.name} has no method predict_raw that takes bytes"
            )
        return await self.in_thread(call, body)

    async def health_status(self) -> Any:
        """The component's own word on its health, as a JSON document. Raises what its method raises.

        One check serves all that ask while it runs: those of a component that hangs would pile up.
        """
        whole = self._component.raw("health_status", ("raw",), positional=0)
        if whole is not None:
            return _JSON.whole(await self.in_thread(whole, pool=self._health_pool))
        call = self._component.health_status
        if call is None:
            return self._answer(_JSON, Result(_healthy(), {}, _EMPTY), "", [], "health")
        if self._health is None or self._health.done():
            self._health = asyncio.ensure_future(self.ask(call, pool=self._health_pool, otherwise=_healthy))
        return self._answer(_JSON, await asyncio.shield(self._health), "", [], "health")

    # parts of all of them

    async def ask(
        self,
        call: Callable[..., Any],
        *arguments: Any,
        shape: Callable[[Any], Any] | None = None,
        otherwise: Callable[[], Any] | None = None,
        pool: Executor | None = None,
        **named: Any,
    ) -> Result:
        """What a method of the user's class gives: in a thread, or in the event loop where it is a coroutine function.

        `otherwise` is for a method that says that it is not implemented.
        """
        if inspect.iscoroutinefunction(call):
            try:
                data = await call(*arguments, **named)
            except SeldonNotImplementedError as error:
                data = _instead(error, otherwise)
            return self.result(data, shape)

        def work() -> Result:
            try:
                data = call(*arguments, **named)
            except SeldonNotImplementedError as error:
                data = _instead(error, otherwise)
            return self.result(data, shape)

        return await self.in_thread(work, pool=pool)  # type: ignore[no-any-return]  # what work gives

    def result(self, data: Any, shape: Callable[[Any], Any] | None = None) -> Result:
        """In the user's thread: the data with the tags and metrics of this moment."""
        response = SeldonResponse.create(data)
        tags = dict(_optional(self._component.tags) or {}) | response.tags
        metrics = [*(_optional(self._component.metrics) or ()), *response.metrics]
        plain = shape(response.data) if shape is not None else response.data
        return Result(plain, tags, checked(metrics) if metrics else _EMPTY)

    def recorded(self, result: Result, method: str) -> Sequence[Mapping[str, Any]]:
        """Count a result's metrics; gives those that its answer shows."""
        if not result.metrics:
            return _EMPTY
        self._metrics.record(result.metrics, method)
        return copied(result.metrics, method) if self._settings.metrics_in_answers else _EMPTY

    def _answer(
        self, codec: Codec, result: Result, kind: str, metas: Sequence[Mapping[str, Any] | None], method: str
    ) -> Any:
        shown = self.recorded(result, method)
        shaped = formed(result.data, kind, self._component.class_names)
        return codec.encode(shaped, self._meta.of_answer(metas, result.tags, shown))

    async def _raw(self, codec: Codec, name: str, message: Any, method: str) -> Any:
        """The answer of a method that takes the message whole; None where the class has none.

        The answer stays as it is; its metrics are counted all the same.
        """
        call = self._component.raw(name, codec.raw)
        if call is None:
            return None
        try:
            answer = codec.whole(await self.in_thread(call, message))
        except SeldonNotImplementedError:
            return None
        metrics = codec.metrics(answer)
        if metrics:
            self._metrics.record(checked(metrics), method)
            if not self._settings.metrics_in_answers:
                return codec.without_metrics(answer)
        return answer

    def _required(self, call: Callable[..., Any] | None, name: str) -> Callable[..., Any]:
        if call is None:
            raise MicroserviceError(f"{self._component.name} has no method {name}")
        return call

    async def in_thread(self, work: Callable[..., Any], *arguments: Any, pool: Executor | None = None) -> Any:
        """Run the user's code; a coroutine function in the event loop."""
        if inspect.iscoroutinefunction(work):
            return await work(*arguments)
        return await asyncio.get_running_loop().run_in_executor(pool or self._pool, contained(work), *arguments)


def _instead(error: SeldonNotImplementedError, otherwise: Callable[[], Any] | None) -> Any:
    """What stands for a method that says that it is not implemented. Raises MicroserviceError where nothing does."""
    if otherwise is None:
        raise MicroserviceError(str(error) or "The class does not implement this method") from error
    return otherwise()


def _healthy() -> str:
    """Of a component that says nothing of its health. Source: v1.17.1's Python package."""
    return "healthy"


def _nothing(*_: Any, **__: Any) -> None:
    """A component that does not learn."""


def _optional(call: Callable[[], Any] | None) -> Any:
    if call is None:
        return None
    try:
        return call()
    except SeldonNotImplementedError:
        return None


def branch_of(value: Any) -> list[list[int]]:
    """What `route` gave, as a 1x1 array. Raises MicroserviceError."""
    if isinstance(value, (bool, float, str)) or value is None:
        raise MicroserviceError(f"route must give an integer, and gave {value!r}")
    try:
        return [[operator.index(value)]]
    except TypeError:
        raise MicroserviceError(f"route must give an integer, and gave {type(value).__name__}") from None


def _part(message: prediction_pb2.SeldonMessage) -> Payload:
    """A message inside a feedback; one without data is an empty array, as in v1.17.1."""
    if message.WhichOneof("data_oneof"):
        return _PROTO.decode(message)
    return Payload("tensor", np.array([]), [], plain_meta(message.meta))
