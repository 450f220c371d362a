"""What arrives is held against what the store says: MD5, ETags of parts, and a second reading."""

from pathlib import Path

import pytest

from seldon_core.storage import copying, etags, hashing
from seldon_core.storage import main as command
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, etag_of, files, verified

URI = "s3://sklearn/iris"
KEY = "sklearn/iris/model.bin"
CONTENT = bytes(range(250)) * 40
PART = 4096
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(autouse=True)
def _store(fake_rclone: FakeRclone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "PIECE", 1000)
    monkeypatch.setattr(etags, "_USUAL", (PART,))
    monkeypatch.setattr(copying, "_FLAGS", (*copying._FLAGS, "--multi-thread-chunk-size=1000B"))
    fake_rclone.put(KEY, CONTENT)
    fake_rclone.put("sklearn/iris/small.txt", b"small")
    fake_rclone.hash_all()


def tag(content: bytes = CONTENT, part: int = PART) -> str:
    return etag_of(content, part)


def copies(fake: FakeRclone) -> int:
    return sum(call["args"][0] == "copy" for call in fake.calls)


@pytest.mark.parametrize("large", [1, 10**9])
@pytest.mark.parametrize("part", [PART, 3334, 5000])
def test_an_etag_of_parts_proves_a_file(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch, large: int, part: int
) -> None:
    monkeypatch.setattr(copying, "LARGE", large)
    fake_rclone.tag(KEY, tag(part=part))

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination) == {"model.bin": "etag", "small.txt": "md5"}
    assert copies(fake_rclone) == 1


@pytest.mark.parametrize("large", [1, 10**9])
def test_a_byte_that_was_changed_on_the_way_is_fetched_again(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(copying, "LARGE", large)
    fake_rclone.tag(KEY, tag())
    fake_rclone.damage(KEY, 1)

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert files(destination)["model.bin"] == CONTENT
    assert verified(destination)["model.bin"] == "etag"
    assert copies(fake_rclone) == 2


def test_a_byte_that_changes_every_time_is_told(fake_rclone: FakeRclone, destination: Path, log: Path) -> None:
    fake_rclone.tag(KEY, tag())
    fake_rclone.damage(KEY, 2)

    assert command.main([URI, str(destination)]) == ExitCode.DIGEST
    assert "model.bin of s3://sklearn/iris" in log.read_text(encoding="utf-8")
    assert "arrived with another content than the store's" in log.read_text(encoding="utf-8")
    assert files(destination) == {}


@pytest.mark.parametrize("etag", [tag(part=777), tag(b"another content" * 700), f"{'0' * 32}-3"])
def test_an_etag_that_fits_no_size_is_no_proof_and_no_error(
    fake_rclone: FakeRclone, destination: Path, capsys: pytest.CaptureFixture[str], etag: str
) -> None:
    fake_rclone.tag(KEY, etag)

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "twice"
    assert "model.bin: its ETag fits no usual size of parts; two readings of it are alike" in capsys.readouterr().out


def test_nothing_is_read_twice_where_that_is_not_wanted(
    fake_rclone: FakeRclone,
    destination: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SELDON_STORAGE_VERIFY", "store")
    fake_rclone.tag(KEY, f"{'0' * 32}-3")

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination) == {"model.bin": "size", "small.txt": "md5"}
    assert copies(fake_rclone) == 1
    assert "no digest that can be checked of 1 of 2 files, 9.8 KiB (model.bin)" in capsys.readouterr().out


def test_an_etag_of_another_kind_is_not_tried(fake_rclone: FakeRclone, destination: Path) -> None:
    fake_rclone.tag(KEY, tag(), "X-Amz-Server-Side-Encryption: aws:kms")

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert verified(destination)["model.bin"] == "size"


@pytest.mark.parametrize(("times", "status"), [(0, ExitCode.OK), (1, ExitCode.OK), (2, ExitCode.DIGEST)])
def test_large_files_with_an_md5_are_compared_here(
    fake_rclone: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch, times: int, status: ExitCode
) -> None:
    monkeypatch.setattr(copying, "LARGE", 5000)
    fake_rclone.damage(KEY, times)

    assert command.main([URI, str(destination)]) == status
    assert all("--ignore-checksum" in call["args"] for call in fake_rclone.calls if call["args"][0] == "copy")
    if status == ExitCode.OK:
        assert verified(destination) == {"model.bin": "md5", "small.txt": "md5"}


def test_rclone_compares_what_it_can(fake_rclone: FakeRclone, destination: Path) -> None:
    assert command.main([URI, str(destination)]) == ExitCode.OK

    (call,) = [call for call in fake_rclone.calls if call["args"][0] == "copy"]
    assert not {"--ignore-checksum", "--log-level=DEBUG"} & set(call["args"])
