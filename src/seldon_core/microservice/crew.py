"""One worker process among others: the instance that it was forked with, its share of requests, its siblings."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from seldon_core.transport.messages import Handler, Request, Response
from seldon_core.transport.rpc import RpcAnswer, RpcHandler, RpcRequest

from . import component
from .siblings import Siblings


class Crew:
    """A worker's place. `addresses` are the sockets on which the workers tell their metrics.

    `instance` is the user's, made by the parent; `loaded`: its `load` has run there. After `limit` requests (0: never)
    `full` is called, once.
    """

    def __init__(
        self,
        instance: Any,
        *,
        loaded: bool,
        slot: int,
        addresses: Sequence[str],
        limit: int,
        full: Callable[[], None],
    ) -> None:
        self._instance = instance
        self._loaded = loaded
        self._slot = slot
        self._addresses = addresses
        self._left = limit
        self._full = full
        self.replaced = False
        """This worker has had its requests: where it is told to end, a successor serves."""

    def component(self, wait: Callable[[Any], Any]) -> component.Component:
        """The component, loaded. Raises StartError."""
        return component.Component(self._instance) if self._loaded else component.load(self._instance, wait)

    def siblings(self, exposition: Callable[[], bytes]) -> Siblings:
        """The others, for one answer of the metrics port."""
        return Siblings(self._addresses, self._slot, exposition)

    def handler(self, handler: Handler) -> Handler:
        """The same handler, its requests counted where they have to be."""
        if not self._left:
            return handler

        def counted(request: Request) -> Response | Awaitable[Response]:
            self._count()
            return handler(request)

        return counted

    def methods(self, methods: Mapping[str, RpcHandler]) -> Mapping[str, RpcHandler]:
        """The same for gRPC."""
        return {name: self._counted(one) for name, one in methods.items()} if self._left else methods

    def _counted(self, handler: RpcHandler) -> RpcHandler:
        async def counted(request: RpcRequest) -> RpcAnswer:
            self._count()
            return await handler(request)

        return counted

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.replaced = True
            self._full()
