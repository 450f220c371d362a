"""A rclone that answers from a folder, and what a container finds around it."""

import os
from pathlib import Path

import pytest

from tests.unit.storage.fake_rclone import FakeRclone


@pytest.fixture
def fake_rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRclone:
    fake = FakeRclone(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path())
    return fake


ENDPOINT = "http://minio:9000"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("RCLONE_", "AWS_", "S3_", "SELDON_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    path = tmp_path / "termination-log"
    path.touch()  # as the kubelet does
    monkeypatch.setenv("SELDON_TERMINATION_LOG", str(path))
    return path


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.storage.store._PAUSES", ())


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    return path
