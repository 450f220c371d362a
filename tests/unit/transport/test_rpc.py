"""gRPC over real sockets: statuses, metadata, limits, health, reflection, and the orderly end."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import h2.events
import pytest
from google.protobuf import descriptor_pool
from grpc import aio
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_health import serving
from seldon_core.transport.rpc_later import RpcLater
from seldon_core.transport.rpc_server import RpcServer
from tests.unit.transport.h2peer import connected, message
from tests.unit.transport.rpcstand import echo, yes
from tests.unit.transport.stand import until

pytestmark = pytest.mark.asyncio
METHOD = "/seldon.protos.Model/Predict"
HEALTH = "/grpc.health.v1.Health"


@asynccontextmanager
async def running(handler: Any = echo, ready: Any = yes, **more: Any) -> AsyncIterator[tuple[RpcServer, RpcPool]]:
    server = RpcServer({METHOD: handler}, ready=ready, name="test", **more)
    await server.start("127.0.0.1", 0)
    pool = RpcPool()
    try:
        yield server, pool
    finally:
        await pool.close()
        await server.drain(0)


def call(server: RpcServer, pool: RpcPool, body: bytes = b"", **more: Any) -> Any:
    return pool.call("127.0.0.1", server.port, more.pop("method", METHOD), body, **more)


async def test_bytes_go_there_and_back_untouched() -> None:
    async with running() as (server, pool):
        for body in (b"", b"\x00\xff", b"x" * 5_000_000):
            assert await call(server, pool, body) == body


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
async def test_a_handler_s_status_and_text_reach_the_caller(status: Status) -> None:
    async def refuse(_: RpcRequest) -> RpcAnswer:
        raise RpcError(status, "what is wrong: ü")

    async with running(refuse) as (server, pool):
        with pytest.raises(RpcError) as caught:
            await call(server, pool)
        text = "context deadline exceeded" if status is Status.DEADLINE_EXCEEDED else "what is wrong: ü"
        assert (caught.value.status, caught.value.text) == (status, text)


async def test_an_unexpected_failure_costs_its_call_alone_and_shows_nothing_inner(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def crash(request: RpcRequest) -> RpcAnswer:
        if request.body == b"bad":
            raise ValueError("a secret")
        return RpcAnswer(b"good")

    async with running(crash) as (server, pool):
        good = asyncio.gather(*(call(server, pool) for _ in range(10)))
        with pytest.raises(RpcError) as caught:
            await call(server, pool, b"bad")
        assert await good == [b"good"] * 10
    assert caught.value.status is Status.INTERNAL
    assert "secret" not in caught.value.text
    assert "a secret" in caplog.text


async def test_metadata_goes_both_ways_also_with_an_error() -> None:
    seen: list[Any] = []

    async def handle(request: RpcRequest) -> RpcAnswer:
        seen.append((request.method, request.get("puid"), dict(request.metadata)["raw-bin"]))
        assert request.get("nobody") is None
        if request.body:
            raise RpcError(Status.ABORTED, "no", (("puid", "error"),))
        return RpcAnswer(b"", (("puid", "answer"),))

    async with running(handle) as (server, _), aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for body, expected in ((b"", "answer"), (b"x", "error")):
            made = channel.unary_unary(METHOD)(body, metadata=(("puid", "mine"), ("raw-bin", b"\x00\x01")))
            assert ("puid", expected) in tuple(await made.initial_metadata())
            assert (await made.code()) is (grpc.StatusCode.ABORTED if body else grpc.StatusCode.OK)
    assert seen == [(METHOD, "mine", b"\x00\x01")] * 2


async def test_an_unknown_method_is_unimplemented() -> None:
    async with running() as (server, pool):
        with pytest.raises(RpcError) as caught:
            await call(server, pool, method="/seldon.protos.Model/Nope")
        assert caught.value.status is Status.UNIMPLEMENTED


async def test_a_message_beyond_the_limit_is_refused() -> None:
    async with running(max_bytes=1000) as (server, pool):
        assert await call(server, pool, b"x" * 900)
        with pytest.raises(RpcError) as caught:
            await call(server, pool, b"x" * 1100)
        assert caught.value.status is Status.RESOURCE_EXHAUSTED


async def test_a_timeout_ends_the_call_and_the_handler() -> None:
    ended = asyncio.Event()

    async def hang(_: RpcRequest) -> RpcAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return RpcAnswer(b"")

    async with running(hang) as (server, pool):
        with pytest.raises(RpcError, match="context deadline exceeded") as caught:
            await call(server, pool, timeout=0.05)
        assert caught.value.status is Status.DEADLINE_EXCEEDED
        await asyncio.wait_for(ended.wait(), 5)


async def test_who_gives_up_waiting_ends_the_call_at_the_server() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: RpcRequest) -> RpcAnswer:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return RpcAnswer(b"")

    async with running(hang) as (server, pool):
        waiting = asyncio.ensure_future(call(server, pool))
        await asyncio.wait_for(begun.wait(), 5)
        waiting.cancel()
        await asyncio.wait_for(ended.wait(), 5)


async def test_nobody_listens() -> None:
    async with running() as (server, pool):
        port = server.port
    pool = RpcPool()
    with pytest.raises(RpcError) as caught:
        await pool.call("127.0.0.1", port, METHOD, b"")
    assert caught.value.status is Status.UNAVAILABLE
    await pool.close()


async def test_a_server_that_comes_back_is_called_again_soon() -> None:
    async with running() as (server, _):
        port = server.port
    pool = RpcPool()
    with pytest.raises(RpcError):
        await pool.call("127.0.0.1", port, METHOD, b"")
    again = RpcServer({METHOD: echo}, ready=yes, name="test")
    await again.start("127.0.0.1", port)
    async with asyncio.timeout(5):
        while True:
            try:
                assert await pool.call("127.0.0.1", port, METHOD, b"back") == b"back"
                break
            except RpcError as error:
                assert error.status is Status.UNAVAILABLE  # noqa: PT017 - any other would be a fault
                await asyncio.sleep(0.01)
    await pool.close()
    await again.drain(0)


async def test_a_port_that_is_taken() -> None:
    async with running() as (server, _):
        other = RpcServer({METHOD: echo}, ready=yes, name="test")
        with pytest.raises(OSError, match="cannot listen on"):
            await other.start("127.0.0.1", server.port)


async def test_all_addresses_means_both_families() -> None:
    server = RpcServer({METHOD: echo}, ready=yes, name="test")
    await server.start("", 0)
    pool = RpcPool()
    assert await pool.call("127.0.0.1", server.port, METHOD, b"4") == b"4"
    await pool.close()
    await server.drain(0)


async def test_tls(tls_files: tuple[Path, Path]) -> None:
    chain, key = tls_files
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    server = RpcServer({METHOD: echo}, ready=yes, name="test")
    await server.start("127.0.0.1", 0, context)
    options = (("grpc.ssl_target_name_override", "localhost"),)
    credentials = grpc.ssl_channel_credentials(chain.read_bytes())
    async with aio.secure_channel(f"127.0.0.1:{server.port}", credentials, options=options) as channel:
        assert await channel.unary_unary(METHOD)(b"safe") == b"safe"
    await server.drain(0)


async def test_health_follows_readiness_for_the_server_and_its_services() -> None:
    state = {"ready": False}

    async def ready() -> bool:
        return state["ready"]

    async with running(ready=ready) as (server, pool):
        for service in ("", "seldon.protos.Model", "grpc.health.v1.Health"):
            body = health_pb2.HealthCheckRequest(service=service).SerializeToString()
            for state["ready"] in (False, True):
                answer = await call(server, pool, body, method=f"{HEALTH}/Check")
                status = health_pb2.HealthCheckResponse.FromString(answer).status
                assert status == (1 if state["ready"] else 2)
                assert await serving(pool, "127.0.0.1", server.port, 1.0) is state["ready"]
        with pytest.raises(RpcError) as caught:
            await call(
                server,
                pool,
                health_pb2.HealthCheckRequest(service="nobody").SerializeToString(),
                method=f"{HEALTH}/Check",
            )
        assert caught.value.status is Status.NOT_FOUND


async def test_who_watches_health_is_told_of_changes_and_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_health._WATCH_SECONDS", 0.01)
    state = {"ready": False}

    async def ready() -> bool:
        return state["ready"]

    server = RpcServer({METHOD: echo}, ready=ready, name="test")
    await server.start("127.0.0.1", 0)
    async with aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        watch: Callable[..., Any] = channel.unary_stream(
            f"{HEALTH}/Watch",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        seen = []
        async with asyncio.timeout(10):
            async for answer in watch(health_pb2.HealthCheckRequest()):
                seen.append(answer.status)
                if len(seen) == 1:
                    state["ready"] = True
                if len(seen) == 2:
                    ending = asyncio.ensure_future(server.drain(5))
        await ending
    assert seen == [2, 1, 2]


@pytest.mark.parametrize("package", ["grpc.reflection.v1", "grpc.reflection.v1alpha"])
async def test_reflection_names_the_services_and_describes_them(package: str) -> None:
    async with running() as (server, _), aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        ask: Callable[..., Any] = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        questions = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="seldon.protos.Model"),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health.Check"),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=f"{package}.ServerReflection"),
            reflection_pb2.ServerReflectionRequest(file_by_filename="google/protobuf/struct.proto"),
            reflection_pb2.ServerReflectionRequest(all_extension_numbers_of_type="seldon.protos.Meta"),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="nobody.Knows"),
            reflection_pb2.ServerReflectionRequest(file_by_filename="nobody.proto"),
            reflection_pb2.ServerReflectionRequest(file_containing_extension={"containing_type": "seldon.protos.Meta"}),
            reflection_pb2.ServerReflectionRequest(),
        ]
        answers = [answer async for answer in ask(iter(questions))]
    listed, model, health, own, struct, numbers, *missing, empty = answers
    names = {service.name for service in listed.list_services_response.service}
    assert names == {
        "seldon.protos.Model",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert [answer.original_request for answer in answers] == questions
    assert prediction_pb2.DESCRIPTOR.serialized_pb in model.file_descriptor_response.file_descriptor_proto
    assert _usable(model, health, own, struct) >= {
        "seldon.protos.SeldonMessage",
        "grpc.health.v1.HealthCheckRequest",
        f"{package}.ServerReflectionResponse",
        "google.protobuf.Struct",
    }
    assert list(numbers.all_extension_numbers_response.extension_number) == []
    assert [answer.error_response.error_code for answer in missing] == [grpc.StatusCode.NOT_FOUND.value[0]] * 3
    assert empty.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def _usable(*described: Any) -> set[str]:
    """The messages that a client knows once it has put what it was told into a pool of its own."""
    pool = descriptor_pool.DescriptorPool()
    known = set()
    for answer in described:
        for data in reversed(answer.file_descriptor_response.file_descriptor_proto):
            file = pool.AddSerializedFile(data)
            known |= {one.full_name for one in file.message_types_by_name.values()}
    return known


async def test_a_stream_that_fails_says_why_and_the_next_one_works() -> None:
    async with running() as (server, _), aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        ask: Callable[..., Any] = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        watch: Callable[..., Any] = channel.unary_stream(f"{HEALTH}/Watch")
        for made in (ask(iter([b"", b"\xff"])), watch(b"\xff")):
            with pytest.raises(aio.AioRpcError) as caught:
                await _all(made)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        unknown = health_pb2.HealthCheckRequest(service="nobody").SerializeToString()
        async for answer in watch(unknown):
            assert health_pb2.HealthCheckResponse.FromString(answer).status == 3
            break


async def _all(made: Any) -> list[bytes]:
    return [answer async for answer in made]


async def test_a_client_that_asks_without_reading_is_made_to_wait() -> None:
    async with running() as (server, _), connected(server.port) as peer:
        peer.acknowledge = False
        stream = peer.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"", end=False)
        question = message(
            reflection_pb2.ServerReflectionRequest(host="h" * 10_000, list_services="").SerializeToString()
        )
        await peer.seen(h2.events.RemoteSettingsChanged)
        sent = 0
        while room := min(peer.h2.local_flow_control_window(stream), peer.h2.max_outbound_frame_size):
            peer.h2.send_data(stream, (question * 10)[sent % len(question) :][:room])
            sent += room
            peer.flush()
            await asyncio.sleep(0)
            assert sent < 3_000_000, "the server takes whatever comes"


async def test_drain_finishes_what_is_under_way_and_accepts_nothing_new() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow(_: RpcRequest) -> RpcAnswer:
        begun.set()
        await release.wait()
        return RpcAnswer(b"late")

    async with running(slow) as (server, pool):
        late = asyncio.ensure_future(call(server, pool))
        await asyncio.wait_for(begun.wait(), 5)
        ending = asyncio.ensure_future(server.drain(20))
        fresh = RpcPool()
        async with asyncio.timeout(5):
            while True:
                try:
                    await fresh.call("127.0.0.1", server.port, METHOD, b"", timeout=0.2)
                except RpcError as error:
                    if error.status is Status.UNAVAILABLE:
                        break
        assert not ending.done()
        release.set()
        assert await late == b"late"
        await asyncio.wait_for(ending, 5)
        await fresh.close()


async def test_drain_ends_at_its_deadline() -> None:
    begun = asyncio.Event()

    async def hang(_: RpcRequest) -> RpcAnswer:
        begun.set()
        await asyncio.Event().wait()
        return RpcAnswer(b"")

    async with running(hang) as (server, pool):
        waiting = asyncio.ensure_future(call(server, pool))
        await asyncio.wait_for(begun.wait(), 5)
        await asyncio.wait_for(server.drain(0.1), 5)
        with pytest.raises(RpcError):
            await waiting


async def test_a_server_is_unused_when_no_call_came_for_a_while() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow(_: RpcRequest) -> RpcAnswer:
        begun.set()
        await release.wait()
        return RpcAnswer(b"")

    async with running(slow) as (server, pool):
        assert await server.wait_unused(5, 60), "nobody ever called"
        waiting = asyncio.ensure_future(call(server, pool))
        await asyncio.wait_for(begun.wait(), 5)
        assert not await server.wait_unused(0.05, 0.01), "a call is under way"
        unused = asyncio.ensure_future(server.wait_unused(20, 0.05))
        release.set()
        await waiting
        assert await asyncio.wait_for(unused, 5)


class Service:
    """What a Kubernetes Service is to a client: one address, and new connections go to the pod that it names now."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.open: list[int] = []

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = self.target
        self.open.append(target)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", target)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            sink.close()

        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
        self.open.remove(target)


