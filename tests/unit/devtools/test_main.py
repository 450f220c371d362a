"""What a person sees of mistakes: one sentence and a status, never a traceback."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from devtools import __main__, docker, forward, quickstart


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_asked: object) -> int:
        raise forward.PortTakenError(
            "something already listens on 127.0.0.1:8003: stop it, or choose another port with --port."
        )

    monkeypatch.setattr(quickstart, "main", refuse)

    assert __main__.main(["quickstart"]) == 1
    assert "choose another port with --port" in capsys.readouterr().err


def test_purge_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["quickstart", "--purge"]) == 1
    assert "--purge goes with --down" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "-1", "99999"])
def test_an_impossible_port_is_refused_before_anything_is_done(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["quickstart", f"--port={port}"]) == 1
    assert f"{port} is no port: choose one from 1 to 65535" in capsys.readouterr().err


def test_a_taken_port_is_refused_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SELDON_STATE", str(tmp_path))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert __main__.main(["quickstart", "--port", str(port)]) == 1

    assert f"something already listens on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_daemon_that_may_not_be_asked_is_not_taken_for_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`--down` must not say "removed" where it was not allowed to remove anything."""
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho 'permission denied while trying to connect to the daemon' >&2\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SELDON_STATE", str(tmp_path / "state"))

    assert __main__.main(["quickstart", "--down"]) == 1
    assert "nothing was done: add yourself to its group" in capsys.readouterr().err


def test_a_cache_folder_that_cannot_be_made_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "file" / "cache"))

    assert __main__.main(["images", "list"]) == 1
    assert "Set SELDON_CACHE to a folder of yours" in capsys.readouterr().err


def test_an_unknown_environment_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["test", "unti"])
    assert "unti" in capsys.readouterr().err


def test_someone_who_may_not_start_a_daemon_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "answers", lambda: False)
    monkeypatch.setattr(docker, "check_allowed", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(docker.DockerMissingError, match="systemctl start docker"):
        docker.ensure()


def test_a_listening_port_is_seen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert forward.listens(port)
    assert not forward.listens(port)


def test_several_needs_are_provided_in_one_order_and_their_variables_come_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "cache"))
    provided: list[str] = []

    def provide(need: str) -> dict[str, str]:
        provided.append(need)
        return {need.upper(): "there"}

    monkeypatch.setattr(__main__, "_provide", provide)
    seen = tmp_path / "seen"

    assert (
        __main__.main(["run", "--need", "images, apiserver", "--", "sh", "-c", f'echo "$IMAGES $APISERVER" > {seen}'])
        == 0
    )
    assert provided == ["apiserver", "images"]
    assert seen.read_text() == "there there\n"


def test_an_unknown_need_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["run", "--need", "helm,cluste", "--", "true"])

    assert "'cluste' is nothing that can be provided" in capsys.readouterr().err


def test_a_registry_comes_after_the_cluster_whose_nodes_know_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "cache"))
    provided: list[str] = []
    taken: list[tuple[str, ...]] = []

    def provide(need: str) -> dict[str, str]:
        provided.append(need)
        return {}

    monkeypatch.setattr(__main__, "_provide", provide)
    monkeypatch.setattr(__main__, "_take_down", taken.append)

    assert __main__.main(["run", "--need", "registry", "--", "true"]) == 0
    assert provided == ["release-cluster", "registry"]
    assert taken == [("release-cluster", "registry")]
    assert __main__.main(["run", "--need", "registry", "--", "echo", "--keep"]) == 0
    assert len(taken) == 1
