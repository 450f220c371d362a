"""The load's process and its report, on a real server that can be told to fail."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import iris, load, prediction
from tests.e2e.harness.load import Change, Load, describe
from tests.e2e.harness.loadgen import BODY, STATUS, Record
from tests.e2e.harness.waiting import HopelessError

NOWHERE = "http://127.0.0.1:9/"


class Model(http.server.BaseHTTPRequestHandler):
    """The iris model, or a 503."""

    protocol_version = "HTTP/1.1"
    fails = threading.Event()

    def do_POST(self) -> None:
        (row,) = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]["ndarray"]
        data = {"names": prediction.NAMES, "ndarray": [iris.probabilities(row)]}
        body = json.dumps({"data": data, "meta": {"requestPath": {"classifier": "image"}}}).encode()
        self.send_response(503 if self.fails.is_set() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@contextmanager
def model() -> Iterator[str]:
    Model.fails.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/seldon/ns/iris{prediction.PATH}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's five seconds are its promise; here a part of one shows the same."""
    monkeypatch.setattr(load, "MARGIN_SECONDS", 0.5)


def test_requests_run_before_during_and_after_a_change(tmp_path: Path) -> None:
    with model() as url, Load(url, tmp_path) as running:
        with running.during("nothing"):
            running.until(20)
        with running.during("nothing again"):
            pass
    running.assert_nothing_lost()

    first, second = running.changes
    assert running.records[0].sent <= first.begin - 0.4
    assert any(first.begin < record.sent < first.end for record in running.records)
    assert second.begin >= first.end + 0.5
    assert running.records[-1].sent >= second.end + 0.5
    assert sorted(record.number for record in running.records) == list(range(len(running.records)))
    assert all(record.fresh == (record.number % 4 == 0) for record in running.records)
    assert {record.answered_by for record in running.records} == {"classifier"}


def test_what_is_lost_is_told_with_its_change_and_time(tmp_path: Path) -> None:
    with model() as url, Load(url, tmp_path) as running, running.during("the model breaks"):
        Model.fails.set()
        running.until(5)
        Model.fails.clear()

    with pytest.raises(AssertionError) as lost:
        running.assert_nothing_lost()

    count = sum(record.kind == STATUS for record in running.records)
    assert count >= 4
    assert f"failed: {count} status" in str(lost.value)
    assert "s, the model breaks: status (" in str(lost.value)
    assert "503: {" in str(lost.value)


def test_a_generator_that_dies_is_told_at_once(tmp_path: Path) -> None:
    with (
        pytest.raises(HopelessError, match=r"ended with status 1: [\s\S]*ZeroDivisionError"),
        Load(NOWHERE, tmp_path, rate=0) as running,
    ):
        running.until(1)


def test_the_process_ends_with_the_block(tmp_path: Path) -> None:
    with model() as url, Load(url, tmp_path) as running:
        process = running._process
        assert process is not None
        assert process.poll() is None

    assert process.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def record(number: int, sent: float, kind: str = "") -> Record:
    return Record(number, sent, 0.01, number % 4 == 0, "" if kind else "classifier", kind, "wrong" if kind else "")


def loaded(rate: float, *failures: int) -> Load:
    running = Load("http://localhost", Path())
    running.changes.append(Change("a change", 10.0, 12.0))
    running.records.extend(
        record(number, 9.0 + number / rate, BODY if number in failures else "") for number in range(int(rate * 4))
    )
    return running


def test_a_load_below_the_promised_rate_proves_nothing() -> None:
    loaded(110).assert_nothing_lost()
    with pytest.raises(AssertionError, match="fewer than 100 requests a second"):
        loaded(90).assert_nothing_lost()


def test_one_lost_request_is_enough() -> None:
    with pytest.raises(AssertionError, match=r"failed: 1 body[\s\S]*\+1\.01 s, a change: body \(kept connection"):
        loaded(110, 221).assert_nothing_lost()


def test_a_report_counts_by_change() -> None:
    running = loaded(110, 221)

    text = describe(running.records, running.changes)

    assert text.splitlines()[0] == "in all: 440 requests (110 on new connections), failed: 1 body, slowest 0.01 s"
    assert text.splitlines()[1].startswith("  a change: ")
    assert text.endswith("110/s; the change took 2.0 s")
