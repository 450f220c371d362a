"""Digests that somebody expects, from the command to the exit status."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from seldon_core.storage import digests
from seldon_core.storage import main as command
from seldon_core.storage.errors import ExitCode
from tests.unit.storage.fake_rclone import FakeRclone, files

MODEL = {"model.joblib": b"model", "deep/a b.txt": b"", "Zebra": b"z"}
URI = "s3://sklearn/iris"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sums(model: dict[str, bytes]) -> dict[str, str]:
    return {path: sha(content) for path, content in model.items()}


@pytest.fixture(autouse=True)
def store(fake_rclone: FakeRclone) -> FakeRclone:
    for path, content in MODEL.items():
        fake_rclone.put(f"sklearn/iris/{path}", content)
    return fake_rclone


def expect(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    monkeypatch.setenv(digests.VARIABLE, digest)


def test_a_folders_digest_is_what_the_documented_command_prints(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for path, content in MODEL.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    line = next(line.strip() for line in str(digests.__doc__).splitlines() if "sha256sum |" in line)

    printed = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True).stdout

    assert printed.split()[0] == digests.of_model(sums(MODEL))


def test_the_expected_model_arrives(
    log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expect(monkeypatch, f"sha256:{digests.of_model(sums(MODEL)).upper()}\n")

    assert command.main([URI, str(destination)]) == ExitCode.OK

    assert files(destination) == MODEL
    assert "the model is what was expected" in capsys.readouterr().out


def test_another_model_is_refused_before_a_server_can_see_it(
    log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, f"sha256:{'0' * 64}")

    assert command.main([URI, str(destination)]) == ExitCode.DIGEST

    found = digests.of_model(sums(MODEL))
    assert f"has the digest sha256:{found}, and sha256:{'0' * 64} was expected" in log.read_text(encoding="utf-8")
    assert list(destination.iterdir()) == []


@pytest.mark.usefixtures("log")
def test_a_single_file_may_be_expected_by_its_own_digest(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, f"sha256:{sha(b'model')}")

    assert command.main([f"{URI}/model.joblib", str(destination)]) == ExitCode.OK


@pytest.mark.usefixtures("log")
def test_a_restart_holds_what_is_there_against_the_digest(
    store: FakeRclone, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest that was added later is not taken for fulfilled; one that was fulfilled spares the download."""
    assert command.main([URI, str(destination)]) == ExitCode.OK
    expect(monkeypatch, f"sha256:{digests.of_model(sums(MODEL))}")
    before = len(store.calls)

    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert len(store.calls) > before
    again = len(store.calls)
    assert command.main([URI, str(destination)]) == ExitCode.OK
    assert len(store.calls) == again


@pytest.mark.parametrize("text", ["sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "0" * 64, "latest"])
def test_what_is_no_digest(log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    expect(monkeypatch, text)

    assert command.main([URI, str(destination)]) == ExitCode.CONFIG
    assert "write sha256: and 64 hexadecimal digits" in log.read_text(encoding="utf-8")


def listed(files_of: dict[str, bytes]) -> bytes:
    lines = [f"{sha(content)}  {path}" for path, content in files_of.items()]
    return "\n".join(["# made by hand", *lines, ""]).encode()


@pytest.mark.usefixtures("log")
def test_sums_beside_the_files(store: FakeRclone, destination: Path) -> None:
    text = listed(MODEL).replace(b"  Zebra", b" *./Zebra")
    store.put("sklearn/iris/SHA256SUMS", text)

    assert command.main([URI, str(destination)]) == ExitCode.OK

    assert files(destination) == MODEL | {"SHA256SUMS": text}


@pytest.mark.usefixtures("log")
def test_names_that_sha256sum_escapes(tmp_path: Path, store: FakeRclone, destination: Path) -> None:
    name = "odd\\na\nme"
    (tmp_path / name).write_bytes(b"odd")
    printed = subprocess.run(["sha256sum", name], cwd=tmp_path, capture_output=True, check=True).stdout
    store.put(f"sklearn/iris/{name}", b"odd")
    store.put("sklearn/iris/SHA256SUMS", printed)

    assert command.main([URI, str(destination)]) == ExitCode.OK


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            listed(MODEL | {"model.joblib": b"MODEL"}),
            f"model.joblib of {URI} (endpoint http://minio:9000) has the SHA-256 ",
        ),
        (listed(MODEL | {"weights.bin": b"x"}), "weights.bin is listed in SHA256SUMS of s3://sklearn/iris"),
        (b"<html>not found</html>", "is not what sha256sum prints"),
        (b"\xff\xfe", "is not what sha256sum prints"),
        (f"{'0' * 64}  ../../etc/passwd\n".encode(), "is not what sha256sum prints"),
    ],
)
def test_sums_that_do_not_fit(log: Path, store: FakeRclone, destination: Path, text: bytes, told: str) -> None:
    store.put("sklearn/iris/SHA256SUMS", text)

    assert command.main([URI, str(destination)]) == ExitCode.DIGEST

    assert told in log.read_text(encoding="utf-8")
    assert list(destination.iterdir()) == []


def test_a_way_to_verify_that_nobody_knows(
    store: FakeRclone, log: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELDON_STORAGE_VERIFY", "twcie")

    assert command.main([URI, str(destination)]) == ExitCode.CONFIG
    assert 'SELDON_STORAGE_VERIFY="twcie" is unknown: set it to store or twice' in log.read_text(encoding="utf-8")
    assert store.calls == []


@pytest.mark.usefixtures("log")
def test_it_is_said_where_a_store_has_no_digests(destination: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([URI, str(destination)]) == ExitCode.OK

    assert "the store has no digest that can be checked of 2 of 3 files" in capsys.readouterr().out
