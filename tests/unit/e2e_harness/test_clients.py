"""The graph tests' clients on real servers: one form of answers, and errors that say what came."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from tests.e2e.harness import iris, prediction
from tests.e2e.harness.clients import RestClient, RpcClient, RpcFailedError, Said
from tests.unit.e2e_harness.rpcserver import PUID, serving

REQUEST: dict[str, Any] = {"data": {"ndarray": [iris.row(1)]}}
DATA = {"names": prediction.NAMES, "ndarray": [iris.probabilities(iris.row(1))]}
SAID = Said({"data": DATA, "meta": {"requestPath": {"classifier": "image"}}}, PUID)


class Graph(http.server.BaseHTTPRequestHandler):
    """Gives the answer that stands below the path, and notes who asked for what."""

    protocol_version = "HTTP/1.1"
    answers: dict[str, tuple[int, dict[str, Any]]] = {}  # noqa: RUF012 - the test fills it
    asked: list[tuple[Any, str]] = []  # noqa: RUF012 - the test reads it

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.client_address, self.headers["Content-Type"]))
        status, document = self.answers[self.path]
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Seldon-Puid", self.headers["Seldon-Puid"] or PUID)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@contextmanager
def rest(**answers: tuple[int, dict[str, Any]]) -> Iterator[RestClient]:
    Graph.answers = {f"/seldon/ns/x/api/v1.0/{name}": answer for name, answer in answers.items()}
    Graph.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Graph)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with RestClient(f"http://127.0.0.1:{server.server_port}/seldon/ns/x", seconds=5) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_rest_on_one_connection() -> None:
    good = {"meta": {"requestPath": {"classifier": "image"}}, "data": DATA}
    with rest(predictions=(200, good), feedback=(200, {"data": {"ndarray": []}})) as client:
        assert client.predict(REQUEST) == SAID
        assert client.predict(REQUEST, seldon_puid="mine").puid == "mine"
        assert client.feedback({"reward": 1}).message == {"data": {"ndarray": []}}

    assert len({address for address, _ in Graph.asked}) == 1
    assert {kind for _, kind in Graph.asked} == {"application/json"}


def test_what_is_no_seldon_message_is_refused() -> None:
    document = {"data": DATA, "puid": "at the wrong place"}
    with rest(predictions=(200, document)) as client, pytest.raises(json_format.ParseError, match="puid"):
        client.predict(REQUEST)


def test_an_error_is_shown() -> None:
    document = {"status": {"info": "no numbers"}}
    with rest(predictions=(400, document)) as client, pytest.raises(AssertionError, match=r"400 .*no numbers"):
        client.predict(REQUEST)


@pytest.mark.asyncio
async def test_grpc_says_the_same() -> None:
    connections: set[str] = set()

    def ask(target: str) -> Said:
        with RpcClient(target, {"seldon": "iris"}, seconds=5) as client:
            return client.predict(REQUEST)

    async with serving(connections=connections) as target:
        assert await asyncio.to_thread(ask, target) == SAID
    assert {peer.rpartition(" ")[2] for peer in connections} == {"iris"}


@pytest.mark.asyncio
async def test_a_failed_call_tells_its_status() -> None:
    def ask(target: str) -> None:
        with RpcClient(target, {}, seconds=5) as client:
            client.feedback({"reward": 1})

    async with serving() as target:
        with pytest.raises(RpcFailedError, match="SendFeedback: UNIMPLEMENTED") as failed:
            await asyncio.to_thread(ask, target)
    assert failed.value.code is grpc.StatusCode.UNIMPLEMENTED
