"""The collector of the end-to-end tests: keeps what comes, holds it, or is gone."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.harness import sink

HOST = "127.0.0.1"


def asked(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_keeps_events_and_spans_and_is_slow_or_gone_on_demand() -> None:
    made = sink.Sink(HOST, 0)
    control = made.controlled(0)
    port = control.server_address[1]

    def seen() -> Any:
        return json.loads(asked(port, "GET", "/seen")[1])

    def turn(mode: str) -> None:
        assert asked(port, "PUT", "/mode", mode.encode())[0] == 204

    assert asked(made.port, "POST", "/a?b", b"x", Ce_Id="1")[0] == 200
    (event,) = seen()["events"]
    assert (event["path"], event["body"], event["headers"]["ce_id"]) == ("/a?b", "eA==", "1")

    export = ExportTraceServiceRequest()
    resource = export.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "s"
    resource.scope_spans.add().spans.add(name="n", kind=2, trace_id=b"\x01", span_id=b"\x02", parent_span_id=b"\x03")
    assert asked(made.port, "POST", "/v1/traces", export.SerializeToString())[0] == 200
    (span,) = seen()["spans"]
    assert [span[key] for key in ("service", "name", "kind", "trace", "parent")] == ["s", "n", "server", "01", "03"]

    turn(sink.HELD)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(asked, made.port, "POST", "/held", b"")
        while len(seen()["events"]) < 2:
            pass
        assert not held.done()
        turn(sink.OPEN)
        assert held.result(10)[0] == 200

    turn(sink.CLOSED)
    with pytest.raises(ConnectionRefusedError):
        asked(made.port, "POST", "/", b"")
    turn(sink.OPEN)
    assert asked(made.port, "POST", "/", b"")[0] == 200
    control.shutdown()
    control.server_close()
    made.turn(sink.CLOSED)
