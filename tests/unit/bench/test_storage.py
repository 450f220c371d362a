"""The benchmark of downloads: what a run took, what is made of it, and what the report says."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.storage import measure, plain, report, store
from tests.bench.storage.measure import Measured, Program
from tests.bench.storage.results import LARGE, Download, Found, verdicts
from tests.bench.storage.signing import presigned
from tests.bench.storage.systems import KSERVE, OURS, PLAIN, SYSTEMS

MIB = 1024 * 1024
EAT = f"b = bytearray({64 * MIB}); b[::4096] = b'x' * len(b[::4096])\nfor _ in range(5_000_000): pass"
"""64 MiB of memory, and some work."""
CHILD = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True, check=True)"
)


@pytest.mark.parametrize("words", [["-c", EAT], ["-c", CHILD, EAT]], ids=["itself", "its child"])
def test_a_run_with_what_it_starts(tmp_path: Path, words: list[str]) -> None:
    found = measure.run(Program([sys.executable, *words], {}), tmp_path / "log")

    assert found.status == 0
    assert 64 < found.peak_mib < 140
    assert 0.02 < found.cpu_seconds < 20
    assert found.seconds > 0.02


def test_how_it_ended(tmp_path: Path) -> None:
    found = measure.run(Program([sys.executable, "-c", "print('no'); raise SystemExit(3)"], {}), tmp_path / "log")

    assert (found.status, (tmp_path / "log").read_text()) == (3, "no\n")


def test_a_signature() -> None:
    """MinIO takes it, or the benchmark ends; here, that nothing in it is by chance and the path is escaped."""
    one = presigned("http://127.0.0.1:9000", "key", "secret", "models/a b.bin")
    other = presigned("http://127.0.0.1:9000", "key", "other", "models/a b.bin")

    assert one.startswith("http://127.0.0.1:9000/models/a%20b.bin?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert len(one.rpartition("X-Amz-Signature=")[2]) == 64
    assert one.rpartition("=")[2] != other.rpartition("=")[2]


@contextlib.contextmanager
def server(contents: dict[str, bytes]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = contents.get(self.path.partition("?")[0], b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize("kept", [True, False])
def test_a_plain_read(tmp_path: Path, *, kept: bool) -> None:
    contents = {"/m/a": bytes(range(256)) * 20_000, "/m/b": b"small"}
    with server(contents) as url:
        (tmp_path / "urls").write_text(f"a {url}/m/a?x=1\nb {url}/m/b?x=2\n")
        folder = tmp_path / "out"
        folder.mkdir()
        words = [sys.executable, str(plain.__file__), str(folder) if kept else "-", str(tmp_path / "urls")]
        subprocess.run(words, check=True, timeout=30)
        (tmp_path / "urls").write_text(f"c {url}/m/c?x=1\n")
        missing = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == (
        {"a": contents["/m/a"], "b": b"small"} if kept else {}
    )
    assert missing.returncode != 0
    assert "404" in missing.stderr


def test_a_digest_of_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any byte counts, and the order of stretches; a file may be empty."""
    monkeypatch.setattr(store, "_CHUNK", MIB)
    content = bytes(range(256)) * 4096 + bytes(MIB) + b"end"
    (tmp_path / "file").write_bytes(content)
    found = store.digest(tmp_path / "file")

    others = [b"", content[:-1], content[1:] + b"x", content[MIB:] + content[:MIB]]
    for other in others:
        (tmp_path / "file").write_bytes(other)
        assert store.digest(tmp_path / "file") != found
    (tmp_path / "file").write_bytes(content)
    assert store.digest(tmp_path / "file") == found


def a_run(ours: float, *, peer: float = 6.0, peak: float = 80.0) -> tuple[list[Download], Found]:
    found = Found()
    for factor in (1.0, 3.0, 1.1):  # a slow round is slow for all
        found.add("large", PLAIN, Measured(0, 2.0 * factor, 1.0, 12.0), right=True)
        found.add("large", OURS, Measured(0, ours * factor, 2.0, peak), right=True)
        found.add("large", KSERVE, Measured(0, peer * factor, 4.0, 200.0), right=factor != 3.0)
    found.restarts += [0.1, 0.2, 0.9]
    return [found.download("large", name, LARGE, 1) for name in (PLAIN, OURS, KSERVE)], found


def test_figures_are_medians_and_shares_are_taken_round_by_round() -> None:
    (_, ours, peer), found = a_run(2.5)

    assert (ours.seconds, ours.mb_per_s, ours.of_plain_read, ours.errors) == (2.75, 780.9, 0.8, 0)
    assert (peer.errors, peer.rounds, peer.peak_mib) == (1, 3, 200.0)
    assert found.ratio("large", OURS, KSERVE) == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("downloads", "met"),
    [
        (a_run(2.1), [True, True, True, True]),
        (a_run(2.5), [False, True, True, True]),
        (a_run(3.1), [False, False, True, True]),
        (a_run(2.1, peak=101.0), [True, True, False, True]),
    ],
)
def test_targets(downloads: tuple[list[Download], Found], met: list[bool]) -> None:
    assert [verdict.met for verdict in verdicts(*downloads)] == met


def test_the_section() -> None:
    downloads, found = a_run(2.5)
    facts = report.Facts(
        command="tox -e bench-storage",
        date="2026-11-21",
        commit="abc",
        machine={"cpu": "A", "cores": "2", "memory": "8 GB", "kernel": "6"},
        rounds=3,
        workloads={"large": "in parts"},
        systems={each.name: each.about for each in SYSTEMS},
        versions={each.name: "1" for each in SYSTEMS},
    )

    text = report.write(facts, downloads, verdicts(downloads, found))

    assert text.startswith("## Downloads\n")
    assert "| large: at least 90% of a plain read to the disk | 80% | **no** |" in text
    assert "| ours | 2.75 | 781 | 80% | 2.00 | 80 | 0 |" in text
    assert "medians of 3 rounds" in text