@pytest.mark.parametrize("kind", ["ours", "grpcio"])
async def test_no_call_is_lost_when_a_pod_leaves_its_service_and_ends(kind: str) -> None:
    async def slow(_: RpcRequest) -> RpcAnswer:
        await asyncio.sleep(0.002)  # some calls are always under way
        return RpcAnswer(b"")

    async with running(slow) as (old, _), running(slow) as (new, _):
        service = Service(old.port)
        listening = await asyncio.start_server(service.forward, "127.0.0.1", 0)
        pools = [RpcPool() for _ in range(4)]
        port = listening.sockets[0].getsockname()[1]
        # Without it all channels to one address share a connection.
        channels = [
            aio.insecure_channel(f"127.0.0.1:{port}", options=(("grpc.use_local_subchannel_pool", 1),))
            for _ in range(4)
        ]
        ended = asyncio.Event()
        calls = 0

        async def client(number: int) -> None:
            nonlocal calls
            after = 0
            while after < 50:
                if kind == "ours":
                    await pools[number % 4].call("127.0.0.1", port, METHOD, b"")
                else:
                    await channels[number % 4].unary_unary(METHOD)(b"")
                calls += 1
                after += ended.is_set()

        clients = asyncio.gather(*(client(number) for number in range(16)))
        async with asyncio.timeout(30):
            while calls < 500:  # noqa: ASYNC110 - a count has no event
                await asyncio.sleep(0)
            service.target = new.port
            await old.drain(5)
            assert old.port not in service.open
            ended.set()
            await clients
        for pool in pools:
            await pool.close()
        for channel in channels:
            await channel.close()
        listening.close()


