from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.harness import curl

BODIES = {
    "/text": (200, "text/plain; charset=utf-8", b"first line\nsecond line\n"),
    "/empty": (503, "", b""),
    "/binary": (200, "application/octet-stream", bytes(range(256))),
    "/json": (200, "application/json", b'{"a": [1]}'),
}


class Handler(BaseHTTPRequestHandler):
    """Answers what BODIES says; a POST gets its own body, content type and connection header back."""

    def do_GET(self) -> None:
        self.answer(*BODIES[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(400, self.headers["Content-Type"], body)

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name that the base class has
        """Say nothing: the test's output is the test's."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", BODIES)
def test_get_gives_status_type_and_the_body_byte_for_byte(address: str, path: str) -> None:
    status, content_type, body = BODIES[path]

    answer = curl.get(f"{address}{path}", seconds=10)

    assert (answer.status, answer.content_type, answer.body) == (status, content_type, body)


def test_post_sends_the_body_as_it_is(address: str) -> None:
    answer = curl.post(f"{address}/predict", '{"data": [1', seconds=10)

    assert (answer.status, answer.content_type, answer.body) == (400, "application/json", b'{"data": [1')


def test_a_proxy_of_the_environment_is_not_used(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert curl.get(f"{address}/json", seconds=10).json() == {"a": [1]}


def test_no_answer_is_an_error_with_the_command_and_curls_words() -> None:
    with pytest.raises(curl.CurlError, match=r"`curl -s \S+:1/x` ended with exit status 7: curl: \(7\)"):
        curl.get("http://127.0.0.1:1/x", seconds=10)


def test_the_command_can_be_typed_again(address: str) -> None:
    answer = curl.post(f"{address}/predict", '{"data": 1}', seconds=10)

    expected = f"curl -s -X POST -H 'Content-Type: application/json' -d '{{\"data\": 1}}' {address}/predict"
    assert answer.command == expected


def test_a_body_that_is_no_json_is_shown(address: str) -> None:
    with pytest.raises(AssertionError, match=r"(?s)the body is no JSON.*second line") as failure:
        curl.get(f"{address}/text", seconds=10).json()

    assert "200 text/plain" in str(failure.value)


@pytest.mark.parametrize("output", [b"", b"body", b"body\nnothing", b"body\n2x0\ttext/plain"])
def test_output_without_a_status_is_an_error(output: bytes) -> None:
    with pytest.raises(curl.CurlError, match="did not tell the status"):
        curl.parse("curl URL", output)
