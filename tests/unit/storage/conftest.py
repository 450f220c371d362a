"""A rclone that answers from a folder."""

from pathlib import Path

import pytest

from tests.unit.storage.fake_rclone import FakeRclone


@pytest.fixture
def fake_rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRclone:
    fake = FakeRclone(tmp_path / "bin")
    monkeypatch.setenv("PATH", fake.path())
    return fake
