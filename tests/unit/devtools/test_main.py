"""What a person sees of mistakes: one sentence and a status, never a traceback."""

from __future__ import annotations

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


def test_an_unknown_environment_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["test", "unti"])
    assert "unti" in capsys.readouterr().err


def test_someone_who_may_not_start_a_daemon_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "answers", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(docker.DockerMissingError, match="usermod -aG docker"):
        docker.ensure()


def test_a_listening_port_is_seen() -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert forward.listens(port)
    assert not forward.listens(port)
