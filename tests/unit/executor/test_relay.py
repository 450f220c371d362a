"""Predictions of one node over a kept connection: the same answers, counts and failures as on the long way."""

import asyncio
import json

import pytest

from seldon_core.transport.server import Request, Response
from tests.unit.executor.stand import Client, Node, executor, settings, unit
from tests.unit.transport.raw import RawClient, post

pytestmark = pytest.mark.asyncio
ASKED = {"data": {"ndarray": [[1.5]]}}


async def twice(client: Client, body: object = ASKED, **fields: str) -> list[tuple[object, ...]]:
    """The long way makes the connection, the second request finds it."""
    seen = []
    for _ in range(2):
        answer = await client.predict(body, Seldon_Puid="p1", **fields)
        plain = sorted(field for field in answer.headers.raw if field[0] != b"Date")
        seen.append((answer.status, answer.body, plain))
    return seen


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, b'{"a":"<b>&"}'),
        Response(200, b"\x1f\x8b<", headers=(("Content-Encoding", "gzip"),)),
        Response(503, b'{"status":{"info":"<not now>"}}'),
        Response(500, b""),
        Response(200, b"text", "text/plain"),
        Response(200, b'{"a":1}', headers=(("Inference-Header-Content-Length", "3"),)),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r}",
)
async def test_both_ways_answer_alike(answer: Response) -> None:
    node = await Node(lambda _: answer).start()
    async with executor(settings(unit("m", node))) as client:
        long, short = await twice(client, Accept_Encoding="gzip", CE_SpecVersion="0.3", X_Own="1")
        assert short == long
        first, second = node.requests
        fields = [sorted((n.lower(), v) for n, v in request.headers.raw) for request in (first, second)]
        assert fields[0] == fields[1]
        assert (first.path, first.body) == (second.path, second.body) == ("/predict", json.dumps(ASKED).encode())
        scraped = (await client.ask("GET", "/metrics")).body.decode()
        counts = [line.split()[-1] for line in scraped.splitlines() if "requests_seconds_count{" in line]
        assert counts == ["2.0", "2.0"]
    await node.server.drain(0)


async def test_a_new_request_has_a_puid_of_its_own() -> None:
    node = await Node().start()
    async with executor(settings(unit("m", node))) as client:
        puids = [(await client.predict(ASKED)).headers.get("seldon-puid") for _ in range(4)]
    assert len(set(puids)) == 4
    assert [request.headers.get("seldon-puid") for request in node.requests] == puids
    await node.server.drain(0)


async def test_a_kept_connection_that_the_node_closed_costs_no_request() -> None:
    closing = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
            if closing.is_set():
                closing.clear()
                break  # the request is read, and not answered
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with executor(settings(unit("m", port))) as client:
        assert (await client.predict(ASKED)).status == 200
        closing.set()
        answer = await client.predict(ASKED)
        assert (answer.status, answer.body) == (200, b"{}")
        assert not closing.is_set()
    listener.close()


async def test_an_answer_that_breaks_off_is_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Le"):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with executor(settings(unit("m", port))) as client:
        assert (await client.predict(ASKED)).status == 200
        answer = await client.predict(ASKED, Seldon_Puid="p2")
        document = json.loads(answer.body)
        assert answer.status == document["status"]["code"] == 500
        assert document["status"]["info"] == f'Post "http://localhost:{port}/predict": unexpected EOF'
        assert answer.headers.get("seldon-puid") == "p2"
    listener.close()


async def test_the_answer_to_a_client_that_left_reaches_nobody_else() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def late() -> Response:
        begun.set()
        await release.wait()
        return Response(200, b'"late"')

    node = await Node(lambda request: late() if b"late" in request.body else Response(200, request.body)).start()
    async with executor(settings(unit("m", node))) as client:
        await client.predict(ASKED)
        leaving = await RawClient.to(client.port)
        await leaving.send(post("/api/v1.0/predictions", b'"late"'))
        await asyncio.wait_for(begun.wait(), 5)
        leaving.vanish()
        assert (await client.predict(b'"while"')).body == b'"while"'
        release.set()
        for _ in range(3):
            assert (await client.predict(b'"after"')).body == b'"after"'
    await node.server.drain(0)


async def test_many_at_once_each_get_their_own_answer() -> None:
    async def slowly(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, request.body)

    node = await Node(slowly).start()
    async with executor(settings(unit("m", node))) as client:
        for _ in range(3):
            answers = await asyncio.gather(*(client.predict({"n": n}) for n in range(40)))
            assert [json.loads(answer.body)["n"] for answer in answers] == list(range(40))
    await node.server.drain(0)
