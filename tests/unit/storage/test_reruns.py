"""What a run does with what an earlier one left: whole models, damaged ones, and runs that were ended in between."""

from pathlib import Path

import pytest

from seldon_core.storage import main as command
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, files


def test_a_restart_downloads_nothing(
    fake_rclone: FakeRclone, log: Path, destination: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    command.main(["s3://sklearn/iris", str(destination)])
    before = len(fake_rclone.calls)

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert len(fake_rclone.calls) == before
    assert "nothing to download" in capsys.readouterr().out


def test_a_damaged_model_is_fetched_again(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    command.main(["s3://sklearn/iris", str(destination)])
    (destination / "model.joblib").write_bytes(b"half")

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"model"}


def test_another_uri_replaces_our_files_and_keeps_foreign_ones(
    fake_rclone: FakeRclone, log: Path, destination: Path
) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    fake_rclone.put("sklearn/iris/old.txt", b"old")
    fake_rclone.put("sklearn/wine/model.joblib", b"wine")
    (destination / "users.txt").write_bytes(b"mine")
    command.main(["s3://sklearn/iris", str(destination)])

    assert command.main(["s3://sklearn/wine", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"wine", "users.txt": b"mine"}


def test_what_an_interrupted_run_left_is_not_trusted(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    side = destination / ".seldon-model.part"
    side.mkdir()
    (side / "model.joblib").write_bytes(b"MODEL")
    (side / "stale").write_bytes(b"x")

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"model"}


def test_a_run_that_ended_among_the_moves_leaves_nothing_stale(
    fake_rclone: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had moved, and what it had yet to remove of the model before, goes with the next model."""
    for path in ("iris/model.joblib", "iris/old.txt", "wine/a.bin", "wine/model.joblib", "seeds/model.joblib"):
        fake_rclone.put(f"sklearn/{path}", path.encode())
    command.main(["s3://sklearn/iris", str(destination)])

    replace = Path.replace

    def ends(source: Path, target: Path) -> Path:
        if source.name == "model.joblib":
            raise command.Terminated
        return replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", ends)
        patch.setattr("seldon_core.storage.placing._remove", lambda *_: None)  # it did not come to that
        assert command.main(["s3://sklearn/wine", str(destination)]) == ExitCode.TERMINATED
    assert set(files(destination)) == {"a.bin", "model.joblib", "old.txt"}

    assert command.main(["s3://sklearn/seeds", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"seeds/model.joblib"}


def test_the_model_before_does_not_pass_for_whole_after_such_a_run(
    fake_rclone: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"iris")
    fake_rclone.put("sklearn/wine/model.joblib", b"wine")
    command.main(["s3://sklearn/iris", str(destination)])
    with monkeypatch.context() as patch:
        patch.setattr("seldon_core.storage.manifest.describe", _end)
        assert command.main(["s3://sklearn/wine", str(destination)]) == ExitCode.TERMINATED

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"iris"}


def _end(*_: object) -> None:
    raise command.Terminated


def test_a_file_takes_the_name_of_a_folder_and_the_other_way_round(
    fake_rclone: FakeRclone, log: Path, destination: Path
) -> None:
    fake_rclone.put("sklearn/folder/model/deep/weights", b"x")
    fake_rclone.put("sklearn/file/model", b"y")

    for source, expected in (("folder", {"model/deep/weights": b"x"}), ("file", {"model": b"y"})) * 2:
        assert command.main([f"s3://sklearn/{source}", str(destination)]) == ExitCode.OK
        assert files(destination) == expected