async def test_a_handler_may_promise_its_answer_instead_of_running_as_a_coroutine() -> None:
    promised: list[RpcLater] = []

    def handle(request: RpcRequest) -> Any:
        if request.body == b"crash":
            raise ValueError("a secret")
        if request.body == b"coroutine":
            return echo(request)
        later = RpcLater()
        if request.body == b"now":
            later.settle(RpcAnswer(b"at once"))
        elif request.body == b"error":
            later.settle(RpcError(Status.ABORTED, "no"))
        promised.append(later)
        return later

    async with running(handle) as (server, pool):
        assert await call(server, pool, b"now") == b"at once"
        assert await call(server, pool, b"coroutine") == b"coroutine"
        for body, status in ((b"error", Status.ABORTED), (b"crash", Status.INTERNAL)):
            with pytest.raises(RpcError) as caught:
                await call(server, pool, body)
            assert caught.value.status is status
            assert "secret" not in caught.value.text
        waiting = asyncio.ensure_future(call(server, pool, b"later"))
        await until(lambda: len(promised) == 3)
        promised[-1].settle(RpcAnswer(b"it came"))
        assert await waiting == b"it came"
        waiting = asyncio.ensure_future(call(server, pool, b"never"))
        await until(lambda: len(promised) == 4)
        assert not promised[-1].done()
        waiting.cancel()
        await until(promised[-1].done)
        promised[-1].settle(RpcAnswer(b"nobody reads this"))
        assert await call(server, pool, b"now") == b"at once"


async def test_a_promise_can_be_awaited() -> None:
    later = RpcLater()
    waiting = asyncio.ensure_future(later)
    await asyncio.sleep(0)
    later.settle(RpcAnswer(b"x"))
    assert (await waiting).body == b"x"
    assert (await later).body == b"x"
    failed = RpcLater()
    failed.settle(RpcError(Status.ABORTED, "no"))
    with pytest.raises(RpcError, match="no"):
        await failed
    dropped = RpcLater()
    waiting = asyncio.ensure_future(dropped)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert dropped.done()
