"""Building ahead: once whoever comes first, never twice at a time, and gone with the run."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from devtools import ahead, cache, gobuild, suite

SPAWN = multiprocessing.get_context("spawn")
SECONDS = 30


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "cache"))


def _build_until_told(home: str, told: Connection) -> None:
    os.environ["SELDON_CACHE"] = home

    def build(folder: Path) -> None:
        (folder / "out").write_text("theirs")
        told.send("begun")
        told.poll(SECONDS)

    cache.artefact("thing", ["recipe"], build)


def _refuse(_folder: Path) -> None:
    pytest.fail("built a second time")


@pytest.fixture
def other() -> Iterator[tuple[SpawnProcess, Connection]]:
    """Another process in the middle of building `thing`; whatever is sent to it is the end of that."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_build_until_told, args=(str(cache.cache_dir()), theirs), daemon=True)
    process.start()
    assert ours.poll(SECONDS)
    yield process, ours
    process.kill()
    process.join(SECONDS)


def test_what_another_process_is_building_is_waited_for_and_not_built_again(
    other: tuple[SpawnProcess, Connection], capfd: pytest.CaptureFixture[str]
) -> None:
    _, told = other
    threading.Timer(0.1, told.send, ["end"]).start()

    place = cache.artefact("thing", ["recipe"], _refuse)

    assert (place / "out").read_text() == "theirs"
    assert "waiting for thing" in capfd.readouterr().out


def test_what_another_process_is_building_can_be_left_alone(other: tuple[SpawnProcess, Connection]) -> None:
    with pytest.raises(cache.UnderWayError, match="thing"):
        cache.artefact("thing", ["recipe"], _refuse, unless_under_way=True)


def test_a_builder_that_was_killed_holds_nobody_up(other: tuple[SpawnProcess, Connection]) -> None:
    process, _ = other
    process.kill()
    process.join(SECONDS)

    place = cache.artefact("thing", ["recipe"], lambda folder: (folder / "out").write_text("ours") and None)

    assert (place / "out").read_text() == "ours"


def test_each_program_is_built_once_in_the_order_of_the_environments() -> None:
    wanted = ahead.recipes(suite.ENVIRONMENTS)

    assert len(set(wanted)) == len(wanted)
    assert wanted.index(gobuild.KUBERNETES) < wanted.index(gobuild.CONTOUR) < wanted.index(gobuild.ISTIO)
    assert ahead.recipes(["lint", "unit"]) == ()


def test_every_environment_that_is_built_for_exists() -> None:
    assert ahead.NEEDED_BY.keys() | ahead.WITHOUT_IMAGES.keys() <= set(suite.ENVIRONMENTS)


def test_what_images_hold_is_built_where_they_cannot_be_pulled() -> None:
    pulled, built = (ahead.recipes(suite.ENVIRONMENTS, images=images) for images in (True, False))

    assert set(built) - set(pulled) == {gobuild.COREDNS, gobuild.MINIO}
    # Each before the environment that needs it; what more of them need comes no later for it.
    assert built.index(gobuild.RCLONE) < built.index(gobuild.MINIO) < built.index(gobuild.CONTOUR)
    assert built.index(gobuild.COREDNS) < built.index(gobuild.ISTIO)


@pytest.mark.parametrize(
    ("status", "headers", "reached"),
    [
        (401, {"Docker-Distribution-Api-Version": "registry/2.0"}, True),
        (200, {"Docker-Distribution-Api-Version": "registry/2.0"}, True),
        (403, {}, False),
        (None, {}, False),
    ],
    ids=["a registry that wants a login", "one that does not", "a proxy that lets nobody through", "nobody"],
)
def test_a_registry_is_known_by_what_it_says(
    monkeypatch: pytest.MonkeyPatch, status: int | None, headers: dict[str, str], *, reached: bool
) -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status or 500)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """A test's output has no room for it."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        monkeypatch.setattr(ahead, "REGISTRY", f"http://127.0.0.1:{server.server_address[1]}/v2/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        if status is None:
            server.server_close()
            assert ahead.registry_answers() == reached
            return
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        assert ahead.registry_answers() == reached
        thread.join(SECONDS)


def test_the_builder_and_its_compiler_end_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "pid"
    compiler = tmp_path / "bin" / "go"
    compiler.parent.mkdir()
    os.mkfifo(said)
    compiler.write_text(f"#!/bin/sh\necho $$ >{said}\nexec tail -f /dev/null\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}{os.pathsep}{os.environ['PATH']}")

    with ahead.building(["e2e-istio"]):
        pid = int(said.read_text())
        assert os.getpriority(os.PRIO_PROCESS, pid) == ahead.LOWEST_PRIORITY

    assert not (Path("/proc") / str(pid)).exists() or _is_ending(pid)
    assert list((cache.cache_dir() / "artefacts").iterdir()) == []


def _is_ending(pid: int) -> bool:
    """A process whose parent has gone is collected by another, a moment later."""
    return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_nothing_is_started_where_all_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for recipe in ahead.recipes(["e2e-istio"]):
        gobuild.place(recipe).mkdir(parents=True)
    monkeypatch.setattr("sys.executable", "/nonexistent")

    with ahead.building(["e2e-istio"]):
        assert not (cache.cache_dir() / "locks").exists()
