"""A shared cache: what a second pod finds, and that no trouble of the cache is the model's."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from seldon_core.storage import cache, digests
from seldon_core.storage import main as command
from seldon_core.storage.cache import Cache
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, files

URI = "s3://sklearn/iris"
MODEL = {"model.joblib": b"model", "deep/empty": b""}
DIGEST = digests.of_model({path: hashlib.sha256(content).hexdigest() for path, content in MODEL.items()})


@pytest.fixture
def shelf(tmp_path: Path, fake_rclone: FakeRclone, log: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    monkeypatch.setenv(digests.VARIABLE, f"sha256:{DIGEST}")
    for path, content in MODEL.items():
        fake_rclone.put(f"sklearn/iris/{path}", content)
    return folder


def fetch(folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    return command.main([URI, str(folder)])


def entries(shelf: Path) -> list[str]:
    return sorted(path.name for path in shelf.iterdir() if not path.name.startswith("."))


def test_a_second_pod_asks_no_store(shelf: Path, fake_rclone: FakeRclone, tmp_path: Path) -> None:
    assert fetch(tmp_path / "first") == ExitCode.OK
    before = len(fake_rclone.calls)

    assert fetch(tmp_path / "second") == ExitCode.OK

    assert files(tmp_path / "second") == MODEL
    assert len(fake_rclone.calls) == before
    assert entries(shelf) == [f"sha256-{DIGEST}"]


def test_a_damaged_entry_is_replaced(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(tmp_path / "first") == ExitCode.OK
    (shelf / f"sha256-{DIGEST}" / "model.joblib").write_bytes(b"MODEL")

    assert fetch(tmp_path / "second") == ExitCode.OK

    assert files(tmp_path / "second") == MODEL
    assert "model.joblib in the cache is damaged" in capsys.readouterr().out
    assert (shelf / f"sha256-{DIGEST}" / "model.joblib").read_bytes() == b"model"


def test_without_an_expected_digest_the_stores_own_are_the_key(
    shelf: Path, fake_rclone: FakeRclone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(digests.VARIABLE)
    fake_rclone.hash_all()
    assert fetch(tmp_path / "first") == ExitCode.OK
    copies = sum(call["args"][0] == "copy" for call in fake_rclone.calls)
    assert fetch(tmp_path / "second") == ExitCode.OK
    assert sum(call["args"][0] == "copy" for call in fake_rclone.calls) == copies == 1

    fake_rclone.put("sklearn/iris/model.joblib", b"MODEL")

    assert fetch(tmp_path / "third") == ExitCode.OK
    assert files(tmp_path / "third") == MODEL | {"model.joblib": b"MODEL"}
    assert len(entries(shelf)) == 2


def test_what_has_no_digest_is_not_kept(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(digests.VARIABLE)

    assert fetch(tmp_path / "first") == ExitCode.OK

    assert entries(shelf) == []


def test_pods_that_start_together_download_once(shelf: Path, fake_rclone: FakeRclone, tmp_path: Path) -> None:
    key = cache.key_of_digest(DIGEST)
    mine = Cache(shelf, lambda _: None)
    said = threading.Event()

    def second() -> None:
        other = Cache(shelf, lambda text: said.set() if "waiting for it" in text else None)
        (tmp_path / "side").mkdir()
        with other.alone(key, until=float("inf")):
            found.extend(other.take(key, tmp_path / "side"))

    found: list[object] = []
    thread = threading.Thread(target=second)
    with mine.alone(key, until=float("inf")):
        thread.start()
        assert said.wait(10)
        source = fake_rclone.store / "sklearn" / "iris"
        sums = {path: hashlib.sha256(content).hexdigest() for path, content in MODEL.items()}
        mine.put(key, URI, source, sums)
    thread.join(10)

    assert len(found) == len(MODEL)


def test_a_full_cache_lets_go_what_was_used_least_recently(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, name in ((3, "sha256-old"), (1, "sha256-new")):
        (shelf / name).mkdir()
        os.utime(shelf / name, (1e9 - age, 1e9 - age))
    (shelf / "somebody-elses").mkdir()
    real = cache.shutil.disk_usage

    def usage(path: Path) -> object:
        room = 0 if (shelf / "sha256-old").exists() else 2**40
        return real(path)._replace(free=room) if Path(path) == shelf else real(path)

    monkeypatch.setattr(cache.shutil, "disk_usage", usage)

    assert fetch(tmp_path / "first") == ExitCode.OK

    assert set(entries(shelf)) == {"sha256-new", f"sha256-{DIGEST}", "somebody-elses"}


def test_a_cache_that_cannot_be_written_fails_no_model(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.tempfile, "mkdtemp", full)

    assert fetch(tmp_path / "first") == ExitCode.OK

    assert files(tmp_path / "first") == MODEL
    assert "the cache cannot be used (No space left on device): going on without it" in capsys.readouterr().out


def test_a_cache_that_is_not_there_fails_no_model(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "nowhere"))

    assert fetch(tmp_path / "first") == ExitCode.OK

    assert "going on without it" in capsys.readouterr().out


def test_an_entry_that_is_not_the_expected_model_is_refused(shelf: Path, tmp_path: Path) -> None:
    """Whoever can write into the volume can write a manifest as well, but not another model of the same digest."""
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "model.joblib").write_bytes(b"evil")
    sums = {"model.joblib": hashlib.sha256(b"evil").hexdigest()}
    Cache(shelf, lambda _: None).put(cache.key_of_digest(DIGEST), URI, wrong, sums)

    assert fetch(tmp_path / "first") == ExitCode.DIGEST
    assert files(tmp_path / "first") == {}
