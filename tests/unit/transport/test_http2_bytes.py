"""However bytes are cut, answers are the same; whatever bytes come, a connection ends in order or goes on."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import hpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seldon_core.transport.http2 import frames
from seldon_core.transport.http2.client_side import ClientConnection
from seldon_core.transport.http2.frames import GOAWAY, HEADERS, PING, SETTINGS, Code, frame
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_channel import ClientCall
from seldon_core.transport.rpc_server import RpcServer, _Client
from tests.unit.transport.memory import MemoryTransport, connect, parsed, turns
from tests.unit.transport.rpcstand import yes
from tests.unit.transport.test_http2_rules import FATAL, FINE, HELD, MESSAGE, METHOD, OPENING, STREAM, block

_QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EVERYTHING = {**FINE, **{what: sent for what, (sent, _) in (*STREAM.items(), *FATAL.items())}}


async def echo(request: RpcRequest) -> RpcAnswer:
    if request.body == b"no":
        raise RpcError(Status.ABORTED, "no")
    return RpcAnswer(request.body, request.metadata)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    turns(made)
    made.close()


@pytest.fixture
def server(loop: asyncio.AbstractEventLoop) -> RpcServer:
    async def make() -> RpcServer:
        return RpcServer({METHOD: echo}, ready=yes, name="test")

    made = loop.run_until_complete(make())
    made.loop = loop
    return made


def exchange(server: RpcServer, pieces: list[bytes]) -> bytes:
    """What the server says to these pieces."""
    connection = _Client(server)
    transport = connect(connection)
    for piece in pieces:
        connection.data_received(piece)
    turns(server.loop)
    connection.connection_lost(None)
    turns(server.loop)
    return transport.written


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(bounds) if start < end]


SESSION = (
    OPENING
    + frames.settings(initial_window_size=100_000, header_table_size=100)
    + FINE["continuations"]
    + frame(HEADERS, 4, 3, block(("k", "v"), ("raw-bin", "AAE")))
    + frame(PING, 0, 0, b"12345678")
    + frame(0, 9, 3, b"\x03" + MESSAGE + bytes(3))
    + frame(HEADERS, 4, 5, block(**{":path": "/nope"}))
    + frame(0, 1, 5, b"")
    + frame(HEADERS, 4, 7, block())
    + frame(0, 1, 7, b"\x00\x00\x00\x00\x02no")
    + frames.window_update(0, 1000)
    + frame(HEADERS, 5, 9, block(content_type="text/plain"))
    + frame(HEADERS, 4, 11, block())
    + frame(0, 1, 11, b"\x00\x00\x00\x80\x00" + bytes(32_768))
)


@_QUICK
@given(places=st.lists(st.integers(0, len(SESSION)), max_size=12))
def test_answers_are_the_same_wherever_input_is_cut(server: RpcServer, places: list[int]) -> None:
    whole = exchange(server, [SESSION])
    assert [kind for kind, _, _, _ in parsed(whole)].count(HEADERS) == 9
    assert exchange(server, cut(SESSION, places)) == whole


def test_answers_are_the_same_byte_by_byte(server: RpcServer) -> None:
    session = SESSION[:-32_768]
    assert exchange(server, [session[at : at + 1] for at in range(len(session))]) == exchange(server, [session])


@pytest.mark.parametrize("what", EVERYTHING)
def test_rules_hold_wherever_input_is_cut(server: RpcServer, what: str) -> None:
    data = OPENING + EVERYTHING[what]
    whole = exchange(server, [data])
    step = max(1, len(data) // 700)
    assert exchange(server, [data[at : at + step] for at in range(0, len(data), step)]) == whole


streams = st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))
payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([MESSAGE, block(), block()[:7], bytes(4), bytes(5), bytes(8), b"\x00\x00\x00\x01", b"\xff" * 6]),
    st.binary(max_size=60).map(lambda data: b"\x00\x00\x00\x00" + bytes((len(data),)) + data),
)
noise = st.lists(
    st.one_of(
        st.builds(frame, st.integers(0, 12), st.integers(0, 255), streams, payloads),
        st.sampled_from([HELD, *(sent for sent in FINE.values())]),
        st.binary(max_size=30),
    ),
    max_size=12,
)


@settings(_QUICK, max_examples=300)
@given(noise=noise)
def test_whatever_comes_the_connection_ends_in_order_or_goes_on(server: RpcServer, noise: list[bytes]) -> None:
    connection = _Client(server)
    transport = connect(connection)
    connection.data_received(OPENING)
    for piece in noise:
        connection.data_received(piece)
    turns(server.loop)
    number = connection.last_peer_stream + 2 if connection.last_peer_stream else 1
    at = len(transport.written)
    if not transport.ended and not connection._rest and not connection._block_of and number < 2**31:
        connection.data_received(frame(HEADERS, 4, number, block()) + frame(0, 1, number, MESSAGE))
        turns(server.loop)
        said = parsed(transport.written[at:])
        if not _out_of_window(connection):
            assert any(stream == number and kind == HEADERS for kind, _, stream, _ in said), said
    said = parsed(transport.written)
    if transport.ended:
        kind, _, _, payload = said[-1]
        assert (kind, payload[:4]) == (GOAWAY, connection.last_peer_stream.to_bytes(4, "big"))
        assert Code(int.from_bytes(payload[4:8], "big")) is not Code.NO_ERROR
    connection.connection_lost(None)
    turns(server.loop)
    assert not asyncio.all_tasks(server.loop)
    assert not connection.streams


def _out_of_window(connection: _Client) -> bool:
    return connection.window < 100 or connection.stream_window < 100


ANSWER = hpack.Encoder().encode([(":status", "200"), ("content-type", "application/grpc")])
TRAILERS = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple("grpc-status", "0")])
ANSWERED = frame(HEADERS, 4, 1, ANSWER) + frame(0, 0, 1, MESSAGE) + frame(HEADERS, 5, 1, TRAILERS)


def asked(loop: asyncio.AbstractEventLoop) -> tuple[ClientConnection, "asyncio.Future[bytes]", MemoryTransport]:
    """A client with one call under way."""
    connection = ClientConnection(loop, lambda: None)
    transport = connect(connection)
    call = ClientCall(connection, 10_000, loop.create_future())
    connection.add(call)
    call.send(connection.writer.block(b"\x83\x86", ((b":path", b"/x"),)), b"hi")
    return connection, call.answer, transport


@_QUICK
@given(places=st.lists(st.integers(0, 200), max_size=8))
def test_a_client_reads_answers_wherever_they_are_cut(loop: asyncio.AbstractEventLoop, places: list[int]) -> None:
    connection, answer, transport = asked(loop)
    for piece in cut(frame(SETTINGS, 0, 0) + ANSWERED, places):
        connection.data_received(piece)
    assert answer.result() == b"hi"
    assert not connection.streams
    connection.connection_lost(None)
    assert parsed(transport.written.removeprefix(frames.PREFACE))


@settings(_QUICK, max_examples=300)
@given(
    noise=st.lists(st.one_of(noise.map(b"".join), st.just(ANSWERED)), max_size=4),
    begin=st.sampled_from([b"", frame(SETTINGS, 0, 0)]),
)
def test_whatever_a_server_says_every_call_ends(
    loop: asyncio.AbstractEventLoop, noise: list[bytes], begin: bytes
) -> None:
    connection, answer, transport = asked(loop)
    connection.data_received(begin)
    for piece in noise:
        connection.data_received(piece)
    parsed(transport.written.removeprefix(frames.PREFACE))
    connection.connection_lost(None)
    assert answer.done()
    assert not connection.streams
    if not answer.cancelled():
        answer.exception()
