"""A call's answer that comes by a callback: as `later`, for handlers of gRPC."""

from collections.abc import Generator
from typing import Any

from .later import Promise
from .rpc import RpcAnswer, RpcError

Outcome = RpcAnswer | RpcError


class RpcLater(Promise[Outcome]):
    """Of an answer to a call, or of an error."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, RpcAnswer]:
        """The answer. Raises RpcError. A cancelled wait cancels the promise."""
        outcome = yield from super().__await__()
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome
