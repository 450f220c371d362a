"""A collector of events and spans in the cluster: keeps what it gets, and can be slow or gone where a test wants that.

One file, which an image with Python and OpenTelemetry's protobuf definitions runs: `python3 sink.py`. Port 8080 takes
CloudEvents on any path and OTLP on /v1/traces; port 8081 is the test's: `GET /seen`, and `PUT /mode` with OPEN, HELD
(requests are read and not answered) or CLOSED (nobody listens).
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT, CONTROL_PORT = 8080, 8081
OPEN, HELD, CLOSED = "open", "held", "closed"
_TRACES = "/v1/traces"
_KINDS = {1: "internal", 2: "server", 3: "client"}


class Sink:
    """What has come, and the listener that takes more. `host` and the ports are for tests of this file."""

    def __init__(self, host: str = "", port: int = PORT) -> None:
        self.events: list[dict[str, Any]] = []
        self.spans: list[dict[str, Any]] = []
        self.port = port
        self._host = host
        self._answering = threading.Event()
        self._listener: ThreadingHTTPServer | None = None
        self.turn(OPEN)

    def turn(self, mode: str) -> None:
        """Take requests, hold them, or be gone. Those that are held are answered when it is OPEN again."""
        if mode == CLOSED:
            if self._listener is not None:
                self._listener.shutdown()
                self._listener.server_close()
            self._listener = None
            return
        if mode == OPEN:
            self._answering.set()
        else:
            self._answering.clear()
        if self._listener is None:
            self._listener = _server(self._host, self.port, self._taking())
            self.port = self._listener.server_address[1]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keep an event, or the spans of an export; then wait where requests are held."""
        if path == _TRACES:
            self.spans += spans(body)
        else:
            self.events.append({"path": path, "headers": headers, "body": base64.b64encode(body).decode()})
        self._answering.wait()

    def _taking(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Taking(_Quiet):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                sink.take(self.path, headers, self.read())
                self.close_connection = True  # a kept one would outlive the listener
                self.say(200)

        return Taking

    def controlled(self, port: int = CONTROL_PORT) -> ThreadingHTTPServer:
        """The listener of the test."""
        sink = self

        class Controlling(_Quiet):
            def do_GET(self) -> None:
                self.say(200, json.dumps({"events": list(sink.events), "spans": list(sink.spans)}).encode())

            def do_PUT(self) -> None:
                sink.turn(self.read().decode())
                self.say(204)

        return _server(self._host, port, Controlling)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Thousands of events would hide what a log is read for."""


def program() -> str:
    """This file, for the image."""
    return Path(__file__).read_text(encoding="utf-8")


def _server(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    made = ThreadingHTTPServer((host, port), handler)
    made.daemon_threads = True  # those that hold a request must not hold up its closing
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return made


def spans(body: bytes) -> list[dict[str, Any]]:
    """The spans of an export, each with the attributes of what made it."""
    # The image has these definitions; who only turns the sink from outside needs none.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return [
        {
            "service": told["service.name"],
            "resource": told,
            "name": one.name,
            "kind": _KINDS[one.kind],
            "trace": one.trace_id.hex(),
            "span": one.span_id.hex(),
            "parent": one.parent_span_id.hex(),
            "attributes": _attributes(one.attributes),
        }
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for told in (_attributes(resource.resource.attributes),)
        for scope in resource.scope_spans
        for one in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


if __name__ == "__main__":
    Sink().controlled()
    threading.Event().wait()
