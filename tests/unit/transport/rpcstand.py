"""Handlers that tests of the gRPC server share."""

from seldon_core.transport.rpc import RpcAnswer, RpcRequest


async def echo(request: RpcRequest) -> RpcAnswer:
    return RpcAnswer(request.body)


async def yes() -> bool:
    return True
