"""A look into a store without a download."""

from pathlib import Path

import pytest

from seldon_core.storage import look
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone


def test_it_tells_what_is_there(fake_rclone: FakeRclone, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")

    assert look.main(["s3://sklearn/iris"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("1 file, 5 bytes at s3://sklearn/iris")
    assert log.read_text().startswith("1 file, 5 bytes at s3://sklearn/iris")
    assert [call["args"][0] for call in fake_rclone.calls] == ["lsjson"]


def test_a_folder_that_is_not_there(fake_rclone: FakeRclone, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_rclone.put("sklearn/iris2/model.joblib", b"model")

    assert look.main(["s3://sklearn/iris"]) == ExitCode.NOT_FOUND
    assert "no objects under s3://sklearn/iris" in capsys.readouterr().out
    assert "nearest: iris2" in log.read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [([], ExitCode.USAGE), (["s3://b/iris", "--config=x"], ExitCode.USAGE), (["../etc"], ExitCode.BAD_URI)],
)
def test_what_is_no_uri(words: list[str], code: ExitCode, log: Path) -> None:
    assert look.main(words) == code
