"""The command from arguments to exit status, files and termination message; rclone is played by a script."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from seldon_core.storage import main as command
from seldon_core.storage import uri as uri_module
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, files
from tests.unit.storage.hostile_uris import HOSTILE, NO_STORE


def test_a_folder_arrives_whole(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    fake_rclone.put("sklearn/iris/deep/er/empty", b"")
    fake_rclone.put("sklearn/iris2/model.joblib", b"other")

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"model", "deep/er/empty": b""}
    assert sorted(path.name for path in destination.iterdir()) == [".seldon-model.json", "deep", "model.joblib"]
    assert log.read_text(encoding="utf-8") == ""


def test_a_buckets_root(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    fake_rclone.put("mymodel/model.joblib", b"model")

    assert command.main(["s3://mymodel", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"model"}


def test_a_single_file(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")

    assert command.main(["s3://sklearn/iris/model.joblib", str(destination)]) == ExitCode.OK

    assert files(destination) == {"model.joblib": b"model"}


def test_a_termination_log_is_never_made(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    log.unlink()

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.NOT_FOUND
    assert not log.exists()


NOTHING = {"status": 0, "out": ["[", "]"]}
LIST_ONE = {"status": 0, "out": ["[", '{"Path":"model.joblib","Size":5,"IsDir":false}', "]"]}
LIST_HUGE = {"status": 0, "out": ["[", '{"Path":"model.bin","Size":1152921504606846976,"IsDir":false}', "]"]}
LIST_CUT = {"status": -9, "out": ["[", '{"Path":"model.joblib","Si']}
LIST_ODD = {"status": 0, "out": ["[", '{"Path":"model.joblib"', "]"]}
LIST_EVIL = {"status": 0, "out": ["[", '{"Path":"../../etc/passwd","Size":5,"IsDir":false}', "]"]}
LIST_MARKER = {"status": 0, "out": ["[", '{"Path":"sub","Size":-1,"IsDir":true}', "]"]}
LIST_NAMES = {
    "status": 0,
    "out": ["[", '{"Path":"iris","Size":-1,"IsDir":true},', '{"Path":"wine","Size":-1,"IsDir":true}', "]"],
}
REFUSED = 'request send failed, Get "http://minio:9000": dial tcp 10.0.0.1:9000: connect: connection refused'


class Failure(NamedTuple):
    source: str
    script: dict[str, dict[str, object]]
    code: ExitCode
    text: str


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "case",
    [
        Failure("s3://sklearn/../x", {}, ExitCode.BAD_URI, 'has a "." or ".." segment'),
        Failure("mys3:sklearn/iris", {}, ExitCode.CONFIG, "RCLONE_CONFIG_MYS3_TYPE"),
        Failure(
            "s3://sklearn/irsi",
            {"0": NOTHING, "1": NOTHING, "2": LIST_NAMES},
            ExitCode.NOT_FOUND,
            "no objects under s3://sklearn/irsi (endpoint http://minio:9000): nearest: iris/; correct modelUri",
        ),
        Failure("s3://sklearn/iris", {"0": NOTHING, "1": NOTHING, "2": LIST_NAMES}, ExitCode.NOT_FOUND, "is empty"),
        Failure("s3://empty", {"*": NOTHING}, ExitCode.NOT_FOUND, "the bucket is empty"),
        Failure("s3://sklearn/iris", {"*": LIST_MARKER}, ExitCode.NOT_FOUND, "holds folders and no files"),
        Failure(
            "s3://isir/x",
            {"0": {"status": 3}, "1": LIST_NAMES},
            ExitCode.NOT_FOUND,
            'there is no bucket "isir" for s3://isir/x (endpoint http://minio:9000): nearest: iris; correct modelUri',
        ),
        Failure(
            "s3://sklearn/iris",
            {"*": {"status": 1, "messages": ["api error AccessDenied: Access Denied."]}},
            ExitCode.AUTH,
            "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        Failure(
            "s3://sklearn/iris", {"*": {"status": 5, "messages": [REFUSED]}}, ExitCode.NETWORK, "it refuses connections"
        ),
        Failure("s3://sklearn/iris", {"*": LIST_CUT}, ExitCode.FAILED, "could not be read"),
        Failure("s3://sklearn/iris", {"0": LIST_ODD}, ExitCode.FAILED, "1 lines of the listing of"),
        Failure("s3://sklearn/iris", {"0": LIST_HUGE}, ExitCode.DISK_FULL, "needs 1048576.0 TiB"),
        Failure("s3://sklearn/iris", {"0": LIST_EVIL}, ExitCode.BAD_URI, "leaves the model's folder"),
        Failure(
            "s3://sklearn/iris",
            {"0": LIST_ONE, "1": {"status": 1, "messages": ["write: no space left on device"]}},
            ExitCode.DISK_FULL,
            "the disk ran full",
        ),
        Failure(
            "s3://sklearn/iris",
            {
                "0": LIST_ONE,
                "1": {"status": 1, "messages": ["corrupted on transfer: md5 hashes differ"], "object": "model.joblib"},
            },
            ExitCode.DIGEST,
            "model.joblib of s3://sklearn/iris",
        ),
        Failure(
            "s3://sklearn/iris",
            {"0": LIST_ONE, "1": {"status": 0}},
            ExitCode.DIGEST,
            "model.joblib of s3://sklearn/iris",
        ),
    ],
    ids=lambda case: f"{case.code.name}-{case.text[:30]}",
)
def test_failures(
    fake_rclone: FakeRclone, log: Path, destination: Path, capsys: pytest.CaptureFixture[str], case: Failure
) -> None:
    """Exit status, one line in the termination message and the same on stderr, and nothing left behind."""
    fake_rclone.answer(case.script)
    (destination / "before.txt").write_bytes(b"x")

    assert command.main([case.source, str(destination)]) == case.code

    message = log.read_text(encoding="utf-8")
    assert case.text in message
    assert message.startswith("storage: ")
    assert "\n" not in message
    assert capsys.readouterr().err == f"{message}\n"
    assert "a-secret-key" not in message
    assert [path.name for path in destination.iterdir()] == ["before.txt"]


@pytest.mark.parametrize("text", HOSTILE + NO_STORE)
def test_no_program_is_given_what_is_no_address(
    fake_rclone: FakeRclone, log: Path, destination: Path, text: str
) -> None:
    assert command.main([text, str(destination)]) == ExitCode.BAD_URI

    assert fake_rclone.calls == []
    assert log.read_text(encoding="utf-8").startswith('storage: modelUri "')
    assert list(destination.iterdir()) == []


def test_a_network_failure_is_tried_again(
    fake_rclone: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seldon_core.storage.store._PAUSES", (0.0,))
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    fake_rclone.answer({"0": {"status": 5, "messages": [REFUSED]}})

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK


def test_public_access_denied_then_the_pods_identity(
    fake_rclone: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    fake_rclone.answer({"0": {"status": 1, "messages": ["api error AccessDenied: Access Denied."]}})

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.OK

    assert [call["env"]["RCLONE_CONFIG_MODEL_ENV_AUTH"] for call in fake_rclone.calls] == ["false", "true", "true"]


@pytest.mark.parametrize("arguments", [[], ["s3://a/b"], ["s3://a/b", "x", "y"]])
def test_usage(log: Path, arguments: list[str]) -> None:
    assert command.main(arguments) == ExitCode.USAGE
    assert "expected 2 arguments" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e9"])
def test_deadline_that_is_none(log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SELDON_STORAGE_DEADLINE", value)

    assert command.main(["s3://a/b", str(destination)]) == ExitCode.CONFIG
    assert f'SELDON_STORAGE_DEADLINE="{value}"' in log.read_text(encoding="utf-8")


def test_the_deadline_is_for_the_whole(
    fake_rclone: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELDON_STORAGE_DEADLINE", "0.3")
    fake_rclone.answer({"0": LIST_ONE, "1": {"status": 0, "hang": True}})

    assert command.main(["s3://sklearn/iris", str(destination)]) == ExitCode.NETWORK
    assert "was not done within 0.3 s" in log.read_text(encoding="utf-8")
    assert list(destination.iterdir()) == []


def test_a_destination_that_cannot_be_made(fake_rclone: FakeRclone, log: Path, tmp_path: Path) -> None:
    fake_rclone.put("sklearn/iris/model.joblib", b"model")
    (tmp_path / "file").write_bytes(b"")

    assert command.main(["s3://sklearn/iris", str(tmp_path / "file" / "models")]) == ExitCode.CONFIG
    assert "cannot be written (Not a directory)" in log.read_text(encoding="utf-8")


def test_sigterm_ends_rclone_too(fake_rclone: FakeRclone, log: Path, destination: Path) -> None:
    """A deleted pod does not wait for its grace period."""
    fake_rclone.answer({"0": LIST_ONE, "1": {"status": 0, "hang": True, "out": ["x"]}})
    root = str(Path(command.__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "seldon_core.storage.main", "s3://sklearn/iris", str(destination)],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "1 file, 5 B" in process.stdout.readline()
    while len(fake_rclone.calls) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=10) == ExitCode.TERMINATED
    assert "stopped before the model was complete" in log.read_text(encoding="utf-8")
    assert list(destination.iterdir()) == []


class TestClaim:
    @pytest.fixture
    def claim(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Move the place where claims are mounted into the test's folder."""
        path = tmp_path / "pvc"
        path.mkdir()
        monkeypatch.setattr(uri_module, "CLAIM_MOUNT", str(path))
        monkeypatch.setattr("seldon_core.storage.store.CLAIM_MOUNT", str(path))
        return path

    @pytest.mark.usefixtures("log")
    def test_links_within_the_claim_are_followed(self, fake_rclone: FakeRclone, destination: Path, claim: Path) -> None:
        (claim / "v1").mkdir()
        (claim / "v1" / "model.joblib").write_bytes(b"model")
        (claim / "latest").symlink_to("v1")
        fake_rclone.answer({"0": LIST_ONE, "1": {"status": 1, "messages": ["stop"]}})

        command.main([str(claim / "latest"), str(destination)])

        assert all("--copy-links" in call["args"] for call in fake_rclone.calls)
        assert fake_rclone.calls[0]["args"][-1] == str(claim / "latest")

    def test_links_out_of_the_claim_are_refused(
        self, fake_rclone: FakeRclone, log: Path, destination: Path, claim: Path
    ) -> None:
        (claim / "model").mkdir()
        (claim / "model" / "token").symlink_to("/etc/hostname")

        assert command.main([str(claim / "model"), str(destination)]) == ExitCode.BAD_URI
        assert "leads out of the claim" in log.read_text(encoding="utf-8")
        assert fake_rclone.calls == []

    @pytest.mark.usefixtures("fake_rclone")
    def test_links_out_of_the_claim_behind_other_links_are_refused(
        self, log: Path, destination: Path, claim: Path
    ) -> None:
        (claim / "model").mkdir()
        (claim / "shared").mkdir()
        (claim / "model" / "more").symlink_to("../shared")
        (claim / "shared" / "token").symlink_to("/etc/hostname")

        assert command.main([str(claim / "model"), str(destination)]) == ExitCode.BAD_URI
        assert f"{claim}/model/more/token leads out of the claim" in log.read_text(encoding="utf-8")

    @pytest.mark.usefixtures("log")
    def test_links_in_a_circle_end(self, fake_rclone: FakeRclone, destination: Path, claim: Path) -> None:
        (claim / "model").mkdir()
        (claim / "model" / "again").symlink_to("../model")
        (claim / "model" / "self").symlink_to("self")
        fake_rclone.answer({"*": {"status": 1, "messages": ["stop"]}})

        assert command.main([str(claim / "model"), str(destination)]) == ExitCode.FAILED
