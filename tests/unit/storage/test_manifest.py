import json
import os
from pathlib import Path

import pytest

from seldon_core.storage import manifest
from seldon_core.storage.listing import Entry

URI = "s3://sklearn/iris"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "model.joblib").write_bytes(b"model")
    (tmp_path / "sub" / "empty").write_bytes(b"")
    entries = (Entry("model.joblib", 5, hashes=(("md5", "aa"),)), Entry("sub/empty", 0))
    manifest.write(tmp_path, manifest.describe(URI, tmp_path, entries, {}, {}))
    return tmp_path


def intact(folder: Path, uri: str = URI) -> bool:
    found = manifest.read(folder)
    return found is not None and manifest.is_intact(found, uri, folder)


def test_written_and_read_again(model: Path) -> None:
    found = manifest.read(model)

    assert found is not None
    assert found.uri == URI
    assert [(file.path, file.size, file.hashes) for file in found.files] == [
        ("model.joblib", 5, {"md5": "aa"}),
        ("sub/empty", 0, {}),
    ]
    assert found.size == 5
    assert intact(model)
    assert not list(model.glob("*.part"))


def test_another_uri_is_another_model(model: Path) -> None:
    assert not intact(model, "s3://sklearn/iris2")


def test_a_file_that_is_gone(model: Path) -> None:
    (model / "sub" / "empty").unlink()

    assert not intact(model)


def test_a_file_of_another_size(model: Path) -> None:
    (model / "model.joblib").write_bytes(b"longer than before")

    assert not intact(model)


def test_a_file_of_the_same_size_written_later(model: Path) -> None:
    status = (model / "model.joblib").stat()
    (model / "model.joblib").write_bytes(b"MODEL")
    os.utime(model / "model.joblib", ns=(status.st_atime_ns, status.st_mtime_ns + 1))

    assert not intact(model)


def test_a_link_in_the_place_of_a_file(model: Path) -> None:
    (model / "model.joblib").rename(model / "moved")
    (model / "model.joblib").symlink_to(model / "moved")

    assert not intact(model)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"version": 2}', '{"version": 1, "uri": "x", "files": [1]}']
    + [
        json.dumps({"version": 1, "uri": URI, "files": [{"path": path, "size": 1, "mtimeNs": 1, "hashes": {}}]})
        for path in ("../x", "/etc/passwd", "a/../../x", "")
    ],
)
def test_a_broken_manifest_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".seldon-model.json").write_text(text, encoding="utf-8")

    assert manifest.read(tmp_path) is None


def test_a_manifest_of_nothing_vouches_for_nothing(tmp_path: Path) -> None:
    assert not manifest.is_intact(manifest.Manifest(URI, ()), URI, tmp_path)
