"""What a component answers in the Open Inference Protocol (v2). Knows nothing of HTTP and gRPC."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from seldon_core.executor import v2_steps
from seldon_core.user_model import SeldonNotImplementedError

from . import batching, infer
from .calls import Calls, Result, branch_of
from .component import Component, contained
from .errors import NOT_FOUND, MicroserviceError
from .infer import DEFAULT_OUTPUT, InferAnswer, InferRequest


class InferCalls:
    """The outputs of one loaded component. Its requests share threads with those of the Seldon protocol."""

    def __init__(
        self, component: Component, calls: Calls, pool: Executor, unit: str, metadata: Mapping[str, Any]
    ) -> None:
        self._component = component
        self._calls = calls
        self._unit = unit
        self.metadata = metadata
        """The component's metadata document."""
        self._outputs: Mapping[str, Callable[..., Any]] = component.v2_outputs() if component.v2_outputs else {}
        self._batchers = (
            {
                name: batching.Batcher(contained(call), pool, getattr(call, "quick_rows", 0))
                for name, call in self._outputs.items()
            }
            if component.batches
            else {}
        )

    @property
    def batches(self) -> bool:
        """Whether requests may be answered together."""
        return bool(self._batchers)

    @property
    def version(self) -> str:
        """The model's version, as answers tell it."""
        versions = self.metadata.get("versions") or [""]
        return str(versions[0])

    def check(self, model: str) -> None:
        """Raises MicroserviceError (404) where this is not the model of that name."""
        if self._unit and model != self._unit:
            raise MicroserviceError(f"Model {model} not found; this server has the model {self._unit}", 404, NOT_FOUND)

    async def infer(self, request: InferRequest) -> InferAnswer:
        """The wanted outputs. Raises MicroserviceError, or whatever the user's code raises."""
        if request.step == v2_steps.ROUTE:
            return InferAnswer(request.id, infer.tensors(v2_steps.ROUTE, [await self.route(request)]), {})
        if request.step == v2_steps.AGGREGATE:
            return await self._aggregated(request)
        features, names = infer.features(request.inputs)
        if not self._outputs:
            return await self._predicted(request, features, names)
        outputs = [
            tensor
            for name in request.outputs or (next(iter(self._outputs)),)
            for tensor in infer.tensors(name, await self._output(name, features, names))
        ]
        return InferAnswer(request.id, outputs, {})

    async def route(self, request: InferRequest) -> int:
        """The number of the chosen child. Raises what `infer` raises."""
        call = self._required(self._component.route, "route")
        features, names = infer.features(request.inputs)
        result = await self._calls.ask(call, features, names, meta={}, shape=branch_of)
        self._calls.recorded(result, "router")
        branch: int = result.data[0][0]
        return branch

    async def _aggregated(self, request: InferRequest) -> InferAnswer:
        call = self._required(self._component.aggregate, "aggregate")
        parts = [infer.features(part) for part in request.parts]
        features, names = [part[0] for part in parts], [part[1] for part in parts]
        result = await self._calls.ask(call, features, names, metas=[{} for _ in parts])
        self._calls.recorded(result, "aggregate")
        return _wanted(request, result)

    def _required(self, call: Callable[..., Any] | None, name: str) -> Callable[..., Any]:
        if call is None:
            raise MicroserviceError(f"{self._component.name} has no method {name}")
        return call

    def join(self, request: InferRequest, receiver: batching.Receiver) -> bool:
        """Have the receiver told the rows of the only output that is wanted, for `joined`. False where that cannot be.

        Raises MicroserviceError.
        """
        batcher = self._batchers.get(self._only(request))
        if batcher is None or request.step:
            return False
        features, names = infer.features(request.inputs)
        if not batching.fits(features):
            return False
        batcher.give(features, names, receiver)
        return True

    def joined(self, request: InferRequest, data: Any) -> InferAnswer:
        """The answer from those rows. Raises MicroserviceError."""
        return InferAnswer(request.id, infer.tensors(self._only(request), data), {})

    def _only(self, request: InferRequest) -> str:
        """The output that is wanted, where it is one."""
        if not request.outputs:
            return next(iter(self._outputs), "")
        return request.outputs[0] if len(request.outputs) == 1 else ""

    async def _output(self, name: str, features: Any, names: list[str]) -> Any:
        call = self._outputs.get(name)
        if call is None:
            raise _no_output(name, self._outputs)
        batcher = self._batchers.get(name)
        if batcher is not None and batching.fits(features):
            return await batcher.submit(features, names)
        return await self._calls.in_thread(call, features, names)

    async def _predicted(self, request: InferRequest, features: Any, names: list[str]) -> InferAnswer:
        """The answer of a class that names no outputs."""
        component = self._component
        call = component.predict or component.transform_input or component.transform_output

        missing = MicroserviceError(f"{component.name} has no method predict")
        if call is None:
            raise missing
        try:
            result = await self._calls.ask(call, features, names, meta={})
        except SeldonNotImplementedError as error:
            raise missing from error
        self._calls.recorded(result, "predict")
        return _wanted(request, result)


def _wanted(request: InferRequest, result: Result) -> InferAnswer:
    """What a call of the user's class gave, as far as the request asks for it. Raises MicroserviceError."""
    outputs = {tensor.name: tensor for tensor in infer.tensors(DEFAULT_OUTPUT, result.data)}
    if unknown := [name for name in request.outputs if name not in outputs]:
        raise _no_output(unknown[0], outputs)
    wanted = [outputs[name] for name in request.outputs] or list(outputs.values())
    tags = {key: value for key, value in result.tags.items() if isinstance(value, (bool, int, float, str))}
    return InferAnswer(request.id, wanted, tags)


def _no_output(name: str, known: Mapping[str, Any]) -> MicroserviceError:
    return MicroserviceError(f"The model has no output {name}; it has {', '.join(known)}")
